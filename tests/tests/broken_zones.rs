//! What people read about a zone that is broken: which record of which zone, what is wrong with it, what the upstream says about
//! it, and what can be done.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

mod mxtls;

use mxtls::{at_lab, run};
use mxtls_lab::dns::PathRule;
use mxtls_lab::{Lab, Scenario};
use serde_json::Value;

/// A kind of broken zone.
struct Row {
    signing: &'static str,
    /// What happens to which question; none where the zone itself is broken.
    tamper: Option<(&'static str, &'static str)>,
    code: &'static str,
    /// In the failure's detail; `DATE` stands for any date as RFC 3339 has it, `NUMBER` for any number.
    detail: &'static str,
    /// In the last line below the look-up.
    remedy: &'static str,
    why: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        signing: "expired",
        tamper: None,
        code: "dns-bogus",
        detail: "broken.lab DNSKEY: the signature expired at DATE (signed zone broken.lab)",
        remedy: "sign broken.lab again, and see why its signer stopped",
        why: "RFC 4035 5.3.1: signatures that have ended",
    },
    Row {
        signing: "not-yet-valid",
        tamper: None,
        code: "dns-bogus",
        detail: "broken.lab DNSKEY: the signature becomes valid only at DATE (signed zone broken.lab)",
        remedy: "check the clocks, here and where broken.lab is signed",
        why: "RFC 4035 5.3.1: signatures whose time has not come",
    },
    Row {
        signing: "wrong-ds",
        tamper: None,
        code: "dns-bogus",
        detail: "broken.lab DNSKEY: no usable key matches a DS record of the parent or a trust anchor (signed zone broken.lab)",
        remedy: "have DS records (or trust anchors) for broken.lab that match a key which signs its DNSKEY records",
        why: "RFC 4035 5.2: the link between parent and child",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "deny-dnskey")),
        code: "dns-bogus",
        detail: "broken.lab DNSKEY: no DNSKEY records, though the zone must be signed (signed zone broken.lab)",
        remedy: "publish the DNSKEY records of broken.lab, or have its DS records removed from the parent",
        why: "RFC 4035 5.2: a DS and no key",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "deny-ds-empty")),
        code: "dns-bogus",
        detail: "broken.lab DS: no DS records came, and no proof that there are none (signed zone lab)",
        remedy: "have the name servers of lab send the NSEC or NSEC3 records",
        why: "RFC 4035 5.2: the parent neither has a DS nor proves that there is none",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "strip-signatures")),
        code: "dns-bogus",
        detail: "mx1.broken.lab A: not signed, though its zone is (signed zone broken.lab)",
        remedy: "see whether the resolver passes signatures on",
        why: "RFC 4035 5.3.1: no signature",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "bogus")),
        code: "dns-bogus",
        detail: "mx1.broken.lab A: the signature by key NUMBER does not verify (signed zone broken.lab)",
        remedy: "sign broken.lab again, and see that all its name servers have the same version",
        why: "RFC 4035 5.3.3: a signature that does not hold",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "deny-unsigned-nxdomain")),
        code: "dns-bogus",
        detail: "mx1.broken.lab A: no records came, and no proof that there are none (signed zone broken.lab)",
        remedy: "have the name servers of broken.lab send the NSEC or NSEC3 records",
        why: "RFC 4035 5.4: no proof of absence",
    },
    Row {
        signing: "nsec3",
        tamper: Some(("mx1.broken.lab A", "deny-with-other-type")),
        code: "dns-bogus",
        detail: "mx1.broken.lab A: no records came, though the zone says that there is a A record (signed zone broken.lab)",
        remedy: "see that all name servers of broken.lab have the same version of it",
        why: "RFC 5155 8.5: a denial that says the contrary",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "expand-wildcard-over-existing")),
        code: "dns-bogus",
        detail: "mx1.broken.lab A: expanded from a wildcard without proof that nothing closer exists (signed zone broken.lab)",
        remedy: "have the name servers of broken.lab send the NSEC or NSEC3 records",
        why: "RFC 4035 5.3.4: a wildcard without its proof",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "indeterminate")),
        code: "dns-indeterminate",
        detail: "broken.lab DS: needed for the chain of trust, but could not be fetched: response code Server Failure",
        remedy: "ask the name servers for broken.lab one by one",
        why: "RFC 4035 4.3: no keys to be had",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "over-budget")),
        code: "dns-budget",
        detail: "mx1.broken.lab A: over the limit of signatures that do not verify",
        remedy: "sign broken.lab again",
        why: "more signatures than anybody tries",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "servfail")),
        code: "dns-servfail",
        detail: "mx1.broken.lab A: response code Server Failure",
        remedy: "ask the name servers for mx1.broken.lab one by one",
        why: "an upstream that says no more",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "servfail:22:at delegation broken.lab")),
        code: "dns-servfail",
        detail: "mx1.broken.lab A: response code Server Failure: the resolver says: No Reachable Authority (22): at delegation broken.lab",
        remedy: "ask the name servers for mx1.broken.lab one by one",
        why: "RFC 8914: an upstream that says why",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "servfail:4711:\u{1b}[2Jgone\n")),
        code: "dns-servfail",
        detail: r"the resolver says: extended error 4711: \u{1b}[2Jgone\u{a}",
        remedy: "ask the name servers for mx1.broken.lab one by one",
        why: "RFC 8914: a code that nobody knows, and a text that would clear the screen",
    },
    Row {
        signing: "expired",
        tamper: Some(("broken.lab MX", "extended:7:in the zone broken.lab")),
        code: "dns-bogus",
        detail: "the signature expired at DATE (signed zone broken.lab): the resolver says: Signature Expired (7): in the zone broken.lab",
        remedy: "sign broken.lab again",
        why: "RFC 8914: an answer that came all the same, as asked with CD",
    },
    Row {
        signing: "nsec",
        tamper: Some(("mx1.broken.lab A", "truncated")),
        code: "dns-malformed",
        detail: "mx1.broken.lab A: truncated answer",
        remedy: "look for what garbles the answers for mx1.broken.lab",
        why: "TC for ever",
    },
];

impl Row {
    fn lab(&self) -> Lab {
        let row = format!(
            r#"
[[scenario]]
name = "broken"
matrix = "host-error"
why = "only its look-ups matter"
signing = "{}"
zone = """
@    MX 10 mx1
mx1  A  192.0.2.1
*    A  192.0.2.2
"""
expected = {{ verdict = "defer", connections = 0, mail = 0, data = 0 }}
"#,
            self.signing
        );
        let lab = Lab::start_with(Scenario::parse(&row).unwrap()).unwrap();
        if let Some((question, way)) = self.tamper {
            lab.dns().tamper(PathRule::new(question, way.parse().unwrap()).unwrap()).unwrap();
        }
        lab
    }
}

/// The commands about one part of it say the same to people.
#[test]
fn who_asks_about_one_part_reads_the_same() {
    for row in ROWS {
        let lab = row.lab();
        let host = || "mx1.broken.lab".to_owned();
        let of_the_host = row.tamper.is_none_or(|(question, _)| question.starts_with("mx1."));
        let mut commands = vec![];
        if of_the_host {
            commands.push(at_lab(&lab, "resolve", &["--dane-only".to_owned(), host()]));
            commands.push(at_lab(&lab, "tlsa", &["show".to_owned(), host()]));
        }
        // Where the host's look-ups fail, the policy's do not.
        if !of_the_host || row.tamper.is_none() {
            commands.push(at_lab(&lab, "mta-sts", &["broken.lab".to_owned()]));
        }
        for command in commands {
            let ended = run(command.iter().filter(|argument| *argument != "--json"));
            assert_eq!(ended.status, Some(75), "{}: {ended:?}", row.why);
            for words in [row.detail, row.remedy, row.code] {
                let said = ended.stdout.lines().any(|line| says(line, words));
                assert!(said, "{}: {words:?} is not in {}", row.why, ended.stdout);
            }
            assert!(!ended.stdout.contains('\u{1b}'), "{}: {:?}", row.why, ended.stdout);
        }
    }
}

/// Whether the words stand in the text, each `DATE` and `NUMBER` for one.
fn says(text: &str, words: &str) -> bool {
    let is_date = |text: &str| {
        let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        shape == "9999-99-99T99:99:99Z"
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let found = text.split(' ').collect::<Vec<_>>();
    let wanted = words.split(' ').collect::<Vec<_>>();
    found.windows(wanted.len()).any(|window| {
        window.iter().zip(&wanted).all(|(found, wanted)| match *wanted {
            "DATE" => is_date(found),
            "NUMBER" => is_number(found),
            wanted => *found == wanted || found.trim_end_matches([':', ',', ';', ')', '.']) == wanted,
        })
    })
}

#[test]
fn what_is_broken_and_what_can_be_done() {
    for row in ROWS {
        let why = row.why;
        let lab = row.lab();
        for word in ["resolve", "check"] {
            let ended = run(at_lab(&lab, word, &["broken.lab".to_owned()]));
            assert_eq!(ended.status, Some(75), "{why}: {ended:?}");
            let result = ended.document()["results"][0].clone();
            let resolve = if word == "check" { &result["resolve"] } else { &result };
            // Where the zone's own keys are broken, the first look-up fails: that of MX records.
            let failed = if resolve["failure"].is_null() { &resolve["hosts"][0] } else { resolve };
            let failure = &failed["failure"];
            assert_eq!(failure["code"], row.code, "{why}");
            let detail = failure["detail"].as_str().unwrap();
            assert!(says(detail, row.detail), "{why}: {detail:?}");
            let step = resolve["explain"]
                .as_array()
                .unwrap()
                .iter()
                .find(|step| step["children"] != Value::Array(vec![]));
            let step = step.unwrap_or_else(|| panic!("{why}: {}", resolve["explain"]));
            assert!(says(step["result"].as_str().unwrap(), row.detail), "{why}: {step}");
            let children = step["children"].as_array().unwrap();
            let remedy = children.last().unwrap()["result"].as_str().unwrap();
            assert!(remedy.starts_with("to mend it: ") && says(remedy, row.remedy), "{why}: {remedy:?}");
            // As many links of the chain as held are named.
            if row.code == "dns-bogus" {
                assert!(
                    children[0]["result"].as_str().unwrap().starts_with("zone . secure"),
                    "{why}: {children:?}"
                );
            }

            let arguments = at_lab(&lab, word, &["broken.lab".to_owned()]);
            let text = run(arguments.iter().filter(|argument| *argument != "--json")).stdout;
            for words in [row.detail, row.remedy, row.code] {
                assert!(text.lines().any(|line| says(line, words)), "{why}: {words:?} is not in {text}");
            }
            assert!(!text.contains('\u{1b}'), "{why}: {text:?}");
            let asked = resolve["failure"].is_null();
            assert_eq!(text.contains("MTA-STS"), asked, "{why}: nobody looked for a policy: {text}");
        }
    }
}
