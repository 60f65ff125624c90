//! The names that a certificate under a DANE-TA trust anchor may carry (RFC 7672 §3.2.2).

use crate::{
    evidence::{Found, HostEvidence},
    mx::MxSource,
};

/// The reference identifiers for the TLSA base domain `base`, the primary one first, each once.
pub fn reference_ids(base: &str, evidence: &HostEvidence) -> Vec<String> {
    let next_hop = &evidence.next_hop;
    let mut names = vec![base];
    match (next_hop.source == MxSource::Mx, evidence.found) {
        // A secure MX RRset binds the next-hop domain to the host, so its names count too, before and after aliases.
        (true, Found::Securely) => {
            names.push(&next_hop.name);
            names.extend(next_hop.expanded.as_deref());
        }
        // Anybody may have put the host there: only its own name counts.
        (true, Found::Insecurely) => {}
        // No MX: the host is the next hop, and keeps its name from before the aliases.
        (false, _) => names.push(&evidence.host),
    }
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.iter().any(|known| known == name) {
            unique.push(name.to_owned());
        }
    }
    unique
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::NextHop;

    #[test]
    fn d72_62_to_66_reference_identifiers() {
        for (base, found, source, host, expanded, expected, why) in [
            ("mx", Found::Securely, MxSource::Mx, "mx", None, vec!["mx", "d"], "D72-63: next hop second"),
            (
                "mx",
                Found::Securely,
                MxSource::Mx,
                "mx",
                Some("e"),
                vec!["mx", "d", "e"],
                "D72-64: expanded next hop third",
            ),
            (
                "t",
                Found::Securely,
                MxSource::Mx,
                "mx",
                None,
                vec!["t", "d"],
                "D72-62, D71-16: the base domain is primary, not the alias",
            ),
            (
                "mx",
                Found::Insecurely,
                MxSource::Mx,
                "mx",
                Some("e"),
                vec!["mx"],
                "D72-65: insecure MX: the host only",
            ),
            (
                "e",
                Found::Securely,
                MxSource::Implicit,
                "d",
                Some("e"),
                vec!["e", "d"],
                "D72-66: no MX, base is the expanded next hop",
            ),
            ("d", Found::Securely, MxSource::Implicit, "d", None, vec!["d"], "each name once"),
            (
                "t",
                Found::Securely,
                MxSource::Host,
                "mx",
                None,
                vec!["t", "mx"],
                "a named host has its own name alone",
            ),
            (
                "d",
                Found::Insecurely,
                MxSource::Implicit,
                "d",
                None,
                vec!["d"],
                "an insecure denial of MX names the domain itself",
            ),
        ] {
            let evidence = HostEvidence {
                host: host.into(),
                found,
                next_hop: NextHop { name: "d".into(), expanded: expanded.map(str::to_owned), source },
                addresses: vec![],
                alias_check: None,
                tlsa: vec![],
            };
            assert_eq!(reference_ids(base, &evidence), expected, "{why}");
        }
    }
}
