//! `cargo xtask demo`: every scenario of the lab through the real `mxtls`, as a process.

mod outcome;
mod page;

use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use mxtls_lab::{Lab, Scenario};
use serde::Serialize;
use tokio::process::Command;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time;

use crate::cargo::build_mxtls;
use crate::lab::started;
use crate::shell;
use crate::tally::{Stop, Tally};
use outcome::Outcome;

/// How many scenarios are tried at a time. Each has its own domain and servers.
const AT_ONCE: usize = 6;

/// How long one command may take. Scenarios that wait for something say how long with `--timeout`.
const LIMIT: Duration = Duration::from_secs(120);

#[derive(Args)]
pub(crate) struct Options {
    /// One JSON document on standard output, with a row for each command
    #[arg(long)]
    json: bool,
    /// Only these scenarios
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
}

/// What came of one command.
#[derive(Debug, Serialize)]
struct Row {
    scenario: String,
    matrix: String,
    command: String,
    expected: Outcome,
    got: Outcome,
    ok: bool,
    /// What the command said on standard error, where it did not behave.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(crate) async fn run(options: &Options, tally: &mut Tally) -> Result<()> {
    tally.quiet = options.json;
    let scenarios = chosen(Scenario::all()?, &options.only)?;
    let mxtls = build_mxtls(&["--package", "mxtls"])?;
    let lab = Arc::new(started(Lab::start_with(scenarios))?);

    let turn = Arc::new(Semaphore::new(AT_ONCE));
    let mut trials = JoinSet::new();
    for (place, scenario) in lab.scenarios().iter().cloned().enumerate() {
        let (lab, mxtls, turn) = (Arc::clone(&lab), mxtls.clone(), Arc::clone(&turn));
        trials.spawn(async move {
            let _turn = turn.acquire().await?;
            Ok::<_, anyhow::Error>((place, both(&lab, &mxtls, &scenario).await?))
        });
    }
    let mut rows = Vec::new();
    while let Some(trial) = trials.join_next().await {
        let (place, pair) = trial??;
        for row in &pair {
            page::command(row, tally);
            tally.add(u32::from(row.ok), u32::from(!row.ok));
        }
        rows.push((place, pair));
    }
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<Row> = rows.into_iter().flat_map(|(_, pair)| pair).collect();
    if options.json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "schema": 1, "rows": rows }))?);
    } else {
        page::matrix(&rows);
    }
    Ok(())
}

/// The scenarios that were asked for.
fn chosen(mut all: Vec<Scenario>, only: &[String]) -> Result<Vec<Scenario>> {
    if let Some(unknown) = only.iter().find(|name| all.iter().all(|scenario| scenario.name != **name)) {
        return Err(Stop::Unfit(format!("there is no scenario {unknown}")).into());
    }
    if !only.is_empty() {
        all.retain(|scenario| only.contains(&scenario.name));
    }
    Ok(all)
}

/// `check` and then `send`, each on the scenario as it was at the start.
async fn both(lab: &Lab, mxtls: &Path, scenario: &Scenario) -> Result<[Row; 2]> {
    let check = Trial {
        word: "check",
        arguments: lab.check_arguments(scenario),
        expected: Outcome::of_check(&scenario.check),
    };
    let send = Trial {
        word: "send",
        arguments: lab.send_arguments(scenario),
        expected: Outcome::of_send(&scenario.send),
    };
    Ok([check.row(lab, mxtls, scenario).await?, send.row(lab, mxtls, scenario).await?])
}

/// One command to be tried.
struct Trial {
    word: &'static str,
    arguments: Vec<String>,
    expected: Outcome,
}

impl Trial {
    /// Runs it, and holds what it says and what the servers saw against what is expected.
    async fn row(self, lab: &Lab, mxtls: &Path, scenario: &Scenario) -> Result<Row> {
        let Self { word, arguments, expected } = self;
        lab.reset(&scenario.name).with_context(|| format!("scenario {}", scenario.name))?;
        let ran = ran(mxtls, word, &lab.options(), &arguments).await;
        let saw = lab.saw(&scenario.name);
        let (got, said) = match &ran {
            Ok(ran) => (Outcome::seen(&saw, ran.status.code()), ran.stdout.as_slice()),
            Err(_) => (Outcome::seen(&saw, None), [].as_slice()),
        };
        let (got, mut problem) = match got.clone().said(said, &expected) {
            Ok(got) => (got, None),
            Err(error) => (got, Some(format!("{error:#}"))),
        };
        let ok = got == expected;
        match ran {
            Ok(ran) if !ok && !ran.stderr.is_empty() => {
                let stderr = String::from_utf8_lossy(&ran.stderr);
                problem = Some(problem.map_or(stderr.to_string(), |problem| format!("{problem}\n{stderr}")));
            }
            Ok(_) => {}
            Err(error) => problem = Some(format!("{error:#}")),
        }
        let command = shell::line(arguments.iter().map(String::as_str));
        Ok(Row {
            scenario: scenario.name.clone(),
            matrix: scenario.matrix.clone(),
            command: format!("mxtls {word} --json $MXTLS_LAB {command}"),
            expected,
            got,
            ok,
            problem,
        })
    }
}

/// Runs `mxtls`, which is killed when the time is over or the demonstration ends.
async fn ran(mxtls: &Path, word: &str, options: &[String], arguments: &[String]) -> Result<Output> {
    let mut command = Command::new(mxtls);
    command.arg(word).arg("--json").args(options).args(arguments);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = time::timeout(LIMIT, command.output());
    output
        .await
        .with_context(|| format!("it took longer than {} s", LIMIT.as_secs()))?
        .context("cannot run mxtls")
}
