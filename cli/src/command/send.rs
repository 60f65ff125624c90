//! `mxtls send`: delivers, and says of every recipient what became of the message.

use mx_resolve::{Deliverer, Destination, MxResolver, Resolution};
use mxtls_policy::{Failure, FailureCode};
use mxtls_smtp_client::{Envelope, Interrupt, Mailbox, Message};

use crate::{
    arguments::{GlobalOptions, SendOptions},
    case_file::{self, Case, CaseEnvelope, Content},
    composed,
    document::{SendDocument, SentEnvelope, SentRecipient},
    interruption,
    output::Output,
    problem::Problem,
    progress, session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &SendOptions,
    output: &Output,
) -> Result<Status, Problem> {
    // All that can be wrong with the command line and the files shows here, before anything is sent.
    let case = case(options)?;
    let ehlo = session::ehlo(&options.policy, Some(&case));
    let work = case.envelopes.iter().map(|envelope| {
        let groups = groups(&envelope.rcpt, &case.mx)?;
        Ok(Work {
            envelope,
            message: composed::message(envelope, &ehlo).map_err(|problem| case.name_in(problem))?,
            groups,
        })
    });
    let work: Vec<Work<'_>> = work.collect::<Result<_, Problem>>()?;
    let resolver = session::resolver(global, &options.policy, Some(&case))?;
    let deliverer = session::sender(global, &options.policy, &case)?;
    let interrupt = interruption::listen()
        .map_err(|error| Problem::new(format!("Ctrl-C cannot be listened for: {error}")))?;

    let mut sending = Sending { resolver, deliverer, interrupt };
    let envelopes = progress::during("sending", async {
        let mut envelopes = vec![];
        for work in &work {
            envelopes.push(sending.envelope(work).await);
        }
        envelopes
    })
    .await;
    let recipients = envelopes.iter().flat_map(|envelope| &envelope.recipients);
    let status = Status::of_all(recipients.map(|recipient| recipient.verdict.into()));
    output.show(&SendDocument { envelopes })?;
    Ok(status)
}

/// The case file, or a case of one message.
fn case(options: &SendOptions) -> Result<Case, Problem> {
    match (&options.case, &options.from, &options.message) {
        (Some(file), _, _) => Case::read(file),
        (None, Some(from), Some(message)) => {
            let mail = case_file::reverse_path(from).map_err(Problem::new)?;
            let rcpt = options.to.iter().map(|to| case_file::mailbox(to)).collect::<Result<_, _>>();
            let envelope = CaseEnvelope {
                mail,
                rcpt: rcpt.map_err(Problem::new)?,
                content: Content::File(message.clone()),
            };
            Ok(Case { envelopes: vec![envelope], ..Case::default() })
        }
        (None, _, _) => Err(Problem::new("--case, or --from, --to and --message are expected")),
    }
}

/// An envelope with all that is needed to send it.
struct Work<'a> {
    envelope: &'a CaseEnvelope,
    /// The message, or why it bounces.
    message: Result<Message, Failure>,
    groups: Vec<Group>,
}

/// Recipients whose mail goes to the same place.
struct Group {
    /// The next hops, to be tried in this order.
    next_hops: Vec<Destination>,
    /// Places in the envelope.
    recipients: Vec<usize>,
}

/// By domain; all together where a case names the hosts. In the order of their first recipients.
fn groups(recipients: &[Mailbox], smart_hosts: &[Destination]) -> Result<Vec<Group>, Problem> {
    if !smart_hosts.is_empty() {
        let recipients = (0..recipients.len()).collect();
        return Ok(vec![Group { next_hops: smart_hosts.to_vec(), recipients }]);
    }
    let mut groups: Vec<Group> = vec![];
    for (place, mailbox) in recipients.iter().enumerate() {
        let next_hop: Destination =
            mailbox.domain().parse().map_err(|error| Problem::new(format!("{error}")))?;
        match groups.iter_mut().find(|group| group.next_hops.contains(&next_hop)) {
            Some(group) => group.recipients.push(place),
            None => groups.push(Group { next_hops: vec![next_hop], recipients: vec![place] }),
        }
    }
    Ok(groups)
}

/// The means of delivery.
struct Sending {
    resolver: MxResolver,
    deliverer: Deliverer,
    interrupt: Interrupt,
}

impl Sending {
    async fn envelope(&mut self, work: &Work<'_>) -> SentEnvelope {
        let mailboxes = &work.envelope.rcpt;
        let mail = work.envelope.mail.as_ref().map_or_else(String::new, ToString::to_string);
        let message = match &work.message {
            Ok(message) => message,
            Err(failure) => {
                let recipients = mailboxes.iter().map(|rcpt| SentRecipient::failed(rcpt, failure)).collect();
                return SentEnvelope { mail, recipients, attempts: vec![] };
            }
        };
        let mut results: Vec<(usize, SentRecipient)> = vec![];
        let mut attempts = vec![];
        for group in &work.groups {
            let recipients: Vec<Mailbox> =
                group.recipients.iter().filter_map(|place| mailboxes.get(*place)).cloned().collect();
            let interrupted = || {
                let message = "The delivery was interrupted before it began.";
                let failure = Failure::new(FailureCode::Interrupted, message);
                recipients.iter().map(|rcpt| SentRecipient::failed(rcpt, &failure)).collect()
            };
            let envelope = Envelope::new(work.envelope.mail.clone(), recipients.clone(), message.clone());
            let sent: Vec<SentRecipient> = match (self.resolve(&group.next_hops).await, envelope) {
                (Some(resolution), Ok(envelope)) => {
                    let sent = self.deliverer.send(&resolution, &envelope, &mut self.interrupt).await;
                    attempts.extend(sent.attempts.iter().map(Into::into));
                    sent.recipients.iter().map(SentRecipient::from).collect()
                }
                (None, _) | (_, Err(_)) => interrupted(),
            };
            results.extend(group.recipients.iter().copied().zip(sent));
        }
        results.sort_by_key(|(place, _)| *place);
        SentEnvelope {
            mail,
            recipients: results.into_iter().map(|(_, recipient)| recipient).collect(),
            attempts,
        }
    }

    /// The servers of the next hops, those of the first one first. `None` where the interrupt came before.
    async fn resolve(&mut self, next_hops: &[Destination]) -> Option<Resolution> {
        let mut whole: Option<Resolution> = None;
        for next_hop in next_hops {
            let resolution = tokio::select! {
                biased;
                () = self.interrupt.triggered() => return None,
                resolution = self.resolver.resolve(next_hop) => resolution,
            };
            match &mut whole {
                Some(whole) => whole.hosts.extend(resolution.hosts),
                None => whole = Some(resolution),
            }
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mailboxes(texts: &[&str]) -> Vec<Mailbox> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn recipients_are_grouped_by_domain() {
        let recipients =
            mailboxes(&["a@x.example", "b@y.example", "c@X.Example", "a@x.example", "d@[192.0.2.1]"]);
        let found: Vec<_> =
            groups(&recipients, &[]).unwrap().into_iter().map(|group| group.recipients).collect();
        assert_eq!(
            found,
            [vec![0, 2, 3], vec![1], vec![4]],
            "each place once, also where an address stands twice"
        );
    }

    #[test]
    fn smart_hosts_take_all_recipients() {
        let hosts: Vec<Destination> =
            ["[mx1.example]", "[mx2.example]"].map(|host| host.parse().unwrap()).into();
        let groups = groups(&mailboxes(&["a@x.example", "b@y.example"]), &hosts).unwrap();
        let [group] = groups.as_slice() else { panic!("one group expected") };
        assert_eq!((&group.next_hops, &group.recipients), (&hosts, &vec![0, 1]));
    }
}
