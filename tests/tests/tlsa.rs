//! `mxtls tlsa`: chains held against records without network, records made from certificates, and the records of the lab.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use std::path::{Path, PathBuf};

use mxtls::{Ended, INSECURE_TLSA, at_lab, lab_of, run};
use mxtls_lab::{Lab, Scenario};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PublicKeyData, date_time_ymd,
};
use ring::digest::{SHA256, SHA512, digest};
use serde_json::{Value, json};
use tempfile::TempDir;

const HOST: &str = "mx.example.com";

/// A time at which all certificates are valid that are not said to be otherwise.
const NOW: &str = "2033-01-01T00:00:00Z";

/// A certificate with its key.
struct Entity {
    params: CertificateParams,
    key: KeyPair,
    certificate: Certificate,
}

impl Entity {
    fn ca(name: &str, above: Option<&Entity>) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self::new(params, above)
    }

    /// A server's, valid in these years.
    fn leaf(above: &Entity, from: i32, until: i32) -> Self {
        let mut params = CertificateParams::new([HOST.to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        Self::new(params, Some(above))
    }

    fn new(params: CertificateParams, above: Option<&Entity>) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = match above {
            Some(above) => params.signed_by(&key, &Issuer::from_params(&above.params, &above.key)).unwrap(),
            None => params.self_signed(&key).unwrap(),
        };
        Self { params, key, certificate }
    }

    /// The record of these numbers, made here.
    fn tlsa(&self, usage: u8, selector: u8, matching: u8) -> String {
        let selected = match selector {
            0 => self.certificate.der().to_vec(),
            1 => self.key.subject_public_key_info(),
            _ => panic!("selector {selector}"),
        };
        let data = match matching {
            0 => selected,
            1 => digest(&SHA256, &selected).as_ref().to_vec(),
            2 => digest(&SHA512, &selected).as_ref().to_vec(),
            _ => panic!("matching type {matching}"),
        };
        format!("{usage} {selector} {matching} {}", hex(&data))
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// A record of the same form that names nothing.
fn wrong(record: &str) -> String {
    let at = record.rfind(' ').unwrap() + 1;
    let other = if record[at..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &record[..at], &record[at + 1..])
}

/// A root, two CAs below each other, a leaf, and a stranger.
struct Pki {
    folder: TempDir,
    root: Entity,
    upper: Entity,
    lower: Entity,
    leaf: Entity,
    stranger: Entity,
}

impl Pki {
    fn new() -> Self {
        let root = Entity::ca("root", None);
        let upper = Entity::ca("upper", Some(&root));
        let lower = Entity::ca("lower", Some(&upper));
        let leaf = Entity::leaf(&lower, 2030, 2040);
        let stranger = Entity::ca("stranger", None);
        Self { folder: TempDir::new().unwrap(), root, upper, lower, leaf, stranger }
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn chain(&self, certificates: &[&Entity]) -> PathBuf {
        let text: String = certificates.iter().map(|entity| entity.certificate.pem()).collect();
        self.file("chain.pem", text)
    }

    fn verify(&self, chain: &Path, records: &[&str], options: &[&str]) -> Ended {
        let mut arguments = vec!["tlsa", "verify", "--json", "--at", NOW, "--chain", chain.to_str().unwrap()];
        arguments.extend(records.iter().flat_map(|record| ["--tlsa", record]));
        arguments.extend(["--name", HOST]);
        arguments.extend(options);
        run(arguments)
    }

    /// Result, depth and the place of the record.
    fn verified(&self, chain: &[&Entity], records: &[&str], options: &[&str]) -> (String, Value, Value) {
        said(&self.verify(&self.chain(chain), records, options))
    }
}

/// Result, depth and place of the record, after what is true of every document.
fn said(ended: &Ended) -> (String, Value, Value) {
    let document = ended.document();
    let result = document["result"].as_str().unwrap().to_owned();
    let is_match = result == "match";
    assert_eq!(ended.status, Some(if is_match { 0 } else { 1 }), "{document:#}");
    for field in ["depth", "matched"] {
        assert_eq!(document[field].is_null(), !is_match, "{field}: {document:#}");
    }
    assert_eq!(document["error"].is_null(), is_match, "{document:#}");
    (result, document["depth"].clone(), document["matched"]["index"].clone())
}

fn is_match(depth: usize, index: usize) -> (String, Value, Value) {
    ("match".to_owned(), json!(depth), json!(index))
}

fn fails(result: &str) -> (String, Value, Value) {
    (result.to_owned(), Value::Null, Value::Null)
}

/// Every value that `result` can have.
#[test]
fn results() {
    let pki = Pki::new();
    let Pki { root, upper, lower, leaf, stranger, .. } = &pki;
    let whole = [leaf, lower, upper, root];
    let (expired, future) = (Entity::leaf(lower, 2020, 2030), Entity::leaf(lower, 2035, 2040));
    let (ee, ta) = (leaf.tlsa(3, 1, 1), root.tlsa(2, 0, 1));
    let other_name = ["--name", "mx.example.org"];
    for (chain, records, expected, why) in [
        (&whole[..], vec![&*wrong(&ee)], fails("no-match"), "another key"),
        (
            &whole,
            vec![&leaf.tlsa(2, 1, 1)],
            fails("no-match"),
            "decision 14: a trust anchor stands above the leaf",
        ),
        (&whole, vec!["1 1 1"], fails("unusable"), "RFC 7672 3.1.3: no usage of SMTP, and no data"),
        (&whole, vec!["3 1 1 00", "3 1 9 00"], fails("unusable"), "no digest, no matching type"),
        (
            &[&expired, lower, upper, root],
            vec![&ta],
            fails("expired"),
            "RFC 7672 3.1.2: dates count below an anchor",
        ),
        (&[&future, lower, upper, root], vec![&ta], fails("not-yet-valid"), "the same"),
        (&[leaf, upper, root], vec![&ta], fails("untrusted"), "the issuer of the leaf is missing"),
        (
            &[leaf, lower, stranger],
            vec![&stranger.tlsa(2, 0, 1)],
            fails("untrusted"),
            "it issued nothing here",
        ),
        (&whole, vec![&ee], is_match(0, 0), "RFC 7671 5.1"),
        (&[&expired], vec![&expired.tlsa(3, 1, 1)], is_match(0, 0), "RFC 7671 5.1: no dates"),
        (&whole, vec![&ta], is_match(3, 0), "RFC 7671 5.2"),
        (
            &[leaf, root, stranger, upper, lower],
            vec![&ta],
            is_match(3, 0),
            "in any order, with a stranger among them",
        ),
        (&whole, vec![&lower.tlsa(2, 1, 1)], is_match(1, 0), "the first that matches in the path"),
        (
            &whole,
            vec!["3 1 9 00", &wrong(&ee), &ee],
            is_match(0, 2),
            "RFC 7671 8: one is enough; its place is said",
        ),
    ] {
        assert_eq!(pki.verified(chain, &records, &[]), expected, "{why}");
    }

    // Other names and times than those of the rows above.
    let chain = pki.chain(&whole);
    let at = |time: &str, records: &[&str], names: &[&str]| {
        let mut arguments =
            vec!["tlsa", "verify", "--json", "--at", time, "--chain", chain.to_str().unwrap()];
        arguments.extend(records.iter().flat_map(|record| ["--tlsa", record]));
        arguments.extend(names);
        said(&run(arguments))
    };
    let only = |records: &[&str], names: &[&str]| at(NOW, records, names);
    for (time, record, expected, why) in [
        ("2029-12-31T23:59:59Z", &ta, fails("not-yet-valid"), "the second before"),
        ("2030-01-01T00:00:00Z", &ta, is_match(3, 0), "the first second"),
        ("2040-01-01T00:00:00Z", &ta, is_match(3, 0), "the last second, RFC 5280 4.1.2.5"),
        ("2040-01-01T00:00:01Z", &ta, fails("expired"), "the second after"),
        ("2040-01-01T00:00:01Z", &ee, is_match(0, 0), "RFC 7671 5.1"),
    ] {
        assert_eq!(at(time, &[record], &["--name", HOST]), expected, "{why}: {time}");
    }
    assert_eq!(only(&[&ta], &other_name), fails("host-mismatch"), "RFC 7672 3.2.2");
    assert_eq!(only(&[&ee], &other_name), is_match(0, 0), "RFC 7672 3.1.1: no names");
    assert_eq!(only(&[&ta], &["--name", "mx.example.org", "--name", HOST]), is_match(3, 0), "one is enough");
    assert_eq!(
        only(&[&ta], &["--name", "mx.example.org", "MX.Example.COM."]),
        is_match(3, 0),
        "behind one option"
    );

    let garbage = "-----BEGIN CERTIFICATE-----\nMAAwAA==\n-----END CERTIFICATE-----\n";
    let broken = pki.file("broken.pem", garbage);
    let document = pki.verify(&broken, &[&ee], &[]);
    assert_eq!(said(&document), fails("malformed"), "a leaf that is no certificate");
    let stranger_beside = pki.file("beside.pem", leaf.certificate.pem() + garbage);
    let document = pki.verify(&stranger_beside, &[&ee], &[]);
    assert_eq!(said(&document), is_match(0, 0), "RFC 7671 5.1: what stands beside the leaf plays no part");
    let many = pki.file("many.pem", leaf.certificate.pem() + &stranger.certificate.pem().repeat(70));
    let document = pki.verify(&many, &[&ta], &[]);
    assert_eq!(said(&document), fails("untrusted"));
    assert!(document.document()["error"].as_str().unwrap().contains("more than 64 certificates"));
}

/// A trust anchor that only DNS has counts like a sent one; a bare key as the certificate that it signed.
#[test]
fn depths_of_anchors_that_were_not_sent() {
    let pki = Pki::new();
    let Pki { root, upper, lower, leaf, .. } = &pki;
    for (chain, record, expected, why) in [
        (&[leaf, lower, upper][..], root.tlsa(2, 0, 0), is_match(3, 0), "d71_11: the anchor is in DNS alone"),
        (&[leaf], lower.tlsa(2, 0, 0), is_match(1, 0), "right above the leaf"),
        (&[leaf, lower, upper, root], root.tlsa(2, 0, 0), is_match(3, 0), "sent all the same"),
        (
            &[leaf, lower, upper],
            root.tlsa(2, 1, 0),
            is_match(2, 0),
            "d71_13: the key signed the third certificate",
        ),
        (&[leaf, lower], upper.tlsa(2, 1, 0), is_match(1, 0), "the second"),
        (&[leaf], lower.tlsa(2, 1, 0), is_match(0, 0), "the leaf"),
        (&[leaf, lower, upper, root], root.tlsa(2, 1, 0), is_match(3, 0), "whose certificate was sent"),
        (&[leaf, lower, upper], root.tlsa(2, 0, 1), fails("no-match"), "a digest is no certificate"),
        (&[leaf, lower, upper], root.tlsa(2, 1, 1), fails("no-match"), "nor a key"),
        (&[leaf, upper], root.tlsa(2, 1, 0), fails("no-match"), "a link is missing"),
    ] {
        assert_eq!(pki.verified(chain, &[&record], &[]), expected, "{why}: {}", &record[..5]);
    }
    let mut params = root.params.clone();
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2030, 1, 1));
    let old = Entity::new(params, None);
    let below_old = Entity::leaf(&old, 2030, 2040);
    for (server, record, expected, why) in [
        (leaf, leaf.tlsa(3, 1, 1), "match  a record names the server's own certificate\n", "the leaf itself"),
        (
            leaf,
            lower.tlsa(2, 1, 0),
            "match  a record has the key that signed the server's own certificate\n",
            "a bare key, which is no certificate of the server's",
        ),
        (
            leaf,
            lower.tlsa(2, 0, 0),
            "match  a record matches at depth 1, counted from the server's own certificate\n",
            "a certificate above",
        ),
        (
            &below_old,
            old.tlsa(2, 0, 0),
            "match  a record matches at depth 1, counted from the server's own certificate; this trust anchor expired at \
             2030-01-01T00:00:00Z, which does not count\n",
            "one that has expired",
        ),
    ] {
        let chain = pki.chain(&[server]);
        let verify = ["tlsa", "verify", "--at", NOW, "--chain", chain.to_str().unwrap(), "--name", HOST];
        let ended = run(verify.into_iter().chain(["--tlsa", &record]));
        assert!(ended.stdout.starts_with(expected), "{why}: {ended:?}");
    }
}

#[test]
fn the_profile_full() {
    let pki = Pki::new();
    let Pki { root, upper, lower, leaf, stranger, .. } = &pki;
    let roots = pki.file("roots.pem", stranger.certificate.pem() + &root.certificate.pem());
    let strangers = pki.file("strangers.pem", stranger.certificate.pem());
    let (roots, strangers) = (roots.to_str().unwrap(), strangers.to_str().unwrap());
    let sent = [leaf, lower, upper];
    let full = ["--profile", "full"];
    for (record, options, expected, why) in [
        (
            lower.tlsa(0, 1, 1),
            &[][..],
            fails("unusable"),
            "RFC 7672 3.1.3: the profile is smtp where none is given",
        ),
        (lower.tlsa(0, 1, 1), &["--roots", roots], fails("unusable"), "roots do not change that"),
        (lower.tlsa(0, 1, 1), &["--profile", "full"], fails("untrusted"), "no roots"),
        (
            lower.tlsa(0, 1, 1),
            &["--profile", "full", "--roots", strangers],
            fails("untrusted"),
            "other roots",
        ),
        (lower.tlsa(0, 1, 1), &["--profile", "full", "--roots", roots], is_match(1, 0), "RFC 6698 2.1.1"),
        (
            root.tlsa(0, 0, 1),
            &["--profile", "full", "--roots", roots],
            is_match(3, 0),
            "a root counts without being sent",
        ),
        (
            leaf.tlsa(1, 0, 2),
            &["--profile", "full", "--roots", roots],
            is_match(0, 0),
            "the leaf below a root",
        ),
        (leaf.tlsa(1, 0, 2), &["--profile", "full", "--roots", strangers], fails("untrusted"), "below none"),
        (
            leaf.tlsa(0, 0, 2),
            &["--profile", "full", "--roots", roots],
            fails("no-match"),
            "it is no CA above itself",
        ),
        (
            root.tlsa(2, 0, 1),
            &["--profile", "full", "--roots", roots],
            fails("no-match"),
            "RFC 7671 5.2.2: roots are not for usage 2",
        ),
    ] {
        assert_eq!(pki.verified(&sent, &[&record], options), expected, "{why}: {}", &record[..5]);
    }
    let error = pki.verify(&pki.chain(&sent), &[&lower.tlsa(0, 1, 1)], &full).document();
    assert!(error["error"].as_str().unwrap().contains("--roots"), "it says what is missing: {error}");

    // Names for usage 3: only where they are asked for.
    let ee = leaf.tlsa(3, 1, 1);
    let chain = pki.chain(&sent);
    let of = |name: &str, options: &[&str]| {
        let mut arguments = vec!["tlsa", "verify", "--json", "--chain", chain.to_str().unwrap(), "--at", NOW];
        arguments.extend(["--tlsa", &ee, "--name", name]);
        arguments.extend(options);
        said(&run(arguments))
    };
    for (name, options, expected, why) in [
        (
            "mx.example.org",
            &["--profile", "full", "--ee-names", "check"][..],
            fails("host-mismatch"),
            "another name",
        ),
        (
            "mx.example.org",
            &["--profile", "full", "--ee-names", "ignore"],
            is_match(0, 0),
            "names are ignored",
        ),
        ("mx.example.org", &["--profile", "full"], is_match(0, 0), "RFC 7671 5.1: as they are by default"),
        (HOST, &["--profile", "full", "--ee-names", "check"], is_match(0, 0), "the right name"),
    ] {
        assert_eq!(of(name, options), expected, "{why}: {name}");
    }
}

/// RFC 7671 §9: the strongest digest counts, in the order that is given.
#[test]
fn digests() {
    let pki = Pki::new();
    let leaf = &pki.leaf;
    let (bad512, good256) = (wrong(&leaf.tlsa(3, 1, 2)), leaf.tlsa(3, 1, 1));
    let both = [&*bad512, &good256];
    for (records, options, expected, reasons, why) in [
        (
            &both[..],
            &[][..],
            fails("no-match"),
            [None, Some("SHA2-512(2) stands beside it")],
            "SHA-512 is stronger",
        ),
        (
            &both,
            &["--digests", "sha512,sha256"],
            fails("no-match"),
            [None, Some("SHA2-512(2) stands beside it")],
            "the same order",
        ),
        (
            &both,
            &["--digests", "sha256,sha512"],
            is_match(0, 1),
            [Some("SHA2-256(1) stands beside it"), None],
            "the other order",
        ),
        (
            &both,
            &["--digests", "sha256"],
            is_match(0, 1),
            [Some("SHA2-512(2) is disabled"), None],
            "one of them is not taken",
        ),
        (
            &both[..1],
            &["--digests", "SHA2-256"],
            fails("unusable"),
            [Some("SHA2-512(2) is disabled"), None],
            "nothing is left",
        ),
    ] {
        let ended = pki.verify(&pki.chain(&[leaf]), records, options);
        assert_eq!(said(&ended), expected, "{why}");
        let document = ended.document();
        let found = document["records"].as_array().unwrap();
        assert_eq!(found.len(), records.len(), "{why}");
        for (record, reason) in found.iter().zip(reasons) {
            assert_eq!(record["usable"], reason.is_none(), "{why}: {record}");
            let said = record["reason"].as_str();
            assert_eq!(said.is_none(), reason.is_none(), "{why}: {record}");
            assert!(said.unwrap_or("").contains(reason.unwrap_or("")), "{why}: {record}");
        }
    }
}

/// RFC 6698 §2.2, RFC 3597 §5: the ways to write one record.
#[test]
fn records_as_they_stand_in_zone_files() {
    let pki = Pki::new();
    let record = pki.leaf.tlsa(3, 1, 1);
    let digits = record.strip_prefix("3 1 1 ").unwrap();
    for (text, why) in [
        (format!("3 1 1 {}", digits.to_uppercase()), "upper case"),
        (format!("3 1 1 ( {} {} )", &digits[..20], &digits[20..]), "parentheses and white space"),
        (format!("  3\t1\n1\n{}\n{}\n", &digits[..31], &digits[31..]), "several lines, an octet divided"),
        (format!(r"\# 35 030101{digits}"), "the form for records of any type"),
    ] {
        let ended = pki.verify(&pki.chain(&[&pki.leaf]), &[&text], &[]);
        assert_eq!(said(&ended), is_match(0, 0), "{why}");
        let matched = json!({"usage": 3, "selector": 1, "matching": 1, "index": 0});
        assert_eq!(ended.document()["matched"], matched, "{why}");
    }
}

/// What `make` says is what is computed here, and satisfies `verify`; from PEM as from DER, from a key as from its certificate.
#[test]
fn made_records_are_right() {
    let pki = Pki::new();
    let Pki { root, lower, upper, leaf, .. } = &pki;
    let roots = pki.file("roots.pem", root.certificate.pem());
    let chain = pki.chain(&[leaf, lower, upper]);
    let make = |file: &Path, numbers: [u8; 3], options: &[&str]| -> Value {
        let [usage, selector, matching] = numbers.map(|number| number.to_string());
        let mut arguments =
            vec!["tlsa", "make", "--json", "--cert", file.to_str().unwrap(), "--usage", &usage];
        arguments.extend(["--selector", &selector, "--matching", &matching]);
        arguments.extend(options);
        let ended = run(arguments);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.document()
    };
    for (entity, usages, depth, name) in [(leaf, [1, 3], 0, "leaf"), (upper, [0, 2], 2, "upper")] {
        let pem = pki.file(&format!("{name}.pem"), entity.certificate.pem());
        let der = pki.file(&format!("{name}.der"), entity.certificate.der());
        let key_pem = pki.file(&format!("{name}.pub.pem"), entity.key.public_key_pem());
        let key_der = pki.file(&format!("{name}.pub.der"), entity.key.subject_public_key_info());
        for usage in usages {
            for (selector, matching) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                let numbers = [usage, selector, matching];
                let expected = entity.tlsa(usage, selector, matching);
                assert_eq!(make(&pem, numbers, &[]), json!({"schema": 1, "owner": null, "record": expected}));
                assert_eq!(make(&der, numbers, &[])["record"], expected, "DER");
                if selector == 1 {
                    assert_eq!(make(&key_pem, numbers, &[])["record"], expected, "the key in PEM");
                    assert_eq!(make(&key_der, numbers, &[])["record"], expected, "the key in DER");
                }
                let options = ["--profile", "full", "--roots", roots.to_str().unwrap()];
                let found = said(&pki.verify(&chain, &[&expected], &options));
                assert_eq!(found, is_match(depth, 0), "{numbers:?}");
            }
        }
    }
    let expected = leaf.tlsa(3, 1, 1);
    for (options, owner, why) in [
        (&["--host", HOST][..], "_25._tcp.mx.example.com", "port 25 where none is given"),
        (
            &["--host", "MX.Example.com.", "--port", "465"],
            "_465._tcp.mx.example.com",
            "folded, without the final dot",
        ),
        (&["--host", "b\u{fc}cher.example"], "_25._tcp.xn--bcher-kva.example", "RFC 6698 3: A-labels"),
    ] {
        let made = make(&chain, [3, 1, 1], options);
        assert_eq!(made, json!({"schema": 1, "owner": owner, "record": expected}), "{why}");
    }
    let of_default = run(["tlsa", "make", "--json", "--cert", chain.to_str().unwrap()]).document();
    assert_eq!(of_default["record"], expected, "3 1 1 of the first certificate, where nothing is said");
}

/// A certificate that openssl made, and what openssl says of it:
/// `openssl x509 -outform DER | openssl dgst`, `openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst`.
#[test]
fn digests_are_those_of_openssl() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("leaf.pem");
    std::fs::write(&file, OPENSSL_CERTIFICATE).unwrap();
    for (selector, matching, expected) in OPENSSL_DIGESTS {
        let arguments = ["tlsa", "make", "--json", "--cert", file.to_str().unwrap()];
        let numbers = ["--selector", selector, "--matching", matching];
        let made = run(arguments.into_iter().chain(numbers)).document();
        assert_eq!(made["record"], format!("3 {selector} {matching} {expected}"));
    }
}

const OPENSSL_CERTIFICATE: &str = "\
-----BEGIN CERTIFICATE-----
MIIBhjCCAS2gAwIBAgIUfCxAjlsJ6yOpwN2QiPT0Ki/iknswCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCQ0EwHhcNMjYxMTI2MDk1MjAyWhcNMzUwMjEyMDk1MjAyWjAN
MQswCQYDVQQDDAJteDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMdg8dr7T2Dh
CHK1jXp6TX7F9P+s8cSmqEtHAlRfiDBkGrMDdoTHomBEHkhMdbjy3GQDltUn5Bwl
xIq7mG3pnaOjazBpMBkGA1UdEQQSMBCCDm14LmV4YW1wbGUuY29tMAwGA1UdEwEB
/wQCMAAwHQYDVR0OBBYEFJ17fnAq3k6DL63RApZ7HQZtnUrtMB8GA1UdIwQYMBaA
FCUTtrv9gA1Ef6pejeWDWYmIW7ZrMAoGCCqGSM49BAMCA0cAMEQCIE7FCs3pUKcd
gAUK5yd/RXs0OlpYQnKZKPA9a06LczQnAiA0iwMK8F7MyTIaASWhQCkwN0Kxv7Lc
+jP5Kb1S3havGg==
-----END CERTIFICATE-----
";

const OPENSSL_DIGESTS: [(&str, &str, &str); 4] = [
    ("0", "1", "9d513d99ae8b539f157ebe14ed1d3fe0c6e5c357aa9280fe00cc389cb7bc3154"),
    (
        "0",
        "2",
        "a2620c29a0202a6fdbfda0220e2f20b75731fb3d4d56b68762301e13223ddd8b3f92011bf3ae3d969c29cd4e05c9d8e88ac005ebe2ccc8c7874aa626e2612c17",
    ),
    ("1", "1", "ef8e6880065b4a81af8f18e070dd9a366ba2be60bb565c353d711c457200ef22"),
    (
        "1",
        "2",
        "a4613c7d38b6dc82d2b28af8409cccac3f9b9bbf9d6a6e9b5502b0a0b5d1466cf426111dc14375c0e12b432f5507590cf5c83da6858066e5bffb024e53e38169",
    ),
];

/// What people see, word for word: the names of RFC 7218, and why a record does not count.
#[test]
fn pages() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("leaf.pem");
    std::fs::write(&file, OPENSSL_CERTIFICATE).unwrap();
    let file = file.to_str().unwrap();
    let [(_, _, cert), _, (_, _, key), _] = OPENSSL_DIGESTS;
    let page = |arguments: &[&str], status: i32| {
        let ended = run(arguments);
        assert_eq!((ended.status, ended.stderr.as_str()), (Some(status), ""), "{ended:?}");
        ended.stdout
    };

    let made = page(&["tlsa", "make", "--cert", file, "--host", HOST], 0);
    let expected = format!(
        "\
; DANE-EE(3) SPKI(1) SHA2-256(1)
; The server has this certificate; its names, dates and issuer do not count. The public key is compared, with its \
algorithm and parameters. The data is the SHA-256 digest of that, 32 octets.
_25._tcp.mx.example.com. IN TLSA 3 1 1 {key}
"
    );
    assert_eq!(made, expected);
    let made = page(&["tlsa", "make", "--cert", file, "--usage", "pkix-ee", "--selector", "cert"], 0);
    assert!(made.ends_with(&format!("\n    IN TLSA 1 0 1 {cert}\n")), "behind the owner above it: {made}");
    assert!(made.contains("; Mail servers make no use of it: usage PKIX-EE(1) is not for SMTP"), "{made}");

    let verify = ["tlsa", "verify", "--chain", file, "--name", HOST, "--tlsa"];
    let (right, other) = (format!("3 1 1 {key}"), format!("1 0 1 {cert}"));
    let expected = format!(
        "\
match  a record names the server's own certificate
  unused   PKIX-EE(1) Cert(0) SHA2-256(1)  1 0 1 {cert}
          usage PKIX-EE(1) is not for SMTP (RFC 7672 3.1.3)
  matches  DANE-EE(3) SPKI(1) SHA2-256(1)  3 1 1 {key}
"
    );
    assert_eq!(page(&[&verify[..], &[&other, &right]].concat(), 0), expected);
    let false_record = wrong(&right);
    let expected = format!(
        "\
no-match  no usable record is satisfied by the certificates
  usable  DANE-EE(3) SPKI(1) SHA2-256(1)  {false_record}
  The certificates that were presented, as records would name them
    0  3 1 1 {key}
"
    );
    assert_eq!(page(&[&verify[..], &[&false_record]].concat(), 1), expected);
    let long = format!("2 0 0 {}", "30".repeat(1000));
    let shown = page(&[&verify[..], &[&long]].concat(), 1);
    assert!(shown.contains(&format!("2 0 0 {}… (1000 octets)\n", "30".repeat(16))), "{shown}");
}

/// Records that `make` wrote.
const MADE: &str = r#"
[[scenario]]
name = "made"
matrix = "dane-usable"
why = "what mxtls tlsa make printed, as it stands"
zone = """
@    MX  10 mx1
mx1  A   {ip mx1}
<made>
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "defer", failure = "tlsa-no-match", connections = 1, mail = 0, data = 0 }
"#;

const ROWS: [&str; 7] = [
    "dane-ee-match",
    "tlsa-unusable",
    "tlsa-bogus",
    "insecure-delegation",
    "alias-tlsa-at-target",
    "alias-tlsa-at-alias",
    "neither",
];

fn lab_with_own_rows(made: &str) -> Lab {
    let all = Scenario::all().unwrap().into_iter().filter(|row| ROWS.contains(&row.name.as_str()));
    let own = [INSECURE_TLSA, &MADE.replace("<made>", made)].map(|rows| Scenario::parse(rows).unwrap());
    Lab::start_with(all.chain(own.into_iter().flatten()).collect()).unwrap()
}

fn show(lab: &Lab, host: &str, options: &[&str]) -> Ended {
    let own: Vec<String> = [&["show", host], options].concat().iter().map(|&word| word.to_owned()).collect();
    run(at_lab(lab, "tlsa", &own))
}

#[test]
fn shown_is_what_resolve_finds() {
    let lab = lab_with_own_rows("");
    let port = lab.port().to_string();
    for (host, status, base, outcome, records, why) in [
        (
            "mx1.dane-ee-match.lab",
            0,
            Some("mx1.dane-ee-match.lab"),
            Some("records"),
            &[None][..],
            "one record",
        ),
        (
            "mx1.tlsa-unusable.lab",
            0,
            Some("mx1.tlsa-unusable.lab"),
            Some("records"),
            &[Some("unknown matching type 9"), Some("not for SMTP")],
            "a reason for each",
        ),
        ("mx1.tlsa-bogus.lab", 75, None, None, &[], "the look-up failed"),
        (
            "mx1.insecure-delegation.lab",
            0,
            None,
            Some("not-asked"),
            &[],
            "RFC 7672 2.2.2: an insecure address",
        ),
        (
            "mx1.alias-tlsa-at-target.lab",
            0,
            Some("real.alias-tlsa-at-target.lab"),
            Some("records"),
            &[None],
            "RFC 7672 2.2.2",
        ),
        (
            "mx1.alias-tlsa-at-alias.lab",
            0,
            Some("mx1.alias-tlsa-at-alias.lab"),
            Some("records"),
            &[None],
            "the same",
        ),
        (
            "mx1.insecure-tlsa.lab",
            0,
            None,
            Some("records"),
            &[Some("insecure")],
            "records that anybody may have written",
        ),
    ] {
        let ended = show(&lab, host, &["--port", &port]);
        assert_eq!(ended.status, Some(status), "{why}: {ended:?}");
        let document = ended.document();
        let found = &document["results"][0];
        assert_eq!(
            (found["tlsa_base"].as_str(), found["tlsa_outcome"].as_str()),
            (base, outcome),
            "{why}: {found:#}"
        );
        let shown = found["tlsa"].as_array().unwrap();
        assert_eq!(shown.len(), records.len(), "{why}: {found:#}");
        for (record, reason) in shown.iter().zip(records) {
            assert_eq!(record["usable"], reason.is_none(), "{why}: {record}");
            assert!(
                record["reason"].as_str().unwrap_or("").contains(reason.unwrap_or("")),
                "{why}: {record}"
            );
        }
        let own = ["--dane-only".to_owned(), host.to_owned()];
        let resolved = run(at_lab(&lab, "resolve", &own));
        assert_eq!(
            (resolved.status, resolved.document()),
            (ended.status, document),
            "{why}: the same document"
        );
    }
}

/// Without `--port` it is about port 25, whatever port the lab has.
#[test]
fn the_port_is_in_the_name() {
    let lab = lab_of(&["dane-ee-match"]);
    let ended = show(&lab, "mx1.dane-ee-match.lab", &[]);
    let found = &ended.document()["results"][0];
    assert_eq!((&found["port"], &found["tlsa"]), (&json!(25), &json!([])), "{found:#}");
    let asked = lab.dns().queries(|query| query.rtype.to_string() == "TLSA");
    let names: Vec<_> = asked.iter().map(|query| query.name.as_str()).collect();
    assert_eq!(names, ["_25._tcp.mx1.dane-ee-match.lab."]);
}

#[test]
fn shown_to_people() {
    let lab = lab_with_own_rows("");
    let port = lab.port().to_string();
    for (host, lines, why) in [
        (
            "mx1.dane-ee-match.lab",
            &[
                "secure  _{port}._tcp.{host}: 1 record\n",
                "base domain  secure  {host}\n",
                "usable  DANE-EE(3) SPKI(1) SHA2-256(1)  3 1 1 ",
            ][..],
            "a good record",
        ),
        (
            "mx1.tlsa-unusable.lab",
            &[
                ": 2 records\n",
                "unused  DANE-EE(3) SPKI(1) unassigned(9)  3 1 9 abcd\n          unknown matching type 9\n",
                "usage PKIX-EE(1) is not for SMTP (RFC 7672 3.1.3)\n",
            ],
            "reasons",
        ),
        ("mx1.tlsa-bogus.lab", &["dns-bogus: ", "look-up failed"], "a failure"),
        (
            "mx1.insecure-delegation.lab",
            &["insecure", "not looked for, since the address is not secure"],
            "no question",
        ),
        ("mx1.neither.lab", &["no-such-name"], "no record"),
        (
            "mx1.insecure-tlsa.lab",
            &["insecure  _{port}._tcp.{host}: 1 record\n", "unused", "          insecure\n"],
            "insecure ones",
        ),
    ] {
        let own = ["show", host, "--port", &port].map(str::to_owned);
        let arguments = at_lab(&lab, "tlsa", &own).into_iter().filter(|word| word != "--json");
        let ended = run(arguments);
        assert!(ended.stdout.starts_with(&format!("{host}:{port}\n")), "{why}: {ended:?}");
        for line in lines {
            let line = line.replace("{port}", &port).replace("{host}", host);
            assert!(ended.stdout.contains(&line), "{why}: {line:?} is not in\n{}", ended.stdout);
        }
    }
}

/// From a certificate into a zone file, through DNS, and back to the chain.
#[test]
fn what_is_made_is_found_and_matches() {
    let pki = Pki::new();
    let (leaf, chain) =
        (pki.file("leaf.pem", pki.leaf.certificate.pem()), pki.chain(&[&pki.leaf, &pki.lower]));
    let host = "mx1.made.lab";
    let made = |selector: &str, matching: &str| {
        let ended = run([
            "tlsa",
            "make",
            "--cert",
            leaf.to_str().unwrap(),
            "--host",
            host,
            "--port",
            "2525",
            "--selector",
            selector,
            "--matching",
            matching,
        ]);
        assert_eq!(ended.status, Some(0), "{ended:?}");
        ended.stdout
    };
    let lab = lab_with_own_rows(&(made("1", "1") + &made("0", "0")));
    let document = show(&lab, host, &["--port", "2525"]).document();
    let records = document["results"][0]["tlsa"].as_array().unwrap().clone();
    assert_eq!(records.len(), 2, "{document:#}");
    for record in records {
        assert_eq!(record["usable"], true, "{record}");
        let text = format!(
            "{} {} {} {}",
            record["usage"],
            record["selector"],
            record["matching"],
            record["data"].as_str().unwrap()
        );
        assert_eq!(said(&pki.verify(&chain, &[&text], &[])), is_match(0, 0), "{record}");
    }
}
