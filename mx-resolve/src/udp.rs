//! One question over UDP: datagrams get lost, so it is sent again.

use std::{net::SocketAddr, time::Duration};

use dnssec::Question;
use futures_util::stream::{FuturesUnordered, StreamExt};
use hickory_net::{
    NetError,
    udp::UdpClientStream,
    xfer::{DnsRequestSender, FirstAnswer},
};
use hickory_proto::op::{DnsRequest, DnsRequestOptions, Message};

use crate::{
    datagram::DatagramRuntime,
    message::{self, Role},
};

/// How often a question is sent at the most. Each has a port and an id of its own, and each is one more that a forged
/// answer could fit, so they are few.
const ATTEMPTS: usize = 6;
/// What is waited for the first answer at the most: longer than a round trip takes almost anywhere.
const LONGEST_FIRST_WAIT: Duration = Duration::from_millis(500);

/// Asks until an answer comes or the time is over. Whichever of the questions is answered first counts: an upstream that
/// has to look far may answer the first one after the third was sent.
pub(crate) async fn ask(
    server: SocketAddr,
    question: &Question,
    role: Role,
    time: Duration,
    runtime: &DatagramRuntime,
) -> Result<Message, NetError> {
    let mut attempts = FuturesUnordered::new();
    let mut last = NetError::Timeout;
    for wait in waits(time) {
        attempts.push(attempt(server, question, role, time, runtime));
        match tokio::time::timeout(wait, first_end(&mut attempts)).await {
            // Told that nobody is there: by whom cannot be known, so the next attempt is made all the same, and at once.
            Ok(Err(error @ NetError::Io(_))) => last = error,
            Ok(end) => return end,
            Err(_elapsed) => last = NetError::Timeout,
        }
    }
    Err(last)
}

/// How long an answer is waited for after each attempt, in all `time`: a fifteenth of it first, twice as long each time.
fn waits(time: Duration) -> Vec<Duration> {
    let mut waits = vec![];
    let mut left = time;
    let mut wait = (time / 15).min(LONGEST_FIRST_WAIT);
    // The last one waits for as long as is left, which is not to be shorter than its due.
    while waits.len() + 1 < ATTEMPTS && wait.saturating_mul(3) <= left {
        waits.push(wait);
        left = left.saturating_sub(wait);
        wait = wait.saturating_mul(2);
    }
    waits.push(left);
    waits
}

async fn attempt(
    server: SocketAddr,
    question: &Question,
    role: Role,
    time: Duration,
    runtime: &DatagramRuntime,
) -> Result<Message, NetError> {
    // hickory-net's own repetition keeps the id.
    let mut stream = UdpClientStream::builder(server, runtime.clone())
        .with_timeout(Some(time))
        .with_max_retries(1)
        .build();
    let request = DnsRequest::new(message::query(question, role), DnsRequestOptions::default());
    Ok(stream.send_message(request).first_answer().await?.into_message())
}

/// The first answer, whatever it is worth; an error of the network only when no attempt is left.
async fn first_end(
    attempts: &mut FuturesUnordered<impl Future<Output = Result<Message, NetError>>>,
) -> Result<Message, NetError> {
    let mut last = NetError::Timeout;
    while let Some(end) = attempts.next().await {
        if let Err(error @ NetError::Io(_)) = end {
            last = error;
        } else {
            return end;
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_divided() {
        let milliseconds = |time: Duration| waits(time).iter().map(Duration::as_millis).collect::<Vec<_>>();
        for (time, expected, why) in [
            (Duration::from_secs(5), vec![333, 666, 1333, 2666], "the default"),
            (Duration::from_millis(150), vec![10, 20, 40, 80], "its shape holds for short times"),
            (Duration::from_secs(30), vec![500, 1000, 2000, 4000, 22_500], "the first wait has a limit"),
            (
                Duration::from_secs(600),
                vec![500, 1000, 2000, 4000, 8000, 584_500],
                "and so have the attempts",
            ),
            (Duration::ZERO, vec![0; 6], "no time at all"),
        ] {
            assert_eq!(milliseconds(time), expected, "{why}");
        }
        let longest: Duration = waits(Duration::MAX).iter().sum();
        assert_eq!(longest, Duration::MAX, "nothing overflows");
    }
}
