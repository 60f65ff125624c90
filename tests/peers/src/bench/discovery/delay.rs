//! A path that takes its time.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use tokio::{net::UdpSocket, time::Instant};

/// Passes questions on to `upstream`, and lets each answer go when `delay` has passed since its question. It works on as long as its
/// runtime does.
pub(super) async fn start(upstream: SocketAddr, delay: Duration) -> Result<SocketAddr> {
    let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?);
    let address = front.local_addr()?;
    tokio::spawn(async move {
        let mut query = [0; 4096];
        // An error here is an ICMP message about an earlier datagram: its client has gone.
        loop {
            let Ok((length, client)) = front.recv_from(&mut query).await else { continue };
            let query: Vec<u8> = query.iter().take(length).copied().collect();
            tokio::spawn(pass(Arc::clone(&front), client, query, upstream, Instant::now() + delay));
        }
    });
    Ok(address)
}

async fn pass(
    front: Arc<UdpSocket>,
    client: SocketAddr,
    query: Vec<u8>,
    upstream: SocketAddr,
    due: Instant,
) -> Result<()> {
    let back = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    back.connect(upstream).await?;
    back.send(&query).await?;
    let mut answer = vec![0; 65_535];
    let length = back.recv(&mut answer).await?;
    answer.truncate(length);
    tokio::time::sleep_until(due).await;
    front.send_to(&answer, client).await?;
    Ok(())
}
