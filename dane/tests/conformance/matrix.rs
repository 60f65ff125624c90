use dane::VerifyError;
use rcgen::{CertificateParams, CustomExtension, IsCa, KeyIdMethod, KeyPair, PKCS_ED25519};

use crate::pki::{Ca, HOST, OIDS, check_full, check_full_for, data, found, tlsa};

/// What certificates say about the keys of their issuers and of themselves (RFC 5280 §4.2.1.1, §4.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Identifier {
    Right,
    Absent,
    Wrong,
}

const IDENTIFIERS: [Identifier; 3] = [Identifier::Right, Identifier::Absent, Identifier::Wrong];

/// Sets the authority key identifier.
fn authority(identifier: Identifier) -> impl Fn(&mut CertificateParams) {
    move |params| match identifier {
        Identifier::Right => params.use_authority_key_identifier_extension = true,
        Identifier::Absent => params.use_authority_key_identifier_extension = false,
        Identifier::Wrong => {
            params.use_authority_key_identifier_extension = false;
            let wrong = b"\x30\x07\x80\x05wrong".to_vec();
            params.custom_extensions.push(CustomExtension::from_oid_content(&OIDS.authority_key_id, wrong));
        }
    }
}

/// Sets the subject key identifier of a CA.
fn subject(identifier: Identifier) -> impl Fn(&mut CertificateParams) {
    move |params| match identifier {
        Identifier::Right => {}
        // Written by hand: the generator knows no CA without one.
        Identifier::Absent => {
            params.is_ca = IsCa::NoCa;
            let is_ca = b"\x30\x03\x01\x01\xff".to_vec();
            params.custom_extensions.push(CustomExtension::from_oid_content(&OIDS.basic_constraints, is_ca));
        }
        Identifier::Wrong => {
            params.key_identifier_method = KeyIdMethod::PreSpecified(b"not of this key".to_vec())
        }
    }
}

#[derive(Debug)]
struct Shape {
    key: &'static str,
    authority: Identifier,
    subject: Identifier,
    depth: usize,
}

fn key(kind: &str) -> KeyPair {
    match kind {
        "RSA" => KeyPair::try_from(data("rsa-ca.pk8").as_ref()).unwrap(),
        "Ed25519" => KeyPair::generate_for(&PKCS_ED25519).unwrap(),
        _ => KeyPair::generate().unwrap(),
    }
}

/// Every shape of a chain under one root, with what is sent below it.
fn shapes() -> impl Iterator<Item = Shape> {
    ["P-256", "Ed25519", "RSA"].into_iter().flat_map(|key| {
        IDENTIFIERS.into_iter().flat_map(move |authority| {
            IDENTIFIERS
                .into_iter()
                .flat_map(move |subject| [1, 2].map(|depth| Shape { key, authority, subject, depth }))
        })
    })
}

/// Key identifiers never decide; whether an anchor was sent does only where DNS has no more than a digest of it.
#[test]
fn pki_shapes() {
    let mut cells = 0;
    for shape in shapes() {
        let root = Ca::root_of(key(shape.key), "root", |ca| subject(shape.subject)(ca));
        let ca_params = |ca: &mut CertificateParams| {
            subject(shape.subject)(ca);
            authority(shape.authority)(ca);
        };
        let middle = root.ca_with("middle", ca_params);
        let issuer = if shape.depth == 1 { &root } else { &middle };
        let leaf = issuer.leaf_with(authority(shape.authority));
        let below = if shape.depth == 1 { vec![&leaf] } else { vec![&leaf, &middle.certificate] };
        for is_sent in [true, false] {
            let mut chain = below.clone();
            chain.extend(is_sent.then_some(&root.certificate));
            for selector in [0, 1] {
                for matching in [0, 1, 2] {
                    for (host, is_named) in [(HOST, true), ("other.test", false)] {
                        let of_root = |usage| [tlsa(usage, selector, matching, &root.certificate)];
                        let check = |usage, roots: &[_]| {
                            found(check_full_for(host, Default::default(), &chain, &of_root(usage), roots))
                        };
                        let depth = match (is_sent, selector, matching) {
                            (true, _, _) | (false, 0, 0) => Some(shape.depth),
                            (false, 1, 0) => Some(shape.depth - 1),
                            (false, _, _) => None,
                        };
                        let what =
                            format!("{shape:?}, sent: {is_sent}, {selector} {matching}, named: {is_named}");
                        match (check(2, &[]), depth, is_named) {
                            (Ok(found), Some(depth), true) => assert_eq!(found, (depth, 0), "{what}"),
                            (Err(VerifyError::NameMismatch { .. }), Some(_), false) => {}
                            (Err(VerifyError::NoMatch { .. }), None, _) => {}
                            (other, ..) => panic!("DANE-TA, {what}: {other:?}"),
                        }
                        match (check(0, &[&root.certificate]), is_named) {
                            (Ok(found), true) => assert_eq!(found, (shape.depth, 0), "{what}"),
                            (Err(VerifyError::NameMismatch { .. }), false) => {}
                            (other, _) => panic!("PKIX-TA, {what}: {other:?}"),
                        }
                        cells += 2;
                    }
                }
            }
        }
        for (usage, roots) in [(3, &[][..]), (1, &[&root.certificate])] {
            assert_eq!(
                found(check_full(&below, &[tlsa(usage, 1, 1, &leaf)], roots)),
                Ok((0, 0)),
                "{shape:?}"
            );
        }
    }
    assert_eq!(cells, 3 * 3 * 3 * 2 * 2 * 2 * 3 * 2 * 2);
}
