//! `mxtls dns`: the verdict on DNS questions.

use std::io;

use mx_resolve::{DnsQuestion, MxResolver};

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
        (name, Some(record_type)) => {
            vec![ask(&resolver, &question(name, record_type)?, options.explain).await]
        }
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

/// All lines are read before the first question. They are asked one after the other: what an answer has taught serves
/// the next.
async fn of_standard_input(resolver: &MxResolver, explain: bool) -> Result<Vec<DnsResult>, Problem> {
    let mut questions = vec![];
    for (line, number) in io::stdin().lines().zip(1..) {
        let at_line = |message| Problem::new(message).in_file(STANDARD_INPUT.as_ref()).at(number, None);
        let line = line.map_err(|error| at_line(format!("cannot be read: {error}")))?;
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => {}
            [name, record_type] => {
                let question = question(name, record_type);
                let at_line = |problem: Problem| problem.in_file(STANDARD_INPUT.as_ref()).at(number, None);
                questions.push(question.map_err(at_line)?);
            }
            _ => return Err(at_line(format!("expected NAME TYPE, found {line:?}"))),
        }
    }
    let mut results = vec![];
    for question in questions {
        results.push(ask(resolver, &question, explain).await);
    }
    Ok(results)
}

fn question(name: &str, record_type: &str) -> Result<DnsQuestion, Problem> {
    DnsQuestion::new(name, record_type).map_err(|error| Problem::new(error.to_string()))
}

async fn ask(resolver: &MxResolver, question: &DnsQuestion, explain: bool) -> DnsResult {
    let answer = progress::during("looking up", resolver.ask(question)).await;
    DnsResult::new(&answer, explain)
}

const STANDARD_INPUT: &str = "standard input";
