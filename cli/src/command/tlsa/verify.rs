//! `mxtls tlsa verify`: a chain of certificates against TLSA records, without network.

use dane::{EeNames, Match, PathFault, Profile, ReferenceIds, Roots, Selection, Settings, VerifyError};
use rustls_pki_types::UnixTime;

use crate::{
    arguments::{GlobalOptions, TlsaVerifyOptions},
    certificate_file,
    document::TlsaVerifyDocument,
    output::Output,
    problem::Problem,
    status::Status,
};

pub(crate) fn run(
    global: &GlobalOptions,
    options: &TlsaVerifyOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let (profile, ee_names) = (options.profile.into(), options.ee_names.into());
    if (profile, ee_names) == (Profile::Smtp, EeNames::Check) {
        // RFC 7672 §3.1.1: a client MUST NOT.
        return Err(Problem::new(
            "--ee-names check is for the profile full: in mail, no names count for usage 3",
        ));
    }
    let [primary, others @ ..] = options.name.as_slice() else {
        return Err(Problem::new("--name is expected"));
    };
    let names =
        others.iter().fold(ReferenceIds::new(primary.as_str()), |names, other| names.and(other.as_str()));
    let chain = certificate_file::chain(&options.chain)?;
    let roots = match &options.roots {
        Some(file) => certificate_file::roots(file)?,
        None => Roots::new(),
    };
    let digests = options.digests.clone().unwrap_or_default();
    let selection = dane::select(&options.tlsa, profile, &digests);
    let verdict = match &selection {
        Selection::Usable(records) => {
            let now = global.at.unwrap_or_else(UnixTime::now);
            let settings = Settings { roots: &roots, ee_names };
            Some(dane::verify_with(&chain, records, &names, now, &settings))
        }
        Selection::AllUnusable(_) | Selection::Empty => None,
    };
    let lacks_roots = options.roots.is_none() && verdict.as_ref().is_some_and(asks_for_a_root);
    let mut document = TlsaVerifyDocument::new(&options.tlsa, &selection, verdict, &chain);
    if lacks_roots {
        document.error = document.error.map(|error| format!("{error}; --roots gives the trusted ones"));
    }
    let status = if document.is_match() { Status::Holds } else { Status::DoesNotHold };
    output.show(&document)?;
    Ok(status)
}

fn asks_for_a_root(verdict: &Result<Match, VerifyError>) -> bool {
    matches!(verdict, Err(VerifyError::Untrusted { fault: PathFault::NoTrustedRoot, .. }))
}
