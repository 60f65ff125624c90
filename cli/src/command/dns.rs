//! `mxtls dns`: the verdict on DNS questions.

use std::io;

use mx_resolve::MxResolver;

use crate::{
    arguments::{DnsOptions, GlobalOptions},
    document::{DnsDocument, DnsResult},
    output::Output,
    problem::Problem,
    progress, session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &DnsOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let resolver = session::plain_resolver(global)?;
    let results = match (options.name.as_str(), &options.record_type) {
        ("-", None) => of_standard_input(&resolver, options.explain).await?,
        ("-", Some(_)) => {
            return Err(Problem::new(
                "with - the questions come from standard input, no type stands beside it",
            ));
        }
        (name, Some(record_type)) => vec![ask(&resolver, name, record_type, options.explain).await?],
        (name, None) => {
            return Err(Problem::new(format!("a record type is expected after {name}, such as MX or TLSA")));
        }
    };
    let status = Status::of_all(results.iter().map(|result| match result.failure {
        None => Status::Holds,
        Some(_) => Status::Temporary,
    }));
    output.show(&DnsDocument { results })?;
    Ok(status)
}

/// One after the other: what an answer has taught serves the next.
async fn of_standard_input(resolver: &MxResolver, explain: bool) -> Result<Vec<DnsResult>, Problem> {
    let mut results = vec![];
    for (index, line) in io::stdin().lines().enumerate() {
        let at_line =
            |problem: Problem| problem.in_file(STANDARD_INPUT.as_ref()).at(index.saturating_add(1), None);
        let line = line.map_err(|error| at_line(Problem::new(format!("cannot be read: {error}"))))?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [name, record_type] => {
                results.push(ask(resolver, name, record_type, explain).await.map_err(at_line)?);
            }
            _ => return Err(at_line(Problem::new(format!("expected NAME TYPE, found {line:?}")))),
        }
    }
    Ok(results)
}

async fn ask(
    resolver: &MxResolver,
    name: &str,
    record_type: &str,
    explain: bool,
) -> Result<DnsResult, Problem> {
    match progress::during("looking up", resolver.dns(name, record_type)).await {
        Ok(answer) => Ok(DnsResult::new(&answer, explain)),
        Err(error) => Err(Problem::new(error.to_string())),
    }
}

const STANDARD_INPUT: &str = "standard input";
