//! BIND with the signed copies, and unbound before it, validating.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command as Dig;

use anyhow::Result;
use tokio::process::Command;

use super::server::Server;
use super::signed_copy::SignedCopy;

/// Where BIND answers with authority: the address that all name servers of the lab's zones have.
const AUTHORITY: &str = "127.0.0.1";

/// Where unbound answers.
const RESOLVER: &str = "127.0.0.2";

/// Both servers.
pub(super) struct NameServers {
    _named: Server,
    _unbound: Server,
}

impl NameServers {
    pub(super) async fn start(zones: &SignedCopy, folder: &Path) -> Result<Self> {
        let configuration = folder.join("named.conf");
        fs::write(&configuration, named_conf(zones, folder)?)?;
        let mut named = Command::new("named");
        // In the foreground, everything to standard error.
        let mut named = Server::start("named", folder, named.arg("-g").arg("-c").arg(&configuration))?;
        named.until("it answers", || Ok(answers(AUTHORITY)?.then_some(()))).await?;

        let configuration = folder.join("unbound.conf");
        let hints = folder.join("root.hints");
        fs::write(&hints, format!(". 3600 IN NS ns.\nns. 3600 IN A {AUTHORITY}\n"))?;
        fs::write(&configuration, unbound_conf(zones, folder, &hints))?;
        let mut unbound = Command::new("unbound");
        let mut unbound = Server::start("unbound", folder, unbound.args(["-d", "-c"]).arg(&configuration))?;
        unbound.until("it answers", || Ok(answers(RESOLVER)?.then_some(()))).await?;
        Ok(Self { _named: named, _unbound: unbound })
    }

    /// The validating resolver's address, on port 53.
    pub(super) fn resolver(&self) -> &'static str {
        RESOLVER
    }
}

fn answers(server: &str) -> Result<bool> {
    let mut dig = Dig::new("dig");
    let dig = dig.arg(format!("@{server}")).args(["+time=1", "+tries=1", "+short", ".", "SOA"]).output()?;
    Ok(dig.status.success() && dig.stdout.starts_with(b"ns. "))
}

fn named_conf(zones: &SignedCopy, folder: &Path) -> Result<String> {
    let mut text = format!(
        "options {{\n  directory \"{folder}\";\n  pid-file none;\n  session-keyfile none;\n  lock-file none;\n\
         \x20 listen-on {{ {AUTHORITY}; }};\n  listen-on-v6 {{ none; }};\n  recursion no;\n  notify no;\n\
         \x20 check-names primary ignore;\n  max-records-per-type 0;\n  max-types-per-name 0;\n}};\ncontrols {{}};\n",
        folder = folder.display()
    );
    for (origin, file) in &zones.origins {
        writeln!(text, "zone \"{origin}\" {{ type primary; file \"{}\"; }};", file.display())?;
    }
    Ok(text)
}

fn unbound_conf(zones: &SignedCopy, folder: &Path, hints: &Path) -> String {
    format!(
        "server:\n  directory: \"{folder}\"\n  chroot: \"\"\n  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n\
         \x20 interface: {RESOLVER}\n  do-ip6: no\n  do-not-query-localhost: no\n  access-control: 127.0.0.0/8 allow\n\
         \x20 root-hints: \"{hints}\"\n  trust-anchor-file: \"{anchor}\"\n  module-config: \"validator iterator\"\n\
         \x20 val-log-level: 2\nremote-control:\n  control-enable: no\n",
        folder = folder.display(),
        hints = hints.display(),
        anchor = zones.trust_anchor.display(),
    )
}
