//! The recursive server: zones chosen, aliases chased, signatures and denials gathered, as a resolver would that does not
//! validate.

use hickory_proto::{
    op::{Edns, Message, OpCode, ResponseCode},
    rr::{Name, RecordType},
};

use super::{Signing, World, authority::Reply, zone::Zone};

/// Size of UDP messages that never fragment, and the most that this server sends over UDP.
pub(super) const UDP_PAYLOAD: u16 = 1232;

/// An alias chain longer than this is a loop.
const MAX_ALIASES: usize = 16;

pub(super) fn answer(world: &World, query: &Message) -> Message {
    answer_with_status(world, query).0
}

/// The same of a server that validates. The status comes out of the words for how the zones are signed.
pub(super) fn validated(world: &World, query: &Message) -> Message {
    let (mut message, status) = answer_with_status(world, query);
    match status {
        _ if query.metadata.checking_disabled => message,
        Typed::Bogus => {
            // RFC 4035 §5.5.
            let mut message = response_to(query);
            message.metadata.response_code = ResponseCode::ServFail;
            message
        }
        Typed::Secure | Typed::Insecure => {
            let failed =
                !matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain);
            // RFC 6840 §5.7 and §5.8: for whoever understands it.
            let understood = query.metadata.authentic_data || dnssec_ok(query);
            message.metadata.authentic_data = understood && status == Typed::Secure && !failed;
            message
        }
    }
}

fn answer_with_status(world: &World, query: &Message) -> (Message, Typed) {
    let mut message = response_to(query);
    let mut status = Typed::Secure;
    match question(query) {
        Err(rcode) => message.metadata.response_code = rcode,
        Ok((name, rtype)) => {
            let reply = resolve(world, &name, rtype, |zone, reply| {
                status = status.min(typed(world, zone, reply, rtype))
            });
            message.metadata.response_code = reply.rcode;
            message.answers = reply.answers;
            message.authorities = reply.authorities;
        }
    }
    // RFC 4035 §3.2.1: without DO, no DNSSEC records but those that were asked for.
    (message.maybe_strip_dnssec_records(dnssec_ok(query)), status)
}

/// What is asked, or the code that refuses it.
pub(super) fn question(query: &Message) -> Result<(Name, RecordType), ResponseCode> {
    let [question] = query.queries.as_slice() else { return Err(ResponseCode::FormErr) };
    if query.metadata.op_code != OpCode::Query || question.query_type() == RecordType::ANY {
        return Err(ResponseCode::NotImp);
    }
    Ok((question.name().to_lowercase(), question.query_type()))
}

/// A status as the words for the zones have it; nothing is validated. The order is that of trust.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Typed {
    Bogus,
    Insecure,
    Secure,
}

/// The status of a zone's part of an answer: what the first zone on the path says that is not signed as it should be.
fn typed(world: &World, zone: &Zone, reply: &Reply, rtype: RecordType) -> Typed {
    for on_path in world.path_to(zone) {
        match on_path.signing() {
            Signing::Unsigned | Signing::UnsupportedAlgorithm => return Typed::Insecure,
            Signing::Expired | Signing::NotYetValid | Signing::WrongDs => return Typed::Bogus,
            Signing::Nsec | Signing::Nsec3 { .. } => {}
        }
    }
    // RFC 5155 §9.2: a span with opt-out says of no name that it is not there, and of no delegation that it is signed.
    if let Signing::Nsec3 { opt_out: true, .. } = zone.signing()
        && (reply.rcode == ResponseCode::NXDomain || (rtype == RecordType::DS && reply.answers.is_empty()))
    {
        return Typed::Insecure;
    }
    Typed::Secure
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

/// Tells `note` what each zone on the way replies.
fn resolve(world: &World, name: &Name, rtype: RecordType, mut note: impl FnMut(&Zone, &Reply)) -> Reply {
    let mut ask = |name: &Name| {
        let zone = zone_for(world, name, rtype);
        let reply = zone.reply(name, rtype);
        note(zone, &reply);
        reply
    };
    let mut whole = ask(name);
    for _ in 0..MAX_ALIASES {
        let Some(target) = whole.alias.take() else { return whole };
        let next = ask(&target);
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
