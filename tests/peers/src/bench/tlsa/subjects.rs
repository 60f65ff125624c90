//! What is measured: `dane`, another crate on the same input, and the bare cryptography in it.

use std::{hint::black_box, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use dane::{
    Digests, Profile, ReferenceIds, Selection, TlsaRecord, UsableRecords, VerifyError, leaf_spki, select,
    verify, verify_raw_key,
};
use hns_dane::{DaneLimits, verify_dane_ee};
use hns_dns_wire::Tlsa;
use mailrs_smtp_client::dane as mailrs;
use ring::{
    digest::{Algorithm, SHA256, SHA512, digest},
    signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey},
};
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};

use super::pki::{Ca, HOST};
use crate::pairs::Subject;

/// A chain, leaf first, and the records that it is held against.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) records: Vec<TlsaRecord>,
}

/// Things that take turns: more of them than a branch predictor remembers.
struct Turns<T> {
    things: Vec<T>,
    next: usize,
}

impl<T> Turns<T> {
    fn new(things: Vec<T>) -> Self {
        Self { things, next: 0 }
    }

    fn take(&mut self) -> Result<&T> {
        self.next = (self.next + 1) % self.things.len();
        self.things.get(self.next).context("there is one")
    }
}

/// `dane::verify`, with records that are usable.
pub(crate) struct Ours {
    inputs: Turns<(Vec<CertificateDer<'static>>, UsableRecords)>,
    names: ReferenceIds,
    now: UnixTime,
    /// The place of the record that matches; `None` where none does.
    expected: Option<usize>,
}

impl Ours {
    pub(crate) fn new(inputs: &[Input], expected: Option<usize>) -> Result<Self> {
        let usable = inputs.iter().map(|input| Ok((input.chain.clone(), usable(&input.records)?)));
        let inputs = Turns::new(usable.collect::<Result<_>>()?);
        Ok(Self { inputs, names: ReferenceIds::new(HOST), now: now(), expected })
    }
}

/// The records, of which each has to be usable.
fn usable(records: &[TlsaRecord]) -> Result<UsableRecords> {
    match select(records, Profile::Smtp, &Digests::default()) {
        Selection::Usable(usable) if usable.len() == records.len() => Ok(usable),
        selection => bail!("all records were meant to be usable: {selection:?}"),
    }
}

/// A day on which all the certificates are valid, in 2033.
fn now() -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000))
}

impl Subject for Ours {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (chain, records) = self.inputs.take()?;
        match (verify(chain, records, &self.names, self.now), self.expected) {
            (Ok(found), Some(expected)) if found.index == expected => Ok(()),
            (Err(VerifyError::NoMatch { .. }), None) => Ok(()),
            (verdict, expected) => bail!("expected record {expected:?}, found {verdict:?}"),
        }
    }
}

/// `dane::verify_raw_key`, with the key of a leaf that was parsed before.
pub(crate) struct OurKeys {
    inputs: Turns<(SubjectPublicKeyInfoDer<'static>, UsableRecords)>,
}

impl OurKeys {
    pub(crate) fn new(inputs: &[Input]) -> Result<Self> {
        let keys = inputs.iter().map(|input| {
            let leaf = input.chain.first().context("there is a leaf")?;
            Ok((leaf_spki(leaf)?.into_owned(), usable(&input.records)?))
        });
        Ok(Self { inputs: Turns::new(keys.collect::<Result<_>>()?) })
    }
}

impl Subject for OurKeys {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (key, records) = self.inputs.take()?;
        let found = verify_raw_key(key, records)?;
        ensure!(found.index == 0, "the only record matches");
        Ok(())
    }
}

/// `verify_against_tlsa` of mailrs-smtp-client.
pub(crate) struct Mailrs {
    inputs: Turns<(Vec<CertificateDer<'static>>, Vec<mailrs::TlsaRecord>)>,
}

impl Mailrs {
    pub(crate) fn new(inputs: &[Input]) -> Result<Self> {
        let parsed = inputs.iter().map(|input| {
            let records = input.records.iter().map(|record| {
                let rdata =
                    [&[record.usage, record.selector, record.matching], record.data.as_slice()].concat();
                mailrs::TlsaRecord::from_rdata(&rdata).context("a record that it takes")
            });
            Ok((input.chain.clone(), records.collect::<Result<_>>()?))
        });
        Ok(Self { inputs: Turns::new(parsed.collect::<Result<_>>()?) })
    }
}

impl Subject for Mailrs {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (chain, records) = self.inputs.take()?;
        let (leaf, above) = chain.split_first().context("there is a leaf")?;
        ensure!(mailrs::verify_against_tlsa(leaf, above, records), "the record matches");
        Ok(())
    }
}

/// `verify_dane_ee` of hns-dane.
pub(crate) struct HnsDane {
    inputs: Turns<(CertificateDer<'static>, Vec<Tlsa>)>,
}

impl HnsDane {
    pub(crate) fn new(inputs: &[Input]) -> Result<Self> {
        let leafs = inputs.iter().map(|input| {
            let leaf = input.chain.first().context("there is a leaf")?;
            let records = input.records.iter().map(|record| Tlsa {
                usage: record.usage,
                selector: record.selector,
                matching_type: record.matching,
                association_data: record.data.clone(),
            });
            Ok((leaf.clone(), records.collect()))
        });
        Ok(Self { inputs: Turns::new(leafs.collect::<Result<_>>()?) })
    }
}

impl Subject for HnsDane {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (leaf, records) = self.inputs.take()?;
        let found = verify_dane_ee(leaf, records, DaneLimits::default())?;
        ensure!(found.record_index() == 0, "the only record matches");
        Ok(())
    }
}

/// ring's digests of octets that lie ready.
pub(crate) struct Hashes {
    /// What one run hashes.
    inputs: Turns<Vec<(&'static Algorithm, Vec<u8>)>>,
}

impl Hashes {
    /// SHA-256 of the key in each leaf.
    pub(crate) fn of_leaf_keys(inputs: &[Input]) -> Result<Self> {
        let keys = inputs.iter().map(|input| {
            let leaf = input.chain.first().context("there is a leaf")?;
            Ok(vec![(&SHA256, leaf_spki(leaf)?.to_vec())])
        });
        Ok(Self { inputs: Turns::new(keys.collect::<Result<_>>()?) })
    }

    /// SHA-256 of each certificate above the leaf, and SHA-512 of the key in it.
    pub(crate) fn of_issuers(input: &Input) -> Result<Self> {
        let mut octets = Vec::new();
        for certificate in input.chain.iter().skip(1) {
            octets.push((&SHA256, certificate.to_vec()));
            octets.push((&SHA512, leaf_spki(certificate)?.to_vec()));
        }
        Ok(Self { inputs: Turns::new(vec![octets]) })
    }
}

impl Subject for Hashes {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        for (algorithm, octets) in self.inputs.take()? {
            black_box(digest(algorithm, black_box(octets)));
        }
        Ok(())
    }
}

/// ring's verification of what a CA signed of its leafs.
pub(crate) struct Signatures {
    key: UnparsedPublicKey<Vec<u8>>,
    signed: Turns<(Vec<u8>, Vec<u8>)>,
}

impl Signatures {
    pub(crate) fn new(ca: &Ca, inputs: &[Input]) -> Result<Self> {
        let signed = inputs.iter().map(|input| ca.signed(input.chain.first().context("there is a leaf")?));
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, ca.point().to_vec());
        Ok(Self { key, signed: Turns::new(signed.collect::<Result<_>>()?) })
    }
}

impl Subject for Signatures {
    fn ready(&mut self, _count: usize) -> Result<()> {
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let (octets, signature) = self.signed.take()?;
        self.key.verify(octets, signature).map_err(|_| anyhow!("a genuine signature does not hold"))
    }
}
