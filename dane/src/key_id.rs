use ring::digest::{Digest, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};

use crate::der::{DerError, Reader, single, tag, whole_octets};

/// How CAs name a key in the certificates that it signs. A hint, no verdict.
pub(crate) struct KeyIds {
    sha1: Digest,
    sha256: [Digest; 2],
}

impl KeyIds {
    /// Of a SubjectPublicKeyInfo.
    pub(crate) fn of(spki: &[u8]) -> Result<Self, DerError> {
        let mut fields = Reader::new(single(spki, tag::SEQUENCE)?.content);
        let _algorithm = fields.expect(tag::SEQUENCE)?;
        let key = whole_octets(fields.expect(tag::BIT_STRING)?)?;
        Ok(Self {
            sha1: digest(&SHA1_FOR_LEGACY_USE_ONLY, key),
            sha256: [digest(&SHA256, key), digest(&SHA256, spki)],
        })
    }

    /// Whether it is one of them: SHA-1 of the key (RFC 5280 §4.2.1.2 (1)), or SHA-256 of it or of all, or the beginning of
    /// that, from 160 bits on (RFC 7093 §2 (1), (4)).
    pub(crate) fn include(&self, id: &[u8]) -> bool {
        id == self.sha1.as_ref()
            || (id.len() >= 20 && self.sha256.iter().any(|digest| digest.as_ref().starts_with(id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_identifiers() {
        // A key of three octets, of no algorithm.
        let spki = b"\x30\x08\x30\x00\x03\x04\x00abc";
        let ids = KeyIds::of(spki).unwrap();
        let sha256 = |octets: &[u8]| digest(&SHA256, octets).as_ref().to_vec();
        for (id, expected, why) in [
            (digest(&SHA1_FOR_LEGACY_USE_ONLY, b"abc").as_ref(), true, "SHA-1"),
            (&sha256(b"abc")[..20], true, "the beginning of SHA-256"),
            (&sha256(spki), true, "SHA-256 of the whole"),
            (&sha256(b"abc")[..19], false, "less of it"),
            (&[], false, "nothing"),
            (&sha256(b"abcd"), false, "another key"),
        ] {
            assert_eq!(ids.include(id), expected, "{why}");
        }
        assert!(KeyIds::of(b"\x30\x00").is_err(), "no key");
    }
}
