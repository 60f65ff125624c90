use std::sync::Mutex;

use dnssec::{Outcome, Verdict};
use mxtls_policy::LookupErrorKind::{Bogus, Indeterminate, ServerFailure, Timeout};

use super::*;
use crate::{dns::Dns, lock::lock};

/// A way that says of each question what it is told, silence after a while, and counts them. Whether it answers plain questions
/// does not count.
#[derive(Clone)]
struct Told(Arc<Mutex<(Result<Status, LookupErrorKind>, usize)>>, bool);

impl Told {
    fn new(result: Result<Status, LookupErrorKind>) -> Self {
        Self(Arc::new(Mutex::new((result, 0))), false)
    }

    fn that_answers_plain(self) -> Self {
        Self(self.0, true)
    }

    fn now_says(&self, result: Result<Status, LookupErrorKind>) {
        lock(&self.0).0 = result;
    }

    fn asked(&self) -> usize {
        lock(&self.0).1
    }
}

impl Way for Told {
    fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
        let mut told = lock(&self.0);
        told.1 += 1;
        let judged = match told.0 {
            Ok(status) => Ok(Arc::new(Verdict::new(question.name, status, Outcome::NoData, vec![], 60))),
            Err(kind) => Err(Arc::new(LookupError::new(kind, "what it was told"))),
        };
        let silence = if told.0 == Err(Timeout) { 5 } else { 0 };
        sleep(Duration::from_secs(silence)).map(|()| judged).boxed()
    }
}

impl Upstream for Told {
    fn answers_plain(&self, _question: Question) -> BoxFuture<'_, bool> {
        std::future::ready(self.1).boxed()
    }
}

async fn ask<U: Upstream, R: Way>(auto: &Auto<U, R>) -> Result<Status, (LookupErrorKind, String)> {
    let question = Question::new(Name::from_ascii("mx.example.").unwrap(), RecordType::A);
    match auto.judge(question).await {
        Ok(verdict) => Ok(verdict.status),
        Err(none) => Err((none.kind, none.detail.clone())),
    }
}

#[tokio::test(start_paused = true)]
async fn the_way_is_chosen_once() {
    const SECURE: Result<Status, LookupErrorKind> = Ok(Status::Secure);
    for (upstream, root, chosen, why) in [
        (SECURE, SECURE, Some("upstream"), "an upstream that carries DNSSEC"),
        (SECURE, Err(Timeout), Some("upstream"), "nobody asks the root then"),
        (Err(Bogus), SECURE, Some("root"), "signatures are stripped"),
        (Err(Indeterminate), SECURE, Some("root"), "keys do not come"),
        (Err(ServerFailure), SECURE, Some("root"), "an error to every question of DNSSEC"),
        (Ok(Status::Insecure), SECURE, Some("root"), "what has an anchor is signed"),
        (Err(Timeout), SECURE, None, "silence does not tell what the upstream carries"),
        (Err(Bogus), Err(Timeout), None, "neither"),
        (Err(Bogus), Err(Bogus), None, "neither"),
    ] {
        let (upstream, root) = (Told::new(upstream), Told::new(root));
        let auto = Auto::new(upstream.clone(), root.clone(), Name::root());
        let first = ask(&auto).await;
        let asked = (upstream.asked(), root.asked());
        let second = ask(&auto).await;
        assert_eq!(first, second, "{why}");
        let further = (upstream.asked() - asked.0, root.asked() - asked.1);
        match chosen {
            Some("upstream") => {
                assert_eq!((first, asked.1, further), (Ok(Status::Secure), 0, (1, 0)), "{why}")
            }
            Some(_) => assert_eq!((first, further), (Ok(Status::Secure), (0, 1)), "{why}"),
            None => {
                let (kind, sentence) = first.unwrap_err();
                let begins = if kind == Timeout {
                    "the DNS resolver does not answer ("
                } else {
                    "nothing can be validated over the DNS resolver (what it was told), nor from the root ("
                };
                assert!(matches!(kind, Timeout | Indeterminate), "{why}: {kind}");
                assert!(sentence.starts_with(begins), "{why}: {sentence}");
                assert_eq!(further, (0, 0), "{why}: the failure is kept");
            }
        }
    }
}

/// A path that drops whatever has DO, as some do, is no silence.
#[tokio::test(start_paused = true)]
async fn an_upstream_that_answers_only_without_do() {
    for (root, expected, why) in [
        (Ok(Status::Secure), Ok(Status::Secure), "the root is asked"),
        (Err(Timeout), Err(Indeterminate), "neither works"),
    ] {
        let (upstream, root) = (Told::new(Err(Timeout)).that_answers_plain(), Told::new(root));
        let auto = Auto::new(upstream, root, Name::root());
        let found = ask(&auto).await;
        if let Err((_, sentence)) = &found {
            let begins = "nothing can be validated over the DNS resolver (it answers, but leaves what asks for DNSSEC records without an answer (";
            assert!(sentence.starts_with(begins), "{sentence}");
        }
        assert_eq!(found.map_err(|(kind, _)| kind), expected, "{why}");
    }
}

/// Whoever answers out of a cache may be cut off from what it asks.
#[test]
fn the_plain_question_is_in_no_cache() {
    let zone = Name::from_ascii("island.example.").unwrap();
    assert!(zone.zone_of(&nobodys(&zone)) && nobodys(&zone) != zone);
    assert_ne!(nobodys(&zone), nobodys(&zone));
}

/// It may answer again in the middle of the probe.
#[tokio::test(start_paused = true)]
async fn a_pause_is_no_path_without_do() {
    /// Silent for the first two questions: a probe asks for a record and for a denial.
    #[derive(Clone)]
    struct Pausing(Told);

    impl Way for Pausing {
        fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
            let silence = self.0.asked() < 2;
            self.0.now_says(if silence { Err(Timeout) } else { Ok(Status::Secure) });
            self.0.judge(question)
        }
    }

    impl Upstream for Pausing {
        fn answers_plain(&self, question: Question) -> BoxFuture<'_, bool> {
            self.0.answers_plain(question)
        }
    }

    let root = Told::new(Ok(Status::Secure));
    let upstream = Pausing(Told::new(Err(Timeout)).that_answers_plain());
    let ways = Ways { upstream, root: root.clone(), anchor: Name::root(), said: AtomicBool::new(false) };
    assert_eq!(ways.choose().await.unwrap(), Choice::Upstream);
    assert_eq!(root.asked(), 0);
}

/// However long the upstream is waited for, the choice is made within the time of a question, and remembered.
#[tokio::test(start_paused = true)]
async fn a_patient_caller_finds_the_root_too() {
    struct Slow(Duration);

    impl Way for Slow {
        fn judge(&self, _question: Question) -> BoxFuture<'_, Judged> {
            let silence = Err(Arc::new(LookupError::new(Timeout, "no answer in time")));
            sleep(self.0).map(|()| silence).boxed()
        }
    }

    impl Upstream for Slow {
        fn answers_plain(&self, _question: Question) -> BoxFuture<'_, bool> {
            ready(true).boxed()
        }
    }

    for seconds in [5, 15, 30, 45, 90] {
        let (upstream, root) = (Slow(Duration::from_secs(seconds)), Told::new(Ok(Status::Secure)));
        let dns = Arc::new(Dns::new(Auto::new(upstream, root, Name::root())));
        for host in ["mx1.example.", "mx2.example."] {
            let judged = dns.ask(&Name::from_ascii(host).unwrap(), RecordType::A).await;
            assert_eq!(judged.unwrap().status, Status::Secure, "{seconds} s: {host}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_is_made_again_after_a_while() {
    let (upstream, root) = (Told::new(Err(Timeout)), Told::new(Err(Timeout)));
    let auto = Auto::new(upstream.clone(), root, Name::root());
    ask(&auto).await.unwrap_err();
    upstream.now_says(Ok(Status::Secure));
    ask(&auto).await.unwrap_err();
    tokio::time::advance(std::time::Duration::from_secs(10)).await;
    assert_eq!(ask(&auto).await, Ok(Status::Secure));
    upstream.now_says(Err(Timeout));
    assert_eq!(
        ask(&auto).await,
        Err((Timeout, "what it was told".to_owned())),
        "the choice is not made again"
    );
}

/// A resolver that stumbled once, or another network.
#[tokio::test(start_paused = true)]
async fn the_choice_is_made_again_after_an_hour() {
    let (upstream, root) = (Told::new(Err(ServerFailure)), Told::new(Ok(Status::Secure)));
    let auto = Auto::new(upstream.clone(), root.clone(), Name::root());
    ask(&auto).await.unwrap();
    upstream.now_says(Ok(Status::Secure));
    root.now_says(Err(Timeout));
    ask(&auto).await.unwrap_err();
    tokio::time::advance(CHOICE_HOLDS).await;
    assert_eq!(ask(&auto).await, Ok(Status::Secure), "the upstream is as good as it was");
}
