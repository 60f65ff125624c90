//! What the people behind a zone can do about a failure.

use crate::{Failure, FetchError, Reason, SignatureFault, shown::Shown};

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
                        "see whether the resolver can be reached, then whether the name servers for {name} answer"
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
            Reason::OverLimit(limit) => {
                format!("publish less around {zone}: too many {limit} to be judged with bounded work")
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
