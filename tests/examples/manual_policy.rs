//! Looks for the TLSA records of one host, makes a DANE policy of them by hand, and holds a session to it.

use std::time::Duration;

use mx_resolve::{Domain, MxResolver};
use mxtls_lab::Lab;
use mxtls_policy::{Requirement, SecurityPolicy};
use mxtls_smtp_client::{Attempt, Interrupt, Server, SessionSettings, StartTlsUse, Timeouts, check};
use mxtls_verifier::{Offer, Roots, TlsSettings};

/// The example, against a lab.
pub(crate) async fn run(lab: &Lab) -> Result<Attempt, Box<dyn std::error::Error>> {
    // Outside a lab this is `MxResolver::new()`.
    let resolver = MxResolver::builder()
        .upstream(lab.dns().address())
        .trust_anchor_file(lab.trust_anchor_file())
        .build()?;
    let host = Domain::parse("mx1.dane-ee-match.lab")?;
    let found = resolver.check_dane(&host, lab.port()).await;
    // A failed look-up is an error here, never an empty list.
    let records = found.policy?.tlsa_records().to_vec();
    for record in &records {
        println!("TLSA: {record}");
    }

    let policy = SecurityPolicy::dane(host.as_str(), records)?;
    let mut settings =
        SessionSettings::new("client.example", TlsSettings::new(Roots::platform(), &Offer::default())?)?;
    settings.timeouts = Timeouts::each(Duration::from_secs(5));
    let address = *found.addresses.first().ok_or("no address")?;
    let server = Server {
        address: (address, lab.port()).into(),
        host: host.as_str(),
        policy: &policy,
        requirement: Requirement::AsPolicy,
        starttls: StartTlsUse::AsOffered,
    };
    let attempt = check(&server, &settings, &mut Interrupt::never()).await;
    println!("{:?} over a {:?} channel", attempt.verdict, attempt.channel);
    Ok(attempt)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    run(&Lab::start()?).await.map(|_| ())
}
