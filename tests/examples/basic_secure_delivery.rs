//! Finds the servers of a domain with the policy of each, and gives a message to the first that takes it.
//!
//! The library does the walk from server to server by itself in [`mx_resolve::Deliverer`]; here it is by hand.

use std::time::Duration;

use mx_resolve::MxResolver;
use mxtls_lab::Lab;
use mxtls_policy::{Requirement, Verdict};
use mxtls_smtp_client::{
    Envelope, Interrupt, Message, Server, SessionSettings, StartTlsUse, Timeouts, deliver,
};
use mxtls_verifier::{Offer, Roots, TlsSettings};

/// The example, against a lab.
pub(crate) async fn run(lab: &Lab) -> Result<(), Box<dyn std::error::Error>> {
    // Outside a lab this is `MxResolver::new()`: the system's resolvers, the IANA root, port 25.
    let resolver = MxResolver::builder()
        .upstream(lab.dns().address())
        .trust_anchor_file(lab.trust_anchor_file())
        .port(lab.port())
        .build()?;
    // And this `Roots::platform()`.
    let roots = Roots::from_file(lab.ca_file())?;
    let mut settings = SessionSettings::new("client.example", TlsSettings::new(roots, &Offer::default())?)?;
    settings.timeouts = Timeouts::each(Duration::from_secs(5));

    let message = Message::new(b"From: a@client.example\r\nSubject: hello\r\n\r\nHello.\r\n".as_slice())?;
    let envelope =
        Envelope::new(Some("a@client.example".parse()?), vec!["b@dane-ee-match.lab".parse()?], message)?;

    for record in resolver.resolve_secure_mx("dane-ee-match.lab").await? {
        let policy = match record.usable() {
            Ok(policy) => policy,
            // The look-ups failed, or the policy does not list the host: the next server.
            Err(failure) => {
                println!("{} is unreachable: {failure}", record.hostname);
                continue;
            }
        };
        println!(
            "{}: {} policy, TLS mandatory: {}",
            record.hostname,
            policy.kind(),
            policy.is_tls_mandatory()
        );
        for address in record.socket_addresses() {
            let server = Server {
                address,
                host: &record.hostname,
                policy,
                requirement: Requirement::AsPolicy,
                starttls: StartTlsUse::AsOffered,
            };
            let attempt = deliver(&server, &settings, &envelope, &mut Interrupt::never()).await;
            if attempt.recipients.iter().all(|recipient| recipient.verdict == Verdict::Deliver) {
                println!("delivered to {address} over a {} channel", attempt.channel.ok_or("no channel")?);
                return Ok(());
            }
            // The policy was not met, or the server refused: the next address, the next server.
            println!(
                "{address}: {}",
                attempt.failure.map_or_else(String::new, |failure| failure.to_string())
            );
        }
    }
    Err("no server took the message: it stays in the queue".into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&Lab::start()?).await
}
