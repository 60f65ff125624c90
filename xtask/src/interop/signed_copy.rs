//! The lab's zones as files, signed with BIND's tools in the same shape.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use mxtls_lab::Lab;
use mxtls_lab::dns::Signing;

use super::name_servers::{Zone, Zones};
use super::parallel;
use crate::cargo::quiet_output;

/// Signs every zone of the lab; a child comes before its parent, which takes the DS records from its file.
pub(super) fn make(lab: &Lab, folder: &Path) -> Result<Zones> {
    let mut by_depth: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for origin in lab.dns().origins() {
        by_depth.entry(labels(&origin)).or_default().push(origin);
    }
    let signings = of_rows(lab)?;
    let mut zones = BTreeMap::new();
    for origins in by_depth.into_values().rev() {
        let signed = parallel::each(&origins, |origin| {
            let signing = match signings.get(origin) {
                Some(signing) => signing.clone(),
                None => of_others(origin, lab)?,
            };
            let file = sign(origin, &lab.dns().zone_text(origin)?, &signing, folder);
            let file = file.with_context(|| format!("signing {origin}"))?;
            Ok(Zone { file, server: lab.dns().name_server(origin)? })
        })?;
        zones.extend(origins.into_iter().zip(signed));
    }
    let trust_anchor = ds_file(folder, ".");
    Ok(Zones { zones, trust_anchor })
}

/// How the zones of the rows are signed.
fn of_rows(lab: &Lab) -> Result<BTreeMap<String, Signing>> {
    let mut signings = BTreeMap::new();
    for scenario in lab.scenarios() {
        let others = scenario.zones.iter().map(|(origin, zone)| (origin.as_str(), zone));
        for (origin, zone) in others.chain([("{domain}.", &scenario.zone)]) {
            let origin = origin.replace("{domain}", &scenario.domain).replace("{name}", &scenario.name);
            ensure!(
                !origin.contains('{'),
                "the origin {origin} has a placeholder that is not filled in here"
            );
            let signing = match &zone.signing {
                Some(word) => word.parse()?,
                None => Signing::default(),
            };
            signings.insert(format!("{}.", origin.trim_end_matches('.')), signing);
        }
    }
    Ok(signings)
}

/// How a zone is signed that no row names: the root, `lab`, and those of the lab's attacker, whose names say it.
fn of_others(origin: &str, lab: &Lab) -> Result<Signing> {
    if lab.dns().anchor(origin).is_err() {
        return Ok(Signing::Unsigned);
    }
    let word = match origin.split('.').next() {
        Some("nsec3") => "nsec3",
        Some("optout") => "nsec3-opt-out",
        _ => "nsec",
    };
    Ok(word.parse()?)
}

/// Writes one zone's file, and the file of its DS records beside it.
fn sign(origin: &str, text: &str, signing: &Signing, folder: &Path) -> Result<PathBuf> {
    let file = folder.join(format!("{}zone", if origin == "." { "root." } else { origin }));
    if *signing == Signing::Unsigned {
        fs::write(&file, text)?;
        return Ok(file);
    }
    let key = key(origin, folder)?;
    let unsigned = file.with_extension("unsigned");
    fs::write(&unsigned, format!("{text}$INCLUDE {}\n", folder.join(format!("{key}.key")).display()))?;
    let mut signzone = Command::new("dnssec-signzone");
    // -z: the one key signs everything. -P: signatures out of date are wanted. -g: DS records of the children.
    signzone.args(["-q", "-z", "-P", "-g", "-o", origin]).current_dir(folder).args(shape(signing));
    quiet_output(signzone.arg("-f").arg(&file).arg(&unsigned).arg(&key))?;
    falsify_ds(origin, signing, folder)?;
    Ok(file)
}

/// Makes a key and says the name of its files.
fn key(origin: &str, folder: &Path) -> Result<String> {
    let mut keygen = Command::new("dnssec-keygen");
    let name =
        quiet_output(keygen.current_dir(folder).args(["-q", "-a", algorithm(origin), "-f", "KSK", origin]))?;
    Ok(name.trim().to_owned())
}

/// The lab itself signs with P-256 alone; here every chain of trust begins as the internet's does, with RSA, and goes
/// through P-384.
fn algorithm(origin: &str) -> &'static str {
    match origin {
        "." => "RSASHA256",
        "lab." => "ECDSAP384SHA384",
        _ => "ECDSAP256SHA256",
    }
}

/// Options of dnssec-signzone.
fn shape(signing: &Signing) -> Vec<String> {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    match signing {
        Signing::Nsec | Signing::WrongDs | Signing::UnsupportedAlgorithm | Signing::Unsigned => Vec::new(),
        Signing::Expired => words(&["-s", "now-30d", "-e", "now-9d"]),
        Signing::NotYetValid => words(&["-s", "now+9d", "-e", "now+30d"]),
        Signing::Nsec3 { iterations, salt, opt_out } => {
            let salt = match salt.as_slice() {
                [] => "-".to_owned(),
                octets => octets.iter().map(|octet| format!("{octet:02X}")).collect(),
            };
            let mut options = vec!["-3".to_owned(), salt, "-H".to_owned(), iterations.to_string()];
            options.extend(opt_out.then(|| "-A".to_owned()));
            options
        }
    }
}

/// Puts other DS records in the place of those that dnssec-signzone wrote, where the zone is to be bogus or of an unknown algorithm.
fn falsify_ds(origin: &str, signing: &Signing, folder: &Path) -> Result<()> {
    let file = ds_file(folder, origin);
    let text = match signing {
        Signing::WrongDs => {
            let mut dsfromkey = Command::new("dnssec-dsfromkey");
            quiet_output(dsfromkey.current_dir(folder).arg("-2").arg(key(origin, folder)?))?
        }
        // Whatever signed it: the DS says that nobody can check it.
        Signing::UnsupportedAlgorithm => fs::read_to_string(&file)?.replace(" 13 2 ", " 122 2 "),
        Signing::Unsigned
        | Signing::Nsec
        | Signing::Nsec3 { .. }
        | Signing::Expired
        | Signing::NotYetValid => {
            return Ok(());
        }
    };
    fs::write(file, text)?;
    Ok(())
}

/// Where dnssec-signzone writes a zone's DS records, and looks for those of a child.
fn ds_file(folder: &Path, origin: &str) -> PathBuf {
    folder.join(format!("dsset-{origin}"))
}

fn labels(origin: &str) -> usize {
    origin.split('.').filter(|label| !label.is_empty()).count()
}
