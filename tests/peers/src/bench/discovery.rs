//! What it takes to find the servers of a domain: round trips, and what many domains cost.

mod crowd;
mod delay;
mod sequential;

use std::{
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use mx_resolve::{Destination, Dnssec, MxResolver, PolicySource, Resolution};
use mxtls_lab::{
    Lab, Scenario,
    dns::{DnsServer, Signing, World, ZoneSpec},
};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::runtime::Runtime;

pub(crate) use self::crowd::{Crowd, Member, measure as crowd};
use self::sequential::Sequential;

/// What every answer takes.
pub(crate) const DELAY: Duration = Duration::from_millis(50);

/// How often each row is measured.
pub(crate) const RUNS: usize = 15;

/// One kind of domain.
pub(crate) struct Row {
    pub(crate) case: &'static str,
    /// The median of the times, in delays.
    pub(crate) resolver: f64,
    /// The same for one question after the other.
    pub(crate) sequential: f64,
}

/// Finds the servers of each kind of domain, again and again.
pub(crate) fn rounds(runtime: &Runtime) -> Result<Vec<Row>> {
    let server = runtime.block_on(DnsServer::start(world()?))?;
    let upstream = runtime.block_on(delay::start(server.address(), DELAY))?;
    let anchor = server.trust_anchor();
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), &anchor)?;
    let mut rows = Vec::new();
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let ten = (0..10).map(|n| format!("mx{n}.ten.tld")).collect();
    for (case, known, domain, hosts) in [
        ("DANE, one host whose zone is known to be signed", list(&["mx1.dane.tld"]), "dane.tld", 1),
        ("DANE, one host, neither zone is known", list(&["tld"]), "hosted.tld", 1),
        ("DANE, one host in the domain's zone, which is not known", list(&["tld"]), "dane.tld", 1),
        ("neither, the zone is not known", list(&["tld"]), "plain.tld", 1),
        ("DANE, ten hosts whose zone is known to be signed", ten, "ten.tld", 10),
        ("DANE, ten hosts in the domain's zone, which is not known", list(&["tld"]), "ten.tld", 10),
    ] {
        let destination: Destination = domain.parse()?;
        let (mut times, mut sequential) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let fresh = resolver(upstream, file.path())?;
            let one_by_one = Sequential::new(upstream, &anchor)?;
            for name in &known {
                // A type that nobody asks for again at a name without service labels.
                runtime.block_on(fresh.dns(name, "TLSA"))?;
                one_by_one.ask(name, "TLSA")?;
            }
            times.push(time(|| {
                let found = runtime.block_on(fresh.resolve(&destination));
                check(&found, hosts, case.starts_with("DANE"))
            })?);
            sequential.push(time(|| one_by_one.resolve(domain))?);
        }
        rows.push(Row { case, resolver: median(times), sequential: median(sequential) });
    }
    let cached = cached_policy(runtime)?;
    rows.insert(4, cached);
    Ok(rows)
}

/// A domain with an MTA-STS policy that is cached, in an unsigned zone. All its records have a TTL of 0, so that they are asked
/// for in each run.
fn cached_policy(runtime: &Runtime) -> Result<Row> {
    const ROW: &str = "sts-enforce-unsigned";
    let rows = Scenario::all()?.into_iter().filter(|row| [ROW, "sts-enforce"].contains(&row.name.as_str()));
    let lab = Lab::start_with(rows.collect())?;
    let domain = format!("{ROW}.lab");
    let (host, policy_host) = (lab.address(ROW, "mx1"), lab.address(ROW, "mta-sts"));
    let records = format!(
        "@ 0 MX 10 mx1\nmx1 0 A {host}\nmx1 0 AAAA 2001:db8::1\n_mta-sts 0 TXT \"v=STSv1; id=1;\"\nmta-sts 0 A {policy_host}\n"
    );
    lab.dns().replace_zone(&domain, &records)?;
    let upstream = runtime.block_on(delay::start(lab.dns().address(), DELAY))?;
    let roots: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(lab.ca_file())?.collect();
    let resolver = MxResolver::builder()
        .dnssec(Dnssec::Validate)
        .upstream(upstream)
        .trust_anchor_file(lab.trust_anchor_file())
        .roots(roots?)
        .policy_port(lab.policy_port())
        .build()?;
    let destination: Destination = domain.parse()?;
    runtime.block_on(resolver.resolve(&destination));
    let one_by_one = Sequential::new(upstream, &lab.dns().trust_anchor())?;
    one_by_one.resolve(&domain)?;
    let (mut times, mut sequential) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        times.push(time(|| {
            let found = runtime.block_on(resolver.resolve(&destination));
            let source = found.mta_sts.as_ref().map(|report| report.source);
            ensure!(source == Some(PolicySource::Cache), "the policy is cached: {source:?}");
            check(&found, 1, false)
        })?);
        sequential.push(time(|| one_by_one.resolve(&domain))?);
    }
    let case = "no DANE, MTA-STS cached";
    Ok(Row { case, resolver: median(times), sequential: median(sequential) })
}

fn world() -> Result<World> {
    let host = |n: usize| {
        format!("mx{n} A 192.0.2.{n}\nmx{n} AAAA 2001:db8::{n}\n_25._tcp.mx{n} TLSA 3 1 1 {n:064x}\n")
    };
    let ten: String = (0..10).map(|n| format!("@ MX 10 mx{n}\n{}", host(n))).collect();
    let domain = format!("@ MX 10 mx1\n{}", host(1));
    Ok(World::new([
        ZoneSpec::new("tld", Signing::Nsec, ""),
        ZoneSpec::new("dane.tld", Signing::Nsec, &domain),
        ZoneSpec::new("hosted.tld", Signing::Nsec, "@ MX 10 mx1.hoster.tld."),
        ZoneSpec::new("hoster.tld", Signing::Nsec, &host(1)),
        ZoneSpec::new("ten.tld", Signing::Nsec, &ten),
        ZoneSpec::new("plain.tld", Signing::Unsigned, &domain),
    ])?)
}

fn check(found: &Resolution, hosts: usize, dane: bool) -> Result<()> {
    ensure!(found.hosts.len() == hosts, "{:?} hosts: {:?}", found.hosts.len(), found.failure);
    for host in &found.hosts {
        let policy = host.policy.as_ref().map_err(|failure| anyhow::anyhow!("{failure:?}"))?;
        ensure!(policy.tlsa_records().is_empty() != dane, "{}: {policy:?}", host.hostname);
    }
    Ok(())
}

fn time(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let begin = Instant::now();
    run()?;
    Ok(begin.elapsed())
}

/// In delays.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() / DELAY.as_secs_f64()
}

/// A runtime for servers, and for the resolver while it waits for them.
pub(crate) fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("a runtime")
}

/// A resolver over `upstream` alone.
fn resolver(upstream: SocketAddr, anchor: &std::path::Path) -> Result<MxResolver> {
    Ok(MxResolver::builder().dnssec(Dnssec::Validate).upstream(upstream).trust_anchor_file(anchor).build()?)
}
