//! The owner of a zone, who signs whatever serves their ends.

use anyhow::{Context, Result};
use dnssec::Question;
use hickory_proto::{
    dnssec::{
        Algorithm, PublicKey, PublicKeyBuf, SigningKey, TBS,
        crypto::EcdsaSigningKey,
        rdata::{DNSKEY, DNSSECRData, RRSIG, SigInput},
    },
    op::{Message, OpCode},
    rr::{DNSClass, Name, RData, Record, RecordType, SerialNumber},
};

use crate::clock;

/// The apex of the zone.
pub(crate) const APEX: &str = "hostile.";

/// A zone with a key that signs everything.
pub(crate) struct Owner {
    key: EcdsaSigningKey,
    pub(crate) dnskey: DNSKEY,
}

impl Owner {
    /// With a key on P-256 or P-384.
    pub(crate) fn new(algorithm: Algorithm) -> Result<Self> {
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm)?;
        let key = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm)?;
        let dnskey = DNSKEY::new(true, true, false, key.to_public_key()?);
        Ok(Self { key, dnskey })
    }

    /// Its key as a trust anchor.
    pub(crate) fn anchor(&self) -> String {
        format!("{APEX} IN DNSKEY {}", self.dnskey)
    }

    /// Another key with the same tag: bits of the flags that nobody looks at make up for the rest (RFC 4034 §2.1.1 and
    /// appendix B).
    pub(crate) fn colliding(&self) -> Result<DNSKEY> {
        let tag = self.dnskey.calculate_key_tag()?;
        loop {
            let other = Self::new(self.key.algorithm())?;
            let public = other.dnskey.public_key();
            for flags in (0..=u16::MAX).filter(|flags| flags & ZONE_OR_REVOKED == ZONE) {
                let key = PublicKeyBuf::new(public.public_bytes().to_vec(), public.algorithm());
                let key = DNSKEY::with_flags(flags, key);
                if key.calculate_key_tag()? == tag {
                    return Ok(key);
                }
            }
        }
    }

    /// What a signature over an RRset says.
    pub(crate) fn input(&self, rrset: &[Record]) -> Result<SigInput> {
        let first = rrset.first().context("an RRset has a record")?;
        Ok(SigInput {
            type_covered: first.record_type(),
            algorithm: self.key.algorithm(),
            num_labels: first.name.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: SerialNumber::new(clock::date()?.wrapping_add(DAY)),
            sig_inception: SerialNumber::new(clock::date()?.wrapping_sub(DAY)),
            key_tag: self.dnskey.calculate_key_tag()?,
            signer_name: Name::from_ascii(APEX)?,
        })
    }

    /// An RRset followed by its signature.
    pub(crate) fn signed(&self, mut rrset: Vec<Record>) -> Result<Vec<Record>> {
        let input = self.input(&rrset)?;
        let first = rrset.first().context("an RRset has a record")?;
        let octets = TBS::from_input(&first.name, DNSClass::IN, &input, rrset.iter())?;
        let signature = rrsig(first, input, self.key.sign(&octets)?);
        rrset.push(signature);
        Ok(rrset)
    }

    /// The zone's keys: the genuine one and `others`.
    pub(crate) fn keys(&self, others: Vec<DNSKEY>) -> Result<(Question, Message)> {
        let apex = Name::from_ascii(APEX)?;
        let keys = others.into_iter().chain([self.dnskey.clone()]);
        let record = |key| Record::from_rdata(apex.clone(), 300, RData::DNSSEC(DNSSECRData::DNSKEY(key)));
        let message = message(self.signed(keys.map(record).collect())?, Vec::new());
        Ok((Question::new(apex.clone(), RecordType::DNSKEY), message))
    }
}

const DAY: u32 = 86_400;

const ZONE: u16 = 0x0100;
const ZONE_OR_REVOKED: u16 = 0x0180;

pub(crate) fn message(answers: Vec<Record>, authorities: Vec<Record>) -> Message {
    let mut message = Message::response(0, OpCode::Query);
    (message.answers, message.authorities) = (answers, authorities);
    message
}

pub(crate) fn rrsig(over: &Record, input: SigInput, signature: Vec<u8>) -> Record {
    let data = DNSSECRData::RRSIG(RRSIG::from_sig(input, signature));
    Record::from_rdata(over.name.clone(), over.ttl, RData::DNSSEC(data))
}
