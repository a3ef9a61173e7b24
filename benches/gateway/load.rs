//! The load: connections that are kept open and ask, one request after the other.

use std::error::Error;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc};
use tokio::task::LocalSet;

use crate::doors::Target;

/// After this a refused request is made again.
const REFUSED_PAUSE: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub connections: usize,
    pub requests: usize,
    pub messages_per_request: usize,
    /// Requests a second, however late the answers are; without it each connection asks again as soon as it is answered.
    pub rate: Option<f64>,
    /// Whether a request that is refused with 503 is made again; otherwise it ends the run.
    pub patient: bool,
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
    due: Mutex<mpsc::UnboundedReceiver<(usize, Option<Instant>)>>,
    load: Load,
}

impl Load {
    pub fn messages(self) -> usize {
        self.requests * self.messages_per_request
    }

    /// Sends everything and waits for the last answer.
    pub async fn run(self, target: &Target) -> Result<Answered, Box<dyn Error>> {
        let mut connections = Vec::new();
        let local = LocalSet::new();
        for address in target.addresses.iter().cycle().take(self.connections) {
            connections.push(local.run_until(connect(address)).await?);
        }
        let began = Instant::now();
        let schedule = Rc::new(Schedule {
            due: Mutex::new(self.pace(began)),
            load: self,
        });
        let asked = connections
            .into_iter()
            .map(|connection| ask_on(connection, target, &schedule));
        let latencies = local
            .run_until(futures_util::future::try_join_all(asked))
            .await?;
        Ok(Answered {
            time: began.elapsed(),
            latencies: latencies.into_iter().flatten().collect(),
        })
    }

    /// The numbers of the requests, each when it is due. A thread of its own sleeps to the microsecond; the runtime's
    /// timers would add up to a millisecond to each latency.
    fn pace(self, began: Instant) -> mpsc::UnboundedReceiver<(usize, Option<Instant>)> {
        let (send, receive) = mpsc::unbounded_channel();
        let Some(rate) = self.rate else {
            for number in 0..self.requests {
                // It is as long as the channel.
                let _sent = send.send((number, None));
            }
            return receive;
        };
        std::thread::spawn(move || {
            for number in 0..self.requests {
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52 requests")]
                let due = began + Duration::from_secs_f64(number as f64 / rate);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if send.send((number, Some(due))).is_err() {
                    return;
                }
            }
        });
        receive
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
    loop {
        let next = schedule.due.lock().await.recv().await;
        let Some((number, due)) = next else {
            return Ok(latencies);
        };
        let due = due.unwrap_or_else(Instant::now);
        while !ask(&mut connection, target, schedule.load, (number, due)).await? {
            tokio::time::sleep(REFUSED_PAUSE).await;
        }
        latencies.push(due.elapsed());
    }
}

/// Whether a request was taken; if not, it may be made again.
async fn ask(
    connection: &mut SendRequest<Full<Bytes>>,
    target: &Target,
    load: Load,
    (number, due): (usize, Instant),
) -> Result<bool, Box<dyn Error>> {
    let request = target.request(number, load.messages_per_request, due)?;
    connection.ready().await?;
    let answer = connection.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if status == StatusCode::OK || status == StatusCode::ACCEPTED {
        return Ok(true);
    }
    if load.patient && status == StatusCode::SERVICE_UNAVAILABLE {
        return Ok(false);
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
}
