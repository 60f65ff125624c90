//! Records as the RFCs list them: one a line, read into what comes off the wire.

use hickory_proto::{
    op::{Message, MessageType, OpCode},
    rr::{Record, RecordData, RecordType},
    serialize::binary::{BinDecodable, BinDecoder, BinEncodable},
};

use crate::world::{TTL, name};

/// A zone as an RFC lists it.
pub(crate) struct Listing {
    pub(crate) records: Vec<Record>,
}

impl Listing {
    pub(crate) fn new(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with(';'));
        Self { records: lines.map(listed).collect() }
    }

    /// An RRset with the signatures that the listing has for it.
    pub(crate) fn set(&self, owner: &str, record_type: RecordType) -> Vec<Record> {
        let owner = name(owner);
        let of_type = |record: &&Record| {
            record.name == owner
                && (record.record_type() == record_type || covered(record) == Some(record_type))
        };
        let set: Vec<Record> = self.records.iter().filter(of_type).cloned().collect();
        assert!(!set.is_empty(), "the listing has no {owner} {record_type}");
        set
    }

    pub(crate) fn sets(&self, wanted: &[(&str, RecordType)]) -> Vec<Record> {
        wanted.iter().flat_map(|(owner, record_type)| self.set(owner, *record_type)).collect()
    }
}

/// The type that a signature covers; `None` for other records.
pub(crate) fn covered(record: &Record) -> Option<RecordType> {
    use hickory_proto::dnssec::rdata::RRSIG;
    RRSIG::try_borrow(&record.data).map(|signature| signature.input().type_covered)
}

/// The records under another name, as a server expands a wildcard.
pub(crate) fn renamed(set: Vec<Record>, owner: &str) -> Vec<Record> {
    set.into_iter().map(|record| Record::from_rdata(name(owner), record.ttl, record.data)).collect()
}

pub(crate) fn message(answers: Vec<Record>, authorities: Vec<Record>) -> Message {
    let mut message = Message::new(0, MessageType::Response, OpCode::Query);
    message.answers = answers;
    message.authorities = authorities;
    message
}

/// Reads one line: owner, type and data in presentation format.
pub(crate) fn listed(line: &str) -> Record {
    let mut fields = line.split_ascii_whitespace();
    let mut field = || fields.next().unwrap_or_else(|| panic!("too few fields: {line}"));
    let mut wire = name(field()).to_bytes().unwrap();
    let record_type: RecordType = field().parse().unwrap();
    wire.extend(u16::from(record_type).to_be_bytes());
    wire.extend([0, 1]);
    wire.extend(TTL.to_be_bytes());
    let layout = LAYOUTS.iter().find(|(of, _)| *of == record_type);
    let (_, layout) = layout.unwrap_or_else(|| panic!("no layout for {record_type}"));
    let mut rdata = Vec::new();
    for kind in layout.chars() {
        match kind {
            '4' => rdata.extend(field().parse::<std::net::Ipv4Addr>().unwrap().octets()),
            '6' => rdata.extend(field().parse::<std::net::Ipv6Addr>().unwrap().octets()),
            'n' => rdata.extend(name(field()).to_bytes().unwrap()),
            'B' => rdata.push(field().parse().unwrap()),
            'S' => rdata.extend(field().parse::<u16>().unwrap().to_be_bytes()),
            'L' => rdata.extend(field().parse::<u32>().unwrap().to_be_bytes()),
            't' => rdata.extend(time(field()).to_be_bytes()),
            'y' => rdata.extend(u16::from(field().parse::<RecordType>().unwrap()).to_be_bytes()),
            'q' => counted(&mut rdata, field().trim_matches('"').as_bytes()),
            'x' => rdata.extend(hex(field())),
            'k' => rdata.extend(base64(field())),
            's' => counted(&mut rdata, &hex(field())),
            'h' => counted(&mut rdata, &digits(field(), b"0123456789abcdefghijklmnopqrstuv", 5)),
            'T' => {
                let types: Vec<u16> =
                    fields.by_ref().map(|text| text.parse::<RecordType>().unwrap().into()).collect();
                rdata.extend(bit_map(&types));
                break;
            }
            other => panic!("no such field: {other}"),
        }
    }
    assert_eq!(fields.next(), None, "fields left over: {line}");
    wire.extend((rdata.len() as u16).to_be_bytes());
    wire.extend(rdata);
    Record::read(&mut BinDecoder::new(&wire)).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The fields of each type's data, in the letters that [`listed`] knows.
const LAYOUTS: [(RecordType, &str); 17] = [
    (RecordType::A, "4"),
    (RecordType::AAAA, "6"),
    (RecordType::NS, "n"),
    (RecordType::CNAME, "n"),
    (RecordType::PTR, "n"),
    (RecordType::DNAME, "n"),
    (RecordType::SOA, "nnLLLLL"),
    (RecordType::MX, "Sn"),
    (RecordType::SRV, "SSSn"),
    (RecordType::NAPTR, "SSqqqn"),
    (RecordType::HINFO, "qq"),
    (RecordType::DS, "SBBx"),
    (RecordType::DNSKEY, "SBBk"),
    (RecordType::RRSIG, "yBBLttSnk"),
    (RecordType::NSEC, "nT"),
    (RecordType::NSEC3, "BBSshT"),
    (RecordType::NSEC3PARAM, "BBSs"),
];

fn counted(rdata: &mut Vec<u8>, bytes: &[u8]) {
    rdata.push(bytes.len() as u8);
    rdata.extend(bytes);
}

/// The type bit map of window 0 (RFC 4034 §4.1.2); nothing for no types (RFC 6840 §6.4).
fn bit_map(types: &[u16]) -> Vec<u8> {
    let Some(last) = types.iter().max() else { return Vec::new() };
    assert!(*last < 256, "window 0 only");
    let mut map = vec![0; usize::from(last / 8) + 1];
    types.iter().for_each(|code| map[usize::from(code / 8)] |= 0x80 >> (code % 8));
    [vec![0, map.len() as u8], map].concat()
}

/// Seconds since the epoch of `YYYYMMDDHHMMSS` (RFC 4034 §3.2).
pub(crate) fn time(text: &str) -> u32 {
    let number = |from, to| text[from..to].parse::<u32>().unwrap();
    let (year, month, day) = (number(0, 4), number(4, 6), number(6, 8));
    let leap = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years: u32 = (1970..year).map(|year| 365 + u32::from(leap(year))).sum();
    let lengths = [31, 28 + u32::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u32 = lengths[..month as usize - 1].iter().sum();
    let days = years + months + day - 1;
    ((days * 24 + number(8, 10)) * 60 + number(10, 12)) * 60 + number(12, 14)
}

pub(crate) fn base64(text: &str) -> Vec<u8> {
    digits(text.trim_end_matches('='), b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6)
}

fn hex(text: &str) -> Vec<u8> {
    digits(&text.to_ascii_lowercase(), b"0123456789abcdef", 4)
}

/// Packs digits of `bits` bits each (RFC 4648).
fn digits(text: &str, alphabet: &[u8], bits: u32) -> Vec<u8> {
    let (mut bytes, mut buffer, mut held) = (Vec::new(), 0u32, 0);
    for digit in text.bytes() {
        let value = alphabet.iter().position(|known| *known == digit).unwrap();
        buffer = buffer << bits | value as u32;
        held += bits;
        if held >= 8 {
            held -= 8;
            bytes.push((buffer >> held) as u8);
        }
    }
    bytes
}

#[test]
fn times_are_those_of_the_calendar() {
    for (text, seconds, why) in [
        ("19700101000000", 0, "the epoch"),
        ("20000301000000", 951_868_800, "after a leap day of a year that divides by 400"),
        ("20040409183619", 1_081_535_779, "inception in RFC 4035 appendix A"),
        ("20380119031407", 0x7fff_ffff, "the last second of 31 bits"),
        ("21060207062815", u32::MAX, "the last second of 32 bits, after 2100, which is no leap year"),
    ] {
        assert_eq!(time(text), seconds, "{why}");
    }
}
