//! The UDP sockets that questions go out of: only the answer to the question comes in.
//!
//! Whoever is not on the path sends forged answers in the hope that one fits. None may end the question, or sending junk
//! would be enough to keep mail from its server (RFC 5452 §9.1 and §9.2): what does not match is ignored, and the right
//! answer is still waited for. An answer matches if it comes from the server's address and port to ours, with the id and
//! the question that were sent; with mixed case, letter for letter. An error code may come without a question, as unbound's
//! refusals do: that leaves a forger as much to guess, except with mixed case, where it is ignored.

use std::{
    future::poll_fn,
    io::{self, ErrorKind},
    net::SocketAddr,
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll, ready},
    time::Duration,
};

use hickory_net::runtime::{DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime};
use rand::RngExt;
use tokio::{
    io::{Interest, ReadBuf},
    net::UdpSocket,
};

/// hickory-net's runtime, with these sockets.
#[derive(Clone)]
pub(crate) struct DatagramRuntime {
    pub(crate) tokio: TokioRuntimeProvider,
    /// Whether questions go out in mixed case (draft-vixie-dnsext-dns0x20): some 10 more bits that a forger has to guess.
    pub(crate) mixed_case: bool,
}

impl RuntimeProvider for DatagramRuntime {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = <TokioRuntimeProvider as RuntimeProvider>::Timer;
    type Udp = Datagrams;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.tokio.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        local: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Tcp>>>> {
        self.tokio.connect_tcp(server, local, timeout)
    }

    /// hickory-net chooses the port at random (RFC 5452 §9.2).
    fn bind_udp(
        &self,
        local: SocketAddr,
        server: SocketAddr,
    ) -> Pin<Box<dyn Send + Future<Output = io::Result<Self::Udp>>>> {
        let mixed_case = self.mixed_case;
        Box::pin(async move {
            let socket = UdpSocket::bind(local).await?;
            // Connected, so that only the server is heard, and that a server which is not there is noticed at once.
            socket.connect(server).await?;
            Ok(Datagrams { socket, mixed_case, asked: OnceLock::new() })
        })
    }
}

/// A socket for one question.
pub(crate) struct Datagrams {
    socket: UdpSocket,
    mixed_case: bool,
    asked: OnceLock<Asked>,
}

impl DnsUdpSocket for Datagrams {
    type Time = TokioTime;

    fn poll_send_to(
        &self,
        context: &mut Context<'_>,
        octets: &[u8],
        _server: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        let asked = self.asked.get_or_init(|| Asked::new(octets, self.mixed_case));
        self.socket.poll_send(context, &asked.datagram)
    }

    fn poll_recv_from(
        &self,
        context: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        loop {
            let mut datagram = ReadBuf::new(buffer);
            let server = ready!(self.socket.poll_recv_from(context, &mut datagram))?;
            let length = datagram.filled().len();
            if let Some(length) = self.asked.get().and_then(|asked| asked.accept(buffer, length)) {
                return Poll::Ready(Ok((length, server)));
            }
            tracing::debug!(%server, "a datagram that does not answer the question is ignored");
        }
    }

    /// Ends with an error too when the system learns that nobody listens there: to tokio that is no event of a reader.
    fn recv_from<'life0, 'life1, 'async_trait>(
        &'life0 self,
        buffer: &'life1 mut [u8],
    ) -> Pin<Box<dyn Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'async_trait>>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        let error = self.socket.async_io(Interest::ERROR, || match self.socket.take_error()? {
            Some(error) => Err(error),
            None => Err(ErrorKind::WouldBlock.into()),
        });
        Box::pin(async move {
            tokio::select! {
                biased;
                received = poll_fn(|context| self.poll_recv_from(context, buffer)) => received,
                error = error => error,
            }
        })
    }
}

/// The question that went out.
struct Asked {
    datagram: Vec<u8>,
    /// The name as it was to be asked for, in wire format.
    name: Vec<u8>,
    mixed_case: bool,
}

impl Asked {
    fn new(octets: &[u8], mixed_case: bool) -> Self {
        let mut datagram = octets.to_vec();
        let name = match datagram.get_mut(HEADER..) {
            Some(rest) => name_in(rest),
            None => &mut [],
        };
        let asked_for = name.to_vec();
        if mixed_case {
            let mut random = rand::rng();
            // The lengths of labels are below the letters.
            for letter in name.iter_mut().filter(|octet| octet.is_ascii_alphabetic()) {
                *letter ^= if random.random() { CASE } else { 0 };
            }
        }
        Self { datagram, name: asked_for, mixed_case }
    }

    /// The length of the answer in the buffer, of which so much came; `None` where it does not answer the question.
    fn accept(&self, buffer: &mut [u8], length: usize) -> Option<usize> {
        let length = self.restore_question(buffer, length);
        buffer.get_mut(..length).is_some_and(|octets| self.matches(octets)).then_some(length)
    }

    /// hickory-net wants the question back with an error too. What else came beside it is lost.
    fn restore_question(&self, buffer: &mut [u8], length: usize) -> usize {
        let bare = buffer.get(..length).and_then(Header::of).is_some_and(|header| header.is_bare_error());
        let end = HEADER + self.name.len() + TYPE_AND_CLASS;
        let (Some(question), Some(space)) = (self.datagram.get(COUNTS..end), buffer.get_mut(COUNTS..end))
        else {
            return length;
        };
        if !bare || self.mixed_case {
            return length;
        }
        space.copy_from_slice(question);
        // No additional record, where the query had one.
        if let Some(count) = buffer.get_mut(HEADER - 2..HEADER) {
            count.fill(0);
        }
        end
    }

    /// Whether the octets answer the question. The name in them gets its letters back, and so do those that point to it.
    fn matches(&self, octets: &mut [u8]) -> bool {
        let (Some(header), Some((name, rest))) = (Header::of(octets), self.split(octets)) else {
            return false;
        };
        let (Some(sent_header), Some((sent_name, sent_rest))) =
            (Header::of(&self.datagram), self.split(&self.datagram))
        else {
            return false;
        };
        let same_name =
            if self.mixed_case { name == sent_name } else { name.eq_ignore_ascii_case(sent_name) };
        let matches = header.response
            && header.id == sent_header.id
            && header.questions == sent_header.questions
            && same_name
            && rest.get(..TYPE_AND_CLASS) == sent_rest.get(..TYPE_AND_CLASS);
        if matches && let Some(name) = octets.get_mut(HEADER..HEADER + self.name.len()) {
            name.copy_from_slice(&self.name);
        }
        matches
    }

    /// What stands where the name stood in the question, and what follows.
    fn split<'a>(&self, octets: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (name, rest) = octets.get(HEADER..)?.split_at_checked(self.name.len())?;
        (rest.len() >= TYPE_AND_CLASS).then_some((name, rest))
    }
}

/// What a header says about who answers whom (RFC 1035 §4.1.1).
struct Header {
    id: [u8; 2],
    response: bool,
    code: u8,
    questions: [u8; 2],
}

impl Header {
    fn of(octets: &[u8]) -> Option<Self> {
        let [id0, id1, flags, code, count0, count1, ..] = octets else { return None };
        let questions = [*count0, *count1];
        Some(Self { id: [*id0, *id1], response: flags & QR != 0, code: code & RCODE, questions })
    }

    fn is_bare_error(&self) -> bool {
        self.questions == [0, 0] && !matches!(self.code, NOERROR | NXDOMAIN)
    }
}

/// The uncompressed name that the octets begin with; all of them, if it does not end.
fn name_in(octets: &mut [u8]) -> &mut [u8] {
    let mut length = 0;
    while let Some(label) = octets.get(length) {
        let end = *label == 0;
        length += 1 + usize::from(*label);
        if end {
            break;
        }
    }
    let length = length.min(octets.len());
    octets.split_at_mut(length).0
}

const HEADER: usize = 12;
/// Where in the header the four counts begin.
const COUNTS: usize = 4;
const TYPE_AND_CLASS: usize = 4;
/// The bit that tells a response from a query.
const QR: u8 = 0x80;
/// The bits of the response code, and two of its values.
const RCODE: u8 = 0x0f;
const NOERROR: u8 = 0;
const NXDOMAIN: u8 = 3;
/// The bit that tells small letters from capitals.
const CASE: u8 = 0x20;

#[cfg(test)]
mod tests {
    use super::*;

    /// `mX.example. IN A`, id 0x1234, recursion desired.
    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x02mX\x07example\0\0\x01\0\x01";

    fn response(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut octets = QUERY.to_vec();
        octets[2] |= QR;
        change(&mut octets);
        octets
    }

    /// No question, this response code, and nothing else.
    fn header(octets: &mut Vec<u8>, code: u8) {
        octets.truncate(HEADER);
        octets[3] = code;
        octets[5] = 0;
    }

    #[test]
    fn what_answers_the_question() {
        for (octets, accepted, exactly, why) in [
            (QUERY.to_vec(), false, false, "a query is no response"),
            (response(|octets| octets[1] ^= 1), false, false, "another id"),
            (response(|octets| octets[0] ^= 0x20), false, false, "an id that differs by the bit of case"),
            (response(|octets| octets[5] = 0), false, false, "no question"),
            (response(|octets| header(octets, 0)), false, false, "a header alone, without an error"),
            (response(|octets| header(octets, 3)), false, false, "a header alone that denies the name"),
            (
                response(|octets| header(octets, 5)),
                true,
                false,
                "a header alone that refuses, as unbound does",
            ),
            (
                response(|octets| {
                    header(octets, 5);
                    octets[1] ^= 1;
                }),
                false,
                false,
                "a refusal with another id",
            ),
            (
                response(|octets| {
                    header(octets, 5);
                    octets[2] ^= QR;
                }),
                false,
                false,
                "a refusal that is a query",
            ),
            (response(|octets| octets[5] = 2), false, false, "two questions"),
            (response(|octets| octets[13] = b'n'), false, false, "another name"),
            (response(|octets| octets[25] = 0x1c), false, false, "another type"),
            (response(|octets| octets[25] ^= 0x20), false, false, "a type that differs by the bit of case"),
            (response(|octets| octets[27] = 3), false, false, "another class"),
            (response(|octets| octets.truncate(26)), false, false, "half a question"),
            (response(|octets| octets.truncate(12)), false, false, "a header alone"),
            (response(|octets| octets.truncate(1)), false, false, "half an id"),
            (response(Vec::clear), false, false, "nothing"),
            (response(|octets| octets[14] = b'x'), true, false, "the name in other letters"),
            (response(|_| {}), true, true, "the question alone"),
            (response(|octets| octets.extend(b"\xff")), true, true, "whatever follows it"),
        ] {
            let mut asked = Asked::new(QUERY, false);
            let length = octets.len();
            let mut buffer = octets;
            buffer.resize(1232, 0xff);
            assert_eq!(asked.accept(&mut buffer.clone(), length).is_some(), accepted, "{why}");
            asked.mixed_case = true;
            assert_eq!(asked.accept(&mut buffer, length).is_some(), exactly, "mixed case: {why}");
        }
    }

    #[test]
    fn mixed_case_goes_out_and_does_not_come_in() {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..64 {
            let asked = Asked::new(QUERY, true);
            assert!(asked.datagram.eq_ignore_ascii_case(QUERY));
            assert_eq!(
                (&asked.datagram[..HEADER], &asked.datagram[24..]),
                (&QUERY[..HEADER], &QUERY[24..]),
                "nothing but the name changes"
            );
            let mut answer = asked.datagram.clone();
            answer[2] |= QR;
            let length = answer.len();
            assert_eq!(asked.accept(&mut answer, length), Some(length));
            assert_eq!(answer[HEADER..], QUERY[HEADER..], "the name is given back as it was");
            seen.insert(asked.datagram);
        }
        assert!(seen.len() > 1, "9 letters 64 times in the same case");
    }

    #[test]
    fn octets_that_are_no_query_match_nothing() {
        for octets in [&b""[..], b"\0", &QUERY[..12], &QUERY[..14], &QUERY[..26]] {
            for mixed_case in [false, true] {
                let asked = Asked::new(octets, mixed_case);
                assert_eq!(asked.accept(&mut response(|_| {}), QUERY.len()), None, "{octets:?}");
            }
        }
    }
}
