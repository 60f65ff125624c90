//! Deliveries to a real Postfix, by DANE and by MTA-STS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use mxtls_lab::Scenario;
use serde::Deserialize;
use tokio::process::Command as Spawned;

use super::Peers;
use super::server::Server;
use super::subfolder;
use crate::cargo::{quiet_output, run as run_command};
use crate::tally::Tally;

/// Where Postfix listens, on port 25.
pub(super) const ADDRESS: &str = "127.0.0.25";

/// Domains whose mail goes to Postfix, in addition to the scenarios of the lab.
const DOMAINS: &str = include_str!("postfix.toml");

/// The domains, as scenarios of the lab: it has their zones and their policy hosts.
pub(super) fn scenarios(certificates: &Certificates) -> Result<Vec<Scenario>> {
    let digest = &certificates.key_digest;
    let other: String = digest.chars().map(|digit| if digit == '0' { '1' } else { '0' }).collect();
    let text =
        DOMAINS.replace("<address>", ADDRESS).replace("<digest>", digest).replace("<other-digest>", &other);
    Scenario::parse(&text).context("postfix.toml")
}

/// Sends to each of the domains, and holds what comes of it against what is expected: in the document of `mxtls send`, in the mailbox and in
/// Postfix's log.
pub(super) async fn deliveries(
    peers: &Peers<'_>,
    certificates: &Certificates,
    folder: &Path,
    tally: &mut Tally,
) -> Result<()> {
    let domains: Vec<&Scenario> =
        peers.lab.scenarios().iter().filter(|row| row.name.starts_with("postfix-")).collect();
    let mut postfix = Postfix::start(&domains, certificates, folder).await?;
    let roots = folder.join("roots.pem");
    fs::write(&roots, lab_roots(peers)? + &fs::read_to_string(&certificates.authority)?)?;
    ensure!(domains.len() >= 2, "a DANE and an MTA-STS delivery are to be made");
    for domain in domains {
        let delivery = deliver(peers, &mut postfix, domain, &roots, folder).await;
        tally.check(format_args!("Postfix: {}", domain.name), delivery);
    }
    Ok(())
}

async fn deliver(
    peers: &Peers<'_>,
    postfix: &mut Postfix,
    domain: &Scenario,
    roots: &Path,
    folder: &Path,
) -> Result<()> {
    let message = folder.join(format!("{}.eml", domain.name));
    let subject = format!("Subject: to {}", domain.name);
    fs::write(
        &message,
        format!("From: sender@elsewhere.example\r\n{subject}\r\n\r\nA line.\r\n.\r\n..\r\n"),
    )?;
    let mut send = Command::new(peers.mxtls);
    send.args(["send", "--json", "--resolver"]).arg(format!("{}:53", peers.resolver));
    send.arg("--trust-anchor").arg(peers.trust_anchor).arg("--ca-file").arg(roots);
    send.args(["--policy-port", &peers.lab.policy_port().to_string(), "--port", "25"]);
    send.args([
        "--from",
        "sender@elsewhere.example",
        "--to",
        &format!("postmaster@{}", domain.domain),
        "--message",
    ]);
    let sessions_before = postfix.sessions()?;
    let sent = send.arg(&message).output().context("cannot run mxtls")?;
    let document: Document = serde_json::from_slice(&sent.stdout)
        .with_context(|| format!("mxtls send: {}", String::from_utf8_lossy(&sent.stderr)))?;
    let recipients: Vec<_> = document.envelopes.iter().flat_map(|envelope| &envelope.recipients).collect();
    let [recipient] = recipients.as_slice() else {
        anyhow::bail!("{} recipients in the document", recipients.len())
    };
    let expected = &domain.send;
    let failure = recipient.failure.as_ref().map(|failure| &failure.code);
    let said = (Some(&recipient.verdict), recipient.channel.as_ref(), recipient.policy.as_ref(), failure);
    let stated = (
        Some(&expected.verdict),
        expected.channel.as_ref(),
        expected.policy.as_ref(),
        expected.failure.as_ref(),
    );
    ensure!(said == stated, "expected {stated:?}, mxtls says {said:?}");
    if expected.delivers() {
        return postfix.has_received(domain, &subject).await;
    }
    postfix.has_refused(&subject, sessions_before).await
}

/// The roots that sign the lab's policy hosts.
fn lab_roots(peers: &Peers<'_>) -> Result<String> {
    let file = peers.lab_option("--ca-file")?;
    fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))
}

#[derive(Deserialize)]
struct Document {
    envelopes: Vec<Envelope>,
}

#[derive(Deserialize)]
struct Envelope {
    recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
struct Recipient {
    verdict: String,
    channel: Option<String>,
    policy: Option<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

/// A Postfix with nothing in it but what is here.
struct Postfix {
    master: Server,
    log: PathBuf,
    mailbox: PathBuf,
}

impl Postfix {
    async fn start(domains: &[&Scenario], certificates: &Certificates, folder: &Path) -> Result<Self> {
        let etc = subfolder(folder, "etc")?;
        let mailboxes = subfolder(folder, "mail")?;
        let (queue, data) = (subfolder(folder, "queue")?, subfolder(folder, "data")?);
        let log = folder.join("mail.log");
        run_command(Command::new("chown").arg("postfix").arg(&data))?;
        run_command(Command::new("chown").arg("nobody").arg(&mailboxes))?;
        let names: Vec<_> = domains.iter().map(|row| row.domain.as_str()).collect();
        let settings = [
            ("compatibility_level", "3.6".to_owned()),
            ("queue_directory", queue.display().to_string()),
            ("data_directory", data.display().to_string()),
            ("maillog_file", log.display().to_string()),
            ("maillog_file_prefixes", folder.display().to_string()),
            ("myhostname", "mx.interop.example".to_owned()),
            ("mydestination", String::new()),
            ("alias_maps", String::new()),
            ("inet_interfaces", ADDRESS.to_owned()),
            ("inet_protocols", "ipv4".to_owned()),
            // There is no reverse zone to ask.
            ("smtpd_peername_lookup", "no".to_owned()),
            ("smtpd_relay_restrictions", "reject_unauth_destination".to_owned()),
            ("smtpd_tls_security_level", "may".to_owned()),
            ("smtpd_tls_chain_files", certificates.server.display().to_string()),
            ("smtpd_tls_loglevel", "1".to_owned()),
            ("smtpd_tls_received_header", "yes".to_owned()),
            ("virtual_mailbox_domains", names.join(", ")),
            ("virtual_mailbox_base", mailboxes.display().to_string()),
            ("virtual_mailbox_maps", "static:inbox/".to_owned()),
            ("virtual_uid_maps", "static:65534".to_owned()),
            ("virtual_gid_maps", "static:65534".to_owned()),
        ];
        let main: String = settings.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
        fs::write(etc.join("main.cf"), main)?;
        fs::write(etc.join("master.cf"), include_str!("master.cf"))?;
        let mut start = Spawned::new("postfix");
        let master = Server::start("postfix", folder, start.arg("-c").arg(&etc).arg("start-fg"))?;
        let mut postfix = Self { master, log, mailbox: mailboxes.join("inbox/new") };
        let log = postfix.log.clone();
        let started = || Ok(read(&log)?.contains("daemon started").then_some(()));
        postfix.master.until("it has started", started).await?;
        Ok(postfix)
    }

    /// Waits until the message is in the mailbox, whole, and checks that it came over TLS.
    async fn has_received(&mut self, domain: &Scenario, subject: &str) -> Result<()> {
        let mailbox = self.mailbox.clone();
        let message = self.master.until("the message is there", || message_in(&mailbox, subject)).await?;
        ensure!(message.contains("\n\nA line.\n.\n..\n"), "the message did not arrive as it was: {message}");
        ensure!(
            message.contains(&format!("for <postmaster@{}>", domain.domain)),
            "for whom is it? {message}"
        );
        ensure!(
            message.contains("using TLSv1."),
            "its Received field does not say that it came over TLS: {message}"
        );
        ensure!(
            read(&self.log)?.contains("TLS connection established from"),
            "the log has no TLS connection"
        );
        Ok(())
    }

    /// Waits for the end of the session, and checks that nothing was given to the queue in it.
    async fn has_refused(&mut self, subject: &str, before: Sessions) -> Result<()> {
        let log = self.log.clone();
        let ended = || Ok((Sessions::of(&read(&log)?).ended > before.ended).then_some(()));
        self.master.until("the session has ended", ended).await?;
        let after = self.sessions()?;
        ensure!(after.queued == before.queued, "it was not to be given away, and Postfix queued it");
        ensure!(
            message_in(&self.mailbox, subject)?.is_none(),
            "it was not to be delivered, and is in the mailbox"
        );
        Ok(())
    }

    fn sessions(&self) -> Result<Sessions> {
        Ok(Sessions::of(&read(&self.log)?))
    }
}

/// What Postfix has logged so far.
struct Sessions {
    ended: usize,
    queued: usize,
}

impl Sessions {
    fn of(log: &str) -> Self {
        let lines = |what: &str| log.lines().filter(|line| line.contains(what)).count();
        Self { ended: lines(": disconnect from "), queued: lines(": client=") }
    }
}

/// A message with this header field, if it is there.
fn message_in(mailbox: &Path, subject: &str) -> Result<Option<String>> {
    if !mailbox.exists() {
        return Ok(None);
    }
    for file in fs::read_dir(mailbox)? {
        let text = fs::read_to_string(file?.path())?;
        if text.lines().any(|line| line == subject) {
            return Ok(Some(text));
        }
    }
    Ok(None)
}

/// A text file, empty as long as it does not exist.
fn read(file: &Path) -> Result<String> {
    if file.exists() { Ok(fs::read_to_string(file)?) } else { Ok(String::new()) }
}

/// What openssl made for Postfix: an authority, and a certificate of it.
pub(super) struct Certificates {
    /// The authority's certificate, in PEM.
    authority: PathBuf,
    /// The server's key and certificate, in PEM.
    server: PathBuf,
    /// SHA-256 of the server's public key, in hex.
    key_digest: String,
}

impl Certificates {
    pub(super) fn make(folder: &Path) -> Result<Self> {
        let folder = subfolder(folder, "certificates")?;
        let openssl =
            |arguments: &[&str]| quiet_output(Command::new("openssl").current_dir(&folder).args(arguments));
        // A configuration of our own: the system's adds extensions.
        fs::write(folder.join("openssl.cnf"), "[req]\ndistinguished_name = dn\n[dn]\n")?;
        let request = ["req", "-x509", "-config", "openssl.cnf", "-newkey", "ec", "-pkeyopt"];
        let request = [&request[..], &["ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]].concat();
        let authority = ["-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"];
        let extensions =
            ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"];
        openssl(&[&request[..], &authority, &extensions].concat())?;
        let server = [
            "-subj",
            "/CN=Postfix",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-keyout",
            "key.pem",
            "-out",
            "leaf.pem",
        ];
        let names = "subjectAltName=DNS:mx.postfix-dane.lab,DNS:mx.postfix-sts.lab";
        let extensions = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", names];
        openssl(&[&request[..], &server, &extensions].concat())?;
        openssl(&["pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "key.der"])?;
        let digest = openssl(&["dgst", "-sha256", "-r", "key.der"])?;
        let key_digest = digest.split_whitespace().next().context("openssl prints a digest")?.to_owned();
        let file = folder.join("server.pem");
        let (key, leaf) =
            (fs::read_to_string(folder.join("key.pem"))?, fs::read_to_string(folder.join("leaf.pem"))?);
        fs::write(&file, key + &leaf)?;
        Ok(Self { authority: folder.join("ca.pem"), server: file, key_digest })
    }
}
