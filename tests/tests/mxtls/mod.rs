//! The binary `mxtls` as a process, and what it said.
#![allow(dead_code, reason = "not every test binary needs all of it")]

use std::ffi::OsStr;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use mxtls_lab::{Lab, Scenario};
use serde_json::Value;

/// No command of these tests takes nearly as long, so what has not ended by then hangs.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// TLSA records in an insecure zone. The address must be secure for them to be asked for at all, so they stand behind an alias.
pub(crate) const INSECURE_TLSA: &str = r#"
[[scenario]]
name = "insecure-tlsa"
matrix = "opportunistic"
why = "RFC 7672 2.2.3: the owner of the records is an alias into an unsigned zone"
zone = """
@                 MX     10 mx1
mx1               A      {ip mx1}
_{port}._tcp.mx1  CNAME  tlsa.unsigned
"""
servers.mx1 = { certificate.issuer = "itself" }
expected = { verdict = "deliver", channel = "encrypted", policy = "opportunistic", connections = 1, mail = 1, data = 1 }
[scenario.zones."unsigned.{domain}."]
signing = "unsigned"
text = "tlsa TLSA {tlsa-wrong mx1 3 1 1}"
"#;

/// A command line of `mxtls`, with nothing of the surrounding environment that could change what it does.
pub(crate) fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_remove("RUST_LOG").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

fn binary() -> PathBuf {
    match std::env::var_os("MXTLS_BIN") {
        Some(path) if !path.is_empty() => path.into(),
        Some(_) | None => panic!(
            "MXTLS_BIN does not name the binary mxtls: run these tests with `cargo xtask test`, which builds it and sets the variable"
        ),
    }
}

/// Runs `mxtls` to its end.
pub(crate) fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    Running::start(&mut command(arguments)).end()
}

/// The same with this text on its standard input.
pub(crate) fn run_with_input(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, input: &str) -> Ended {
    let mut running = Running::start(command(arguments).stdin(Stdio::piped()));
    running.child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    running.end()
}

/// A command's word, `--json`, the options that point it at the lab, and its own arguments.
pub(crate) fn at_lab(lab: &Lab, word: &str, own: &[String]) -> Vec<String> {
    let options = match word {
        "resolve" | "check" | "send" => lab.options(),
        _ => lab.global_options(),
    };
    let mut arguments = vec![word.to_owned(), "--json".to_owned()];
    arguments.extend(options);
    arguments.extend_from_slice(own);
    arguments
}

/// A lab with these rows of the scenario file.
pub(crate) fn lab_of(names: &[&str]) -> Lab {
    let all = Scenario::all().unwrap();
    let of_name = |name: &&str| {
        let row = all.iter().find(|row| row.name == **name);
        row.unwrap_or_else(|| panic!("the scenario file has no row {name}")).clone()
    };
    Lab::start_with(names.iter().map(of_name).collect()).unwrap()
}

/// A process that has not ended yet.
pub(crate) struct Running {
    pub(crate) child: Child,
}

impl Running {
    /// Starts the command, its output held for [`Running::end`].
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self { child: child.unwrap_or_else(|error| panic!("{command:?}: {error}")) }
    }

    /// Sends the process the signal that Ctrl-C is.
    pub(crate) fn interrupt(&self) {
        signal("INT", self.child.id());
    }

    /// Waits for the end. A process that hangs is killed, and fails the test.
    pub(crate) fn end(self) -> Ended {
        let id = self.child.id();
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || done.send(self.child.wait_with_output()));
        let Ok(output) = ended.recv_timeout(LIMIT) else {
            signal("KILL", id);
            let output = ended.recv().unwrap().unwrap();
            panic!("mxtls hangs; so far it said {}", String::from_utf8_lossy(&output.stderr));
        };
        let output = output.unwrap();
        Ended {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

fn signal(name: &str, process: u32) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status();
    assert!(status.unwrap().success(), "kill -{name}");
}

/// What became of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit status, none where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// The one JSON document that standard output is.
    pub(crate) fn document(&self) -> Value {
        let document: Value = serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!("standard output is not exactly one JSON document: {error}\n{self:?}")
        });
        assert_eq!(document["schema"], 1, "{document}");
        document
    }
}
