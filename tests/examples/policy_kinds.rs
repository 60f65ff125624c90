//! Shows which policy each server of some domains must meet.

use mx_resolve::MxResolver;
use mxtls_lab::Lab;
use mxtls_policy::PolicyKind;
use rustls_pki_types::{CertificateDer, pem::PemObject};

/// The example, against a lab. Gives back what it prints.
pub(crate) async fn run(lab: &Lab) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    // Outside a lab this is `MxResolver::new()`.
    let resolver = MxResolver::builder()
        .upstream(lab.dns().address())
        .trust_anchor_file(lab.trust_anchor_file())
        .roots(CertificateDer::pem_file_iter(lab.ca_file())?.collect::<Result<Vec<_>, _>>()?)
        .policy_port(lab.policy_port())
        .port(lab.port())
        .build()?;
    let mut lines = vec![];
    for domain in ["dane-ee-match.lab", "sts-enforce.lab", "neither.lab"] {
        for record in resolver.resolve_secure_mx(domain).await? {
            let policy = record.policy?;
            lines.push(match policy.kind() {
                PolicyKind::Dane => format!("{domain}: DANE, {} TLSA record(s)", policy.tlsa_records().len()),
                PolicyKind::MtaSts => {
                    let mode = policy.mta_sts_policy().map(|policy| policy.mode()).ok_or("no policy")?;
                    format!("{domain}: MTA-STS, mode {mode}")
                }
                PolicyKind::Opportunistic => {
                    format!("{domain}: TLS if the server offers it, else clear text")
                }
            });
        }
    }
    Ok(lines)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in run(&Lab::start()?).await? {
        println!("{line}");
    }
    Ok(())
}
