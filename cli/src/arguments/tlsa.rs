//! The command line of `mxtls tlsa`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use dane::{Digests, EeNames, Matching, Profile, Selector, TlsaRecord, Usage};
use mx_resolve::Domain;

use super::domain;

#[derive(Args, Debug)]
pub(crate) struct TlsaOptions {
    #[command(subcommand)]
    pub(crate) command: TlsaCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TlsaCommand {
    /// The TLSA records of a host, whether they are secure, and which of them count
    Show(TlsaShowOptions),
    /// Make the record that names a certificate or a public key
    #[command(after_help = NUMBERS)]
    Make(TlsaMakeOptions),
    /// Hold a chain of certificates against TLSA records; nothing is looked up
    #[command(after_help = RESULTS)]
    Verify(TlsaVerifyOptions),
}

const NUMBERS: &str = "\
Usages: 0 PKIX-TA, 1 PKIX-EE, 2 DANE-TA, 3 DANE-EE. Selectors: 0 Cert, 1 SPKI. Matching types: 0 Full, 1 SHA2-256,
2 SHA2-512. Mail servers use 3 1 1, and 2 1 1 or 2 0 1 for a CA of their own (RFC 7672 3.1).";

const RESULTS: &str = "\
Results: match, no-match, unusable (no record counts), host-mismatch, expired, not-yet-valid, untrusted, malformed.
Exit status 0 for match alone.";

#[derive(Args, Debug)]
pub(crate) struct TlsaShowOptions {
    /// The mail server; --port says which of its ports, 25 where it is not given
    #[arg(value_name = "HOST", value_parser = domain)]
    pub(crate) host: Domain,
}

#[derive(Args, Debug)]
pub(crate) struct TlsaMakeOptions {
    /// A certificate in PEM or DER, the server's own first; or, for the selector 1, a public key
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: PathBuf,
    /// What the record is about, as number or acronym
    #[arg(long, value_name = "USAGE", default_value = "3", value_parser = usage)]
    pub(crate) usage: Usage,
    /// What is compared
    #[arg(long, value_name = "SELECTOR", default_value = "1", value_parser = selector)]
    pub(crate) selector: Selector,
    /// How it is compared
    #[arg(long, value_name = "MATCHING", default_value = "1", value_parser = matching)]
    pub(crate) matching: Matching,
    /// The server that the record is for; --port says which of its ports, 25 where it is not given
    #[arg(long, value_name = "HOST", value_parser = domain)]
    pub(crate) host: Option<Domain>,
}

#[derive(Args, Debug)]
pub(crate) struct TlsaVerifyOptions {
    /// The certificates that the server presents, in PEM, its own first
    #[arg(long, value_name = "FILE")]
    pub(crate) chain: PathBuf,
    /// A record as it stands in a zone file: 3 1 1 and hexadecimal digits; may repeat
    #[arg(long, value_name = "RECORD", required = true, num_args = 1..)]
    pub(crate) tlsa: Vec<TlsaRecord>,
    /// A name of which the certificate must have one, where names count; may repeat, the first one is the primary one
    #[arg(long, value_name = "NAME", required = true, num_args = 1.., value_parser = domain)]
    pub(crate) name: Vec<Domain>,
    /// The rules by which records are taken
    #[arg(long, value_name = "PROFILE", default_value = "smtp")]
    pub(crate) profile: ProfileName,
    /// With the profile full: whether --name counts for usage 3 too
    #[arg(long, value_name = "HOW", default_value = "ignore")]
    pub(crate) ee_names: EeNamesName,
    /// The digests that are taken, strongest first [default: sha512,sha256]
    #[arg(long, value_name = "DIGEST,…")]
    pub(crate) digests: Option<Digests>,
    /// The CAs, in PEM, below which the usages 0 and 1 count [default: none]
    #[arg(long, value_name = "FILE")]
    pub(crate) roots: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProfileName {
    /// Mail between servers (RFC 7672): the usages 0 and 1 are unusable
    Smtp,
    /// All four usages (RFC 6698, RFC 7671)
    Full,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Smtp => Self::Smtp,
            ProfileName::Full => Self::Full,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EeNamesName {
    /// They do not (RFC 7671 §5.1)
    Ignore,
    /// The server's certificate must have one of them
    Check,
}

impl From<EeNamesName> for EeNames {
    fn from(name: EeNamesName) -> Self {
        match name {
            EeNamesName::Ignore => Self::Ignore,
            EeNamesName::Check => Self::Check,
        }
    }
}

fn usage(text: &str) -> Result<Usage, String> {
    let all = [Usage::PkixTa, Usage::PkixEe, Usage::DaneTa, Usage::DaneEe];
    named(text, &all.map(|usage| (usage, usage.description())))
}

fn selector(text: &str) -> Result<Selector, String> {
    let all = [Selector::Cert, Selector::Spki];
    named(text, &all.map(|selector| (selector, selector.description())))
}

fn matching(text: &str) -> Result<Matching, String> {
    let all = [Matching::Full, Matching::Sha256, Matching::Sha512];
    named(text, &all.map(|matching| (matching, matching.description())))
}

/// The value of which `text` is the acronym or the number, given the descriptions with both, `DANE-EE(3)`.
fn named<T: Copy>(text: &str, all: &[(T, &str)]) -> Result<T, String> {
    let is_meant = |description: &str| match description.split_once('(') {
        Some((acronym, number)) => {
            text.eq_ignore_ascii_case(acronym) || number.strip_suffix(')') == Some(text)
        }
        None => false,
    };
    match all.iter().find(|(_, description)| is_meant(description)) {
        Some((value, _)) => Ok(*value),
        None => {
            let all: Vec<_> = all.iter().map(|(_, description)| *description).collect();
            Err(format!("expected a number or acronym of {}", all.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_acronyms() {
        for (text, expected, why) in [
            ("3", Some(Usage::DaneEe), "a number"),
            ("dane-ta", Some(Usage::DaneTa), "an acronym in any case"),
            ("PKIX-EE", Some(Usage::PkixEe), "of RFC 7218"),
            ("4", None, "not assigned"),
            ("03", None, "a leading zero"),
            ("DANE", None, "a part of one"),
            ("", None, "nothing"),
        ] {
            let found = match usage(text) {
                Ok(usage) => Some(usage),
                Err(_) => None,
            };
            assert_eq!(found, expected, "{why}: {text}");
        }
        assert_eq!(selector("2"), Err("expected a number or acronym of Cert(0), SPKI(1)".to_owned()));
        assert_eq!((selector("spki"), matching("SHA2-512")), (Ok(Selector::Spki), Ok(Matching::Sha512)));
    }
}
