//! `mxtls check`: what would a sender that follows the policies do, and over which channel?

use futures_util::{StreamExt, stream};

use crate::{
    arguments::{CheckOptions, GlobalOptions},
    document::{CheckDocument, CheckedDestination, ResolvedDestination},
    output::Output,
    problem::Problem,
    progress, session,
    status::Status,
};

pub(crate) async fn run(
    global: &GlobalOptions,
    options: &CheckOptions,
    output: &Output,
) -> Result<Status, Problem> {
    let resolver = session::resolver(global, &options.policy, None)?;
    let checker = session::checker(global, &options.policy)?;
    let results = stream::iter(&options.destinations)
        .map(async |destination| {
            let resolution = resolver.resolve(destination).await;
            let checked = if options.first {
                checker.check_first(&resolution).await
            } else {
                checker.check(&resolution).await
            };
            let resolve = ResolvedDestination::new(&resolution, options.policy.requirement());
            CheckedDestination::new(resolve, &checked)
        })
        .buffered(options.concurrency.into())
        .collect();
    let results: Vec<_> = progress::during("checking", results).await;
    let status = Status::of_all(results.iter().map(|result| result.verdict.into()));
    output.show(&CheckDocument { results })?;
    Ok(status)
}
