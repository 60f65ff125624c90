//! A mail server that has a raw public key in the place of certificates (RFC 7250): a library user who switches raw keys on delivers to it.
//! That nobody else does is a row of the scenario file.

use std::time::Duration;

use mx_resolve::{Deliverer, Dnssec, MxResolver};
use mxtls_lab::{Lab, Scenario};
use mxtls_policy::{Channel, Verdict};
use mxtls_smtp_client::{Envelope, Interrupt, Message, SessionSettings, Timeouts};
use mxtls_verifier::{Offer, Roots, TlsSettings};

#[tokio::test]
async fn d71_08_raw_keys_reach_delivery() -> Result<(), Box<dyn std::error::Error>> {
    for (row, allow, verdict, connections, why) in [
        ("raw-key-only", false, Verdict::Defer, 1, "they are off by default"),
        ("raw-key-only", true, Verdict::Deliver, 2, "a second connection asks for the key"),
        ("dane-ee-match", true, Verdict::Deliver, 1, "a server with certificates is asked for nothing else"),
        ("dane-ee-mismatch", true, Verdict::Defer, 1, "nor is one whose certificate does not match"),
        ("tlsa-injection", true, Verdict::Defer, 1, "decision 11"),
    ] {
        let rows = Scenario::all()?.into_iter().filter(|scenario| scenario.name == row).collect();
        let lab = Lab::start_with(rows)?;
        let resolver = MxResolver::builder()
            .dnssec(Dnssec::Validate)
            .upstream(lab.dns().address())
            .trust_anchor_file(lab.trust_anchor_file())
            .port(lab.port())
            .build()?;
        let tls = TlsSettings::new(Roots::from_file(lab.ca_file())?, &Offer::default())?;
        let tls = if allow { tls.allow_raw_keys() } else { tls };
        let mut settings = SessionSettings::new("client.example", tls)?;
        settings.timeouts = Timeouts::each(Duration::from_secs(10));
        let deliverer = Deliverer::new(settings);
        let resolution = resolver.resolve(&format!("{row}.lab").parse()?).await;

        let checked = deliverer.check(&resolution).await;
        assert_eq!(checked.verdict, verdict, "{why}: {checked:?}");
        assert_eq!(lab.saw(row).connections(), connections, "{why}");
        assert_eq!(lab.saw(row).mail(), 0, "{why}: a check");

        let message = Message::new(b"Subject: hello\r\n\r\nHello.\r\n".as_slice())?;
        let recipient = format!("postmaster@{row}.lab").parse()?;
        let envelope = Envelope::new(None, vec![recipient], message)?;
        let sent = deliverer.send(&resolution, &envelope, &mut Interrupt::never()).await;
        let channels: Vec<_> =
            sent.recipients.iter().map(|one| one.delivered.as_ref().map(|usable| usable.channel)).collect();
        let delivered = (verdict == Verdict::Deliver).then_some(Channel::Verified);
        assert_eq!(channels, [delivered], "{why}: {sent:?}");
        assert_eq!(lab.saw(row).connections(), 2 * connections, "{why}");
        assert_eq!(lab.saw(row).data() > 0, delivered.is_some(), "{why}");
    }
    Ok(())
}
