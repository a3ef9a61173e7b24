//! The load: connections that are kept open and ask, one request after the other.

use std::error::Error;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::doors::Target;

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub connections: usize,
    pub requests: usize,
    pub messages_per_request: usize,
    pub rate: Option<f64>,
}

/// What the callers saw.
#[derive(Debug)]
pub struct Answered {
    pub time: Duration,
    /// Of each request, from the moment it was due.
    pub latencies: Vec<Duration>,
}

/// The requests that are still to be sent, shared by all connections.
#[derive(Debug)]
struct Schedule {
    load: Load,
    next: AtomicUsize,
    began: Instant,
}

impl Schedule {
    /// The number of the next request and when it is due.
    async fn next(&self) -> Option<(usize, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.load.requests {
            return None;
        }
        let Some(rate) = self.load.rate else {
            return Some((number, Instant::now()));
        };
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
        let due = self.began + Duration::from_secs_f64(number as f64 / rate);
        tokio::time::sleep_until(due.into()).await;
        Some((number, due))
    }
}

impl Load {
    /// Sends everything and waits for the last answer.
    pub async fn run(self, target: &Target) -> Result<Answered, Box<dyn Error>> {
        let mut connections = Vec::new();
        let local = LocalSet::new();
        for _connection in 0..self.connections {
            connections.push(local.run_until(connect(&target.address)).await?);
        }
        let schedule = Rc::new(Schedule {
            load: self,
            next: AtomicUsize::new(0),
            began: Instant::now(),
        });
        let asked = connections
            .into_iter()
            .map(|connection| ask_on(connection, target, &schedule));
        let latencies = local
            .run_until(futures_util::future::try_join_all(asked))
            .await?;
        Ok(Answered {
            time: schedule.began.elapsed(),
            latencies: latencies.into_iter().flatten().collect(),
        })
    }
}

async fn connect(address: &str) -> Result<SendRequest<Full<Bytes>>, Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

async fn ask_on(
    mut connection: SendRequest<Full<Bytes>>,
    target: &Target,
    schedule: &Schedule,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let mut latencies = Vec::new();
    while let Some((number, due)) = schedule.next().await {
        let request = target.request(number, schedule.load.messages_per_request)?;
        connection.ready().await?;
        let answer = connection.send_request(request).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK && status != StatusCode::ACCEPTED {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        latencies.push(due.elapsed());
    }
    Ok(latencies)
}
