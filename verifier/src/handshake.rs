//! One TLS handshake with one mail server.

use std::{
    io,
    net::Ipv4Addr,
    sync::{Arc, OnceLock},
};

use mxtls_policy::{Failure, FailureCode, SecurityPolicy};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, HandshakeKind, ProtocolVersion, WantsVerifier,
    client::Resumption,
};
use rustls_pki_types::{DnsName, ServerName};

use crate::{
    cipher_suite::iana_name,
    failure,
    server_verifier::{Presented, Seen, ServerVerifier},
    settings::TlsSettings,
    verdict::Verdict,
};

/// Prepares the handshake with the server `host` under `policy`.
///
/// `host` is the name that the MX record has, or that the caller gave: the reference name of the Web PKI (RFC 8461
/// §4.2). It may be an address, which no certificate is held against and no server name is sent for.
///
/// The result is good for one connection.
pub fn handshake(policy: &SecurityPolicy, host: &str, settings: &TlsSettings) -> Handshake {
    prepare(policy, host, settings, settings.config(), Presented::Certificates)
}

/// Prepares a handshake in which the server `host` is asked for a raw public key (RFC 7250) and nothing else; `None`
/// where the settings or the policy do not allow that.
///
/// It is for a second try, after a handshake failed in which the server [presented nothing](Handshake::verdict): with
/// rustls a client asks for certificates or for a key, not for either, and most servers have certificates. The policy is
/// the same, so that the second try proves no less than the first.
pub fn raw_key_handshake(policy: &SecurityPolicy, host: &str, settings: &TlsSettings) -> Option<Handshake> {
    let config = settings.raw_key_config().filter(|_| policy.allows_raw_keys())?;
    Some(prepare(policy, host, settings, config, Presented::RawKey))
}

fn prepare(
    policy: &SecurityPolicy,
    host: &str,
    settings: &TlsSettings,
    config: ConfigBuilder<ClientConfig, WantsVerifier>,
    presented: Presented,
) -> Handshake {
    let seen = Arc::new(OnceLock::new());
    let verifier = ServerVerifier::new(policy, host, settings, presented, Arc::clone(&seen));
    let mut config =
        config.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
    // A resumed session shows no certificate, so nothing would be verified.
    config.resumption = Resumption::disabled();
    let name = dns_name(policy.sni(host));
    Handshake { host: host.to_owned(), name, config: Arc::new(config), seen }
}

/// The handshake of one connection: what to start it with, and what it came to.
#[derive(Debug)]
pub struct Handshake {
    host: String,
    name: Option<DnsName<'static>>,
    config: Arc<ClientConfig>,
    seen: Arc<OnceLock<Seen>>,
}

impl Handshake {
    /// The configuration that judges the server. A second connection with it is refused.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The name to give rustls. Where [`sni`](Self::sni) is `None`, it is a placeholder that is not sent.
    pub fn server_name(&self) -> ServerName<'static> {
        match &self.name {
            Some(name) => ServerName::DnsName(name.clone()),
            // For an address no server name is sent (RFC 6066 §3).
            None => ServerName::IpAddress(Ipv4Addr::UNSPECIFIED.into()),
        }
    }

    /// The name that is sent to the server; `None` where the host is an address or can be no host name (RFC 6066 §3).
    pub fn sni(&self) -> Option<&str> {
        self.name.as_ref().map(AsRef::as_ref)
    }

    /// What the certificates are worth; `None` as long as none were seen. It proves nothing before the handshake is
    /// done: see [`finish`](Self::finish).
    pub fn verdict(&self) -> Option<&Verdict> {
        self.seen.get().map(|seen| &seen.verdict)
    }

    /// What has been established with `connection`, which was made with this configuration and whose handshake is done.
    ///
    /// # Errors
    /// The handshake is not done; no certificate was judged in it (a resumed session shows none), or another one than the server
    /// of this connection has; or a check that the policy enforces does not hold.
    pub fn finish(&self, connection: &ClientConnection) -> Result<Established<'_>, Failure> {
        let end_entity = connection.peer_certificates().and_then(<[_]>::first);
        let (Some(Seen { verdict, .. }), false, false, Some(version), Some(suite)) = (
            // Whoever shows a certificate has not shown its key before the handshake is done: with the connection of another
            // server, it counts for nothing.
            self.seen.get().filter(|seen| Some(&seen.end_entity) == end_entity),
            connection.is_handshaking(),
            connection.handshake_kind() == Some(HandshakeKind::Resumed),
            connection.protocol_version(),
            connection.negotiated_cipher_suite(),
        ) else {
            let message =
                format!("The TLS handshake with {} ended without its certificates being checked.", self.host);
            return Err(Failure::new(FailureCode::TlsHandshake, message));
        };
        verdict.enforced.clone()?;
        Ok(Established { version: version_name(version), cipher_suite: iana_name(suite.suite()), verdict })
    }

    /// Why the handshake failed, from the error that the connection ended with.
    ///
    /// A refused certificate counts before the error, which would only tell that it was refused.
    pub fn failure(&self, error: &io::Error) -> Failure {
        match self.verdict() {
            Some(Verdict { enforced: Err(refused), .. }) => refused.clone(),
            Some(_) | None => failure::of_connection(&self.host, error),
        }
    }
}

/// A TLS session in which everything holds that the policy enforces.
#[derive(Clone, Copy, Debug)]
pub struct Established<'a> {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite by its IANA name.
    pub cipher_suite: &'static str,
    /// What was found about the certificates.
    pub verdict: &'a Verdict,
}

/// Names that SNI cannot carry are not sent: most servers need none (RFC 7672 §8.1 has no other name to offer).
fn dns_name(name: &str) -> Option<DnsName<'static>> {
    match DnsName::try_from(name.strip_suffix('.').unwrap_or(name)) {
        Ok(name) => Some(name.to_owned()),
        Err(_) => None,
    }
}

fn version_name(version: ProtocolVersion) -> &'static str {
    if version == ProtocolVersion::TLSv1_3 { "TLSv1.3" } else { "TLSv1.2" }
}
