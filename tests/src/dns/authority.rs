//! What one zone says to a question (RFC 1034 §4.3.2, RFC 4035 §3.1), and the name servers that say it.

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::CNAME},
    serialize::binary::{BinDecodable, BinDecoder},
};

use super::{
    Face, World, front,
    zone::{RrSet, Zone, label_count},
};

/// What the name servers `face` say: an answer from one of their zones, or a referral to one below.
pub(super) fn answer(face: Face, world: &World, query: &Message) -> Message {
    let mut message = front::response_to(query);
    message.metadata.recursion_available = false;
    let (name, rtype) = match front::question(query) {
        Ok(question) => question,
        Err(rcode) => {
            message.metadata.response_code = rcode;
            return message;
        }
    };
    let Some(zone) = world.zone_at(face, &name, rtype) else {
        message.metadata.response_code = ResponseCode::Refused;
        return message;
    };
    match zone.cut_above(&name).filter(|cut| *cut != name || rtype != RecordType::DS) {
        Some(cut) => {
            let (authorities, glue) = zone.referral(&cut);
            message.authorities = authorities;
            message.additionals = vec![glue];
        }
        None => {
            let reply = zone.reply(&name, rtype);
            message.metadata.authoritative = true;
            message.metadata.response_code = reply.rcode;
            message.answers = reply.answers;
            message.authorities = reply.authorities;
        }
    }
    message.maybe_strip_dnssec_records(front::dnssec_ok(query))
}

/// A zone's part of an answer.
pub(super) struct Reply {
    pub(super) rcode: ResponseCode,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    /// Where an alias leads, still to be asked.
    pub(super) alias: Option<Name>,
}

impl Reply {
    pub(super) fn failure(rcode: ResponseCode) -> Self {
        Self { rcode, answers: Vec::new(), authorities: Vec::new(), alias: None }
    }

    fn positive(answers: Vec<Record>, authorities: Vec<Record>) -> Self {
        Self { rcode: ResponseCode::NoError, answers, authorities, alias: None }
    }
}

impl Zone {
    /// Answers from this zone's data alone. The caller has chosen the right zone: for DS at an apex, the parent.
    pub(super) fn reply(&self, name: &Name, rtype: RecordType) -> Reply {
        let cut = self.cut_above(name);
        if cut.as_ref().is_some_and(|cut| cut != name || rtype != RecordType::DS) {
            // The deepest zone was chosen, so the child of this cut does not exist: a lame delegation.
            return Reply::failure(ResponseCode::ServFail);
        }
        if let Some(dname) = self.dname_above(name) {
            return self.synthesize(dname, name);
        }
        if self.exists(name) {
            return match self.find(name, rtype) {
                Some(set) => redirect(self.signed(set), Vec::new(), rtype),
                None => self.negative(ResponseCode::NoError, self.deny_type(name)),
            };
        }
        let wildcard = self.closest_encloser(name).prepend_label("*").unwrap();
        if !self.exists(&wildcard) {
            return self.negative(ResponseCode::NXDomain, self.deny_name(name));
        }
        match self.find(&wildcard, rtype) {
            Some(set) => redirect(renamed(self.signed(set), name), self.deny_closer(name), rtype),
            None => self.negative(ResponseCode::NoError, self.deny_wildcard_type(name)),
        }
    }

    /// The RRset of the type, or the alias in its place.
    fn find(&self, name: &Name, rtype: RecordType) -> Option<&RrSet> {
        self.set(name, rtype).or_else(|| self.set(name, RecordType::CNAME))
    }

    fn negative(&self, rcode: ResponseCode, proof: Vec<Record>) -> Reply {
        let mut authorities = self.soa();
        // Negative answers are cached for the lesser of the SOA's TTL and its minimum (RFC 2308 §5).
        for record in &mut authorities {
            record.ttl = record.ttl.min(60);
        }
        if self.key().is_some() {
            authorities.extend(proof);
        }
        Reply { rcode, answers: Vec::new(), authorities, alias: None }
    }

    /// The DNAME with its signature, and the CNAME made from it, which is never signed (RFC 6672 §5.3.1).
    fn synthesize(&self, dname: &RrSet, name: &Name) -> Reply {
        let (owner, target) = (&dname.records()[0].name, dname_target(&dname.records()[0]));
        let kept = label_count(name) - label_count(owner);
        let Ok(alias) = Name::from_labels(name.iter().take(kept).chain(target.iter())) else {
            // §2.2: what would be too long a name is YXDOMAIN.
            return Reply::failure(ResponseCode::YXDomain);
        };
        let mut answers = self.signed(dname);
        let ttl = dname.records()[0].ttl;
        answers.push(Record::from_rdata(name.clone(), ttl, RData::CNAME(CNAME(alias.clone()))));
        Reply { alias: Some(alias), ..Reply::positive(answers, Vec::new()) }
    }
}

/// The records of a wildcard under the name that was asked for; its signature goes along (RFC 4035 §3.1.3.3).
pub(super) fn renamed(mut records: Vec<Record>, owner: &Name) -> Vec<Record> {
    for record in &mut records {
        record.name = owner.clone();
    }
    records
}

fn redirect(answers: Vec<Record>, authorities: Vec<Record>, rtype: RecordType) -> Reply {
    let alias = if let (RData::CNAME(CNAME(target)), true) = (&answers[0].data, rtype != RecordType::CNAME) {
        Some(target.to_lowercase())
    } else {
        None
    };
    Reply { alias, ..Reply::positive(answers, authorities) }
}

fn dname_target(record: &Record) -> Name {
    let RData::Unknown { rdata, .. } = &record.data else { panic!("DNAME has no type of its own") };
    Name::read(&mut BinDecoder::new(&rdata.anything)).unwrap()
}
