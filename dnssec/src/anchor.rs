//! Trust anchors: the keys that are believed because the operator says so (RFC 4033 §2, RFC 4035 §4.4).

use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, PublicKeyBuf,
        rdata::{DNSKEY, DS},
    },
    rr::Name,
};

use crate::{
    key::{ALGORITHMS, Unfit, check_key, matching_digests},
    proof::{Insecurity, Trust},
};

/// The trust anchors of a validator: DNSKEY or DS records of one or more zones, and negative trust anchors.
///
/// The nearest anchor at or above a name is where its chain of trust begins. A name without one is insecure, and so is
/// one whose nearest anchor is negative (RFC 7646 §2).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustAnchors {
    anchors: Vec<(Name, Anchor)>,
    negative: Vec<Name>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Anchor {
    Key(DNSKEY),
    Ds(DS),
}

impl TrustAnchors {
    /// The key-signing keys of the root zone that IANA publishes: 20326 (since 2017) and 38696 (since 2024).
    ///
    /// Source: the file `root-anchors.xml` at <https://data.iana.org/root-anchors/>, key digests of type
    /// SHA-256.
    pub fn iana() -> Self {
        let anchors = IANA_ROOT.map(|(key_tag, digest)| {
            let ds = DS::new(key_tag, Algorithm::RSASHA256, DigestType::SHA256, digest.to_vec());
            (Name::root(), Anchor::Ds(ds))
        });
        Self { anchors: anchors.into(), negative: Vec::new() }
    }

    /// Reads trust anchors from zone-file text (RFC 1035 §5.1): DNSKEY and DS records, the form that `dig`,
    /// BIND, unbound and `dns-root-data` write.
    ///
    /// Comments, parentheses, data in several pieces, and TTL and class in either order or left out are
    /// understood; names are absolute. Control entries (`$ORIGIN`) and other types are errors, and so is a
    /// text without any anchor: a validator without anchors finds everything insecure.
    ///
    /// An anchor that can never match is an error, too: a DS or DNSKEY of an unsupported algorithm or digest
    /// type, a digest or key that has not the length of its type, a key that is revoked or no zone key.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let mut anchors = Vec::new();
        for entry in entries(text)? {
            anchors.push(parse_entry(&entry)?);
        }
        match anchors.is_empty() {
            true => Err(AnchorError { line: text.lines().count().max(1), fault: AnchorFault::NoAnchor }),
            false => Ok(Self { anchors, negative: Vec::new() }),
        }
    }

    /// The zones that have an anchor, each once.
    pub fn zones(&self) -> Vec<&Name> {
        let mut zones: Vec<&Name> = Vec::new();
        for (zone, _) in &self.anchors {
            if !zones.contains(&zone) {
                zones.push(zone);
            }
        }
        zones
    }

    /// Adds those of `other`. Several anchors of one zone stand beside each other: any of them will do.
    pub fn add(&mut self, other: Self) {
        self.anchors.extend(other.anchors);
        self.negative.extend(other.negative);
    }

    /// Adds a negative trust anchor (RFC 7646): `zone` and what is below it is insecure, however it is signed, except
    /// below a trust anchor that is nearer to the name. Beside an anchor of the same zone the negative one wins.
    ///
    /// It is for zones whose operator is known to have broken their signatures, and only until that is mended.
    pub fn add_negative(&mut self, mut zone: Name) {
        zone.set_fqdn(true);
        self.negative.push(zone);
    }

    /// The nearest zone at or above `name` that has an anchor, or why none counts.
    pub(crate) fn nearest(&self, name: &Name) -> Result<&Name, Insecurity> {
        let anchor = deepest(self.anchors.iter().map(|(zone, _)| zone), name);
        match (anchor, deepest(&self.negative, name)) {
            (Some(anchor), Some(negative)) if negative.iter().count() >= anchor.iter().count() => {
                Err(Insecurity::NegativeAnchor)
            }
            (Some(anchor), _) => Ok(anchor),
            (None, _) => Err(Insecurity::NoAnchor),
        }
    }

    /// The anchors of `zone` that name `key`.
    pub(crate) fn trusting(&self, zone: &Name, key: &DNSKEY, key_tag: u16) -> Vec<Trust> {
        let own = || self.anchors.iter().filter(|(name, _)| name == zone).map(|(_, anchor)| anchor);
        let keys = own().filter(|anchor| matches!(anchor, Anchor::Key(anchor) if anchor == key));
        let ds = own().filter_map(|anchor| if let Anchor::Ds(ds) = anchor { Some(ds) } else { None });
        let digests = matching_digests(zone, ds, key, key_tag).into_iter();
        keys.map(|_| Trust::AnchorKey { key_tag })
            .chain(digests.map(|digest| Trust::AnchorDs { key_tag, digest }))
            .collect()
    }
}

/// The one of `zones` with the most labels at or above `name`.
fn deepest<'z>(zones: impl IntoIterator<Item = &'z Name>, name: &Name) -> Option<&'z Name> {
    let above = zones.into_iter().filter(|zone| zone.zone_of(name));
    above.max_by_key(|zone| zone.iter().count())
}

/// Where and why a text of trust anchors was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {fault}")]
#[non_exhaustive]
pub struct AnchorError {
    /// The line on which the faulty entry begins, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: AnchorFault,
}

/// What is wrong with a trust anchor.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnchorFault {
    /// A parenthesis without its partner.
    #[error("unbalanced parenthesis")]
    Parenthesis,
    /// The first field is no absolute domain name.
    #[error("expected an absolute domain name (with its final dot), found {0:?}")]
    Name(String),
    /// Neither a DS nor a DNSKEY record.
    #[error("expected a DS or DNSKEY record, found {0:?}")]
    Type(String),
    /// A field that is missing, or not what it must be for the anchor ever to match.
    #[error("expected {expected}, found {found:?}")]
    Field {
        /// What should stand there.
        expected: &'static str,
        /// What does; empty where the entry ends too early.
        found: String,
    },
    /// The text holds no anchor.
    #[error("no DS or DNSKEY record in the whole text")]
    NoAnchor,
}

/// One record of the text: its fields and the line on which it begins.
struct Entry {
    line: usize,
    fields: Vec<String>,
}

impl Entry {
    fn error(&self, fault: AnchorFault) -> AnchorError {
        AnchorError { line: self.line, fault }
    }

    fn unexpected(&self, expected: &'static str, found: String) -> AnchorError {
        self.error(AnchorFault::Field { expected, found })
    }
}

/// Splits a text into entries: a line each, or several within parentheses (RFC 1035 §5.1).
fn entries(text: &str) -> Result<Vec<Entry>, AnchorError> {
    let mut entries = Vec::new();
    let mut open: Option<Entry> = None;
    for (index, line) in text.lines().enumerate() {
        let line_number = index + 1;
        let (mut entry, mut depth) = match open.take() {
            Some(entry) => (entry, 1),
            None => (Entry { line: line_number, fields: Vec::new() }, 0),
        };
        let content = line.split_once(';').map_or(line, |(content, _comment)| content);
        let spaced = content.replace('(', " ( ").replace(')', " ) ");
        for token in spaced.split_ascii_whitespace() {
            match (token, depth) {
                ("(", 0) => depth = 1,
                (")", 1) => depth = 0,
                ("(" | ")", _) => {
                    return Err(AnchorError { line: line_number, fault: AnchorFault::Parenthesis });
                }
                _ => entry.fields.push(token.to_owned()),
            }
        }
        if depth == 1 {
            open = Some(entry);
        } else if !entry.fields.is_empty() {
            entries.push(entry);
        }
    }
    match open {
        Some(entry) => Err(entry.error(AnchorFault::Parenthesis)),
        None => Ok(entries),
    }
}

fn parse_entry(entry: &Entry) -> Result<(Name, Anchor), AnchorError> {
    let mut fields = entry.fields.iter().map(String::as_str);
    let owner = next(entry, &mut fields, "a domain name")?;
    let name = match Name::from_ascii(owner) {
        Ok(name) if name.is_fqdn() => name,
        Ok(_) | Err(_) => return Err(entry.error(AnchorFault::Name(owner.to_owned()))),
    };
    let mut record_type = next(entry, &mut fields, "DS or DNSKEY")?;
    // TTL and class may stand in either order, and both may be left out.
    for _ in 0..2 {
        if record_type.eq_ignore_ascii_case("IN") || record_type.bytes().all(|b| b.is_ascii_digit()) {
            record_type = next(entry, &mut fields, "DS or DNSKEY")?;
        }
    }
    let anchor = if record_type.eq_ignore_ascii_case("DNSKEY") {
        Anchor::Key(parse_key(entry, fields)?)
    } else if record_type.eq_ignore_ascii_case("DS") {
        Anchor::Ds(parse_ds(entry, fields)?)
    } else {
        return Err(entry.error(AnchorFault::Type(record_type.to_owned())));
    };
    Ok((name, anchor))
}

/// The data of a DNSKEY record (RFC 4034 §2.2).
fn parse_key<'a>(entry: &Entry, mut fields: impl Iterator<Item = &'a str>) -> Result<DNSKEY, AnchorError> {
    let flags: u16 = number(entry, &mut fields, "the key's flags")?;
    let protocol: u8 = number(entry, &mut fields, "protocol 3")?;
    if protocol != 3 {
        return Err(entry.unexpected("protocol 3", protocol.to_string()));
    }
    let algorithm = Algorithm::from_u8(number(entry, &mut fields, "an algorithm number")?);
    let text: String = fields.collect();
    let Some(key) = base64(&text) else {
        return Err(entry.unexpected("a key in base64", text));
    };
    let key = DNSKEY::with_flags(flags, PublicKeyBuf::new(key, algorithm));
    match check_key(&key) {
        Ok(()) => Ok(key),
        Err(Unfit { expected, found }) => Err(entry.unexpected(expected, found)),
    }
}

/// The data of a DS record (RFC 4034 §5.3).
fn parse_ds<'a>(entry: &Entry, mut fields: impl Iterator<Item = &'a str>) -> Result<DS, AnchorError> {
    let key_tag = number(entry, &mut fields, "a key tag")?;
    let algorithm = Algorithm::from_u8(number(entry, &mut fields, "an algorithm number")?);
    if !algorithm.is_supported() {
        return Err(entry.unexpected(ALGORITHMS, u8::from(algorithm).to_string()));
    }
    let digest_type: u8 = number(entry, &mut fields, "a digest type")?;
    let (expected, length) = match digest_type {
        1 => ("a SHA-1 digest of 20 octets", 20),
        2 => ("a SHA-256 digest of 32 octets", 32),
        4 => ("a SHA-384 digest of 48 octets", 48),
        _ => {
            let expected = "a digest type that can be checked (1, 2 or 4)";
            return Err(entry.unexpected(expected, digest_type.to_string()));
        }
    };
    let text: String = fields.collect();
    let Some(digest) = hex(&text) else {
        return Err(entry.unexpected("a digest in hexadecimal", text));
    };
    match digest.len() == length {
        true => Ok(DS::new(key_tag, algorithm, DigestType::from(digest_type), digest)),
        false => Err(entry.unexpected(expected, format!("{} octets", digest.len()))),
    }
}

fn next<'a>(
    entry: &Entry,
    fields: &mut impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<&'a str, AnchorError> {
    match fields.next() {
        Some(field) => Ok(field),
        None => Err(entry.unexpected(expected, String::new())),
    }
}

fn number<'a, N: std::str::FromStr>(
    entry: &Entry,
    fields: &mut impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<N, AnchorError> {
    let field = next(entry, fields, expected)?;
    match field.parse() {
        Ok(number) => Ok(number),
        Err(_) => Err(entry.unexpected(expected, field.to_owned())),
    }
}

/// Decodes base64 with its padding (RFC 4648 §4); `None` for an empty or faulty text.
pub(crate) fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if digits.is_empty() || !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut buffer, mut bits) = (0u32, 0u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let [.., byte] = (buffer >> bits).to_be_bytes();
            bytes.push(byte);
        }
    }
    Some(bytes)
}

/// Decodes hexadecimal; `None` for an empty or faulty text.
fn hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| {
            digit.to_digit(16).and_then(|value| match u8::try_from(value) {
                Ok(value) => Some(value),
                Err(_) => None,
            })
        })
        .collect();
    let bytes =
        digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    Some(bytes)
}

const IANA_ROOT: [(u16, [u8; 32]); 2] = [
    (
        20326,
        [
            0xE0, 0x6D, 0x44, 0xB8, 0x0B, 0x8F, 0x1D, 0x39, 0xA9, 0x5C, 0x0B, 0x0D, 0x7C, 0x65, 0xD0, 0x84,
            0x58, 0xE8, 0x80, 0x40, 0x9B, 0xBC, 0x68, 0x34, 0x57, 0x10, 0x42, 0x37, 0xC7, 0xF8, 0xEC, 0x8D,
        ],
    ),
    (
        38696,
        [
            0x68, 0x3D, 0x2D, 0x0A, 0xCB, 0x8C, 0x9B, 0x71, 0x2A, 0x19, 0x48, 0xB2, 0x7F, 0x74, 0x12, 0x19,
            0x29, 0x8D, 0x0A, 0x45, 0x0D, 0x61, 0x2C, 0x48, 0x3A, 0xF4, 0x44, 0xA4, 0xC0, 0xFB, 0x2B, 0x16,
        ],
    ),
];

#[cfg(test)]
mod tests {
    use hickory_proto::dnssec::TrustAnchors as HickoryAnchors;

    use super::*;

    /// The DNSKEY of RFC 4034 §5.4, as zone files write it.
    const KEY: &str = "\
dskey.example.com. 86400 IN DNSKEY 256 3 5 ( AQOeiiR0GOMYkDshWoSKz9Xz
  fwJr1AYtsmx3TGkJaNXVbfi/ ; a comment
  2pHm822aJ5iI9BMzNXxeYCmZ
  DRD99WYwYqUSdjMmmAphXdvx
  egXd/M5+X7OrzKBaMbCVdFLU
  Uh6DhweJBjEVv5f2wwjM9Xzc
  nOf+EPbtG9DMBmADjFDc2w/r
  ljwvFw==
  ) ;  key id = 60485
";
    const DS_SHA1: &str =
        "dskey.example.com. IN 86400 DS 60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118";

    /// Digests of the length that SHA-256 and SHA-384 have.
    const OCTETS_32: &str = "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";
    const OCTETS_48: &str =
        "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF";

    #[test]
    fn texts_that_hold_anchors() {
        for (text, zones, why) in [
            (KEY, 1, "parentheses, comments, a key in pieces"),
            (DS_SHA1, 1, "class before TTL, a digest in pieces"),
            (
                "; nothing here\n\n. ds 20326 8 2 (\n e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc6834571042\n37c7f8ec8d )",
                1,
                "no TTL, no class, lower case",
            ),
            (
                &format!(
                    ". 5 DS 1 8 2 {OCTETS_32}\nexample. IN DS 1 8 2 {OCTETS_32}\n. DS 2 13 4 {OCTETS_48}\n"
                ),
                2,
                "several anchors of several zones",
            ),
        ] {
            let anchors = TrustAnchors::parse(text).unwrap_or_else(|error| panic!("{why}: {error}"));
            assert_eq!(anchors.zones().len(), zones, "{why}");
        }
    }

    #[test]
    fn a_key_and_its_ds_are_the_same_anchor() {
        let zone = Name::from_ascii("dskey.example.com.").unwrap();
        let by_key = TrustAnchors::parse(KEY).unwrap();
        let [(_, Anchor::Key(key))] = by_key.anchors.as_slice() else { panic!("one key") };
        let tag = key.calculate_key_tag().unwrap();
        assert_eq!(tag, 60485, "RFC 4034 §5.4 states the tag");
        assert_eq!(by_key.trusting(&zone, key, tag), [Trust::AnchorKey { key_tag: tag }]);
        let by_ds = TrustAnchors::parse(DS_SHA1).unwrap();
        let expected = [Trust::AnchorDs { key_tag: tag, digest: DigestType::SHA1 }];
        assert_eq!(by_ds.trusting(&zone, key, tag), expected, "RFC 4034 §5.4 states the digest");
        assert!(by_ds.trusting(&Name::root(), key, tag).is_empty(), "at its own zone only");
    }

    #[test]
    fn texts_that_do_not() {
        use AnchorFault::{Field, Name as BadName, NoAnchor, Parenthesis, Type};
        let field = |expected, found: &str| Field { expected, found: found.to_owned() };
        for (text, line, fault, why) in [
            ("", 1, NoAnchor, "a validator without anchors finds everything insecure"),
            ("; only\n; comments\n", 2, NoAnchor, "the same"),
            (&format!(". DS 1 8 2 {OCTETS_32}\n\n. A 192.0.2.1"), 3, Type("A".into()), "another type"),
            ("$ORIGIN example.", 1, BadName("$ORIGIN".into()), "a control entry"),
            ("example DS 1 8 2 AA", 1, BadName("example".into()), "relative to what?"),
            (".", 1, field("DS or DNSKEY", ""), "ends too early"),
            (". DS x 8 2 AA", 1, field("a key tag", "x"), "a tag is a number"),
            (". DS 65536 8 2 AA", 1, field("a key tag", "65536"), "of sixteen bits"),
            (". DS 1 8 2 AAA", 1, field("a digest in hexadecimal", "AAA"), "half an octet"),
            (". DS 1 8 2 GG", 1, field("a digest in hexadecimal", "GG"), "no digits"),
            (". DS 1 8 2", 1, field("a digest in hexadecimal", ""), "none at all"),
            (". DNSKEY 257 2 8 AAAA", 1, field("protocol 3", "2"), "RFC 4034 §2.1.2"),
            (". DNSKEY 257 3 8 A*==", 1, field("a key in base64", "A*=="), "no digits"),
            (". DNSKEY 257 3 8 AAAAA", 1, field("a key in base64", "AAAAA"), "not in fours"),
            (". DS 1 8 2 ( AA\n\nBB", 1, Parenthesis, "never closed"),
            (". DS 1 8 2 AA )", 1, Parenthesis, "never opened"),
        ] {
            assert_eq!(TrustAnchors::parse(text), Err(AnchorError { line, fault }), "{why}: {text}");
        }
    }

    /// RFC 4035 §5.2: an anchor that matches no key would make every name below it bogus, or insecure.
    #[test]
    fn anchors_that_can_never_match() {
        const KEY_32: &str = "gzwqRJXgCHG//LJXMPGYX5YB8n5frvixVsUFiiw5ejQ=";
        let algorithm = "an algorithm that can be checked (5, 7, 8, 10, 13, 14 or 15)";
        let digest_type = "a digest type that can be checked (1, 2 or 4)";
        let ed25519 = "a key of 32 octets";
        let modulus = "an RSA modulus of at least 1024 bits";
        let exponent = "an RSA key with an exponent";
        for (record, expected, found, why) in [
            (format!("DS 1 8 1 {OCTETS_32}"), "a SHA-1 digest of 20 octets", "32 octets", "another type's"),
            ("DS 1 8 2 AA".into(), "a SHA-256 digest of 32 octets", "1 octets", "cut off"),
            (format!("DS 1 8 2 {OCTETS_48}"), "a SHA-256 digest of 32 octets", "48 octets", "too long"),
            (format!("DS 1 13 4 {OCTETS_32}"), "a SHA-384 digest of 48 octets", "32 octets", "too short"),
            (format!("DS 1 8 3 {OCTETS_32}"), digest_type, "3", "GOST"),
            (format!("DS 1 16 2 {OCTETS_32}"), algorithm, "16", "Ed448"),
            (format!("DS 1 0 2 {OCTETS_32}"), algorithm, "0", "no algorithm at all (RFC 8078 §4)"),
            (format!("DNSKEY 257 3 16 {KEY_32}"), algorithm, "16", "Ed448"),
            (format!("DNSKEY 257 3 13 {KEY_32}"), "a key of 64 octets", "32 octets", "RFC 6605 §4"),
            (format!("DNSKEY 257 3 14 {KEY_32}"), "a key of 96 octets", "32 octets", "RFC 6605 §4"),
            ("DNSKEY 257 3 15 AAAA".into(), ed25519, "3 octets", "RFC 8080 §3"),
            (format!("DNSKEY 1 3 15 {KEY_32}"), "the zone-key flag (256)", "1", "RFC 4034 §2.1.1"),
            (format!("DNSKEY 385 3 15 {KEY_32}"), "no revoke flag (128)", "385", "RFC 5011 §2.1"),
            ("DNSKEY 257 3 8 AwEAAQ==".into(), modulus, "0 bits", "an exponent and no more"),
            ("DNSKEY 257 3 8 AwEAAf8=".into(), modulus, "8 bits", "one octet of modulus"),
            ("DNSKEY 257 3 8 AAH//w==".into(), exponent, "4 octets", "longer than the key (RFC 3110 §2)"),
            ("DNSKEY 257 3 8 AAAA".into(), exponent, "3 octets", "an exponent of no octets"),
        ] {
            let fault = AnchorFault::Field { expected, found: found.to_owned() };
            let text = format!("; comment\nexample. IN {record}\n");
            assert_eq!(TrustAnchors::parse(&text), Err(AnchorError { line: 2, fault }), "{why}: {record}");
        }
    }

    /// As `dnssec-dsfromkey` and `dnssec-keygen` of BIND 9 write them, for the algorithms in use.
    #[test]
    fn anchors_as_bind_writes_them() {
        let text = "\
; This is a key-signing key, keyid 36490, for example.com.
example.com. IN DNSKEY 257 3 8 (
    AwEAAdISXXHfNAYYxbpJf1QZUqpU47DWJ6PyR7tWU2QGMtCc48zf4PmXerGYtrg9
    KT+MqXOjcNdPb4+KR+26RA4nh6V2f6dZlCAFDR+6JewL0X2WYxvbhckTCTu3vqFk
    sO+tqSnb9k8Dmt7ilcEEP8lUj26I+XxHRBw+yJWLL+Wn8cXQbcVP7TluvK1JLzrT
    WOtt4vEqTB1FxM0yoUL/ObZ1ti8vvk40OeE+Ml9CdFrXxVccRIHGHnFmRyBmO1uu
    rNmQvOTNjM3kydZ0ncWJmysjRTRDByk+xUmXszghTE2FDs9RLfFovSFrHCqgP0i9
    xiB5u7D+jIe8RysUKUPizxj0WN0= )
example.com. IN DS 36490 8 2 300C34E3CAF454800847F52A9649F025736B7131CB0C600D30BD5662 43A31476
example.com. IN DNSKEY 257 3 13 (
    YHSgN+uhZtX8Yi/hCsAHQdh406OpvxdhmKPujHFbFcJbe4Hg74ZTbLvM7cPyITln
    xzt4RcRtWc45IzcMMjXmIg== )
example.com. IN DS 60591 13 2 C9F28FEDF51C05F7FFC6CB632B6175F4295ADDB427A0F6C07C9A1C20 42F88D9B
example.com. IN DNSKEY 257 3 14 (
    MgbiC93dkwhk7GB9Ncd5neVp7nAM27FLlzgK5Mc4FMROV5I0cRfLEu8Q4sAUoXjz
    wAUg2KiYFX2o+nEixRawfX5tNWGhBf6v6+Ez1+wznZCsZlv2NIF0cPxS1gK/PwTm )
example.com. IN DS 64894 14 2 F52926CF4662635AC1D6F18B106F5E867B9A4DF34AE39B08D985C80B DC5E8339
example.com. IN DNSKEY 257 3 15 (
    gzwqRJXgCHG//LJXMPGYX5YB8n5frvixVsUFiiw5ejQ= )
example.com. IN DS 28453 15 2 3612C1B7A3A974BBCE0655219D9A14D21CF66F8CBBD84BCEE81A0CC3 B2CF7CAE
";
        let anchors = TrustAnchors::parse(text).unwrap().anchors;
        let zone = Name::from_ascii("example.com.").unwrap();
        let keys: Vec<&DNSKEY> = anchors
            .iter()
            .filter_map(|(_, anchor)| match anchor {
                Anchor::Key(key) => Some(key),
                Anchor::Ds(_) => None,
            })
            .collect();
        assert_eq!((anchors.len(), keys.len()), (8, 4));
        let by_ds = anchors.iter().filter(|(_, anchor)| matches!(anchor, Anchor::Ds(_))).cloned().collect();
        let by_ds = TrustAnchors { anchors: by_ds, ..TrustAnchors::default() };
        for key in keys {
            let key_tag = key.calculate_key_tag().unwrap();
            let trust = [Trust::AnchorDs { key_tag, digest: DigestType::SHA256 }];
            assert_eq!(by_ds.trusting(&zone, key, key_tag), trust, "{key_tag}");
        }
    }

    #[test]
    fn the_iana_anchors_are_the_keys_that_hickory_ships() {
        let (ours, theirs) = (TrustAnchors::iana(), HickoryAnchors::default());
        let mut trusted: Vec<u16> = Vec::new();
        for index in 0..theirs.len() {
            let key = DNSKEY::new(true, true, false, theirs.get(index).unwrap().clone());
            let tag = key.calculate_key_tag().unwrap();
            assert_eq!(ours.trusting(&Name::root(), &key, tag).len(), 1, "{tag}");
            trusted.push(tag);
        }
        trusted.sort_unstable();
        assert_eq!(trusted, [20326, 38696]);
    }
}
