use std::time::Duration;

use dane::{PathFault, ReferenceIds, VerifyError, verify};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::pki::{
    Ca, HOST, check, check_at, common_name, data, expected_found, expired, found, not_yet_valid, now,
    self_signed, tlsa, usable,
};

fn untrusted<T>(depth: usize, fault: PathFault) -> Result<T, VerifyError> {
    Err(VerifyError::Untrusted { depth, fault })
}

fn leaf_for(root: &Ca, names: &[&str]) -> CertificateDer<'static> {
    let names: Vec<_> = names.iter().map(|name| name.to_string()).collect();
    root.leaf_with(|leaf| leaf.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names)
}

#[test]
fn d72_55_every_selector_matching_type_and_depth() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let chain = [&leaf, &middle.certificate, &root.certificate];
            for (ca, depth) in [(&middle, 1), (&root, 2)] {
                let records = [tlsa(2, selector, matching, &ca.certificate)];
                assert_eq!(found(check(&chain, &records)), Ok((depth, 0)), "2 {selector} {matching}");
            }
        }
    }
}

#[test]
fn a_record_that_names_the_leaf_does_not_match() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    let alone = self_signed(|_| {});
    for selector in [0, 1] {
        for matching in [0, 1, 2] {
            let record = |certificate| [tlsa(2, selector, matching, certificate)];
            let by_root = check(&[&leaf, &root.certificate], &record(&leaf));
            let no_match = expected_found(&record(&leaf), 2, &record(&root.certificate));
            assert_eq!(by_root, Err(no_match), "{selector} {matching}");
            // The leaf sent twice is still the leaf.
            let twice = check(&[&alone, &alone], &record(&alone));
            match (selector, matching) {
                // The whole key is in DNS, and it did sign the certificate at the top.
                (1, 0) => assert_eq!(found(twice), Ok((0, 0))),
                _ => assert_eq!(twice, Err(expected_found(&record(&alone), 2, &[]))),
            }
        }
    }
}

#[test]
fn d72_57_an_anchor_that_was_not_sent_needs_more_than_a_digest() {
    let root = Ca::root("root");
    let leaf = root.leaf();
    for selector in [0, 1] {
        for matching in [1, 2] {
            let records = [tlsa(2, selector, matching, &root.certificate)];
            assert_eq!(check(&[&leaf], &records), Err(expected_found(&records, 1, &[])));
        }
    }
}

#[test]
fn d71_11_d71_13_anchors_from_dns_alone() {
    let root = Ca::root("root");
    let middle = root.ca("middle");
    let (below_root, below_middle) = (root.leaf(), middle.leaf());
    let short = [&below_root];
    let long = [&below_middle, &middle.certificate];
    let certificate = [tlsa(2, 0, 0, &root.certificate)];
    let key = [tlsa(2, 1, 0, &root.certificate)];
    assert_eq!(
        found(check(&short, &certificate)),
        Ok((1, 0)),
        "2 0 0 counts like a certificate that was sent"
    );
    assert_eq!(found(check(&long, &certificate)), Ok((2, 0)));
    assert_eq!(found(check(&short, &key)), Ok((0, 0)), "2 1 0 counts as the certificate that it signed");
    assert_eq!(found(check(&long, &key)), Ok((1, 0)));

    let stranger = Ca::root("stranger");
    for records in [[tlsa(2, 0, 0, &stranger.certificate)], [tlsa(2, 1, 0, &stranger.certificate)]] {
        assert_eq!(check(&short, &records), Err(expected_found(&records, 1, &[])));
    }
    // §5.2.3: dates and names are checked below a bare key too.
    let old = root.leaf_with(expired);
    assert!(matches!(check(&[&old], &key), Err(VerifyError::Expired { depth: 0, .. })));
    let elsewhere = leaf_for(&root, &["other.test"]);
    assert!(matches!(check(&[&elsewhere], &key), Err(VerifyError::NameMismatch { .. })));
}

#[test]
fn a_bare_key_does_not_lift_the_constraints_of_its_certificate_that_was_sent() {
    let root = Ca::root_with("root", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let records = [tlsa(2, 1, 0, &root.certificate)];
    let sent = check(&[&leaf, &middle.certificate, &root.certificate], &records);
    assert_eq!(sent, untrusted(2, PathFault::PathLength { allowed: 0, found: 1 }));
    assert_eq!(found(check(&[&leaf, &middle.certificate], &records)), Ok((1, 0)), "a bare key has none");
}

#[test]
fn d71_17_a_record_that_suffices_alone_suffices_beside_others() {
    let root = Ca::root_with("root", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let middle = root.ca("middle");
    let leaf = middle.leaf();
    let (key, certificate) = (tlsa(2, 1, 0, &root.certificate), tlsa(2, 0, 0, &root.certificate));
    let chain = [&leaf, &middle.certificate];
    let alone = check(&chain, std::slice::from_ref(&certificate));
    assert_eq!(
        alone,
        untrusted(2, PathFault::PathLength { allowed: 0, found: 1 }),
        "the certificate in DNS forbids the path"
    );
    assert_eq!(found(check(&chain, &[key.clone(), certificate.clone()])), Ok((1, 0)), "the key does not");
    assert_eq!(found(check(&chain, &[certificate, key])), Ok((1, 1)));
}

#[test]
fn d72_62_d72_63_d72_64_names() {
    let root = Ca::root("root");
    let records = usable(&[tlsa(2, 0, 1, &root.certificate)]);
    let names = ReferenceIds::new("exchange.example.org").and("mail.example.org").and("example.com");
    for (dns_ids, ok, why) in [
        (&["exchange.example.org"][..], true, "the primary one"),
        (&["example.com"], true, "the next-hop domain"),
        (&["mail.example.org"], true, "its expansion"),
        (&["other.test", "EXAMPLE.com"], true, "one of several, whatever the case"),
        (&["*.example.org"], true, "a wildcard"),
        (&["*.example.com"], false, "a wildcard is no apex"),
        (&["other.test"], false, "another name"),
        (&["mx*.example.com", "ex*.example.org"], false, "part of a label"),
        (&[], false, "none"),
    ] {
        let chain = [leaf_for(&root, dns_ids), root.certificate.clone()];
        match verify(&chain, &records, &names, now()) {
            Ok(_) => assert!(ok, "{why}"),
            Err(error) => {
                let expected = names.iter().map(String::from).collect();
                let presented = dns_ids.iter().map(|name| name.to_string()).collect();
                assert_eq!(error, VerifyError::NameMismatch { expected, presented }, "{why}");
                assert!(!ok, "{why}");
            }
        }
    }
}

#[test]
fn d72_65_d72_66_names_are_those_that_the_caller_gives() {
    let root = Ca::root("root");
    let records = usable(&[tlsa(2, 0, 1, &root.certificate)]);
    let of_host = ReferenceIds::new("mx.example.com");
    for (names, dns_id, ok, why) in [
        (of_host.clone(), "mx.example.com", true, "MX insecure: the host's name"),
        (of_host.clone(), "example.com", false, "MX insecure: not the next-hop domain"),
        (of_host.and("example.com"), "example.com", true, "MX secure: the next-hop domain too"),
        (
            ReferenceIds::new("expanded.example.net").and("example.com"),
            "example.com",
            true,
            "no MX, and the domain is an alias: its own name is the second",
        ),
    ] {
        let chain = [leaf_for(&root, &[dns_id]), root.certificate.clone()];
        let result = verify(&chain, &records, &names, now());
        assert_eq!(result.is_ok(), ok, "{why}: {result:?}");
    }
}

#[test]
fn d71_06_d66_18_neither_transparency_nor_revocation_is_asked_for() {
    let root = Ca::root("root");
    // A critical pointer to a revocation list that nobody fetches; no certificate here has a timestamp of a log.
    let leaf = root.leaf_with(|leaf| {
        let uri = b"\x30\x10\x30\x0e\xa0\x0c\xa0\x0a\x86\x08http://x".to_vec();
        let mut points = CustomExtension::from_oid_content(&[2, 5, 29, 31], uri);
        points.set_criticality(true);
        leaf.custom_extensions.push(points);
    });
    for records in [[tlsa(2, 0, 1, &root.certificate)], [tlsa(3, 0, 1, &leaf)]] {
        assert!(check(&[&leaf, &root.certificate], &records).is_ok());
    }
}

#[test]
fn d72_67_a_common_name_is_no_name() {
    let root = Ca::root("root");
    let leaf = root.leaf_with(|leaf| {
        leaf.distinguished_name = common_name(HOST);
        leaf.subject_alt_names.clear();
    });
    let result = check(&[&leaf, &root.certificate], &[tlsa(2, 0, 1, &root.certificate)]);
    assert!(matches!(result, Err(VerifyError::NameMismatch { .. })));
}

#[test]
fn dates_count_below_the_anchor_and_not_for_it() {
    let old_root = Ca::root_with("root", expired);
    let young_root = Ca::root_with("root", not_yet_valid);
    for root in [&old_root, &young_root] {
        let leaf = root.leaf();
        for matching in [0, 1] {
            let records = [tlsa(2, 0, matching, &root.certificate)];
            let sent = check(&[&leaf, &root.certificate], &records);
            let told = sent.as_ref().map(|matched| matched.anchor_expired.is_some());
            assert_eq!(told, Ok(std::ptr::eq(root, &old_root)), "and it is told of one that has expired");
            assert_eq!(found(sent), Ok((1, 0)), "sent");
        }
        assert_eq!(found(check(&[&leaf], &[tlsa(2, 0, 0, &root.certificate)])), Ok((1, 0)), "not sent");
    }

    let root = Ca::root("root");
    let records = [tlsa(2, 0, 1, &root.certificate)];
    let old_middle = root.ca_with("middle", expired);
    let chain = [&old_middle.leaf(), &old_middle.certificate, &root.certificate];
    assert!(matches!(check(&chain, &records), Err(VerifyError::Expired { depth: 1, .. })));
    let anchored = [tlsa(2, 0, 1, &old_middle.certificate)];
    assert_eq!(found(check(&chain, &anchored)), Ok((1, 0)), "the same certificate as anchor");

    let old = root.leaf_with(expired);
    assert!(matches!(
        check(&[&old, &root.certificate], &records),
        Err(VerifyError::Expired { depth: 0, .. })
    ));
    let young = root.leaf_with(not_yet_valid);
    assert!(matches!(
        check(&[&young, &root.certificate], &records),
        Err(VerifyError::NotYetValid { depth: 0, .. })
    ));
}

#[test]
fn both_ends_of_the_validity_are_included() {
    let root = Ca::root("root");
    let leaf = root.leaf_with(|leaf| {
        leaf.not_before = date_time_ymd(2030, 1, 1);
        leaf.not_after = date_time_ymd(2031, 1, 1);
    });
    let (begin, end) = (1_893_456_000, 1_924_992_000);
    for (second, ok) in [(begin - 1, false), (begin, true), (end, true), (end + 1, false)] {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(second));
        let result = check_at(&[&leaf, &root.certificate], &[tlsa(2, 0, 1, &root.certificate)], at);
        assert_eq!(result.is_ok(), ok, "{second}: {result:?}");
    }
}

/// A root, a CA below it and a leaf, one of which is changed; the root is the anchor.
fn changed(
    root: impl FnOnce(&mut CertificateParams),
    middle: impl FnOnce(&mut CertificateParams),
    leaf: impl FnOnce(&mut CertificateParams),
) -> Result<(usize, usize), VerifyError> {
    let root = Ca::root_with("root", root);
    let middle = root.ca_with("middle", middle);
    let leaf = middle.leaf_with(leaf);
    found(check(&[&leaf, &middle.certificate, &root.certificate], &[tlsa(2, 0, 1, &root.certificate)]))
}

fn same(_: &mut CertificateParams) {}

fn critical(params: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
}

fn only(purpose: ExtendedKeyUsagePurpose) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.extended_key_usages = vec![purpose]
}

fn used_for(purpose: KeyUsagePurpose) -> impl FnOnce(&mut CertificateParams) {
    move |params| params.key_usages = vec![purpose]
}

fn crl_sign(expected: &'static str) -> PathFault {
    PathFault::KeyUsage { expected, found: "cRLSign".to_owned() }
}

/// Its purpose is to be a client.
fn not_for_servers() -> PathFault {
    PathFault::ExtendedKeyUsage { found: vec!["1.3.6.1.5.5.7.3.2".to_owned()] }
}

fn unknown(extension: &str) -> PathFault {
    PathFault::UnknownCriticalExtension { found: extension.to_owned() }
}

fn outside(name: &str) -> PathFault {
    PathFault::NameConstraints { name: name.to_owned() }
}

#[test]
fn d72_56_d71_10_constraints_of_the_anchor_and_below() {
    let paths =
        |length| move |ca: &mut CertificateParams| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(length));
    let is_ca = |is_ca| move |params: &mut CertificateParams| params.is_ca = is_ca;
    use ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
    use KeyUsagePurpose::{CrlSign, DigitalSignature, KeyEncipherment};
    for (result, expected, why) in [
        (changed(same, same, same), Ok((2, 0)), "nothing is wrong"),
        (changed(paths(1), paths(0), same), Ok((2, 0)), "as many CAs as allowed"),
        (
            changed(paths(0), same, same),
            untrusted(2, PathFault::PathLength { allowed: 0, found: 1 }),
            "the anchor allows none below",
        ),
        (
            changed(is_ca(IsCa::ExplicitNoCa), same, same),
            untrusted(2, PathFault::NotACa),
            "an anchor that is no CA",
        ),
        (
            changed(is_ca(IsCa::NoCa), same, same),
            untrusted(2, PathFault::NotACa),
            "an anchor that does not say",
        ),
        (changed(same, is_ca(IsCa::ExplicitNoCa), same), untrusted(1, PathFault::NotACa), "a leaf as CA"),
        (changed(same, is_ca(IsCa::NoCa), same), untrusted(1, PathFault::NotACa), "a CA that does not say"),
        (
            changed(used_for(CrlSign), same, same),
            untrusted(2, crl_sign("keyCertSign")),
            "an anchor for CRLs only",
        ),
        (changed(same, used_for(CrlSign), same), untrusted(1, crl_sign("keyCertSign")), "a CA for CRLs only"),
        (
            changed(same, same, used_for(CrlSign)),
            untrusted(0, crl_sign("digitalSignature, keyEncipherment or keyAgreement")),
            "a leaf for CRLs only",
        ),
        (changed(same, same, used_for(DigitalSignature)), Ok((2, 0)), "a leaf for signatures"),
        (
            changed(same, same, used_for(KeyEncipherment)),
            Ok((2, 0)),
            "a leaf of the days of RSA key exchange",
        ),
        (changed(only(ClientAuth), same, same), untrusted(2, not_for_servers()), "not for servers"),
        (changed(same, only(ClientAuth), same), untrusted(1, not_for_servers()), "not for servers"),
        (changed(same, same, only(ClientAuth)), untrusted(0, not_for_servers()), "not for servers"),
        (changed(only(ServerAuth), only(Any), only(ServerAuth)), Ok((2, 0)), "for servers"),
        (changed(critical, same, same), untrusted(2, unknown("1.3.6.1.4.1.99999.1")), "in the anchor"),
        (changed(same, critical, same), untrusted(1, unknown("1.3.6.1.4.1.99999.1")), "in a CA"),
        (changed(same, same, critical), untrusted(0, unknown("1.3.6.1.4.1.99999.1")), "in the leaf"),
        (
            changed(same, same, is_ca(IsCa::Ca(BasicConstraints::Unconstrained))),
            Ok((2, 0)),
            "a leaf may be a CA",
        ),
    ] {
        assert_eq!(result, expected, "{why}");
    }
}

/// RFC 5280 §4.2 wants the extensions about policies to be recognized; who asks for no policy (§6.1.1) only meets those
/// that a CA requires of all below it.
#[test]
fn policies_bind_nobody_who_asks_for_none() {
    let with = |number: u64, content: &[u8]| {
        let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, number], content.to_vec());
        extension.set_criticality(true);
        move |params: &mut CertificateParams| params.custom_extensions.push(extension)
    };
    let refused = untrusted(1, unknown("2.5.29.36"));
    for (number, content, expected, why) in [
        (36, &b"\x30\x03\x80\x01\x00"[..], refused.clone(), "explicit policies are required"),
        (36, b"\x30\x06\x80\x01\x01\x81\x01\x00", refused, "and no mappings of them are allowed"),
        (36, b"\x30\x03\x81\x01\x00", Ok((2, 0)), "no mappings are allowed"),
        (54, b"\x02\x01\x00", Ok((2, 0)), "no policy stands for all"),
        (32, b"\x30\x05\x30\x03\x06\x01\x2a", Ok((2, 0)), "a policy"),
    ] {
        assert_eq!(changed(same, with(number, content), same), expected, "{why}");
    }
    let malformed = changed(same, with(36, b"\x30\x03\x80\x01"), same);
    let expected = Err(VerifyError::Malformed { certificate: 1 });
    assert_eq!(malformed, expected, "what cannot be read is no CA, and may be what the path lacks");
    let root = Ca::root("root");
    let middle = root.ca_with("middle", with(36, b"\x30\x03\x80\x01"));
    let in_dns = check(&[&middle.leaf(), &middle.certificate], &[tlsa(2, 0, 0, &root.certificate)]);
    assert_eq!(
        found(in_dns),
        Err(VerifyError::Malformed { certificate: 1 }),
        "below an anchor that DNS has, too"
    );
}

#[test]
fn d72_56_name_constraints() {
    let constrained = |permitted: &[&str], excluded: &[&str]| {
        let subtrees =
            |names: &[&str]| names.iter().map(|name| GeneralSubtree::DnsName(name.to_string())).collect();
        let constraints = NameConstraints {
            permitted_subtrees: subtrees(permitted),
            excluded_subtrees: subtrees(excluded),
        };
        move |ca: &mut CertificateParams| ca.name_constraints = Some(constraints)
    };
    let refused = untrusted(0, outside("DNS mx.example.com"));
    for (permitted, excluded, expected, why) in [
        (&["example.com"][..], &[][..], Ok((2, 0)), "below what is permitted"),
        (&["example.org", "mx.example.com"], &[], Ok((2, 0)), "one of those permitted"),
        (&["example.org"], &[], refused.clone(), "outside what is permitted"),
        (&[], &["example.com"], refused.clone(), "below what is excluded"),
        (&["example.com"], &["mx.example.com"], refused.clone(), "exclusion outweighs permission"),
        (&[], &["example.org"], Ok((2, 0)), "outside what is excluded"),
    ] {
        assert_eq!(changed(constrained(permitted, excluded), same, same), expected, "in the anchor: {why}");
        assert_eq!(changed(same, constrained(permitted, excluded), same), expected, "in a CA: {why}");
    }

    // A wildcard stands for the name that is excluded, too (RFC 5280 §4.2.1.10 knows none).
    let wildcard = |leaf: &mut CertificateParams| {
        leaf.subject_alt_names =
            CertificateParams::new(["*.example.com".to_owned()]).unwrap().subject_alt_names;
    };
    let smuggled = changed(constrained(&[], &["mx.example.com"]), same, wildcard);
    assert_eq!(smuggled, untrusted(0, outside("DNS *.example.com")));
    assert_eq!(
        changed(constrained(&[], &["a.mx.example.com"]), same, wildcard),
        Ok((2, 0)),
        "not for two labels"
    );

    // A form of name that is not understood is neither permitted nor free of an exclusion.
    let mailbox = |leaf: &mut CertificateParams| {
        leaf.subject_alt_names.push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
    };
    let mailboxes = |permitted: bool| {
        let subtrees = vec![GeneralSubtree::Rfc822Name("example.org".into())];
        let (permitted_subtrees, excluded_subtrees) =
            if permitted { (subtrees, vec![]) } else { (vec![], subtrees) };
        move |ca: &mut CertificateParams| {
            ca.name_constraints = Some(NameConstraints { permitted_subtrees, excluded_subtrees });
        }
    };
    for permitted in [true, false] {
        let mailbox = changed(mailboxes(permitted), same, mailbox);
        assert_eq!(mailbox, untrusted(0, outside("of the form [1]")));
        assert_eq!(changed(mailboxes(permitted), same, same), Ok((2, 0)), "the leaf has no such name");
        let site = |leaf: &mut CertificateParams| {
            leaf.subject_alt_names.push(SanType::URI("https://example.com".try_into().unwrap()));
        };
        assert_eq!(changed(mailboxes(permitted), same, site), Ok((2, 0)), "one of another form");
    }

    // A leaf has to be within the constraints even if it is self-issued (RFC 5280 §6.1.3 (b)), a CA does not.
    let root = Ca::root_with("root", constrained(&["example.org"], &[]));
    let self_issued = root.leaf_with(|leaf| leaf.distinguished_name = common_name("root"));
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert_eq!(found(check(&[&self_issued, &root.certificate], &records)), refused);
    let named = |ca: &mut CertificateParams| {
        ca.subject_alt_names = CertificateParams::new(["ca.test".to_owned()]).unwrap().subject_alt_names;
    };
    let root = Ca::root_with("root", constrained(&["example.com"], &[]));
    for (name, expected) in [("root", Ok((2, 0))), ("middle", untrusted(1, outside("DNS ca.test")))] {
        let middle = root.ca_with(name, named);
        let chain = [&middle.leaf(), &middle.certificate, &root.certificate];
        assert_eq!(found(check(&chain, &[tlsa(2, 0, 1, &root.certificate)])), expected, "{name}");
    }

    // A subtree of directory names is held against the subject, of the CA as of the leaf.
    let unit = |ca: &mut CertificateParams| {
        ca.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DirectoryName(common_name("middle"))],
            excluded_subtrees: vec![],
        });
    };
    assert_eq!(changed(unit, same, same), untrusted(0, outside("directory CN=\"leaf\"")));
    assert_eq!(changed(unit, same, |leaf| leaf.distinguished_name = common_name("middle")), Ok((2, 0)));
}

#[test]
fn v1_certificates() {
    let (root, leaf) = (data("v1-root.der"), data("below-v1.der"));
    let records = [tlsa(2, 0, 1, &root)];
    assert_eq!(found(check(&[&leaf, &root], &records)), Ok((1, 0)), "the record says that it is a CA");
    let (root, middle, leaf) = (data("rsa-root.der"), data("v1-middle.der"), data("below-v1-middle.der"));
    let below = check(&[&leaf, &middle, &root], &[tlsa(2, 0, 1, &root)]);
    assert_eq!(below, untrusted(1, PathFault::NotACa), "nothing says it of a CA below the anchor");
    assert_eq!(found(check(&[&leaf, &middle, &root], &[tlsa(2, 0, 1, &middle)])), Ok((1, 0)));
}

#[test]
fn weak_keys_and_signatures_below_the_anchor() {
    let (root, weak_root) = (data("rsa-root.der"), data("rsa1024-root.der"));
    let (bits, minimum, sha1) = (1024, 2048, "1.2.840.113549.1.1.5".to_owned());
    let signed_by_weak = PathFault::WeakIssuerKey { bits, minimum };
    for (leaf, root, expected, why) in [
        ("rsa-leaf.der", &root, Ok((1, 0)), "RSA-2048 with SHA-256"),
        ("sha1-leaf.der", &root, untrusted(0, PathFault::Algorithm { found: sha1 }), "SHA-1"),
        ("rsa1024-leaf.der", &root, untrusted(0, PathFault::WeakKey { bits, minimum }), "a key of 1024 bits"),
        ("below-rsa1024.der", &weak_root, untrusted(0, signed_by_weak), "signed with 1024 bits"),
    ] {
        let leaf = data(leaf);
        assert_eq!(found(check(&[&leaf, root], &[tlsa(2, 0, 1, root)])), expected, "{why}");
    }
}

#[test]
fn the_algorithm_is_the_one_that_was_signed() {
    // RSA with and without parameters is the same algorithm in two encodings (RFC 4055 §5); outside the signature
    // one is changed into the other.
    let (root, leaf) = (data("rsa-root.der"), data("rsa-leaf.der"));
    let with_null = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00";
    let outer = leaf.windows(with_null.len()).rposition(|at| at == with_null).unwrap();
    let mut changed = leaf.to_vec();
    changed.splice(outer..outer + with_null.len(), with_null[..13].iter().copied());
    changed[outer + 1] = 0x0b;
    let length = u16::from_be_bytes([changed[2], changed[3]]) - 2;
    changed[2..4].copy_from_slice(&length.to_be_bytes());
    let result = check(&[&changed.into(), &root], &[tlsa(2, 0, 1, &root)]);
    assert_eq!(result, untrusted(0, PathFault::AlgorithmNotSigned));
}

#[test]
fn an_extension_that_occurs_twice_is_malformed() {
    let subject_alt_name =
        || CustomExtension::from_oid_content(&[2, 5, 29, 17], b"\x30\x04\x82\x02mx".to_vec());
    let root = Ca::root("root");
    let once = root.leaf_with(|leaf| {
        leaf.subject_alt_names.clear();
        leaf.custom_extensions = vec![subject_alt_name()];
    });
    let twice = root.leaf_with(|leaf| leaf.custom_extensions = vec![subject_alt_name()]);
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert!(matches!(check(&[&once, &root.certificate], &records), Err(VerifyError::NameMismatch { .. })));
    assert_eq!(check(&[&twice, &root.certificate], &records), Err(VerifyError::Malformed { certificate: 0 }));
}

#[test]
fn self_issued_cas_do_not_lengthen_a_path() {
    let root = Ca::root_with("root", |ca| ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let new_key = root.ca("root");
    let leaf = new_key.leaf();
    let records = [tlsa(2, 0, 1, &root.certificate)];
    assert_eq!(found(check(&[&leaf, &new_key.certificate, &root.certificate], &records)), Ok((2, 0)));
}

#[test]
fn a_record_for_leaves_names_no_anchor() {
    let (root, stranger) = (Ca::root("root"), Ca::root("stranger"));
    let records = [tlsa(3, 0, 1, &root.certificate), tlsa(2, 0, 1, &stranger.certificate)];
    let leaf = root.leaf();
    let of_what_was_sent = [tlsa(3, 0, 1, &leaf), tlsa(2, 0, 1, &root.certificate)];
    let result = check(&[&leaf, &root.certificate], &records);
    assert_eq!(result, Err(expected_found(&records, 2, &of_what_was_sent)));
}

#[test]
fn a_forged_signature_is_no_match() {
    let root = Ca::root("root");
    let impostor = Ca::root("root");
    for records in [[tlsa(2, 0, 1, &root.certificate)], [tlsa(2, 1, 1, &root.certificate)]] {
        let result = check(&[&impostor.leaf(), &root.certificate], &records);
        assert_eq!(result, untrusted(0, PathFault::Signature));
    }
    let leaf = root.leaf();
    let mut altered = leaf.to_vec();
    let name = altered.windows(HOST.len()).position(|at| at == HOST.as_bytes()).unwrap();
    altered[name] = b'n';
    let result = check(&[&altered.into(), &root.certificate], &[tlsa(2, 0, 1, &root.certificate)]);
    assert_eq!(result, untrusted(0, PathFault::Signature));
}

#[test]
fn the_failure_nearest_to_success() {
    let root = Ca::root("root");
    let stranger = Ca::root("stranger");
    let anchor = [tlsa(2, 0, 1, &root.certificate)];

    let wrong_and_old = root.leaf_with(|leaf| {
        leaf.subject_alt_names.clear();
        expired(leaf);
    });
    let result = check(&[&wrong_and_old, &root.certificate], &anchor);
    assert!(matches!(result, Err(VerifyError::Expired { depth: 0, .. })), "dates before names: {result:?}");

    let old = root.leaf_with(expired);
    let result = check(
        &[&old, &root.certificate],
        &[tlsa(3, 1, 1, &stranger.certificate), tlsa(2, 0, 1, &root.certificate)],
    );
    assert!(
        matches!(result, Err(VerifyError::Expired { .. })),
        "not the other record's no-match: {result:?}"
    );

    let result = check(&[&stranger.leaf(), &root.certificate], &anchor);
    assert_eq!(
        result,
        untrusted(0, PathFault::NotIssuedBelowAnchor),
        "the anchor was sent beside a foreign leaf"
    );

    let garbage = b"garbage".to_vec().into();
    assert_eq!(
        check(&[&garbage, &root.certificate], &anchor),
        Err(VerifyError::Malformed { certificate: 0 })
    );
}
