//! A copy of the crate `dnssec`, in a workspace of its own, to take things out of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo::{Metadata, cargo, root, shown};
use crate::mutants::table::Patch;

pub(super) struct Copy {
    /// The folder of the workspace.
    folder: PathBuf,
    /// One for all mutants, so that only the crate is built again.
    target: PathBuf,
}

impl Copy {
    pub(super) fn make() -> Result<Self> {
        let (root, base) = (root()?, Metadata::of_workspace()?.target_directory.join("mutants"));
        let copy = Self { folder: base.join("workspace"), target: base.join("target") };
        if copy.folder.exists() {
            fs::remove_dir_all(&copy.folder)?;
        }
        for folder in ["src", "tests"] {
            copy_folder(&root.join("dnssec").join(folder), &copy.folder.join("dnssec").join(folder))?;
        }
        for file in ["dnssec/Cargo.toml", "dnssec/README.md", "Cargo.lock"] {
            fs::copy(root.join(file), copy.folder.join(file)).with_context(|| file.to_owned())?;
        }
        let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
        let (head, rest) = manifest.split_once("members = [").context("the workspace has members")?;
        let (_, tail) = rest.split_once(']').context("and the list of them an end")?;
        fs::write(copy.folder.join("Cargo.toml"), format!("{head}members = [\"dnssec\"]{tail}"))?;
        Ok(copy)
    }

    /// Changes the crate until the value returned is dropped.
    pub(super) fn patch(&self, patches: &[Patch]) -> Result<Patched> {
        let mut patched = Patched(Vec::new());
        for patch in patches {
            let path = self.folder.join("dnssec/src").join(&patch.file);
            let text = fs::read_to_string(&path).with_context(|| patch.file.clone())?;
            let count = text.matches(&patch.find).count();
            ensure!(count == 1, "what it takes out of {} stands there {count} times, not once", patch.file);
            fs::write(&path, text.replace(&patch.find, &patch.put))?;
            patched.0.push((path, text));
        }
        Ok(patched)
    }

    pub(super) fn build(&self) -> Result<()> {
        let mut build = self.cargo_test()?;
        let output = self.output(build.arg("--no-run"))?;
        if !output.status.success() {
            bail!("it does not build:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// Whether a test of the crate passes, the crate being built.
    pub(super) fn passes(&self, test: &str) -> Result<bool> {
        let mut run = self.cargo_test()?;
        let output = self.output(run.args(["--", test]))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let result = said.lines().find(|line| line.starts_with("test result: "));
        let result = result.with_context(|| format!("{} ended without a result", shown(&run)))?;
        ensure!(!result.contains(" 0 passed; 0 failed"), "there is no test {test}");
        Ok(output.status.success())
    }

    fn cargo_test(&self) -> Result<Command> {
        let mut cargo = cargo()?;
        cargo.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target).env("CARGO_INCREMENTAL", "1");
        // A warning is what much of it deserves.
        cargo.env_remove("RUSTFLAGS").args(["test", "--quiet", "-p", "dnssec", "--test", "suite"]);
        Ok(cargo)
    }

    fn output(&self, command: &mut Command) -> Result<Output> {
        command.output().with_context(|| format!("cannot run {}", shown(command)))
    }
}

/// Files of the copy that are changed for now, with what stood there.
pub(super) struct Patched(Vec<(PathBuf, String)>);

impl Drop for Patched {
    fn drop(&mut self) {
        // In reverse: a file may have been changed twice.
        for (path, text) in self.0.iter().rev() {
            if let Err(error) = fs::write(path, text) {
                eprintln!("cannot restore {}: {error}", path.display());
            }
        }
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &to)?,
            false => {
                fs::copy(entry.path(), to)?;
            }
        }
    }
    Ok(())
}
