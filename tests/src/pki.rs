//! The lab's certificates: a private root that clients are told to trust, authorities that they are not, and leaves with one thing
//! wrong with them.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use ring::digest::{SHA256, SHA512, digest};
use rustls::ServerConfig;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The private authorities of one lab; fresh keys each time.
pub struct Pki {
    root: Authority,
    intermediate: Authority,
    private: Authority,
}

impl Pki {
    /// Makes the keys and certificates of the three authorities.
    pub fn new() -> Self {
        let root = Authority::new("mxtls lab root", None);
        let intermediate = Authority::new("mxtls lab intermediate", Some(&root));
        let private = Authority::new("mxtls lab private authority", None);
        Self { root, intermediate, private }
    }

    /// The one trusted root in PEM: what `--ca-file` is given.
    pub fn roots_pem(&self) -> String {
        self.root.pem.clone()
    }

    /// The one trusted root in DER.
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.certificate.clone()
    }

    /// Issues what a server presents: `host` is its name and `domain` the mail domain that it serves, for the placeholders `{host}` and
    /// `{domain}` in the wanted names.
    pub fn issue(&self, wanted: &Certificate, host: &str, domain: &str) -> Identity {
        let names: Vec<String> = match &wanted.names {
            None => vec![host.to_owned()],
            Some(names) => {
                names.iter().map(|n| n.replace("{host}", host).replace("{domain}", domain)).collect()
            }
        };
        let key = KeyPair::generate().expect("a P-256 key");
        let mut params = CertificateParams::new(names).expect("names of the lab are DNS names");
        params.distinguished_name.push(DnType::CommonName, host);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let now = OffsetDateTime::now_utc();
        let (from, until) = match wanted.dates.unwrap_or_default() {
            Dates::Now => (-1, 30),
            Dates::Past => (-30, -1),
            Dates::Future => (1, 30),
        };
        params.not_before = now + Duration::days(from);
        params.not_after = now + Duration::days(until);

        let issued_by = |authority: &Authority| {
            params.signed_by(&key, &authority.issuer).expect("a leaf certificate").der().clone()
        };
        let issuer = wanted.issuer.unwrap_or_default();
        let (chain, anchor) = match issuer {
            IssuedBy::Root => (vec![issued_by(&self.root)], self.root()),
            IssuedBy::Intermediate => {
                let intermediate = self.intermediate.certificate.clone();
                (vec![issued_by(&self.intermediate), intermediate.clone()], intermediate)
            }
            IssuedBy::Private => {
                // RFC 7672 §3.1.2: a trust anchor known by digest must be in the chain that the server sends.
                let private = self.private.certificate.clone();
                (vec![issued_by(&self.private), private.clone()], private)
            }
            // The certificate that holds a raw key is made for the key's sake, and never sent.
            IssuedBy::Itself | IssuedBy::Nobody => {
                let leaf = params.self_signed(&key).expect("a self-signed certificate").der().clone();
                (vec![leaf.clone()], leaf)
            }
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        Identity { chain, anchor, key, is_raw: issuer == IssuedBy::Nobody }
    }
}

impl Default for Pki {
    fn default() -> Self {
        Self::new()
    }
}

/// What a server's certificate is like; whatever is left out is in order.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Certificate {
    /// Who signed it; the trusted root if left out.
    pub issuer: Option<IssuedBy>,
    /// Its DNS names, in which `{host}` and `{domain}` stand for the server's name and the mail domain; the host's name if left out.
    pub names: Option<Vec<String>>,
    /// When it is valid; now if left out.
    pub dates: Option<Dates>,
}

impl Certificate {
    /// This certificate, changed where `over` says something.
    pub fn merged(self, over: Self) -> Self {
        Self {
            issuer: over.issuer.or(self.issuer),
            names: over.names.or(self.names),
            dates: over.dates.or(self.dates),
        }
    }
}

/// Who signed a certificate, and so what is sent with it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuedBy {
    /// The root of `--ca-file`; only the leaf is sent.
    #[default]
    Root,
    /// An authority below that root, which is sent too and which TLSA usage 2 names.
    Intermediate,
    /// An authority that nobody trusts unless a TLSA record names it; it is sent too.
    Private,
    /// Itself.
    Itself,
    /// Nobody: a raw public key stands in its place, and nothing else is presented (RFC 7250).
    Nobody,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dates {
    /// Since yesterday, for a month.
    #[default]
    Now,
    /// Until yesterday.
    Past,
    /// From tomorrow on.
    Future,
}

/// A key with the chain that is presented for it.
pub struct Identity {
    /// The chain as sent, leaf first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The certificate that TLSA usage 2 names: the leaf's issuer.
    pub anchor: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// Whether the key alone is presented.
    is_raw: bool,
}

impl Identity {
    /// The data of the TLSA record of this server: of the leaf for usages 1 and 3, of the issuer for 0 and 2 (RFC 6698 §2.1).
    ///
    /// # Errors
    /// A sentence where a number is outside the registry.
    pub fn tlsa(&self, usage: u8, selector: u8, matching: u8) -> Result<String, String> {
        let certificate = match usage {
            0 | 2 => &self.anchor,
            1 | 3 => &self.chain[0],
            4.. => return Err(format!("no certificate usage {usage}")),
        };
        let (_, parsed) = X509Certificate::from_der(certificate).expect("our own certificate");
        let selected = match selector {
            0 => certificate.as_ref(),
            1 => parsed.public_key().raw,
            2.. => return Err(format!("no selector {selector}")),
        };
        let data = match matching {
            0 => hex(selected),
            1 => hex(digest(&SHA256, selected).as_ref()),
            2 => hex(digest(&SHA512, selected).as_ref()),
            3.. => return Err(format!("no matching type {matching}")),
        };
        Ok(format!("{usage} {selector} {matching} {data}"))
    }

    /// A TLSA record of the same form that this server does not match: its first digit is another one.
    ///
    /// # Errors
    /// As [`Identity::tlsa`].
    pub fn wrong_tlsa(&self, usage: u8, selector: u8, matching: u8) -> Result<String, String> {
        let right = self.tlsa(usage, selector, matching)?;
        let at = right.rfind(' ').expect("four fields") + 1;
        let other = if right[at..].starts_with('0') { "1" } else { "0" };
        Ok(format!("{}{other}{}", &right[..at], &right[at + 1..]))
    }

    /// A TLS server's configuration that presents this chain, or the raw key, whatever name it is asked for.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth();
        let config = if self.is_raw {
            let key = any_supported_type(&self.key).expect("a P-256 key");
            let public = key.public_key().expect("it has one").as_ref().to_vec();
            let certified = CertifiedKey::new(vec![public.into()], key);
            config.with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(Arc::new(certified))))
        } else {
            config
                .with_single_cert(self.chain.clone(), self.key.clone_key())
                .expect("the key belongs to the leaf")
        };
        Arc::new(config)
    }
}

struct Authority {
    certificate: CertificateDer<'static>,
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str, above: Option<&Authority>) -> Self {
        let key = KeyPair::generate().expect("a P-256 key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = OffsetDateTime::now_utc() - Duration::days(60);
        params.not_after = OffsetDateTime::now_utc() + Duration::days(60);
        let certificate = match above {
            None => params.self_signed(&key),
            Some(above) => params.signed_by(&key, &above.issuer),
        }
        .expect("an authority's certificate");
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tlsa_of_leaf_and_issuer() {
        let pki = Pki::new();
        let identity = pki.issue(
            &Certificate { issuer: Some(IssuedBy::Private), ..Certificate::default() },
            "mx1.a.lab",
            "a.lab",
        );
        assert_eq!(identity.tlsa(3, 0, 0).unwrap(), format!("3 0 0 {}", hex(&identity.chain[0])));
        assert_eq!(
            identity.tlsa(2, 0, 1).unwrap(),
            format!("2 0 1 {}", hex(digest(&SHA256, &identity.chain[1]).as_ref()))
        );
        assert_eq!(identity.tlsa(3, 1, 2).unwrap().len(), "3 1 2 ".len() + 128);
        for (numbers, why) in [((4, 1, 1), "usage"), ((3, 2, 1), "selector"), ((3, 1, 3), "matching type")] {
            let refused = identity.tlsa(numbers.0, numbers.1, numbers.2).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn a_wrong_record_has_the_form_of_the_right_one() {
        let identity = Pki::new().issue(&Certificate::default(), "mx1.a.lab", "a.lab");
        let (right, wrong) = (identity.tlsa(3, 1, 1).unwrap(), identity.wrong_tlsa(3, 1, 1).unwrap());
        assert_ne!(right, wrong);
        assert_eq!(right.len(), wrong.len());
        assert_eq!(right[..6], wrong[..6]);
    }

    #[test]
    fn dates_names_and_what_is_sent() {
        let pki = Pki::new();
        let issue = |issuer, dates| {
            let names = Some(vec!["{domain}".to_owned()]);
            pki.issue(&Certificate { issuer: Some(issuer), names, dates: Some(dates) }, "mx1.a.lab", "a.lab")
        };
        for (issuer, dates, sent, valid_now) in [
            (IssuedBy::Root, Dates::Now, 1, true),
            (IssuedBy::Intermediate, Dates::Past, 2, false),
            (IssuedBy::Private, Dates::Future, 2, false),
            (IssuedBy::Itself, Dates::Now, 1, true),
        ] {
            let identity = issue(issuer, dates);
            assert_eq!(identity.chain.len(), sent, "{issuer:?}");
            let leaf = X509Certificate::from_der(&identity.chain[0]).unwrap().1;
            assert_eq!(leaf.validity().is_valid(), valid_now, "{dates:?}");
            let names = leaf.subject_alternative_name().unwrap().unwrap();
            assert_eq!(format!("{:?}", names.value.general_names), r#"[DNSName("a.lab")]"#);
        }
    }
}
