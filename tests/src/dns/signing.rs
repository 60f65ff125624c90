//! How a zone is signed, and the key that does it (RFC 4034).

use std::{
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hickory_proto::{
    dnssec::{
        Algorithm, DigestType, PublicKey, PublicKeyBuf, SigningKey, TBS,
        crypto::EcdsaSigningKey,
        rdata::{DNSKEY, DNSSECRData, DS, RRSIG, SigInput},
    },
    rr::{DNSClass, Name, RData, Record, SerialNumber},
};

use super::world::WorldError;

/// How a zone is signed, and what its parent says about it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Signing {
    /// Not at all: the parent proves that there is no DS.
    Unsigned,
    /// With an NSEC chain (RFC 4034 §4).
    #[default]
    Nsec,
    /// With an NSEC3 chain (RFC 5155).
    Nsec3 {
        /// Additional iterations of the hash (RFC 5155 §3.1.3).
        iterations: u16,
        /// The salt, at most 255 octets.
        salt: Vec<u8>,
        /// Whether insecure delegations are left out of the chain (RFC 5155 §6).
        opt_out: bool,
    },
    /// All signatures ended nine days ago.
    Expired,
    /// All signatures begin in nine days.
    NotYetValid,
    /// The parent's DS names a key that the zone does not have.
    WrongDs,
    /// Signed by an algorithm that nobody knows, which makes the zone insecure (RFC 4035 §5.2).
    UnsupportedAlgorithm,
}

impl FromStr for Signing {
    type Err = WorldError;

    /// `unsigned`, `nsec`, `nsec3`, `nsec3-opt-out`, `expired`, `not-yet-valid`, `wrong-ds`, `unsupported-algorithm`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "unsigned" => Self::Unsigned,
            "nsec" => Self::Nsec,
            "nsec3" => Self::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: false },
            "nsec3-opt-out" => Self::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: true },
            "expired" => Self::Expired,
            "not-yet-valid" => Self::NotYetValid,
            "wrong-ds" => Self::WrongDs,
            "unsupported-algorithm" => Self::UnsupportedAlgorithm,
            _ => return Err(WorldError::Signing(text.to_owned())),
        })
    }
}

/// A zone's one key, which signs its DNSKEY RRset and everything else.
pub(super) struct ZoneKey {
    key: EcdsaSigningKey,
    dnskey: DNSKEY,
    ds: DS,
    owner: Name,
    /// Inception and expiration in seconds since 1970.
    validity: (u32, u32),
}

impl ZoneKey {
    /// Makes a fresh key for the zone `owner`; `None` where the zone is unsigned.
    pub(super) fn generate(owner: &Name, signing: &Signing) -> Option<Self> {
        let algorithm = match signing {
            Signing::Unsigned => return None,
            Signing::UnsupportedAlgorithm => Algorithm::Unknown(UNASSIGNED_ALGORITHM),
            Signing::Nsec
            | Signing::Nsec3 { .. }
            | Signing::Expired
            | Signing::NotYetValid
            | Signing::WrongDs => Algorithm::ECDSAP256SHA256,
        };
        let (key, dnskey) = key_pair(algorithm);
        let named = if *signing == Signing::WrongDs { key_pair(algorithm).1 } else { dnskey.clone() };
        let digest = named.to_digest(owner, DigestType::SHA256).unwrap();
        let ds = DS::new(
            named.calculate_key_tag().unwrap(),
            algorithm,
            DigestType::SHA256,
            digest.as_ref().to_vec(),
        );
        Some(Self { key, dnskey, ds, owner: owner.clone(), validity: validity(signing) })
    }

    /// The zone's DNSKEY.
    pub(super) fn dnskey(&self) -> &DNSKEY {
        &self.dnskey
    }

    /// The DS that the parent publishes.
    pub(super) fn ds(&self) -> &DS {
        &self.ds
    }

    /// The signature of one RRset at its own owner, as an RRSIG record.
    pub(super) fn sign(&self, records: &[Record]) -> Record {
        self.sign_in_the_name_of(&self.owner, records)
    }

    /// The same with another signer's name in it: what an attacker signs who claims to be that zone.
    pub(super) fn sign_in_the_name_of(&self, signer: &Name, records: &[Record]) -> Record {
        self.sign_with(signer, self.validity, records)
    }

    /// A signature that was good once, as an attacker may have kept it.
    pub(super) fn sign_in_the_past(&self, records: &[Record]) -> Record {
        self.sign_with(&self.owner, validity(&Signing::Expired), records)
    }

    fn sign_with(&self, signer: &Name, (from, until): (u32, u32), records: &[Record]) -> Record {
        let first = &records[0];
        let input = SigInput {
            type_covered: first.record_type(),
            algorithm: self.dnskey.public_key().algorithm(),
            num_labels: first.name.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: SerialNumber::new(until),
            sig_inception: SerialNumber::new(from),
            key_tag: self.dnskey.calculate_key_tag().unwrap(),
            signer_name: signer.clone(),
        };
        let signed = TBS::from_input(&first.name, DNSClass::IN, &input, records.iter()).unwrap();
        let signature = self.key.sign(&signed).unwrap();
        Record::from_rdata(
            first.name.clone(),
            first.ttl,
            RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature))),
        )
    }
}

fn key_pair(algorithm: Algorithm) -> (EcdsaSigningKey, DNSKEY) {
    let pkcs8 = EcdsaSigningKey::generate_pkcs8(Algorithm::ECDSAP256SHA256).unwrap();
    let key = EcdsaSigningKey::from_pkcs8(&pkcs8, Algorithm::ECDSAP256SHA256).unwrap();
    let public = key.to_public_key().unwrap().into_inner();
    (key, DNSKEY::new(true, true, false, PublicKeyBuf::new(public, algorithm)))
}

fn validity(signing: &Signing) -> (u32, u32) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (from, until) = match signing {
        Signing::Expired => (now - DAY * 30, now - DAY * 9),
        Signing::NotYetValid => (now + DAY * 9, now + DAY * 30),
        Signing::Unsigned
        | Signing::Nsec
        | Signing::Nsec3 { .. }
        | Signing::WrongDs
        | Signing::UnsupportedAlgorithm => (now - DAY, now + DAY * 14),
    };
    // RRSIG times are 32 bits of seconds, modulo 2^32 (RFC 4034 §3.1.5).
    (from.as_secs() as u32, until.as_secs() as u32)
}

const DAY: Duration = Duration::from_secs(86_400);

/// Unassigned in IANA's registry of DNSSEC algorithms.
const UNASSIGNED_ALGORITHM: u8 = 122;
