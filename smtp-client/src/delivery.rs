//! The driver: carries out what the session says, on a TCP connection.

use std::{io, net::SocketAddr, time::Duration};

use mxtls_policy::{Failure, FailureCode, TlsReport, would_fail};
use tokio::net::TcpStream;

use crate::{
    attempt::{Attempt, AttemptVerdict},
    connection::{Connection, Patience},
    envelope::Envelope,
    interrupt::Interrupt,
    server::Server,
    session::{Action, Outcome, Plan, Session},
    settings::SessionSettings,
    starttls::{self, HandshakeError, Seen},
    state::{Break, State},
    timeouts::Timeouts,
};

/// Tries whether the server meets its policy: EHLO, STARTTLS, handshake, EHLO, QUIT. No mail is sent.
pub async fn check(server: &Server<'_>, settings: &SessionSettings, interrupt: &mut Interrupt) -> Attempt {
    attempt(server, settings, None, interrupt).await
}

/// Delivers the message, if the server meets its policy.
///
/// Every recipient has an outcome afterwards, also when the session was interrupted or broke. A recipient whose failure
/// is `unknown-outcome` may have been delivered to: another attempt can make two messages of one.
pub async fn deliver(
    server: &Server<'_>,
    settings: &SessionSettings,
    envelope: &Envelope,
    interrupt: &mut Interrupt,
) -> Attempt {
    attempt(server, settings, Some(envelope), interrupt).await
}

async fn attempt(
    server: &Server<'_>,
    settings: &SessionSettings,
    envelope: Option<&Envelope>,
    interrupt: &mut Interrupt,
) -> Attempt {
    let plan = Plan {
        host: server.host,
        ehlo: settings.ehlo(),
        mandatory: server.mandatory(),
        starttls: server.starttls,
        envelope,
    };
    let mut session = Session::new(plan);
    let mut patience = Patience::new(interrupt, settings.timeouts.connect);
    let mut learned = Learned::default();
    let connected = match server.permits_connection() {
        Ok(()) => connect(server, &mut patience).await,
        Err(failure) => Err(failure),
    };
    let reached = connected.is_ok();
    match connected {
        Ok(stream) => run(&mut session, stream, server, settings, &mut patience, &mut learned).await,
        Err(failure) => session.give_up(failure),
    }
    let attempt = summary(server, reached, session.finish(), learned);
    let failure = attempt.failure.as_ref().map(|failure| failure.code.as_str());
    tracing::info!(host = server.host, address = %server.address, verdict = ?attempt.verdict, failure, "attempt");
    attempt
}

async fn connect(server: &Server<'_>, patience: &mut Patience<'_>) -> Result<TcpStream, Failure> {
    let Server { host, address, .. } = server;
    match patience.wait(TcpStream::connect(address)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) if error.kind() == io::ErrorKind::TimedOut => Err(not_in_time(host, address)),
        Ok(Err(error)) => {
            let message = format!("{host} at {address} did not accept the connection.");
            Err(Failure::new(FailureCode::ConnectRefused, message).detail(error))
        }
        Err(Break::Interrupted) => {
            let message = format!("The connection to {host} was interrupted.");
            Err(Failure::new(FailureCode::Interrupted, message))
        }
        Err(Break::Timeout | Break::Lost(_)) => Err(not_in_time(host, address)),
    }
}

fn not_in_time(host: &str, address: &SocketAddr) -> Failure {
    let message = format!("{host} at {address} did not answer the connection in time.");
    Failure::new(FailureCode::ConnectTimeout, message)
}

/// What the handshake taught, however it ended.
#[derive(Debug, Default)]
struct Learned {
    seen: Option<Seen>,
    retry_raw_key: bool,
}

/// Carries out the session until it is over.
async fn run(
    session: &mut Session<'_>,
    stream: TcpStream,
    server: &Server<'_>,
    settings: &SessionSettings,
    patience: &mut Patience<'_>,
    learned: &mut Learned,
) {
    let timeouts = &settings.timeouts;
    let mut connection = Connection::Clear(stream);
    let mut buffer = vec![0; READ];
    patience.allow(limit(timeouts, session.state()));
    let mut action = Action::Receive;
    loop {
        action = match action {
            Action::Receive => match connection.read(&mut buffer, patience).await {
                Ok(length) => session.received(buffer.get(..length).unwrap_or_default()),
                Err(cause) => broken(session, cause, timeouts, patience),
            },
            Action::Send(command) => {
                patience.allow(limit(timeouts, session.state()));
                let written = connection.write(command.as_bytes(), patience).await;
                sent(session, written, timeouts, patience)
            }
            Action::SendMessage => send_message(session, &mut connection, timeouts, patience).await,
            Action::Handshake => {
                let Connection::Clear(stream) = connection else {
                    return;
                };
                patience.allow(timeouts.handshake);
                let secured = starttls::start(server, &settings.tls, stream, patience).await;
                *learned = Learned { seen: secured.seen, retry_raw_key: secured.retry_raw_key };
                match secured.stream {
                    Ok(stream) => connection = Connection::Tls(stream),
                    Err(HandshakeError::Failed(failure)) => {
                        session.handshake_failed(failure);
                        return;
                    }
                    Err(HandshakeError::Interrupted) => {
                        session.broken(Break::Interrupted);
                        return;
                    }
                }
                session.secured()
            }
            Action::Close => break,
        };
    }
    // An interrupted session goes without a farewell, lest it look like an orderly end.
    if !patience.is_spent() {
        patience.allow(timeouts.quit);
        connection.shut_down(patience).await;
    }
}

/// Writes the message and what ends it.
async fn send_message(
    session: &mut Session<'_>,
    connection: &mut Connection,
    timeouts: &Timeouts,
    patience: &mut Patience<'_>,
) -> Action {
    let Some(message) = session.message() else {
        return session.broken(Break::Lost("there is no message".to_owned()));
    };
    for block in message.blocks() {
        patience.allow(timeouts.block);
        if let Err(cause) = connection.write_interruptibly(&block, patience).await {
            return sent(session, Err(cause), timeouts, patience);
        }
    }
    if patience.is_interrupted() {
        return broken(session, Break::Interrupted, timeouts, patience);
    }
    session.end_of_message();
    patience.allow(limit(timeouts, session.state()));
    let written = connection.write(message.terminator(), patience).await;
    sent(session, written, timeouts, patience)
}

/// Goes on to the reply. A server that closes before it has read everything may have said why: its last words count.
fn sent(
    session: &mut Session<'_>,
    written: Result<(), Break>,
    timeouts: &Timeouts,
    patience: &mut Patience<'_>,
) -> Action {
    match written {
        Ok(()) | Err(Break::Lost(_)) => session.sent(),
        Err(cause @ (Break::Timeout | Break::Interrupted)) => broken(session, cause, timeouts, patience),
    }
}

fn broken(
    session: &mut Session<'_>,
    cause: Break,
    timeouts: &Timeouts,
    patience: &mut Patience<'_>,
) -> Action {
    if cause != Break::Interrupted {
        return session.broken(cause);
    }
    patience.last(timeouts.grace);
    // The final dot is out: the reply, if it comes soon, says which recipients have the message.
    if session.state() == State::End { Action::Receive } else { session.broken(cause) }
}

/// The time limit of the step that a session is in.
fn limit(timeouts: &Timeouts, state: State) -> Duration {
    match state {
        State::Greeting => timeouts.greeting,
        State::Ehlo | State::Helo | State::StartTls => timeouts.hello,
        State::Handshake => timeouts.handshake,
        State::Mail => timeouts.mail,
        State::Rcpt(_) => timeouts.rcpt,
        State::Data => timeouts.data,
        State::Message => timeouts.block,
        State::End => timeouts.end,
        State::Quit | State::Closed => timeouts.quit,
    }
}

fn summary(server: &Server<'_>, reached: bool, outcome: Outcome, learned: Learned) -> Attempt {
    let verdict = match (&outcome.failure, reached) {
        (None, _) => AttemptVerdict::Accept,
        (Some(_), true) => AttemptVerdict::Reject,
        (Some(_), false) => AttemptVerdict::Unreachable,
    };
    let (info, web_pki) = match learned.seen {
        Some(Seen { info, web_pki }) => (Some(info), Some(web_pki)),
        None => (None, None),
    };
    let report = match web_pki {
        Some(web_pki) if outcome.over_tls => Some(TlsReport::Tls(web_pki)),
        Some(_) | None => outcome.clear_text.map(TlsReport::ClearText),
    };
    Attempt {
        address: server.address,
        verdict,
        channel: (verdict == AttemptVerdict::Accept).then(|| server.channel(outcome.over_tls)),
        failure: outcome.failure,
        starttls: outcome.starttls,
        tls: info,
        would_fail: report.and_then(|report| would_fail(server.policy, server.host, &report)),
        recipients: outcome.recipients,
        retry_clear_text: outcome.retry_clear_text,
        retry_raw_key: learned.retry_raw_key,
    }
}

const READ: usize = 4 * 1024;
