//! Certificates, policies and messages that the tests share.

use std::sync::Arc;

use dane::TlsaRecord;
use mxtls_policy::{Requirement, SecurityPolicy};
use mxtls_smtp_client::{
    Attempt, Envelope, Interrupt, Message, Server, SessionSettings, StartTlsUse, Timeouts, deliver,
};
use mxtls_verifier::{Offer, Roots, TlsSettings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::ring};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::scripted_server::{Heard, Script};

pub(crate) const HOST: &str = "mx.example";

/// A server's certificate, issued by a private CA, and all that can be said about it.
pub(crate) struct Setting {
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) settings: SessionSettings,
    certificate: Vec<u8>,
}

impl Setting {
    /// A server that proves to be `mx.example`.
    pub(crate) fn new() -> Self {
        Self::with_certificate_for(HOST)
    }

    pub(crate) fn with_certificate_for(name: &str) -> Self {
        let mut ca = CertificateParams::new(vec![]).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        let chain = vec![leaf.der().clone(), ca.der().clone()];
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let roots = Roots::from_pem(ca.pem().as_bytes()).unwrap();
        let client = TlsSettings::new(roots, &Offer::default()).unwrap();
        let settings = SessionSettings::new("client.example", client).unwrap();
        Self { tls: Arc::new(tls), settings, certificate: leaf.der().to_vec() }
    }

    pub(crate) fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    pub(crate) fn script(&self) -> Script {
        Script::new(Arc::clone(&self.tls))
    }

    /// DANE-EE with the server's own certificate.
    pub(crate) fn dane(&self) -> SecurityPolicy {
        let record = TlsaRecord { usage: 3, selector: 0, matching: 0, data: self.certificate.clone() };
        SecurityPolicy::dane(HOST, vec![record]).unwrap()
    }

    /// DANE-EE with another key.
    pub(crate) fn dane_mismatch() -> SecurityPolicy {
        let record = TlsaRecord { usage: 3, selector: 1, matching: 1, data: vec![0; 32] };
        SecurityPolicy::dane(HOST, vec![record]).unwrap()
    }

    /// Delivers to a server that follows the script; the attempt, and what the server heard.
    pub(crate) async fn deliver(
        &self,
        script: Script,
        policy: &SecurityPolicy,
        rcpt: &[&str],
    ) -> (Attempt, Heard) {
        self.deliver_message(script, policy, envelope(rcpt, "Subject: x\r\n\r\nx\r\n"), Interrupt::never())
            .await
    }

    pub(crate) async fn deliver_message(
        &self,
        script: Script,
        policy: &SecurityPolicy,
        envelope: Envelope,
        mut interrupt: Interrupt,
    ) -> (Attempt, Heard) {
        let scripted = script.serve().await;
        let server = Server {
            address: scripted.address,
            host: HOST,
            policy,
            requirement: Requirement::AsPolicy,
            starttls: StartTlsUse::AsOffered,
        };
        let attempt = deliver(&server, &self.settings, &envelope, &mut interrupt).await;
        (attempt, scripted.heard().await)
    }
}

pub(crate) fn mta_sts(mode: &str, mx: &str) -> SecurityPolicy {
    let text = format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: 86400\n");
    SecurityPolicy::mta_sts(mta_sts::Policy::parse(text.as_bytes()).unwrap().policy)
}

pub(crate) fn envelope(rcpt: &[&str], message: &str) -> Envelope {
    let recipients = rcpt.iter().map(|rcpt| rcpt.parse().unwrap()).collect();
    let message = Message::new(message.as_bytes()).unwrap();
    Envelope::new(Some("a@client.example".parse().unwrap()), recipients, message).unwrap()
}
