//! `mxtls` as a process.
#![allow(dead_code, reason = "not every test binary needs all of it")]

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use serde_json::Value;

/// What became of a process.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs `mxtls`. Nothing listens where these tests point it, so nothing can be sent.
pub(crate) fn run(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ended {
    let output =
        Command::new(env!("CARGO_BIN_EXE_mxtls")).args(arguments).stdin(Stdio::null()).output().unwrap();
    Ended {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// The one document on standard output.
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error of the error document, which has exactly its fields.
    pub(crate) fn error(&self) -> Value {
        assert_eq!(self.status, Some(2), "{self:?}");
        let document = self.document();
        assert_eq!(fields(&document), ["schema", "error"], "{document}");
        assert_eq!(document["schema"], 1, "{document}");
        assert_eq!(fields(&document["error"]), ["message", "file", "line", "column"], "{document}");
        assert!(document["error"]["message"].is_string(), "{document}");
        document["error"].clone()
    }
}

/// The names of an object's fields, in their order.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}
