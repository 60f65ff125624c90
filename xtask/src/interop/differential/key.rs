//! Keys and their DS records, by BIND's and ldns' tools.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::table::{KeyRow, Role, Signer, State};
use crate::cargo::quiet_output;

/// A key that was made.
pub(super) struct Key<'r> {
    pub(super) row: &'r KeyRow,
    /// What its files are called, without extension.
    pub(super) files: String,
    /// Its DNSKEY record.
    pub(super) record: String,
    /// The data of its DS records.
    pub(super) ds: Vec<String>,
}

impl<'r> Key<'r> {
    /// Makes a key in `folder`.
    pub(super) fn make(row: &'r KeyRow, origin: &str, signer: Signer, folder: &Path) -> Result<Self> {
        let mut files = generate(row, origin, signer, folder)?;
        // As the parent has them from before it was revoked.
        let ds =
            row.digests().iter().map(|digest| ds(&files, *digest, signer, folder)).collect::<Result<_>>()?;
        if row.state == State::Revoked {
            files = revoke(&files, signer, folder)?;
        }
        let text = fs::read_to_string(folder.join(format!("{files}.key")))?;
        let record = text.lines().find(|line| !line.starts_with(';') && line.contains("DNSKEY"));
        let record = record.with_context(|| format!("{files}.key has no DNSKEY"))?.to_owned();
        Ok(Self { row, files, record, ds })
    }
}

fn generate(row: &KeyRow, origin: &str, signer: Signer, folder: &Path) -> Result<String> {
    let mut keygen = Command::new(match signer {
        Signer::Bind => "dnssec-keygen",
        Signer::Ldns => "ldns-keygen",
    });
    keygen.current_dir(folder);
    let algorithm = match (row.algorithm, signer) {
        (5, _) => "RSASHA1",
        (7, Signer::Bind) => "NSEC3RSASHA1",
        (7, Signer::Ldns) => "RSASHA1-NSEC3-SHA1",
        (8, _) => "RSASHA256",
        (10, _) => "RSASHA512",
        (13, _) => "ECDSAP256SHA256",
        (14, _) => "ECDSAP384SHA384",
        (15, _) => "ED25519",
        (16, _) => "ED448",
        (other, _) => anyhow::bail!("no tool is known to make keys of algorithm {other}"),
    };
    keygen.args(["-a", algorithm]);
    if let Some(bits) = row.bits {
        keygen.args(["-b", &bits.to_string()]);
    }
    match (signer, row.role) {
        (Signer::Bind, Role::Ksk) => keygen.args(["-q", "-f", "KSK"]),
        (Signer::Bind, Role::Zsk) => keygen.arg("-q"),
        (Signer::Ldns, Role::Ksk) => keygen.arg("-k"),
        (Signer::Ldns, Role::Zsk) => &mut keygen,
    };
    Ok(quiet_output(keygen.arg(origin))?.trim().to_owned())
}

/// The data of a key's DS record.
fn ds(files: &str, digest: u8, signer: Signer, folder: &Path) -> Result<String> {
    let mut tool = match signer {
        Signer::Bind => Command::new("dnssec-dsfromkey"),
        Signer::Ldns => Command::new("ldns-key2ds"),
    };
    match (signer, digest) {
        (Signer::Bind, 4) => tool.args(["-a", "SHA-384"]),
        (Signer::Bind, digest) => tool.arg(format!("-{digest}")),
        (Signer::Ldns, digest) => tool.args(["-f", "-n", &format!("-{digest}")]),
    };
    let text = quiet_output(tool.current_dir(folder).arg(format!("{files}.key")))?;
    let (_, data) = text.trim().split_once("DS").with_context(|| format!("no DS record in {text:?}"))?;
    let data = data.trim().to_owned();
    ensure!(
        data.split(' ').nth(2) == Some(&digest.to_string()),
        "the digest type of {data:?} is not {digest}"
    );
    Ok(data)
}

/// Sets the revoke flag. The key gets another tag, and its files another name.
fn revoke(files: &str, signer: Signer, folder: &Path) -> Result<String> {
    match signer {
        Signer::Bind => {
            let mut revoke = Command::new("dnssec-revoke");
            let path = quiet_output(revoke.current_dir(folder).args(["-f", files]))?;
            let name = Path::new(path.trim()).file_name().and_then(|name| name.to_str());
            Ok(name.with_context(|| format!("dnssec-revoke says {path:?}"))?.to_owned())
        }
        // ldns-signzone takes the flags from the file with the record.
        Signer::Ldns => {
            let file = folder.join(format!("{files}.key"));
            let text = fs::read_to_string(&file)?;
            ensure!(text.contains("DNSKEY\t257 "), "{files}.key has other flags than 257");
            fs::write(file, text.replace("DNSKEY\t257 ", "DNSKEY\t385 "))?;
            Ok(files.to_owned())
        }
    }
}
