//! BIND with signed zones, and unbound before it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Dig;

use anyhow::Result;
use tokio::process::Command;

use super::server::Server;

/// Zones, ready to be served.
pub(super) struct Zones {
    /// The file of each zone, by its origin.
    pub(super) files: BTreeMap<String, PathBuf>,
    /// The DS records of the root.
    pub(super) trust_anchor: PathBuf,
}

/// A name server of these zones. It ends when it is dropped.
pub(super) struct NameServer {
    address: &'static str,
    /// Where resolution from the root begins.
    root_hints: PathBuf,
    _server: Server,
}

impl NameServer {
    /// BIND with authority for all the zones, the only name server that they name: `ns.`, whose address it must have.
    pub(super) async fn authority(address: &'static str, zones: &Zones, folder: &Path) -> Result<Self> {
        let configuration = folder.join("named.conf");
        fs::write(&configuration, named_conf(address, zones, folder)?)?;
        let mut named = Command::new("named");
        // In the foreground, everything to standard error.
        let mut named = Server::start("named", folder, named.arg("-g").arg("-c").arg(&configuration))?;
        named.until("it answers", || Ok(answers(address)?.then_some(()))).await?;
        let root_hints = folder.join("root.hints");
        fs::write(&root_hints, format!(". 3600 IN NS ns.\nns. 3600 IN A {address}\n"))?;
        Ok(Self { address, root_hints, _server: named })
    }

    /// unbound, looking up by itself, from the root on, and validating. What it says of a question rests on the answer to that
    /// question alone, not on denials that it has seen before (RFC 8198).
    pub(super) async fn validator(
        address: &'static str,
        authority: &Self,
        zones: &Zones,
        folder: &Path,
    ) -> Result<Self> {
        let settings = format!(
            "  root-hints: \"{}\"\n  trust-anchor-file: \"{}\"\n  module-config: \"validator iterator\"\n\
             \x20 aggressive-nsec: no\n  ede: yes\n  val-log-level: 2\n",
            authority.root_hints.display(),
            zones.trust_anchor.display()
        );
        Self::unbound("unbound", address, authority, &settings, folder).await
    }

    /// unbound, handing every question on, with nothing between the question and the authority but its cache.
    pub(super) async fn forwarder(address: &'static str, authority: &Self, folder: &Path) -> Result<Self> {
        let settings = format!(
            "  module-config: \"iterator\"\nforward-zone:\n  name: \".\"\n  forward-addr: {}\n",
            authority.address
        );
        Self::unbound("forwarder", address, authority, &settings, folder).await
    }

    async fn unbound(
        name: &str,
        address: &'static str,
        authority: &Self,
        settings: &str,
        folder: &Path,
    ) -> Result<Self> {
        let configuration = folder.join(format!("{name}.conf"));
        fs::write(&configuration, unbound_conf(address, settings, folder))?;
        let mut unbound = Command::new("unbound");
        let mut unbound = Server::start(name, folder, unbound.args(["-d", "-c"]).arg(&configuration))?;
        unbound.until("it answers", || Ok(answers(address)?.then_some(()))).await?;
        Ok(Self { address, root_hints: authority.root_hints.clone(), _server: unbound })
    }

    /// Its address, on port 53.
    pub(super) fn address(&self) -> &'static str {
        self.address
    }

    /// The file of root hints that leads to the authority.
    pub(super) fn root_hints(&self) -> &Path {
        &self.root_hints
    }
}

fn answers(server: &str) -> Result<bool> {
    let mut dig = Dig::new("dig");
    let dig = dig.arg(format!("@{server}")).args(["+time=1", "+tries=1", "+short", ".", "SOA"]).output()?;
    Ok(dig.status.success() && dig.stdout.starts_with(b"ns. "))
}

fn named_conf(address: &str, zones: &Zones, folder: &Path) -> Result<String> {
    let mut text = format!(
        "options {{\n  directory \"{folder}\";\n  pid-file none;\n  session-keyfile none;\n  lock-file none;\n\
         \x20 listen-on {{ {address}; }};\n  listen-on-v6 {{ none; }};\n  recursion no;\n  notify no;\n\
         \x20 check-names primary ignore;\n  max-records-per-type 0;\n  max-types-per-name 0;\n}};\ncontrols {{}};\n",
        folder = folder.display()
    );
    for (origin, file) in &zones.files {
        writeln!(text, "zone \"{origin}\" {{ type primary; file \"{}\"; }};", file.display())?;
    }
    Ok(text)
}

/// The `settings` begin in the section `server:`.
fn unbound_conf(address: &str, settings: &str, folder: &Path) -> String {
    format!(
        "remote-control:\n  control-enable: no\nserver:\n  directory: \"{folder}\"\n  chroot: \"\"\n  username: \"\"\n\
         \x20 pidfile: \"\"\n  use-syslog: no\n  interface: {address}\n  do-ip6: no\n  do-not-query-localhost: no\n\
         \x20 access-control: 127.0.0.0/8 allow\n{settings}",
        folder = folder.display(),
    )
}
