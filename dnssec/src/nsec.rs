//! What one NSEC record says (RFC 4034 §4, RFC 4035 §5.4).

use hickory_proto::{
    dnssec::rdata::NSEC,
    rr::{Name, RecordType},
};

use crate::{
    Denied,
    denial::{Existence, is_cut},
    proof::Denial,
};

/// A verified NSEC record.
#[derive(Debug)]
pub(crate) struct NsecRecord<'m> {
    pub(crate) owner: &'m Name,
    pub(crate) nsec: &'m NSEC,
}

impl NsecRecord<'_> {
    /// What follows for a name between the owner and the next name; `None` where it does not lie there.
    pub(crate) fn covers<'e>(&self, name: &Name, zone: &Name) -> Option<Existence<'e>> {
        let (owner, next) = (self.owner, self.nsec.next_domain_name());
        // RFC 4034 §4.1.1: the last record points back to the apex.
        let last = next == zone;
        let between = owner < name && (last || name < next);
        if !between || !zone.zone_of(name) || !zone.zone_of(next) || (!last && next <= owner) {
            return None;
        }
        // RFC 6840 §4.1, RFC 6672 §5.3.4.1: at a delegation or a DNAME the zone's knowledge ends; the gap says
        // nothing about names below.
        let types = self.nsec.type_set();
        if owner.zone_of(name) && (is_cut(types) || types.contains(RecordType::DNAME)) {
            return None;
        }
        if name.zone_of(next) {
            return Some(Existence::EmptyNonTerminal);
        }
        let mut encloser = name.base_name();
        while !encloser.zone_of(owner) && !encloser.zone_of(next) {
            encloser = encloser.base_name();
        }
        Some(Existence::Absent { encloser, opt_out: false })
    }

    pub(crate) fn denial(&self, about: &Name, says: Denied) -> Denial {
        Denial { owner: self.owner.clone(), record_type: RecordType::NSEC, about: about.clone(), says }
    }
}
