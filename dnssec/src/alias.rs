//! Aliases: CNAME (RFC 1034 §3.6.2) and DNAME (RFC 6672).

use hickory_proto::rr::{Name, RData, Record, RecordType};

use crate::{Question, Reason, canonical, rrset::Rrset};

/// The one target of a CNAME RRset.
pub(crate) fn cname(rrset: &Rrset<'_>) -> Result<Name, Reason> {
    let mut target: Option<&Name> = None;
    for record in &rrset.records {
        let RData::CNAME(cname) = &record.data else { continue };
        if target.is_some_and(|other| *other != cname.0) {
            return Err(Reason::ManyAliases);
        }
        target = Some(&cname.0);
    }
    target.cloned().ok_or(Reason::MalformedAlias)
}

/// The nearest DNAME RRset strictly above `name` (RFC 6672 §2.3: it says nothing about its own owner).
pub(crate) fn dname_above<'m>(section: &'m [Record], name: &Name) -> Option<Rrset<'m>> {
    let owners = section
        .iter()
        .filter(|r| r.record_type() == RecordType::DNAME && r.name != *name && r.name.zone_of(name))
        .map(|record| &record.name);
    let owner = owners.max_by_key(|owner| owner.iter().count())?;
    Rrset::find(section, owner, RecordType::DNAME)
}

/// What a DNAME RRset makes of `name` (RFC 6672 §2.2).
pub(crate) fn substitute(rrset: &Rrset<'_>, name: &Name) -> Result<Name, Reason> {
    let mut target: Option<Name> = None;
    for record in &rrset.records {
        let Some(new) = dname_target(record) else { return Err(Reason::MalformedAlias) };
        if target.as_ref().is_some_and(|other| *other != new) {
            return Err(Reason::ManyAliases);
        }
        target = Some(new);
    }
    let Some(target) = target else { return Err(Reason::MalformedAlias) };
    let prefix = name.iter().count().saturating_sub(rrset.owner.iter().count());
    match Name::from_labels(name.iter().take(prefix)).and_then(|prefix| prefix.append_domain(&target)) {
        Ok(name) => Ok(name),
        // RFC 6672 §2.2: too long a name is YXDOMAIN.
        Err(_) => Err(Reason::MalformedAlias),
    }
}

/// The target of a DNAME record; `None` for other types and for data that is no name.
pub(crate) fn dname_target(record: &Record) -> Option<Name> {
    let RData::Unknown { code: RecordType::DNAME, rdata } = &record.data else { return None };
    canonical::only_name(&rdata.anything)
}

/// The CNAME record that stands for a DNAME's substitution (RFC 6672 §3.1).
pub(crate) fn synthesized(question: &Question, ttl: u32, target: Name) -> Record {
    Record::from_rdata(question.name.clone(), ttl, RData::CNAME(hickory_proto::rr::rdata::CNAME(target)))
}
