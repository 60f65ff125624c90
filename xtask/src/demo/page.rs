//! The demonstration for people.

use super::Row;
use super::outcome::Outcome;
use crate::tally::Tally;

/// One command and what came of it, when it is done.
pub(super) fn command(row: &Row, tally: &Tally) {
    tally.say(format_args!("{} {}", if row.ok { "ok     " } else { "FAILED " }, row.command));
    if row.ok {
        tally.say(format_args!("        {}", in_words(&row.got)));
        return;
    }
    tally.say(format_args!("        expected {}", in_words(&row.expected)));
    tally.say(format_args!("        got      {}", in_words(&row.got)));
    for line in row.problem.iter().flat_map(|problem| problem.lines()) {
        tally.say(format_args!("        {line}"));
    }
}

/// The rows of the behaviour matrix, each with its scenarios and what happened in them.
pub(super) fn matrix(rows: &[Row]) {
    let mut ids: Vec<&str> = Vec::new();
    for row in rows {
        if !ids.contains(&row.matrix.as_str()) {
            ids.push(&row.matrix);
        }
    }
    for id in ids {
        println!("\n{id}");
        for pair in rows.chunk_by(|one, other| one.scenario == other.scenario) {
            let Some(row) = pair.first().filter(|row| row.matrix == id) else { continue };
            let ok = pair.iter().all(|row| row.ok);
            println!("  {} {}", if ok { "ok    " } else { "FAILED" }, row.scenario);
            for row in pair {
                println!("           {} {}", row.word, in_words(&row.got));
            }
        }
    }
    println!();
}

/// `deliver verified dane, 1 connection, 1 MAIL, 1 DATA`.
fn in_words(outcome: &Outcome) -> String {
    let Outcome { verdict, channel, policy, failure, would_fail, connections, mail, data, exit } = outcome;
    let mut words: Vec<String> = [verdict, channel, policy, failure].into_iter().flatten().cloned().collect();
    if words.is_empty() {
        words.push("no verdict".to_owned());
    }
    if let Some(code) = would_fail {
        words.push(format!("(would fail: {code})"));
    }
    let exit = match exit {
        Some(status) => format!("exit {status}"),
        None => "killed".to_owned(),
    };
    format!("{}, {connections} connected, {mail} MAIL, {data} DATA, {exit}", words.join(" "))
}
