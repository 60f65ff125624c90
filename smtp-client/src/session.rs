//! The session as a state machine: replies in, the next action out. It knows neither sockets nor clocks.

use mxtls_policy::{Failure, FailureCode, Verdict};

use crate::{
    attempt::{RecipientOutcome, StartTls},
    capabilities::Capabilities,
    envelope::Envelope,
    mailbox::Mailbox,
    message::Message,
    recipient_reply::{accepted, refused, rejection, without_reply},
    reply::{Class, Reply, ReplyBuffer, ReplyError},
    server::{Mandatory, StartTlsUse},
    state::{Break, State},
};

/// A session with one server, for one envelope or for none.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    plan: Plan<'a>,
    state: State,
    buffer: ReplyBuffer,
    capabilities: Capabilities,
    over_tls: bool,
    starttls: Option<StartTls>,
    /// Why the server offers no security, where it offers none.
    clear_text: Option<Failure>,
    failure: Option<Failure>,
    retry_clear_text: bool,
    /// As in the envelope; `None`: accepted by RCPT so far, or not asked for yet.
    recipients: Vec<Option<RecipientOutcome>>,
}

/// What a session is to do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) host: &'a str,
    pub(crate) ehlo: &'a str,
    pub(crate) mandatory: Mandatory,
    pub(crate) starttls: StartTlsUse,
    /// `None`: only the policy is tried.
    pub(crate) envelope: Option<&'a Envelope>,
}

/// What the driver does next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Action {
    /// Write this, then report [`sent`](Session::sent).
    Send(String),
    /// Read on.
    Receive,
    /// Begin the TLS handshake, then report [`secured`](Session::secured) or [`handshake_failed`](Session::handshake_failed).
    Handshake,
    /// Write the [`message`](Session::message), report [`end_of_message`](Session::end_of_message), write what ends it,
    /// report [`sent`](Session::sent).
    SendMessage,
    /// The session is over.
    Close,
}

/// What a session came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) starttls: Option<StartTls>,
    pub(crate) over_tls: bool,
    pub(crate) clear_text: Option<Failure>,
    pub(crate) retry_clear_text: bool,
    pub(crate) recipients: Vec<RecipientOutcome>,
}

impl<'a> Session<'a> {
    /// A session with a server that is connected; its greeting is awaited first.
    pub(crate) fn new(plan: Plan<'a>) -> Self {
        Self {
            plan,
            state: State::Greeting,
            buffer: ReplyBuffer::default(),
            capabilities: Capabilities::default(),
            over_tls: false,
            starttls: None,
            clear_text: None,
            failure: None,
            retry_clear_text: false,
            recipients: vec![None; plan.envelope.map_or(0, |envelope| envelope.recipients().len())],
        }
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Takes what was received.
    pub(crate) fn received(&mut self, bytes: &[u8]) -> Action {
        self.buffer.extend(bytes);
        self.next_reply()
    }

    /// Everything is written that the last action asked for: what the server says now is the reply to it.
    pub(crate) fn sent(&mut self) -> Action {
        self.next_reply()
    }

    /// What [`Action::SendMessage`] sends.
    pub(crate) fn message(&self) -> Option<&'a Message> {
        self.plan.envelope.map(Envelope::message)
    }

    /// The session cannot begin.
    pub(crate) fn give_up(&mut self, failure: Failure) {
        self.close(failure);
    }

    /// The TLS handshake is done and all that the policy enforces holds.
    pub(crate) fn secured(&mut self) -> Action {
        self.over_tls = true;
        // RFC 3207 §4.2: nothing learned in the clear counts any more.
        self.capabilities = Capabilities::default();
        self.send(State::Ehlo, format!("EHLO {}", self.plan.ehlo))
    }

    /// The TLS handshake failed: the connection is of no use any more (RFC 3207 §4).
    pub(crate) fn handshake_failed(&mut self, failure: Failure) -> Action {
        // Decision 16, and decision 11: whoever injects is not given the message in clear text instead.
        self.retry_clear_text =
            self.plan.mandatory == Mandatory::No && failure.code != FailureCode::Injection;
        self.clear_text = Some(failure.clone());
        self.close(failure)
    }

    /// The message is written. What ends it is the driver's to write now: from here on the outcome is the server's.
    pub(crate) fn end_of_message(&mut self) {
        self.state = State::End;
    }

    /// No reply comes any more.
    pub(crate) fn broken(&mut self, cause: Break) -> Action {
        let host = self.plan.host;
        let failure = match (self.state, cause) {
            // All was said, or could not be said.
            (State::Quit | State::Closed, _) => return self.closed(),
            // RFC 5321 §4.5.3.2.6: it may have been accepted, so another try may make two of it.
            (State::End, cause) => {
                let message = format!("{host} did not say whether it accepted the message.");
                Failure::new(FailureCode::UnknownOutcome, message).rfc("RFC 5321 4.5.3.2.6").detail(cause)
            }
            (_, Break::Timeout) => {
                let message = format!("{host} did not answer {} in time.", self.state.name());
                Failure::new(FailureCode::Timeout, message).rfc("RFC 5321 4.5.3.2")
            }
            (_, Break::Lost(detail)) => {
                let message = format!("The connection to {host} broke during {}.", self.state.name());
                Failure::new(FailureCode::ConnectionLost, message).detail(detail)
            }
            (state, Break::Interrupted) => {
                let message = format!("The session with {host} was interrupted during {}.", state.name());
                let failure = Failure::new(FailureCode::Interrupted, message);
                return match state {
                    // Without its final dot the message counts for nothing (RFC 5321 §4.1.1.4), and a QUIT would be part
                    // of it. Elsewhere there is nobody to take one: before the greeting, and where TLS may come next.
                    State::Message | State::Greeting | State::StartTls | State::Handshake => {
                        self.close(failure)
                    }
                    State::Ehlo | State::Helo | State::Mail | State::Rcpt(_) | State::Data => {
                        self.quit_for(failure)
                    }
                    State::End | State::Quit | State::Closed => self.closed(),
                };
            }
        };
        if self.state == State::StartTls {
            self.starttls = Some(StartTls::Refused);
            return self.handshake_failed(failure);
        }
        self.close(failure)
    }

    /// What the session came to; every recipient has an outcome.
    pub(crate) fn finish(mut self) -> Outcome {
        if self.state != State::Closed && self.state != State::Quit {
            self.broken(Break::Lost("the session was given up".to_owned()));
        }
        let recipients: Vec<RecipientOutcome> = self.recipients.into_iter().flatten().collect();
        let accepted = recipients.is_empty() || recipients.iter().any(|one| one.verdict == Verdict::Deliver);
        let first_refusal =
            if accepted { None } else { recipients.iter().find_map(|one| one.failure.clone()) };
        Outcome {
            failure: self.failure.or(first_refusal),
            starttls: self.starttls,
            over_tls: self.over_tls,
            clear_text: self.clear_text,
            retry_clear_text: self.retry_clear_text,
            recipients,
        }
    }

    fn next_reply(&mut self) -> Action {
        match self.buffer.next() {
            Ok(Some(reply)) => self.on_reply(&reply),
            Ok(None) => Action::Receive,
            Err(error) => self.unreadable(error),
        }
    }

    fn on_reply(&mut self, reply: &Reply) -> Action {
        tracing::debug!(host = self.plan.host, step = self.state.name(), code = reply.code(), "reply");
        match self.state {
            State::Greeting if reply.code() == 220 => {
                self.send(State::Ehlo, format!("EHLO {}", self.plan.ehlo))
            }
            State::Greeting => self.ungreeted("greeted with", reply),
            State::Ehlo => self.on_ehlo(reply),
            State::Helo if reply.class() == Class::Done => self.on_capabilities(Capabilities::default()),
            State::Helo => self.ungreeted("answered HELO with", reply),
            State::StartTls => self.on_starttls(reply),
            State::Mail => self.on_mail(reply),
            State::Rcpt(index) => self.on_rcpt(index, reply),
            State::Data if reply.code() == 354 => self.go(State::Message, Action::SendMessage),
            // A reply to the message itself are the last words of a server that closed while it was written.
            State::Data | State::Message | State::End => self.on_end(reply),
            State::Quit => self.closed(),
            // Nobody reads in these states.
            State::Handshake | State::Closed => self.protocol_error(reply),
        }
    }

    fn on_ehlo(&mut self, reply: &Reply) -> Action {
        match reply.class() {
            Class::Done => self.on_capabilities(Capabilities::from_ehlo(reply)),
            // RFC 5321 §4.1.1.1; who speaks only HELO has no STARTTLS, so not where TLS is mandatory.
            Class::Never if self.plan.mandatory == Mandatory::No => {
                self.send(State::Helo, format!("HELO {}", self.plan.ehlo))
            }
            Class::Never if !self.over_tls => self.on_capabilities(Capabilities::default()),
            Class::Never | Class::NotNow | Class::GoOn => self.ungreeted("answered EHLO with", reply),
        }
    }

    fn on_capabilities(&mut self, capabilities: Capabilities) -> Action {
        self.capabilities = capabilities;
        // RFC 3207 §4.2: no second STARTTLS inside TLS, whatever is offered there.
        if self.over_tls {
            return self.ready();
        }
        match (self.plan.starttls, capabilities.starttls) {
            (StartTlsUse::AsOffered | StartTlsUse::ForRawKey, true) => {
                self.send(State::StartTls, "STARTTLS".to_owned())
            }
            (StartTlsUse::AsOffered | StartTlsUse::ForRawKey, false) => {
                self.starttls = Some(StartTls::NotOffered);
                let message = format!("{} does not offer STARTTLS.", self.plan.host);
                self.without_tls(FailureCode::StarttlsNotOffered, message)
            }
            (StartTlsUse::NotSent, _) => {
                self.starttls = Some(StartTls::NotSent);
                let message = format!("STARTTLS was not used with {}.", self.plan.host);
                self.without_tls(FailureCode::TlsRequiredByPolicy, message)
            }
        }
    }

    fn on_starttls(&mut self, reply: &Reply) -> Action {
        if reply.code() != 220 {
            self.starttls = Some(StartTls::Refused);
            let message = format!("{} answered STARTTLS with {}.", self.plan.host, reply.code());
            return match reply.class() {
                Class::NotNow | Class::Never if reply.code() != SHUTTING_DOWN => {
                    self.without_tls(FailureCode::StarttlsRefused, message)
                }
                // The server closes, or is at a loss where it is: the connection is of no use any more.
                Class::Done | Class::GoOn | Class::NotNow | Class::Never => {
                    let failure = self.tls_failure(FailureCode::StarttlsRefused, message);
                    self.retry_clear_text =
                        self.plan.mandatory == Mandatory::No && reply.code() != SHUTTING_DOWN;
                    self.clear_text = Some(failure.clone());
                    self.quit_for(failure)
                }
            };
        }
        self.starttls = Some(StartTls::Accepted);
        if self.buffer.is_empty() {
            return self.go(State::Handshake, Action::Handshake);
        }
        self.handshake_failed(injection(self.plan.host, "there was more behind the reply"))
    }

    /// The session goes on in the clear, where it may.
    fn without_tls(&mut self, code: FailureCode, message: String) -> Action {
        let failure = self.tls_failure(code, message);
        self.clear_text = Some(failure.clone());
        match self.plan.mandatory {
            Mandatory::No => self.ready(),
            Mandatory::ByPolicy | Mandatory::ByCaller => self.quit_for(failure),
        }
    }

    fn tls_failure(&self, code: FailureCode, message: String) -> Failure {
        match self.plan.mandatory {
            Mandatory::ByCaller => {
                Failure::new(FailureCode::TlsRequiredByCaller, message + " The caller requires TLS.")
            }
            Mandatory::ByPolicy | Mandatory::No => Failure::new(code, message).rfc("RFC 3207 4"),
        }
    }

    /// The server may be given mail: the one place that decides so.
    fn ready(&mut self) -> Action {
        if self.plan.mandatory != Mandatory::No && !self.over_tls {
            let message =
                format!("TLS is mandatory, and the session with {} is in clear text.", self.plan.host);
            return self.quit_for(Failure::new(FailureCode::StarttlsNotOffered, message));
        }
        let Some(envelope) = self.plan.envelope else {
            return self.quit();
        };
        let parameters = match self.capabilities.mail_parameters(envelope) {
            Ok(parameters) => parameters,
            Err(refused) => return self.quit_for(refused),
        };
        for (recipient, slot) in envelope.recipients().iter().zip(&mut self.recipients) {
            if let Err(refused) = self.capabilities.admits(recipient) {
                *slot = Some(without_reply(recipient.as_str(), &refused));
            }
        }
        if !self.recipients.contains(&None) {
            return self.quit();
        }
        let sender = envelope.mail().map_or("", Mailbox::as_str);
        self.send(State::Mail, format!("MAIL FROM:<{sender}>{parameters}"))
    }

    fn on_mail(&mut self, reply: &Reply) -> Action {
        match reply.class() {
            Class::Done => self.rcpt(0),
            Class::NotNow | Class::Never => self.refused(reply),
            Class::GoOn => self.protocol_error(reply),
        }
    }

    fn on_rcpt(&mut self, index: usize, reply: &Reply) -> Action {
        match reply.class() {
            Class::Done => {}
            Class::NotNow if reply.code() == SHUTTING_DOWN => return self.refused(reply),
            Class::NotNow | Class::Never => {
                let recipient = self.plan.envelope.and_then(|envelope| envelope.recipients().get(index));
                if let (Some(recipient), Some(slot)) = (recipient, self.recipients.get_mut(index)) {
                    *slot = Some(refused(self.plan.host, self.state, recipient.as_str(), reply));
                }
            }
            Class::GoOn => return self.protocol_error(reply),
        }
        self.rcpt(index.saturating_add(1))
    }

    /// Asks for the next recipient without an outcome, from this place on, or goes on where there is none.
    fn rcpt(&mut self, from: usize) -> Action {
        let recipients = self.plan.envelope.map_or(&[][..], Envelope::recipients);
        let mut rest = recipients.iter().zip(&self.recipients).enumerate().skip(from);
        match rest.find(|(_, (_, outcome))| outcome.is_none()) {
            Some((index, (recipient, _))) => self.send(State::Rcpt(index), format!("RCPT TO:<{recipient}>")),
            None if self.recipients.contains(&None) => self.send(State::Data, "DATA".to_owned()),
            None => self.quit(),
        }
    }

    /// The reply to the final dot, or one to DATA that asks for no message.
    fn on_end(&mut self, reply: &Reply) -> Action {
        match (reply.class(), self.state) {
            (Class::Done, State::End) => {
                self.settle(|_, rcpt| accepted(rcpt, reply));
                self.quit()
            }
            (Class::NotNow | Class::Never, _) => self.refused(reply),
            (Class::Done | Class::GoOn, _) => self.protocol_error(reply),
        }
    }

    /// The server refuses whoever is left. 421 says that it closes as well (RFC 5321 §3.8).
    fn refused(&mut self, reply: &Reply) -> Action {
        self.settle(|session, rcpt| refused(session.plan.host, session.state, rcpt, reply));
        self.failure = Some(rejection(self.plan.host, self.state, reply));
        if reply.code() == SHUTTING_DOWN { self.closed() } else { self.quit() }
    }

    /// A server that will not talk to us. Not the message's fault: another host may take it.
    fn ungreeted(&mut self, what: &str, reply: &Reply) -> Action {
        let message = format!("{} {what} {}.", self.plan.host, reply.code());
        let failure =
            Failure::new(FailureCode::GreetingRefused, message).rfc("RFC 5321 3.1").detail(reply.text());
        if reply.code() == SHUTTING_DOWN { self.close(failure) } else { self.quit_for(failure) }
    }

    fn protocol_error(&mut self, reply: &Reply) -> Action {
        let message = format!("{} answered {} with {}.", self.plan.host, self.state.name(), reply.code());
        self.out_of_step(Failure::new(FailureCode::ProtocolError, message).rfc("RFC 5321 4.3.2"))
    }

    fn unreadable(&mut self, error: ReplyError) -> Action {
        let code = if error.is_length() { FailureCode::ResponseTooLong } else { FailureCode::ProtocolError };
        let message = format!("{} sent no proper reply to {}.", self.plan.host, self.state.name());
        self.out_of_step(Failure::new(code, message).rfc("RFC 5321 4.2").detail(error))
    }

    /// Whatever the server says from here on is the answer to something else.
    fn out_of_step(&mut self, failure: Failure) -> Action {
        match self.state {
            State::End => {
                let detail = failure.detail.unwrap_or(failure.message);
                self.broken(Break::Lost(detail))
            }
            State::StartTls => {
                self.starttls = Some(StartTls::Refused);
                self.handshake_failed(failure)
            }
            State::Greeting
            | State::Ehlo
            | State::Helo
            | State::Handshake
            | State::Mail
            | State::Rcpt(_)
            | State::Data
            | State::Message => self.close(failure),
            State::Quit | State::Closed => self.closed(),
        }
    }

    /// Gives every recipient without an outcome one.
    fn settle(&mut self, outcome: impl Fn(&Self, &str) -> RecipientOutcome) {
        let Some(envelope) = self.plan.envelope else { return };
        for (index, recipient) in envelope.recipients().iter().enumerate() {
            let settled = outcome(self, recipient.as_str());
            if let Some(slot @ None) = self.recipients.get_mut(index) {
                *slot = Some(settled);
            }
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.settle(|_, rcpt| without_reply(rcpt, &failure));
        self.failure = Some(failure);
    }

    fn quit_for(&mut self, failure: Failure) -> Action {
        self.fail(failure);
        self.quit()
    }

    fn quit(&mut self) -> Action {
        self.send(State::Quit, "QUIT".to_owned())
    }

    fn close(&mut self, failure: Failure) -> Action {
        self.fail(failure);
        self.closed()
    }

    fn closed(&mut self) -> Action {
        self.go(State::Closed, Action::Close)
    }

    fn send(&mut self, state: State, command: String) -> Action {
        self.go(state, Action::Send(command + "\r\n"))
    }

    fn go(&mut self, state: State, action: Action) -> Action {
        self.state = state;
        action
    }
}

/// Decision 11: somebody spoke where only the TLS handshake may.
pub(crate) fn injection(host: &str, what: &str) -> Failure {
    let message =
        format!("Something was sent in the name of {host} before the handshake that STARTTLS asks for.");
    Failure::new(FailureCode::Injection, message).rfc("RFC 3207 6").detail(what)
}

/// The server closes the connection, whatever it was asked (RFC 5321 §3.8).
const SHUTTING_DOWN: u16 = 421;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MESSAGE: &str = "(message)\r\n";

    fn envelope() -> Envelope {
        let recipients = ["b@example", "c@example"].map(|rcpt| rcpt.parse().unwrap()).into();
        Envelope::new(Some("a@example".parse().unwrap()), recipients, Message::new(&b"x"[..]).unwrap())
            .unwrap()
    }

    fn plan(envelope: &Envelope, mandatory: Mandatory) -> Plan<'_> {
        let starttls = StartTlsUse::AsOffered;
        Plan { host: "mx.example", ehlo: "client.example", mandatory, starttls, envelope: Some(envelope) }
    }

    /// Runs a session against what the server sends, chunk by chunk: what was said, and what it came to. Inside TLS, what
    /// was said has `TLS ` before it.
    fn run(plan: Plan<'_>, chunks: &[impl AsRef<[u8]>]) -> (Vec<String>, Outcome) {
        let mut session = Session::new(plan);
        let mut chunks = chunks.iter();
        let mut said = vec![];
        let mut action = Action::Receive;
        loop {
            let prefix = if session.over_tls { "TLS " } else { "" };
            action = match action {
                Action::Receive => match chunks.next() {
                    Some(chunk) => session.received(chunk.as_ref()),
                    None => session.broken(Break::Lost("the end".to_owned())),
                },
                Action::Send(command) => {
                    said.push(format!("{prefix}{command}"));
                    session.sent()
                }
                Action::Handshake => session.secured(),
                Action::SendMessage => {
                    said.push(format!("{prefix}{MESSAGE}"));
                    session.end_of_message();
                    session.sent()
                }
                Action::Close => return (said, session.finish()),
            };
        }
    }

    #[test]
    fn only_a_354_asks_for_the_message() {
        let envelope = envelope();
        let before = "220 a\r\n250 a\r\n250 ok\r\n250 ok\r\n250 ok\r\n";
        let (said, outcome) = run(plan(&envelope, Mandatory::No), &[before, "250 queued\r\n"]);
        assert!(!said.contains(&MESSAGE.to_owned()));
        for recipient in outcome.recipients {
            assert_eq!(recipient.failure.unwrap().code, FailureCode::ProtocolError);
        }
    }

    #[test]
    fn segments_do_not_matter() {
        let envelope = envelope();
        let stream = b"220 a\r\n250-a\r\n250 STARTTLS\r\n220 go\r\n";
        let rest = b"250 a\r\n250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n250 ok\r\n221 bye\r\n";
        let octets: Vec<[u8; 1]> = stream.iter().chain(rest).map(|octet| [*octet]).collect();
        let (said, outcome) = run(plan(&envelope, Mandatory::ByPolicy), &octets);
        assert_eq!(said.last().unwrap(), "TLS QUIT\r\n");
        let verdicts: Vec<Verdict> = outcome.recipients.iter().map(|one| one.verdict).collect();
        assert_eq!(verdicts, [Verdict::Deliver, Verdict::Bounce]);
        // All that follows STARTTLS's reply in its segment is no part of the session.
        let (said, outcome) = run(plan(&envelope, Mandatory::No), &[&stream[..], rest].map(<[u8]>::to_vec));
        assert_eq!(said.last().unwrap(), "TLS QUIT\r\n", "replies of one segment answer one command each");
        assert!(outcome.failure.is_none());
        let (said, outcome) = run(plan(&envelope, Mandatory::No), &[[&stream[..], rest].concat()]);
        assert_eq!(said.last().unwrap(), "STARTTLS\r\n");
        assert_eq!(outcome.failure.unwrap().code, FailureCode::Injection);
        assert!(!outcome.retry_clear_text);
    }

    #[test]
    fn no_reply_to_starttls() {
        let envelope = envelope();
        let greeting = "220 a\r\n250-a\r\n250 STARTTLS\r\n";
        for (reply, code) in [("", FailureCode::ConnectionLost), ("what?\r\n", FailureCode::ProtocolError)] {
            for (mandatory, retry) in [(Mandatory::No, true), (Mandatory::ByPolicy, false)] {
                let (said, outcome) = run(plan(&envelope, mandatory), &[greeting, reply]);
                assert_eq!(said.last().unwrap(), "STARTTLS\r\n");
                assert_eq!(outcome.failure.unwrap().code, code);
                assert_eq!(outcome.starttls, Some(StartTls::Refused));
                assert_eq!(outcome.retry_clear_text, retry);
            }
        }
    }

    #[test]
    fn smtp_09_after_the_final_dot_only_a_proper_reply_says_what_came_of_it() {
        let envelope = envelope();
        let before = "220 a\r\n250 a\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n";
        for reply in ["", "what?\r\n", "354 more\r\n", "250-a\r\n251 b\r\n"] {
            let (said, outcome) = run(plan(&envelope, Mandatory::No), &[before, reply]);
            assert_eq!(said.last().unwrap(), MESSAGE);
            for recipient in outcome.recipients {
                assert_eq!(recipient.failure.unwrap().code, FailureCode::UnknownOutcome, "{reply:?}");
            }
        }
    }

    /// What must hold whatever a server says.
    fn check(said: &[String], outcome: &Outcome, mandatory: Mandatory) -> Result<(), TestCaseError> {
        prop_assert_eq!(outcome.recipients.len(), 2);
        for command in said {
            prop_assert!(
                command.ends_with("\r\n") && command.matches(['\r', '\n']).count() == 2,
                "{}",
                command
            );
            if mandatory != Mandatory::No {
                let harmless =
                    ["EHLO", "STARTTLS", "QUIT", "TLS "].iter().any(|verb| command.starts_with(verb));
                prop_assert!(harmless, "in the clear: {}", command);
            }
        }
        prop_assert!(said.iter().filter(|command| command.ends_with("STARTTLS\r\n")).count() <= 1);
        let sent = said.iter().any(|command| command.ends_with(MESSAGE));
        for recipient in &outcome.recipients {
            let delivered = recipient.verdict == Verdict::Deliver;
            prop_assert_eq!(delivered, recipient.failure.is_none());
            prop_assert!(!delivered || sent && recipient.code.is_some_and(|code| (200..300).contains(&code)));
        }
        Ok(())
    }

    fn mandatory() -> impl Strategy<Value = Mandatory> {
        prop_oneof![Just(Mandatory::No), Just(Mandatory::ByPolicy), Just(Mandatory::ByCaller)]
    }

    proptest! {
        #[test]
        fn any_replies(
            mandatory in mandatory(),
            replies in proptest::collection::vec(
                prop_oneof![
                    3 => Just("220 a\r\n"),
                    9 => Just("250 ok\r\n"),
                    5 => Just("250-a\r\n250-SIZE 100\r\n250 STARTTLS\r\n"),
                    4 => Just("354 go\r\n"),
                    1 => Just("421 bye\r\n"),
                    1 => Just("450 later\r\n"),
                    1 => Just("550 no\r\n"),
                    1 => Just("552 full\r\n"),
                    1 => Just("250-a\r\n"),
                ],
                0..20,
            ),
        ) {
            let envelope = envelope();
            let (said, outcome) = run(plan(&envelope, mandatory), &replies);
            check(&said, &outcome, mandatory)?;
        }

        #[test]
        fn any_bytes(
            mandatory in mandatory(),
            start in 0_usize..8,
            chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..64), 0..8),
        ) {
            let envelope = envelope();
            let proper = ["220 a\r\n", "250-a\r\n250 STARTTLS\r\n", "220 go\r\n", "250 a\r\n", "250 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n"];
            let mut sent: Vec<Vec<u8>> = proper[..start].iter().map(|reply| reply.as_bytes().to_vec()).collect();
            sent.extend(chunks);
            let (said, outcome) = run(plan(&envelope, mandatory), &sent);
            check(&said, &outcome, mandatory)?;
        }
    }
}
