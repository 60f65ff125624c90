//! The messages: what a question looks like, and what answers it.

use dnssec::Question;
use hickory_proto::{
    op::{Edns, Message, MessageType, Query, ResponseCode},
    rr::{DNSClass, RecordType},
};

/// What is offered for UDP: an answer of this size crosses nearly every path unfragmented (RFC 9715 §3).
const EDNS_PAYLOAD: u16 = 1232;

/// What the server that is asked is to us.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// It resolves, and we judge: it is to pass on what it finds bogus too (RFC 4035 §3.2.2).
    Recursive,
    /// It resolves and judges: it says so by the AD bit, which we ask for by ours (RFC 6840 §5.7).
    Trusted,
    /// It resolves, and nothing of DNSSEC is said to it, nor of EDNS: whoever answers anything answers this.
    Plain,
    /// It answers for its own zones. To be asked to recurse would be a loop waiting to happen (RFC 1034 §5.3.3).
    Authority,
}

/// The question as a message, with an id by chance.
pub(crate) fn query(question: &Question, role: Role) -> Message {
    let mut message = Message::query();
    message.add_query(Query::query(question.name.clone(), question.record_type));
    message.metadata.recursion_desired = role != Role::Authority;
    message.metadata.checking_disabled = role == Role::Recursive;
    message.metadata.authentic_data = role == Role::Trusted;
    if role != Role::Plain {
        let mut edns = Edns::new();
        edns.set_max_payload(EDNS_PAYLOAD);
        edns.enable_dnssec();
        message.edns = Some(edns);
    }
    message
}

/// Whether the message is an answer to the question (RFC 5452 §9.1). Who refuses may leave the question out, as unbound does.
pub(crate) fn answers(message: &Message, question: &Question) -> bool {
    let matches = match message.queries.as_slice() {
        [query] => {
            *query.name() == question.name
                && query.query_type() == question.record_type
                && query.query_class() == DNSClass::IN
        }
        [] => !matches!(message.metadata.response_code, ResponseCode::NoError | ResponseCode::NXDomain),
        _ => false,
    };
    matches && message.metadata.message_type == MessageType::Response
}

/// Whether the message names servers and denies nothing (RFC 2308 §2.2): there is no SOA record beside them.
pub(crate) fn is_referral(message: &Message) -> bool {
    let has = |record_type| message.authorities.iter().any(|record| record.record_type() == record_type);
    message.metadata.response_code == ResponseCode::NoError
        && message.answers.is_empty()
        && has(RecordType::NS)
        && !has(RecordType::SOA)
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::Name;

    use super::*;

    #[test]
    fn what_is_asked_and_what_is_an_answer() {
        let question = Question::new(Name::from_ascii("mx.example.").unwrap(), RecordType::A);
        for (role, rd, cd, ad, why) in [
            (Role::Authority, false, false, false, "RFC 1034 5.3.3"),
            (
                Role::Trusted,
                true,
                false,
                true,
                "RFC 6840 5.7: AD is asked for, and with CD it would mean nothing",
            ),
            (Role::Recursive, true, true, false, "RFC 4035 3.2.2"),
            (Role::Plain, true, false, false, "RFC 1035 4.1.1"),
        ] {
            let query = query(&question, role);
            let header = query.metadata;
            let bits = (header.recursion_desired, header.checking_disabled, header.authentic_data);
            assert_eq!(bits, (rd, cd, ad), "{why}");
            assert_eq!(query.edns.is_some(), role != Role::Plain, "{why}");
        }
        let asked = query(&question, Role::Recursive);
        let edns = asked.edns.as_ref().unwrap();
        assert!(edns.flags().dnssec_ok);
        assert_eq!(edns.max_payload(), EDNS_PAYLOAD);
        let mut answer = asked.clone();
        assert!(!answers(&answer, &question), "a query is no response");
        answer.metadata.message_type = MessageType::Response;
        assert!(answers(&answer, &question));
        for (name, record_type) in [("other.example.", RecordType::A), ("mx.example.", RecordType::AAAA)] {
            let mut other = answer.clone();
            other.queries = vec![Query::query(Name::from_ascii(name).unwrap(), record_type)];
            assert!(!answers(&other, &question), "{name} {record_type}");
        }
        let mut other = answer.clone();
        other.queries[0].set_query_class(DNSClass::CH);
        assert!(!answers(&other, &question), "another class");
        answer.queries.clear();
        for (code, expected) in
            [(ResponseCode::NoError, false), (ResponseCode::NXDomain, false), (ResponseCode::Refused, true)]
        {
            answer.metadata.response_code = code;
            assert_eq!(answers(&answer, &question), expected, "no question at all, with {code}");
        }
    }
}
