//! What the figures were measured with.

use std::{env, fs, process::Command};

use anyhow::{Context, Result};

/// The processor, as Linux names it, and how many of them there are.
pub(crate) fn processor() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let value = |key: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    let model = value("model name").context("/proc/cpuinfo names no model")?;
    let (family, number) = (value("cpu family"), value("model"));
    let processors = text.lines().filter(|line| line.starts_with("processor")).count();
    Ok(match (family, number) {
        (Some(family), Some(number)) => {
            format!("{model} (family {family}, model {number}), {processors} processors")
        }
        _ => format!("{model}, {processors} processors"),
    })
}

/// The compiler on the path, which is the one that cargo has run.
pub(crate) fn compiler() -> Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("rustc --version")?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The version of a crate that this was built with.
pub(crate) fn version(name: &str) -> Result<String> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = include_str!("../../Cargo.lock").lines().skip_while(|line| *line != wanted);
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = \""));
    let version = version.and_then(|line| line.strip_suffix('"'));
    version.map(str::to_owned).with_context(|| format!("the lock file has no {name}"))
}
