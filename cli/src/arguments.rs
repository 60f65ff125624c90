//! The command line.

mod tlsa;

use std::{path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, value_parser};
use mx_resolve::{Destination, Dnssec, Domain, Families, Network, Upstream, dane::Profile};
use mxtls_policy::{InsecureMx, Requirement};
use rustls_pki_types::UnixTime;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub(crate) use tlsa::{TlsaCommand, TlsaMakeOptions, TlsaOptions, TlsaShowOptions, TlsaVerifyOptions};

/// Would mail to this domain arrive, over which channel, and why?
#[derive(Debug, Parser)]
#[command(name = "mxtls", version, subcommand_required = true, after_help = EXIT_STATUS)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_STATUS: &str = "\
Exit status: 0 what was asked holds, 1 it does not, 2 usage or configuration, 75 a temporary failure.
With several subjects the first of 2, 75, 1, 0 that occurs.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Find the servers of a destination and the policy of each; connect to none
    #[command(after_help = DESTINATIONS)]
    Resolve(ResolveOptions),
    /// Connect to every server of a destination as a sender that follows the policies would; send no mail
    #[command(after_help = DESTINATIONS)]
    Check(CheckOptions),
    /// Deliver a message under the policies of its recipients' servers
    Send(SendOptions),
    /// Show the MTA-STS record and policy of a domain, and hold its MX hosts against the policy
    MtaSts(MtaStsOptions),
    /// Show, make and verify TLSA records
    Tlsa(TlsaOptions),
    /// The DNSSEC verdict on a DNS question
    Dns(DnsOptions),
    /// What follows from what: the behaviour matrix, made from the decisions themselves
    Matrix,
}

const DESTINATIONS: &str = "\
A destination is a mail domain or an e-mail address, a host in brackets ([mx.example.com] or
[mx.example.com]:2525), or an address literal ([192.0.2.1] or [IPv6:2001:db8::1]).";

#[derive(Args, Debug)]
pub(crate) struct GlobalOptions {
    /// One JSON document on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Upstream DNS server, may repeat; `tls://IP[:PORT]#NAME` for DNS over TLS [default: the system's]
    #[arg(long, global = true, value_name = "IP[:PORT]")]
    pub(crate) resolver: Vec<Upstream>,
    /// How DNS answers are judged
    #[arg(long, global = true, value_name = "MODE", default_value = "auto")]
    dnssec: DnssecMode,
    /// The named resolver and the path to it are trusted, for --dnssec trust-ad with one that is not on this machine
    #[arg(long, global = true)]
    pub(crate) trust_resolver: bool,
    /// The root's servers, in the form of named.root, for resolution from the root [default: built in]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) root_hints: Option<PathBuf>,
    /// Port of the name servers in resolution from the root, for labs [default: 53]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) dns_port: Option<u16>,
    /// DS or DNSKEY records in zone-file text that replace the anchors of the IANA root
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trust_anchor: Option<PathBuf>,
    /// PEM roots that replace the platform's, for MX hosts, policy hosts and DNS over TLS
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// SMTP port of the servers; the names of TLSA records that are looked up for them follow it [default: 25]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// HTTPS port of policy hosts, for labs [default: 443]
    #[arg(long, global = true, value_name = "N", value_parser = value_parser!(u16).range(1..))]
    pub(crate) policy_port: Option<u16>,
    /// Where MTA-STS policies are kept
    #[arg(long, global = true, value_name = "WHERE", default_value = "memory")]
    cache: Cache,
    /// Connect to no mail server and no policy host in this network of IPv4 or IPv6, may repeat
    #[arg(long, global = true, value_name = "CIDR")]
    pub(crate) exclude_net: Vec<Network>,
    /// Use IPv4 only
    #[arg(long, global = true, conflicts_with = "ipv6")]
    ipv4: bool,
    /// Use IPv6 only
    #[arg(long, global = true)]
    ipv6: bool,
    /// Limit for each network step [default: 30, for a DNS server 5, and for `send` as RFC 5321 asks]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = value_parser!(u32).range(1..=86_400))]
    timeout: Option<u32>,
    /// Judge certificates as of this time; never DNSSEC signatures or policy lifetimes [default: now]
    #[arg(long, global = true, value_name = "RFC3339", value_parser = at)]
    pub(crate) at: Option<UnixTime>,
    /// Log more, to standard error; twice: more still
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// What is logged, such as mx_resolve=debug [default: warn]
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    /// How it is logged
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

impl GlobalOptions {
    pub(crate) fn families(&self) -> Families {
        match (self.ipv4, self.ipv6) {
            (true, _) => Families::Ipv4,
            (false, true) => Families::Ipv6,
            (false, false) => Families::Both,
        }
    }

    pub(crate) fn dnssec(&self) -> Dnssec {
        match self.dnssec {
            DnssecMode::Auto => Dnssec::Auto,
            DnssecMode::Validate => Dnssec::Validate,
            DnssecMode::TrustAd => Dnssec::TrustAd,
            DnssecMode::Recursive => Dnssec::Recursive,
        }
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DnssecMode {
    /// Validate here, over the upstream, or from the root where the upstream does not pass DNSSEC records on
    Auto,
    /// Validate here, over the upstream
    Validate,
    /// Trust the AD bit of the resolver
    TrustAd,
    /// Validate here, from the root on, without an upstream
    Recursive,
}

/// One value so far.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cache {
    /// As long as the command runs
    Memory,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// A JSON object a line
    Json,
}

/// What a sender brings along; for `resolve`, `check` and `send`.
#[derive(Args, Debug)]
#[command(next_help_heading = "Policy options")]
pub(crate) struct PolicyOptions {
    /// Mandatory level; where it is not reached, mail is deferred
    #[arg(long, value_name = "LEVEL")]
    require: Option<Level>,
    /// What secure TLSA records are worth where the MX is insecure; never lowers an enforced MTA-STS policy
    #[arg(long, value_name = "LEVEL", default_value = "dane")]
    insecure_mx: InsecureMxLevel,
    /// Which TLSA records can be used
    #[arg(long, value_name = "PROFILE", default_value = "smtp")]
    dane_profile: DaneProfile,
    /// TLS versions to offer, such as TLSv1.3,TLSv1.2 [default: both]
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pub(crate) protocols: Vec<String>,
    /// Cipher suites to offer, by their IANA names [default: all that are safe]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) ciphers: Vec<String>,
    /// Own name for EHLO [default: this machine's]
    #[arg(long, value_name = "NAME")]
    pub(crate) ehlo: Option<String>,
    /// Name of this mail server, may repeat: in a domain's MX list, it and all that is no better is left out
    #[arg(long, value_name = "NAME", value_parser = domain)]
    pub(crate) own_name: Vec<Domain>,
    /// Make the order of equal preferences repeatable
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

impl PolicyOptions {
    pub(crate) fn dane_profile(&self) -> Profile {
        match self.dane_profile {
            DaneProfile::Smtp => Profile::Smtp,
            DaneProfile::Full => Profile::Full,
        }
    }

    pub(crate) fn insecure_mx(&self) -> InsecureMx {
        match self.insecure_mx {
            InsecureMxLevel::Dane => InsecureMx::Dane,
            InsecureMxLevel::Encrypt => InsecureMx::Encrypt,
            InsecureMxLevel::May => InsecureMx::May,
        }
    }

    pub(crate) fn requirement(&self) -> Requirement {
        match self.require {
            None => Requirement::AsPolicy,
            Some(Level::Tls) => Requirement::Tls,
            Some(Level::Authenticated) => Requirement::Authenticated,
            Some(Level::Dane) => Requirement::Dane,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum DaneProfile {
    /// Those for mail servers, usages 2 and 3 (RFC 7672)
    Smtp,
    /// Those that constrain the roots too, usages 0 and 1 (RFC 6698, RFC 7671)
    Full,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum InsecureMxLevel {
    /// As much as elsewhere: TLS is mandatory and the server must match them; the channel is called trusted
    Dane,
    /// TLS is mandatory, and they authenticate nothing
    Encrypt,
    /// Nothing: they are not looked for
    May,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// A TLSA match at a securely found host
    Dane,
    /// A channel that is verified
    Authenticated,
    /// TLS of any kind
    Tls,
}

#[derive(Args, Debug)]
pub(crate) struct ResolveOptions {
    /// Where mail is to go
    #[arg(value_name = "DESTINATION", required_unless_present = "dane_only")]
    pub(crate) destinations: Vec<Destination>,
    /// Only the DANE side of this host
    #[arg(long, value_name = "HOST", value_parser = domain, conflicts_with = "destinations")]
    pub(crate) dane_only: Option<Domain>,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
}

#[derive(Args, Debug)]
pub(crate) struct CheckOptions {
    /// Where mail is to go
    #[arg(value_name = "DESTINATION", required = true)]
    pub(crate) destinations: Vec<Destination>,
    /// Stop at the first host that can be used
    #[arg(long)]
    pub(crate) first: bool,
    /// Destinations that are checked at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = value_parser!(u16).range(1..=256))]
    pub(crate) concurrency: u16,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
}

#[derive(Args, Debug)]
pub(crate) struct SendOptions {
    /// A case file in JSON5: envelopes, and how they are to be sent; options given here count before it
    #[arg(long, value_name = "FILE", required_unless_present_all = ["from", "to", "message"],
        conflicts_with_all = ["from", "to", "message"])]
    pub(crate) case: Option<PathBuf>,
    /// Sender of one message; empty: the null reverse-path
    #[arg(long, value_name = "ADDRESS", requires = "to", requires = "message")]
    pub(crate) from: Option<String>,
    /// Its recipients
    #[arg(long, value_name = "ADDRESS", num_args = 1..)]
    pub(crate) to: Vec<String>,
    /// The message as it stands; lines that end in LF are sent with CRLF
    #[arg(long, value_name = "FILE")]
    pub(crate) message: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: PolicyOptions,
}

#[derive(Args, Debug)]
pub(crate) struct MtaStsOptions {
    /// A mail domain, or an e-mail address, whose domain counts
    #[arg(value_name = "DOMAIN", value_parser = mail_domain, required_unless_present = "domain_option")]
    domain: Option<Domain>,
    /// The same
    #[arg(long = "domain", id = "domain_option", value_name = "DOMAIN", value_parser = mail_domain, conflicts_with = "domain")]
    domain_option: Option<Domain>,
}

impl MtaStsOptions {
    /// The domain; clap sees to it that there is one.
    pub(crate) fn domain(&self) -> Option<&Domain> {
        self.domain.as_ref().or(self.domain_option.as_ref())
    }
}

#[derive(Args, Debug)]
pub(crate) struct DnsOptions {
    /// The name; `-`: questions come from standard input, a line `NAME TYPE` for each
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// The record type, such as MX or TLSA
    #[arg(value_name = "TYPE")]
    pub(crate) record_type: Option<String>,
    /// Show the proof: the zones walked and the keys used
    #[arg(long)]
    pub(crate) explain: bool,
}

/// The domain of a policy: a host or an address has none (RFC 8461 §3.4).
fn mail_domain(text: &str) -> Result<Domain, String> {
    match text.parse::<Destination>() {
        Ok(Destination::Domain(domain)) => Ok(domain),
        Ok(Destination::Host { .. } | Destination::Literal(_)) => Err("a mail domain is expected".to_owned()),
        Err(error) => Err(format!("a mail domain is expected: {}", error.reason())),
    }
}

/// The name of one host, where nothing else may stand.
fn domain(text: &str) -> Result<Domain, String> {
    Domain::parse(text).map_err(|error| format!("a host name is expected: {}", error.reason()))
}

fn at(text: &str) -> Result<UnixTime, String> {
    let expected = |_| "expected a time since 1970 such as 2026-12-31T23:59:59Z".to_owned();
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|error| expected(error.to_string()))?;
    let seconds = u64::try_from(time.unix_timestamp()).map_err(|error| expected(error.to_string()))?;
    Ok(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clap_finds_the_command_line_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn times() {
        for (text, expected, why) in [
            ("1970-01-01T00:00:01Z", Some(1), "UTC"),
            ("1970-01-01T01:00:01+01:00", Some(1), "an offset"),
            ("1969-12-31T23:59:59Z", None, "certificates know no time before 1970"),
            ("2026-12-31", None, "a date alone"),
            ("yesterday", None, "a word"),
        ] {
            let got = match at(text) {
                Ok(time) => Some(time.as_secs()),
                Err(_) => None,
            };
            assert_eq!(got, expected, "{why}: {text}");
        }
    }
}
