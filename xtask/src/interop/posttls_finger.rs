//! Which mail server gets which level of security, by Postfix' `posttls-finger` and by `mxtls check`.
//!
//! Both go by unbound: Postfix by its AD bit, `mxtls` by verdicts of its own. Of the lab's scenarios those are left out that have a
//! policy host, since Postfix knows nothing of MTA-STS; those with an attacker, who is not in the copy of the zones; and those
//! with options that Postfix does not have.

mod course;
mod differences;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use mxtls_lab::{Lab, Scenario};

use super::Peers;
use super::parallel;
use crate::cargo::quiet_output;
use crate::tally::Tally;
use course::{Course, LEVELS};
use differences::Differences;

/// Domains in addition to the scenarios of the lab.
pub(super) fn scenarios() -> Result<Vec<Scenario>> {
    Scenario::parse(include_str!("posttls_finger/scenarios.toml")).context("posttls_finger/scenarios.toml")
}

/// Asks both about every domain that Postfix can judge, and about each mail server of those with several.
pub(super) fn compare(peers: &Peers<'_>, folder: &Path, tally: &mut Tally) -> Result<()> {
    // The C library's resolver is told of servers in this file alone. The mounts are our own.
    let resolv = folder.join("resolv.conf");
    fs::write(&resolv, format!("nameserver {}\noptions trust-ad edns0\n", peers.resolver))?;
    quiet_output(Command::new("mount").arg("--bind").arg(&resolv).arg("/etc/resolv.conf"))?;
    let settings = "compatibility_level = 3.6\ninet_protocols = ipv4\nmyhostname = client.interop.example\n";
    fs::write(folder.join("main.cf"), settings)?;

    let port = peers.lab_option("--port")?;
    let rows = peers.lab.scenarios().iter().filter(|row| is_known_to_postfix(row));
    let destinations: Vec<Destination> = rows.flat_map(|row| Destination::of(row, peers.lab)).collect();
    let differences = Differences::read(destinations.iter().map(|destination| destination.text.as_str()))?;
    let courses = parallel::each(&destinations, |destination| {
        let Destination { domain, text } = destination;
        let both =
            || Ok((theirs(folder, domain, &format!("{text}:{port}"))?, ours(peers, domain, text, &port)?));
        Ok(both())
    })?;
    let mut levels: BTreeMap<&str, u32> = BTreeMap::new();
    for (Destination { text, .. }, courses) in destinations.iter().zip(courses) {
        let compared = courses.and_then(|(theirs, ours)| {
            for level in ours.levels() {
                *levels.entry(level).or_default() += 1;
            }
            differences.check(text, &theirs, &ours)
        });
        match compared {
            Ok(()) => tally.add(1, 0),
            Err(error) => tally.check(format_args!("posttls-finger: {text}"), Err(error)),
        }
    }
    let missing: Vec<_> = LEVELS.iter().filter(|level| !levels.contains_key(*level)).collect();
    let all = if missing.is_empty() { Ok(()) } else { Err(anyhow!("not {missing:?}")) };
    tally.check("posttls-finger: every level occurs", all);
    let counts: Vec<_> = levels.iter().map(|(level, count)| format!("{count} {level}")).collect();
    println!(
        "{} destinations, mxtls check as posttls-finger: {}; but for {} expected differences",
        destinations.len(),
        counts.join(", "),
        differences.len()
    );
    Ok(())
}

/// Scenarios in which chance has a say on both sides: two servers of one preference, or two addresses of one server.
const BY_CHANCE: [&str; 2] = ["equal-preferences", "neither-injection-two-addresses"];

/// Where Postfix can know what `mxtls` knows, and the lab's servers listen.
fn is_known_to_postfix(row: &Scenario) -> bool {
    row.tamper.is_empty()
        && row.policy_host.is_none()
        && row.arguments.is_empty()
        && !row.name.starts_with("postfix-")
        && !BY_CHANCE.contains(&row.name.as_str())
}

/// What both are asked about.
struct Destination {
    domain: String,
    /// The domain, or a mail server in brackets.
    text: String,
}

impl Destination {
    /// Where mail is to go; and, where there are several, each of the mail servers, of which only the first has its turn else.
    fn of(row: &Scenario, lab: &Lab) -> Vec<Self> {
        let servers = row.servers.keys().filter(|key| {
            let is_mx = |line: &str| line.contains(" MX ") && line.split_whitespace().last() == Some(key);
            row.zone.text.lines().any(is_mx)
        });
        let servers: Vec<_> = servers.map(|key| format!("[{}]", row.host(key))).collect();
        let servers = if servers.len() > 1 { servers } else { Vec::new() };
        let own = lab.check_arguments(row).into_iter().take(1);
        own.chain(servers).map(|text| Self { domain: row.domain.clone(), text }).collect()
    }
}

fn theirs(configuration: &Path, domain: &str, destination: &str) -> Result<Course> {
    let mut finger = Command::new("posttls-finger");
    // Its level is in what it says with -v.
    finger.env("MAIL_CONFIG", configuration).args(["-v", "-l", "dane", "-t", "10", "-T", "10", destination]);
    let ran = finger.output().context("cannot run posttls-finger")?;
    Course::of_postfix(&String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()), domain)
}

fn ours(peers: &Peers<'_>, domain: &str, destination: &str, port: &str) -> Result<Course> {
    let mut check = Command::new(peers.mxtls);
    check.args(["check", "--json", "--ipv4", "--dnssec", "validate", "--resolver", peers.resolver]);
    check.arg("--trust-anchor").arg(peers.trust_anchor).args(["--port", port, destination]);
    let ran = check.output().context("cannot run mxtls")?;
    Course::of_mxtls(&ran.stdout, domain).with_context(|| String::from_utf8_lossy(&ran.stderr).into_owned())
}
