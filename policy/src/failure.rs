//! Everything that can go wrong, with the reply that a mail queue needs.

use std::fmt;

use serde::{Serialize, Serializer};

/// Why mail cannot be delivered, now or at all.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind of failure.
    pub code: FailureCode,
    /// One sentence: what was found and what was expected.
    pub message: String,
    /// The enhanced status code of RFC 3463, such as `4.7.5`.
    pub enhanced_status: String,
    /// The section that decided, such as `RFC 7672 2.2`.
    pub rfc: Option<String>,
    /// What the component at fault said, for the operator.
    pub detail: Option<String>,
}

impl Failure {
    /// A failure with the enhanced status that its code carries.
    pub fn new(code: FailureCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            enhanced_status: code.enhanced_status().to_owned(),
            rfc: None,
            detail: None,
        }
    }

    /// Names the section that decided, such as `RFC 7672 2.2`.
    #[must_use]
    pub fn rfc(mut self, section: &str) -> Self {
        self.rfc = Some(section.to_owned());
        self
    }

    /// Adds what the component at fault said.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// The server's own enhanced status instead of the code's.
    #[must_use]
    pub fn status(mut self, enhanced_status: impl Into<String>) -> Self {
        self.enhanced_status = enhanced_status.into();
        self
    }

    /// What a destination comes to when this is its last failure.
    pub fn verdict(&self) -> Verdict {
        self.code.verdict()
    }
}

/// What becomes of mail.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is delivered.
    Deliver,
    /// It stays in the queue (4.x.x).
    Defer,
    /// It goes back to the sender (5.x.x).
    Bounce,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deliver => "deliver",
            Self::Defer => "defer",
            Self::Bounce => "bounce",
        })
    }
}

/// The stage at which a DNS failure struck: TLS reports count those of TLSA look-ups only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Finding TLSA records.
    Tlsa,
    /// Anything else.
    Other,
}

/// Why a message cannot be sent as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MessageFault {
    /// It holds what could be read as an end of data or a second message, or NUL.
    Smuggling,
    /// It needs SMTPUTF8 (RFC 6531) and the server lacks it.
    SmtpUtf8,
    /// It needs 8BITMIME (RFC 6152) and the server lacks it.
    EightBitMime,
    /// It is larger than the server's SIZE (RFC 1870).
    Size,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $(($field:ty))? = $text:literal,)*) => {
        /// The kinds of failures. Their texts are stable: scripts rely on them.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum FailureCode {
            $($(#[$doc])* $variant $(($field))?,)*
        }

        impl FailureCode {
            /// The code as scripts see it, such as `tlsa-no-match`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(codes!(@pattern $variant $(($field))?) => $text,)*
                }
            }
        }
    };
    (@pattern $variant:ident) => { Self::$variant };
    (@pattern $variant:ident ($field:ty)) => { Self::$variant(_) };
}

codes! {
    /// DNSSEC validation failed.
    DnsBogus = "dns-bogus",
    /// DNSSEC validation lacked the records that it needs.
    DnsIndeterminate = "dns-indeterminate",
    /// The DNS server answered with an error.
    DnsServfail = "dns-servfail",
    /// The DNS server did not answer.
    DnsTimeout = "dns-timeout",
    /// The DNS answer is malformed.
    DnsMalformed = "dns-malformed",
    /// Judging the DNS answer costs too much.
    DnsBudget = "dns-budget",
    /// The domain accepts no mail (RFC 7505).
    NullMx = "null-mx",
    /// The domain does not exist.
    NoSuchDomain = "no-such-domain",
    /// The best mail servers of the domain are the caller itself (RFC 5321 §5.1).
    MxLoop = "mx-loop",
    /// The domain has neither MX nor address records.
    NoAddressesOfDomain = "no-addresses",
    /// The host named by an MX record has no address records.
    NoAddresses = "no-addresses",
    /// An MX record names an IP address.
    IpAddressMx = "ip-address-mx",
    /// An alias leads back to itself, or the chain is too long.
    CnameLoop = "cname-loop",
    /// All addresses are excluded by configuration.
    ExcludedAddress = "excluded-address",
    /// The connection was refused, or the network is unreachable.
    ConnectRefused = "connect-refused",
    /// The connection was not established in time.
    ConnectTimeout = "connect-timeout",
    /// The greeting was not 220.
    GreetingRefused = "greeting-refused",
    /// A reply did not come in time.
    Timeout = "timeout",
    /// The connection broke.
    ConnectionLost = "connection-lost",
    /// The connection broke after the final dot: the message may have been accepted.
    UnknownOutcome = "unknown-outcome",
    /// The server broke the protocol.
    ProtocolError = "protocol-error",
    /// A reply is longer than any honest one.
    ResponseTooLong = "response-too-long",
    /// Something was sent between the reply to STARTTLS and the handshake.
    Injection = "injection",
    /// TLS is mandatory and STARTTLS is not offered.
    StarttlsNotOffered = "starttls-not-offered",
    /// TLS is mandatory and STARTTLS was refused.
    StarttlsRefused = "starttls-refused",
    /// The TLS handshake failed.
    TlsHandshake = "tls-handshake",
    /// No TLS version or cipher suite in common.
    TlsVersion = "tls-version",
    /// No TLSA record matches the certificates.
    TlsaNoMatch = "tlsa-no-match",
    /// The caller requires DANE and there is none.
    TlsaRequired = "tlsa-required",
    /// A certificate has expired.
    CertificateExpired = "certificate-expired",
    /// A certificate is not valid yet.
    CertificateNotYetValid = "certificate-not-yet-valid",
    /// The certificate is for other names.
    CertificateHostMismatch = "certificate-host-mismatch",
    /// The certificate does not lead to a trust anchor.
    CertificateUntrusted = "certificate-untrusted",
    /// The certificate cannot be read.
    CertificateMalformed = "certificate-malformed",
    /// The MTA-STS policy does not list the host.
    MxNotInPolicy = "mx-not-in-policy",
    /// The caller requires more security than there is.
    TlsRequiredByCaller = "tls-required-by-caller",
    /// The caller forbids TLS where the policy makes it mandatory.
    TlsRequiredByPolicy = "tls-required-by-policy",
    /// The authenticated server does not support REQUIRETLS (RFC 8689).
    RequiretlsUnsupported = "requiretls-unsupported",
    /// The caller interrupted the delivery before its outcome.
    Interrupted = "interrupted",
    /// The server refused for now (4yz).
    RejectedForNow = "rejected-by-server",
    /// The server refused for good (5yz).
    RejectedForGood = "rejected-by-server",
    /// The message cannot be sent as it stands.
    MessageRefused(MessageFault) = "message-refused",
    /// The MTA-STS record is invalid.
    PolicyRecordInvalid = "policy-record-invalid",
    /// The MTA-STS policy file is invalid.
    PolicyInvalid = "policy-invalid",
    /// The MTA-STS policy file could not be fetched.
    PolicyFetch = "policy-fetch",
    /// The MTA-STS policy host could not be authenticated.
    PolicyFetchWebPki = "policy-fetch",
}

impl FailureCode {
    /// What a destination comes to when this is its last failure. An attacker can provoke no bounce by breaking a
    /// policy: only what the domain, the server or the message itself says for good bounces.
    pub fn verdict(self) -> Verdict {
        if self.enhanced_status().starts_with('5') { Verdict::Bounce } else { Verdict::Defer }
    }

    /// The enhanced status code (RFC 3463, RFC 7505 §4, RFC 8689 §6). A server's own replaces it where there is one.
    pub fn enhanced_status(self) -> &'static str {
        match self {
            Self::DnsBogus | Self::DnsIndeterminate => "4.7.5",
            Self::DnsServfail | Self::DnsTimeout | Self::DnsMalformed | Self::DnsBudget => "4.4.3",
            Self::NullMx => "5.1.10",
            Self::NoSuchDomain | Self::NoAddressesOfDomain => "5.1.2",
            Self::MxLoop => "5.4.6",
            Self::NoAddresses | Self::IpAddressMx | Self::CnameLoop | Self::ExcludedAddress => "4.4.4",
            Self::ConnectRefused | Self::ConnectTimeout => "4.4.1",
            Self::GreetingRefused | Self::Interrupted => "4.3.2",
            Self::Timeout | Self::ConnectionLost | Self::UnknownOutcome => "4.4.2",
            Self::ProtocolError | Self::ResponseTooLong => "4.5.0",
            Self::Injection => "4.7.0",
            Self::StarttlsNotOffered | Self::StarttlsRefused => "4.7.4",
            Self::TlsHandshake
            | Self::TlsVersion
            | Self::TlsaNoMatch
            | Self::TlsaRequired
            | Self::CertificateExpired
            | Self::CertificateNotYetValid
            | Self::CertificateHostMismatch
            | Self::CertificateUntrusted
            | Self::CertificateMalformed
            | Self::MxNotInPolicy
            | Self::PolicyRecordInvalid
            | Self::PolicyInvalid
            | Self::PolicyFetch
            | Self::PolicyFetchWebPki => "4.7.5",
            Self::TlsRequiredByCaller | Self::TlsRequiredByPolicy => "4.7.10",
            Self::RequiretlsUnsupported => "5.7.30",
            Self::RejectedForNow => "4.0.0",
            Self::RejectedForGood => "5.0.0",
            Self::MessageRefused(fault) => match fault {
                MessageFault::Smuggling => "5.6.0",
                MessageFault::SmtpUtf8 => "5.6.7",
                MessageFault::EightBitMime => "5.6.3",
                MessageFault::Size => "5.3.4",
            },
        }
    }

    /// The result type under which TLS reports count the failure (RFC 8460 §4.3); `None` where they do not.
    pub fn tls_rpt(self, stage: Stage) -> Option<&'static str> {
        match self {
            Self::DnsBogus
            | Self::DnsIndeterminate
            | Self::DnsServfail
            | Self::DnsTimeout
            | Self::DnsMalformed
            | Self::DnsBudget => (stage == Stage::Tlsa).then_some("dnssec-invalid"),
            Self::Injection
            | Self::TlsHandshake
            | Self::TlsVersion
            | Self::TlsaNoMatch
            | Self::MxNotInPolicy => Some("validation-failure"),
            Self::StarttlsNotOffered | Self::StarttlsRefused => Some("starttls-not-supported"),
            Self::TlsaRequired => Some("dane-required"),
            Self::CertificateExpired | Self::CertificateNotYetValid => Some("certificate-expired"),
            Self::CertificateHostMismatch => Some("certificate-host-mismatch"),
            Self::CertificateUntrusted | Self::CertificateMalformed => Some("certificate-not-trusted"),
            Self::PolicyRecordInvalid | Self::PolicyInvalid => Some("sts-policy-invalid"),
            Self::PolicyFetch => Some("sts-policy-fetch-error"),
            Self::PolicyFetchWebPki => Some("sts-webpki-invalid"),
            Self::NullMx
            | Self::NoSuchDomain
            | Self::MxLoop
            | Self::NoAddressesOfDomain
            | Self::NoAddresses
            | Self::IpAddressMx
            | Self::CnameLoop
            | Self::ExcludedAddress
            | Self::ConnectRefused
            | Self::ConnectTimeout
            | Self::GreetingRefused
            | Self::Timeout
            | Self::ConnectionLost
            | Self::UnknownOutcome
            | Self::ProtocolError
            | Self::ResponseTooLong
            | Self::TlsRequiredByCaller
            | Self::TlsRequiredByPolicy
            | Self::RequiretlsUnsupported
            | Self::Interrupted
            | Self::RejectedForNow
            | Self::RejectedForGood
            | Self::MessageRefused(_) => None,
        }
    }
}

impl fmt::Display for FailureCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FailureCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
