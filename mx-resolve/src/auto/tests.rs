use std::sync::Mutex;

use dnssec::{Outcome, Verdict};
use mxtls_policy::LookupErrorKind::{Bogus, Indeterminate, ServerFailure, Timeout};

use super::*;
use crate::lock::lock;

/// A way that says of each question what it is told, and counts them.
#[derive(Clone)]
struct Told(Arc<Mutex<(Result<Status, LookupErrorKind>, usize)>>);

impl Told {
    fn new(result: Result<Status, LookupErrorKind>) -> Self {
        Self(Arc::new(Mutex::new((result, 0))))
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
        std::future::ready(judged).boxed()
    }
}

async fn ask<U: Way, R: Way>(auto: &Auto<U, R>) -> Result<Status, (LookupErrorKind, String)> {
    let question = Question::new(Name::from_ascii("mx.example.").unwrap(), RecordType::A);
    match auto.judge(question).await {
        Ok(verdict) => Ok(verdict.status),
        Err(none) => Err((none.kind, none.detail.clone())),
    }
}

#[tokio::test]
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

#[tokio::test]
async fn a_failed_probe_is_made_again_after_a_while() {
    let (upstream, root) = (Told::new(Err(Timeout)), Told::new(Err(Timeout)));
    let auto = Auto::new(upstream.clone(), root, Name::root());
    ask(&auto).await.unwrap_err();
    upstream.now_says(Ok(Status::Secure));
    ask(&auto).await.unwrap_err();
    tokio::time::pause();
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
#[tokio::test]
async fn the_choice_is_made_again_after_an_hour() {
    let (upstream, root) = (Told::new(Err(ServerFailure)), Told::new(Ok(Status::Secure)));
    let auto = Auto::new(upstream.clone(), root.clone(), Name::root());
    ask(&auto).await.unwrap();
    upstream.now_says(Ok(Status::Secure));
    root.now_says(Err(Timeout));
    ask(&auto).await.unwrap_err();
    tokio::time::pause();
    tokio::time::advance(CHOICE_HOLDS).await;
    assert_eq!(ask(&auto).await, Ok(Status::Secure), "the upstream is as good as it was");
}
