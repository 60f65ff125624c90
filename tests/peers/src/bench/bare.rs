//! One bare signature verification: ring's, on P-256, of octets that lie ready.

use anyhow::{Context, Result, anyhow};
use hickory_proto::{
    dnssec::{
        PublicKey, TBS,
        rdata::{DNSKEY, RRSIG},
    },
    rr::{DNSClass, RecordData, RecordType},
};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::{
    pairs::Subject,
    scene::{Kind, Scene, Zone, question},
};

/// The verifications that the questions for records need, with everything around them already done.
pub(crate) struct Bare {
    key: UnparsedPublicKey<Vec<u8>>,
    /// Octets that are signed, and their signature.
    signed: Vec<(Vec<u8>, Vec<u8>)>,
    next: usize,
}

/// More than a branch predictor remembers.
const SIGNATURES: usize = 64;

impl Bare {
    pub(crate) fn new(scene: &Scene) -> Result<Self> {
        let keys = scene.ask(&question(Zone::Nsec.apex(), RecordType::DNSKEY)?)?;
        let dnskey = keys.answers.iter().find_map(|record| DNSKEY::try_borrow(&record.data));
        let dnskey = dnskey.context("the zone has a key")?;
        // SEC 1 §2.3.3: an uncompressed point; RFC 6605 §4 leaves that octet out.
        let point = [&[4], dnskey.public_key().public_bytes()].concat();
        let mut signed = Vec::new();
        for number in 0..SIGNATURES {
            let message = scene.ask(&scene.question(Zone::Nsec, Kind::Records, number)?)?;
            let signature = message.answers.iter().find_map(|record| RRSIG::try_borrow(&record.data));
            let signature = signature.context("the answer is signed")?;
            let records = || message.answers.iter().filter(|record| record.record_type() == RecordType::TLSA);
            let owner = &records().next().context("the answer has records")?.name;
            let octets = TBS::from_input(owner, DNSClass::IN, signature.input(), records())?;
            signed.push((octets.as_ref().to_vec(), signature.sig().to_vec()));
        }
        Ok(Self { key: UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point), signed, next: 0 })
    }
}

impl Subject for Bare {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        self.next = (self.next + 1) % self.signed.len();
        let (octets, signature) = self.signed.get(self.next).context("there are signatures")?;
        self.key.verify(octets, signature).map_err(|_| anyhow!("a genuine signature does not hold"))
    }
}
