//! One question over TCP, for an answer that no datagram holds (RFC 7766 §5).

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use dnssec::Question;
use futures_util::StreamExt;
use hickory_net::{NetError, runtime::TokioRuntimeProvider, tcp::TcpClientStream, xfer::DnsStreamHandle};
use hickory_proto::{
    ProtoError,
    op::{DnsResponse, Message, SerialMessage},
};

use crate::message::{self, Role};

/// Asks on a connection of its own. Nobody but the server writes to it, so the first message is the answer, or wrong.
pub(crate) async fn ask(
    server: SocketAddr,
    question: &Question,
    role: Role,
    time: Duration,
    runtime: &TokioRuntimeProvider,
) -> Result<Message, NetError> {
    let (connecting, mut sender) = TcpClientStream::new(server, None, Some(time), runtime.clone());
    let mut connection = connecting.await?;
    let query = message::query(question, role);
    sender.send(SerialMessage::new(query.to_vec()?, server))?;
    let Some(octets) = connection.next().await else {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server hung up").into());
    };
    let answer = DnsResponse::from_buffer(octets?.into_parts().0)?.into_message();
    if answer.metadata.id != query.metadata.id {
        return Err(ProtoError::Msg("the id is not the question's".to_owned()).into());
    }
    Ok(answer)
}
