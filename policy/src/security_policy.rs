//! The policy of one server, as the session asks for it.

use std::fmt;

use dane::{Digests, Profile, Selection, TlsaRecord};
use mta_sts::Mode;
use serde::Serialize;

use crate::{
    dane_rules::DaneRules,
    evidence::Found,
    failure::{Failure, FailureCode},
    matrix_id::MatrixId,
};

/// What a server must do before it is given mail. Made by [`decide`](crate::decide()), or by hand for one host.
#[derive(Clone, Debug)]
pub struct SecurityPolicy {
    dane: Option<DanePolicy>,
    // Enforce or testing: a policy of mode `none` is no policy (RFC 8461 §5).
    mta_sts: Option<mta_sts::Policy>,
}

/// The DANE side of a policy.
#[derive(Clone, Debug)]
pub struct DanePolicy {
    base: String,
    found: Found,
    records: Vec<TlsaRecord>,
    rules: DaneRules,
    selection: Selection,
    reference_ids: Vec<String>,
}

/// The policy that decides for a server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyKind {
    /// TLSA records (RFC 7672).
    Dane,
    /// An MTA-STS policy, enforced or in testing (RFC 8461).
    MtaSts,
    /// Neither: TLS where it is offered (RFC 7435).
    Opportunistic,
}

impl fmt::Display for PolicyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dane => "dane",
            Self::MtaSts => "mta-sts",
            Self::Opportunistic => "opportunistic",
        })
    }
}

/// A check of the server's certificate that is enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateCheck {
    /// Against TLSA records.
    Tlsa,
    /// A path to a trusted root and the MX host's name in it (RFC 8461 §4.2).
    WebPki,
}

/// There is no TLSA record to make a DANE policy of.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a DANE policy needs at least one TLSA record")]
pub struct EmptyTlsaRrset;

impl SecurityPolicy {
    /// DANE for a host that the caller names, and so counts as securely found; `records` are its secure TLSA RRset. The
    /// profile is that of SMTP.
    ///
    /// # Errors
    /// Without a record there is no DANE.
    pub fn dane(host: &str, records: Vec<TlsaRecord>) -> Result<Self, EmptyTlsaRrset> {
        Self::dane_under(Profile::Smtp, host, records)
    }

    /// The same under a profile: [`Profile::Full`] has PKIX-TA(0) and PKIX-EE(1) records as well (RFC 7671 §4).
    ///
    /// # Errors
    /// Without a record there is no DANE.
    pub fn dane_under(
        profile: Profile,
        host: &str,
        records: Vec<TlsaRecord>,
    ) -> Result<Self, EmptyTlsaRrset> {
        let ids = vec![host.to_owned()];
        let dane = DanePolicy::new(profile.into(), host, Found::Securely, records, ids)?;
        Ok(Self { dane: Some(dane), mta_sts: None })
    }

    /// An MTA-STS policy; one of mode `none` is the same as [`opportunistic`](Self::opportunistic).
    pub fn mta_sts(policy: mta_sts::Policy) -> Self {
        Self { dane: None, mta_sts: in_force(policy) }
    }

    /// TLS where it is offered, clear text where not.
    pub fn opportunistic() -> Self {
        Self { dane: None, mta_sts: None }
    }

    pub(crate) fn new(dane: Option<DanePolicy>, mta_sts: Option<mta_sts::Policy>) -> Self {
        Self { dane, mta_sts: mta_sts.and_then(in_force) }
    }

    /// The row of the behaviour matrix that this policy is.
    pub fn row(&self) -> MatrixId {
        let enforce = self.enforced_mta_sts().is_some();
        match &self.dane {
            Some(dane) => match (dane.authenticates(), dane.found) {
                (true, Found::Securely) => MatrixId::DaneUsable,
                (true, Found::Insecurely) if enforce => MatrixId::DaneInsecureMxStsEnforce,
                (true, Found::Insecurely) => MatrixId::DaneInsecureMx,
                (false, _) if enforce => MatrixId::DaneUnusableStsEnforce,
                (false, _) => MatrixId::DaneUnusable,
            },
            None if enforce => MatrixId::StsEnforce,
            None if self.mta_sts.is_some() => MatrixId::StsTesting,
            None => MatrixId::Opportunistic,
        }
    }

    /// The policy that decides.
    pub fn kind(&self) -> PolicyKind {
        match self.row() {
            MatrixId::DaneUsable
            | MatrixId::DaneUnusable
            | MatrixId::DaneInsecureMx
            | MatrixId::DaneInsecureMxStsEnforce => PolicyKind::Dane,
            MatrixId::DaneUnusableStsEnforce | MatrixId::StsEnforce | MatrixId::StsTesting => {
                PolicyKind::MtaSts
            }
            MatrixId::Opportunistic | MatrixId::MxError | MatrixId::HostError => PolicyKind::Opportunistic,
        }
    }

    /// Every policy in force; what is only reported beside an enforced policy is not.
    pub fn kinds(&self) -> &'static [PolicyKind] {
        use PolicyKind::{Dane, MtaSts, Opportunistic};
        match self.row() {
            MatrixId::DaneUsable | MatrixId::DaneUnusable | MatrixId::DaneInsecureMx => &[Dane],
            MatrixId::DaneUnusableStsEnforce | MatrixId::DaneInsecureMxStsEnforce => &[Dane, MtaSts],
            MatrixId::StsEnforce | MatrixId::StsTesting => &[MtaSts],
            MatrixId::Opportunistic | MatrixId::MxError | MatrixId::HostError => &[Opportunistic],
        }
    }

    /// Whether mail may only go out over TLS.
    pub fn is_tls_mandatory(&self) -> bool {
        self.dane.is_some() || self.enforced_mta_sts().is_some()
    }

    /// Whether clear text is allowed where TLS cannot be had.
    pub fn allows_clear_text(&self) -> bool {
        !self.is_tls_mandatory()
    }

    /// Whether a secure TLSA RRset is in force, usable or not.
    pub fn is_dane(&self) -> bool {
        self.dane.is_some()
    }

    /// Whether an MTA-STS policy is in force, enforced or in testing.
    pub fn is_mta_sts(&self) -> bool {
        self.mta_sts.is_some()
    }

    /// The secure TLSA RRset, usable or not; empty without DANE.
    pub fn tlsa_records(&self) -> &[TlsaRecord] {
        self.dane.as_ref().map_or(&[], |dane| &dane.records)
    }

    /// The MTA-STS policy, enforced or in testing.
    pub fn mta_sts_policy(&self) -> Option<&mta_sts::Policy> {
        self.mta_sts.as_ref()
    }

    /// The DANE side.
    pub fn dane_policy(&self) -> Option<&DanePolicy> {
        self.dane.as_ref()
    }

    /// The enforced checks of the server's certificate. All of them must hold.
    pub fn certificate_checks(&self) -> &'static [CertificateCheck] {
        use CertificateCheck::{Tlsa, WebPki};
        match self.row() {
            MatrixId::DaneUsable | MatrixId::DaneInsecureMx => &[Tlsa],
            MatrixId::DaneInsecureMxStsEnforce => &[Tlsa, WebPki],
            MatrixId::DaneUnusableStsEnforce | MatrixId::StsEnforce => &[WebPki],
            MatrixId::DaneUnusable
            | MatrixId::StsTesting
            | MatrixId::Opportunistic
            | MatrixId::MxError
            | MatrixId::HostError => &[],
        }
    }

    /// Whether a server may authenticate by a raw public key in the place of certificates (RFC 7250): TLSA records alone are
    /// enforced, and each of those that are usable can match a key, DANE-EE(3) with the selector SPKI(1) (RFC 7671 §5.1).
    pub fn allows_raw_keys(&self) -> bool {
        match (self.certificate_checks(), &self.dane) {
            ([CertificateCheck::Tlsa], Some(dane)) => match &dane.selection {
                Selection::Usable(records) => records.allow_raw_keys(),
                Selection::AllUnusable(_) | Selection::Empty => false,
            },
            // The Web PKI knows certificates only; without DANE nothing would say whose key it is.
            (_, Some(_) | None) => false,
        }
    }

    /// The server name to send in the handshake with the MX host `host`.
    ///
    /// RFC 7672 §8.1 asks for the TLSA base domain, RFC 8461 §7.1 for the MX host; where both apply the MX host's name
    /// is sent, since the certificate is held against it as well.
    pub fn sni<'a>(&'a self, host: &'a str) -> &'a str {
        match (&self.dane, self.enforced_mta_sts()) {
            (Some(dane), None) => &dane.base,
            (Some(_), Some(_)) | (None, _) => host,
        }
    }

    /// Whether `host` may be used at all: an enforced MTA-STS policy must list it (RFC 8461 §4.1).
    ///
    /// # Errors
    /// The host is to be treated as unreachable: no connection is made.
    pub fn admits(&self, host: &str) -> Result<(), Failure> {
        match self.enforced_mta_sts() {
            Some(policy) => listed(policy, host),
            None => Ok(()),
        }
    }

    /// The MTA-STS policy where its mode is `enforce`.
    pub fn enforced_mta_sts(&self) -> Option<&mta_sts::Policy> {
        self.mta_sts.as_ref().filter(|policy| policy.mode() == Mode::Enforce)
    }

    /// The MTA-STS policy where its mode is `testing`: its checks are made and reported, never enforced.
    pub fn testing_mta_sts(&self) -> Option<&mta_sts::Policy> {
        self.mta_sts.as_ref().filter(|policy| policy.mode() == Mode::Testing)
    }
}

/// Whether the policy lists the host (RFC 8461 §4.1).
pub(crate) fn listed(policy: &mta_sts::Policy, host: &str) -> Result<(), Failure> {
    if policy.matching(host).is_some() {
        return Ok(());
    }
    let patterns: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
    let message = format!("The MTA-STS policy does not list {host}.");
    Err(Failure::new(FailureCode::MxNotInPolicy, message)
        .rfc("RFC 8461 4.1")
        .detail(format_args!("the policy lists {}", patterns.join(", "))))
}

fn in_force(policy: mta_sts::Policy) -> Option<mta_sts::Policy> {
    match policy.mode() {
        Mode::Enforce | Mode::Testing => Some(policy),
        Mode::None => None,
    }
}

impl DanePolicy {
    pub(crate) fn new(
        rules: DaneRules,
        base: &str,
        found: Found,
        records: Vec<TlsaRecord>,
        reference_ids: Vec<String>,
    ) -> Result<Self, EmptyTlsaRrset> {
        if records.is_empty() {
            return Err(EmptyTlsaRrset);
        }
        let selection = dane::select(&records, rules.profile, &Digests::default());
        Ok(Self { base: base.to_owned(), found, records, rules, selection, reference_ids })
    }

    /// Whether the server must match the records: some can be used, and the caller's rules use them at a host found so.
    fn authenticates(&self) -> bool {
        match self.selection {
            Selection::Usable(_) => self.rules.authenticate(self.found),
            Selection::AllUnusable(_) | Selection::Empty => false,
        }
    }

    /// The TLSA base domain.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// How the host was found.
    pub fn found(&self) -> Found {
        self.found
    }

    /// The rules by which records are usable.
    pub fn profile(&self) -> Profile {
        self.rules.profile
    }

    /// Which records are usable, and why the others are not.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// The names that a certificate may carry where its names count, the primary one first: under a DANE-TA trust anchor
    /// (RFC 7672 §3.2.2), and for PKIX-TA and PKIX-EE.
    pub fn reference_ids(&self) -> &[String] {
        &self.reference_ids
    }
}
