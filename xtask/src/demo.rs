//! `cargo xtask demo`: every scenario of the lab through the real `mxtls`, as a process.

mod outcome;
mod page;

use std::path::PathBuf;
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
    /// `check` or `send`.
    #[serde(skip)]
    word: &'static str,
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
    let stage = Arc::new(Stage { lab: started(Lab::start_with(scenarios))?, mxtls });
    let checks = stage.all(Word::Check, tally).await?;
    // Not one by one: a process that has begun and is not yet `mxtls` has our listeners too, and a policy host that is to begin again
    // would find its own port taken. Here no process is left.
    for scenario in stage.lab.scenarios() {
        stage
            .lab
            .reset(&scenario.name)
            .with_context(|| format!("scenario {} cannot be reset", scenario.name))?;
    }
    let sends = stage.all(Word::Send, tally).await?;
    let rows: Vec<Row> = checks.into_iter().zip(sends).flat_map(<[Row; 2]>::from).collect();
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

/// The commands that are tried.
#[derive(Clone, Copy)]
enum Word {
    Check,
    Send,
}

impl Word {
    fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Send => "send",
        }
    }
}

/// Where scenarios are tried.
struct Stage {
    lab: Lab,
    mxtls: PathBuf,
}

impl Stage {
    /// One command on every scenario, some at a time; the rows are in the order of the scenarios.
    async fn all(self: &Arc<Self>, word: Word, tally: &mut Tally) -> Result<Vec<Row>> {
        let turn = Arc::new(Semaphore::new(AT_ONCE));
        let mut trials = JoinSet::new();
        for (place, scenario) in self.lab.scenarios().iter().cloned().enumerate() {
            let (stage, turn) = (Arc::clone(self), Arc::clone(&turn));
            trials.spawn(async move {
                let _turn = turn.acquire().await?;
                Ok::<_, anyhow::Error>((place, stage.row(&scenario, word).await))
            });
        }
        let mut rows = Vec::new();
        while let Some(trial) = trials.join_next().await {
            let (place, row) = trial??;
            page::command(&row, tally);
            tally.add(u32::from(row.ok), u32::from(!row.ok));
            rows.push((place, row));
        }
        rows.sort_by_key(|(place, _)| *place);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Runs a command, and holds what it says and what the servers saw against what is expected.
    async fn row(&self, scenario: &Scenario, word: Word) -> Row {
        let (arguments, expected) = match word {
            Word::Check => (self.lab.check_arguments(scenario), Outcome::of_check(&scenario.check)),
            Word::Send => (self.lab.send_arguments(scenario), Outcome::of_send(&scenario.send)),
        };
        let ran = self.ran(word, &arguments).await;
        let saw = self.lab.saw(&scenario.name);
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
        Row {
            scenario: scenario.name.clone(),
            matrix: scenario.matrix.clone(),
            word: word.name(),
            command: format!("mxtls {} --json $MXTLS_LAB {command}", word.name()),
            expected,
            got,
            ok,
            problem,
        }
    }

    /// Runs `mxtls`, which is killed when the time is over or the demonstration ends.
    async fn ran(&self, word: Word, arguments: &[String]) -> Result<Output> {
        let mut command = Command::new(&self.mxtls);
        command.arg(word.name()).arg("--json").args(self.lab.options()).args(arguments);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = time::timeout(LIMIT, command.output());
        output
            .await
            .with_context(|| format!("it took longer than {} s", LIMIT.as_secs()))?
            .context("cannot run mxtls")
    }
}
