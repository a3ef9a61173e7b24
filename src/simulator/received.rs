//! The requests that came in: the last ones, bounded by number and bytes, and waiting for them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::{HeaderMap, Method, Uri};
use tokio::sync::watch;
use tokio::time::timeout;

use super::dialect::Envelope;

/// One request as it came over the wire.
#[derive(Debug, Clone)]
pub struct Received {
    /// Counts from 1 since the start or the last reset.
    pub number: u64,
    /// When its body was complete.
    pub at: Instant,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The exact bytes.
    pub body: Bytes,
    pub signature: Signature,
    /// What of it was acted on.
    pub envelope: Envelope,
}

/// What the check of a signature came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// The body was signed with one of the secrets.
    Good,
    /// It was not: the signature is missing, malformed or of another key or body.
    Refused,
    /// The simulator was given no secret.
    Unchecked,
}

impl Signature {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Refused => "refused",
            Self::Unchecked => "unchecked",
        }
    }
}

impl Received {
    /// A header's first value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as JSON; `Null` if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as a form: its members in order.
    pub fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// Our id of the (first) message.
    pub fn message_id(&self) -> Option<String> {
        self.envelope.message_id.clone()
    }

    /// Whom the (first) message is for.
    pub fn recipient(&self) -> Option<String> {
        self.envelope.recipient.clone()
    }

    fn weight(&self) -> usize {
        // An estimate of what headers and bookkeeping take, so that empty bodies count as well.
        self.body.len() + 1_024
    }
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) requests_max: usize,
    pub(super) bytes_max: usize,
}

/// The last requests, oldest first.
#[derive(Debug)]
pub(super) struct Log {
    kept: Mutex<Kept>,
    room: Room,
    /// How many came since the start or the last reset.
    count: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<Received>,
    bytes: usize,
    count: u64,
}

impl Log {
    pub(super) fn new(room: Room) -> Self {
        Self {
            kept: Mutex::default(),
            room,
            count: watch::Sender::new(0),
        }
    }

    /// Numbers the request and keeps it, dropping the oldest for which there is no more room.
    pub(super) fn add(&self, request: Received) {
        let mut kept = self.kept();
        kept.count += 1;
        kept.bytes += request.weight();
        let number = kept.count;
        kept.requests.push_back(Received { number, ..request });
        while kept.requests.len() > self.room.requests_max || kept.bytes > self.room.bytes_max {
            let Some(oldest) = kept.requests.pop_front() else {
                break;
            };
            kept.bytes -= oldest.weight();
        }
        self.count.send_replace(number);
    }

    /// The kept requests with a higher number than `after`, at most `limit` of them.
    pub(super) fn after(&self, after: u64, limit: usize) -> Vec<Received> {
        let kept = self.kept();
        kept.requests
            .iter()
            .filter(|request| request.number > after)
            .take(limit)
            .cloned()
            .collect()
    }

    pub(super) fn count(&self) -> u64 {
        self.kept().count
    }

    pub(super) fn clear(&self) {
        let mut kept = self.kept();
        *kept = Kept::default();
        self.count.send_replace(0);
    }

    /// Waits until `count` requests have come in all, at most `patience`, and returns what is kept by then.
    pub(super) async fn wait_for(&self, count: u64, patience: Duration) -> Vec<Received> {
        let mut seen = self.count.subscribe();
        // Whether they came or not is for the caller to see in what is returned.
        let _ = timeout(patience, seen.wait_for(|&seen| seen >= count)).await;
        self.after(0, usize::MAX)
    }

    /// Waits for the first kept request after number `after` that `is_wanted`, at most `patience`.
    pub(super) async fn find(
        &self,
        after: u64,
        is_wanted: impl Fn(&Received) -> bool,
        patience: Duration,
    ) -> Option<Received> {
        let mut seen = self.count.subscribe();
        let search = async {
            loop {
                seen.borrow_and_update();
                if let Some(found) = self.after(after, usize::MAX).into_iter().find(&is_wanted) {
                    return Some(found);
                }
                seen.changed().await.ok()?;
            }
        };
        timeout(patience, search).await.ok().flatten()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // A panic while it was held leaves at worst one request out: the log is still good.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: &str) -> Received {
        Received {
            number: 0,
            at: Instant::now(),
            method: Method::POST,
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            body: Bytes::copy_from_slice(body.as_bytes()),
            signature: Signature::Unchecked,
            envelope: Envelope::default(),
        }
    }

    #[test]
    fn only_the_last_requests_are_kept_and_all_are_counted() {
        let log = Log::new(Room {
            requests_max: 3,
            bytes_max: usize::MAX,
        });

        for number in 1..=10 {
            log.add(request(&number.to_string()));
        }

        let numbers: Vec<u64> = log
            .after(0, usize::MAX)
            .iter()
            .map(|kept| kept.number)
            .collect();
        assert_eq!(numbers, [8, 9, 10]);
        assert_eq!(log.count(), 10);
    }

    #[test]
    fn large_bodies_push_older_ones_out() {
        let log = Log::new(Room {
            requests_max: 100,
            bytes_max: 10_000,
        });

        for _ in 0..5 {
            log.add(request(&"x".repeat(4_000)));
        }

        assert_eq!(log.after(0, usize::MAX).len(), 1);
    }

    #[tokio::test]
    async fn waiting_ends_at_its_deadline_with_what_came() {
        let patience = Duration::from_millis(10);
        let log = Log::new(Room {
            requests_max: 3,
            bytes_max: usize::MAX,
        });
        log.add(request("1"));

        assert_eq!(log.wait_for(2, patience).await.len(), 1);
        assert!(
            log.find(0, |found| found.body == "2", patience)
                .await
                .is_none()
        );
    }
}
