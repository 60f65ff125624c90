//! The precedence: DANE, then MTA-STS, then opportunistic TLS.

use dane::{Selection, TlsaRecord};

use crate::{
    address::{Addresses, addresses},
    dane_rules::DaneRules,
    evidence::{Found, HostEvidence, MtaStsEvidence, TlsaFinding},
    failure::Failure,
    lookup::{LookupError, LookupErrorKind, Outcome, Status},
    reference_ids::reference_ids,
    security_policy::{DanePolicy, EmptyTlsaRrset, SecurityPolicy},
    tlsa_base::{alias_check_is_due, tlsa_base_candidates},
};

/// Chooses the policy of one host. The rules may be a [`Profile`](dane::Profile) alone: [`Smtp`](dane::Profile::Smtp) is that
/// of RFC 7672.
///
/// # Errors
/// The host is unreachable: an address, TLSA or policy look-up ended in an error. No connection may be made to it,
/// whatever another policy says (RFC 7672 §2.1.2, RFC 8461 §2).
pub fn decide(
    evidence: &HostEvidence,
    mta_sts: &MtaStsEvidence,
    rules: impl Into<DaneRules>,
) -> Result<SecurityPolicy, Failure> {
    let (addresses, rules) = (addresses(evidence)?, rules.into());
    let dane = match tlsa(evidence, &addresses, rules)? {
        TlsaFinding::Records { base, records } => Some(dane_policy(evidence, rules, &base, records)?),
        TlsaFinding::NotAsked | TlsaFinding::None => None,
    };
    // RFC 8461 §2: where DANE authenticates a securely found host, MTA-STS is not consulted. A host found insecurely
    // may have been put there by anybody, and unusable records authenticate nothing: there a policy adds to DANE.
    if let Some(dane) = &dane
        && dane.found() == Found::Securely
        && matches!(dane.selection(), Selection::Usable(_))
    {
        return Ok(SecurityPolicy::new(Some(dane.clone()), None));
    }
    match mta_sts {
        MtaStsEvidence::NoPolicy => Ok(SecurityPolicy::new(dane, None)),
        MtaStsEvidence::Policy(policy) => Ok(SecurityPolicy::new(dane, Some(policy.clone()))),
        MtaStsEvidence::Failed(failure) => Err(failure.clone()),
    }
}

/// What the TLSA look-ups of a host came to: the first candidate with a secure RRset counts.
///
/// # Errors
/// A look-up failed, of the aliases (RFC 7672 §2.2.2) or of a candidate: the next candidate is not tried, since whoever
/// broke the first look-up would choose the second.
pub fn tlsa(
    evidence: &HostEvidence,
    addresses: &Addresses,
    rules: DaneRules,
) -> Result<TlsaFinding, Failure> {
    if !rules.apply_to(evidence.found) {
        return Ok(TlsaFinding::NotAsked);
    }
    match &evidence.alias_check {
        Some(Err(error)) => {
            return Err(error.failure(&format!("{} CNAME", evidence.host)).rfc("RFC 7672 2.2.2"));
        }
        Some(Ok(Status::Insecure)) => return Ok(TlsaFinding::NotAsked),
        None if alias_check_is_due(addresses) => {
            return Err(never_asked(&format!("{} CNAME", evidence.host)));
        }
        Some(Ok(Status::Secure)) | None => {}
    }
    let candidates = tlsa_base_candidates(&evidence.host, addresses);
    if candidates.is_empty() {
        return Ok(TlsaFinding::NotAsked);
    }
    for base in candidates {
        let subject = format!("the TLSA records of {base}");
        let Some(candidate) = evidence.tlsa.iter().find(|candidate| candidate.base == base) else {
            return Err(never_asked(&subject));
        };
        let answer = match &candidate.result {
            Ok(answer) => answer,
            Err(error) => return Err(error.failure(&subject).rfc("RFC 7672 2.1.2")),
        };
        match (&answer.outcome, answer.status) {
            (Outcome::Records(records), Status::Secure) => {
                return Ok(TlsaFinding::Records { base, records: records.clone() });
            }
            // RFC 7672 §2.2.3: insecure records, or none, leave the next candidate.
            (Outcome::Records(_), Status::Insecure) | (Outcome::NoData | Outcome::NoSuchName, _) => {}
        }
    }
    Ok(TlsaFinding::None)
}

/// Evidence that was never gathered is no evidence of absence.
fn never_asked(subject: &str) -> Failure {
    LookupError::new(LookupErrorKind::Indeterminate, "the question was never asked").failure(subject)
}

fn dane_policy(
    evidence: &HostEvidence,
    rules: DaneRules,
    base: &str,
    records: Vec<TlsaRecord>,
) -> Result<DanePolicy, Failure> {
    let names = reference_ids(base, evidence);
    DanePolicy::new(rules, base, evidence.found, records, names).map_err(|EmptyTlsaRrset| {
        LookupError::new(LookupErrorKind::Malformed, "the answer claims records and holds none")
            .failure(&format!("the TLSA records of {base}"))
    })
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use dane::Profile;

    use super::*;
    use crate::{
        AddressLookup, Alias, AliasKind, Answer, CertificateCheck, Channel, FailureCode, InsecureMx, Lookup,
        LookupError, LookupErrorKind, MatrixId, MxSource, NextHop, PolicyKind, Requirement, TlsReport,
        TlsaCandidate, Verdict, matrix, would_fail,
    };

    const KINDS: [LookupErrorKind; 7] = [
        LookupErrorKind::Bogus,
        LookupErrorKind::Indeterminate,
        LookupErrorKind::ServerFailure,
        LookupErrorKind::Timeout,
        LookupErrorKind::Malformed,
        LookupErrorKind::Budget,
        LookupErrorKind::AliasLoop,
    ];

    fn decide(evidence: &HostEvidence, mta_sts: &MtaStsEvidence) -> Result<SecurityPolicy, Failure> {
        super::decide(evidence, mta_sts, Profile::Smtp)
    }

    fn error<T>(kind: LookupErrorKind) -> Lookup<T> {
        Err(LookupError::new(kind, "broken"))
    }

    fn records<T>(status: Status, records: Vec<T>) -> Lookup<Vec<T>> {
        Ok(Answer { status, outcome: Outcome::Records(records), aliases: vec![] })
    }

    fn address(result: Lookup<Vec<IpAddr>>) -> AddressLookup {
        AddressLookup { record_type: "A", result }
    }

    fn localhost() -> Vec<IpAddr> {
        vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]
    }

    fn record(usage: u8) -> TlsaRecord {
        TlsaRecord { usage, selector: 1, matching: 1, data: vec![1; 32] }
    }

    fn host(found: Found, tlsa: Lookup<Vec<TlsaRecord>>) -> HostEvidence {
        HostEvidence {
            host: "mx.d.example".into(),
            found,
            next_hop: NextHop { name: "d.example".into(), expanded: None, source: MxSource::Mx },
            addresses: vec![address(records(Status::Secure, localhost()))],
            alias_check: None,
            tlsa: vec![TlsaCandidate { base: "mx.d.example".into(), result: tlsa }],
        }
    }

    fn sts(mode: &str, mx: &str) -> MtaStsEvidence {
        let text = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n");
        MtaStsEvidence::Policy(mta_sts::Policy::parse(text.as_bytes()).unwrap().policy)
    }

    #[test]
    fn d71_04_d72_58_the_profile_says_whether_the_usages_0_and_1_can_be_used() {
        use MatrixId::{DaneInsecureMx, DaneUnusable, DaneUnusableStsEnforce, DaneUsable};
        let (enforce, nothing) = (|| sts("enforce", "mx.d.example"), || MtaStsEvidence::NoPolicy);
        for (found, mta_sts, under_smtp, under_full) in [
            (Found::Securely, nothing(), DaneUnusable, DaneUsable),
            (Found::Insecurely, nothing(), DaneUnusable, DaneInsecureMx),
            (Found::Securely, enforce(), DaneUnusableStsEnforce, DaneUsable),
            (Found::Insecurely, enforce(), DaneUnusableStsEnforce, MatrixId::DaneInsecureMxStsEnforce),
        ] {
            for (usage, selector, matching) in
                [(0, 0, 1), (0, 1, 1), (1, 0, 1), (1, 1, 1), (0, 0, 2), (0, 1, 2), (1, 0, 2), (1, 1, 2)]
            {
                let data = vec![1; if matching == 1 { 32 } else { 64 }];
                let record = TlsaRecord { usage, selector, matching, data };
                let evidence = host(found, records(Status::Secure, vec![record.clone()]));
                for (profile, row) in [(Profile::Smtp, under_smtp), (Profile::Full, under_full)] {
                    let policy = super::decide(&evidence, &mta_sts, profile).unwrap();
                    assert_eq!(policy.row(), row, "{found:?}, {profile}: {record}");
                    assert_eq!(policy.dane_policy().unwrap().profile(), profile);
                }
            }
        }
    }

    #[test]
    fn d71_08_raw_keys_only_where_each_usable_record_can_match_one() {
        let usable = |usage, selector| TlsaRecord { selector, ..record(usage) };
        let (secure, insecure) = (Found::Securely, Found::Insecurely);
        let (enforce, testing) = (sts("enforce", "mx.d.example"), sts("testing", "mx.d.example"));
        let nothing = MtaStsEvidence::NoPolicy;
        for (found, tlsa, mta_sts, profile, expected, why) in [
            (secure, vec![usable(3, 0)], &nothing, Profile::Smtp, false, "it names the whole certificate"),
            (
                secure,
                vec![usable(2, 1)],
                &nothing,
                Profile::Smtp,
                false,
                "a trust anchor is above a certificate",
            ),
            (
                secure,
                vec![usable(3, 1), usable(2, 1)],
                &nothing,
                Profile::Smtp,
                false,
                "one needs a certificate",
            ),
            (secure, vec![usable(3, 1), usable(1, 1)], &nothing, Profile::Full, false, "so does this one"),
            (secure, vec![usable(1, 1)], &nothing, Profile::Smtp, false, "none can be used"),
            (secure, vec![], &nothing, Profile::Smtp, false, "no DANE"),
            (secure, vec![], &enforce, Profile::Smtp, false, "MTA-STS alone"),
            (insecure, vec![usable(3, 1)], &enforce, Profile::Smtp, false, "the Web PKI must hold too"),
            (secure, vec![usable(3, 1)], &nothing, Profile::Smtp, true, "3 1 1"),
            (
                secure,
                vec![usable(3, 1), usable(1, 1)],
                &nothing,
                Profile::Smtp,
                true,
                "the other is not usable",
            ),
            (secure, vec![usable(3, 1)], &enforce, Profile::Smtp, true, "MTA-STS is not consulted"),
            (insecure, vec![usable(3, 1)], &testing, Profile::Full, true, "testing enforces nothing"),
        ] {
            let outcome = if tlsa.is_empty() { Outcome::NoData } else { Outcome::Records(tlsa) };
            let answer = Answer { status: Status::Secure, outcome, aliases: vec![] };
            let policy = super::decide(&host(found, Ok(answer)), mta_sts, profile).unwrap();
            assert_eq!(policy.allows_raw_keys(), expected, "{why}");
        }
    }

    #[test]
    fn every_row_of_the_matrix_comes_out_as_itself() {
        let rows = matrix().unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        use MatrixId::*;
        let order = [
            DaneUsable,
            DaneUnusable,
            DaneUnusableStsEnforce,
            DaneInsecureMx,
            DaneInsecureMxStsEnforce,
            StsEnforce,
            StsTesting,
            Opportunistic,
            MxError,
            HostError,
        ];
        assert_eq!(ids, order);
    }

    #[test]
    fn what_each_row_asks_of_the_server() {
        use CertificateCheck::{Tlsa, WebPki};
        let usable = || records(Status::Secure, vec![record(3)]);
        let unusable = || records(Status::Secure, vec![record(0)]);
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        let insecure = || records(Status::Insecure, vec![record(3)]);
        let (secure_mx, insecure_mx) = (Found::Securely, Found::Insecurely);
        let (enforce, testing) = (|| sts("enforce", "mx.d.example"), || sts("testing", "mx.d.example"));
        let nothing = || MtaStsEvidence::NoPolicy;
        type Row = (
            Found,
            Lookup<Vec<TlsaRecord>>,
            MtaStsEvidence,
            PolicyKind,
            &'static [CertificateCheck],
            bool,
            Channel,
            &'static str,
        );
        let rows: [Row; 12] = [
            (secure_mx, usable(), nothing(), PolicyKind::Dane, &[Tlsa], true, Channel::Verified, "D72-19"),
            (
                secure_mx,
                usable(),
                enforce(),
                PolicyKind::Dane,
                &[Tlsa],
                true,
                Channel::Verified,
                "MTA-STS is not consulted",
            ),
            (
                secure_mx,
                unusable(),
                nothing(),
                PolicyKind::Dane,
                &[],
                true,
                Channel::Encrypted,
                "D72-21, D72-58",
            ),
            (
                secure_mx,
                unusable(),
                testing(),
                PolicyKind::Dane,
                &[],
                true,
                Channel::Encrypted,
                "testing enforces nothing",
            ),
            (
                secure_mx,
                unusable(),
                enforce(),
                PolicyKind::MtaSts,
                &[WebPki],
                true,
                Channel::Verified,
                "more protection never lowers the level",
            ),
            (
                insecure_mx,
                usable(),
                nothing(),
                PolicyKind::Dane,
                &[Tlsa],
                true,
                Channel::Trusted,
                "D72-34, D72-36",
            ),
            (
                insecure_mx,
                usable(),
                enforce(),
                PolicyKind::Dane,
                &[Tlsa, WebPki],
                true,
                Channel::Verified,
                "both must hold",
            ),
            (
                insecure_mx,
                usable(),
                testing(),
                PolicyKind::Dane,
                &[Tlsa],
                true,
                Channel::Trusted,
                "DANE alone enforces",
            ),
            (secure_mx, none(), enforce(), PolicyKind::MtaSts, &[WebPki], true, Channel::Verified, "STS-36"),
            (secure_mx, none(), testing(), PolicyKind::MtaSts, &[], false, Channel::Encrypted, "STS-38"),
            (
                secure_mx,
                none(),
                sts("none", "mx.d.example"),
                PolicyKind::Opportunistic,
                &[],
                false,
                Channel::Encrypted,
                "STS-39",
            ),
            (
                secure_mx,
                insecure(),
                nothing(),
                PolicyKind::Opportunistic,
                &[],
                false,
                Channel::Encrypted,
                "D72-23: insecure TLSA is none",
            ),
        ];
        for (found, tlsa, mta_sts, kind, checks, mandatory, channel, why) in rows {
            let policy = decide(&host(found, tlsa), &mta_sts).unwrap();
            assert_eq!(policy.kind(), kind, "{why}");
            assert_eq!(policy.certificate_checks(), checks, "{why}");
            assert_eq!(policy.is_tls_mandatory(), mandatory, "{why}");
            assert_eq!(Channel::over_tls(&policy), channel, "{why}");
        }
    }

    #[test]
    fn d72_34_an_insecure_mx_may_lower_dane_and_nothing_else() {
        use InsecureMx::{Dane, Encrypt, May};
        use MatrixId::{
            DaneInsecureMx, DaneInsecureMxStsEnforce, DaneUnusable, DaneUnusableStsEnforce, DaneUsable,
            Opportunistic, StsEnforce, StsTesting,
        };
        let usable = || records(Status::Secure, vec![record(3)]);
        let unusable = || records(Status::Secure, vec![record(0)]);
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        let (enforce, testing) = (sts("enforce", "mx.d.example"), sts("testing", "mx.d.example"));
        let nothing = MtaStsEvidence::NoPolicy;
        let (secure, insecure) = (Found::Securely, Found::Insecurely);
        for (found, tlsa, mta_sts, by_choice, why) in [
            (
                insecure,
                usable(),
                &nothing,
                [DaneInsecureMx, DaneUnusable, Opportunistic],
                "TLSA, TLS, or neither",
            ),
            (
                insecure,
                unusable(),
                &nothing,
                [DaneUnusable, DaneUnusable, Opportunistic],
                "unusable records are worth no more than usable ones",
            ),
            (
                insecure,
                usable(),
                &testing,
                [DaneInsecureMx, DaneUnusable, StsTesting],
                "testing enforces nothing",
            ),
            (
                insecure,
                usable(),
                &enforce,
                [DaneInsecureMxStsEnforce, DaneUnusableStsEnforce, StsEnforce],
                "an enforced policy stays enforced",
            ),
            (insecure, none(), &nothing, [Opportunistic; 3], "nothing to lower"),
            (insecure, none(), &enforce, [StsEnforce; 3], "nothing to lower"),
            (secure, usable(), &nothing, [DaneUsable; 3], "never at a host that was found securely"),
            (secure, usable(), &enforce, [DaneUsable; 3], "there DANE stands alone"),
            (secure, unusable(), &nothing, [DaneUnusable; 3], "unusable there too"),
            (secure, unusable(), &enforce, [DaneUnusableStsEnforce; 3], "unusable there too"),
        ] {
            for (insecure_mx, row) in [Dane, Encrypt, May].into_iter().zip(by_choice) {
                let rules = DaneRules { insecure_mx, ..DaneRules::default() };
                let policy = super::decide(&host(found, tlsa.clone()), mta_sts, rules).unwrap();
                assert_eq!(policy.row(), row, "{insecure_mx:?}: {why}");
                let by_dane = matches!(row, DaneUsable | DaneInsecureMx | DaneInsecureMxStsEnforce);
                let checked = policy.certificate_checks().contains(&CertificateCheck::Tlsa);
                assert_eq!(checked, by_dane, "{insecure_mx:?}: {why}");
                assert!(by_dane || !policy.allows_raw_keys(), "{insecure_mx:?}: {why}");
                assert_eq!(
                    policy.enforced_mta_sts().is_some(),
                    *mta_sts == enforce && row != DaneUsable,
                    "{insecure_mx:?}: {why}"
                );
                let required = Requirement::Dane.within_reach(&policy).is_ok();
                assert_eq!(required, row == DaneUsable, "D72-33, {insecure_mx:?}: {why}");
            }
        }
    }

    #[test]
    fn d72_34_records_that_are_not_asked_for_keep_no_mail_back() {
        for kind in KINDS {
            for (found, insecure_mx, reachable) in [
                (Found::Insecurely, InsecureMx::Dane, false),
                (Found::Insecurely, InsecureMx::Encrypt, false),
                (Found::Securely, InsecureMx::May, false),
                (Found::Insecurely, InsecureMx::May, true),
            ] {
                let rules = DaneRules { insecure_mx, ..DaneRules::default() };
                let policy = super::decide(&host(found, error(kind)), &MtaStsEvidence::NoPolicy, rules);
                assert_eq!(policy.is_ok(), reachable, "{kind}, {found:?}, {insecure_mx:?}");
            }
        }
    }

    #[test]
    fn d66_08_d72_10_sts_01_a_tlsa_error_makes_the_host_unreachable_whatever_mta_sts_says() {
        for kind in KINDS {
            for found in [Found::Securely, Found::Insecurely] {
                let failure = decide(&host(found, error(kind)), &sts("enforce", "mx.d.example")).unwrap_err();
                assert_eq!((failure.code, failure.verdict()), (kind.into(), Verdict::Defer), "{kind}");
            }
        }
    }

    #[test]
    fn d72_08_the_families_stand_in_for_each_other() {
        let nodata = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        for kind in KINDS {
            for (lookups, reachable, why) in [
                (
                    vec![address(records(Status::Secure, localhost())), address(error(kind))],
                    true,
                    "one family is enough",
                ),
                (
                    vec![address(error(kind)), address(records(Status::Secure, localhost()))],
                    true,
                    "either one",
                ),
                (vec![address(error(kind)), address(nodata())], false, "an error and no address"),
                (vec![address(nodata()), address(error(kind))], false, "no address and an error"),
                (vec![address(error(kind)), address(error(kind))], false, "two errors"),
            ] {
                let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
                evidence.addresses = lookups;
                let policy = decide(&evidence, &MtaStsEvidence::NoPolicy);
                assert_eq!(
                    policy.map(|_| ()).map_err(|failure| failure.code),
                    if reachable { Ok(()) } else { Err(kind.into()) },
                    "{why}"
                );
            }
        }
    }

    #[test]
    fn d72_40_no_address_bounces_only_where_nobody_named_a_host() {
        let nodata = |record_type| AddressLookup {
            record_type,
            result: Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] }),
        };
        let both = || vec![nodata("A"), nodata("AAAA")];
        for (source, addresses, code, verdict) in [
            (MxSource::Mx, both(), FailureCode::NoAddresses, Verdict::Defer),
            (MxSource::Host, both(), FailureCode::NoAddresses, Verdict::Defer),
            (MxSource::Implicit, both(), FailureCode::NoAddressesOfDomain, Verdict::Bounce),
            (MxSource::Implicit, vec![nodata("A")], FailureCode::NoAddresses, Verdict::Defer),
        ] {
            let mut evidence = host(Found::Securely, error(LookupErrorKind::Bogus));
            evidence.next_hop.source = source;
            evidence.addresses = addresses;
            let failure = decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap_err();
            assert_eq!((failure.code, failure.verdict()), (code, verdict));
        }
    }

    #[test]
    fn d72_18_an_error_of_the_alias_check_makes_the_host_unreachable() {
        for kind in KINDS {
            let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
            let alias = |name: &str, target: &str, status| Alias {
                name: name.into(),
                target: target.into(),
                kind: AliasKind::Cname,
                status,
            };
            evidence.addresses = vec![address(Ok(Answer {
                status: Status::Insecure,
                outcome: Outcome::Records(localhost()),
                aliases: vec![alias("mx.d.example", "t.example", Status::Secure)],
            }))];
            evidence.alias_check = Some(Err(LookupError::new(kind, "")));
            assert_eq!(decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap_err().code, kind.into());
            evidence.alias_check = Some(Ok(Status::Secure));
            assert!(decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap().is_dane(), "the twin: D72-44");
        }
    }

    #[test]
    fn evidence_that_was_never_gathered_makes_the_host_unreachable() {
        let code = |evidence: &HostEvidence| decide(evidence, &MtaStsEvidence::NoPolicy).unwrap_err().code;
        let mut evidence = host(Found::Securely, records(Status::Secure, vec![]));
        assert_eq!(code(&evidence), FailureCode::DnsMalformed, "an RRset without records");
        evidence.tlsa = vec![];
        assert_eq!(code(&evidence), FailureCode::DnsIndeterminate, "no TLSA question");
        let alias = |status| Alias {
            name: "mx.d.example".into(),
            target: "t.example".into(),
            kind: AliasKind::Cname,
            status,
        };
        let aliased = |status, first| {
            let aliases = vec![alias(first)];
            vec![address(Ok(Answer { status, outcome: Outcome::Records(localhost()), aliases }))]
        };
        let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
        evidence.addresses = aliased(Status::Insecure, Status::Secure);
        assert_eq!(code(&evidence), FailureCode::DnsIndeterminate, "the alias was not asked for by itself");
        evidence.addresses = aliased(Status::Secure, Status::Secure);
        assert_eq!(code(&evidence), FailureCode::DnsIndeterminate, "the expanded name was left out");
    }

    #[test]
    fn d66_07_d66_09_d72_48_an_insecure_candidate_leaves_the_next_one() {
        let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
        let alias = Alias {
            name: "mx.d.example".into(),
            target: "t.example".into(),
            kind: AliasKind::Cname,
            status: Status::Secure,
        };
        evidence.addresses = vec![address(Ok(Answer {
            status: Status::Secure,
            outcome: Outcome::Records(localhost()),
            aliases: vec![alias],
        }))];
        let expanded =
            |status| TlsaCandidate { base: "t.example".into(), result: records(status, vec![record(3)]) };
        evidence.tlsa.insert(0, expanded(Status::Insecure));
        let policy = decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap();
        assert_eq!(policy.dane_policy().unwrap().base(), "mx.d.example");
        evidence.tlsa = vec![expanded(Status::Secure)];
        let policy = decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap();
        assert_eq!(policy.sni("mx.d.example"), "t.example", "D72-72: the base domain, not the MX name");
    }

    #[test]
    fn sts_42_a_host_outside_an_enforced_policy_is_not_admitted() {
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        for (tlsa, found, mode, admitted, why) in [
            (none(), Found::Securely, "enforce", false, "MTA-STS alone"),
            (none(), Found::Securely, "testing", true, "testing admits all"),
            (records(Status::Secure, vec![record(0)]), Found::Securely, "enforce", false, "unusable TLSA"),
            (records(Status::Secure, vec![record(3)]), Found::Insecurely, "enforce", false, "insecure MX"),
            (records(Status::Secure, vec![record(3)]), Found::Securely, "enforce", true, "DANE stands alone"),
        ] {
            let policy = decide(&host(found, tlsa), &sts(mode, "other.example")).unwrap();
            let code = policy.admits("mx.d.example").map_err(|failure| failure.code);
            assert_eq!(code, if admitted { Ok(()) } else { Err(FailureCode::MxNotInPolicy) }, "{why}");
        }
    }

    #[test]
    fn a_policy_lookup_that_an_attacker_may_have_broken_delays_where_dane_does_not_stand_alone() {
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        for kind in KINDS {
            let error = LookupError::new(kind, "");
            let evidence = MtaStsEvidence::after_lookup_error("d.example", &error, None);
            let delays = matches!(
                kind,
                LookupErrorKind::Bogus | LookupErrorKind::Indeterminate | LookupErrorKind::Budget
            );
            for (tlsa, found, stands_alone) in [
                (none(), Found::Securely, false),
                (records(Status::Secure, vec![record(0)]), Found::Securely, false),
                (records(Status::Secure, vec![record(3)]), Found::Insecurely, false),
                (records(Status::Secure, vec![record(3)]), Found::Securely, true),
            ] {
                assert_eq!(decide(&host(found, tlsa), &evidence).is_err(), delays && !stands_alone, "{kind}");
            }
            let MtaStsEvidence::Policy(policy) = sts("enforce", "mx.d.example") else { panic!() };
            assert_eq!(
                MtaStsEvidence::after_lookup_error("d.example", &error, Some(policy.clone())),
                MtaStsEvidence::Policy(policy),
                "STS-28: {kind}"
            );
        }
    }

    #[test]
    fn d72_71_d71_24_requirements_are_judged_before_any_connection() {
        let usable = || records(Status::Secure, vec![record(3)]);
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        let enforce = || sts("enforce", "mx.d.example");
        let (required, by_caller) = (Err(FailureCode::TlsaRequired), Err(FailureCode::TlsRequiredByCaller));
        for (tlsa, found, mta_sts, dane, authenticated) in [
            (usable(), Found::Securely, MtaStsEvidence::NoPolicy, Ok(()), Ok(())),
            (usable(), Found::Insecurely, MtaStsEvidence::NoPolicy, required, by_caller),
            (usable(), Found::Insecurely, enforce(), required, Ok(())),
            (
                records(Status::Secure, vec![record(0)]),
                Found::Securely,
                MtaStsEvidence::NoPolicy,
                required,
                by_caller,
            ),
            (none(), Found::Securely, enforce(), required, Ok(())),
            (none(), Found::Securely, MtaStsEvidence::NoPolicy, required, by_caller),
        ] {
            let policy = decide(&host(found, tlsa), &mta_sts).unwrap();
            let code =
                |requirement: Requirement| requirement.within_reach(&policy).map_err(|failure| failure.code);
            assert_eq!(code(Requirement::Dane), dane);
            assert_eq!(code(Requirement::Authenticated), authenticated);
            assert_eq!(code(Requirement::Tls), Ok(()));
        }
    }

    #[test]
    fn sts_43_testing_reports_what_it_would_have_refused() {
        let none = || Ok(Answer { status: Status::Secure, outcome: Outcome::NoData, aliases: vec![] });
        let fault = || Failure::new(FailureCode::CertificateExpired, "expired");
        for (mode, mx, report, expected) in [
            ("testing", "mx.d.example", TlsReport::Tls(Ok(())), None),
            ("testing", "mx.d.example", TlsReport::Tls(Err(fault())), Some(FailureCode::CertificateExpired)),
            ("testing", "mx.d.example", TlsReport::ClearText(fault()), Some(FailureCode::CertificateExpired)),
            ("testing", "other.example", TlsReport::Tls(Ok(())), Some(FailureCode::MxNotInPolicy)),
            ("enforce", "mx.d.example", TlsReport::Tls(Err(fault())), None),
            ("none", "other.example", TlsReport::Tls(Err(fault())), None),
        ] {
            let policy = decide(&host(Found::Securely, none()), &sts(mode, mx)).unwrap();
            assert_eq!(
                would_fail(&policy, "mx.d.example", &report).map(|failure| failure.code),
                expected,
                "{mode} {mx}"
            );
        }
    }

    fn alias(name: &str, target: &str, status: Status) -> Alias {
        Alias { name: name.into(), target: target.into(), kind: AliasKind::Cname, status }
    }

    fn reached_by(status: Status, aliases: Vec<Alias>) -> Vec<AddressLookup> {
        vec![address(Ok(Answer { status, outcome: Outcome::Records(localhost()), aliases }))]
    }

    #[test]
    fn decision_28_an_error_at_the_expanded_name_ends_the_search() {
        for kind in KINDS {
            let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
            let first = || vec![alias("mx.d.example", "t.example", Status::Secure)];
            evidence.addresses = reached_by(Status::Secure, first());
            evidence.tlsa.insert(0, TlsaCandidate { base: "t.example".into(), result: error(kind) });
            assert_eq!(decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap_err().code, kind.into());
            evidence.addresses = reached_by(Status::Insecure, first());
            evidence.alias_check = Some(Ok(Status::Insecure));
            let policy = decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap();
            assert!(!policy.is_dane(), "an alias that proves insecure when asked for by itself");
        }
    }

    #[test]
    fn d72_41_an_insecure_family_does_not_hide_the_secure_one() {
        let (one, two) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
        evidence.addresses =
            vec![address(records(Status::Insecure, vec![two])), address(records(Status::Secure, vec![one]))];
        assert!(decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap().is_dane());
        assert_eq!(addresses(&evidence).unwrap().list, [two, one], "and both are connected to");
    }

    #[test]
    fn decision_26_sni_is_the_mx_host_where_mta_sts_is_enforced_too() {
        for (found, usage) in [(Found::Securely, 0), (Found::Insecurely, 3)] {
            let mut evidence = host(found, records(Status::Secure, vec![record(usage)]));
            evidence.addresses =
                reached_by(Status::Secure, vec![alias("mx.d.example", "t.example", Status::Secure)]);
            evidence.tlsa[0].base = "t.example".into();
            let policy = decide(&evidence, &sts("enforce", "mx.d.example")).unwrap();
            assert_eq!(policy.sni("mx.d.example"), "mx.d.example");
            let alone = decide(&evidence, &MtaStsEvidence::NoPolicy).unwrap();
            assert_eq!(alone.sni("mx.d.example"), "t.example");
        }
    }

    #[test]
    fn d72_44_the_first_alias_counts() {
        for (first, last) in [(Status::Secure, Status::Insecure), (Status::Insecure, Status::Secure)] {
            let mut evidence = host(Found::Securely, records(Status::Secure, vec![record(3)]));
            let aliases =
                vec![alias("mx.d.example", "a.example", first), alias("a.example", "t.example", last)];
            evidence.addresses = reached_by(Status::Insecure, aliases);
            assert_eq!(addresses(&evidence).unwrap().first_alias, Some(first));
        }
    }

    #[test]
    fn sts_39_a_policy_of_mode_none_made_by_hand_is_none() {
        let MtaStsEvidence::Policy(none) = sts("none", "mx.d.example") else { panic!() };
        assert!(!SecurityPolicy::mta_sts(none).is_mta_sts());
    }
}
