//! The recursive server: zones chosen, aliases chased, signatures and denials gathered, as a resolver would that does not
//! validate.

use hickory_proto::{
    op::{Edns, Message, OpCode, ResponseCode},
    rr::{Name, RecordType},
};

use super::{World, authority::Reply, zone::Zone};

/// Size of UDP messages that never fragment, and the most that this server sends over UDP.
pub(super) const UDP_PAYLOAD: u16 = 1232;

/// An alias chain longer than this is a loop.
const MAX_ALIASES: usize = 16;

pub(super) fn answer(world: &World, query: &Message) -> Message {
    let mut message = response_to(query);
    let [question] = query.queries.as_slice() else {
        message.metadata.response_code = ResponseCode::FormErr;
        return message;
    };
    if query.metadata.op_code != OpCode::Query || question.query_type() == RecordType::ANY {
        message.metadata.response_code = ResponseCode::NotImp;
        return message;
    }
    let reply = resolve(world, &question.name().to_lowercase(), question.query_type());
    message.metadata.response_code = reply.rcode;
    message.answers = reply.answers;
    message.authorities = reply.authorities;
    // RFC 4035 §3.2.1: without DO, no DNSSEC records but those that were asked for.
    message.maybe_strip_dnssec_records(dnssec_ok(query))
}

/// An empty response of a recursive server to `query`.
pub(super) fn response_to(query: &Message) -> Message {
    let mut message = Message::response(query.metadata.id, query.metadata.op_code);
    message.metadata.recursion_desired = query.metadata.recursion_desired;
    message.metadata.checking_disabled = query.metadata.checking_disabled;
    message.metadata.recursion_available = true;
    message.add_queries(query.queries.iter().cloned());
    if query.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_PAYLOAD);
        edns.set_dnssec_ok(dnssec_ok(query));
        message.edns = Some(edns);
    }
    message
}

pub(super) fn dnssec_ok(query: &Message) -> bool {
    query.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok)
}

/// The zone that answers: for DS the one above the cut (RFC 4035 §3.1.4.1).
pub(super) fn zone_for<'a>(world: &'a World, name: &Name, rtype: RecordType) -> &'a Zone {
    let zone = world.zone_holding(name);
    match world.parent_of(zone.origin()) {
        Some(parent) if rtype == RecordType::DS && zone.origin() == name => parent,
        _ => zone,
    }
}

fn resolve(world: &World, name: &Name, rtype: RecordType) -> Reply {
    let mut whole = zone_for(world, name, rtype).reply(name, rtype);
    for _ in 0..MAX_ALIASES {
        let Some(target) = whole.alias.take() else { return whole };
        let next = zone_for(world, &target, rtype).reply(&target, rtype);
        if next.rcode == ResponseCode::ServFail {
            return next;
        }
        whole.rcode = next.rcode;
        whole.answers.extend(next.answers);
        for record in next.authorities {
            if !whole.authorities.contains(&record) {
                whole.authorities.push(record);
            }
        }
        whole.alias = next.alias;
    }
    Reply::failure(ResponseCode::ServFail)
}
