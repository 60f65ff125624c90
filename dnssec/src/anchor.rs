//! Trust anchors: the keys that are believed because the operator says so (RFC 4033 §2, RFC 4035 §4.4).

use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, PublicKeyBuf,
        rdata::{DNSKEY, DS},
    },
    rr::Name,
};

use crate::{
    key::{matching_digest, usable_ds, usable_key},
    proof::Trust,
};

/// The trust anchors of a validator: DNSKEY or DS records of one or more zones.
///
/// The nearest anchor at or above a name is where its chain of trust begins. A name without one is insecure.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TrustAnchors {
    anchors: Vec<(Name, Anchor)>,
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
        Self { anchors: anchors.into() }
    }

    /// Reads trust anchors from zone-file text (RFC 1035 §5.1): DNSKEY and DS records, the form that `dig`,
    /// BIND, unbound and `dns-root-data` write.
    ///
    /// Comments, parentheses, data in several pieces, and TTL and class in either order or left out are
    /// understood; names are absolute. Control entries (`$ORIGIN`) and other types are errors, and so is an
    /// anchor that could never be used (unsupported algorithm or digest, revoked, no zone key) and a text
    /// without any: a validator without anchors finds everything insecure.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let mut anchors = Vec::new();
        for entry in entries(text)? {
            anchors.push(parse_entry(&entry)?);
        }
        match anchors.is_empty() {
            true => Err(AnchorError { line: text.lines().count().max(1), fault: AnchorFault::NoAnchor }),
            false => Ok(Self { anchors }),
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

    /// The nearest zone at or above `name` that has an anchor.
    pub(crate) fn nearest(&self, name: &Name) -> Option<&Name> {
        let above = self.anchors.iter().map(|(zone, _)| zone).filter(|zone| zone.zone_of(name));
        above.max_by_key(|zone| zone.iter().count())
    }

    /// The anchors of `zone` that name `key`.
    pub(crate) fn trusting(&self, zone: &Name, key: &DNSKEY, key_tag: u16) -> Vec<Trust> {
        let own = self.anchors.iter().filter(|(name, _)| name == zone);
        own.filter_map(|(_, anchor)| match anchor {
            Anchor::Key(anchor) => (anchor == key).then_some(Trust::AnchorKey { key_tag }),
            Anchor::Ds(ds) => {
                matching_digest(zone, ds, key, key_tag).map(|digest| Trust::AnchorDs { key_tag, digest })
            }
        })
        .collect()
    }
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
    /// A field that is missing or not what it must be.
    #[error("expected {expected}, found {found:?}")]
    Field {
        /// What should stand there.
        expected: &'static str,
        /// What does; empty where the entry ends too early.
        found: String,
    },
    /// An algorithm or digest type that this crate cannot check.
    #[error("algorithm or digest type is not supported")]
    Unsupported,
    /// A DNSKEY that can vouch for nothing: revoked, without the zone-key flag, or too short.
    #[error("the key is revoked, no zone key, or too short")]
    UselessKey,
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
        let flags: u16 = number(entry, &mut fields, "the key's flags")?;
        let protocol: u8 = number(entry, &mut fields, "protocol 3")?;
        if protocol != 3 {
            let found = protocol.to_string();
            return Err(entry.error(AnchorFault::Field { expected: "protocol 3", found }));
        }
        let algorithm = Algorithm::from_u8(number(entry, &mut fields, "an algorithm number")?);
        let text: String = fields.collect();
        let Some(key) = base64(&text) else {
            return Err(entry.error(AnchorFault::Field { expected: "a key in base64", found: text }));
        };
        let key = DNSKEY::with_flags(flags, PublicKeyBuf::new(key, algorithm));
        if !algorithm.is_supported() {
            return Err(entry.error(AnchorFault::Unsupported));
        }
        if !usable_key(&key) {
            return Err(entry.error(AnchorFault::UselessKey));
        }
        Anchor::Key(key)
    } else if record_type.eq_ignore_ascii_case("DS") {
        let key_tag = number(entry, &mut fields, "a key tag")?;
        let algorithm = Algorithm::from_u8(number(entry, &mut fields, "an algorithm number")?);
        let digest_type = DigestType::from(number::<u8>(entry, &mut fields, "a digest type")?);
        let text: String = fields.collect();
        let Some(digest) = hex(&text) else {
            return Err(entry.error(AnchorFault::Field { expected: "a digest in hexadecimal", found: text }));
        };
        let ds = DS::new(key_tag, algorithm, digest_type, digest);
        if !usable_ds(&ds) {
            return Err(entry.error(AnchorFault::Unsupported));
        }
        Anchor::Ds(ds)
    } else {
        return Err(entry.error(AnchorFault::Type(record_type.to_owned())));
    };
    Ok((name, anchor))
}

fn next<'a>(
    entry: &Entry,
    fields: &mut impl Iterator<Item = &'a str>,
    expected: &'static str,
) -> Result<&'a str, AnchorError> {
    match fields.next() {
        Some(field) => Ok(field),
        None => Err(entry.error(AnchorFault::Field { expected, found: String::new() })),
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
        Err(_) => Err(entry.error(AnchorFault::Field { expected, found: field.to_owned() })),
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
                ". 5 DS 1 8 2 AA\nexample. IN DS 1 8 2 AA\n. DS 2 13 4 BB\n",
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
        use AnchorFault::{Field, Name as BadName, NoAnchor, Parenthesis, Type, Unsupported, UselessKey};
        let field = |expected, found: &str| Field { expected, found: found.to_owned() };
        let weak = ". DNSKEY 257 3 8 AwEAAQ==";
        for (text, line, fault, why) in [
            ("", 1, NoAnchor, "a validator without anchors finds everything insecure"),
            ("; only\n; comments\n", 2, NoAnchor, "the same"),
            (". DS 1 8 2 AA\n\n. A 192.0.2.1", 3, Type("A".into()), "another type"),
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
            (". DS 1 16 2 AA", 1, Unsupported, "Ed448: everything below would be insecure"),
            (". DS 1 8 3 AA", 1, Unsupported, "GOST"),
            (weak, 1, UselessKey, "a modulus of eight bits"),
            (". DNSKEY 385 3 15 AAAA", 1, UselessKey, "revoked"),
            (". DS 1 8 2 ( AA\n\nBB", 1, Parenthesis, "never closed"),
            (". DS 1 8 2 AA )", 1, Parenthesis, "never opened"),
        ] {
            assert_eq!(TrustAnchors::parse(text), Err(AnchorError { line, fault }), "{why}: {text}");
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
