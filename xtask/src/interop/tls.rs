//! Handshakes with `openssl s_server`, one server for each kind of key.
//!
//! The client is the crate `mxtls-verifier`, which xtask does not know: a test binary brings it, and is told here where the servers are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use tokio::process::Command as Spawned;

use super::server::Server;
use crate::cargo::{build_test, quiet_output};
use crate::tally::Tally;
use crate::test::Counts;

/// The name that every server's certificate is for.
const HOST: &str = "mx.interop.example";

/// The kinds of key, with what `openssl genpkey` is told to make one. The tests bear these names.
const KEYS: [(&str, &[&str]); 5] = [
    ("rsa_2048", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]),
    ("rsa_3072", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"]),
    ("p_256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    ("p_384", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"]),
    ("ed25519", &["-algorithm", "ED25519"]),
];

/// Builds the test binary, and says where it lies.
pub(super) fn build() -> Result<PathBuf> {
    build_test("mxtls-lab", "openssl_s_server")
}

/// Starts the servers, and lets the test binary shake hands with them.
pub(super) async fn handshakes(tests: &Path, folder: &Path, tally: &mut Tally) -> Result<()> {
    let openssl =
        |arguments: &[&str]| quiet_output(Command::new("openssl").current_dir(folder).args(arguments));
    // A configuration of our own: the system's adds extensions.
    let names = format!("subjectAltName=DNS:{HOST}");
    let config = format!(
        "[req]\ndistinguished_name = dn\n[dn]\n[ca]\nbasicConstraints = critical,CA:TRUE\n\
         [server]\nbasicConstraints = critical,CA:FALSE\n{names}\n"
    );
    fs::write(folder.join("openssl.cnf"), config)?;
    let certificate = |key: &str, extensions: &str, file: &str, issuer: &[&str]| {
        let request = ["req", "-x509", "-config", "openssl.cnf", "-days", "2", "-extensions", extensions];
        let subject = format!("/CN={key}");
        openssl(&[&request[..], &["-key", key, "-subj", &subject, "-out", file], issuer].concat())
    };
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "root.key"])?;
    certificate("root.key", "ca", "root.pem", &[])?;
    fs::write(folder.join("host"), HOST)?;
    let mut servers = Vec::new();
    for (name, algorithm) in KEYS {
        let (key, leaf) = (format!("{name}.key"), format!("{name}.pem"));
        openssl(&[&["genpkey", "-out", &key], algorithm].concat())?;
        certificate(&key, "server", &leaf, &["-CA", "root.pem", "-CAkey", "root.key"])?;
        let mut server = Spawned::new("openssl");
        server.current_dir(folder).args(["s_server", "-accept", "127.0.0.1:0", "-www"]);
        server.args(["-cert", &leaf, "-key", &key, "-cert_chain", "root.pem"]);
        let mut server = Server::start(name, folder, &mut server)?;
        let log = folder.join(format!("{name}.log"));
        let address = server.until("it listens", || Ok(listening(&fs::read_to_string(&log)?))).await?;
        fs::write(folder.join(format!("{name}.address")), address)?;
        servers.push(server);
    }
    let ended = Command::new(tests).arg("--ignored").env("OPENSSL_S_SERVER", folder).output()?;
    let text = String::from_utf8_lossy(&ended.stdout);
    let counts = text.lines().find_map(Counts::of_line).context("the test binary counts nothing")?;
    if counts.failed > 0 {
        println!("{text}");
    }
    tally.add(counts.passed, counts.failed);
    println!(
        "handshakes with openssl s_server: {} kinds of key passed, {} failed",
        counts.passed, counts.failed
    );
    let all = usize::try_from(counts.passed + counts.failed)? == KEYS.len();
    ensure!(all, "a test for each of {} kinds of key is expected: {text}", KEYS.len());
    Ok(())
}

/// The address in the line `ACCEPT 127.0.0.1:40001`.
fn listening(log: &str) -> Option<String> {
    log.lines().find_map(|line| line.strip_prefix("ACCEPT ")).map(|address| address.trim().to_owned())
}
