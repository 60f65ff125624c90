//! The names at which TLSA records are asked for (RFC 7672 §2.2.2, RFC 7671 §7).

use crate::{address::Addresses, lookup::Status};

/// Chooses the candidate TLSA base domains of `host`, in order. Empty where DANE does not apply.
///
/// Names between the first and the last of an alias chain are never candidates (RFC 7672 §2.2.3).
pub fn tlsa_base_candidates(host: &str, addresses: &Addresses) -> Vec<String> {
    match (&addresses.expanded, addresses.status, addresses.first_alias) {
        // §2.2.2: no alias, and the address itself is insecure: not asked at all.
        (None, Status::Insecure, _) => vec![],
        (None, Status::Secure, _) => vec![host.to_owned()],
        // §2.2.2: every alias is secure: the expanded name first, then the original.
        (Some(expanded), Status::Secure, _) => vec![expanded.clone(), host.to_owned()],
        // §2.2.2: only the first alias is secure: the original name only.
        (Some(_), Status::Insecure, Some(Status::Secure)) => vec![host.to_owned()],
        (Some(_), Status::Insecure, Some(Status::Insecure) | None) => vec![],
    }
}

/// Whether the alias has to be asked for by itself before its status counts (RFC 7672 §2.2.2): the address is insecure, and
/// behind a first alias that is secure the original name may still have TLSA records.
pub fn alias_check_is_due(addresses: &Addresses) -> bool {
    (addresses.status, addresses.first_alias) == (Status::Insecure, Some(Status::Secure))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Status::{Insecure, Secure};

    #[test]
    fn d71_15_d72_41_to_46_candidates() {
        for (expanded, status, first_alias, expected, why) in [
            (None, Insecure, None, vec![], "D72-41: insecure address: not asked"),
            (None, Secure, None, vec!["mx.example"], "D72-42: the host"),
            (Some("t.example"), Insecure, Some(Insecure), vec![], "D72-43: DANE does not apply"),
            (Some("t.example"), Insecure, Some(Secure), vec!["mx.example"], "D72-44: original only"),
            (
                Some("t.example"),
                Secure,
                Some(Secure),
                vec!["t.example", "mx.example"],
                "D72-45, D71-15: expanded first",
            ),
        ] {
            let addresses =
                Addresses { list: vec![], status, expanded: expanded.map(str::to_owned), first_alias };
            assert_eq!(tlsa_base_candidates("mx.example", &addresses), expected, "{why}");
        }
    }
}
