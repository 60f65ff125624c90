use std::cell::OnceCell;
use std::fmt;

use crate::der::{DerError, Reader, Value, single, tag};
use crate::oid::dotted;

/// The distinguished name of a subject or issuer (RFC 5280 §4.1.2.4).
///
/// Two are equal if their attributes are, whatever string types CAs chose for them (§7.1): letters are compared without
/// regard to case, and white space counts once, and only between other characters. Of LDAP's string preparation (RFC 4518)
/// that is what occurs; compatibility forms of a character are different from it here.
#[derive(Clone, Debug)]
pub(crate) struct Name<'a> {
    der: &'a [u8],
    /// Made when it is first asked for, which is seldom: most CAs copy their names octet by octet.
    prepared: OnceCell<Result<Vec<u8>, DerError>>,
}

impl<'a> Name<'a> {
    /// A Name in DER.
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self { der, prepared: OnceCell::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.der == [tag::SEQUENCE, 0]
    }

    /// Octets that names have in common if they are equal, and that begin with those of each name above.
    pub(crate) fn prepared(&self) -> Result<&[u8], DerError> {
        match self.prepared.get_or_init(|| prepare(self.der)) {
            Ok(prepared) => Ok(prepared),
            Err(DerError) => Err(DerError),
        }
    }

    /// Whether the relative names of `base` are the first of this name's (RFC 5280 §4.2.1.10).
    pub(crate) fn is_below(&self, base: &Self) -> Result<bool, DerError> {
        Ok(self.prepared()?.starts_with(base.prepared()?))
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der || self.prepared().is_ok_and(|prepared| other.prepared() == Ok(prepared))
    }
}

impl fmt::Display for Name<'_> {
    /// For people: `O="Example", CN="Root"`, cut, and with anything that is not printable ASCII escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ATTRIBUTES: usize = 10;
        const CHARACTERS: usize = 64;
        let shown =
            relative_names(self.der).and_then(|names| names.take(ATTRIBUTES).collect::<Result<Vec<_>, _>>());
        let Ok(shown) = shown else { return f.write_str("(unreadable)") };
        for (place, (kind, value)) in shown.iter().flatten().take(ATTRIBUTES).enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            let value: String = match text(*value, CHARACTERS) {
                Some(value) => value.chars().take(CHARACTERS).flat_map(char::escape_default).collect(),
                None => "?".to_owned(),
            };
            write!(f, "{separator}{}=\"{value}\"", short(kind.content))?;
        }
        Ok(())
    }
}

/// RFC 4514 §3.
fn short(kind: &[u8]) -> String {
    match kind {
        [0x55, 4, 3] => "CN".to_owned(),
        [0x55, 4, 6] => "C".to_owned(),
        [0x55, 4, 7] => "L".to_owned(),
        [0x55, 4, 8] => "ST".to_owned(),
        [0x55, 4, 10] => "O".to_owned(),
        [0x55, 4, 11] => "OU".to_owned(),
        _ => dotted(kind),
    }
}

/// An attribute's type and value.
type Attribute<'a> = (Value<'a>, Value<'a>);

/// The relative names that make up a name, each a set of attributes, read one by one.
fn relative_names(
    name: &[u8],
) -> Result<impl Iterator<Item = Result<Vec<Attribute<'_>>, DerError>>, DerError> {
    let mut rest = Reader::new(single(name, tag::SEQUENCE)?.content);
    Ok(std::iter::from_fn(move || (!rest.is_at_end()).then(|| relative_name(rest.expect(tag::SET)?))))
}

fn relative_name(set: Value<'_>) -> Result<Vec<Attribute<'_>>, DerError> {
    let mut set = Reader::new(set.content);
    // X.501 §9.3: none is empty. One that counts for nothing elsewhere would hide what stands behind it.
    if set.is_at_end() {
        return Err(DerError);
    }
    let mut attributes = Vec::new();
    while !set.is_at_end() {
        let mut attribute = Reader::new(set.expect(tag::SEQUENCE)?.content);
        attributes.push((attribute.expect(tag::OID)?, attribute.any()?));
        attribute.end()?;
    }
    Ok(attributes)
}

fn prepare(name: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut prepared = Vec::with_capacity(name.len());
    for attributes in relative_names(name)? {
        let attributes = attributes?;
        let attribute = |(kind, value): Attribute<'_>| framed(&[kind.raw, &prepare_value(value)].concat());
        let mut attributes: Vec<_> = attributes.into_iter().map(attribute).collect();
        // They are a set: their order depends on how they are encoded.
        attributes.sort_unstable();
        prepared.extend(framed(&attributes.concat()));
    }
    Ok(prepared)
}

/// With its length before it, so that nothing is the beginning of something else.
fn framed(octets: &[u8]) -> Vec<u8> {
    [&octets.len().to_be_bytes(), octets].concat()
}

/// What is no text, or has other octets than its type allows, is compared as it is.
fn prepare_value(value: Value<'_>) -> Vec<u8> {
    match text(value, usize::MAX) {
        Some(text) => {
            let words = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>();
            [&[tag::UTF8_STRING], words.join(" ").as_bytes()].concat()
        }
        None => [&[0], value.raw].concat(),
    }
}

/// The text of those string types that attributes of names have (RFC 5280 §4.1.2.4, §A.1). Where the octets are not UTF-8,
/// no more than `most` characters are looked at.
fn text(value: Value<'_>, most: usize) -> Option<String> {
    const PRINTABLE_STRING: u8 = 0x13;
    const TELETEX_STRING: u8 = 0x14;
    const IA5_STRING: u8 = 0x16;
    const UNIVERSAL_STRING: u8 = 0x1c;
    const BMP_STRING: u8 = 0x1e;
    match value.tag {
        tag::UTF8_STRING => utf8(value.content),
        // Latin-1 is what stands in these where it is not what should.
        PRINTABLE_STRING | IA5_STRING => utf8(value.content).or_else(|| Some(latin_1(value.content, most))),
        TELETEX_STRING => Some(latin_1(value.content, most)),
        BMP_STRING => {
            let (units, []) = value.content.as_chunks::<2>() else { return None };
            match char::decode_utf16(units.iter().copied().map(u16::from_be_bytes)).take(most).collect() {
                Ok(text) => Some(text),
                Err(_) => None,
            }
        }
        UNIVERSAL_STRING => {
            let (units, []) = value.content.as_chunks::<4>() else { return None };
            units.iter().copied().map(u32::from_be_bytes).map(char::from_u32).take(most).collect()
        }
        _ => None,
    }
}

fn utf8(octets: &[u8]) -> Option<String> {
    match std::str::from_utf8(octets) {
        Ok(text) => Some(text.to_owned()),
        Err(_) => None,
    }
}

fn latin_1(octets: &[u8], most: usize) -> String {
    octets.iter().copied().map(char::from).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: u8 = tag::UTF8_STRING;
    const PRINTABLE: u8 = 0x13;

    /// A name of these relative names, each of attributes that have the last number of the type, a tag and a value.
    fn name(relative_names: &[&[(u8, u8, &[u8])]]) -> Vec<u8> {
        let value = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
        let sets = relative_names.iter().map(|attributes| {
            let attributes = attributes.iter().map(|(kind, tag, text)| {
                value(0x30, &[&[6, 3, 0x55, 4, *kind], &*value(*tag, text)].concat())
            });
            value(tag::SET, &attributes.collect::<Vec<_>>().concat())
        });
        value(tag::SEQUENCE, &sets.collect::<Vec<_>>().concat())
    }

    #[test]
    fn attributes_are_compared_as_rfc_5280_7_1_asks() {
        let root = name(&[&[(3, UTF8, b"Example Root")]]);
        for (other, expected, why) in [
            (root.clone(), true, "the same octets"),
            (name(&[&[(3, PRINTABLE, b"Example Root")]]), true, "another string type"),
            (name(&[&[(3, 0x14, b"Example Root")]]), true, "TeletexString"),
            (name(&[&[(3, 0x1e, b"\0E\0x\0a\0m\0p\0l\0e\0 \0R\0o\0o\0t")]]), true, "BMPString"),
            (name(&[&[(3, UTF8, b"EXAMPLE rOOT")]]), true, "letters in another case"),
            (name(&[&[(3, UTF8, b"  Example   Root ")]]), true, "white space that does not count"),
            (name(&[&[(3, UTF8, b"ExampleRoot")]]), false, "white space that does"),
            (name(&[&[(3, UTF8, b"Example Roots")]]), false, "another text"),
            (name(&[&[(10, UTF8, b"Example Root")]]), false, "another attribute"),
            (name(&[&[(3, 0x04, b"Example Root")]]), false, "octets that are no text"),
            (name(&[&[(3, UTF8, b"\xff")]]), false, "no UTF-8"),
            (name(&[&[(3, UTF8, b"Example Root")], &[(3, UTF8, b"")]]), false, "one more"),
            (name(&[&[], &[(3, UTF8, b"Example Root")]]), false, "a relative name of nothing, which is none"),
            (name(&[]), false, "none"),
            (vec![0x30, 1, 0], false, "what cannot be read"),
            (vec![], false, "nothing"),
        ] {
            assert_eq!(Name::new(&root) == Name::new(&other), expected, "{why}");
            assert_eq!(Name::new(&other) == Name::new(&root), expected, "{why}, the other way round");
        }
        let unreadable = [0x30, 1, 0];
        assert_eq!(Name::new(&unreadable), Name::new(&unreadable), "octets that are the same always are");
        let accented = name(&[&[(3, UTF8, "É".as_bytes())]]);
        for latin_1 in [0x14, PRINTABLE, 0x16] {
            assert_eq!(
                Name::new(&accented),
                Name::new(&name(&[&[(3, latin_1, b"\xe9")]])),
                "beyond ASCII, too"
            );
        }
    }

    #[test]
    fn attributes_of_one_relative_name_have_no_order() {
        let both = name(&[&[(3, UTF8, b"root"), (10, UTF8, b"example")]]);
        let turned = name(&[&[(10, UTF8, b"example"), (3, UTF8, b"root")]]);
        let apart = name(&[&[(3, UTF8, b"root")], &[(10, UTF8, b"example")]]);
        assert_eq!(Name::new(&both), Name::new(&turned));
        assert_ne!(Name::new(&both), Name::new(&apart));
        let other_order = name(&[&[(10, UTF8, b"example")], &[(3, UTF8, b"root")]]);
        assert_ne!(Name::new(&apart), Name::new(&other_order), "relative names have one");
    }

    #[test]
    fn names_below_others() {
        let unit: &[_] = &[(11, UTF8, b"unit".as_slice())];
        let organization: &[_] = &[(10, UTF8, b"example".as_slice())];
        let in_capitals: &[_] = &[(10, PRINTABLE, b"EXAMPLE".as_slice())];
        let long: &[_] = &[(10, UTF8, b"example and others".as_slice())];
        for (lower, base, expected, why) in [
            (&[organization, unit][..], &[organization][..], true, "a name and one above it"),
            (&[organization, unit], &[in_capitals], true, "whatever its string type and case"),
            (&[organization], &[organization], true, "a name and itself"),
            (&[organization], &[], true, "all names are below the empty one"),
            (&[organization], &[organization, unit], false, "the other way round"),
            (&[unit, organization], &[organization], false, "the first relative name is another"),
            (&[long], &[organization], false, "a value that begins alike"),
        ] {
            let (lower, base) = (name(lower), name(base));
            assert_eq!(Name::new(&lower).is_below(&Name::new(&base)), Ok(expected), "{why}");
        }
        let base = name(&[]);
        for unreadable in [&[0x30, 1, 0][..], &name(&[&[], organization])] {
            assert_eq!(Name::new(unreadable).is_below(&Name::new(&base)), Err(DerError), "{unreadable:02x?}");
        }
    }

    #[test]
    fn names_for_people() {
        let whole = name(&[&[(6, PRINTABLE, b"DE")], &[(10, UTF8, b"A\x1b[1m")], &[(5, 0x04, b"x")]]);
        assert_eq!(Name::new(&whole).to_string(), r#"C="DE", O="A\u{1b}[1m", 2.5.4.5="?""#);
        assert_eq!(Name::new(&[0x30, 1, 0]).to_string(), "(unreadable)");
    }
}
