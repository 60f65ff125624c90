//! A look at the first thing that arrives where a TLS record must (decision 11).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream whose first two inbound octets must be those of a TLS record. Anything else is an injection: the read fails,
/// and [`injected`](Self::injected) says so.
#[derive(Debug)]
pub(crate) struct FirstRecord<S> {
    inner: S,
    /// Octets seen, up to [`HEADER`].
    seen: usize,
    injected: bool,
}

impl<S> FirstRecord<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self { inner, seen: 0, injected: false }
    }

    pub(crate) fn injected(&self) -> bool {
        self.injected
    }

    fn inspect(&mut self, arrived: &[u8]) -> io::Result<()> {
        for octet in arrived.iter().take(HEADER.saturating_sub(self.seen)) {
            let genuine = match self.seen {
                // RFC 8446 §5.1: change_cipher_spec, alert, handshake, application_data.
                0 => matches!(octet, 20..=23),
                _ => *octet == 3,
            };
            self.seen = self.seen.saturating_add(1);
            if !genuine {
                self.injected = true;
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the first record is no TLS record"));
            }
        }
        Ok(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FirstRecord<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => Poll::Ready(this.inspect(buf.filled().get(before..).unwrap_or_default())),
            other @ (Poll::Ready(Err(_)) | Poll::Pending) => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FirstRecord<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

const HEADER: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d11_the_first_two_octets_decide() {
        for (chunks, injected, why) in [
            (&[&[22, 3, 3, 0][..]][..], false, "a handshake record"),
            (&[&[21, 3, 1]], false, "an alert"),
            (&[&[20, 3]], false, "change_cipher_spec"),
            (&[&[23, 3]], false, "application_data"),
            (&[&[22], &[3]], false, "one octet at a time"),
            (&[&[22, 3], &[0, 0]], false, "what follows is TLS's own matter"),
            (&[&[]], false, "a close"),
            (&[b"250 ok\r\n"], true, "dev15: a reply"),
            (&[b"\0"], true, "dev5: garbage"),
            (&[&[24, 3]], true, "no type of TLS 1.2 or 1.3"),
            (&[&[22, 2]], true, "SSL 2"),
            (&[&[22], &[2]], true, "one octet at a time"),
            (&[b"\r\n"], true, "an empty line"),
        ] {
            let mut stream = FirstRecord::new(());
            for chunk in chunks {
                assert_eq!(stream.inspect(chunk).is_err(), stream.injected(), "{why}");
            }
            assert_eq!(stream.injected(), injected, "{why}");
        }
    }
}
