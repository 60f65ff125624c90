//! What the people behind a zone can do about a failure.

use hickory_proto::{op::ResponseCode, rr::Name};

use crate::{Failure, FetchError, Limit, Reason, SignatureFault, shown::Shown};

impl Failure {
    /// What is to be done about it, and by whom: a sentence for the operator of the zone, or of the resolver.
    ///
    /// None of it is for whoever asked: an answer that is not proven stays unusable until the zone is mended. And each may as
    /// well be the work of an attacker between the zone and here, so that the first step is to ask from elsewhere.
    pub fn remedy(&self) -> String {
        let name = Shown(&self.record.name);
        let zone = Shown(self.zone.as_deref().map_or(&self.record.name, |zone| zone));
        match &self.reason {
            Reason::Unanswered(error) | Reason::Unfetched(error) => match error {
                FetchError::Timeout | FetchError::Unreachable => {
                    format!(
                        "see whether DNS servers can be reached from here, then whether those for {name} answer"
                    )
                }
                FetchError::Rcode(ResponseCode::Refused) => {
                    format!(
                        "see whether this machine may ask the resolver, then ask the name servers for {name} one by one"
                    )
                }
                FetchError::Rcode(_) => {
                    format!(
                        "ask the name servers for {name} one by one: the resolver had no usable answer from them"
                    )
                }
                FetchError::Malformed | FetchError::Truncated => {
                    format!(
                        "look for what garbles the answers for {name}: a name server, a firewall, or the resolver"
                    )
                }
            },
            Reason::NoVerdictFor(_) => "ask for a type of data, such as MX, A or TLSA".to_owned(),
            Reason::OverLimit(Limit::FailedSignatures) => {
                format!("sign {zone} again, and see that all its name servers have the same version")
            }
            Reason::OverLimit(Limit::Aliases) => {
                format!("shorten the chain of aliases that leads to {name}, or break its loop")
            }
            Reason::OverLimit(limit) => {
                format!("publish less around {zone}: too many {limit} to be judged with bounded work")
            }
            Reason::Unsigned | Reason::NoDnskey if self.zone.as_deref().is_some_and(Name::is_root) => {
                "take a resolver that passes DNSSEC records on: those of the root got lost on the way"
                    .to_owned()
            }
            Reason::Unsigned => format!(
                "sign {zone}, or have its DS records removed from the parent; see whether the resolver passes signatures on"
            ),
            Reason::BadSignature(fault) => match fault {
                SignatureFault::Expired { .. } => {
                    format!("sign {zone} again, and see why its signer stopped; check the clock here")
                }
                SignatureFault::NotYetValid { .. } => {
                    format!("check the clocks, here and where {zone} is signed")
                }
                SignatureFault::Period { .. } => {
                    format!("sign {zone} again, with an end less than 68 years after the beginning")
                }
                SignatureFault::UnknownKey { .. } => {
                    format!(
                        "publish the signing key among the DNSKEY records of {zone}, or sign it with one that is there"
                    )
                }
                SignatureFault::Labels | SignatureFault::Invalid { .. } => {
                    format!("sign {zone} again, and see that all its name servers have the same version")
                }
            },
            Reason::NoDnskey => {
                format!(
                    "publish the DNSKEY records of {zone}, or have its DS records removed from the parent"
                )
            }
            Reason::UntrustedDnskey => format!(
                "have DS records (or trust anchors) for {zone} that match a key which signs its DNSKEY records"
            ),
            Reason::DsNotDenied | Reason::NotDenied | Reason::WildcardNotProven => format!(
                "have the name servers of {zone} send the NSEC or NSEC3 records that belong to such an answer; see whether the \
                 resolver passes them on"
            ),
            Reason::Contradicted(_) => {
                format!("see that all name servers of {zone} have the same version of it")
            }
            Reason::ManyAliases => format!("leave one CNAME or DNAME record at {name}"),
            Reason::MalformedAlias => {
                format!("point the DNAME record at {name} to a name that is short enough")
            }
            Reason::AliasMismatch => {
                format!(
                    "see that all name servers of {zone} have the same version of it: its DNAME and their CNAME differ"
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RecordType;

    use super::*;
    use crate::Question;

    #[test]
    fn it_names_whose_matter_it_is() {
        let name = |text| Name::from_ascii(text).unwrap();
        let key_tag = 1;
        for (reason, whose, what) in [
            (Reason::Unanswered(FetchError::Timeout), "mx.zone.example", "DNS servers can be reached"),
            (Reason::Unfetched(FetchError::Unreachable), "mx.zone.example", "DNS servers can be reached"),
            (Reason::Unanswered(FetchError::Rcode(ResponseCode::ServFail)), "mx.zone.example", "one by one"),
            (Reason::Unanswered(FetchError::Rcode(ResponseCode::Refused)), "mx.zone.example", "may ask"),
            (Reason::Unanswered(FetchError::Malformed), "mx.zone.example", "garbles"),
            (Reason::OverLimit(Limit::Nsec3Hashes), "zone.example", "too many NSEC3 hashes"),
            (Reason::OverLimit(Limit::FailedSignatures), "zone.example", "sign"),
            (Reason::OverLimit(Limit::Aliases), "mx.zone.example", "break its loop"),
            (Reason::Unsigned, "zone.example", "sign"),
            (Reason::BadSignature(SignatureFault::Expired { expiration: 1 }), "zone.example", "again"),
            (Reason::BadSignature(SignatureFault::NotYetValid { inception: 1 }), "zone.example", "clock"),
            (
                Reason::BadSignature(SignatureFault::Period { inception: 2, expiration: 1 }),
                "zone.example",
                "68 years",
            ),
            (
                Reason::BadSignature(SignatureFault::UnknownKey { key_tag }),
                "zone.example",
                "publish the signing key",
            ),
            (Reason::BadSignature(SignatureFault::Invalid { key_tag }), "zone.example", "sign"),
            (Reason::NoDnskey, "zone.example", "publish the DNSKEY records"),
            (Reason::UntrustedDnskey, "zone.example", "match a key"),
            (Reason::DsNotDenied, "zone.example", "NSEC or NSEC3"),
            (Reason::Contradicted(RecordType::A), "zone.example", "same version"),
            (Reason::ManyAliases, "mx.zone.example", "one CNAME"),
            (Reason::MalformedAlias, "mx.zone.example", "DNAME"),
        ] {
            let record = Question::new(name("mx.zone.example."), RecordType::A);
            let remedy = Failure::new(record, Some(&name("zone.example.")), reason.clone()).remedy();
            let words: Vec<&str> = remedy.split([' ', ',', ':', ';']).collect();
            assert!(words.contains(&whose) && remedy.contains(what), "{reason:?}: {remedy}");
        }
        // Nobody has to tell the root's operators.
        for reason in [Reason::Unsigned, Reason::NoDnskey] {
            let record = Question::new(Name::root(), RecordType::DNSKEY);
            let remedy = Failure::new(record, Some(&Name::root()), reason.clone()).remedy();
            assert!(
                remedy.starts_with("take a resolver that passes DNSSEC records on"),
                "{reason:?}: {remedy}"
            );
        }
    }
}
