//! The page that says it all.

use std::fmt::{self, Display, Formatter};

use anyhow::Result;

use crate::{
    discovery::{self, Crowd},
    memory::Allocated,
    pairs::Figure,
    tlsa::{self, Comparison, Label},
};

/// Everything that was measured.
pub(crate) struct Report {
    pub(crate) processor: String,
    /// Programs and crates with their versions.
    pub(crate) versions: Vec<String>,
    pub(crate) rounds: usize,
    /// The bare verification beside itself: what the machine's noise makes of a ratio of one.
    pub(crate) bare: Figure,
    pub(crate) figures: Vec<Figure>,
    /// Why there are no figures for unbound.
    pub(crate) without_unbound: Option<String>,
    pub(crate) hostile: Vec<Figure>,
    /// Certificates held against TLSA records.
    pub(crate) certificates: Certificates,
    pub(crate) discovery: Discovery,
    /// For a message as it is, and for one with this many further records.
    pub(crate) allocated: [Allocated; 2],
    pub(crate) unrelated: usize,
    /// Octets in the cache for a signed zone, and for an unsigned one.
    pub(crate) per_zone: [usize; 2],
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { processor, rounds, unrelated, .. } = self;
        let [plain, large] = self.allocated;
        let [signed, unsigned] = self.per_zone;
        writeln!(f, "# What verdicts cost\n")?;
        writeln!(f, "{}\n", paragraph(INTRODUCTION))?;
        writeln!(f, "Measured on: {processor}.\\")?;
        writeln!(f, "With: {}.\n", self.versions.join(", "))?;
        writeln!(f, "## DNSSEC: genuine answers\n")?;
        writeln!(f, "{}\n", paragraph(GENUINE))?;
        table(f, [&self.bare].into_iter().chain(&self.figures))?;
        match &self.without_unbound {
            Some(reason) => writeln!(f, "\nunbound's library was not measured: {reason}.\n")?,
            None => writeln!(f, "\n{}\n", paragraph(UNBOUND))?,
        }
        writeln!(f, "## DNSSEC: zones whose owner means harm\n")?;
        writeln!(f, "{}\n", paragraph(HOSTILE))?;
        table(f, &self.hostile)?;
        writeln!(f, "\n## DNSSEC: memory\n")?;
        writeln!(
            f,
            "* A signed zone with one key takes {signed} octets of a `KeyCache`, an unsigned delegation {unsigned}."
        )?;
        writeln!(
            f,
            "* A warm positive verdict makes {} allocations of {} octets in all. Where the message has {unrelated} further\n  \
             records, it makes {} of {} octets: no message is copied.",
            plain.allocations, plain.octets, large.allocations, large.octets
        )?;
        write!(f, "\n{}\n{}", self.certificates, self.discovery)?;
        writeln!(f, "\n## How it is measured\n")?;
        writeln!(f, "{}\n", paragraph(METHOD))?;
        writeln!(f, "Rounds: {rounds}. To repeat it, and to write this page anew:\n")?;
        writeln!(f, "```sh\ncargo xtask bench --write\n```")
    }
}

/// What it takes to hold certificates against TLSA records.
pub(crate) struct Certificates(Vec<Comparison>);

impl Certificates {
    pub(crate) fn measure(rounds: usize) -> Result<Self> {
        Ok(Self(tlsa::measure(rounds)?))
    }
}

impl Display for Certificates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "## DANE: certificates against TLSA records\n")?;
        writeln!(f, "{}\n", paragraph(DANE))?;
        comparisons(f, &self.0)?;
        writeln!(f, "\n{}", paragraph(RIVALS))
    }
}

/// What it takes to find the servers of a domain.
pub(crate) struct Discovery {
    rows: Vec<discovery::Row>,
    crowds: Vec<Crowd>,
}

impl Discovery {
    pub(crate) fn measure() -> Result<Self> {
        let runtime = discovery::runtime()?;
        let rows = discovery::rounds(&runtime)?;
        Ok(Self { rows, crowds: discovery::crowd(&runtime, &[1_000, 10_000, 20_000])? })
    }
}

impl Display for Discovery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Discovery: round trips\n")?;
        writeln!(f, "{}\n", paragraph(ROUNDS))?;
        writeln!(f, "| domain | one question after the other | **mx-resolve** |\n|---|---:|---:|")?;
        for discovery::Row { case, resolver, sequential } in &self.rows {
            writeln!(f, "| {case} | {sequential:.1} *d* | {resolver:.1} *d* |")?;
        }
        let (delay, runs) = (discovery::DELAY.as_millis(), discovery::RUNS);
        writeln!(f, "\n*d* is {delay} ms here, and each figure the median of {runs} runs.\n")?;
        writeln!(f, "## Discovery: many domains\n")?;
        writeln!(f, "{}\n", paragraph(CROWDS))?;
        writeln!(
            f,
            "| domains | domains per second | processor time for each | peak memory | before the first |\n|---:|---:|---:|---:|---:|"
        )?;
        for Crowd { domains, time, processor, peak, idle } in &self.crowds {
            let count = *domains as f64;
            writeln!(
                f,
                "| {domains} | {:.0} | {:.2} ms | {:.1} MB | {:.1} MB |",
                count / time.as_secs_f64(),
                processor.as_secs_f64() * 1e3 / count,
                *peak as f64 / 1024.0,
                *idle as f64 / 1024.0,
            )?;
        }
        Ok(())
    }
}

const ROUNDS: &str = "Every answer leaves a fixed time *d* after its question has come. The validator is warm: it knows the keys of the root and of \
    the top-level domain, and where the row says so, from an answer of another type, what signed zone each host lies in; no \
    answer is known that is asked for. Beside MX, A, AAAA and TLSA records the `_mta-sts` record is looked for. One question \
    after the other: the same verdicts by `dnssec`, the next look-up begun when the one before has ended, and in each of them \
    every question sent when the answer to the one before has come, none of them in vain.";

const CROWDS: &str = "64 domains at once over a server on loopback that shares the processors. Each is a signed zone that nobody has asked about \
    before, with one host that has TLSA records; the top-level domain's keys are known. The resolver runs in a process of its own, whose \
    resident memory is the figure; it keeps up to 4096 verdicts, and what it knows of up to 4096 zones and as many hosts. Peak memory would grow with the number of \
    domains if anything else were kept.";

const INTRODUCTION: &str = "Times are given as ratios: for DNSSEC to one bare signature verification, ring's, on P-256, of octets that \
    lie ready; for DANE to what the table says. Each ratio is the median of interleaved pairs, with the quartiles beside it.";

const GENUINE: &str = "Three zones, root, `tld.` and one below it, are signed on P-256, with NSEC or with NSEC3 without further \
    iterations. *Cold*: nothing is known but the trust anchor, and six signatures have to be verified. *Warm*: the zone's keys are \
    known, the name is new. Messages are decoded, and in memory. \"No data\" is the AAAA of a host with an A record alone, \"no such name\" \
    the TLSA records of a host that has none. The column says how many signatures `dnssec` verifies; \
    hickory's handle verifies that of the SOA beside a denial as well.";

const UNBOUND: &str = "unbound's library does its own asking: a server on loopback has the answers ready, and what this thread spends on \
    sending and receiving is in the figure. \"For validation\" is what the same question takes longer than with another context of the \
    library that has its validator switched off.";

const HOSTILE: &str = "Each question ends as over budget. The first seven pass the limits on signatures that do not verify, on \
    hashes, on denials and on the zones that are named as signers. The rest spends what the limits on questions and on signatures \
    let pass: all of it is genuine. The zone's keys are known, but for the eighth.";

const DANE: &str = "The ratio is that of the time of the work to the time of what it is measured beside, and \"longer\" the median of \
    the differences. All keys are on P-256. Input is certificates in DER and records that have been read and found \
    usable; 64 leafs take turns. For `2 0 1` names and dates are checked, too. The key's SHA-256 and the signature are ring's, of octets \
    that lie ready. Of the 200 records one half is `2 0 1`, the other `2 1 2`, so that each certificate has to be hashed once for each: the row \
    beside the hashes says what is done beyond that. Where the last record names the last certificate, the root, the path has 29 \
    signatures, against 14 for 15 certificates.";

const RIVALS: &str = "mailrs-smtp-client only compares, and builds no path, so that it is measured where `dane` does no more; \
    so is hns-dane. Both take the leaf in DER alone; where the row speaks of a parsed leaf, that is what `dane` has: `verify_raw_key` is asked \
    with its key. Their SHA-256 is that of the crate sha2, not ring's: the row of mailrs-smtp-client beside the hash tells \
    whether all it does takes longer than ring's hash alone. hns-dane hashes certificate and key with SHA-256 and SHA-512, whatever \
    the record asks for.";

const METHOD: &str = "One run, one thread, built as programs are released: one codegen unit for each crate, and thin LTO. In each round every row is measured once, beside a batch of bare verifications, or of what its table \
    says, that comes now before it and now after it; before both, one run of each is not measured. The clock is the processor time of the thread, so that \
    neither other programs nor waiting counts. Every question to a warm validator is about another name: no cache of answers or of verified \
    RRsets has it. What a question needs is made ready before the clock runs; handing a message in, judging it, and freeing message, verdict \
    and proof are on the clock. The first row is what that makes of a bare verification itself.";

/// Text in lines of a readable length.
fn paragraph(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_ascii_whitespace() {
        if length + word.len() > 115 {
            lines.push('\n');
            length = 0;
        } else if length > 0 {
            lines.push(' ');
        }
        lines.push_str(word);
        length += word.len() + 1;
    }
    lines
}

fn table<'a>(f: &mut Formatter<'_>, figures: impl IntoIterator<Item = &'a Figure>) -> fmt::Result {
    writeln!(f, "| question | validator | signatures | ratio | quartiles | time |")?;
    writeln!(f, "|---|---|---:|---:|---:|---:|")?;
    for figure in figures {
        let [low, median, high] = figure.quartiles();
        let signatures = figure.label.signatures.map(|number| number.to_string());
        writeln!(
            f,
            "| {} | {} | {} | {} | {} – {} | {:.0} µs |",
            figure.label.question,
            figure.label.validator,
            signatures.as_deref().unwrap_or(""),
            Ratio(median),
            Ratio(low),
            Ratio(high),
            figure.time().as_secs_f64() * 1e6,
        )?;
    }
    Ok(())
}

fn comparisons(f: &mut Formatter<'_>, comparisons: &[Comparison]) -> fmt::Result {
    writeln!(f, "| work | by | beside | ratio | quartiles | longer | time | allocations |")?;
    writeln!(f, "|---|---|---|---:|---:|---:|---:|---:|")?;
    for comparison in comparisons {
        let [low, median, high] = comparison.ratios();
        let Label { work, by, beside } = &comparison.label;
        writeln!(
            f,
            "| {work} | {by} | {beside} | {} | {} – {} | {:.2} µs | {:.2} µs | {} |",
            Ratio(median),
            Ratio(low),
            Ratio(high),
            comparison.difference(),
            comparison.time().as_secs_f64() * 1e6,
            comparison.allocated.allocations,
        )?;
    }
    Ok(())
}

/// With as many digits as mean something.
struct Ratio(f64);

impl Display for Ratio {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 < 10.0 {
            true => write!(f, "{:.2}", self.0),
            false => write!(f, "{:.1}", self.0),
        }
    }
}
