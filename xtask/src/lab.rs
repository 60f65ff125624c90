//! `cargo xtask lab`: the lab in the foreground, to try `mxtls` on by hand.

use std::future;

use anyhow::{Context, Result};
use mxtls_lab::{Lab, LabError};

use crate::cargo::build_mxtls;
use crate::shell;
use crate::tally::Stop;

pub(crate) async fn run() -> Result<()> {
    let mxtls = build_mxtls(&["--package", "mxtls"])?;
    let folder = mxtls.parent().context("the binary lies in a folder")?;
    let lab = started(Lab::start())?;
    let domain = &lab.scenarios().first().context("the lab has a scenario")?.domain;
    println!("export MXTLS_LAB={}", shell::quoted(&lab.options().join(" ")));
    println!("export PATH={}:\"$PATH\"", shell::quoted(&folder.display().to_string()));
    println!("# For example: mxtls check --json $MXTLS_LAB {domain}");
    eprintln!("{} scenarios are up; Ctrl-C ends them.", lab.scenarios().len());
    future::pending().await
}

/// The lab, if it could start.
pub(crate) fn started(lab: Result<Lab, LabError>) -> Result<Lab> {
    match lab {
        Ok(lab) => Ok(lab),
        Err(error @ LabError::Loopback { .. }) => Err(Stop::Unfit(error.to_string()).into()),
        Err(error) => Err(error).context("the lab does not start"),
    }
}
