use std::sync::Mutex;

use dnssec::{Outcome, Verdict};
use mxtls_policy::LookupErrorKind::{Bogus, Indeterminate, Malformed, ServerFailure, Timeout};

use super::*;
use crate::{dns::Dns, lock::lock};

/// A way that says of each question what it is told, silence after a while, and counts them. What it says to a plain question
/// beside one with DO does not count.
#[derive(Clone)]
struct Told(Arc<Mutex<(Result<Status, LookupErrorKind>, usize)>>, bool);

impl Told {
    fn new(result: Result<Status, LookupErrorKind>) -> Self {
        Self(Arc::new(Mutex::new((result, 0))), false)
    }

    fn that_lacks_dnssec(self) -> Self {
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
    fn lacks_dnssec(&self, _question: Question) -> BoxFuture<'_, bool> {
        ready(self.1).boxed()
    }
}

/// Over these upstreams, each asked for the others too, as far as it goes here: the first that says anything.
fn auto(upstreams: &[Told], root: &Told) -> Auto<Told, Told> {
    let all = upstreams.iter().find(|upstream| lock(&upstream.0).0.is_ok()).unwrap_or(&upstreams[0]);
    let each = upstreams.iter().cloned().map(Arc::new).collect();
    Auto::new(Arc::new(all.clone()), each, root.clone(), Name::root())
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
        (Err(Malformed), SECURE, Some("root"), "what comes cannot be read"),
        (Ok(Status::Insecure), SECURE, Some("root"), "what has an anchor is signed"),
        (Err(Timeout), SECURE, None, "silence does not tell what the upstream carries"),
        (Err(ServerFailure), SECURE, None, "nor does that it is cut off"),
        (Err(Indeterminate), SECURE, None, "nor that keys do not come"),
        (Err(Bogus), Err(Timeout), None, "neither"),
        (Err(Bogus), Err(Bogus), None, "neither"),
    ] {
        let (upstream, root) = (Told::new(upstream), Told::new(root));
        let auto = auto(std::slice::from_ref(&upstream), &root);
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
                let begins = if root.asked() == 0 {
                    "the DNS resolver gives no answer (what it was told): is it running"
                } else {
                    "nothing can be validated over the DNS resolver (what it was told), nor from the root ("
                };
                assert!(matches!(kind, Timeout | ServerFailure | Indeterminate), "{why}: {kind}");
                assert!(sentence.starts_with(begins), "{why}: {sentence}");
                assert_eq!(further, (0, 0), "{why}: the failure is kept");
            }
        }
    }
}

/// A path that drops whatever has DO, as some do, is no silence; a server that knows nothing of DNSKEY records is no fault.
#[tokio::test(start_paused = true)]
async fn what_answers_plain_questions_alone_carries_no_dnssec() {
    for (upstream, root, expected, why) in [
        (Timeout, Ok(Status::Secure), Ok(Status::Secure), "the root is asked"),
        (ServerFailure, Ok(Status::Secure), Ok(Status::Secure), "an error to every question of DNSSEC"),
        (Indeterminate, Ok(Status::Secure), Ok(Status::Secure), "or to those for keys"),
        (Timeout, Err(Timeout), Err(Indeterminate), "neither works"),
    ] {
        let (upstream, root) = (Told::new(Err(upstream)).that_lacks_dnssec(), Told::new(root));
        let found = ask(&auto(&[upstream], &root)).await;
        if let Err((_, sentence)) = &found {
            let begins =
                "nothing can be validated over the DNS resolver (it answers, but not with DNSSEC records (";
            assert!(sentence.starts_with(begins), "{sentence}");
        }
        assert_eq!(found.map_err(|(kind, _)| kind), expected, "{why}");
    }
}

/// The root may know another view of a name, and "no such domain" would bounce mail: it is asked where no upstream may carry
/// DNSSEC, once it is back.
#[tokio::test(start_paused = true)]
async fn several_upstreams() {
    let carries = || Told::new(Ok(Status::Secure));
    let (silent, failing) = (|| Told::new(Err(Timeout)), || Told::new(Err(ServerFailure)));
    let (strips, drops) = (|| Told::new(Err(Bogus)), || Told::new(Err(Timeout)).that_lacks_dnssec());
    for (upstreams, chosen, why) in [
        (vec![carries(), silent()], Ok(Choice::Upstream), "one is enough"),
        (vec![strips(), drops(), silent(), carries()], Ok(Choice::Upstream), "whichever"),
        (vec![strips(), drops()], Ok(Choice::Root), "none carries it"),
        (vec![silent(), strips()], Err(Timeout), "the first one may be back soon"),
        (vec![strips(), silent()], Err(Timeout), "or the second"),
        (vec![drops(), silent()], Err(Timeout), "beside one that drops DO, too"),
        (vec![failing(), strips()], Err(ServerFailure), "one that is cut off may be back as well"),
    ] {
        let root = carries();
        let choice = auto(&upstreams, &root).choice().await;
        if let Err(error) = &choice {
            assert!(
                error.detail.starts_with("the DNS resolver gives no answer ("),
                "{why}: {}",
                error.detail
            );
            assert!(
                error.detail.ends_with("No other one passes DNSSEC records on."),
                "{why}: {}",
                error.detail
            );
        }
        assert_eq!(choice.map_err(|error| error.kind), chosen, "{why}");
        assert_eq!(root.asked() > 0, chosen == Ok(Choice::Root), "{why}");
    }
}

/// Whoever answers out of a cache may be cut off from what it asks.
#[test]
fn the_plain_question_is_in_no_cache() {
    let zone = Name::from_ascii("island.example.").unwrap();
    assert!(zone.zone_of(&nobodys(&zone)) && nobodys(&zone) != zone);
    assert_ne!(nobodys(&zone), nobodys(&zone));
}

/// However long upstream and root are waited for, the choice is made within the time of a question, and remembered.
#[tokio::test(start_paused = true)]
async fn a_patient_caller_comes_to_an_end_too() {
    #[derive(Clone)]
    struct Slow(Duration, bool);

    impl Way for Slow {
        fn judge(&self, _question: Question) -> BoxFuture<'_, Judged> {
            let silence = Err(Arc::new(LookupError::new(Timeout, "no answer in time")));
            sleep(self.0).map(|()| silence).boxed()
        }
    }

    impl Upstream for Slow {
        fn lacks_dnssec(&self, _question: Question) -> BoxFuture<'_, bool> {
            let Self(time, lacks) = *self;
            sleep(if lacks { Duration::ZERO } else { time }).map(move |()| lacks).boxed()
        }
    }

    for seconds in [5, 15, 30, 45, 90, 600] {
        let time = Duration::from_secs(seconds);
        for (lacks, says) in
            [(false, "the DNS resolver gives no answer ("), (true, "nothing can be validated over")]
        {
            let (upstream, root) = (Arc::new(Slow(time, lacks)), Slow(time, false));
            let each = vec![Arc::clone(&upstream)];
            let dns = Arc::new(Dns::new(Auto::new(upstream, each, root, Name::root())));
            for (host, most) in [("mx1.example.", 45), ("mx2.example.", 0)] {
                let begun = tokio::time::Instant::now();
                let judged = dns.ask(&Name::from_ascii(host).unwrap(), RecordType::A).await;
                let detail = judged.unwrap_err().detail.clone();
                assert!(detail.starts_with(says), "{seconds} s: {host}: {detail}");
                assert!(
                    begun.elapsed() <= Duration::from_secs(most),
                    "{seconds} s: {host}: {:?}",
                    begun.elapsed()
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_is_made_again_after_a_while() {
    let (upstream, root) = (Told::new(Err(Timeout)), Told::new(Err(Timeout)));
    let auto = auto(std::slice::from_ref(&upstream), &root);
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

/// A resolver that has been mended.
#[tokio::test(start_paused = true)]
async fn the_choice_is_made_again_after_an_hour() {
    let (upstream, root) = (Told::new(Err(Bogus)), Told::new(Ok(Status::Secure)));
    let auto = auto(std::slice::from_ref(&upstream), &root);
    ask(&auto).await.unwrap();
    upstream.now_says(Ok(Status::Secure));
    root.now_says(Err(Timeout));
    ask(&auto).await.unwrap_err();
    tokio::time::advance(CHOICE_HOLDS).await;
    assert_eq!(ask(&auto).await, Ok(Status::Secure), "the upstream is as good as it was");
}
