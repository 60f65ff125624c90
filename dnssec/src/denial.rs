//! Proofs that something is not there (RFC 4035 §5.4, RFC 5155 §8, RFC 6840 §4).

use hickory_proto::{
    dnssec::rdata::DNSSECRData,
    rr::{Name, RData, Record, RecordData, RecordType, RecordTypeSet, rdata::SOA},
};

use crate::{
    Denied, Failure, Insecurity, Limit, Question, Reason,
    nsec::NsecRecord,
    nsec3::Nsec3Chain,
    rrset::{DenialSignatures, Rrset, lifetime, wildcard_of},
    work::Work,
    zone::Zone,
};

/// The NSEC and NSEC3 records of a message that one zone really signed under their own names.
#[derive(Debug)]
pub(crate) struct Denials<'m> {
    zone: &'m Zone,
    nsec: Vec<NsecRecord<'m>>,
    nsec3: Nsec3Chain<'m>,
    /// Why a record that claims to be the zone's was left out, for the failure when the rest proves nothing.
    pub(crate) fault: Option<Failure>,
}

/// No denial is kept longer than three hours, in seconds (RFC 2308 §5).
pub(crate) const MAX_NEGATIVE_TTL: u32 = 10_800;

/// What the records say about the existence of a name.
#[derive(Debug)]
pub(crate) enum Existence<'m> {
    /// It exists with these types, none of them for an empty non-terminal.
    Exists(&'m RecordTypeSet),
    /// It exists only because names below it do.
    EmptyNonTerminal,
    /// It does not exist; `encloser` is the longest existing name above it. Inside an opt-out span there may be
    /// an unsigned delegation all the same (RFC 5155 §6).
    Absent { encloser: Name, opt_out: bool },
    /// Not computed (RFC 9276 §3.2).
    TooManyIterations(u16),
    /// They say nothing.
    Unproven,
}

/// A proven negative answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Negative {
    NoData,
    NxDomain,
    /// Nothing is proven but that the name may lie in an unsigned zone.
    Insecure(Insecurity),
}

/// What the parent side's denials say about a zone cut.
#[derive(Debug)]
pub(crate) enum DeniedCut {
    /// The name exists and is no zone cut.
    NotHere,
    /// The name does not exist.
    NoName,
    /// The delegation is unsigned, or may be.
    Insecure(Insecurity),
    /// There is a DS after all.
    Signed,
    Unproven,
}

/// Whether anything is closer to a name than the wildcard it was expanded from.
#[derive(Debug)]
pub(crate) enum Closer {
    None,
    Insecure(Insecurity),
    Unproven,
}

impl<'m> Denials<'m> {
    /// Picks the records out of an authority section and verifies them.
    pub(crate) fn collect(section: &'m [Record], zone: &'m Zone, work: &mut Work) -> Result<Self, Failure> {
        let mut denials = Self { zone, nsec: Vec::new(), nsec3: Nsec3Chain::new(&zone.name), fault: None };
        let signatures = DenialSignatures::by(&zone.name, section);
        let mut looked_at: u16 = 0;
        for record in section {
            let RData::DNSSEC(data) = &record.data else { continue };
            if !matches!(data, DNSSECRData::NSEC(_) | DNSSECRData::NSEC3(_))
                || !zone.name.zone_of(&record.name)
            {
                continue;
            }
            looked_at += 1;
            if looked_at > work.budget.limits.denials_per_message {
                return Err(
                    Limit::DenialsPerMessage.at(Question::new(record.name.clone(), record.record_type()))
                );
            }
            // RFC 4034 §4: there is one NSEC at a name, so that each is an RRset of its own (a message may hold
            // the parent's and the child's).
            let Some(set) = Rrset::single(record, &signatures) else { continue };
            match set.verify(zone, work) {
                // RFC 4035 §5.4: only under the owner name that was signed; an expanded denial would speak of
                // names that the zone never spoke of (CVE-2017-15105).
                Ok(signed) if signed.encloser.is_some() => continue,
                Ok(_) => {}
                Err(failure) if matches!(failure.reason, Reason::OverLimit(_)) => return Err(failure),
                Err(failure) => {
                    denials.fault.get_or_insert(failure);
                    continue;
                }
            }
            if let DNSSECRData::NSEC(nsec) = data {
                denials.nsec.push(NsecRecord { owner: &record.name, nsec });
            } else if let DNSSECRData::NSEC3(nsec3) = data {
                denials.nsec3.add(&record.name, nsec3);
            }
        }
        Ok(denials)
    }

    /// Proves that `question` has no records in this zone. `None`: not proven.
    pub(crate) fn prove(
        &mut self,
        question: &Question,
        work: &mut Work,
    ) -> Result<Option<Negative>, Failure> {
        let Question { name, record_type } = question;
        let limit = |limit: Limit| limit.at(question.clone());
        let negative = match self.existence(name, work).map_err(limit)? {
            Existence::Exists(types) if wrong_side(types, name, *record_type) => None,
            Existence::Exists(types) => Some(self.without(types, question)?),
            Existence::EmptyNonTerminal => Some(Negative::NoData),
            Existence::TooManyIterations(n) => Some(Negative::Insecure(Insecurity::Iterations(n))),
            // RFC 5155 §8.6 and errata: what an opt-out span covers may be delegated, unsigned.
            Existence::Absent { opt_out: true, .. } => Some(Negative::Insecure(Insecurity::OptOut)),
            Existence::Absent { encloser, opt_out: false } => {
                let Some(wildcard) = wildcard_of(&encloser) else { return Ok(None) };
                match self.existence(&wildcard, work).map_err(limit)? {
                    // RFC 4035 §3.1.3.4, RFC 5155 §8.7: the wildcard stands for the name, and lacks the type.
                    Existence::Exists(types) if is_cut(types) || types.contains(RecordType::DNAME) => None,
                    Existence::Exists(types) => Some(self.without(types, question)?),
                    Existence::EmptyNonTerminal => Some(Negative::NoData),
                    Existence::Absent { opt_out: false, .. } => Some(Negative::NxDomain),
                    Existence::Absent { opt_out: true, .. } => Some(Negative::Insecure(Insecurity::OptOut)),
                    Existence::TooManyIterations(_) | Existence::Unproven => None,
                }
            }
            Existence::Unproven => None,
        };
        Ok(negative)
    }

    /// What these records of a parent zone say about a zone cut at `name`, when no DS came (RFC 4035 §5.2, RFC 6840 §4.4).
    pub(crate) fn cut(&mut self, name: &Name, work: &mut Work) -> Result<DeniedCut, Limit> {
        Ok(match self.existence(name, work)? {
            Existence::Exists(types) if types.contains(RecordType::DS) => DeniedCut::Signed,
            // The child's own record: the parent is who knows about DS.
            Existence::Exists(types) if types.contains(RecordType::SOA) => DeniedCut::Unproven,
            Existence::Exists(types) if types.contains(RecordType::NS) => {
                DeniedCut::Insecure(Insecurity::NoDs)
            }
            Existence::Exists(_) | Existence::EmptyNonTerminal => DeniedCut::NotHere,
            Existence::Absent { opt_out: true, .. } => DeniedCut::Insecure(Insecurity::OptOut),
            Existence::Absent { opt_out: false, .. } => DeniedCut::NoName,
            Existence::TooManyIterations(n) => DeniedCut::Insecure(Insecurity::Iterations(n)),
            Existence::Unproven => DeniedCut::Unproven,
        })
    }

    /// Proves that between `name` and the `encloser` of its wildcard nothing exists (RFC 4035 §5.3.4,
    /// RFC 5155 §8.8).
    pub(crate) fn no_closer(
        &mut self,
        name: &Name,
        encloser: &Name,
        work: &mut Work,
    ) -> Result<Closer, Limit> {
        for nsec in &self.nsec {
            // The closest encloser that the record shows must be the wildcard's: otherwise a longer name
            // exists, and it, not the wildcard, decides.
            if let Some(Existence::Absent { encloser: shown, .. }) = nsec.covers(name, &self.zone.name)
                && shown == *encloser
            {
                work.evidence.proof.add_denial(nsec.denial(name, Denied::Name));
                return Ok(Closer::None);
            }
        }
        self.nsec3.no_closer(name, encloser, work)
    }

    /// The failure where the records do not prove what they should: what is wrong with one that was left out tells
    /// more than `reason`.
    pub(crate) fn unproven(self, question: &Question, reason: Reason) -> Failure {
        match self.fault {
            Some(fault) => fault,
            None => Failure::new(question.clone(), Some(&self.zone.name), reason),
        }
    }

    fn existence(&mut self, name: &Name, work: &mut Work) -> Result<Existence<'m>, Limit> {
        for nsec in &self.nsec {
            if nsec.owner == name {
                work.evidence.proof.add_denial(nsec.denial(name, Denied::Type));
                return Ok(Existence::Exists(nsec.nsec.type_set()));
            }
        }
        for nsec in &self.nsec {
            if let Some(existence) = nsec.covers(name, &self.zone.name) {
                let says = match matches!(existence, Existence::EmptyNonTerminal) {
                    true => Denied::EmptyNonTerminal,
                    false => Denied::Name,
                };
                work.evidence.proof.add_denial(nsec.denial(name, says));
                return Ok(existence);
            }
        }
        self.nsec3.existence(name, work)
    }

    /// NODATA by a record that matches the name or its wildcard, unless the record itself says otherwise.
    fn without(&self, types: &RecordTypeSet, question: &Question) -> Result<Negative, Failure> {
        // RFC 6840 §4.3: the CNAME bit means that there is an answer, an alias.
        for present in [question.record_type, RecordType::CNAME] {
            if types.contains(present) {
                let reason = Reason::Contradicted(present);
                return Err(Failure::new(question.clone(), Some(&self.zone.name), reason));
            }
        }
        Ok(Negative::NoData)
    }
}

/// Whether a record at the name itself comes from the side of a zone cut that does not know about the type
/// (RFC 6840 §4.1 and §4.4): DS is the parent's matter, everything else the child's.
fn wrong_side(types: &RecordTypeSet, name: &Name, record_type: RecordType) -> bool {
    match record_type == RecordType::DS {
        true => types.contains(RecordType::SOA) && !name.is_root(),
        false => is_cut(types),
    }
}

/// Whether the types are those of a delegation, seen from the parent.
pub(crate) fn is_cut(types: &RecordTypeSet) -> bool {
    types.contains(RecordType::NS) && !types.contains(RecordType::SOA)
}

/// For how long a denial may be kept at most, in seconds, by the SOA record beside it (RFC 2308 §5, RFC 9077 §3), which
/// need not be proven: it can only shorten what the denial records allow.
pub(crate) fn negative_ttl(section: &[Record], without_soa: u32) -> u32 {
    let soa = section.iter().filter_map(|record| Some((record.ttl, SOA::try_borrow(&record.data)?.minimum)));
    let ttl = soa.map(|(ttl, minimum)| lifetime(ttl).min(lifetime(minimum))).min();
    ttl.map_or(without_soa, |ttl| ttl.min(MAX_NEGATIVE_TTL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lifetime_of_denials() {
        let soa = |ttl, minimum| {
            let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, minimum);
            Record::from_rdata(Name::root(), ttl, RData::SOA(soa))
        };
        for (section, expected, why) in [
            (vec![soa(60, 300)], 60, "RFC 9077 §3: the SOA's TTL"),
            (vec![soa(300, 60)], 60, "or its MINIMUM"),
            (vec![soa(300, 300), soa(60, 60)], 60, "the least of several"),
            (vec![soa(86_400, 86_400)], 10_800, "RFC 2308 §5: three hours at the most"),
            (vec![soa(0x8000_0000, 300)], 0, "RFC 2181 §8: the highest bit makes it zero"),
            (vec![soa(300, u32::MAX)], 0, "in the MINIMUM, too"),
            (vec![], 77, "no SOA"),
        ] {
            assert_eq!(negative_ttl(&section, 77), expected, "{why}");
        }
    }
}
