//! `cargo xtask interop`: `mxtls` beside BIND, ldns, unbound, Postfix and openssl.
//!
//! It runs in namespaces of its own: of the network, so that the ports 25 and 53 of a loopback interface are free, and of processes, so
//! that whatever it started ends with it, however it ends.

mod comparison;
mod difference;
mod differential;
mod mxtls_verdicts;
mod name_servers;
mod parallel;
mod postfix;
mod posttls_finger;
mod programs;
mod root_anchors;
mod server;
mod signed_copy;
mod statuses;
mod tls;
mod tlsa;
mod unbound_verdicts;
mod verdict;

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use mxtls_lab::{Lab, Scenario};
use tokio::process::Command;

use crate::cargo::{build_mxtls, quiet_output};
use crate::lab::started;
use crate::tally::{Stop, Tally};
use name_servers::{Authority, Resolver};
use postfix::Certificates;

#[derive(Args)]
pub(crate) struct Options {
    /// Only this part
    #[arg(long, value_name = "PART")]
    only: Option<Part>,
    /// The folder for files of the run that is already inside its namespaces
    #[arg(long, hide = true)]
    inside: Option<PathBuf>,
}

/// What is held against what.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum Part {
    /// The lab's names beside unbound, and its mail servers and deliveries beside Postfix
    Lab,
    /// Zones of every kind beside unbound
    Differential,
    /// `mxtls tlsa` beside the digests and the DANE of openssl
    Tlsa,
    /// TLS with `openssl s_server`
    Handshakes,
}

impl Options {
    pub(crate) fn is_inside(&self) -> bool {
        self.inside.is_some()
    }

    fn includes(&self, part: Part) -> bool {
        self.only.is_none_or(|only| only == part)
    }
}

/// Where the binary lies, for the run inside: there is no network there to build it.
const MXTLS_BIN: &str = "MXTLS_BIN";

/// The same for the tests of handshakes.
const MXTLS_HANDSHAKES: &str = "MXTLS_HANDSHAKES";

/// Starts the run inside, and waits for it. Where programs are missing, they are counted and there is none.
pub(crate) async fn outside(options: &Options, tally: &mut Tally) -> Result<Option<ExitCode>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        let sentence =
            "interop needs root, for Postfix and for ports below 1024 in a network namespace of its own";
        return Err(Stop::Unfit(sentence.to_owned()).into());
    }
    let missing = programs::missing();
    for program in &missing {
        tally.check(
            program.name,
            Err(anyhow::anyhow!("it is not installed: Debian package {}", program.package)),
        );
    }
    if !missing.is_empty() {
        return Ok(None);
    }
    let mxtls = build_mxtls(&["--package", "mxtls"])?;
    let handshakes = tls::build()?;
    let folder = tempfile::tempdir()?;
    // Postfix and its delivery agent get to their files as users of their own.
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let mut inside = Command::new("unshare");
    inside.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    inside.arg(env::current_exe()?).args(["interop", "--inside"]).arg(folder.path());
    if let Some(part) = options.only.as_ref().and_then(ValueEnum::to_possible_value) {
        inside.args(["--only", part.get_name()]);
    }
    // What it leaves behind when it is killed goes with the folder.
    inside.env("TMPDIR", folder.path());
    let status = inside
        .env(MXTLS_BIN, mxtls)
        .env(MXTLS_HANDSHAKES, handshakes)
        .kill_on_drop(true)
        .spawn()?
        .wait()
        .await?;
    match status.code() {
        Some(code) => Ok(Some(ExitCode::from(u8::try_from(code)?))),
        None => bail!("the run inside ended with {status}"),
    }
}

/// The run itself.
pub(crate) async fn inside(options: &Options, tally: &mut Tally) -> Result<()> {
    let folder = options.inside.as_deref().context("it runs in no namespace")?;
    let told = |name: &str| env::var_os(name).with_context(|| format!("{name} does not say where it lies"));
    let (mxtls, handshakes) = (PathBuf::from(told(MXTLS_BIN)?), PathBuf::from(told(MXTLS_HANDSHAKES)?));
    let ip = |arguments: &str| quiet_output(process::Command::new("ip").args(arguments.split(' ')));
    ip("link set lo up")?;
    // Postfix listens only where an interface has the address.
    ip(&format!("address add {}/8 dev lo", postfix::ADDRESS))?;

    if options.includes(Part::Differential) {
        root_anchors::compare(tally);
        differential::compare(&mxtls, &subfolder(folder, "differential")?, tally).await?;
    }
    if options.includes(Part::Tlsa) {
        tlsa::compare(&mxtls, &subfolder(folder, "tlsa")?, tally).await?;
    }
    if options.includes(Part::Handshakes) {
        tls::handshakes(&handshakes, &subfolder(folder, "s-server")?, tally).await?;
    }
    if options.includes(Part::Lab) {
        with_lab(&mxtls, folder, tally).await?;
    }
    Ok(())
}

/// What is about the lab's names.
async fn with_lab(mxtls: &Path, folder: &Path, tally: &mut Tally) -> Result<()> {
    let certificates = Certificates::make(folder)?;
    let mut scenarios = Scenario::all()?;
    scenarios.extend(postfix::scenarios(&certificates)?);
    scenarios.extend(posttls_finger::scenarios()?);
    let lab = started(Lab::start_with(scenarios))?;
    let start = Instant::now();
    let zones = signed_copy::make(&lab, &subfolder(folder, "zones")?)?;
    println!("{} zones signed with BIND's tools in {} s", zones.zones.len(), start.elapsed().as_secs());
    let servers = subfolder(folder, "name-servers")?;
    let authority = Authority::start(&zones, &servers).await?;
    let resolver = Resolver::validating("127.0.0.2", &authority, &zones, &servers).await?;
    let peers = Peers {
        mxtls,
        lab: &lab,
        resolver: resolver.address(),
        root_hints: authority.root_hints(),
        trust_anchor: &zones.trust_anchor,
    };

    statuses::compare(&peers, folder, tally)?;
    posttls_finger::compare(&peers, &subfolder(folder, "posttls-finger")?, tally)?;
    postfix::deliveries(&peers, &certificates, &subfolder(folder, "postfix")?, tally).await
}

/// Who takes part.
struct Peers<'a> {
    mxtls: &'a Path,
    lab: &'a Lab,
    /// The address of unbound, on port 53.
    resolver: &'a str,
    /// Where BIND serves the root.
    root_hints: &'a Path,
    trust_anchor: &'a Path,
}

impl Peers<'_> {
    /// What the lab gives an option of `mxtls`.
    fn lab_option(&self, option: &str) -> Result<String> {
        let mut options = self.lab.options().into_iter().skip_while(|word| word != option);
        options.nth(1).with_context(|| format!("the lab has no {option}"))
    }
}

fn subfolder(folder: &Path, name: &str) -> Result<PathBuf> {
    let folder = folder.join(name);
    fs::create_dir(&folder)?;
    Ok(folder)
}
