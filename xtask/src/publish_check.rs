//! `cargo xtask publish-check`: what somebody gets who takes one of our packages from the registry, and nothing else of ours.
//!
//! The tarballs are unpacked outside the workspace. A workspace made for the purpose patches the dependencies on each other to
//! the other tarballs: none of them is on the registry yet at that version.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::cargo::{Metadata, Package, cargo, output, root, run as run_command};
use crate::tally::Tally;
use crate::{public_api, readme};

pub(crate) fn run(tally: &mut Tally) -> Result<()> {
    let metadata = Metadata::of_workspace()?;
    run_command(&mut package()?)?;
    let unpacked = Unpacked::new(&metadata)?;
    for package in metadata.published() {
        for (features, arguments) in [
            ("default features", &[][..]),
            ("no default features", &["--no-default-features"]),
            ("all features", &["--all-features"]),
        ] {
            let built = unpacked.cargo().and_then(|mut cargo| {
                run_command(cargo.args(["build", "--quiet", "-p", &package.name]).args(arguments))
            });
            tally.check(format_args!("{} alone, {features}", package.name), built);
        }
        tally.check(format_args!("{} README", package.name), readme::check(&unpacked, package));
        if package.has_library() {
            tally.check(format_args!("{} public API", package.name), public_api::check(&unpacked, package));
        }
    }
    Ok(())
}

/// `cargo package` of everything that is published. On a developer's machine with uncommitted changes it packages them too.
///
/// Cargo's own verification would compile packages against whatever it once unpacked in its home for a workspace in the same place,
/// stale or not. What is built from the tarballs here is built from these tarballs.
fn package() -> Result<Command> {
    let mut package = cargo()?;
    package.args(["package", "--no-verify", "--workspace", "--exclude", "mxtls-lab", "--exclude", "xtask"]);
    if env::var_os("CI").is_none() && is_dirty()? {
        println!("note: there are uncommitted changes; they are packaged too");
        package.arg("--allow-dirty");
    }
    Ok(package)
}

fn is_dirty() -> Result<bool> {
    let changes = output(Command::new("git").args(["status", "--porcelain"]).current_dir(root()?))?;
    Ok(!changes.is_empty())
}

/// The packages as they are on the registry, unpacked side by side in a workspace of their own.
pub(crate) struct Unpacked {
    folder: TempDir,
    target: PathBuf,
}

impl Unpacked {
    fn new(metadata: &Metadata) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut members = Vec::new();
        for package in metadata.published() {
            let name = format!("{}-{}", package.name, package.version);
            let tarball = metadata.target_directory.join("package").join(format!("{name}.crate"));
            run_command(Command::new("tar").arg("xzf").arg(&tarball).arg("-C").arg(folder.path()))?;
            members.push((package.name.as_str(), name));
        }
        ensure!(!members.is_empty(), "no package of the workspace is published");
        fs::write(folder.path().join("Cargo.toml"), manifest(&members)?)?;
        // The same versions of dependencies as in the workspace.
        fs::copy(root()?.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
        Ok(Self { folder, target: metadata.target_directory.clone() })
    }

    /// Cargo, there. What is compiled goes to the workspace's target folder, where most of it lies already.
    pub(crate) fn cargo(&self) -> Result<Command> {
        let mut cargo = cargo()?;
        cargo.current_dir(self.folder.path()).env("CARGO_TARGET_DIR", &self.target);
        Ok(cargo)
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The text of a package's file.
    pub(crate) fn read(&self, package: &Package, file: &str) -> Result<String> {
        let path = self.folder.path().join(format!("{}-{}", package.name, package.version)).join(file);
        fs::read_to_string(path).with_context(|| format!("the tarball has no {file}"))
    }

    /// Standard output of cargo with these arguments, there.
    pub(crate) fn output(&self, arguments: &[&str]) -> Result<String> {
        output(self.cargo()?.args(arguments))
    }
}

fn manifest(members: &[(&str, String)]) -> Result<String> {
    let folders: Vec<_> = members.iter().map(|(_, folder)| format!("{folder:?}")).collect();
    let patches: Vec<_> =
        members.iter().map(|(name, folder)| format!("{name} = {{ path = {folder:?} }}")).collect();
    Ok(format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n{}\n\n{}",
        folders.join(", "),
        patches.join("\n"),
        profiles()?
    ))
}

/// The profiles of the workspace: the sections of its manifest that begin with `[profile`. Without them what is compiled here
/// could not be shared with what is compiled there.
fn profiles() -> Result<String> {
    let manifest = fs::read_to_string(root()?.join("Cargo.toml"))?;
    let mut profiles = String::new();
    let mut within = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = line.starts_with("[profile");
        }
        if within {
            profiles.push_str(line);
            profiles.push('\n');
        }
    }
    Ok(profiles)
}
