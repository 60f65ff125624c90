//! BIND with signed zones, and unbound before it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use anyhow::{Context, Result};
use tokio::process::Command;

use super::server::Server;
use crate::cargo::quiet_output;

/// Zones, ready to be served.
pub(super) struct Zones {
    /// By their origins.
    pub(super) zones: BTreeMap<String, Zone>,
    /// The DS records of the root.
    pub(super) trust_anchor: PathBuf,
}

/// A zone's file, and where its name server is.
pub(super) struct Zone {
    pub(super) file: PathBuf,
    pub(super) server: Ipv4Addr,
}

/// BIND with authority for all the zones, at the addresses of their name servers; at each it knows of the zones there alone,
/// and refers to the others. It ends when it is dropped.
pub(super) struct Authority {
    /// The server of the root, `ns.`, as a file of root hints.
    root_hints: PathBuf,
    _server: Server,
}

impl Authority {
    pub(super) async fn start(zones: &Zones, folder: &Path) -> Result<Self> {
        let root = zones.zones.get(".").context("there is no root")?.server;
        let root_hints = folder.join("root.hints");
        fs::write(&root_hints, format!(". 3600 IN NS ns.\nns. 3600 IN A {root}\n"))?;
        // BIND listens only where an interface has the address.
        for server in zones.zones.values().map(|zone| zone.server).collect::<BTreeSet<_>>() {
            quiet_output(Program::new("ip").args(["address", "add", &format!("{server}/8"), "dev", "lo"]))?;
        }
        let configuration = folder.join("named.conf");
        fs::write(&configuration, named_conf(zones, folder)?)?;
        let mut named = Command::new("named");
        // In the foreground, everything to standard error.
        let mut named = Server::start("named", folder, named.arg("-g").arg("-c").arg(&configuration))?;
        let log = folder.join("named.log");
        let loaded = || Ok(fs::read_to_string(&log)?.contains("all zones loaded").then_some(()));
        named.until("it has all zones", loaded).await?;
        named.until("it answers", || Ok(answers(&root.to_string())?.then_some(()))).await?;
        Ok(Self { root_hints, _server: named })
    }

    pub(super) fn root_hints(&self) -> &Path {
        &self.root_hints
    }
}

/// unbound, looking up by itself, from the root on, where nothing else is said. It ends when it is dropped.
pub(super) struct Resolver {
    address: &'static str,
    _server: Server,
}

impl Resolver {
    /// One that validates. What it says of a question rests on the answer to that question alone, not on denials that it has seen
    /// before (RFC 8198).
    pub(super) async fn validating(
        address: &'static str,
        authority: &Authority,
        zones: &Zones,
        folder: &Path,
    ) -> Result<Self> {
        let settings = format!(
            "  module-config: \"validator iterator\"\n  trust-anchor-file: \"{}\"\n  aggressive-nsec: no\n  ede: yes\n\
             \x20 val-log-level: 2\n",
            zones.trust_anchor.display()
        );
        Self::start("validating", address, &settings, authority, folder).await
    }

    /// One that does not, and passes on what the others need for it.
    pub(super) async fn plain(address: &'static str, authority: &Authority, folder: &Path) -> Result<Self> {
        Self::start("plain", address, "  module-config: \"iterator\"\n", authority, folder).await
    }

    /// One that does not either, and asks `upstream` instead of looking up by itself.
    pub(super) async fn forwarding(
        address: &'static str,
        upstream: &Self,
        authority: &Authority,
        folder: &Path,
    ) -> Result<Self> {
        let settings = format!(
            "  module-config: \"iterator\"\nforward-zone:\n  name: \".\"\n  forward-addr: {}\n",
            upstream.address()
        );
        Self::start("forwarding", address, &settings, authority, folder).await
    }

    async fn start(
        name: &str,
        address: &'static str,
        settings: &str,
        authority: &Authority,
        folder: &Path,
    ) -> Result<Self> {
        let configuration = folder.join(format!("{name}.conf"));
        fs::write(&configuration, unbound_conf(address, settings, authority, folder))?;
        let mut unbound = Command::new("unbound");
        let mut unbound = Server::start(name, folder, unbound.args(["-d", "-c"]).arg(&configuration))?;
        unbound.until("it answers", || Ok(answers(address)?.then_some(()))).await?;
        Ok(Self { address, _server: unbound })
    }

    /// Its address, on port 53.
    pub(super) fn address(&self) -> &'static str {
        self.address
    }
}

fn answers(server: &str) -> Result<bool> {
    let mut dig = Program::new("dig");
    let dig = dig.arg(format!("@{server}")).args(["+time=1", "+tries=1", "+short", ".", "SOA"]).output()?;
    Ok(dig.status.success() && dig.stdout.starts_with(b"ns. "))
}

/// A view for each of the servers.
fn named_conf(zones: &Zones, folder: &Path) -> Result<String> {
    let mut views: BTreeMap<Ipv4Addr, String> = BTreeMap::new();
    for (origin, zone) in &zones.zones {
        let view = views.entry(zone.server).or_default();
        writeln!(view, "  zone \"{origin}\" {{ type primary; file \"{}\"; }};", zone.file.display())?;
    }
    let addresses: String = views.keys().map(|address| format!("{address}; ")).collect();
    let mut text = format!(
        "options {{\n  directory \"{folder}\";\n  pid-file none;\n  session-keyfile none;\n  lock-file none;\n\
         \x20 listen-on {{ {addresses}}};\n  listen-on-v6 {{ none; }};\n  recursion no;\n  notify no;\n\
         \x20 check-names primary ignore;\n  max-records-per-type 0;\n  max-types-per-name 0;\n}};\ncontrols {{}};\n",
        folder = folder.display()
    );
    for (address, view) in views {
        writeln!(text, "view \"{address}\" {{\n  match-destinations {{ {address}; }};\n{view}}};")?;
    }
    Ok(text)
}

/// The `settings` are of the section `server:`.
fn unbound_conf(address: &str, settings: &str, authority: &Authority, folder: &Path) -> String {
    format!(
        "remote-control:\n  control-enable: no\nserver:\n  directory: \"{folder}\"\n  chroot: \"\"\n  username: \"\"\n\
         \x20 pidfile: \"\"\n  use-syslog: no\n  interface: {address}\n  do-ip6: no\n  do-not-query-localhost: no\n\
         \x20 access-control: 127.0.0.0/8 allow\n  root-hints: \"{hints}\"\n{settings}",
        folder = folder.display(),
        hints = authority.root_hints.display(),
    )
}
