//! What each policy asks of a server, and what is reported of it.

use std::{net::SocketAddr, time::Duration};

use dane::TlsaRecord;
use mxtls_policy::{Channel, FailureCode, Requirement, SecurityPolicy};
use mxtls_smtp_client::{
    Attempt, AttemptVerdict, Interrupt, Server, StartTls, StartTlsUse, TlsaMatch, check,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    scripted_server::Heard,
    setting::{HOST, Setting, mta_sts},
};

async fn check_with(setting: &Setting, policy: &SecurityPolicy) -> (Attempt, Heard) {
    let scripted = setting.script().serve().await;
    let attempt = check(&server(scripted.address, policy), &setting.settings, &mut Interrupt::never()).await;
    (attempt, scripted.heard().await)
}

fn server(address: SocketAddr, policy: &SecurityPolicy) -> Server<'_> {
    Server {
        address,
        host: HOST,
        policy,
        requirement: Requirement::AsPolicy,
        starttls: StartTlsUse::AsOffered,
    }
}

#[tokio::test]
async fn a_check_sends_no_mail() {
    let setting = Setting::new();
    let (attempt, heard) = check_with(&setting, &setting.dane()).await;
    assert_eq!(attempt.verdict, AttemptVerdict::Accept);
    assert!(attempt.recipients.is_empty());
    let commands = ["EHLO client.example", "STARTTLS", "TLS EHLO client.example", "TLS QUIT"];
    assert_eq!(heard.commands, commands);
}

#[tokio::test]
async fn d72_19_59_60_certificates() {
    let own = Setting::new();
    let other = Setting::with_certificate_for("other.example");
    let wrong_ca = Setting::new();
    for (setting, policy, expected, web_pki, why) in [
        (&own, own.dane(), Ok(Channel::Verified), Ok(()), "DANE match"),
        (
            &other,
            other.dane(),
            Ok(Channel::Verified),
            Err(FailureCode::CertificateHostMismatch),
            "D72-52: DANE-EE has no names",
        ),
        (
            &own,
            Setting::dane_mismatch(),
            Err(FailureCode::TlsaNoMatch),
            Ok(()),
            "D72-59: a good Web PKI does not help",
        ),
        (&own, mta_sts("enforce", HOST), Ok(Channel::Verified), Ok(()), "STS-36"),
        (&own, mta_sts("enforce", "*.example"), Ok(Channel::Verified), Ok(()), "STS-34"),
        (
            &other,
            mta_sts("enforce", HOST),
            Err(FailureCode::CertificateHostMismatch),
            Err(FailureCode::CertificateHostMismatch),
            "STS-36: another name",
        ),
        (&own, mta_sts("testing", HOST), Ok(Channel::Encrypted), Ok(()), "STS-38: nothing is enforced"),
        (&own, mta_sts("none", HOST), Ok(Channel::Encrypted), Ok(()), "STS-39"),
        (
            &own,
            SecurityPolicy::opportunistic(),
            Ok(Channel::Encrypted),
            Ok(()),
            "a good Web PKI proves nothing",
        ),
        (
            &other,
            SecurityPolicy::opportunistic(),
            Ok(Channel::Encrypted),
            Err(FailureCode::CertificateHostMismatch),
            "a bad one hinders nothing",
        ),
    ] {
        let (attempt, _) = check_with(setting, &policy).await;
        let got = attempt.channel.ok_or(attempt.failure.as_ref().map(|failure| failure.code));
        assert_eq!(got, expected.map_err(Some), "{why}");
        let tls = attempt.tls.unwrap();
        assert_eq!(tls.web_pki, Some(web_pki), "{why}");
        assert_eq!(tls.certificates.len(), 2, "{why}");
        assert_eq!(tls.version.is_some(), expected.is_ok(), "{why}");
        assert_eq!(attempt.starttls, Some(StartTls::Accepted), "{why}");
        assert!(attempt.would_fail.is_none(), "{why}");
    }
    // A certificate of another CA.
    let scripted = wrong_ca.script().serve().await;
    let policy = mta_sts("enforce", HOST);
    let attempt = check(&server(scripted.address, &policy), &own.settings, &mut Interrupt::never()).await;
    assert_eq!(attempt.failure.unwrap().code, FailureCode::CertificateUntrusted, "STS-36");
}

#[tokio::test]
async fn a_match_is_reported_with_its_session() {
    let setting = Setting::new();
    let (attempt, heard) = check_with(&setting, &setting.dane()).await;
    let tls = attempt.tls.unwrap();
    let matched = TlsaMatch { usage: 3, selector: 0, matching: 0, depth: 0, index: 0, anchor_expired: None };
    assert_eq!(tls.matched, Some(matched));
    assert_eq!(tls.version, Some("TLSv1.3"));
    assert!(tls.cipher_suite.unwrap().starts_with("TLS_"), "IANA's name: {:?}", tls.cipher_suite);
    assert_eq!(tls.sni.as_deref(), Some(HOST));
    assert_eq!(heard.sni, [Some(HOST.to_owned())]);
}

#[tokio::test]
async fn d72_72_sni_is_the_tlsa_base_domain() {
    let setting = Setting::new();
    let record = setting.dane().tlsa_records()[0].clone();
    let policy = SecurityPolicy::dane("target.example", vec![record]).unwrap();
    let (attempt, heard) = check_with(&setting, &policy).await;
    assert_eq!(attempt.channel, Some(Channel::Verified));
    assert_eq!(heard.sni, [Some("target.example".to_owned())]);
}

#[tokio::test]
async fn d66_15_d71_25_d72_21_unusable_records_ask_for_tls_alone() {
    let setting = Setting::new();
    let pkix = TlsaRecord { usage: 1, selector: 1, matching: 1, data: vec![0; 32] };
    let policy = SecurityPolicy::dane(HOST, vec![pkix]).unwrap();
    let (attempt, _) = check_with(&setting, &policy).await;
    assert_eq!(attempt.channel, Some(Channel::Encrypted), "D66-15: nobody says that TLSA was applied");
    let script = setting.script().answer("EHLO", "250 mx.example\r\n");
    let (attempt, heard) = setting.deliver(script, &policy, &["b@example"]).await;
    assert_eq!(attempt.failure.unwrap().code, FailureCode::StarttlsNotOffered, "D72-22, D72-50");
    assert!(!heard.has("MAIL"));
}

#[tokio::test]
async fn sts_38_testing_reports_what_it_would_refuse() {
    let setting = Setting::new();
    let other = Setting::with_certificate_for("other.example");
    let plain = |setting: &Setting| setting.script().answer("EHLO", "250 mx.example\r\n");
    for (setting, script, mx, expected, why) in [
        (&setting, setting.script(), HOST, None, "nothing wrong"),
        (
            &setting,
            setting.script(),
            "else.example",
            Some(FailureCode::MxNotInPolicy),
            "the name is not listed",
        ),
        (&other, other.script(), HOST, Some(FailureCode::CertificateHostMismatch), "another name"),
        (&setting, plain(&setting), HOST, Some(FailureCode::StarttlsNotOffered), "no TLS"),
    ] {
        let (attempt, heard) = setting.deliver(script, &mta_sts("testing", mx), &["b@example"]).await;
        assert_eq!(attempt.verdict, AttemptVerdict::Accept, "{why}");
        assert_eq!(attempt.would_fail.map(|failure| failure.code), expected, "{why}");
        assert!(heard.has("DATA"), "{why}");
    }
}

#[tokio::test]
async fn d72_77_nobody_connects_where_nothing_can_come_of_it() {
    let setting = Setting::new();
    let (dane, none) = (setting.dane(), SecurityPolicy::opportunistic());
    let unlisted = mta_sts("enforce", "else.example");
    use Requirement::{AsPolicy, Authenticated, Dane, Tls};
    use StartTlsUse::{AsOffered, NotSent};
    for (policy, requirement, starttls, expected, why) in [
        (&unlisted, AsPolicy, AsOffered, FailureCode::MxNotInPolicy, "STS-37"),
        (&dane, AsPolicy, NotSent, FailureCode::TlsRequiredByPolicy, "TLS is mandatory and forbidden"),
        (&none, Tls, NotSent, FailureCode::TlsRequiredByCaller, "TLS is required and forbidden"),
        (&none, Authenticated, AsOffered, FailureCode::TlsRequiredByCaller, "nothing authenticates"),
        (&none, Dane, AsOffered, FailureCode::TlsaRequired, "D71-24"),
    ] {
        let scripted = setting.script().serve().await;
        let server = Server { requirement, starttls, ..server(scripted.address, policy) };
        let attempt = check(&server, &setting.settings, &mut Interrupt::never()).await;
        assert_eq!(attempt.failure.unwrap().code, expected, "{why}");
        assert_eq!(attempt.verdict, AttemptVerdict::Unreachable, "{why}");
        assert!(scripted.heard_nobody(), "{why}");
    }
}

#[tokio::test]
async fn stls_11_the_caller_can_require_tls() {
    let setting = Setting::new();
    let policy = SecurityPolicy::opportunistic();
    for (key, answer) in
        [("EHLO", "250 mx.example\r\n"), ("EHLO", "502 what\r\n"), ("STARTTLS", "454 no\r\n")]
    {
        let scripted = setting.script().answer(key, answer).serve().await;
        let server = Server { requirement: Requirement::Tls, ..server(scripted.address, &policy) };
        let attempt = check(&server, &setting.settings, &mut Interrupt::never()).await;
        assert_eq!(attempt.failure.unwrap().code, FailureCode::TlsRequiredByCaller, "{answer}");
        assert!(!attempt.retry_clear_text, "{answer}");
    }
}

#[tokio::test]
async fn d16_a_second_attempt_goes_without_starttls() {
    let setting = Setting::new();
    let policy = SecurityPolicy::opportunistic();
    let scripted = setting.script().serve().await;
    let server = Server { starttls: StartTlsUse::NotSent, ..server(scripted.address, &policy) };
    let attempt = check(&server, &setting.settings, &mut Interrupt::never()).await;
    assert_eq!(attempt.channel, Some(Channel::Cleartext));
    assert_eq!(attempt.starttls, Some(StartTls::NotSent));
    assert!(attempt.tls.is_none());
    assert_eq!(scripted.heard().await.commands, ["EHLO client.example", "QUIT"]);
}

#[tokio::test]
async fn no_connection() {
    let setting = Setting::new();
    let policy = SecurityPolicy::opportunistic();
    // A port that was just given back.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let attempt = check(&server(address, &policy), &setting.settings, &mut Interrupt::never()).await;
    assert_eq!(attempt.failure.unwrap().code, FailureCode::ConnectRefused);
    assert_eq!(attempt.verdict, AttemptVerdict::Unreachable);
    assert_eq!(attempt.starttls, None);

    // A listener that accepts nothing leaves the last ones waiting once its queue is full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let limit = Duration::from_millis(200);
    let mut queue = vec![];
    while let Ok(Ok(stream)) = timeout(limit, TcpStream::connect(address)).await {
        queue.push(stream);
    }
    let mut settings = setting.settings.clone();
    settings.timeouts.connect = limit;
    let attempt = check(&server(address, &policy), &settings, &mut Interrupt::never()).await;
    assert_eq!(attempt.failure.unwrap().code, FailureCode::ConnectTimeout);
    assert_eq!(attempt.verdict, AttemptVerdict::Unreachable);
}

/// Callers spawn sessions on any runtime.
#[tokio::test]
async fn a_session_is_send() {
    fn send<T: Send>(future: T) -> T {
        future
    }
    let setting = Setting::new();
    let policy = mta_sts("enforce", "else.example");
    let server = server("127.0.0.1:1".parse().unwrap(), &policy);
    let attempt = send(check(&server, &setting.settings, &mut Interrupt::never())).await;
    assert_eq!(attempt.verdict, AttemptVerdict::Unreachable);
}
