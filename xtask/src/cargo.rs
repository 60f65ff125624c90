//! Running cargo on this workspace.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// The folder of the workspace.
pub(crate) fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask is a folder of the workspace")
}

/// Cargo, in the workspace's folder.
pub(crate) fn cargo() -> Result<Command> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(root()?);
    // `cargo run` describes xtask's package to us in these. Build scripts that watch them would run again for nothing.
    for (name, _) in env::vars_os() {
        let described = ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.as_encoded_bytes().starts_with(prefix.as_bytes()));
        if described {
            cargo.env_remove(&name);
        }
    }
    Ok(cargo)
}

/// Runs a command with its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(status.success(), "{} ended with {status}", shown(command));
    Ok(())
}

/// Runs a command and hands over its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {}", shown(command)))?;
    ensure!(output.status.success(), "{} ended with {}", shown(command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The same with standard error kept back: it is shown where the command fails.
pub(crate) fn quiet_output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", shown(command)))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} ended with {}: {said}", shown(command), output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// A command as one would type it, without the path to its program.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Builds the binary `mxtls` with these further arguments of `cargo build`, and says where it lies.
pub(crate) fn build_mxtls(arguments: &[&str]) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.arg("build").args(arguments);
    executable(&mut build, "mxtls", "bin")
}

/// Builds a file of tests of one package, and says where the binary lies.
pub(crate) fn build_test(package: &str, test: &str) -> Result<PathBuf> {
    let mut build = cargo()?;
    build.args(["test", "--no-run", "--package", package, "--test", test]);
    executable(&mut build, test, "test")
}

/// What a command that builds made of the target of this name and kind.
fn executable(build: &mut Command, name: &str, kind: &str) -> Result<PathBuf> {
    build.arg("--message-format=json-render-diagnostics");
    for line in output(build)?.lines() {
        let message: Message = serde_json::from_str(line)?;
        if let (Some(target), Some(executable)) = (message.target, message.executable)
            && target.name == name
            && target.kind == [kind]
            && message.profile.is_some_and(|profile| profile.test == (kind == "test"))
        {
            return Ok(executable);
        }
    }
    bail!("{} built no {kind} {name}", shown(build))
}

/// A line of cargo's JSON messages, where it is about a binary that was built.
#[derive(Deserialize)]
struct Message {
    target: Option<Target>,
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    test: bool,
}

/// What `cargo metadata` says of a workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
    /// The registries it may go to; none at all for `publish = false`.
    publish: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Its folder, where it is one of ours.
    pub(crate) path: Option<PathBuf>,
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
}

impl Metadata {
    /// Of the members of this workspace.
    pub(crate) fn of_workspace() -> Result<Self> {
        let text = output(cargo()?.args(["metadata", "--no-deps", "--format-version=1"]))?;
        serde_json::from_str(&text).context("cargo metadata")
    }

    /// The packages that go to the registry.
    pub(crate) fn published(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| package.publish.as_ref().is_none_or(|to| !to.is_empty()))
    }
}

impl Package {
    pub(crate) fn has_library(&self) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "lib"))
    }
}
