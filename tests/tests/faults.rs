//! One test for each kind of DNS error and each type of question (D72-06, RFC 7672 §2.1): an error never weakens what the same
//! domain gets without it, whether the resolver starts with the error or knew something before.
//!
//! Every world here has DANE and an enforced MTA-STS policy that the server meets too, so that whoever takes an error for "no such
//! record" is seen to deliver under the policy. Each fault meets four resolvers:
//!
//! * *cold*: it has asked nothing before;
//! * *keys known*: an earlier question in the same zone left the zone's DS and DNSKEY in its cache;
//! * *answer known*: the very same question was answered before, and its TTL has not ended: the verdict of then counts;
//! * *answer ended*: it was answered before with a TTL of 0, which is no answer now.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions may panic too: that is how it fails"
)]

use std::time::Duration;

use mx_resolve::{Checked, Deliverer, Destination, Dnssec, MxResolver, PolicySource, Resolution};
use mxtls_lab::dns::{PathRule, Tamper};
use mxtls_lab::{Lab, Scenario};
use mxtls_smtp_client::{AttemptVerdict, SessionSettings, Timeouts};
use mxtls_verifier::{Offer, Roots, TlsSettings};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Where no answer comes: long enough for a loaded machine to answer the other questions on loopback, short enough to be waited for.
const SHORT_DNS_TIMEOUT: Duration = Duration::from_secs(1);
/// Where every question is answered.
const DNS_TIMEOUT: Duration = Duration::from_secs(20);
const SMTP_TIMEOUT: Duration = Duration::from_secs(20);

/// The kinds of error in the lab's words, and the code of each.
mod kind {
    pub(super) type Kind = (&'static str, &'static str);

    pub(super) const SERVFAIL: Kind = ("servfail", "dns-servfail");
    pub(super) const REFUSED: Kind = ("refused", "dns-servfail");
    pub(super) const TIMEOUT: Kind = ("timeout", "dns-timeout");
    pub(super) const BOGUS: Kind = ("bogus", "dns-bogus");
    pub(super) const INDETERMINATE: Kind = ("indeterminate", "dns-indeterminate");
    pub(super) const MALFORMED: Kind = ("malformed", "dns-malformed");
    pub(super) const OVER_BUDGET: Kind = ("over-budget", "dns-budget");
}
use kind::Kind;

/// What must come of mail for the domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Outcome {
    /// RFC 7672 §2.1.2: no server can be named, the mail waits, nobody is connected to.
    NoServer,
    /// RFC 7672 §2.1.2: the one host is unreachable, the mail waits, nobody is connected to.
    NoHost,
    /// Delivered under DANE over this many addresses.
    Dane { addresses: u32 },
}
use Outcome::{Dane, NoHost, NoServer};

/// Where a fault strikes.
struct Place {
    /// Records of the zone `hosts` below the domain; the TLSA records have a zone of their own, and so has `unsigned.hosts`.
    hosts: &'static str,
    /// The questions that go wrong; names are below the domain.
    questions: &'static [&'static str],
    /// An undisturbed question in the same zone.
    neighbour: &'static str,
    /// Without any fault.
    undisturbed: Outcome,
    /// With it: servfail, refused, timeout, bogus, malformed, over budget.
    disturbed: Outcome,
    /// With the keys of the zone missing, which concerns every answer from the zone.
    without_keys: Outcome,
}

const MX: Place = Place {
    hosts: "mx1 A {ip mx1}",
    questions: &["@ MX"],
    neighbour: "@ TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoServer,
    without_keys: NoServer,
};

const A_ALONE: Place = Place {
    hosts: "mx1 A {ip mx1}",
    questions: &["mx1.hosts A"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

/// Decision 28: the other family has a verdict and an address. Missing keys are missing for that family too.
const A_BESIDE_AAAA: Place = Place {
    hosts: "mx1 A {ip mx1}\nmx1 AAAA ::ffff:{ip mx1}",
    questions: &["mx1.hosts A"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 2 },
    disturbed: Dane { addresses: 1 },
    without_keys: NoHost,
};

const AAAA_ALONE: Place = Place {
    hosts: "mx1 AAAA ::ffff:{ip mx1}",
    questions: &["mx1.hosts AAAA"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

const AAAA_BESIDE_A: Place = Place {
    hosts: "mx1 A {ip mx1}\nmx1 AAAA ::ffff:{ip mx1}",
    questions: &["mx1.hosts AAAA"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 2 },
    disturbed: Dane { addresses: 1 },
    without_keys: NoHost,
};

/// Both families fail: there is no mercy of decision 28.
const A_AND_AAAA: Place = Place {
    hosts: "mx1 A {ip mx1}\nmx1 AAAA ::ffff:{ip mx1}",
    questions: &["mx1.hosts A", "mx1.hosts AAAA"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 2 },
    disturbed: NoHost,
    without_keys: NoHost,
};

/// The host is an alias, met on the way to its addresses.
const CNAME_ON_THE_WAY: Place = Place {
    hosts: "mx1 CNAME real\nreal A {ip mx1}",
    questions: &["mx1.hosts A", "mx1.hosts AAAA", "mx1.hosts CNAME"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

/// RFC 7672 §2.2.2: the alias leads into an unsigned zone, so it is asked for by itself, and its records are at the alias.
const CNAME_BY_ITSELF: Place = Place {
    hosts: "mx1 CNAME mx1.unsigned",
    questions: &["mx1.hosts CNAME"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

const TLSA: Place = Place {
    hosts: "mx1 A {ip mx1}",
    questions: &["_{port}._tcp.mx1.hosts TLSA"],
    neighbour: "_tcp.mx1.hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

/// RFC 7672 §2.2.3, decision 28: the first of two candidates. The second one has records too, and they do not count then.
const TLSA_AT_EXPANDED_NAME: Place = Place {
    hosts: "mx1 CNAME real\nreal A {ip mx1}\n_{port}._tcp.real TLSA {tlsa mx1 3 1 1}",
    questions: &["_{port}._tcp.real.hosts TLSA"],
    neighbour: "hosts TXT",
    undisturbed: Dane { addresses: 1 },
    disturbed: NoHost,
    without_keys: NoHost,
};

/// The second candidate, after the denial of the first.
const TLSA_AT_ORIGINAL_NAME: Place = Place { hosts: "mx1 CNAME real\nreal A {ip mx1}", ..TLSA };

macro_rules! one_test_per_kind {
    ($($place:ident: $at:expr;)*) => {$(
        mod $place {
            use super::{kind, meets};

            #[tokio::test]
            async fn d72_06_servfail() {
                meets(&$at, kind::SERVFAIL).await;
            }

            #[tokio::test]
            async fn d72_06_refused() {
                meets(&$at, kind::REFUSED).await;
            }

            #[tokio::test]
            async fn d72_06_timeout() {
                meets(&$at, kind::TIMEOUT).await;
            }

            #[tokio::test]
            async fn d72_06_bogus() {
                meets(&$at, kind::BOGUS).await;
            }

            #[tokio::test]
            async fn d72_06_indeterminate() {
                meets(&$at, kind::INDETERMINATE).await;
            }

            #[tokio::test]
            async fn d72_06_malformed() {
                meets(&$at, kind::MALFORMED).await;
            }

            #[tokio::test]
            async fn d72_06_over_budget() {
                meets(&$at, kind::OVER_BUDGET).await;
            }
        }
    )*};
}

one_test_per_kind! {
    mx: super::MX;
    a: super::A_ALONE;
    a_beside_aaaa: super::A_BESIDE_AAAA;
    aaaa: super::AAAA_ALONE;
    aaaa_beside_a: super::AAAA_BESIDE_A;
    a_and_aaaa: super::A_AND_AAAA;
    cname_on_the_way: super::CNAME_ON_THE_WAY;
    cname_by_itself: super::CNAME_BY_ITSELF;
    tlsa: super::TLSA;
    tlsa_at_expanded_name: super::TLSA_AT_EXPANDED_NAME;
    tlsa_at_original_name: super::TLSA_AT_ORIGINAL_NAME;
}

/// Holds the four resolvers against the table.
async fn meets(place: &Place, (way, code): Kind) {
    // A record's own TTL would hide the error, so the world stands twice: with the usual TTL and with 0.
    let lasting = World::start(place, 300, way);
    let ended = World::start(place, 0, way);
    let with_fault = if way == "indeterminate" { place.without_keys } else { place.disturbed };
    for world in [&lasting, &ended] {
        assert_eq!(world.ask(&world.resolver()).await, (place.undisturbed, None), "without the fault");
    }

    let keys_known = lasting.resolver();
    lasting.warm_keys(&keys_known, place.neighbour).await;
    let answer_known = lasting.resolver();
    assert_eq!(lasting.ask(&answer_known).await, (place.undisturbed, None), "before the fault");
    let answer_ended = ended.resolver();
    assert_eq!(ended.ask(&answer_ended).await, (place.undisturbed, None), "before the fault");

    lasting.disturb(place);
    ended.disturb(place);

    let failing = (with_fault, failure_of(with_fault, code));
    assert_eq!(lasting.ask(&lasting.resolver()).await, failing, "cold");
    // RFC 4035 §4.3: whoever has the keys already does not miss them, and a denial beside the answer may have left them.
    let keys_known_expected =
        if way == "indeterminate" { (place.undisturbed, None) } else { failing.clone() };
    assert_eq!(lasting.ask(&keys_known).await, keys_known_expected, "keys known");
    let got = ended.ask(&answer_ended).await;
    assert!(got == failing || got == keys_known_expected, "answer ended: {got:?}, expected {failing:?}");

    lasting.lab.dns().clear_log();
    assert_eq!(lasting.ask(&answer_known).await, (place.undisturbed, None), "answer known");
    let asked_again = lasting.lab.dns().queries(|query| {
        place.questions.iter().any(|question| {
            let (name, rtype) = lasting.question(question);
            query.name == name && query.rtype.to_string() == rtype
        })
    });
    assert_eq!(asked_again, [], "an answer within its TTL is not asked for again");
}

/// Where nothing is delivered the failure has the code of the error.
fn failure_of(outcome: Outcome, code: &str) -> Option<String> {
    match outcome {
        NoServer | NoHost => Some(code.to_owned()),
        Dane { .. } => None,
    }
}

/// One domain in a lab of its own.
struct World {
    lab: Lab,
    /// What will go wrong in it.
    way: &'static str,
}

const DOMAIN: &str = "fault.lab";

impl World {
    fn start(place: &Place, ttl: u32, way: &'static str) -> Self {
        let row = format!(
            r#"
[[scenario]]
name = "fault"
matrix = "dane-usable"
why = "DANE decides, and MTA-STS would take the certificate too"
zone = """
$TTL {ttl}
@        MX   10 mx1.hosts
@        TXT  "a neighbour"
mta-sts  A    {{ip mta-sts}}
_mta-sts TXT  "v=STSv1; id=1;"
"""
servers.mx1 = {{ host = "mx1.hosts.{{domain}}", certificate.issuer = "root" }}
expected = {{ verdict = "deliver", channel = "verified", policy = "dane", connections = 1, mail = 1, data = 1 }}
[scenario.policy-host]
policy = """
version: STSv1
mode: enforce
mx: mx1.hosts.{{domain}}
max_age: 86400
"""
[scenario.zones."hosts.{{domain}}."]
text = """
$TTL {ttl}
@ TXT "a neighbour"
{hosts}
"""
[scenario.zones."_tcp.mx1.hosts.{{domain}}."]
text = """
$TTL {ttl}
@       TXT   "a neighbour"
_{{port}} TLSA  {{tlsa mx1 3 1 1}}
"""
[scenario.zones."unsigned.hosts.{{domain}}."]
signing = "unsigned"
text = """
$TTL {ttl}
mx1 A {{ip mx1}}
"""
"#,
            hosts = place.hosts
        );
        Self { lab: Lab::start_with(Scenario::parse(&row).unwrap()).unwrap(), way }
    }

    fn resolver(&self) -> MxResolver {
        resolver(&self.lab, self.way)
    }

    /// The name, absolute, and the type of a question of a [`Place`].
    fn question(&self, text: &str) -> (String, String) {
        let (name, rtype) = text.split_once(' ').unwrap();
        let name = match name {
            "@" => format!("{DOMAIN}."),
            below => format!("{below}.{DOMAIN}.").replace("{port}", &self.lab.port().to_string()),
        };
        (name, rtype.to_owned())
    }

    fn disturb(&self, place: &Place) {
        for question in place.questions {
            let (name, rtype) = self.question(question);
            let tamper: Tamper = self.way.parse().unwrap();
            self.lab.dns().tamper(PathRule::new(&format!("{name} {rtype}"), tamper).unwrap()).unwrap();
        }
    }

    async fn warm_keys(&self, resolver: &MxResolver, neighbour: &str) {
        let (name, rtype) = self.question(neighbour);
        let answer = resolver.dns(&name, &rtype).await.unwrap().result.unwrap();
        assert_eq!(answer.status.to_string(), "secure");
    }

    /// Resolves and connects: what came of it, with the code of the failure, and the rest held against that.
    async fn ask(&self, resolver: &MxResolver) -> (Outcome, Option<String>) {
        let before = self.lab.saw("fault").connections();
        let destination: Destination = DOMAIN.parse().unwrap();
        let resolution = resolver.resolve(&destination).await;
        let checked = deliverer(&self.lab).check(&resolution).await;
        let connections = self.lab.saw("fault").connections() - before;
        let failure = checked.failure.as_ref().map(|failure| failure.code.to_string());
        let outcome = match (&checked.usable, checked.hosts.as_slice()) {
            (Some(usable), [host]) => {
                let said = (usable.policy.to_string(), usable.channel.to_string());
                assert_eq!(said, ("dane".to_owned(), "verified".to_owned()));
                assert_eq!(host.attempts.len(), connections as usize);
                Dane { addresses: connections }
            }
            (None, []) => {
                assert_eq!((connections, checked.verdict.to_string().as_str()), (0, "defer"));
                NoServer
            }
            (None, [host]) => {
                assert_eq!((connections, checked.verdict.to_string().as_str()), (0, "defer"));
                assert_eq!(host.verdict, AttemptVerdict::Unreachable);
                assert_eq!(host.failure.as_ref().map(|failure| failure.code.to_string()), failure);
                NoHost
            }
            other => panic!("{other:?}"),
        };
        (outcome, failure)
    }
}

/// Decision 28: the error of the family that failed is on record though the host is reached by the other.
#[tokio::test]
async fn an_error_that_does_not_matter_is_recorded() {
    let world = World::start(&A_BESIDE_AAAA, 300, "servfail");
    world.disturb(&A_BESIDE_AAAA);
    let resolution = world.resolver().resolve(&DOMAIN.parse().unwrap()).await;
    let step =
        resolution.explain.iter().find(|step| step.subject == format!("mx1.hosts.{DOMAIN} A")).unwrap();
    assert!(step.result.contains("dns-servfail"), "{step:?}");
    assert_eq!(step.status, None);
}

/// RFC 7672 §2.2.3: an error of the first candidate ends the search.
#[tokio::test]
async fn d72_44_an_error_at_the_expanded_name_leaves_the_original_unasked() {
    let world = World::start(&TLSA_AT_ORIGINAL_NAME, 300, "servfail");
    let asked = || {
        world
            .lab
            .dns()
            .queries(|query| query.name.contains("._tcp.mx1.") && query.rtype.to_string() == "TLSA")
    };
    world.ask(&world.resolver()).await;
    assert_eq!(asked().len(), 1, "without the fault");
    world.lab.dns().clear_log();
    world.disturb(&TLSA_AT_EXPANDED_NAME);
    assert_eq!(world.ask(&world.resolver()).await, (NoHost, Some("dns-servfail".to_owned())));
    assert_eq!(asked(), []);
}

/// The `_mta-sts` record under the same errors.
mod txt {
    use super::{Kind, PolicySource, kind, mta_sts, usable};

    const QUESTIONS: &[&str] = &["_mta-sts TXT"];

    /// What decision 27 makes of an error, without and with a policy in the cache.
    struct Row {
        kind: Kind,
        /// `true`: nobody can tell whether there is a policy, the mail waits. `false`: as without a policy (RFC 8461 §3.3).
        waits: bool,
    }

    const ROWS: [Row; 7] = [
        Row { kind: kind::SERVFAIL, waits: false },
        Row { kind: kind::REFUSED, waits: false },
        Row { kind: kind::TIMEOUT, waits: false },
        Row { kind: kind::MALFORMED, waits: false },
        Row { kind: kind::BOGUS, waits: true },
        Row { kind: kind::INDETERMINATE, waits: true },
        Row { kind: kind::OVER_BUDGET, waits: true },
    ];

    #[tokio::test]
    async fn decision_27_without_a_cached_policy() {
        for Row { kind: (way, code), waits } in ROWS {
            let lab = mta_sts::start();
            mta_sts::disturb(&lab, way, QUESTIONS);
            let resolver = super::resolver(&lab, way);
            // The certificate of this server would not be taken under the policy.
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            let report = resolution.mta_sts.unwrap();
            assert_eq!(report.failure.unwrap().code.to_string(), code, "{way}");
            assert_eq!(report.source, PolicySource::None, "{way}");
            if waits {
                assert_eq!(checked.failure.unwrap().code.to_string(), code, "{way}");
                assert_eq!(checked.verdict.to_string(), "defer", "{way}");
                assert_eq!(lab.saw("self-signed").connections(), 0, "{way}");
            } else {
                assert_eq!(usable(checked), "opportunistic, encrypted", "{way}");
            }
            // Where DANE stands alone nothing depends on the record.
            let (_, checked) = mta_sts::ask(&lab, &resolver, "dane").await;
            assert_eq!(usable(checked), "dane, verified", "{way}");
        }
    }

    /// Errors are remembered for a while. This one would let mail go out without the policy.
    #[tokio::test]
    async fn decision_27_the_record_is_asked_for_at_each_attempt() {
        for Row { kind: (way, _), waits } in ROWS {
            let lab = mta_sts::start();
            mta_sts::disturb(&lab, way, QUESTIONS);
            let resolver = super::resolver(&lab, way);
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            assert_eq!(resolution.mta_sts.unwrap().source, PolicySource::None, "{way}");
            assert_eq!(checked.usable.is_none(), waits, "{way}");
            lab.dns().clear_tampering();
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            assert_eq!(resolution.mta_sts.unwrap().source, PolicySource::Fetched, "{way}");
            assert_eq!(checked.failure.unwrap().code.to_string(), "certificate-untrusted", "{way}");
        }
    }

    #[tokio::test]
    async fn decision_27_with_a_cached_policy() {
        for Row { kind: (way, code), .. } in ROWS {
            let lab = mta_sts::start();
            let resolver = super::resolver(&lab, way);
            for domain in ["self-signed", "valid"] {
                let (resolution, _) = mta_sts::ask(&lab, &resolver, domain).await;
                assert_eq!(resolution.mta_sts.unwrap().source, PolicySource::Fetched, "{way}");
            }
            mta_sts::disturb(&lab, way, QUESTIONS);
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            let report = resolution.mta_sts.unwrap();
            // The keys of the zone are known by now: that they cannot be had any more is no fault.
            let expected = (way != kind::INDETERMINATE.0).then(|| code.to_owned());
            assert_eq!(report.failure.map(|failure| failure.code.to_string()), expected, "{way}");
            assert_eq!(report.source, PolicySource::Cache, "{way}");
            assert_eq!(checked.failure.unwrap().code.to_string(), "certificate-untrusted", "{way}");
            assert_eq!(checked.verdict.to_string(), "defer", "{way}");

            let (_, checked) = mta_sts::ask(&lab, &resolver, "valid").await;
            assert_eq!(usable(checked), "mta-sts, verified", "{way}");
        }
    }
}

/// The addresses of the policy host under the same errors: decision 27 makes a failed fetch of each (RFC 8461 §3.3).
mod policy_host {
    use super::{Kind, PolicySource, kind, mta_sts, usable};

    const KINDS: [Kind; 7] = [
        kind::SERVFAIL,
        kind::REFUSED,
        kind::TIMEOUT,
        kind::MALFORMED,
        kind::BOGUS,
        kind::INDETERMINATE,
        kind::OVER_BUDGET,
    ];

    /// Both families, and the one that has the address: the other has nothing that could take its place.
    const QUESTIONS: [&[&str]; 2] = [&["mta-sts A", "mta-sts AAAA"], &["mta-sts A"]];

    #[tokio::test]
    async fn decision_27_without_a_cached_policy() {
        for (questions, (way, _)) in
            QUESTIONS.into_iter().flat_map(|questions| KINDS.map(|kind| (questions, kind)))
        {
            let lab = mta_sts::start();
            mta_sts::disturb(&lab, way, questions);
            let resolver = super::resolver(&lab, way);
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            let report = resolution.mta_sts.unwrap();
            assert_eq!(report.failure.unwrap().code.to_string(), "policy-fetch", "{way}");
            assert_eq!(
                (report.source, lab.saw("self-signed").policy_host.connections),
                (PolicySource::None, 0),
                "{way}"
            );
            assert_eq!(usable(checked), "opportunistic, encrypted", "{way}");
            // Where DANE stands alone nothing depends on the policy.
            let (_, checked) = mta_sts::ask(&lab, &resolver, "dane").await;
            assert_eq!(usable(checked), "dane, verified", "{way}");
        }
    }

    #[tokio::test]
    async fn decision_27_with_a_cached_policy() {
        for (questions, (way, _)) in
            QUESTIONS.into_iter().flat_map(|questions| KINDS.map(|kind| (questions, kind)))
        {
            let lab = mta_sts::start();
            let resolver = super::resolver(&lab, way);
            for domain in ["self-signed", "valid"] {
                let (resolution, _) = mta_sts::ask(&lab, &resolver, domain).await;
                assert_eq!(resolution.mta_sts.unwrap().source, PolicySource::Fetched, "{way}");
                // Another id: the policy is to be fetched again.
                lab.dns().replace_txt(&format!("_mta-sts.{domain}.lab."), "v=STSv1; id=2;").unwrap();
            }
            mta_sts::disturb(&lab, way, questions);
            let (resolution, checked) = mta_sts::ask(&lab, &resolver, "self-signed").await;
            let report = resolution.mta_sts.unwrap();
            // The keys of the zone are known by now: that they cannot be had any more is no fault.
            let (failure, source) = match way == kind::INDETERMINATE.0 {
                true => (None, PolicySource::Fetched),
                false => (Some("policy-fetch".to_owned()), PolicySource::Cache),
            };
            assert_eq!(report.failure.map(|failure| failure.code.to_string()), failure, "{way}");
            assert_eq!(report.source, source, "{way}");
            assert_eq!(checked.failure.unwrap().code.to_string(), "certificate-untrusted", "{way}");
            assert_eq!(checked.verdict.to_string(), "defer", "{way}");

            let (_, checked) = mta_sts::ask(&lab, &resolver, "valid").await;
            assert_eq!(usable(checked), "mta-sts, verified", "{way}");
        }
    }

    /// Decision 28: the policy is fetched from the address that there is.
    #[tokio::test]
    async fn one_family_is_enough() {
        // Missing keys are missing for both.
        for (way, _) in KINDS.into_iter().filter(|kind| *kind != kind::INDETERMINATE) {
            let lab = mta_sts::start();
            mta_sts::disturb(&lab, way, &["mta-sts AAAA"]);
            let (resolution, _) = mta_sts::ask(&lab, &super::resolver(&lab, way), "valid").await;
            assert_eq!(resolution.mta_sts.unwrap().source, PolicySource::Fetched, "{way}");
        }
    }
}

/// Domains whose `_mta-sts` record and policy host have zones of their own, so that their errors concern nothing else.
mod mta_sts {
    use super::{Checked, Lab, MxResolver, PathRule, Resolution, Scenario, Tamper, deliverer};

    const DOMAINS: [&str; 3] = ["valid", "self-signed", "dane"];

    const ROWS: &str = r#"
[[scenario]]
name = "valid"
matrix = "sts-enforce"
why = "the policy holds"
zone = """
@    MX  10 mx1
mx1  A   {ip mx1}
"""
servers.mx1 = { certificate.issuer = "root" }
expected = { verdict = "deliver", channel = "verified", policy = "mta-sts", connections = 1, mail = 1, data = 1 }
[scenario.policy-host]
policy = """
version: STSv1
mode: enforce
mx: *.{domain}
max_age: 86400
"""
[scenario.zones."_mta-sts.{domain}."]
text = '@ 0 TXT "v=STSv1; id=1;"'
[scenario.zones."mta-sts.{domain}."]
text = '@ 0 A {ip mta-sts}'

[[scenario]]
name = "self-signed"
like = "valid"
why = "the policy does not hold"
servers.mx1.certificate.issuer = "itself"
expected = { verdict = "defer", failure = "certificate-untrusted", connections = 1, mail = 0, data = 0 }

[[scenario]]
name = "dane"
like = "self-signed"
why = "DANE stands alone"
edit = { from = "mx1  A", to = "_{port}._tcp.mx1  TLSA  {tlsa mx1 3 1 1}\nmx1  A" }
expected = { verdict = "deliver", channel = "verified", policy = "dane", connections = 1, mail = 1, data = 1 }
"#;

    pub(super) fn start() -> Lab {
        Lab::start_with(Scenario::parse(ROWS).unwrap()).unwrap()
    }

    /// Makes these questions of every domain go wrong.
    pub(super) fn disturb(lab: &Lab, way: &str, questions: &[&str]) {
        for domain in DOMAINS {
            for question in questions {
                let tamper: Tamper = way.parse().unwrap();
                let rule =
                    PathRule::new(&question.replace(' ', &format!(".{domain}.lab. ")), tamper).unwrap();
                lab.dns().tamper(rule).unwrap();
            }
        }
    }

    pub(super) async fn ask(lab: &Lab, resolver: &MxResolver, domain: &str) -> (Resolution, Checked) {
        let resolution = resolver.resolve(&format!("{domain}.lab").parse().unwrap()).await;
        let checked = deliverer(lab).check(&resolution).await;
        (resolution, checked)
    }
}

fn resolver(lab: &Lab, way: &str) -> MxResolver {
    MxResolver::builder()
        .dnssec(Dnssec::Validate)
        .upstream(lab.dns().address())
        .trust_anchor_file(lab.trust_anchor_file())
        .timeout(if way == "timeout" { SHORT_DNS_TIMEOUT } else { DNS_TIMEOUT })
        .port(lab.port())
        .policy_port(lab.policy_port())
        .roots([CertificateDer::from_pem_file(lab.ca_file()).unwrap()])
        .build()
        .unwrap()
}

/// The policy and the channel of the host that mail would go to.
fn usable(checked: Checked) -> String {
    let usable = checked.usable.unwrap();
    format!("{}, {}", usable.policy, usable.channel)
}

fn deliverer(lab: &Lab) -> Deliverer {
    let roots = Roots::from_file(lab.ca_file()).unwrap();
    let tls = TlsSettings::new(roots, &Offer::default()).unwrap();
    let mut settings = SessionSettings::new("client.example", tls).unwrap();
    settings.timeouts = Timeouts::each(SMTP_TIMEOUT);
    Deliverer::new(settings)
}

#[tokio::test]
async fn a_failure_leaves_the_keys_of_other_zones_known() {
    let world = World::start(&A_ALONE, 300, "bogus");
    let resolver = world.resolver();
    world.warm_keys(&resolver, A_ALONE.neighbour).await;
    world.disturb(&A_ALONE);
    assert!(resolver.dns(&format!("mx1.hosts.{DOMAIN}"), "A").await.unwrap().result.is_err());
    world.lab.dns().clear_log();
    world.warm_keys(&resolver, "@ MX").await;
    let root = world.lab.dns().queries(|query| query.name == "." && query.rtype.to_string() == "DNSKEY");
    assert_eq!(root, []);
}
