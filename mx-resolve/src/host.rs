//! The look-ups of one host: addresses, then TLSA (RFC 7672 §2.2.2); or beside them, where that does no harm.

use std::{net::IpAddr, pin::pin, sync::Arc};

use dane::TlsaRecord;
use futures_util::{
    FutureExt,
    future::{Either, join_all, select},
};
use hickory_proto::rr::{Name, RData, RecordType};
use mxtls_policy::{
    AddressLookup, Addresses, Found, HostEvidence, Lookup, LookupError, LookupErrorKind, NextHop, Outcome,
    Status, TlsaCandidate, addresses, alias_check_is_due, tlsa_base_candidates,
};
use tokio::sync::watch;

use crate::{
    dns::{Dns, Due, NotEarly, evidence},
    families::Families,
    resolver::Inner,
};

/// Gathers the evidence about `host`. Which questions are asked follows from the answers before them.
pub(crate) async fn gather(
    inner: &Inner,
    host: &str,
    port: u16,
    found: Found,
    next_hop: NextHop,
) -> HostEvidence {
    let Inner { dns, dane, .. } = inner;
    let (due, is_due) = watch::channel(false);
    let early = async { if dane.apply_to(found) { early_tlsa(dns, host, port, is_due).await } else { None } }
        .shared();
    // Both go on all the time: at rest, the early one would hold up whoever waits for a connection that it is making.
    match select(pin!(in_order(inner, host, port, found, next_hop, &due, early.clone())), early).await {
        Either::Left((evidence, _early)) => evidence,
        Either::Right((_early, evidence)) => evidence.await,
    }
}

/// The same with the answer that [`early_tlsa`] has, or will have once it is told that it is due.
async fn in_order(
    inner: &Inner,
    host: &str,
    port: u16,
    found: Found,
    next_hop: NextHop,
    due: &watch::Sender<bool>,
    early: impl Future<Output = Option<Lookup<Vec<TlsaRecord>>>> + Clone,
) -> HostEvidence {
    let Inner { dns, families, dane, .. } = inner;
    let mut host_evidence = HostEvidence {
        host: host.to_owned(),
        found,
        next_hop,
        addresses: addresses_of(dns, *families, host).await,
        alias_check: None,
        tlsa: vec![],
    };
    let Ok(addresses) = addresses(&host_evidence) else { return host_evidence };
    if !dane.apply_to(found) {
        return host_evidence;
    }
    host_evidence.alias_check = alias_check(dns, host, &addresses).await;
    if matches!(host_evidence.alias_check, Some(Err(_))) {
        return host_evidence;
    }
    for base in tlsa_base_candidates(host, &addresses) {
        let early = if base == host {
            due.send_replace(true);
            early.clone().await
        } else {
            None
        };
        let result = match early {
            Some(result) => result,
            None => tlsa(dns, &base, port).await,
        };
        // §2.2.3: an error, or a secure RRset, ends the search; a denial or insecure records leave the next candidate.
        let ends = match &result {
            Ok(answer) => answer.status == Status::Secure && matches!(answer.outcome, Outcome::Records(_)),
            Err(_) => true,
        };
        host_evidence.tlsa.push(TlsaCandidate { base, result });
        if ends {
            break;
        }
    }
    host_evidence
}

/// The addresses of a host, all families at once.
pub(crate) async fn addresses_of(dns: &Arc<Dns>, families: Families, host: &str) -> Vec<AddressLookup> {
    join_all(families.record_types().iter().map(|record_type| address(dns, host, *record_type))).await
}

async fn address(dns: &Arc<Dns>, host: &str, record_type: RecordType) -> AddressLookup {
    let result = lookup(dns, host, record_type, |data| {
        if let RData::A(a) = data {
            Some(IpAddr::V4(a.0))
        } else if let RData::AAAA(aaaa) = data {
            Some(IpAddr::V6(aaaa.0))
        } else {
            None
        }
    });
    AddressLookup {
        record_type: if record_type == RecordType::A { "A" } else { "AAAA" },
        result: result.await,
    }
}

/// §2.2.2: behind a first alias that is secure, an insecure address leaves DANE possible at the original name. The alias
/// is then asked for by itself, and an error of that look-up is an error of the host.
async fn alias_check(
    dns: &Arc<Dns>,
    host: &str,
    addresses: &Addresses,
) -> Option<Result<Status, LookupError>> {
    if !alias_check_is_due(addresses) {
        return None;
    }
    let answer =
        lookup(dns, host, RecordType::CNAME, |data| matches!(data, RData::CNAME(_)).then_some(())).await;
    Some(answer.map(|answer| answer.status))
}

async fn tlsa(dns: &Arc<Dns>, base: &str, port: u16) -> Lookup<Vec<TlsaRecord>> {
    lookup(dns, &dane::owner_name_as_found(port, base), RecordType::TLSA, tlsa_record).await
}

/// What the host's own name has, asked beside its addresses where its zone is known to be signed. It counts, errors
/// included, where [`tlsa`] would ask the same after them; otherwise nobody waits for it (decision 30).
async fn early_tlsa(dns: &Arc<Dns>, host: &str, port: u16, due: Due) -> Option<Lookup<Vec<TlsaRecord>>> {
    let Ok(name) = absolute(&dane::owner_name_as_found(port, host)) else { return None };
    match dns.ask_early(&name, RecordType::TLSA, due).await {
        Ok(judged) => Some(evidence(&judged, tlsa_record)),
        Err(NotEarly) => None,
    }
}

fn tlsa_record(data: &RData) -> Option<TlsaRecord> {
    let RData::TLSA(tlsa) = data else { return None };
    Some(TlsaRecord {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.clone(),
    })
}

pub(crate) async fn lookup<T>(
    dns: &Arc<Dns>,
    name: &str,
    record_type: RecordType,
    read: impl FnMut(&RData) -> Option<T>,
) -> Lookup<Vec<T>> {
    evidence(&dns.ask(&absolute(name)?, record_type).await, read)
}

/// The same, where that it failed a moment ago is no reason not to ask.
#[cfg(feature = "mta-sts")]
pub(crate) async fn lookup_again<T>(
    dns: &Arc<Dns>,
    name: &str,
    record_type: RecordType,
    read: impl FnMut(&RData) -> Option<T>,
) -> Lookup<Vec<T>> {
    evidence(&dns.ask_again(&absolute(name)?, record_type).await, read)
}

fn absolute(name: &str) -> Result<Name, LookupError> {
    match Name::from_ascii(name) {
        Ok(mut name) => {
            name.set_fqdn(true);
            Ok(name)
        }
        Err(error) => {
            let detail = format!("{name} cannot be asked for: {error}");
            Err(LookupError::new(LookupErrorKind::Malformed, detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    use dnssec::{Hop, HopKind, Question, Status::Secure, Verdict};
    use futures_util::future::BoxFuture;
    use hickory_proto::rr::{Record, rdata::A};
    use mxtls_policy::MxSource;
    use tokio::{
        sync::{Mutex, Semaphore},
        time::sleep,
    };

    use super::*;
    use crate::{
        dns::{Judged, Way},
        resolver::MxResolver,
    };

    /// A way over one connection, which is made by the question that is asked early; the one after the addresses needs it.
    struct OneConnection {
        connection: Mutex<()>,
        early: Semaphore,
        later: Semaphore,
    }

    impl Way for OneConnection {
        fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
            async move {
                let target = Name::from_ascii("target.example.").unwrap();
                let (mut outcome, mut chain) = (dnssec::Outcome::NoData, vec![]);
                if question.record_type == RecordType::TLSA {
                    self.later.add_permits(1);
                    drop(self.connection.lock().await);
                } else {
                    drop(self.early.acquire().await.unwrap());
                    let address = RData::A(A::new(192, 0, 2, 1));
                    outcome = dnssec::Outcome::Records(vec![Record::from_rdata(target.clone(), 60, address)]);
                    chain.push(Hop::new(question.name, HopKind::Cname, target.clone(), Secure));
                }
                Ok(Arc::new(Verdict::new(target, Secure, outcome, chain, 60)))
            }
            .boxed()
        }

        fn judge_early(&self, question: Question, _due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
            async move {
                let _connection = self.connection.lock().await;
                self.early.add_permits(1);
                drop(self.later.acquire().await.unwrap());
                Ok(Ok(Arc::new(Verdict::new(question.name, Secure, dnssec::Outcome::NoData, vec![], 60))))
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_asked_early_holds_up_nothing() {
        let way =
            OneConnection { connection: Mutex::new(()), early: Semaphore::new(0), later: Semaphore::new(0) };
        let resolver = MxResolver::over(way);
        let next_hop = NextHop { name: "mx.example".to_owned(), expanded: None, source: MxSource::Host };
        let evidence = gather(resolver.inner(), "mx.example", 25, Found::Securely, next_hop).await;
        let asked: Vec<_> = evidence.tlsa.iter().map(|candidate| candidate.base.as_str()).collect();
        assert_eq!(asked, ["target.example", "mx.example"], "{evidence:?}");
        assert!(evidence.tlsa.iter().all(|candidate| candidate.result.is_ok()), "{evidence:?}");
    }

    /// A way on which the addresses take 55 seconds, and the target of an alias at the TLSA name takes ten.
    struct Patient;

    impl Patient {
        async fn tlsa(question: Question) -> Judged {
            sleep(Duration::from_secs(10)).await;
            Ok(Arc::new(Verdict::new(question.name, Secure, dnssec::Outcome::NoData, vec![], 60)))
        }
    }

    impl Way for Patient {
        fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
            if question.record_type == RecordType::TLSA {
                return Self::tlsa(question).boxed();
            }
            async move {
                sleep(Duration::from_secs(55)).await;
                let address = Record::from_rdata(question.name.clone(), 60, RData::A(A::new(192, 0, 2, 1)));
                let outcome = dnssec::Outcome::Records(vec![address]);
                Ok(Arc::new(Verdict::new(question.name, Secure, outcome, vec![], 60)))
            }
            .boxed()
        }

        fn judge_early(&self, question: Question, mut due: Due) -> BoxFuture<'_, Result<Judged, NotEarly>> {
            async move {
                assert!(due.wait_for(|due| *due).await.is_ok());
                Ok(Self::tlsa(question).await)
            }
            .boxed()
        }
    }

    /// Strict order would give it a minute of its own.
    #[tokio::test(start_paused = true)]
    async fn the_time_in_which_a_question_waits_to_be_due_is_not_its_own() {
        let resolver = MxResolver::over(Patient);
        let next_hop = NextHop { name: "mx.example".to_owned(), expanded: None, source: MxSource::Host };
        let evidence = gather(resolver.inner(), "mx.example", 25, Found::Securely, next_hop).await;
        let [candidate] = evidence.tlsa.as_slice() else { panic!("{evidence:?}") };
        assert!(candidate.result.is_ok(), "{:?}", candidate.result);
    }

    /// A way on which addresses take a second, and TLSA records fail the first time.
    struct Stumbling(AtomicBool);

    impl Way for Stumbling {
        fn judge(&self, question: Question) -> BoxFuture<'_, Judged> {
            async move {
                if question.record_type == RecordType::TLSA {
                    return match self.0.swap(false, Ordering::Relaxed) {
                        true => {
                            Err(Arc::new(LookupError::new(LookupErrorKind::ServerFailure, "it stumbled")))
                        }
                        false => Ok(Arc::new(Verdict::new(
                            question.name,
                            Secure,
                            dnssec::Outcome::NoData,
                            vec![],
                            60,
                        ))),
                    };
                }
                sleep(Duration::from_secs(1)).await;
                let address = Record::from_rdata(question.name.clone(), 60, RData::A(A::new(192, 0, 2, 1)));
                let outcome = dnssec::Outcome::Records(vec![address]);
                Ok(Arc::new(Verdict::new(question.name, Secure, outcome, vec![], 60)))
            }
            .boxed()
        }
    }

    /// RFC 9520 §3.2: for five seconds, and not until the addresses are there.
    #[tokio::test(start_paused = true)]
    async fn a_failure_is_remembered_no_longer_for_being_asked_about_early() {
        let resolver = MxResolver::over(Stumbling(true.into()));
        let next_hop = NextHop { name: "mx.example".to_owned(), expanded: None, source: MxSource::Host };
        assert!(tlsa(&resolver.inner().dns, "mx.example", 25).await.is_err());
        tokio::time::advance(Duration::from_millis(4500)).await;
        let evidence = gather(resolver.inner(), "mx.example", 25, Found::Securely, next_hop).await;
        let [candidate] = evidence.tlsa.as_slice() else { panic!("{evidence:?}") };
        assert!(candidate.result.is_ok(), "{:?}", candidate.result);
    }
}
