use std::fmt;

use crate::der::{DerError, Reader, Value, single, tag};
use crate::general_name::GeneralName;
use crate::name_constraints::NameConstraints;

/// The extensions of a certificate that decide whether a path is sound (RFC 5280 §4.2.1).
#[derive(Debug, Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Option<ExtendedKeyUsage<'a>>,
    pub(crate) alternative_names: Option<Vec<GeneralName<'a>>>,
    pub(crate) name_constraints: Option<NameConstraints<'a>>,
    pub(crate) subject_key_id: Option<&'a [u8]>,
    pub(crate) authority_key_id: Option<&'a [u8]>,
    /// The object identifier of the first of the others that is critical.
    pub(crate) unknown_critical: Option<&'a [u8]>,
}

/// RFC 5280 §4.2.1.9.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasicConstraints {
    pub(crate) is_ca: bool,
    /// How many CAs may stand between this one and the leaf.
    pub(crate) path_length: Option<usize>,
}

/// RFC 5280 §4.2.1.3: the bits of the first octet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUsage(u8);

impl KeyUsage {
    pub(crate) fn allows_certificates(self) -> bool {
        const KEY_CERT_SIGN: u8 = 0x04;
        self.0 & KEY_CERT_SIGN != 0
    }

    /// Any of the bits under which servers use their key. Which of them a handshake needs is for TLS to say; many a
    /// mail server's certificate has keyEncipherment alone.
    pub(crate) fn allows_tls(self) -> bool {
        const DIGITAL_SIGNATURE: u8 = 0x80;
        const KEY_ENCIPHERMENT: u8 = 0x20;
        const KEY_AGREEMENT: u8 = 0x08;
        self.0 & (DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT) != 0
    }
}

impl fmt::Display for KeyUsage {
    /// The names of the bits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 8] = [
            "digitalSignature",
            "nonRepudiation",
            "keyEncipherment",
            "dataEncipherment",
            "keyAgreement",
            "keyCertSign",
            "cRLSign",
            "encipherOnly",
        ];
        let set = (0..).zip(NAMES).filter(|(bit, _)| self.0 & (0x80 >> bit) != 0).map(|(_, name)| name);
        match set.collect::<Vec<_>>() {
            none if none.is_empty() => f.write_str("none"),
            names => f.write_str(&names.join(", ")),
        }
    }
}

/// RFC 5280 §4.2.1.12.
#[derive(Clone, Debug)]
pub(crate) struct ExtendedKeyUsage<'a> {
    /// Object identifiers.
    pub(crate) purposes: Vec<&'a [u8]>,
}

impl ExtendedKeyUsage<'_> {
    pub(crate) fn includes_tls_servers(&self) -> bool {
        const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
        const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0];
        self.purposes.iter().any(|purpose| [SERVER_AUTH, ANY].contains(purpose))
    }
}

impl<'a> Extensions<'a> {
    /// Reads the content of the `[3]` field of a certificate. Of the extensions that are not looked at it only asks
    /// whether they are critical.
    pub(crate) fn parse(field: Option<&'a [u8]>) -> Result<Self, DerError> {
        let mut extensions = Self::default();
        let Some(field) = field else { return Ok(extensions) };
        let mut list = Reader::new(single(field, tag::SEQUENCE)?.content);
        while !list.is_at_end() {
            let mut extension = Reader::new(list.expect(tag::SEQUENCE)?.content);
            let id = extension.expect(tag::OID)?.content;
            let critical = extension.optional_true()?;
            let value = extension.expect(tag::OCTET_STRING)?.content;
            extension.end()?;
            extensions.read(id, critical, value)?;
        }
        Ok(extensions)
    }

    /// The DNS-IDs (RFC 6125 §1.8): the dNSNames among the alternative names.
    pub(crate) fn dns_ids(&self) -> impl Iterator<Item = &'a [u8]> {
        self.alternative_names.iter().flatten().filter_map(|name| match name {
            GeneralName::Dns(name) => Some(*name),
            GeneralName::Directory(_) | GeneralName::Ip(_) | GeneralName::Other(_) => None,
        })
    }

    fn read(&mut self, id: &'a [u8], critical: bool, value: &'a [u8]) -> Result<(), DerError> {
        let is_known = self.read_known(id, value)?;
        if critical && !is_known {
            self.unknown_critical.get_or_insert(id);
        }
        Ok(())
    }

    /// Whether all that the extension asks for is seen to.
    fn read_known(&mut self, id: &[u8], value: &'a [u8]) -> Result<bool, DerError> {
        // All that are looked at lie under id-ce, 2.5.29.
        let [0x55, 0x1d, id] = id else { return Ok(false) };
        match id {
            14 => once(&mut self.subject_key_id, single(value, tag::OCTET_STRING)?.content)?,
            15 => once(&mut self.key_usage, key_usage(value)?)?,
            17 => once(&mut self.alternative_names, general_names(value)?)?,
            19 => once(&mut self.basic_constraints, basic_constraints(value)?)?,
            30 => once(&mut self.name_constraints, NameConstraints::parse(value)?)?,
            35 => {
                if let Some(key_id) = authority_key_id(value)? {
                    once(&mut self.authority_key_id, key_id)?;
                }
            }
            37 => once(&mut self.extended_key_usage, extended_key_usage(value)?)?,
            // What policies a CA requires of all below it is not worked out here.
            36 => return Ok(!requires_policies(value)?),
            // Distribution points say where revocation lists are, which nobody fetches here. Policies, and whether any will do,
            // bind nobody who asks for none (RFC 5280 §6.1.1, initial-explicit-policy unset).
            31 | 32 | 54 => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// §4.2: no extension may occur twice.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), DerError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(DerError),
    }
}

fn basic_constraints(value: &[u8]) -> Result<BasicConstraints, DerError> {
    let mut fields = Reader::new(single(value, tag::SEQUENCE)?.content);
    let is_ca = fields.optional_true()?;
    let path_length = match fields.optional(tag::INTEGER)? {
        None => None,
        Some(Value { content: &[length @ 0..=0x7f], .. }) => Some(usize::from(length)),
        Some(Value { content: [0x80..=0xff, ..] | [], .. }) => return Err(DerError),
        // More than any path has.
        Some(Value { content: [0, 0x80..=0xff, ..] | [1..=0x7f, _, ..], .. }) => Some(usize::MAX),
        // X.690 §8.3.2: a zero that need not be there.
        Some(_) => return Err(DerError),
    };
    fields.end()?;
    Ok(BasicConstraints { is_ca, path_length })
}

fn key_usage(value: &[u8]) -> Result<KeyUsage, DerError> {
    match single(value, tag::BIT_STRING)?.content {
        [unused @ 0..=7, bits] => Ok(KeyUsage(bits & (0xff << unused))),
        [0..=7, bits, ..] => Ok(KeyUsage(*bits)),
        [0] => Ok(KeyUsage(0)),
        _ => Err(DerError),
    }
}

fn general_names(value: &[u8]) -> Result<Vec<GeneralName<'_>>, DerError> {
    let mut list = Reader::new(single(value, tag::SEQUENCE)?.content);
    let mut names = Vec::new();
    while !list.is_at_end() {
        names.push(GeneralName::new(list.any()?)?);
    }
    Ok(names)
}

fn extended_key_usage(value: &[u8]) -> Result<ExtendedKeyUsage<'_>, DerError> {
    let mut list = Reader::new(single(value, tag::SEQUENCE)?.content);
    let mut purposes = Vec::new();
    while !list.is_at_end() {
        purposes.push(list.expect(tag::OID)?.content);
    }
    Ok(ExtendedKeyUsage { purposes })
}

/// §4.2.1.11: requireExplicitPolicy.
fn requires_policies(value: &[u8]) -> Result<bool, DerError> {
    let mut fields = Reader::new(single(value, tag::SEQUENCE)?.content);
    let required = fields.optional(tag::context(0))?.is_some();
    let _inhibit_policy_mapping = fields.optional(tag::context(1))?;
    fields.end()?;
    Ok(required)
}

fn authority_key_id(value: &[u8]) -> Result<Option<&[u8]>, DerError> {
    let mut fields = Reader::new(single(value, tag::SEQUENCE)?.content);
    Ok(fields.optional(tag::context(0))?.map(|value| value.content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_constraints_and_their_numbers() {
        for (der, expected, why) in [
            (&b"\x30\x00"[..], Ok((false, None)), "no CA"),
            (b"\x30\x03\x01\x01\xff", Ok((true, None)), "a CA"),
            (b"\x30\x06\x01\x01\xff\x02\x01\x00", Ok((true, Some(0))), "above leafs"),
            (
                b"\x30\x07\x01\x01\xff\x02\x02\x00\x80",
                Ok((true, Some(usize::MAX))),
                "128 is more than any path has",
            ),
            (b"\x30\x07\x01\x01\xff\x02\x02\x00\x00", Err(DerError), "a zero that need not be there"),
            (b"\x30\x06\x01\x01\xff\x02\x01\xff", Err(DerError), "a negative number"),
            (b"\x30\x05\x01\x01\xff\x02\x00", Err(DerError), "none"),
        ] {
            let read = basic_constraints(der).map(|read| (read.is_ca, read.path_length));
            assert_eq!(read, expected, "{why}");
        }
    }

    #[test]
    fn key_usages() {
        for (der, expected, why) in [
            (&b"\x03\x02\x05\xa0"[..], Ok("digitalSignature, keyEncipherment"), "of a leaf"),
            (b"\x03\x02\x01\x06", Ok("keyCertSign, cRLSign"), "of a CA"),
            (b"\x03\x02\x07\x86", Ok("digitalSignature"), "bits that are declared unused do not count"),
            (b"\x03\x03\x07\x08\x80", Ok("keyAgreement"), "nine bits"),
            (b"\x03\x01\x00", Ok("none"), "no bits"),
            (b"\x03\x02\x08\x80", Err(DerError), "more unused bits than there are"),
            (b"\x03\x00", Err(DerError), "nothing"),
        ] {
            assert_eq!(key_usage(der).map(|usage| usage.to_string()), expected.map(str::to_owned), "{why}");
        }
    }
}
