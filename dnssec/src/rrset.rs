//! RRsets of a message, and the signatures over them (RFC 4035 §5.3, RFC 4034 §3 and §6).

use std::{cmp::Ordering, collections::HashMap};

use hickory_proto::{
    ProtoError,
    dnssec::{Verifier, rdata::RRSIG},
    rr::{DNSClass, Name, Record, RecordData, RecordType},
    serialize::binary::NameEncoding,
};

use crate::{
    Failure, Limit, Question, Reason, SignatureFault, SignatureUse,
    canonical::{self, is_same_name},
    key::ZoneKey,
    work::Work,
    zone::Zone,
};

/// The records of one name and type in one section of a message, with the signatures that came beside them.
#[derive(Debug)]
pub(crate) struct Rrset<'m> {
    pub(crate) records: Vec<&'m Record>,
    /// With the TTL of each.
    signatures: Vec<(&'m RRSIG, u32)>,
    pub(crate) owner: &'m Name,
    pub(crate) record_type: RecordType,
}

impl<'m> Rrset<'m> {
    /// Picks an RRset out of a section; `None` where it has no such record.
    pub(crate) fn find(section: &'m [Record], owner: &Name, record_type: RecordType) -> Option<Self> {
        // Names last, here and below: to compare them costs most.
        let own = |r: &&Record| {
            r.record_type() == record_type && r.dns_class == DNSClass::IN && is_same_name(&r.name, owner)
        };
        let records: Vec<&Record> = section.iter().filter(own).collect();
        let owner = &records.first()?.name;
        let signatures = signatures(section, owner, record_type);
        Some(Self { owner, record_type, records, signatures })
    }

    /// The set that `record` makes alone; `None` where none of `signatures` is over it.
    pub(crate) fn single(record: &'m Record, signatures: &DenialSignatures<'m>) -> Option<Self> {
        let (owner, record_type) = (&record.name, record.record_type());
        Some(Self { owner, record_type, records: vec![record], signatures: signatures.over(record)? })
    }

    pub(crate) fn question(&self) -> Question {
        Question { name: self.owner.clone(), record_type: self.record_type }
    }

    /// The zones that claim to have signed it.
    pub(crate) fn signers(&self) -> impl Iterator<Item = &'m Name> + '_ {
        self.signatures.iter().map(|(signature, _)| &signature.input().signer_name)
    }

    /// The least TTL in seconds.
    pub(crate) fn ttl(&self) -> u32 {
        self.records.iter().map(|record| lifetime(record.ttl)).min().map_or(0, |ttl| ttl)
    }

    /// Verifies the set with the keys of `zone`, which must be the zone that holds it.
    pub(crate) fn verify(&self, zone: &Zone, work: &mut Work) -> Result<Signed, Failure> {
        let fail = |reason| Failure::new(self.question(), Some(&zone.name), reason);
        // RFC 4035 §5.3.1: the signer is the zone that holds the RRset.
        let holds = zone.name.zone_of(self.owner);
        let own =
            self.signatures.iter().filter(|(s, _)| holds && is_same_name(&s.input().signer_name, &zone.name));
        let mut fault: Option<SignatureFault> = None;
        let mut tried: u16 = 0;
        for (signature, ttl) in own {
            match self.check(signature, *ttl, zone, &mut tried, work) {
                Ok(Ok(signed)) => return Ok(signed),
                Ok(Err(new)) => fault = fault.max(Some(new)),
                Err(limit) => return Err(fail(Reason::OverLimit(limit))),
            }
        }
        Err(fail(fault.map_or(Reason::Unsigned, Reason::BadSignature)))
    }

    /// Checks one signature with every key it may have been made with.
    fn check(
        &self,
        signature: &RRSIG,
        ttl: u32,
        zone: &Zone,
        tried: &mut u16,
        work: &mut Work,
    ) -> Result<Result<Signed, SignatureFault>, Limit> {
        let input = signature.input();
        // RFC 4035 §5.3.1: no more labels than the owner; and a wildcard lies in the zone, too.
        if input.num_labels > self.owner.num_labels() || input.num_labels < zone.name.num_labels() {
            return Ok(Err(SignatureFault::Labels));
        }
        // RFC 4034 §3.1.5: serial arithmetic, in which what ends 2^31 seconds after its beginning, or later, ends
        // before it.
        let (inception, expiration) = (input.sig_inception.get(), input.sig_expiration.get());
        if expiration.wrapping_sub(inception) >= 0x8000_0000 {
            return Ok(Err(SignatureFault::Period { inception, expiration }));
        }
        if serial_cmp(work.now, inception) == Ordering::Less {
            return Ok(Err(SignatureFault::NotYetValid { inception }));
        }
        if serial_cmp(work.now, expiration) == Ordering::Greater {
            return Ok(Err(SignatureFault::Expired { expiration }));
        }
        let key_tag = input.key_tag;
        let mut fault = SignatureFault::UnknownKey { key_tag };
        for key in zone.keys.iter().filter(|k| k.tag == key_tag && k.algorithm() == input.algorithm) {
            *tried += 1;
            if *tried > work.budget.limits.signatures_per_rrset {
                return Err(Limit::SignaturesPerRrset);
            }
            work.budget.signature(key.cost)?;
            let verified =
                self.signed_data(signature).and_then(|data| key.key.verify(&data, signature.sig()));
            if verified.is_err() {
                work.budget.failed_signature()?;
                fault = SignatureFault::Invalid { key_tag };
                continue;
            }
            // RFC 4035 §5.3.3, and never beyond the signature's own end.
            let ttl = self.ttl().min(lifetime(ttl));
            let ttl = ttl.min(lifetime(input.original_ttl)).min(expiration.wrapping_sub(work.now));
            let expanded = input.num_labels < self.owner.num_labels();
            let encloser = expanded.then(|| self.owner.trim_to(input.num_labels.into()));
            work.evidence.limit(ttl);
            work.evidence.proof.add_signature(SignatureUse {
                rrset: self.question(),
                zone: zone.name.clone(),
                key_tag,
                algorithm: input.algorithm,
                expiration,
                wildcard: encloser.as_ref().and_then(wildcard_of),
            });
            return Ok(Ok(Signed { encloser, key: key.clone() }));
        }
        Ok(Err(fault))
    }

    /// What the signature is made over (RFC 4034 §3.1.8.1): the RRSIG's fields, then the records in canonical
    /// form and order, each once (§6.3).
    fn signed_data(&self, signature: &RRSIG) -> Result<Vec<u8>, ProtoError> {
        let input = signature.input();
        // RFC 4035 §5.3.2: the name as it stood in the zone.
        let wildcard = (input.num_labels < self.owner.num_labels())
            .then(|| wildcard_of(&self.owner.trim_to(input.num_labels.into())))
            .flatten();
        let mut head = canonical::encoded(
            wildcard.as_ref().map_or(self.owner, |name| name),
            NameEncoding::UncompressedLowercase,
        )?;
        head.extend(u16::from(self.record_type).to_be_bytes());
        head.extend(u16::from(DNSClass::IN).to_be_bytes());
        head.extend(input.original_ttl.to_be_bytes());

        let mut rdata = Vec::with_capacity(self.records.len());
        for record in &self.records {
            rdata.push(canonical::rdata(record)?);
        }
        rdata.sort_unstable();
        rdata.dedup();

        let mut data = canonical::encoded(input, NameEncoding::UncompressedLowercase)?;
        for rdata in rdata {
            let Ok(length) = u16::try_from(rdata.len()) else {
                return Err("RDATA longer than 65535 octets".into());
            };
            data.extend_from_slice(&head);
            data.extend(length.to_be_bytes());
            data.extend(rdata);
        }
        Ok(data)
    }
}

/// What a verified signature says about its RRset.
#[derive(Debug)]
pub(crate) struct Signed {
    /// Where the set was expanded from a wildcard: the name directly above that wildcard, which is the closest
    /// encloser of the owner (RFC 4592 §3.3.1).
    pub(crate) encloser: Option<Name>,
    /// The key that it was made with.
    pub(crate) key: ZoneKey,
}

/// A TTL as the seconds it stands for: with the highest bit set, none (RFC 2181 §8).
pub(crate) fn lifetime(ttl: u32) -> u32 {
    if ttl > i32::MAX as u32 { 0 } else { ttl }
}

/// The wildcard directly below a name; `None` where that name is too long to be one.
pub(crate) fn wildcard_of(encloser: &Name) -> Option<Name> {
    match encloser.prepend_label("*") {
        Ok(name) => Some(name),
        Err(_) => None,
    }
}

/// Compares two times in serial arithmetic (RFC 1982 §3.2). At the distance of 2^31, where the RFC leaves the
/// order undefined, the first counts as greater: such an end is over, and such a beginning belongs to a signature
/// whose end is over.
fn serial_cmp(a: u32, b: u32) -> Ordering {
    match a.wrapping_sub(b) {
        0 => Ordering::Equal,
        1..=0x8000_0000 => Ordering::Greater,
        0x8000_0001.. => Ordering::Less,
    }
}

fn signatures<'m>(section: &'m [Record], owner: &Name, covered: RecordType) -> Vec<(&'m RRSIG, u32)> {
    let covering = section.iter().filter_map(|record| Some((record, RRSIG::try_borrow(&record.data)?)));
    covering
        .filter(|(record, signature)| {
            signature.input().type_covered == covered
                && record.dns_class == DNSClass::IN
                && is_same_name(&record.name, owner)
        })
        .map(|(record, signature)| (signature, record.ttl))
        .collect()
}

/// The signatures of a section that one zone claims to have made over denials, by what they are over. A message may hold hundreds
/// of them, beside dozens of denials, and zones by the dozen may be named as signers: none of them is looked at twice.
pub(crate) struct DenialSignatures<'m>(HashMap<Covered, Vec<(&'m RRSIG, u32)>>);

/// An owner in canonical form, and a type.
type Covered = (Vec<u8>, RecordType);

impl<'m> DenialSignatures<'m> {
    pub(crate) fn by(signer: &Name, section: &'m [Record]) -> Self {
        let mut by_owner = HashMap::<_, Vec<_>>::new();
        for record in section {
            let Some(signature) = RRSIG::try_borrow(&record.data) else { continue };
            let input = signature.input();
            if matches!(input.type_covered, RecordType::NSEC | RecordType::NSEC3)
                && record.dns_class == DNSClass::IN
                && is_same_name(&input.signer_name, signer)
                && let Some(key) = Self::key(&record.name, input.type_covered)
            {
                by_owner.entry(key).or_default().push((signature, record.ttl));
            }
        }
        Self(by_owner)
    }

    /// Those over one record, if there is any.
    fn over(&self, record: &Record) -> Option<Vec<(&'m RRSIG, u32)>> {
        self.0.get(&Self::key(&record.name, record.record_type())?).cloned()
    }

    /// `None` for a name that cannot be written, which no record of a message has.
    fn key(owner: &Name, covered: RecordType) -> Option<Covered> {
        match canonical::encoded(owner, NameEncoding::UncompressedLowercase) {
            Ok(name) => Some((name, covered)),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::{
        dnssec::{
            Algorithm, PublicKeyBuf,
            rdata::{DNSKEY, DNSSECRData, sig::SigInput},
        },
        rr::{RData, SerialNumber, rdata::A},
    };

    use super::*;
    use crate::{LocalPolicy, TrustAnchors, anchor::base64};

    /// RFC 6605 §6 signs `www.example.net. 3600 IN A 192.0.2.1` with both ECDSA curves.
    #[test]
    fn the_signatures_of_rfc_6605_hold() {
        let (zone, owner) = ("example.net.", "www.example.net.");
        for (algorithm, tag, key, inception, expiration, signature) in [
            (
                Algorithm::ECDSAP256SHA256,
                55648,
                "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
                1_281_607_479,
                1_284_026_679,
                "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
            ),
            (
                Algorithm::ECDSAP384SHA384,
                10771,
                "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrbYQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40",
                1_281_608_425,
                1_284_027_625,
                "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm",
            ),
        ] {
            let name = |text| Name::from_ascii(text).unwrap();
            let key = DNSKEY::with_flags(257, PublicKeyBuf::new(base64(key).unwrap(), algorithm));
            let zone = Zone::new(&name(zone), vec![ZoneKey::new(&key, true).unwrap()]);
            assert_eq!(zone.keys[0].tag, tag, "the RFC states the tag");
            let input = SigInput {
                type_covered: RecordType::A,
                algorithm,
                num_labels: 3,
                original_ttl: 3600,
                sig_expiration: SerialNumber::new(expiration),
                sig_inception: SerialNumber::new(inception),
                key_tag: tag,
                signer_name: zone.name.clone(),
            };
            let rrsig = RRSIG::from_sig(input, base64(signature).unwrap());
            let section = [
                Record::from_rdata(name(owner), 3600, RData::A(A::new(192, 0, 2, 1))),
                Record::from_rdata(name(owner), 3600, RData::DNSSEC(DNSSECRData::RRSIG(rrsig))),
            ];
            let mut work = Work::new(inception + 100, &LocalPolicy::new(TrustAnchors::default()));
            let set = Rrset::find(&section, &name(owner), RecordType::A).unwrap();
            assert!(set.verify(&zone, &mut work).unwrap().encloser.is_none(), "{algorithm:?}");
            // One octet more or less, and it is another RRset.
            let other = Record::from_rdata(name(owner), 3600, RData::A(A::new(192, 0, 2, 2)));
            let section = [other, section[1].clone()];
            let set = Rrset::find(&section, &name(owner), RecordType::A).unwrap();
            assert!(set.verify(&zone, &mut work).is_err(), "{algorithm:?}");
        }
    }

    #[test]
    fn times_are_compared_in_serial_arithmetic() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, order, why) in [
            (1, 1, Equal, "the same second"),
            (2, 1, Greater, "later"),
            (1, 2, Less, "earlier"),
            (0x8000_0001, 0x7fff_ffff, Greater, "across 2038"),
            (5, 0xffff_fff0, Greater, "across the wrap of 2106"),
            (0xffff_fff0, 5, Less, "and back"),
            (0x8000_0000, 0, Greater, "half way round, where RFC 1982 defines no order: expired"),
            (0, 0x8000_0000, Greater, "in both directions"),
        ] {
            assert_eq!(serial_cmp(a, b), order, "{why}");
        }
    }
}
