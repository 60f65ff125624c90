//! Many domains at once. The resolver has a process of its own, so that the server's memory is not its.

use std::{
    env, fs,
    net::SocketAddr,
    ops::Range,
    path::PathBuf,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use futures_util::{StreamExt, stream};
use mx_resolve::Destination;
use mxtls_lab::dns::{DnsServer, Signing, World, ZoneSpec};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

/// Domains that are resolved at the same time.
pub(crate) const AT_ONCE: usize = 64;

/// What it took to find the servers of so many domains.
pub(crate) struct Crowd {
    pub(crate) domains: usize,
    pub(crate) time: Duration,
    /// Of the resolver's process.
    pub(crate) processor: Duration,
    /// Its peak of resident memory, in kilobytes, and what that was before the first domain.
    pub(crate) peak: usize,
    pub(crate) idle: usize,
}

/// Measures each number of domains in a process of its own. Each domain is a signed zone below a signed top-level domain, with one host
/// in it that has TLSA records, and nobody has asked about it before.
pub(crate) fn measure(runtime: &Runtime, sizes: &[usize]) -> Result<Vec<Crowd>> {
    let zones = (0..sizes.iter().sum()).map(|n: usize| {
        let records =
            format!("@ MX 10 mx\nmx A 192.0.2.1\nmx AAAA 2001:db8::1\n_25._tcp.mx TLSA 3 1 1 {n:064x}\n");
        ZoneSpec::new(&domain(n), Signing::Nsec, &records)
    });
    let world = World::new([ZoneSpec::new("tld", Signing::Nsec, "")].into_iter().chain(zones))?;
    let server = runtime.block_on(DnsServer::start(world))?;
    let anchor = tempfile::NamedTempFile::new()?;
    fs::write(anchor.path(), server.trust_anchor())?;
    let mut first = 0;
    let mut crowds = Vec::new();
    for size in sizes {
        let member =
            Member { upstream: server.address(), anchor: anchor.path().to_owned(), first, domains: *size };
        crowds.push(member.spawn()?);
        first += size;
        server.clear_log();
    }
    Ok(crowds)
}

fn domain(number: usize) -> String {
    format!("d{number}.tld")
}

/// What the process of the resolver is told.
#[derive(Args, Clone)]
pub(crate) struct Member {
    #[arg(long, hide = true)]
    upstream: SocketAddr,
    #[arg(long, hide = true)]
    anchor: PathBuf,
    #[arg(long, hide = true)]
    first: usize,
    #[arg(long, hide = true)]
    domains: usize,
}

impl Member {
    /// In a process of its own.
    fn spawn(&self) -> Result<Crowd> {
        let mut command = Command::new(env::current_exe()?);
        command.arg("crowd").arg("--upstream").arg(self.upstream.to_string());
        command.arg("--anchor").arg(&self.anchor);
        command.arg("--first").arg(self.first.to_string()).arg("--domains").arg(self.domains.to_string());
        let output = command.stderr(std::process::Stdio::inherit()).output()?;
        ensure!(output.status.success(), "the resolver's process ended with {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let numbers: Vec<usize> = text
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .with_context(|| text.clone())?;
        let &[time, processor, peak, idle] = numbers.as_slice() else {
            bail!("{text:?} are not four numbers")
        };
        let micros = |number: usize| Duration::from_micros(number as u64);
        Ok(Crowd { domains: self.domains, time: micros(time), processor: micros(processor), peak, idle })
    }

    /// In this process: prints what [`Member::spawn`] reads.
    pub(crate) fn run(&self) -> Result<()> {
        let resolver = Arc::new(super::resolver(self.upstream, &self.anchor)?);
        let runtime = super::runtime()?;
        let range = self.first..self.first + self.domains;
        runtime.block_on(resolver.dns("warm.tld", "A"))?;
        let idle = peak()?;
        let begin = Instant::now();
        runtime.block_on(all(&resolver, range))?;
        let time = begin.elapsed();
        let processor = Duration::try_from(clock_gettime(ClockId::ProcessCPUTime))?;
        println!("{} {} {} {idle}", time.as_micros(), processor.as_micros(), peak()?);
        Ok(())
    }
}

async fn all(resolver: &Arc<mx_resolve::MxResolver>, range: Range<usize>) -> Result<()> {
    let one = |number| {
        let resolver = Arc::clone(resolver);
        tokio::spawn(async move {
            let destination: Destination = domain(number).parse()?;
            super::check(&resolver.resolve(&destination).await, 1, true)
        })
    };
    let mut found = stream::iter(range).map(one).buffer_unordered(AT_ONCE);
    while let Some(done) = found.next().await {
        done??;
    }
    Ok(())
}

/// The peak of this process's resident memory, in kilobytes.
fn peak() -> Result<usize> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
