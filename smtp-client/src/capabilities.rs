//! What a server said it can do in its reply to EHLO (RFC 5321 §4.1.1.1).

use mxtls_policy::{Failure, FailureCode, MessageFault};

use crate::{envelope::Envelope, mailbox::Mailbox, reply::Reply};

/// The extensions of this session that matter to it. Those offered before TLS are forgotten at TLS (RFC 3207 §4.2).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Capabilities {
    pub(crate) starttls: bool,
    pub(crate) eight_bit_mime: bool,
    pub(crate) smtputf8: bool,
    pub(crate) size: Size,
}

/// The SIZE extension (RFC 1870).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Size {
    #[default]
    NotOffered,
    /// Offered, without a fixed limit.
    NoLimit,
    /// The largest message in octets.
    Limit(u64),
}

impl Capabilities {
    /// Reads the reply to EHLO. Its first line is a greeting, each other a keyword with parameters.
    pub(crate) fn from_ehlo(reply: &Reply) -> Self {
        let mut capabilities = Self::default();
        for line in reply.lines().iter().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("STARTTLS") => capabilities.starttls = true,
                Some("8BITMIME") => capabilities.eight_bit_mime = true,
                Some("SMTPUTF8") => capabilities.smtputf8 = true,
                Some("SIZE") => capabilities.size = words.next().map_or(Size::NoLimit, Size::from_parameter),
                Some(_) | None => {}
            }
        }
        capabilities
    }

    /// The parameters of MAIL for the envelope, each with a space before it. None of an extension that is not offered.
    ///
    /// # Errors
    /// The message or the sender needs an extension that is not offered, or the message is too large.
    pub(crate) fn mail_parameters(&self, envelope: &Envelope) -> Result<String, Failure> {
        let message = envelope.message();
        let size = message.size();
        let mut parameters = String::new();
        match self.size {
            Size::NotOffered => {}
            Size::Limit(limit) if usize::try_from(limit).is_ok_and(|limit| size > limit) => {
                let text = format!("The message has {size} octets, and the server takes at most {limit}.");
                return Err(refused(MessageFault::Size, text).rfc("RFC 1870 6.1"));
            }
            Size::NoLimit | Size::Limit(_) => parameters.push_str(&format!(" SIZE={size}")),
        }
        if message.is_eight_bit() {
            if !self.eight_bit_mime {
                let text = "The message has octets above 127, and the server lacks 8BITMIME.";
                return Err(refused(MessageFault::EightBitMime, text).rfc("RFC 6152 3"));
            }
            parameters.push_str(" BODY=8BITMIME");
        }
        if envelope.is_internationalized() && !self.smtputf8 {
            let text = "The sender or the header is not ASCII, and the server lacks SMTPUTF8.";
            return Err(refused(MessageFault::SmtpUtf8, text).rfc("RFC 6531 3.5"));
        }
        let mut recipients = envelope.recipients().iter();
        if self.smtputf8 && (envelope.is_internationalized() || recipients.any(Mailbox::is_internationalized))
        {
            parameters.push_str(" SMTPUTF8");
        }
        Ok(parameters)
    }

    /// Whether RCPT may name the recipient.
    ///
    /// # Errors
    /// The address needs SMTPUTF8, which is not offered: no fault of the other recipients.
    pub(crate) fn admits(&self, recipient: &Mailbox) -> Result<(), Failure> {
        if recipient.is_internationalized() && !self.smtputf8 {
            let text = "The recipient's address is not ASCII, and the server lacks SMTPUTF8.";
            return Err(refused(MessageFault::SmtpUtf8, text).rfc("RFC 6531 3.5"));
        }
        Ok(())
    }
}

impl Size {
    fn from_parameter(text: &str) -> Self {
        match text.parse() {
            // RFC 1870 §3: zero is no fixed limit. What is no number limits nothing; the server will say so.
            Ok(0) | Err(_) => Self::NoLimit,
            Ok(limit) => Self::Limit(limit),
        }
    }
}

fn refused(fault: MessageFault, message: impl Into<String>) -> Failure {
    Failure::new(FailureCode::MessageRefused(fault), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::Message, reply::ReplyBuffer};

    fn capabilities(ehlo: &str) -> Capabilities {
        let mut buffer = ReplyBuffer::default();
        buffer.extend(ehlo.as_bytes());
        Capabilities::from_ehlo(&buffer.next().unwrap().unwrap())
    }

    #[test]
    fn keywords() {
        let none = Capabilities::default();
        let starttls = Capabilities { starttls: true, ..none };
        for (ehlo, expected, why) in [
            ("250 mx\r\n", none, "nothing"),
            ("250 STARTTLS\r\n", none, "the first line is a greeting"),
            ("250-mx\r\n250 STARTTLS\r\n", starttls, "plain"),
            ("250-mx\r\n250 starttls\r\n", starttls, "any case"),
            ("250-mx\r\n250 STARTTLS x\r\n", starttls, "with a parameter"),
            ("250-mx\r\n250 XXXXXXXA\r\n", none, "dev7: overwritten"),
            ("250-mx\r\n250 STARTTLSX\r\n", none, "another word"),
            ("250-mx\r\n250 X STARTTLS\r\n", none, "a parameter of something else"),
            (
                "250-mx\r\n250-\r\n250 8BITMIME\r\n",
                Capabilities { eight_bit_mime: true, ..none },
                "an empty line",
            ),
            ("250-mx\r\n250 SMTPUTF8\r\n", Capabilities { smtputf8: true, ..none }, "RFC 6531"),
            ("250-mx\r\n250 SIZE 10\r\n", Capabilities { size: Size::Limit(10), ..none }, "RFC 1870"),
            (
                "250-mx\r\n250 SIZE 0\r\n",
                Capabilities { size: Size::NoLimit, ..none },
                "RFC 1870 §3: no limit",
            ),
            ("250-mx\r\n250 SIZE\r\n", Capabilities { size: Size::NoLimit, ..none }, "no parameter"),
            (
                "250-mx\r\n250 SIZE 99999999999999999999\r\n",
                Capabilities { size: Size::NoLimit, ..none },
                "overflow",
            ),
        ] {
            assert_eq!(capabilities(ehlo), expected, "{why}");
        }
    }

    #[test]
    fn smtp_23_parameters_only_for_what_is_offered() {
        let all = "250-mx\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 100\r\n";
        let refused = |fault| Err(FailureCode::MessageRefused(fault));
        for (ehlo, rcpt, message, expected, why) in [
            (all, "a@b", "x", Ok(" SIZE=3"), "ASCII: SIZE alone"),
            (all, "a@b", "\r\nä", Ok(" SIZE=6 BODY=8BITMIME"), "8-bit body"),
            (all, "ä@b", "x", Ok(" SIZE=3 SMTPUTF8"), "address"),
            (all, "a@b", "S: ä", Ok(" SIZE=7 BODY=8BITMIME SMTPUTF8"), "header"),
            ("250 mx\r\n", "a@b", "x", Ok(""), "nothing offered, nothing needed"),
            ("250 mx\r\n", "a@b", "\r\nä", refused(MessageFault::EightBitMime), "5.6.3"),
            (all, "a@ä", "x", Ok(" SIZE=3"), "RFC 6531 §3.3: a domain has A-labels"),
            ("250-mx\r\n250 8BITMIME\r\n", "ä@b", "x", Ok(""), "the recipient alone is refused"),
            (
                "250-mx\r\n250 8BITMIME\r\n",
                "a@b",
                "S: ä",
                refused(MessageFault::SmtpUtf8),
                "5.6.7, by the header",
            ),
            ("250-mx\r\n250 SIZE 3\r\n", "a@b", "x", Ok(" SIZE=3"), "as large as allowed"),
            ("250-mx\r\n250 SIZE 2\r\n", "a@b", "x", refused(MessageFault::Size), "5.3.4"),
        ] {
            let message = Message::new(message.as_bytes()).unwrap();
            let envelope = Envelope::new(None, vec![rcpt.parse().unwrap()], message).unwrap();
            let got = capabilities(ehlo).mail_parameters(&envelope).map_err(|failure| failure.code);
            assert_eq!(got, expected.map(str::to_owned), "{why}");
        }
    }
}
