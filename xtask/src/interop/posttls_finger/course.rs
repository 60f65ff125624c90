//! What comes of a destination: the mail servers that are passed over, and the level that the first one gets that is connected to.

use std::fmt;
use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The words for what a mail server gets, or the mail where none is reached. Each must occur.
pub(super) const LEVELS: [&str; 8] =
    [VERIFIED, TRUSTED, ENCRYPTED, OPPORTUNISTIC, REFUSED, PASSED_OVER, DELAYED, BOUNCED];

/// By TLSA records, at a host that was securely found.
const VERIFIED: &str = "verified";
/// By TLSA records, but the MX records are not secure.
const TRUSTED: &str = "trusted";
/// TLSA records that cannot be used make TLS mandatory.
const ENCRYPTED: &str = "encrypted";
/// No TLSA records: TLS where it can be had.
const OPPORTUNISTIC: &str = "opportunistic";
/// It is connected to, and gets no mail.
const REFUSED: &str = "refused";
/// It is not connected to, since a question about it has no answer.
const PASSED_OVER: &str = "passed over";
const DELAYED: &str = "delayed";
const BOUNCED: &str = "bounced";

/// Hosts and what each gets; at the end what the mail gets, where none was connected to.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Course(Vec<(Option<String>, &'static str)>);

impl Course {
    /// From what `posttls-finger -v -l dane` says. Hosts are written without the `domain`.
    pub(super) fn of_postfix(said: &str, domain: &str) -> Result<Self> {
        let mut course = Vec::new();
        let mut records = Records::Usable;
        let mut reached = None;
        let mut established = None;
        let mut is_refused = false;
        let mut end = None;
        for line in said.lines() {
            let Some(line) = line.strip_prefix("posttls-finger: ") else { continue };
            if let Some(asked) = line.strip_prefix("dns_query: ") {
                if let Some(host) = asked.strip_suffix(" (A): Host not found, try again") {
                    course.push((Some(short(host, domain)), PASSED_OVER));
                }
            } else if let Some((_, host)) = line.split_once(": TLSA lookup error for ") {
                let (host, _port) = host.split_once(':').context("a port follows")?;
                course.push((Some(short(host, domain)), PASSED_OVER));
                end = Some(DELAYED);
            } else if line.starts_with("no TLSA records found") {
                records = Records::None;
            } else if line.starts_with("no usable TLSA records found")
                || line.contains(": all TLSA records unusable, ")
            {
                records = Records::Unusable;
            } else if let Some(host) = line.strip_prefix("Connected to ") {
                let (host, _address) = host.split_once('[').context("an address follows")?;
                reached = Some(short(host, domain));
            } else if let Some((word, _)) = line.split_once(" TLS connection established to ") {
                established = Some(word);
            } else if let Some(reason) = line.strip_prefix("Destination address lookup failed: ") {
                end = Some(if reason.ends_with("try again") { DELAYED } else { BOUNCED });
            } else if line.starts_with("SMTP service not available: ") {
                is_refused = true;
            } else if line.starts_with("fatal: ") || line.contains(": Connection refused") {
                bail!("{line}");
            }
        }
        let level = match (records, established) {
            _ if is_refused => REFUSED,
            (Records::None, _) => OPPORTUNISTIC,
            (Records::Unusable, Some(_)) => ENCRYPTED,
            (Records::Usable, Some("Verified")) => VERIFIED,
            (Records::Usable, Some("Trusted")) => TRUSTED,
            (Records::Usable | Records::Unusable, _) => REFUSED,
        };
        course.push(match (reached, end) {
            (Some(host), _) => (Some(host), level),
            (None, Some(end)) => (None, end),
            (None, None) => bail!("no host, and no reason: {said}"),
        });
        Ok(Self(course))
    }

    /// From the document of `mxtls check`.
    pub(super) fn of_mxtls(document: &[u8], domain: &str) -> Result<Self> {
        let document: Document = serde_json::from_slice(document).context("no document")?;
        let [result] = document.results.as_slice() else { bail!("{} results", document.results.len()) };
        let mut course = Vec::new();
        for host in &result.hosts {
            let name = Some(short(&host.host, domain));
            let code = host.failure.as_ref().map(|failure| failure.code.as_str());
            let level = match (host.verdict.as_str(), host.policy.as_deref(), host.channel.as_deref(), code) {
                ("unreachable", None, None, Some(code)) if code.starts_with("dns-") => {
                    course.push((name, PASSED_OVER));
                    continue;
                }
                // It has no address: Postfix does not tell of it either.
                ("unreachable", None, None, Some(_)) => continue,
                ("accept", Some("opportunistic"), Some("encrypted" | "cleartext"), None) => OPPORTUNISTIC,
                ("accept", Some("dane"), Some("verified"), None) => VERIFIED,
                ("accept", Some("dane"), Some("trusted"), None) => TRUSTED,
                ("accept", Some("dane"), Some("encrypted"), None) => ENCRYPTED,
                ("reject", Some(_), None, Some(_)) => REFUSED,
                other => bail!("a host of no known shape: {other:?}"),
            };
            course.push((name, level));
            return Ok(Self(course));
        }
        let end = match result.verdict.as_str() {
            "defer" => DELAYED,
            "bounce" => BOUNCED,
            other => bail!("{other:?}, and no host is connected to"),
        };
        course.push((None, end));
        Ok(Self(course))
    }

    /// The words that occur in it.
    pub(super) fn levels(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(_, level)| *level)
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps: Vec<_> = self
            .0
            .iter()
            .map(|(host, level)| match host {
                Some(host) => format!("{host} {level}"),
                None => (*level).to_owned(),
            })
            .collect();
        f.write_str(&steps.join(", "))
    }
}

/// What Postfix finds of a host.
#[derive(Clone, Copy)]
enum Records {
    None,
    Unusable,
    Usable,
}

/// The host without the domain, which is `@` itself. An address may be another one next time.
fn short(host: &str, domain: &str) -> String {
    if host == domain {
        return "@".to_owned();
    }
    if host.parse::<IpAddr>().is_ok() {
        return "address".to_owned();
    }
    match host.strip_suffix(domain).and_then(|host| host.strip_suffix('.')) {
        Some(host) => host.to_owned(),
        None => host.to_owned(),
    }
}

#[derive(Deserialize)]
struct Document {
    results: Vec<Checked>,
}

#[derive(Deserialize)]
struct Checked {
    verdict: String,
    hosts: Vec<Host>,
}

#[derive(Deserialize)]
struct Host {
    host: String,
    verdict: String,
    policy: Option<String>,
    channel: Option<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTED: &str = "Connected to mx1.d.lab[127.80.0.1]:2525";

    #[test]
    fn what_postfix_says() {
        for (lines, expected, why) in [
            (
                &[
                    "Destination address lookup failed: error for name=d.lab type=MX: Host not found, try again",
                ][..],
                "delayed",
                "no MX answer",
            ),
            (
                &["Destination address lookup failed: Domain d.lab does not accept mail (nullMX)"],
                "bounced",
                "null MX",
            ),
            (
                &["dns_query: mx1.d.lab (A): Host not found, try again", "Connected to d.lab[127.80.0.2]:25"],
                "mx1 passed over, @ refused",
                "no address answer, then a host without TLS",
            ),
            (
                &[
                    "Failed to establish session to d.lab:25 via mx1.d.lab: TLSA lookup error for mx1.d.lab:25",
                ],
                "mx1 passed over, delayed",
                "no TLSA answer",
            ),
            (&[CONNECTED], "mx1 refused", "TLSA records, and no TLS"),
            (
                &[CONNECTED, "Untrusted TLS connection established to mx1.d.lab[127.80.0.1]:25: TLSv1.3"],
                "mx1 refused",
                "TLSA records that do not match",
            ),
            (
                &[CONNECTED, "Verified TLS connection established to mx1.d.lab[127.80.0.1]:25: TLSv1.3"],
                "mx1 verified",
                "they match",
            ),
            (
                &[CONNECTED, "Trusted TLS connection established to mx1.d.lab[127.80.0.1]:25: TLSv1.3"],
                "mx1 trusted",
                "they match, and the MX records are insecure",
            ),
            (
                &["no usable TLSA records found, resorting to \"secure\"", CONNECTED],
                "mx1 refused",
                "TLS is mandatory",
            ),
            (
                &[
                    CONNECTED,
                    "warning: mx1.d.lab[127.80.0.1]:25: all TLSA records unusable, fallback to unauthenticated TLS",
                    "Untrusted TLS connection established to mx1.d.lab[127.80.0.1]:25: TLSv1.3",
                ],
                "mx1 encrypted",
                "TLS is mandatory, and there",
            ),
            (
                &["no TLSA records found, resorting to \"secure\"", CONNECTED],
                "mx1 opportunistic",
                "with or without TLS",
            ),
            (
                &[
                    "no TLSA records found, resorting to \"secure\"",
                    "Connected to 192.0.2.1[192.0.2.1]:25",
                    "SMTP service not available: 421 4.3.2 too busy",
                ],
                "address refused",
                "before there is a question of TLS",
            ),
        ] {
            let said: String = lines.iter().map(|line| format!("posttls-finger: {line}\n")).collect();
            assert_eq!(Course::of_postfix(&said, "d.lab").unwrap().to_string(), expected, "{why}");
        }
        for said in ["", "posttls-finger: fatal: no main.cf\n"] {
            assert!(Course::of_postfix(said, "d.lab").is_err(), "{said:?} says nothing");
        }
    }

    #[test]
    fn what_mxtls_says() {
        let host = |verdict: &str, policy: &str, channel: &str, code: &str| {
            let word = |word: &str| if word.is_empty() { "null".to_owned() } else { format!("{word:?}") };
            let failure = if code.is_empty() { word("") } else { format!("{{\"code\": {code:?}}}") };
            format!(
                "{{\"host\": \"mx1.d.lab\", \"verdict\": {verdict:?}, \"policy\": {}, \"channel\": {}, \"failure\": {failure}}}",
                word(policy),
                word(channel)
            )
        };
        let passed_over = host("unreachable", "", "", "dns-bogus");
        for (verdict, hosts, expected, why) in [
            ("defer", String::new(), Some("delayed"), "no MX answer"),
            ("bounce", String::new(), Some("bounced"), "null MX"),
            ("deliver", String::new(), None, "to whom?"),
            ("defer", passed_over.clone(), Some("mx1 passed over, delayed"), "no TLSA answer"),
            (
                "deliver",
                format!("{passed_over}, {}", host("accept", "dane", "verified", "")),
                Some("mx1 passed over, mx1 verified"),
                "the next one",
            ),
            (
                "deliver",
                format!("{}, {passed_over}", host("accept", "dane", "trusted", "")),
                Some("mx1 trusted"),
                "what comes after the first does not count",
            ),
            ("defer", host("unreachable", "", "", "no-addresses"), Some("delayed"), "nothing to connect to"),
            ("defer", host("reject", "dane", "", "tlsa-no-match"), Some("mx1 refused"), "no match"),
            ("deliver", host("accept", "dane", "encrypted", ""), Some("mx1 encrypted"), "unusable"),
            (
                "deliver",
                host("accept", "opportunistic", "cleartext", ""),
                Some("mx1 opportunistic"),
                "without TLS",
            ),
            ("deliver", host("accept", "mta-sts", "verified", ""), None, "Postfix knows no MTA-STS"),
        ] {
            let document = format!("{{\"results\": [{{\"verdict\": {verdict:?}, \"hosts\": [{hosts}]}}]}}");
            let course = match Course::of_mxtls(document.as_bytes(), "d.lab") {
                Ok(course) => Some(course.to_string()),
                Err(_) => None,
            };
            assert_eq!(course.as_deref(), expected, "{why}");
        }
    }
}
