//! From the options to a resolver and to sessions. Nothing is asked and nobody connected to before all of it is in order.

use std::{num::NonZeroU16, time::Duration};

use mx_resolve::{Deliverer, MxResolver, MxResolverBuilder};
use mxtls_policy::Requirement;
use mxtls_smtp_client::{SessionSettings, StartTlsUse, Timeouts};
use mxtls_verifier::{Offer, Roots, TlsSettings};
use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::{
    arguments::{GlobalOptions, PolicyOptions},
    case_file::Case,
    problem::Problem,
};

/// The resolver for a command without policy options.
pub(crate) fn plain_resolver(global: &GlobalOptions) -> Result<MxResolver, Problem> {
    Ok(builder(global)?.build()?)
}

/// The resolver for `resolve`, `check` and `send`; what the options leave open, the case file may say.
pub(crate) fn resolver(
    global: &GlobalOptions,
    policy: &PolicyOptions,
    case: Option<&Case>,
) -> Result<MxResolver, Problem> {
    let mut builder = builder(global)?.dane_profile(policy.dane_profile()).insecure_mx(policy.insecure_mx());
    for name in &policy.own_name {
        builder = builder.own_name(name.clone());
    }
    if let Some(port) = global.port.or(case.and_then(|case| case.port.map(NonZeroU16::get))) {
        builder = builder.port(port);
    }
    if let Some(seed) = policy.seed {
        builder = builder.seed(seed);
    }
    Ok(builder.build()?)
}

/// Sessions for `check`.
pub(crate) fn checker(global: &GlobalOptions, policy: &PolicyOptions) -> Result<Deliverer, Problem> {
    let mut settings = settings(global, policy, None)?;
    settings.timeouts = Timeouts::each(global.timeout().unwrap_or(STEP));
    Ok(Deliverer::new(settings).requirement(policy.requirement()))
}

/// Sessions for `send`.
pub(crate) fn sender(
    global: &GlobalOptions,
    policy: &PolicyOptions,
    case: &Case,
) -> Result<Deliverer, Problem> {
    let mut settings = settings(global, policy, Some(case))?;
    if let Some(limit) = global.timeout() {
        settings.timeouts = Timeouts::each(limit);
    }
    let (requirement, starttls) = match (policy.requirement(), case.tls) {
        (Requirement::AsPolicy, Some(true)) => (Requirement::Tls, StartTlsUse::AsOffered),
        (requirement, Some(false)) => (requirement, StartTlsUse::NotSent),
        (requirement, Some(true) | None) => (requirement, StartTlsUse::AsOffered),
    };
    Ok(Deliverer::new(settings).requirement(requirement).starttls(starttls))
}

/// The name for EHLO: the option's, else the case file's, else this machine's.
pub(crate) fn ehlo(policy: &PolicyOptions, case: Option<&Case>) -> String {
    let given = policy.ehlo.clone().or_else(|| case.and_then(|case| case.ehlo.clone()));
    given.unwrap_or_else(machine_name)
}

/// What sessions with mail servers are made of.
pub(crate) fn settings(
    global: &GlobalOptions,
    policy: &PolicyOptions,
    case: Option<&Case>,
) -> Result<SessionSettings, Problem> {
    let roots = match &global.ca_file {
        Some(file) => Roots::from_file(file)?,
        None => Roots::platform(),
    };
    let names = |option: &[String], field: fn(&Case) -> &[String]| match case {
        Some(case) if option.is_empty() => field(case).to_vec(),
        Some(_) | None => option.to_vec(),
    };
    let offer = Offer {
        protocols: names(&policy.protocols, |case| &case.protocols),
        cipher_suites: names(&policy.ciphers, |case| &case.ciphers),
    };
    // Whose fault it is, where the options say nothing of their own.
    let of_case = |message: String, options_silent: bool| match case {
        Some(case) if options_silent => case.name_in(Problem::new(message)),
        Some(_) | None => Problem::new(message),
    };
    let mut tls = TlsSettings::new(roots, &offer).map_err(|error| {
        of_case(error.to_string(), policy.protocols.is_empty() && policy.ciphers.is_empty())
    })?;
    if let Some(at) = global.at {
        tls = tls.at(at);
    }
    SessionSettings::new(&ehlo(policy, case), tls)
        .map_err(|error| of_case(format!("the name for EHLO cannot be used: {error}"), policy.ehlo.is_none()))
}

fn builder(global: &GlobalOptions) -> Result<MxResolverBuilder, Problem> {
    let mut builder = MxResolver::builder()
        .dnssec(global.dnssec())
        .trust_resolver(global.trust_resolver)
        .families(global.families())
        .policy_timeout(global.timeout().unwrap_or(STEP));
    for server in &global.resolver {
        builder = builder.upstream(server.clone());
    }
    for network in &global.exclude_net {
        builder = builder.exclude(*network);
    }
    if let Some(file) = &global.trust_anchor {
        builder = builder.trust_anchor_file(file);
    }
    if let Some(file) = &global.root_hints {
        builder = builder.root_hints_file(file);
    }
    if let Some(port) = global.dns_port {
        builder = builder.dns_port(port);
    }
    if let Some(file) = &global.ca_file {
        // The same file, read as the other side reads it, so that both find the same faults.
        Roots::from_file(file)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect);
        let certificates = certificates
            .map_err(|error| Problem::new(format!("expected certificates in PEM: {error}")).in_file(file))?;
        builder = builder.roots(certificates);
    }
    if let Some(port) = global.policy_port {
        tracing::warn!(port, "policy hosts are asked on another port than 443");
        builder = builder.policy_port(port);
    }
    if let Some(limit) = global.timeout() {
        builder = builder.timeout(limit);
    }
    if let Some(at) = global.at {
        builder = builder.policy_certificates_at(at);
    }
    Ok(builder)
}

/// RFC 5321 §4.1.1.1 asks for a domain, or an address where there is none; a machine without a usable name says
/// `localhost`, which servers take as what it is.
fn machine_name() -> String {
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").unwrap_or_else(|_| String::new());
    let usable = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if name.is_empty() || !name.bytes().all(usable) { "localhost".to_owned() } else { name }
}

/// The port of the servers where `--port` is not given.
pub(crate) const SMTP: u16 = 25;

/// The limit for a step where `--timeout` is not given.
const STEP: Duration = Duration::from_secs(30);
