//! Every policy against every kind of certificate.

use std::net::{IpAddr, Ipv4Addr};

use dane::{Profile, TlsaRecord};
use mxtls_policy::{
    AddressLookup, Answer, Found, HostEvidence, MtaStsEvidence, MxSource, NextHop, Outcome, SecurityPolicy,
    Status, TlsaCandidate, decide,
};
use mxtls_verifier::{Offer, TlsSettings, Verdict};
use rcgen::{BasicConstraints, IsCa, date_time_ymd};

use crate::{
    certificates::{Ca, Credentials, HOST, foreign_tlsa, leaf, unusable_tlsa},
    server::{Server, VERSIONS, connect},
};

/// The policy of the host, decided from evidence; it is named by a secure MX record if `found` says so.
pub(crate) fn decided(found: Found, records: Vec<TlsaRecord>, sts: Option<&str>) -> SecurityPolicy {
    decided_under(Profile::Smtp, found, records, sts)
}

/// The same under a profile.
pub(crate) fn decided_under(
    profile: Profile,
    found: Found,
    records: Vec<TlsaRecord>,
    sts: Option<&str>,
) -> SecurityPolicy {
    let secure = |outcome| Answer { status: Status::Secure, outcome, aliases: vec![] };
    let evidence = HostEvidence {
        host: HOST.into(),
        found,
        next_hop: NextHop { name: "example.com".into(), expanded: None, source: MxSource::Mx },
        addresses: vec![AddressLookup {
            record_type: "A",
            result: Ok(Answer {
                status: Status::Secure,
                outcome: Outcome::Records(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]),
                aliases: vec![],
            }),
        }],
        alias_check: None,
        tlsa: vec![TlsaCandidate {
            base: HOST.into(),
            result: Ok(secure(if records.is_empty() { Outcome::NoData } else { Outcome::Records(records) })),
        }],
    };
    let mta_sts = sts.map_or(MtaStsEvidence::NoPolicy, |mode| MtaStsEvidence::Policy(mta_sts(mode)));
    decide(&evidence, &mta_sts, profile).unwrap()
}

pub(crate) fn mta_sts(mode: &str) -> mta_sts::Policy {
    let file = format!("version: STSv1\nmode: {mode}\nmx: {HOST}\nmax_age: 86400\n");
    mta_sts::Policy::parse(file.as_bytes()).unwrap().policy
}

/// A policy of every kind, each of which a server with these certificates of the trusted authority meets.
pub(crate) fn every_policy(good: &Credentials) -> Vec<(SecurityPolicy, &'static str)> {
    use Found::{Insecurely, Securely};
    let full = |record| decided_under(Profile::Full, Securely, vec![record], None);
    vec![
        (dane(good.dane_ee()), "DANE-EE"),
        (dane(good.dane_ee_key()), "DANE-EE, the key"),
        (dane(good.dane_ta()), "DANE-TA"),
        (full(good.pkix_ee()), "PKIX-EE"),
        (full(good.pkix_ta()), "PKIX-TA"),
        (decided(Securely, vec![unusable_tlsa()], None), "unusable TLSA"),
        (decided(Securely, vec![unusable_tlsa()], Some("testing")), "unusable TLSA, testing"),
        (decided(Securely, vec![unusable_tlsa()], Some("enforce")), "unusable TLSA, enforce"),
        (decided(Insecurely, vec![good.dane_ee()], None), "insecure MX"),
        (decided(Insecurely, vec![good.dane_ee()], Some("testing")), "insecure MX, testing"),
        (decided(Insecurely, vec![good.dane_ee()], Some("enforce")), "insecure MX, enforce"),
        (SecurityPolicy::mta_sts(mta_sts("enforce")), "enforce"),
        (SecurityPolicy::mta_sts(mta_sts("testing")), "testing"),
        (SecurityPolicy::opportunistic(), "opportunistic"),
    ]
}

fn dane(record: TlsaRecord) -> SecurityPolicy {
    decided(Found::Securely, vec![record], None)
}

/// Runs over both versions and returns the verdict, with the outcome's code if it failed.
fn judge(
    policy: &SecurityPolicy,
    settings: &TlsSettings,
    credentials: &Credentials,
) -> (Verdict, Option<&'static str>) {
    let [first, second] = VERSIONS.map(|version| {
        let (handshake, result) = connect(policy, settings, &Server::new(credentials, version));
        let failed = result.err().map(|failure| failure.code.as_str());
        (handshake.verdict().expect("certificates were seen").clone(), failed)
    });
    assert_eq!(first.1, second.1, "TLS 1.2 and 1.3 agree");
    first
}

fn web_pki(verdict: &Verdict) -> Option<&'static str> {
    verdict.web_pki.as_ref().err().map(|failure| failure.code.as_str())
}

#[test]
fn sts_36_web_pki_faults_under_every_policy_that_does_and_does_not_enforce_it() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let expired = {
        let mut params = leaf(HOST);
        params.not_after = date_time_ymd(2026, 12, 31);
        ca.issue(params)
    };
    let early = {
        let mut params = leaf(HOST);
        params.not_before = date_time_ymd(2027, 1, 2);
        ca.issue(params)
    };
    let no_san = {
        let mut params = leaf(HOST);
        params.subject_alt_names.clear();
        ca.issue(params)
    };
    let self_signed_ca = {
        let mut params = leaf(HOST);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Credentials::self_signed(params, &rcgen::PKCS_ECDSA_P256_SHA256)
    };
    let alone = {
        let mut good = ca.server(HOST);
        good.chain.truncate(1);
        good
    };
    for (credentials, expected, why) in [
        (ca.server(HOST), None, "good"),
        (ca.server("*.example.com"), None, "STS-36: a wildcard for one label"),
        (alone, None, "the root need not be sent"),
        (
            ca.server("example.com"),
            Some("certificate-host-mismatch"),
            "D72-65: the next hop is not the MX host",
        ),
        (ca.server("*.mx.example.com"), Some("certificate-host-mismatch"), "a wildcard is not its parent"),
        (no_san, Some("certificate-host-mismatch"), "STS-36: a common name is no DNS-ID"),
        (expired, Some("certificate-expired"), "STS-36"),
        (early, Some("certificate-not-yet-valid"), "STS-36"),
        (Ca::new("Trusted").server(HOST), Some("certificate-untrusted"), "another CA of the same name"),
        (self_signed_ca, Some("certificate-untrusted"), "a CA as a server"),
        (
            Credentials::self_signed(leaf(HOST), &rcgen::PKCS_ECDSA_P256_SHA256),
            Some("certificate-untrusted"),
            "STS-36: self-signed",
        ),
        (Credentials::v1(), Some("certificate-malformed"), "version 1 has no names"),
        (
            Credentials::unknown_critical(),
            Some("certificate-untrusted"),
            "nobody knows what the extension demands",
        ),
    ] {
        let (verdict, failed) = judge(&SecurityPolicy::mta_sts(mta_sts("enforce")), &settings, &credentials);
        assert_eq!((web_pki(&verdict), failed), (expected, expected), "enforce: {why}");
        for (policy, name) in [
            (SecurityPolicy::mta_sts(mta_sts("testing")), "STS-38: testing"),
            (SecurityPolicy::opportunistic(), "opportunistic"),
            (decided(Found::Securely, vec![unusable_tlsa()], None), "D72-21: unusable TLSA"),
            (dane(credentials.dane_ee()), "D72-52 to D72-54: DANE-EE"),
        ] {
            let (verdict, failed) = judge(&policy, &settings, &credentials);
            assert_eq!((web_pki(&verdict), failed), (expected, None), "{name}: {why}");
        }
    }
}

#[test]
fn tlsa_and_policies() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    let next_hop = ca.server("example.com");
    let foreign = Ca::new("Foreign").server(HOST);
    let two = |credentials: &Credentials| vec![foreign_tlsa(), credentials.dane_ee()];
    use Found::{Insecurely, Securely};
    // In the order of the matrix; `tlsa` is whether a record matched, `None` where none is usable.
    for (policy, credentials, tlsa, failed, why) in [
        (dane(good.dane_ee()), &good, Some(true), None, "D72-19: DANE-EE matches"),
        (dane(good.dane_ta()), &good, Some(true), None, "D72-55: DANE-TA matches"),
        (decided(Securely, two(&good), None), &good, Some(true), None, "D71-17: any record suffices"),
        (dane(next_hop.dane_ta()), &next_hop, Some(true), None, "D72-63: DANE-TA and the next hop's name"),
        (dane(foreign_tlsa()), &good, Some(false), Some("tlsa-no-match"), "D72-59: Web PKI does not rescue"),
        (
            decided(Securely, vec![foreign_tlsa()], Some("enforce")),
            &good,
            Some(false),
            Some("tlsa-no-match"),
            "STS-01: nor does MTA-STS",
        ),
        (dane(good.dane_ta()), &foreign, Some(false), Some("tlsa-no-match"), "DANE-TA of another CA"),
        (
            dane(Ca::new("Trusted").server("other.example.com").dane_ta()),
            &good,
            Some(false),
            Some("tlsa-no-match"),
            "a CA of the same name with another key",
        ),
        (
            decided(Securely, vec![unusable_tlsa()], None),
            &foreign,
            None,
            None,
            "D72-21: unusable, so unauthenticated",
        ),
        (
            decided(Securely, vec![unusable_tlsa()], Some("enforce")),
            &foreign,
            None,
            Some("certificate-untrusted"),
            "unusable beside enforce: the Web PKI must hold",
        ),
        (decided(Securely, vec![unusable_tlsa()], Some("enforce")), &good, None, None, "and it does"),
        (
            decided(Insecurely, vec![next_hop.dane_ta()], None),
            &next_hop,
            Some(false),
            Some("certificate-host-mismatch"),
            "D72-65: found insecurely, the next hop's name does not count",
        ),
        (
            decided(Insecurely, vec![foreign.dane_ee()], None),
            &foreign,
            Some(true),
            None,
            "D72-34: DANE all the same",
        ),
        (
            decided(Insecurely, vec![foreign.dane_ee()], Some("enforce")),
            &foreign,
            Some(true),
            Some("certificate-untrusted"),
            "found insecurely beside enforce: a match alone does not suffice",
        ),
        (
            decided(Insecurely, vec![foreign_tlsa()], Some("enforce")),
            &good,
            Some(false),
            Some("tlsa-no-match"),
            "nor does the Web PKI alone",
        ),
        (decided(Insecurely, vec![good.dane_ee()], Some("enforce")), &good, Some(true), None, "both hold"),
        (
            decided(Insecurely, vec![foreign.dane_ee()], Some("testing")),
            &foreign,
            Some(true),
            None,
            "beside testing, DANE alone enforces",
        ),
    ] {
        let (verdict, code) = judge(&policy, &settings, credentials);
        assert_eq!((verdict.tlsa.as_ref().map(Result::is_ok), code), (tlsa, failed), "{why}");
        assert_eq!(verdict.enforced.err().map(|failure| failure.code.as_str()), failed, "{why}");
    }
}

#[test]
fn d71_04_pkix_usages_need_a_trusted_root_beside_the_record() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let good = ca.server(HOST);
    let foreign = Ca::new("Trusted").server(HOST);
    let expired = {
        let mut params = leaf(HOST);
        params.not_after = date_time_ymd(2026, 12, 31);
        ca.issue(params)
    };
    let next_hop = ca.server("example.com");
    let elsewhere = ca.server("other.example.com");
    let without_root = {
        let mut alone = good.clone();
        alone.chain.truncate(1);
        alone
    };
    let (no_match, untrusted) = (Some("tlsa-no-match"), Some("certificate-untrusted"));
    for (credentials, record, failed, why) in [
        (&good, Ca::new("Trusted").server(HOST).pkix_ee(), no_match, "another certificate"),
        (&good, Ca::new("Trusted").server(HOST).pkix_ta(), no_match, "another authority"),
        (&foreign, foreign.pkix_ee(), untrusted, "the right certificate, of an authority that nobody trusts"),
        (&foreign, foreign.pkix_ta(), untrusted, "the right authority, and nobody trusts it"),
        (&expired, expired.pkix_ee(), Some("certificate-expired"), "dates count"),
        (&expired, expired.pkix_ta(), Some("certificate-expired"), "dates count"),
        (&elsewhere, elsewhere.pkix_ee(), Some("certificate-host-mismatch"), "names count"),
        (&elsewhere, elsewhere.pkix_ta(), Some("certificate-host-mismatch"), "names count"),
        (&good, good.pkix_ee(), None, "PKIX-EE"),
        (&good, good.pkix_ta(), None, "PKIX-TA"),
        (&without_root, good.pkix_ta(), None, "PKIX-TA, of a root that is not sent"),
        (&next_hop, next_hop.pkix_ee(), None, "the next hop is a reference identifier"),
    ] {
        let policy = decided_under(Profile::Full, Found::Securely, vec![record.clone()], None);
        let (verdict, code) = judge(&policy, &settings, credentials);
        assert_eq!(code, failed, "{why}: {:?}", verdict.tlsa);
        assert_eq!(verdict.tlsa.map(|tlsa| tlsa.is_ok()), Some(failed.is_none()), "{why}");

        let policy = decided(Found::Securely, vec![record], None);
        let (verdict, code) = judge(&policy, &settings, credentials);
        assert_eq!(
            (verdict.tlsa.is_none(), code),
            (true, None),
            "D72-58: for mail, {why} counts for nothing"
        );
    }
    let beside = vec![foreign.pkix_ee(), elsewhere.dane_ee_key()];
    let policy = decided_under(Profile::Full, Found::Securely, beside, None);
    let (verdict, code) = judge(&policy, &settings, &elsewhere);
    assert_eq!(
        (verdict.tlsa.unwrap().unwrap().index, code),
        (1, None),
        "D71-07: no names for DANE-EE beside those"
    );
}

#[test]
fn the_match_names_the_record_and_the_certificate() {
    let ca = Ca::new("Trusted");
    let good = ca.server(HOST);
    let policy = decided(Found::Securely, vec![foreign_tlsa(), good.dane_ta()], None);
    let (verdict, _) = judge(&policy, &ca.trusted(&Offer::default()), &good);
    let matched = verdict.tlsa.unwrap().unwrap();
    assert_eq!((matched.index, matched.depth, matched.usage), (1, 1, dane::Usage::DaneTa));
}

#[test]
fn failures_are_sentences_with_the_section_that_decided() {
    let ca = Ca::new("Trusted");
    let settings = ca.trusted(&Offer::default());
    let wrong = ca.server("other.example.com");
    let stranger = Ca::new("Foreign").server(HOST);
    for (policy, message, rfc, detail) in [
        (
            SecurityPolicy::mta_sts(mta_sts("enforce")),
            "The certificate of mx.example.com is for other names.",
            "RFC 8461 4.2",
            "other.example.com",
        ),
        (
            dane(wrong.dane_ta()),
            "The certificates of mx.example.com lead to a trust anchor of its TLSA records, but are for other names.",
            "RFC 7672 3.2.2",
            "other.example.com",
        ),
        (
            dane(foreign_tlsa()),
            "The certificates of mx.example.com satisfy none of its usable TLSA records.",
            "RFC 7672 2.2",
            "1 usable TLSA record",
        ),
        (
            decided_under(Profile::Full, Found::Securely, vec![stranger.pkix_ee()], None),
            "The certificates of mx.example.com do not lead to a trusted root, as its TLSA record asks.",
            "RFC 6698 2.1.1",
            "trusted root",
        ),
    ] {
        let presented = if detail == "trusted root" { &stranger } else { &wrong };
        let (_, result) = connect(&policy, &settings, &Server::new(presented, VERSIONS[1]));
        let failure = result.unwrap_err();
        assert_eq!((failure.message.as_str(), failure.rfc.as_deref()), (message, Some(rfc)));
        assert!(failure.detail.as_ref().unwrap().contains(detail), "{failure:?}");
    }
}

#[test]
fn summaries_say_what_was_presented() {
    let ca = Ca::new("Trusted \u{1b}[31m");
    let good = ca.server(HOST);
    let (verdict, _) = judge(&SecurityPolicy::opportunistic(), &ca.trusted(&Offer::default()), &good);
    let [leaf, issuer] = &verdict.certificates[..] else { panic!("{:?}", verdict.certificates) };
    assert_eq!(leaf.subject, "CN=mx.example.com");
    assert_eq!(leaf.issuer, issuer.subject);
    assert_eq!(leaf.not_after.unwrap().as_secs(), 1_830_297_600, "2028-01-01");
    assert!(!issuer.subject.contains('\u{1b}') && issuer.subject.contains("Trusted"), "{}", issuer.subject);
    let spki = ring_digest(&dane::leaf_spki(&good.chain[0]).unwrap());
    assert_eq!(leaf.spki_sha256.as_deref(), Some(spki.as_str()));

    // What PKIX libraries refuse is summed up all the same.
    let (verdict, _) =
        judge(&SecurityPolicy::opportunistic(), &ca.trusted(&Offer::default()), &Credentials::v1());
    assert_eq!(verdict.certificates[0].subject, "CN=mx.example.com");
}

fn ring_digest(octets: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, octets).as_ref().iter().map(|b| format!("{b:02x}")).collect()
}
