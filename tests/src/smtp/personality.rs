//! How a scripted SMTP server behaves, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pki::Certificate;

/// How a server behaves at each stage; whatever is left out goes well.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Personality {
    /// The server's name, in which `{domain}` and `{name}` stand for the scenario's; if left out, its key below that domain.
    pub host: Option<String>,
    /// What it presents in TLS.
    pub certificate: Option<Certificate>,
    /// Said on connection.
    pub greeting: Option<Reply>,
    /// Said to EHLO in place of the capabilities.
    pub ehlo: Option<Reply>,
    /// EHLO keywords besides STARTTLS.
    pub capabilities: Option<Vec<String>>,
    /// EHLO keywords inside TLS, where they differ from `capabilities`.
    pub capabilities_in_tls: Option<Vec<String>>,
    /// What comes of STARTTLS.
    pub starttls: Option<Starttls>,
    /// Said to MAIL.
    pub mail: Option<Reply>,
    /// Said to RCPT, by recipient address; `*` stands for all others.
    pub rcpt: Option<BTreeMap<String, Reply>>,
    /// Said to DATA.
    pub data: Option<Reply>,
    /// Said after the final dot.
    pub dot: Option<Reply>,
}

impl Personality {
    /// This personality, changed where `over` says something.
    pub fn merged(self, over: Self) -> Self {
        Self {
            host: over.host.or(self.host),
            certificate: match (self.certificate, over.certificate) {
                (Some(certificate), Some(over)) => Some(certificate.merged(over)),
                (certificate, over) => over.or(certificate),
            },
            greeting: over.greeting.or(self.greeting),
            ehlo: over.ehlo.or(self.ehlo),
            capabilities: over.capabilities.or(self.capabilities),
            capabilities_in_tls: over.capabilities_in_tls.or(self.capabilities_in_tls),
            starttls: over.starttls.or(self.starttls),
            mail: over.mail.or(self.mail),
            rcpt: over.rcpt.or(self.rcpt),
            data: over.data.or(self.data),
            dot: over.dot.or(self.dot),
        }
    }
}

/// What a server says at a stage, or does instead.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Reply {
    /// One line, code first.
    Say(String),
    /// Closes the connection without a word: `close`.
    Close,
    /// Says nothing until the lab lets it go on, then what it would have said anyway: `hang`.
    Hang,
}

impl TryFrom<String> for Reply {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "close" => Ok(Self::Close),
            "hang" => Ok(Self::Hang),
            line if is_reply_line(line) => Ok(Self::Say(text)),
            other => Err(format!("{other:?} is neither close, hang, nor a reply such as \"250 2.0.0 ok\"")),
        }
    }
}

impl From<Reply> for String {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Say(line) => line,
            Reply::Close => "close".to_owned(),
            Reply::Hang => "hang".to_owned(),
        }
    }
}

/// What comes of STARTTLS.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub enum Starttls {
    /// Offered, and a handshake follows: `accept`.
    #[default]
    Accept,
    /// Not offered, and not understood: `absent`.
    Absent,
    /// Offered, but this line is the answer.
    Say(String),
    /// A second reply line in the same segment as the 220, as a man in the middle would put there: `inject`.
    Inject,
    /// The 220, and bytes that are no TLS in answer to the ClientHello: `garbage`.
    Garbage,
    /// The 220, and the connection is closed: `close`.
    Close,
    /// The 220, and nothing more until the lab lets it go on with the handshake: `hang`.
    Hang,
}

impl TryFrom<String> for Starttls {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            "accept" => Ok(Self::Accept),
            "absent" => Ok(Self::Absent),
            "inject" => Ok(Self::Inject),
            "garbage" => Ok(Self::Garbage),
            "close" => Ok(Self::Close),
            "hang" => Ok(Self::Hang),
            line if is_reply_line(line) => Ok(Self::Say(text)),
            other => Err(format!(
                "{other:?} is none of accept, absent, inject, garbage, close, hang, nor a reply such as \"454 4.7.0 later\""
            )),
        }
    }
}

impl From<Starttls> for String {
    fn from(starttls: Starttls) -> Self {
        match starttls {
            Starttls::Accept => "accept".to_owned(),
            Starttls::Absent => "absent".to_owned(),
            Starttls::Say(line) => line,
            Starttls::Inject => "inject".to_owned(),
            Starttls::Garbage => "garbage".to_owned(),
            Starttls::Close => "close".to_owned(),
            Starttls::Hang => "hang".to_owned(),
        }
    }
}

fn is_reply_line(text: &str) -> bool {
    let (code, rest) = text.split_at_checked(3).unwrap_or_default();
    code.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with(' ') && !text.contains(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_lines() {
        assert_eq!(Reply::try_from("close".to_owned()), Ok(Reply::Close));
        assert_eq!(
            Reply::try_from("450 4.2.0 later".to_owned()),
            Ok(Reply::Say("450 4.2.0 later".to_owned()))
        );
        assert_eq!(Starttls::try_from("inject".to_owned()), Ok(Starttls::Inject));
        for (text, why) in [
            ("closed", "no such word"),
            ("45 later", "a code has three digits"),
            ("450", "a text belongs to a reply"),
            ("450 a\r\n250 b", "one line"),
        ] {
            assert!(Reply::try_from(text.to_owned()).is_err(), "{why}");
            assert!(Starttls::try_from(text.to_owned()).is_err(), "{why}");
        }
    }

    #[test]
    fn merging_changes_what_is_named() {
        let base: Personality =
            toml::from_str("starttls = 'inject'\ncertificate = { issuer = 'itself', dates = 'past' }")
                .unwrap();
        let over: Personality = toml::from_str("dot = 'close'\ncertificate = { dates = 'future' }").unwrap();
        let merged = serde_json::to_value(base.merged(over)).unwrap();
        assert_eq!(merged["starttls"], "inject");
        assert_eq!(merged["dot"], "close");
        assert_eq!(merged["certificate"]["issuer"], "itself");
        assert_eq!(merged["certificate"]["dates"], "future");
    }
}
