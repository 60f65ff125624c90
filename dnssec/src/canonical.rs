//! The canonical form of names and record data, which signatures are made over (RFC 4034 §6.2).

use hickory_proto::{
    ProtoError,
    rr::{Name, RData, Record},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable, BinEncoder, NameEncoding},
};

/// A name, or a part of a record, with its names written as `names` says.
pub(crate) fn encoded(item: &impl BinEncodable, names: NameEncoding) -> Result<Vec<u8>, ProtoError> {
    let mut bytes = Vec::new();
    let mut encoder = BinEncoder::new(&mut bytes);
    encoder.set_canonical_form(true);
    encoder.set_name_encoding(names);
    item.emit(&mut encoder)?;
    Ok(bytes)
}

/// Whether two names differ in case alone, if at all (RFC 4343 §3). To ask for no order saves most of the time: a message may
/// hold thousands of names of many labels.
pub(crate) fn is_same_name(one: &Name, other: &Name) -> bool {
    // Where one had more labels than the other, it would be longer.
    one.len() == other.len()
        && one.iter().zip(other.iter()).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

/// The data of a record in canonical form.
pub(crate) fn rdata(record: &Record) -> Result<Vec<u8>, ProtoError> {
    let RData::Unknown { code, rdata } = &record.data else {
        return encoded(&record.data, NameEncoding::Uncompressed);
    };
    let layout = LAYOUTS.iter().find(|layout| layout.record_type == u16::from(*code));
    let data = rdata.anything.as_slice();
    Ok(layout.and_then(|layout| layout.lower_case(data)).unwrap_or_else(|| data.to_vec()))
}

/// The name that makes up the data of a record which hickory-proto leaves as bytes, such as a DNAME.
pub(crate) fn only_name(data: &[u8]) -> Option<Name> {
    match read_name(data)? {
        (name, []) => Some(name),
        _ => None,
    }
}

/// Where in the data of a type the names stand.
struct Layout {
    record_type: u16,
    /// Octets before the first name.
    before: usize,
    /// Names in a row; what follows them is left alone.
    names: usize,
}

/// The types of RFC 4034 §6.2 that hickory-proto leaves as bytes. (§6.2 as corrected by RFC 6840 §5.1; A6 and SIG, which nobody
/// serves any more, are not among them.)
const LAYOUTS: [Layout; 13] = [
    Layout { record_type: 3, before: 0, names: 1 },  // MD
    Layout { record_type: 4, before: 0, names: 1 },  // MF
    Layout { record_type: 7, before: 0, names: 1 },  // MB
    Layout { record_type: 8, before: 0, names: 1 },  // MG
    Layout { record_type: 9, before: 0, names: 1 },  // MR
    Layout { record_type: 14, before: 0, names: 2 }, // MINFO
    Layout { record_type: 17, before: 0, names: 2 }, // RP
    Layout { record_type: 18, before: 2, names: 1 }, // AFSDB
    Layout { record_type: 21, before: 2, names: 1 }, // RT
    Layout { record_type: 26, before: 2, names: 2 }, // PX
    Layout { record_type: 30, before: 0, names: 1 }, // NXT
    Layout { record_type: 36, before: 2, names: 1 }, // KX
    Layout { record_type: 39, before: 0, names: 1 }, // DNAME
];

impl Layout {
    /// `None` where the data does not have this layout: then it is what it is.
    fn lower_case(&self, data: &[u8]) -> Option<Vec<u8>> {
        let (before, mut rest) = data.split_at_checked(self.before)?;
        let mut canonical = before.to_vec();
        for _ in 0..self.names {
            let (name, behind) = read_name(rest)?;
            let Ok(name) = encoded(&name, NameEncoding::UncompressedLowercase) else { return None };
            canonical.extend(name);
            rest = behind;
        }
        canonical.extend_from_slice(rest);
        Some(canonical)
    }
}

/// A name at the beginning of `data`, written out whole, and what stands behind it.
fn read_name(data: &[u8]) -> Option<(Name, &[u8])> {
    let mut decoder = BinDecoder::new(data);
    let Ok(name) = Name::read(&mut decoder) else { return None };
    let (own, rest) = data.split_at_checked(decoder.index())?;
    // One label each, with its length octet, and the root: a pointer would be shorter, and mean another name elsewhere.
    let whole: usize = name.iter().map(|label| label.len() + 1).sum::<usize>() + 1;
    (own.len() == whole).then_some((name, rest))
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::{RecordType, rdata::NULL};

    use super::*;

    #[test]
    fn the_same_names() {
        for (one, other, same, why) in [
            ("www.example.", "www.example.", true, "octet by octet"),
            ("WWW.Example.", "www.eXAMPLE.", true, "RFC 4343 §3: case"),
            (".", ".", true, "the root"),
            (".", "a.", false, "the root is nothing else"),
            ("a.bc.", "ab.c.", false, "as long, cut elsewhere"),
            ("a.b.", "abc.", false, "as long, with fewer labels"),
            ("a.b.c.", "a.b.", false, "a label more at the end"),
            ("a.b.c.", "b.c.", false, "a label more at the beginning"),
            ("Ä.", "ä.", false, "the case of ASCII alone"),
            ("[.", "{.", false, "and of letters alone"),
        ] {
            let name = |text: &str| {
                Name::from_labels(text.trim_end_matches('.').split_terminator('.').map(str::as_bytes))
            };
            let [first, second] = [one, other].map(|text| name(text).unwrap());
            assert_eq!(is_same_name(&first, &second), same, "{why}: {one} {other}");
            assert_eq!(first == second, same, "{why}: {one} {other}");
        }
    }

    #[test]
    fn names_in_data_that_is_left_as_bytes() {
        for (code, data, expected, why) in [
            (39, &b"\x01A\x02bC\0"[..], &b"\x01a\x02bc\0"[..], "DNAME"),
            (17, b"\x01A\0\x01B\0", b"\x01a\0\x01b\0", "RP: two names"),
            (18, b"AB\x01C\0", b"AB\x01c\0", "AFSDB: a number, then a name"),
            (26, b"AB\x01C\0\x01D\0", b"AB\x01c\0\x01d\0", "PX: a number, then two"),
            (30, b"\x01A\0BITS", b"\x01a\0BITS", "NXT: what follows is no name"),
            (44, b"\x01A\0", b"\x01A\0", "SSHFP has none"),
            (65280, b"\x01A\0", b"\x01A\0", "RFC 3597 §7: nor has an unknown type"),
            (17, b"\x01A\0\xc0\0", b"\x01A\0\xc0\0", "RFC 3597 §4: a pointer is none either"),
            (39, b"\x01A\x05B\0", b"\x01A\x05B\0", "no name at all"),
            (18, b"A", b"A", "too short"),
        ] {
            let data = RData::Unknown { code: RecordType::from(code), rdata: NULL::with(data.to_vec()) };
            let record = Record::from_rdata(Name::root(), 0, data);
            assert_eq!(rdata(&record).unwrap(), expected, "{why}");
        }
    }
}
