//! A platform without trusted roots.

use std::{env, process::Command};

use dane::Profile;
use mxtls_policy::SecurityPolicy;
use mxtls_verifier::{Offer, Roots, TlsSettings};

use crate::{
    certificates::{Ca, HOST, foreign_tlsa, now},
    policies::mta_sts,
    server::{Server, VERSIONS, connect},
};

const NOWHERE: &str = "/nonexistent/roots.pem";

/// The environment decides where the platform's roots are, and it is the whole process's: the test runs itself in one
/// of its own.
#[test]
fn platform_without_roots_matters_only_where_the_web_pki_is_enforced() {
    if env::var("SSL_CERT_FILE").as_deref() != Ok(NOWHERE) {
        let name = "platform_roots::platform_without_roots_matters_only_where_the_web_pki_is_enforced";
        let run = Command::new(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env("SSL_CERT_FILE", NOWHERE)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(
            run.status.success() && text.contains("1 passed"),
            "{text}{}",
            String::from_utf8_lossy(&run.stderr)
        );
        return;
    }
    let settings = TlsSettings::new(Roots::platform(), &Offer::default()).unwrap().at(now());
    let good = Ca::new("Trusted").server(HOST);
    let full = |records| SecurityPolicy::dane_under(Profile::Full, HOST, records).unwrap();
    for (policy, expected) in [
        (SecurityPolicy::opportunistic(), None),
        (SecurityPolicy::mta_sts(mta_sts("testing")), None),
        (SecurityPolicy::dane(HOST, vec![good.dane_ee()]).unwrap(), None),
        (full(vec![foreign_tlsa(), good.pkix_ee(), good.dane_ee()]), None),
        (full(vec![good.pkix_ee()]), Some("certificate-untrusted")),
        (full(vec![good.pkix_ta()]), Some("certificate-untrusted")),
        (SecurityPolicy::mta_sts(mta_sts("enforce")), Some("certificate-untrusted")),
    ] {
        let (handshake, result) = connect(&policy, &settings, &Server::new(&good, VERSIONS[1]));
        let failure = result.err();
        assert_eq!(failure.as_ref().map(|failure| failure.code.as_str()), expected, "{}", policy.kind());
        assert!(failure.is_none_or(|failure| failure.message.contains("without trusted roots")));
        let recorded = handshake.verdict().unwrap().web_pki.clone().unwrap_err();
        assert!(recorded.message.contains("without trusted roots"), "{recorded:?}");
        assert!(recorded.detail.as_ref().unwrap().contains(NOWHERE), "{recorded:?}");
    }
}
