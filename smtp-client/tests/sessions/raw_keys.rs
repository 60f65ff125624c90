//! Servers that have a raw public key in the place of certificates (RFC 7250), and the second attempt that asks for it.

use std::sync::Arc;

use dane::TlsaRecord;
use mxtls_policy::{Channel, FailureCode, Requirement, SecurityPolicy};
use mxtls_smtp_client::{
    Attempt, AttemptVerdict, Interrupt, Server, SessionSettings, StartTlsUse, TlsaMatch, deliver,
};
use rcgen::KeyPair;
use rustls::{
    ServerConfig,
    crypto::ring::{default_provider, sign::any_supported_type},
    server::AlwaysResolvesServerRawPublicKeys,
    sign::CertifiedKey,
};
use rustls_pki_types::PrivatePkcs8KeyDer;

use crate::{
    scripted_server::{Heard, Script},
    setting::{HOST, Setting, envelope},
};

/// A server's configuration with a raw key and nothing else, and the policy that names the key.
fn raw_key() -> (Arc<ServerConfig>, SecurityPolicy) {
    let key = KeyPair::generate().unwrap();
    let key = any_supported_type(&PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap();
    let spki = key.public_key().unwrap().as_ref().to_vec();
    let certified = CertifiedKey::new(vec![spki.clone().into()], key);
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))));
    let record = TlsaRecord { usage: 3, selector: 1, matching: 0, data: spki };
    (Arc::new(config), SecurityPolicy::dane(HOST, vec![record]).unwrap())
}

/// The same settings with raw keys switched on.
fn allowing(settings: &SessionSettings) -> SessionSettings {
    let mut settings = settings.clone();
    settings.tls = settings.tls.allow_raw_keys();
    settings
}

async fn attempt(
    script: Script,
    policy: &SecurityPolicy,
    settings: &SessionSettings,
    starttls: StartTlsUse,
) -> (Attempt, Heard) {
    let scripted = script.serve().await;
    let requirement = Requirement::AsPolicy;
    let server = Server { address: scripted.address, host: HOST, policy, requirement, starttls };
    let envelope = envelope(&["b@example"], "Subject: x\r\n\r\nx\r\n");
    let attempt = deliver(&server, settings, &envelope, &mut Interrupt::never()).await;
    (attempt, scripted.heard().await)
}

#[tokio::test]
async fn d71_08_a_second_attempt_where_nothing_was_shown_and_settings_and_policy_allow_it() {
    use StartTlsUse::{AsOffered, ForRawKey};
    let setting = Setting::new();
    let (raw, policy) = raw_key();
    let (_, elsewhere) = raw_key();
    let raw = || Script::new(Arc::clone(&raw));
    let certificates = || setting.script();
    let off = &setting.settings;
    let on = &allowing(off);
    let injecting = || raw().answer("STARTTLS", "220 go ahead\r\n250 more\r\n");
    let handshake = FailureCode::TlsVersion;
    for (script, policy, settings, starttls, failure, retry, why) in [
        (raw(), &policy, off, AsOffered, Some(handshake), false, "it is off by default"),
        (raw(), &setting.dane(), on, AsOffered, Some(handshake), false, "the record names a certificate"),
        (raw(), &SecurityPolicy::opportunistic(), on, AsOffered, Some(handshake), false, "no record at all"),
        (injecting(), &policy, on, AsOffered, Some(FailureCode::Injection), false, "decision 11"),
        (
            certificates(),
            &policy,
            on,
            AsOffered,
            Some(FailureCode::TlsaNoMatch),
            false,
            "a certificate was shown, and it is the wrong one",
        ),
        (certificates(), &policy, on, ForRawKey, Some(handshake), false, "there is no third"),
        (raw(), &elsewhere, on, ForRawKey, Some(FailureCode::TlsaNoMatch), false, "another key"),
        (raw(), &policy, on, AsOffered, Some(handshake), true, "the twin"),
        (raw(), &policy, on, ForRawKey, None, false, "and the second attempt"),
        (certificates(), &setting.dane(), on, ForRawKey, None, false, "not allowed: as ever"),
        (raw(), &policy, off, ForRawKey, Some(handshake), false, "not switched on: as ever"),
    ] {
        let (attempt, heard) = attempt(script, policy, settings, starttls).await;
        assert_eq!(attempt.failure.as_ref().map(|failure| failure.code), failure, "{why}");
        assert_eq!(attempt.retry_raw_key, retry, "{why}");
        assert_eq!(attempt.retry_clear_text, policy.allows_clear_text(), "{why}");
        assert_eq!(
            heard.has("MAIL"),
            failure.is_none(),
            "{why}: mail is only for who proves to be the server"
        );
    }
}

#[tokio::test]
async fn what_is_reported_of_a_raw_key() {
    let (raw, policy) = raw_key();
    let setting = Setting::new();
    let settings = allowing(&setting.settings);
    let (attempt, heard) = attempt(Script::new(raw), &policy, &settings, StartTlsUse::ForRawKey).await;
    assert_eq!((attempt.verdict, attempt.channel), (AttemptVerdict::Accept, Some(Channel::Verified)));
    let tls = attempt.tls.unwrap();
    let matched = TlsaMatch { usage: 3, selector: 1, matching: 0, depth: 0, index: 0, anchor_expired: None };
    assert_eq!((tls.matched, tls.version), (Some(matched), Some("TLSv1.3")));
    assert_eq!((tls.web_pki, tls.certificates), (None, vec![]), "there is no certificate");
    assert!(heard.has("DATA"));
}
