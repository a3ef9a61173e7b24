//! The provider as a caller: it tells what became of messages, and hands in what consumers wrote, with the habits of the
//! provider that is played and with faults to order.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use tokio::select;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::callback::{Became, Callback, ConsumerText, Taken};
use super::dialect::Dialect;
use super::wire::WireClient;
use crate::values::Secret;

/// Calls that wait to be made; more are left out.
const ORDERS_MAX: usize = 100_000;
/// Calls of which it is known what they were answered with.
const KEPT_MAX: usize = 10_000;
/// Calls that are under way at once.
const OPEN_MAX: usize = 256;

/// Whom the simulated provider calls, and what it says. The body of `POST /__callbacks`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct CallbackRules {
    /// The address that the gateway shows as `callbackUrl`; for a third party the channel's own, which ends in `/messages`, for
    /// Genesys Cloud the one that ends in `/sms`.
    /// Without one nobody is called.
    pub url: Option<String>,
    /// The tenant, which a third party and Genesys Cloud name with each call.
    pub ccid: Option<String>,
    /// An API key of the tenant, which Genesys Cloud calls with.
    pub password: Option<String>,
    /// What becomes of each message that is taken; `null`: nobody says.
    pub receipts: Option<Became>,
    /// How long a receipt is held back.
    pub delay_milliseconds: u64,
    /// How often each receipt comes.
    pub copies: u32,
    /// An interim receipt comes behind the final one.
    pub reordered: bool,
    /// A receipt for a message that nobody sent comes with each.
    pub unknown: bool,
    /// What the provider's waits between its attempts are multiplied with.
    pub time_scale: f64,
}

impl fmt::Debug for CallbackRules {
    /// Without what is secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CallbackRules")
            .field("receipts", &self.receipts)
            .finish_non_exhaustive()
    }
}

impl Default for CallbackRules {
    fn default() -> Self {
        Self {
            url: None,
            ccid: None,
            password: None,
            receipts: Some(Became::Delivered),
            delay_milliseconds: 0,
            copies: 1,
            reordered: false,
            unknown: false,
            time_scale: 1.0,
        }
    }
}

/// A call that was made, and how it was answered.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// The id of the message or text that it was about.
    pub id: String,
    /// From 1.
    pub attempt: usize,
    /// `None`: there was no answer.
    pub status: Option<u16>,
}

/// Calls to one address, one after the other.
#[derive(Debug)]
pub(super) struct Order {
    url: String,
    delay: Duration,
    /// Between attempts of one call.
    waits: Vec<Duration>,
    calls: Vec<(String, Callback)>,
}

/// Who makes the calls, as connections and switches know it.
#[derive(Debug)]
pub(super) struct Caller {
    rules: Mutex<CallbackRules>,
    orders: mpsc::Sender<Order>,
    made: Mutex<VecDeque<Made>>,
    count: watch::Sender<u64>,
}

/// Why no text of a consumer can be handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotCall {
    #[error("there is no url to call; POST /__callbacks says one")]
    NoUrl,
    #[error("this provider hands in no texts")]
    NoTexts,
    #[error("too many calls wait")]
    TooMany,
}

impl Caller {
    /// The caller, and what it is ordered to call.
    pub(super) fn new() -> (Arc<Self>, mpsc::Receiver<Order>) {
        let (orders, ordered) = mpsc::channel(ORDERS_MAX);
        let caller = Self {
            rules: Mutex::default(),
            orders,
            made: Mutex::default(),
            count: watch::Sender::new(0),
        };
        (Arc::new(caller), ordered)
    }

    pub(super) fn follow(&self, rules: CallbackRules) {
        *self.rules() = rules;
    }

    /// Forgets what it was told and what it made.
    pub(super) fn reset(&self) {
        self.follow(CallbackRules::default());
        self.made().clear();
        self.count.send_replace(0);
    }

    /// Says what becomes of a message, as the rules want it.
    pub(super) fn tell(&self, (dialect, secrets): (&Dialect, &[Secret]), taken: &Taken) {
        let rules = self.rules();
        let Some((url, became)) = rules.url.clone().zip(rules.receipts) else {
            return;
        };
        let receipt = |taken: &Taken, became| {
            let callback = dialect.receipt(taken, became, (secrets, &rules))?;
            Some((taken.id.clone(), callback))
        };
        let mut calls = Vec::new();
        for _ in 0..rules.copies {
            calls.extend(receipt(taken, became));
        }
        if rules.reordered {
            calls.extend(receipt(taken, Became::Sent));
        }
        if rules.unknown {
            let nobodys = Taken {
                id: format!("unknown-{}", taken.id),
                our_id: None,
                ..taken.clone()
            };
            calls.extend(receipt(&nobodys, became));
        }
        let order = Order {
            url,
            delay: Duration::from_millis(rules.delay_milliseconds),
            waits: scaled(dialect.waits(), rules.time_scale),
            calls,
        };
        // Who orders more than can be called is left without receipts, as by a provider in trouble.
        let _ = self.orders.try_send(order);
    }

    /// Hands in what a consumer wrote.
    pub(super) fn hand_in(
        &self,
        (dialect, secrets): (&Dialect, &[Secret]),
        text: &ConsumerText,
    ) -> Result<(), CannotCall> {
        let rules = self.rules();
        let url = rules.url.clone().ok_or(CannotCall::NoUrl)?;
        let callback = dialect
            .text(text, (secrets, &rules))
            .ok_or(CannotCall::NoTexts)?;
        let order = Order {
            url,
            delay: Duration::ZERO,
            waits: scaled(dialect.waits(), rules.time_scale),
            calls: vec![(text.id.clone(), callback)],
        };
        self.orders.try_send(order).map_err(|_| CannotCall::TooMany)
    }

    /// The calls that were made, oldest first.
    pub(super) fn calls(&self) -> Vec<Made> {
        self.made().iter().cloned().collect()
    }

    /// Waits until so many calls were made, at most `patience`, and returns what is kept of them.
    pub(super) async fn wait_for(&self, count: u64, patience: Duration) -> Vec<Made> {
        let mut seen = self.count.subscribe();
        let _ = timeout(patience, seen.wait_for(|&seen| seen >= count)).await;
        self.calls()
    }

    fn note(&self, made: Made) {
        let mut kept = self.made();
        if kept.len() == KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(made);
        self.count.send_modify(|count| *count += 1);
    }

    fn rules(&self) -> MutexGuard<'_, CallbackRules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> MutexGuard<'_, VecDeque<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A provider's waits on the scale of whoever does not have its time.
fn scaled(waits: Vec<Duration>, scale: f64) -> Vec<Duration> {
    let scale = if scale.is_finite() {
        scale.clamp(0.0, 1_000.0)
    } else {
        1.0
    };
    waits.into_iter().map(|wait| wait.mul_f64(scale)).collect()
}

/// Makes the calls that are ordered, until nobody can order any more.
pub(super) async fn run(caller: Arc<Caller>, mut ordered: mpsc::Receiver<Order>) {
    let Ok(client) = WireClient::new() else {
        return;
    };
    let mut open = JoinSet::new();
    loop {
        select! {
            order = ordered.recv(), if open.len() < OPEN_MAX => match order {
                Some(order) => drop(open.spawn(call(Arc::clone(&caller), client.clone(), order))),
                None => return,
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn call(caller: Arc<Caller>, client: WireClient, order: Order) {
    sleep(order.delay).await;
    for (id, callback) in &order.calls {
        let mut waits = order.waits.iter();
        for attempt in 1.. {
            let status = send(&client, &order.url, callback).await;
            caller.note(Made {
                id: id.clone(),
                attempt,
                status,
            });
            match (status, waits.next()) {
                (Some(200..=299), _) | (_, None) => break,
                (_, Some(wait)) => sleep(*wait).await,
            }
        }
    }
}

async fn send(client: &WireClient, url: &str, callback: &Callback) -> Option<u16> {
    let headers: HeaderMap = callback
        .headers
        .iter()
        .filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value).ok()?;
            Some((HeaderName::from_static(name), value))
        })
        .collect();
    let url = format!("{url}{}", callback.path);
    let url = match callback.query.as_str() {
        "" => url,
        query => format!("{url}?{query}"),
    };
    let method = callback.method.clone();
    let reply = client.send(method, &url, headers, callback.body.clone());
    Some(reply.await.ok()?.status)
}
