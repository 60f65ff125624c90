//! `mxtls tlsa make`: the record that names a certificate or a key.

use dane::{MalformedCertificate, MalformedKey, Selector, TlsaRecord, Transport, Usage};

use crate::{
    arguments::{GlobalOptions, TlsaMakeOptions},
    certificate_file::{self, Subject},
    document::TlsaMakeDocument,
    output::Output,
    problem::Problem,
    session::SMTP,
    status::Status,
};

pub(crate) fn run(
    global: &GlobalOptions,
    options: &TlsaMakeOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let owner = match (&options.host, global.port) {
        (Some(host), port) => {
            let name = dane::owner_name(port.unwrap_or(SMTP), Transport::Tcp, host.as_str());
            Some(name.map_err(|error| Problem::new(format!("--host {host}: {error}")))?)
        }
        (None, Some(_)) => return Err(Problem::new("--port says which port of --host, which is missing")),
        (None, None) => None,
    };
    let record = record(options)?;
    output.show(&TlsaMakeDocument::new(owner, record))?;
    Ok(Status::Holds)
}

fn record(options: &TlsaMakeOptions) -> Result<TlsaRecord, Problem> {
    let TlsaMakeOptions { cert, usage, selector, matching, .. } = options;
    let at = |problem: Problem, line: Option<usize>| match line {
        Some(line) => problem.in_file(cert).at(line, None),
        None => problem.in_file(cert),
    };
    match certificate_file::subject(cert)? {
        Subject::Certificate { line, of: 2.., .. } if names_a_ca(*usage) => {
            let message =
                format!("expected one certificate, that of the CA that {usage} names, found several");
            Err(at(Problem::new(message), line))
        }
        Subject::Certificate { certificate, line, .. } => {
            TlsaRecord::from_certificate(*usage, *selector, *matching, &certificate)
                .map_err(|MalformedCertificate| at(certificate_file::no_certificate(), line))
        }
        Subject::Key { key, line } => {
            let record = TlsaRecord::from_spki(*usage, *matching, &key).map_err(|MalformedKey| {
                let message = match line {
                    Some(_) => "expected a public key in DER, found something else",
                    None => "expected a certificate or a public key in PEM or DER, found something else",
                };
                at(Problem::new(message), line)
            })?;
            match selector {
                Selector::Spki => Ok(record),
                Selector::Cert => {
                    let message =
                        "expected a certificate, which the selector Cert(0) compares, found a public key";
                    Err(at(Problem::new(message), line))
                }
            }
        }
    }
}

/// Whether the record names a certificate above the server's own: of a chain, it is not the first one.
fn names_a_ca(usage: Usage) -> bool {
    match usage {
        Usage::PkixTa | Usage::DaneTa => true,
        Usage::PkixEe | Usage::DaneEe => false,
    }
}
