//! The zones of the table, made and signed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};

use super::NAME_SERVERS;
use super::fault::absolute;
use super::key::Key;
use super::table::{Dates, DenialKind, Role, Row, Signer};
use crate::cargo::quiet_output;
use crate::interop::name_servers::{self, Zones};
use crate::interop::parallel;
use crate::interop::verdict::{Question, plain};

/// What every zone but the root holds besides what its row says, unless the row is `bare`.
const COMMON_RECORDS: &str = "\
www A 192.0.2.1
mail A 192.0.2.25
mail MX 10 mail
_25._tcp.mail TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
";

/// What every zone is asked besides what its row says.
const COMMON_QUESTIONS: &str = "\
@ SOA
@ DS
@ DNSKEY
@ CAA
www A
www TLSA
_25._tcp.mail TLSA
_tcp.mail A
nothing MX
";

/// A row as one signer makes it.
pub(super) struct Zone<'r> {
    pub(super) row: &'r Row,
    pub(super) origin: String,
    signer: Signer,
    keys: Vec<Key<'r>>,
}

/// Makes the keys of all zones.
pub(super) fn keyed<'r>(rows: &'r [Row], folder: &Path) -> Result<Vec<Zone<'r>>> {
    let pairs: Vec<(&Row, Signer)> =
        rows.iter().flat_map(|row| row.signers.iter().map(move |signer| (row, *signer))).collect();
    parallel::each(&pairs, |&(row, signer)| {
        let origin = row.origin(signer);
        let keys = row.keys.iter().map(|key| Key::make(key, &origin, signer, folder)).collect::<Result<_>>();
        let keys = keys.with_context(|| format!("the keys of {origin}"))?;
        Ok(Zone { row, origin, signer, keys })
    })
}

/// Signs all zones, and damages those that are to be.
pub(super) fn signed(zones: &[Zone<'_>], folder: &Path) -> Result<Zones> {
    let served = parallel::each(zones, |zone| {
        let children: Vec<_> =
            zones.iter().filter(|child| parent(child, zones) == Some(&zone.origin)).collect();
        let file = zone.write(&children, folder).with_context(|| format!("the zone {}", zone.origin))?;
        let (_, server) = zone.name_server()?;
        Ok((zone.origin.clone(), name_servers::Zone { file, server }))
    })?;
    let root = zones.iter().find(|zone| zone.origin == ".").context("there is no root")?;
    let trust_anchor = folder.join("trust-anchor");
    fs::write(&trust_anchor, root.delegation_signers()?)?;
    Ok(Zones { zones: served.into_iter().collect(), trust_anchor })
}

/// The zone that a zone is delegated from: the nearest above it.
fn parent<'z>(child: &Zone<'_>, zones: &'z [Zone<'_>]) -> Option<&'z String> {
    let above = |zone: &&Zone<'_>| {
        child.origin != zone.origin
            && (zone.origin == "." || child.origin.ends_with(&format!(".{}", zone.origin)))
    };
    zones.iter().filter(above).map(|zone| &zone.origin).max_by_key(|origin| origin.len())
}

impl Zone<'_> {
    /// The questions about it, each once.
    pub(super) fn questions(&self) -> Result<BTreeSet<Question>> {
        let mut questions = BTreeSet::new();
        for line in COMMON_QUESTIONS.lines().chain(self.row.ask.lines()) {
            if let Some((name, rtype)) = line.trim().split_once(' ') {
                questions.insert((plain(&self.name(name)), rtype.trim().to_owned()));
            } else {
                ensure!(line.is_empty(), "{}: {line:?} is no question", self.row.name);
            }
        }
        Ok(questions)
    }

    /// A name of the row.
    pub(super) fn name(&self, name: &str) -> String {
        absolute(&self.filled_in(name), &self.origin)
    }

    fn filled_in(&self, text: &str) -> String {
        text.replace("{signer}", self.signer.zone())
    }

    /// Name and address of its one server.
    fn name_server(&self) -> Result<(&'static str, Ipv4Addr)> {
        let labels = self.origin.split_terminator('.').filter(|label| !label.is_empty()).count();
        NAME_SERVERS.into_iter().take(labels + 1).next_back().context("there are no name servers")
    }

    /// The DS records that its parent has.
    fn delegation_signers(&self) -> Result<String> {
        let mut text = String::new();
        for data in self.keys.iter().flat_map(|key| &key.ds) {
            writeln!(text, "{} IN DS {data}", self.origin)?;
        }
        for data in &self.row.ds {
            let key = self.keys.first().context("extra DS records need a key")?;
            let tag = key.files.rsplit('+').next().map(|tag| tag.trim_start_matches('0'));
            let data = data.replace("{tag}", tag.context("a key's files are called by its tag")?);
            writeln!(text, "{} IN DS {data}", self.origin)?;
        }
        Ok(text)
    }

    /// Writes its file.
    fn write(&self, children: &[&Zone<'_>], folder: &Path) -> Result<PathBuf> {
        let file = folder.join(format!("{}zone", if self.origin == "." { "root." } else { &self.origin }));
        let (mut text, mut later) = (self.text()?, String::new());
        for child in children {
            let ds = child.delegation_signers()?;
            // ldns-signzone gives every delegation an NSEC3 record. Its manual adds those that opt-out passes over after signing.
            let passed_over =
                self.signer == Signer::Ldns && self.row.denial == DenialKind::OptOut && ds.is_empty();
            let to = if passed_over { &mut later } else { &mut text };
            let (server, _) = child.name_server()?;
            write!(to, "{} 3600 IN NS {server}\n{ds}", child.origin)?;
        }
        if self.row.is_signed() {
            let unsigned = file.with_extension("unsigned");
            fs::write(&unsigned, text)?;
            self.sign(&unsigned, &file, folder)?;
            text = fs::read_to_string(&file)?;
        }
        text.push_str(&later);
        for fault in &self.row.faults {
            text = fault.apply(&self.origin, &text, |data| self.filled_in(data))?;
        }
        fs::write(&file, text)?;
        Ok(file)
    }

    /// Its records before they are signed, those of its children apart.
    fn text(&self) -> Result<String> {
        let (server, _) = self.name_server()?;
        let mut text = format!(
            "$ORIGIN {}\n$TTL 3600\n@ SOA ns. hostmaster.invalid. 1 7200 3600 604800 300\n@ NS {server}\n",
            self.origin
        );
        if self.origin == "." {
            for (name, address) in NAME_SERVERS {
                writeln!(text, "{name} A {address}")?;
            }
        }
        if !self.row.bare {
            text.push_str(COMMON_RECORDS);
        }
        text.push_str(&self.filled_in(&self.row.text));
        text.push('\n');
        for many in &self.row.many {
            for number in 1..=many.count {
                let record = many.record.replace("XX", &format!("{number:02x}"));
                writeln!(text, "{} {}", many.name, record.replace("NN", &number.to_string()))?;
            }
        }
        for key in self.keys.iter().filter(|key| key.row.is_in_zone()) {
            writeln!(text, "{}", key.record)?;
        }
        Ok(text)
    }

    fn sign(&self, unsigned: &Path, file: &Path, folder: &Path) -> Result<()> {
        let mut signzone = match self.signer {
            Signer::Bind => self.dnssec_signzone(),
            Signer::Ldns => self.ldns_signzone()?,
        };
        signzone.current_dir(folder).args(["-o", &self.origin]).arg("-f").arg(file).arg(unsigned);
        signzone.args(self.keys.iter().filter(|key| key.row.signs()).map(|key| &key.files));
        quiet_output(&mut signzone)?;
        Ok(())
    }

    fn dnssec_signzone(&self) -> Command {
        let mut signzone = Command::new("dnssec-signzone");
        // -P: zones that do not verify are wanted.
        signzone.args(["-q", "-P", "-O", "full"]);
        match self.row.dates {
            Dates::Now => {}
            Dates::Past => {
                signzone.args(["-s", "now-30d", "-e", "now-9d"]);
            }
            Dates::Future => {
                signzone.args(["-s", "now+9d", "-e", "now+30d"]);
            }
        }
        if !self.row.keys.iter().any(|key| key.role == Role::Zsk) {
            // The KSK signs everything.
            signzone.arg("-z");
        }
        if self.row.denial != DenialKind::Nsec {
            let salt = self.row.salt.as_deref().unwrap_or("-");
            signzone.args(["-3", salt, "-H", &self.row.iterations.to_string()]);
        }
        if self.row.denial == DenialKind::OptOut {
            signzone.arg("-A");
        }
        signzone
    }

    fn ldns_signzone(&self) -> Result<Command> {
        let mut signzone = Command::new("ldns-signzone");
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let (inception, expiration) = match self.row.dates {
            Dates::Now => (now - HOUR, now + 30 * DAY),
            Dates::Past => (now - 30 * DAY, now - 9 * DAY),
            Dates::Future => (now + 9 * DAY, now + 30 * DAY),
        };
        // -A: all keys sign the keys, as BIND's signer has it.
        signzone.args(["-A", "-i", &inception.to_string(), "-e", &expiration.to_string()]);
        if self.row.denial != DenialKind::Nsec {
            signzone.args(["-n", "-t", &self.row.iterations.to_string()]);
            // Without the option there is none.
            if let Some(salt) = &self.row.salt {
                signzone.args(["-s", salt]);
            }
        }
        if self.row.denial == DenialKind::OptOut {
            signzone.arg("-p");
        }
        Ok(signzone)
    }
}

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
