//! From the servers of a destination to a delivery: connect in order, enforce each server's policy, and say what became
//! of every recipient.

use std::net::SocketAddr;

use futures_util::{StreamExt, stream};
use mxtls_policy::{Channel, Failure, FailureCode, PolicyKind, Requirement, SecurityPolicy, Verdict};
use mxtls_smtp_client::{
    Attempt, AttemptVerdict, Envelope, Interrupt, Mailbox, RecipientOutcome, Server, SessionSettings,
    StartTlsUse,
};

use crate::{discovery::Resolution, record::SecureMxRecord};

/// Sessions for one message: a domain that names slow servers without end gets no more.
const MAX_ATTEMPTS: usize = 64;
/// Hosts that are checked at the same time.
const HOSTS_AT_ONCE: usize = 8;

/// Connects to the servers of a destination under their policies.
#[derive(Clone, Debug)]
pub struct Deliverer {
    settings: SessionSettings,
    requirement: Requirement,
    starttls: StartTlsUse,
}

/// What a sender that follows the policies would do with mail for a destination.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Checked {
    /// Deliver, delay, or return to the sender.
    pub verdict: Verdict,
    /// The first host in order that a sender could use; `None` unless the verdict is [`Verdict::Deliver`].
    pub usable: Option<Usable>,
    /// Why there is no such host: the failure of the best one.
    pub failure: Option<Failure>,
    /// What an MTA-STS policy in testing mode would have refused at that host.
    pub would_fail: Option<Failure>,
    /// Every host, in the order of the resolution.
    pub hosts: Vec<HostReport>,
}

/// A host that mail can be given to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Usable {
    /// Its name.
    pub host: String,
    /// The policy that decided.
    pub policy: PolicyKind,
    /// The channel that mail would take, or took.
    pub channel: Channel,
}

/// What became of one host.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostReport {
    /// Its name as the MX record has it.
    pub host: String,
    /// Its preference.
    pub preference: u16,
    /// The policy that decides; `None` where the look-ups failed.
    pub policy: Option<PolicyKind>,
    /// Whether it can be used.
    pub verdict: AttemptVerdict,
    /// The channel; `None` unless it can be used.
    pub channel: Option<Channel>,
    /// Why it cannot.
    pub failure: Option<Failure>,
    /// The sessions, one for each address, and one more for each retry in clear text or with a raw public key.
    pub attempts: Vec<Attempt>,
}

/// What became of a message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// One for each recipient of the envelope, in its order.
    pub recipients: Vec<RecipientReport>,
    /// The sessions in their order, with the host of each.
    pub attempts: Vec<(String, Attempt)>,
}

/// What became of a message for one recipient.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecipientReport {
    /// The server's or the policy's word on it.
    pub outcome: RecipientOutcome,
    /// Where it was delivered; `None` unless it was.
    pub delivered: Option<Usable>,
}

impl Deliverer {
    /// Sessions with these settings, held to the policies alone.
    pub fn new(settings: SessionSettings) -> Self {
        Self { settings, requirement: Requirement::AsPolicy, starttls: StartTlsUse::AsOffered }
    }

    /// Asks for more than the policies do.
    #[must_use]
    pub fn requirement(mut self, requirement: Requirement) -> Self {
        self.requirement = requirement;
        self
    }

    /// Whether STARTTLS is used at all. Where TLS is mandatory and it is not, nothing is sent.
    #[must_use]
    pub fn starttls(mut self, starttls: StartTlsUse) -> Self {
        self.starttls = starttls;
        self
    }

    /// Connects to every address of every host, up to the point where mail would follow.
    pub async fn check(&self, resolution: &Resolution) -> Checked {
        let hosts: Vec<_> = resolution.hosts.iter().map(|host| self.check_host(host)).collect();
        let hosts = stream::iter(hosts).buffered(HOSTS_AT_ONCE).collect().await;
        Checked::new(resolution.failure.as_ref(), hosts)
    }

    /// The same, host by host, until one can be used.
    pub async fn check_first(&self, resolution: &Resolution) -> Checked {
        let mut hosts = vec![];
        for host in &resolution.hosts {
            let report = self.check_host(host).await;
            let usable = report.verdict == AttemptVerdict::Accept;
            hosts.push(report);
            if usable {
                break;
            }
        }
        Checked::new(resolution.failure.as_ref(), hosts)
    }

    /// Gives the message to the first host that takes it, for each recipient.
    ///
    /// A recipient that a server refuses for good is not offered to the next one; one whose outcome is unknown is not
    /// either, since the message may have been accepted.
    pub async fn send(
        &self,
        resolution: &Resolution,
        envelope: &Envelope,
        interrupt: &mut Interrupt,
    ) -> Sent {
        let mut delivery = Delivery::new(envelope);
        if let Some(failure) = &resolution.failure {
            delivery.fail_open(failure);
        }
        for host in &resolution.hosts {
            match self.usable(host) {
                Ok(policy) => self.send_to(&mut delivery, host, policy, interrupt).await,
                Err(failure) => delivery.fail_open(&failure),
            }
        }
        delivery.finish()
    }

    async fn send_to(
        &self,
        delivery: &mut Delivery<'_>,
        host: &SecureMxRecord,
        policy: &SecurityPolicy,
        interrupt: &mut Interrupt,
    ) {
        for address in host.socket_addresses() {
            let mut server = self.server(host, policy, address);
            while let Some(envelope) = delivery.next_envelope(interrupt) {
                let attempt = mxtls_smtp_client::deliver(&server, &self.settings, &envelope, interrupt).await;
                let injected = is_injection(&attempt);
                let second = second_try(&attempt, server.starttls);
                delivery.record(host, policy, attempt);
                if injected {
                    return;
                }
                let Some(starttls) = second else { break };
                server.starttls = starttls;
            }
        }
    }

    async fn check_host(&self, host: &SecureMxRecord) -> HostReport {
        let policy = match self.usable(host) {
            Ok(policy) => policy,
            Err(failure) => return HostReport::unreachable(host, failure),
        };
        let mut report = HostReport::unreachable(host, no_address(&host.hostname));
        for address in host.socket_addresses() {
            let mut server = self.server(host, policy, address);
            let attempt = mxtls_smtp_client::check(&server, &self.settings, &mut Interrupt::never()).await;
            let (injected, second) = (is_injection(&attempt), second_try(&attempt, server.starttls));
            report.add(attempt);
            if injected {
                break;
            }
            if let Some(starttls) = second {
                server.starttls = starttls;
                report.add(mxtls_smtp_client::check(&server, &self.settings, &mut Interrupt::never()).await);
            }
        }
        report
    }

    /// The policy of a host that may be connected to (RFC 7671 §10.3, RFC 8461 §4.1).
    fn usable<'a>(&self, host: &'a SecureMxRecord) -> Result<&'a SecurityPolicy, Failure> {
        let policy = host.usable()?;
        self.requirement.within_reach(policy)?;
        Ok(policy)
    }

    fn server<'a>(
        &self,
        host: &'a SecureMxRecord,
        policy: &'a SecurityPolicy,
        address: SocketAddr,
    ) -> Server<'a> {
        Server {
            address,
            host: &host.hostname,
            policy,
            requirement: self.requirement,
            starttls: self.starttls,
        }
    }
}

impl Checked {
    fn new(failure: Option<&Failure>, hosts: Vec<HostReport>) -> Self {
        let usable = hosts.iter().find_map(HostReport::usable);
        let would_fail = hosts
            .iter()
            .find(|host| host.verdict == AttemptVerdict::Accept)
            .and_then(|host| host.accepting())
            .and_then(|attempt| attempt.would_fail.clone());
        let failures: Vec<&Failure> =
            failure.into_iter().chain(hosts.iter().filter_map(|h| h.failure.as_ref())).collect();
        // Permanent only where every host says so.
        let permanent =
            !failures.is_empty() && failures.iter().all(|failure| failure.verdict() == Verdict::Bounce);
        let verdict = match &usable {
            Some(_) => Verdict::Deliver,
            None if permanent => Verdict::Bounce,
            None => Verdict::Defer,
        };
        let failure =
            if usable.is_some() { None } else { failures.first().map(|failure| (*failure).clone()) };
        Self { verdict, usable, failure, would_fail, hosts }
    }
}

impl HostReport {
    fn unreachable(host: &SecureMxRecord, failure: Failure) -> Self {
        Self {
            host: host.hostname.clone(),
            preference: host.preference,
            policy: host.policy.as_ref().map_or(None, |policy| Some(policy.kind())),
            verdict: AttemptVerdict::Unreachable,
            channel: None,
            failure: Some(failure),
            attempts: vec![],
        }
    }

    /// A host accepts if one address does, is unreachable if all are, and rejects otherwise.
    fn add(&mut self, mut attempt: Attempt) {
        carry_would_fail(self.attempts.last(), &mut attempt);
        match (self.verdict, attempt.verdict) {
            (AttemptVerdict::Accept, _) => {}
            (_, AttemptVerdict::Accept) => {
                self.verdict = AttemptVerdict::Accept;
                self.channel = attempt.channel;
                self.failure = None;
            }
            (AttemptVerdict::Unreachable, AttemptVerdict::Reject) => {
                self.verdict = AttemptVerdict::Reject;
                self.failure.clone_from(&attempt.failure);
            }
            (AttemptVerdict::Unreachable, AttemptVerdict::Unreachable) if self.attempts.is_empty() => {
                self.failure.clone_from(&attempt.failure);
            }
            (AttemptVerdict::Unreachable, AttemptVerdict::Unreachable) | (AttemptVerdict::Reject, _) => {}
        }
        self.attempts.push(attempt);
    }

    fn accepting(&self) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.verdict == AttemptVerdict::Accept)
    }

    fn usable(&self) -> Option<Usable> {
        match (self.verdict, self.policy, self.channel) {
            (AttemptVerdict::Accept, Some(policy), Some(channel)) => {
                Some(Usable { host: self.host.clone(), policy, channel })
            }
            (AttemptVerdict::Accept | AttemptVerdict::Reject | AttemptVerdict::Unreachable, _, _) => None,
        }
    }
}

/// How the same address may be tried once more, on a new connection.
fn second_try(attempt: &Attempt, first: StartTlsUse) -> Option<StartTlsUse> {
    match first {
        StartTlsUse::AsOffered if attempt.retry_clear_text => Some(StartTlsUse::NotSent),
        StartTlsUse::AsOffered if attempt.retry_raw_key => Some(StartTlsUse::ForRawKey),
        StartTlsUse::AsOffered | StartTlsUse::NotSent | StartTlsUse::ForRawKey => None,
    }
}

/// Somebody on the path spoke into the session: nothing more is tried at this host, at no address, whatever its policy.
fn is_injection(attempt: &Attempt) -> bool {
    attempt.failure.as_ref().is_some_and(|failure| failure.code == FailureCode::Injection)
}

/// What a policy in testing mode would have refused is what broke TLS, not that the retry did without it.
fn carry_would_fail(earlier: Option<&Attempt>, retry: &mut Attempt) {
    if let Some(earlier) =
        earlier.filter(|earlier| earlier.retry_clear_text && earlier.address == retry.address)
    {
        retry.would_fail.clone_from(&earlier.would_fail);
    }
}

fn no_address(host: &str) -> Failure {
    Failure::new(FailureCode::NoAddresses, format!("The mail server {host} has no address."))
}

/// A message on its way, with what is known of each recipient.
struct Delivery<'a> {
    envelope: &'a Envelope,
    recipients: Vec<Progress>,
    attempts: Vec<(String, Attempt)>,
}

struct Progress {
    mailbox: Mailbox,
    report: Option<RecipientReport>,
    closed: bool,
}

impl<'a> Delivery<'a> {
    fn new(envelope: &'a Envelope) -> Self {
        let open = |mailbox: &Mailbox| Progress { mailbox: mailbox.clone(), report: None, closed: false };
        Self { envelope, recipients: envelope.recipients().iter().map(open).collect(), attempts: vec![] }
    }

    /// The message for those recipients that may still be offered; `None` where there is none left, or an end to it.
    fn next_envelope(&mut self, interrupt: &Interrupt) -> Option<Envelope> {
        if interrupt.is_triggered() {
            let message = "The delivery was interrupted before its outcome.";
            self.fail_open(&Failure::new(FailureCode::Interrupted, message));
            self.close();
        }
        if self.attempts.len() >= MAX_ATTEMPTS {
            self.close();
        }
        let open = self.recipients.iter().filter(|progress| !progress.closed);
        let mailboxes = open.map(|progress| progress.mailbox.clone()).collect();
        match Envelope::new(self.envelope.mail().cloned(), mailboxes, self.envelope.message().clone()) {
            Ok(envelope) => Some(envelope),
            Err(mxtls_smtp_client::NoRecipients) => None,
        }
    }

    fn fail_open(&mut self, failure: &Failure) {
        for progress in self.recipients.iter_mut().filter(|progress| !progress.closed) {
            progress.keep(RecipientReport { outcome: outcome(&progress.mailbox, failure), delivered: None });
        }
    }

    fn close(&mut self) {
        for progress in &mut self.recipients {
            progress.closed = true;
        }
    }

    fn record(&mut self, host: &SecureMxRecord, policy: &SecurityPolicy, mut attempt: Attempt) {
        carry_would_fail(self.attempts.last().map(|(_, earlier)| earlier), &mut attempt);
        let open = self.recipients.iter_mut().filter(|progress| !progress.closed);
        for (progress, outcome) in open.zip(&attempt.recipients) {
            let delivered = match (outcome.verdict, attempt.channel) {
                (Verdict::Deliver, Some(channel)) => {
                    Some(Usable { host: host.hostname.clone(), policy: policy.kind(), channel })
                }
                (Verdict::Deliver | Verdict::Defer | Verdict::Bounce, _) => None,
            };
            progress.closed = is_final(outcome);
            progress.keep(RecipientReport { outcome: outcome.clone(), delivered });
        }
        self.attempts.push((host.hostname.clone(), attempt));
    }

    fn finish(self) -> Sent {
        let recipients = self.recipients.into_iter().map(|progress| match progress.report {
            Some(report) => report,
            None => RecipientReport {
                outcome: outcome(&progress.mailbox, &no_address(progress.mailbox.domain())),
                delivered: None,
            },
        });
        Sent { recipients: recipients.collect(), attempts: self.attempts }
    }
}

impl Progress {
    /// The best host's word stands, unless a later one decides, or leaves hope where the earlier one left none.
    fn keep(&mut self, report: RecipientReport) {
        let replaces = self.closed
            || self.report.as_ref().is_none_or(|earlier| {
                earlier.outcome.verdict == Verdict::Bounce && report.outcome.verdict == Verdict::Defer
            });
        if replaces {
            self.report = Some(report);
        }
    }
}

/// Whether another server must not be asked: the message is delivered, refused for good, or may have been accepted.
fn is_final(outcome: &RecipientOutcome) -> bool {
    match &outcome.failure {
        None => outcome.verdict == Verdict::Deliver,
        Some(failure) => matches!(
            failure.code,
            FailureCode::RejectedForGood | FailureCode::UnknownOutcome | FailureCode::Interrupted
        ),
    }
}

fn outcome(mailbox: &Mailbox, failure: &Failure) -> RecipientOutcome {
    RecipientOutcome {
        rcpt: mailbox.as_str().to_owned(),
        verdict: failure.verdict(),
        code: None,
        enhanced_status: None,
        text: None,
        failure: Some(failure.clone()),
    }
}

#[cfg(test)]
mod tests {
    use mxtls_smtp_client::Message;
    use mxtls_verifier::{Offer, Roots, TlsSettings};

    use super::*;
    use crate::MxResolver;

    #[tokio::test]
    async fn futures_may_move_between_threads() {
        fn is_send<T: Send>(_: &T) {}
        let settings = TlsSettings::new(Roots::platform(), &Offer::default()).unwrap();
        let deliverer = Deliverer::new(SessionSettings::new("client.example", settings).unwrap());
        let resolver =
            MxResolver::builder().upstream(std::net::SocketAddr::from(([127, 0, 0, 1], 53))).build().unwrap();
        let resolution = resolver.resolve(&"[127.0.0.1]".parse().unwrap()).await;
        let message = Message::new(b"\r\n".as_slice()).unwrap();
        let envelope = Envelope::new(None, vec!["a@example.com".parse().unwrap()], message).unwrap();
        is_send(&deliverer.check(&resolution));
        is_send(&deliverer.check_first(&resolution));
        is_send(&deliverer.send(&resolution, &envelope, &mut Interrupt::never()));
    }

    #[test]
    fn permanent_only_where_every_host_says_so() {
        let report = |code| HostReport {
            host: "mx".into(),
            preference: 10,
            policy: None,
            verdict: AttemptVerdict::Unreachable,
            channel: None,
            failure: Some(Failure::new(code, "It is so.")),
            attempts: vec![],
        };
        let (bounce, defer) = (FailureCode::NoAddressesOfDomain, FailureCode::DnsBogus);
        for (codes, verdict) in [
            (vec![bounce, defer], Verdict::Defer),
            (vec![defer, bounce], Verdict::Defer),
            (vec![bounce], Verdict::Bounce),
            (vec![], Verdict::Defer),
        ] {
            assert_eq!(Checked::new(None, codes.into_iter().map(report).collect()).verdict, verdict);
        }
    }
}
