//! The few parts of DER (X.690) that certificates need: definite lengths, low tag numbers. [`Reader`] asks for lengths in
//! their shortest form; [`split`] and [`skip`], which find the key of a leaf, do not.

/// Universal and context-specific tags, class and constructed bits included.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[number]` around or in the place of a primitive value.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[number]` around or in the place of a constructed value.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// What was read is not the DER that was expected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DerError;

/// A cursor over a series of DER values. It never reads beyond its bytes and never recurses.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

/// One DER value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    /// The content, without tag and length.
    pub(crate) content: &'a [u8],
    /// The whole value as it stands.
    pub(crate) raw: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Fails where anything is left.
    pub(crate) fn end(&self) -> Result<(), DerError> {
        if self.is_at_end() { Ok(()) } else { Err(DerError) }
    }

    pub(crate) fn any(&mut self) -> Result<Value<'a>, DerError> {
        let tag = *self.rest.first().ok_or(DerError)?;
        let (value, rest) = split(self.rest, tag)?;
        if value.raw.len() - value.content.len() != shortest_header(value.content.len()) {
            return Err(DerError);
        }
        self.rest = rest;
        Ok(value)
    }

    /// The next value, which has this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Value<'a>, DerError> {
        match self.optional(tag)? {
            Some(value) => Ok(value),
            None => Err(DerError),
        }
    }

    /// The next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, DerError> {
        if self.rest.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// A `BOOLEAN DEFAULT FALSE`.
    pub(crate) fn optional_true(&mut self) -> Result<bool, DerError> {
        match self.optional(tag::BOOLEAN)? {
            None => Ok(false),
            Some(Value { content: [0xff], .. }) => Ok(true),
            // An encoded default is no DER, but common enough to be read.
            Some(Value { content: [0], .. }) => Ok(false),
            Some(_) => Err(DerError),
        }
    }
}

/// The value of this tag at the head of `bytes`, its length in one octet to four, and what follows it.
pub(crate) fn split(bytes: &[u8], tag: u8) -> Result<(Value<'_>, &[u8]), DerError> {
    let (header, length) = header(bytes, tag)?;
    let (raw, rest) = bytes.split_at_checked(header + length).ok_or(DerError)?;
    let content = raw.get(header..).ok_or(DerError)?;
    Ok((Value { tag, content, raw }, rest))
}

/// What follows the value of this tag at the head of `bytes`.
pub(crate) fn skip(bytes: &[u8], tag: u8) -> Result<&[u8], DerError> {
    let (header, length) = header(bytes, tag)?;
    bytes.get(header + length..).ok_or(DerError)
}

/// How many octets of this value are tag and length, and how many content.
fn header(bytes: &[u8], tag: u8) -> Result<(usize, usize), DerError> {
    let (&[found, first], after) = bytes.split_first_chunk().ok_or(DerError)?;
    // Tag numbers of 31 and more do not occur in certificates.
    if found != tag || tag & 0x1f == 0x1f {
        return Err(DerError);
    }
    match (first, after) {
        (0..=0x7f, _) => Ok((2, usize::from(first))),
        (0x81, &[low, ..]) => Ok((3, usize::from(low))),
        (0x82, &[high, low, ..]) => Ok((4, usize::from(u16::from_be_bytes([high, low])))),
        (0x83, &[high, mid, low, ..]) => {
            Ok((5, (usize::from(high) << 16) | (usize::from(mid) << 8) | usize::from(low)))
        }
        // Indefinite, or in more octets than 16 MiB ask for.
        _ => Err(DerError),
    }
}

/// Octets of tag and length before so much content, in DER (X.690 §10.1).
fn shortest_header(content: usize) -> usize {
    match content {
        0..=0x7f => 2,
        0x80..=0xff => 3,
        0x100..=0xffff => 4,
        0x1_0000.. => 5,
    }
}

/// The one value of this tag that makes up all of `bytes`.
pub(crate) fn single(bytes: &[u8], tag: u8) -> Result<Value<'_>, DerError> {
    let mut reader = Reader::new(bytes);
    let value = reader.expect(tag)?;
    reader.end()?;
    Ok(value)
}

/// The octets of a BIT STRING that has whole octets only.
pub(crate) fn whole_octets(bit_string: Value<'_>) -> Result<&[u8], DerError> {
    match bit_string.content {
        [0, octets @ ..] => Ok(octets),
        _ => Err(DerError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let long = |header: &[u8], length: usize| [header, &vec![7; length]].concat();
        for (bytes, expected, why) in [
            (vec![4, 0], Some(0), "empty"),
            (long(&[4, 0x7f], 0x7f), Some(0x7f), "the longest short form"),
            (long(&[4, 0x81, 0x80], 0x80), Some(0x80), "one octet of length"),
            (long(&[4, 0x82, 1, 0], 0x100), Some(0x100), "two octets"),
            (long(&[4, 0x83, 1, 0, 0], 0x10000), Some(0x10000), "three octets"),
            (long(&[4, 0x81, 0x7f], 0x7f), None, "one octet where the short form would do"),
            (long(&[4, 0x82, 0, 0x80], 0x80), None, "a leading zero"),
            (vec![4, 0x80, 0, 0], None, "indefinite length"),
            (long(&[4, 0x84, 0, 0, 0, 1], 1), None, "four octets"),
            (vec![4, 2, 1], None, "shorter than announced"),
            (vec![4], None, "no length"),
            (vec![0x1f, 0x81, 0, 0], None, "a high tag number"),
            (vec![], None, "nothing"),
        ] {
            let read = Reader::new(&bytes).any();
            assert_eq!(read.map(|value| value.content.len()), expected.ok_or(DerError), "{why}");
        }
    }

    #[test]
    fn nothing_may_follow_a_single_value() {
        assert!(single(&[0x30, 0], tag::SEQUENCE).is_ok());
        assert_eq!(single(&[0x30, 0, 0], tag::SEQUENCE), Err(DerError));
        assert_eq!(single(&[0x31, 0], tag::SEQUENCE), Err(DerError));
    }
}
