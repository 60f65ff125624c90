//! The behaviour matrix, made from the decisions themselves.

use std::net::{IpAddr, Ipv4Addr};

use dane::{Profile, TlsaRecord};
use serde::Serialize;

use crate::{
    decide::decide,
    evidence::{AddressLookup, Found, HostEvidence, MtaStsEvidence, NextHop, TlsaCandidate},
    failure::Failure,
    lookup::{Answer, Lookup, LookupError, LookupErrorKind, Outcome, Status},
    matrix_id::MatrixId,
    mx::{MxSource, exchanges},
    security_policy::{CertificateCheck, PolicyKind, SecurityPolicy},
};

/// One row: a scenario and what follows from it.
#[derive(Clone, Debug, Serialize)]
pub struct MatrixRow {
    /// Its stable id.
    pub id: MatrixId,
    /// The scenario in words.
    pub scenario: &'static str,
    /// Every policy in force.
    pub policies: Vec<PolicyKind>,
    /// Whether TLS is mandatory; `None` where no connection is made.
    pub tls_mandatory: Option<bool>,
    /// The enforced checks of the certificate.
    pub certificate_checks: Vec<CertificateCheck>,
    /// Whether clear text is allowed.
    pub fallback: bool,
    /// The project's decision behind the row, where the RFCs leave it open.
    pub decision: Option<u8>,
}

/// The rows, each produced by [`decide`] or [`exchanges`] from evidence of its kind.
///
/// # Errors
/// A row came out as another one. The tests hold that it does not.
pub fn matrix() -> Result<Vec<MatrixRow>, MatrixId> {
    use MatrixId::{
        DaneInsecureMx, DaneInsecureMxStsEnforce, DaneUnusable, DaneUnusableStsEnforce, DaneUsable,
        HostError, MxError, Opportunistic, StsEnforce, StsTesting,
    };
    let usable = || Outcome::Records(vec![tlsa_record(3)]);
    let unusable = || Outcome::Records(vec![tlsa_record(0)]);
    let nothing = || Outcome::NoData;
    let (enforce, testing) = (|| sts("enforce"), || sts("testing"));
    let none = || MtaStsEvidence::NoPolicy;
    let decide = |evidence: &HostEvidence, mta_sts: &MtaStsEvidence| decide(evidence, mta_sts, Profile::Smtp);
    let secure = |tlsa| host(Found::Securely, Ok(answer(tlsa)));
    let insecure_mx = |tlsa| host(Found::Insecurely, Ok(answer(tlsa)));
    let mx = exchanges("example.com", &Err(error())).map(|_| SecurityPolicy::opportunistic());
    [
        (
            DaneUsable,
            "MX, address and usable TLSA records all secure",
            None,
            decide(&secure(usable()), &enforce()),
        ),
        (DaneUnusable, "secure TLSA records, all unusable", None, decide(&secure(unusable()), &none())),
        (
            DaneUnusableStsEnforce,
            "secure TLSA records, all unusable, MTA-STS enforce",
            Some(23),
            decide(&secure(unusable()), &enforce()),
        ),
        (
            DaneInsecureMx,
            "MX insecure, host with secure usable TLSA records",
            Some(5),
            decide(&insecure_mx(usable()), &none()),
        ),
        (
            DaneInsecureMxStsEnforce,
            "MX insecure, host with secure usable TLSA records, MTA-STS enforce",
            Some(24),
            decide(&insecure_mx(usable()), &enforce()),
        ),
        (StsEnforce, "no DANE, MTA-STS enforce", None, decide(&secure(nothing()), &enforce())),
        (StsTesting, "no DANE, MTA-STS testing", None, decide(&secure(nothing()), &testing())),
        (Opportunistic, "no DANE, MTA-STS none, or neither", None, decide(&secure(nothing()), &none())),
        (MxError, "the MX lookup, or an alias to it, ends in an error", None, mx),
        (
            HostError,
            "the addresses (both families) or the TLSA lookup of a host end in an error",
            Some(28),
            decide(&host(Found::Securely, Err(error())), &enforce()),
        ),
    ]
    .into_iter()
    .map(|(id, scenario, decision, outcome)| row(id, scenario, decision, outcome))
    .collect()
}

fn row(
    id: MatrixId,
    scenario: &'static str,
    decision: Option<u8>,
    outcome: Result<SecurityPolicy, Failure>,
) -> Result<MatrixRow, MatrixId> {
    match outcome {
        Ok(policy) if policy.row() == id => Ok(MatrixRow {
            id,
            scenario,
            policies: policy.kinds().to_vec(),
            tls_mandatory: Some(policy.is_tls_mandatory()),
            certificate_checks: policy.certificate_checks().to_vec(),
            fallback: policy.allows_clear_text(),
            decision,
        }),
        Err(_) if matches!(id, MatrixId::MxError | MatrixId::HostError) => Ok(MatrixRow {
            id,
            scenario,
            policies: vec![],
            tls_mandatory: None,
            certificate_checks: vec![],
            fallback: false,
            decision,
        }),
        Ok(_) | Err(_) => Err(id),
    }
}

fn host(found: Found, tlsa: Lookup<Vec<TlsaRecord>>) -> HostEvidence {
    HostEvidence {
        host: "mx.example.com".into(),
        found,
        next_hop: NextHop { name: "example.com".into(), expanded: None, source: MxSource::Mx },
        addresses: vec![AddressLookup {
            record_type: "A",
            result: Ok(answer(Outcome::Records(vec![IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))]))),
        }],
        alias_check: None,
        tlsa: vec![TlsaCandidate { base: "mx.example.com".into(), result: tlsa }],
    }
}

fn answer<T>(outcome: Outcome<T>) -> Answer<T> {
    Answer { status: Status::Secure, outcome, aliases: vec![] }
}

fn error() -> LookupError {
    LookupError::new(LookupErrorKind::Bogus, "the signature does not verify")
}

fn tlsa_record(usage: u8) -> TlsaRecord {
    TlsaRecord { usage, selector: 1, matching: 1, data: vec![0; 32] }
}

fn sts(mode: &str) -> MtaStsEvidence {
    let text = format!("version: STSv1\nmode: {mode}\nmx: mx.example.com\nmax_age: 86400\n");
    match mta_sts::Policy::parse(text.as_bytes()) {
        Ok(parsed) => MtaStsEvidence::Policy(parsed.policy),
        Err(_) => MtaStsEvidence::NoPolicy,
    }
}
