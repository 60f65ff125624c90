//! Records of `mxtls tlsa make`, and verdicts of `mxtls tlsa verify`, beside the digests and the DANE of openssl.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use tokio::process::Command as Spawned;

use super::server::Server;
use crate::cargo::{output, quiet_output};
use crate::tally::Tally;

/// Where openssl's server listens; the network is our own.
const ADDRESS: &str = "127.0.0.1:4433";
const HOST: &str = "mx.example.com";

/// Kinds of keys, in the words of `openssl req -newkey` and `-pkeyopt`.
const KEYS: [(&str, &[&str]); 4] = [
    ("RSA", &["rsa:2048"]),
    ("P-256", &["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]),
    ("P-384", &["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"]),
    ("Ed25519", &["ed25519"]),
];

/// For each kind of key an authority and a server, with everything that a record can be made of.
pub(super) async fn compare(mxtls: &Path, folder: &Path, tally: &mut Tally) -> Result<()> {
    // A configuration of our own: the system's adds extensions.
    fs::write(folder.join("openssl.cnf"), "[req]\ndistinguished_name = dn\n[dn]\n")?;
    for (kind, key) in KEYS {
        let pki = Pki::make(mxtls, folder, key)?;
        for file in ["ca", "leaf"] {
            tally.check(format_args!("openssl: digests of {file}.pem, {kind}"), pki.digests(file));
        }
        for sent in [&["leaf", "ca"][..], &["leaf"]] {
            let verdicts = pki.verdicts(sent).await;
            tally.check(format_args!("openssl: verdicts on {}, {kind}", sent.join(" and ")), verdicts);
        }
    }
    Ok(())
}

/// What openssl made: an authority `ca` and a server `leaf`, each as certificate and key, in PEM and DER.
struct Pki<'a> {
    mxtls: &'a Path,
    folder: &'a Path,
}

impl<'a> Pki<'a> {
    fn make(mxtls: &'a Path, folder: &'a Path, key: &[&str]) -> Result<Self> {
        let pki = Self { mxtls, folder };
        let request =
            [&["req", "-x509", "-config", "openssl.cnf", "-nodes", "-days", "2", "-newkey"], key].concat();
        let ca = ["-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"];
        let ca_extensions =
            ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
        pki.openssl(&[&request[..], &ca, &ca_extensions].concat())?;
        let leaf = [
            "-subj",
            "/CN=Server",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-keyout",
            "leaf.key",
            "-out",
            "leaf.pem",
        ];
        let names = format!("subjectAltName=DNS:{HOST}");
        let leaf_extensions = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", &names];
        pki.openssl(&[&request[..], &leaf, &leaf_extensions].concat())?;
        for file in ["ca", "leaf"] {
            let [pem, der, key_pem, key_der] =
                ["pem", "der", "pub.pem", "pub.der"].map(|ending| format!("{file}.{ending}"));
            pki.openssl(&["x509", "-in", &pem, "-outform", "DER", "-out", &der])?;
            fs::write(folder.join(&key_pem), pki.openssl(&["x509", "-in", &pem, "-pubkey", "-noout"])?)?;
            pki.openssl(&["pkey", "-pubin", "-in", &key_pem, "-outform", "DER", "-out", &key_der])?;
        }
        Ok(pki)
    }

    fn openssl(&self, arguments: &[&str]) -> Result<String> {
        quiet_output(Command::new("openssl").current_dir(self.folder).args(arguments))
    }

    /// Each record that can be made of the certificate `name`, or of its key alone, has the digest that openssl computes.
    fn digests(&self, name: &str) -> Result<()> {
        for (selector, selected, others) in
            [("0", "der", &["pem"][..]), ("1", "pub.der", &["pem", "der", "pub.pem"])]
        {
            for (matching, digest) in [("1", "-sha256"), ("2", "-sha512")] {
                let of_openssl = self.openssl(&["dgst", digest, "-r", &format!("{name}.{selected}")])?;
                let of_openssl = of_openssl.split_whitespace().next().context("openssl prints a digest")?;
                let expected = format!("3 {selector} {matching} {of_openssl}");
                for ending in [&[selected], others].concat() {
                    let made = self.made(&format!("{name}.{ending}"), "3", selector, matching)?;
                    ensure!(made == expected, "of {name}.{ending}: openssl has {expected}, mxtls {made}");
                }
            }
        }
        Ok(())
    }

    /// Both say of each record whether a server that sends these certificates matches, and at which depth.
    async fn verdicts(&self, sent: &[&str]) -> Result<()> {
        let mut serve = Spawned::new("openssl");
        serve.current_dir(self.folder).args(["s_server", "-accept", ADDRESS, "-www"]);
        serve.args(["-cert", "leaf.pem", "-key", "leaf.key"]);
        if sent.contains(&"ca") {
            serve.args(["-cert_chain", "ca.pem"]);
        }
        let mut server = Server::start("s_server", self.folder, &mut serve)?;
        let log = self.folder.join("s_server.log");
        let listens = || Ok(fs::read_to_string(&log)?.contains("ACCEPT").then_some(()));
        server.until("it listens", listens).await?;

        let chain: String = sent
            .iter()
            .map(|name| fs::read_to_string(self.folder.join(format!("{name}.pem"))))
            .collect::<Result<_, _>>()?;
        let file = self.folder.join("chain.pem");
        fs::write(&file, chain)?;

        let mut matches = 0;
        let mut compared = 0;
        for question in self.questions()? {
            let (theirs, ours) = (self.theirs(&question)?, self.ours(&question, &file)?);
            ensure!(theirs == ours, "{question:?}: openssl says {theirs:?}, mxtls {ours:?}");
            matches += u32::from(ours.is_some());
            compared += 1;
        }
        ensure!(matches > 0 && matches < compared, "{matches} of {compared} match: one kind does not occur");
        Ok(())
    }

    /// Every usage, selector and matching type for the leaf and for the authority, each with the right name and another.
    fn questions(&self) -> Result<Vec<Question>> {
        let mut questions = Vec::new();
        for name in ["leaf.pem", "ca.pem"] {
            for usage in ["0", "1", "2", "3"] {
                for (selector, matching) in
                    [("0", "0"), ("0", "1"), ("0", "2"), ("1", "0"), ("1", "1"), ("1", "2")]
                {
                    let record = self.made(name, usage, selector, matching)?;
                    for host in [HOST, "mx.example.org"] {
                        questions.push(Question { record: record.clone(), host, ee_names: false });
                        if usage == "3" {
                            questions.push(Question { record: record.clone(), host, ee_names: true });
                        }
                    }
                }
            }
        }
        Ok(questions)
    }

    fn made(&self, file: &str, usage: &str, selector: &str, matching: &str) -> Result<String> {
        let mut make = Command::new(self.mxtls);
        make.current_dir(self.folder).args(["tlsa", "make", "--json", "--cert", file]);
        make.args(["--usage", usage, "--selector", selector, "--matching", matching]);
        Ok(serde_json::from_str::<Made>(&output(&mut make)?)?.record)
    }

    /// The depth at which openssl finds a match.
    fn theirs(&self, question: &Question) -> Result<Option<usize>> {
        let mut client = Command::new("openssl");
        client.current_dir(self.folder).args([
            "s_client",
            "-connect",
            ADDRESS,
            "-brief",
            "-verify_return_error",
        ]);
        client.args(["-CAfile", "ca.pem", "-dane_tlsa_domain", question.host]);
        client.args(["-dane_tlsa_rrdata", &question.record]);
        if !question.ee_names {
            client.arg("-dane_ee_no_namechecks");
        }
        let ran = client.stdin(std::process::Stdio::null()).output().context("cannot run openssl")?;
        let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
        if !ran.status.success() {
            ensure!(said.contains("certificate verify failed"), "{question:?}: openssl says {said}");
            return Ok(None);
        }
        let line = said.lines().find(|line| line.starts_with("DANE TLSA "));
        let depth =
            line.and_then(|line| line.rsplit(' ').next()).with_context(|| format!("no match in {said}"))?;
        Ok(Some(depth.parse()?))
    }

    /// The depth at which `mxtls` finds one, in the profile that is like openssl's.
    fn ours(&self, question: &Question, chain: &Path) -> Result<Option<usize>> {
        let mut verify = Command::new(self.mxtls);
        verify.current_dir(self.folder).args([
            "tlsa",
            "verify",
            "--json",
            "--profile",
            "full",
            "--roots",
            "ca.pem",
        ]);
        verify.arg("--chain").arg(chain).args(["--name", question.host, "--tlsa", &question.record]);
        verify.args(["--ee-names", if question.ee_names { "check" } else { "ignore" }]);
        let ran = verify.output().context("cannot run mxtls")?;
        let verified: Verified = serde_json::from_slice(&ran.stdout)
            .with_context(|| format!("mxtls tlsa verify: {}", String::from_utf8_lossy(&ran.stderr)))?;
        let is_match = verified.result == "match";
        ensure!(ran.status.success() == is_match, "{} with {}", verified.result, ran.status);
        Ok(verified.depth)
    }
}

/// What both are asked.
#[derive(Debug)]
struct Question {
    record: String,
    host: &'static str,
    /// Whether names count for usage 3.
    ee_names: bool,
}

#[derive(Deserialize)]
struct Made {
    record: String,
}

#[derive(Deserialize)]
struct Verified {
    result: String,
    depth: Option<usize>,
}
