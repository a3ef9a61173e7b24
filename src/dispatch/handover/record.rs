//! What a round changes about its lane, and what consumers of events are told of it.

use serde_json::json;

use super::follower::FollowerLoop;
use super::round::Verdict;
use crate::connectors::open_messaging::CONNECTOR;
use crate::connectors::outcome::AttemptError;
use crate::dispatch::endpoint_event::Before;
use crate::dispatch::entries;
use crate::dispatch::results::EndpointChange;
use crate::dispatch::tally;
use crate::history;
use crate::history::model::{Entry, Kind, Stream};
use crate::lanes::store::{self, RowChange};
use crate::values::MessageId;

/// Messages of one round that are told of one by one when they are given up.
const TOLD_MAX: usize = 10;

impl FollowerLoop {
    /// Tells the breaker how a round went, and writes down what has changed by it.
    pub(super) async fn record(&mut self, verdict: &Verdict) -> sqlx::Result<()> {
        let before = Before::of(&self.brakes.breaker);
        let change = self.tell_breaker(verdict);
        let event = change
            .as_ref()
            .and_then(|change| before.event(&self.brakes.breaker, change));
        let place = (self.ccid, self.owned.lane, CONNECTOR);
        let ids = &self.context.ids;
        let told = event.map(|event| entries::of_endpoint(place, ids.next_of(self.life), &event));
        let given_up = verdict.given_up.iter().take(TOLD_MAX);
        let given_up = given_up.map(|(message, error)| self.given_up(*message, *error));
        let entries: Vec<Entry> = told.into_iter().chain(given_up).collect();
        if change.is_none() && entries.is_empty() {
            return Ok(());
        }
        let mut transaction = self.context.database.queue.begin().await?;
        if store::stands(&mut transaction, self.life).await? {
            if let Some(change) = &change {
                let row = RowChange {
                    parked_until: change.parked_until,
                    failures_in_a_row: change.failures_in_a_row,
                    failing_since: change.failing_since,
                    pause: change.pause,
                    last_error: change.last_error.as_deref(),
                };
                store::change_row(&mut transaction, change.lane, &row).await?;
            }
            history::store::append(&mut transaction, &entries).await?;
        }
        transaction.commit().await
    }

    fn tell_breaker(&mut self, verdict: &Verdict) -> Option<EndpointChange> {
        let now_ms = self.context.clock.now_ms();
        let breaker = &mut self.brakes.breaker;
        let parked_before = breaker.parked_until();
        match verdict {
            Verdict { pause: true, .. } => breaker.not_started(),
            Verdict { works: true, .. } => breaker.on_success(),
            Verdict {
                barred: Some(bar), ..
            } => breaker.on_barred(now_ms, bar.until()),
            Verdict { fault: true, .. } => breaker.on_endpoint_failure(now_ms),
            // What was refused speaks about messages alone, but it was an answer.
            _ => breaker.not_started(),
        }
        let is_changed = verdict.pause || breaker.parked_until() != parked_before;
        let change = is_changed.then(|| EndpointChange {
            lane: self.owned.lane,
            parked_until: breaker.parked_until(),
            failures_in_a_row: i32::try_from(breaker.failures_in_a_row()).unwrap_or(i32::MAX),
            failing_since: breaker.failing_since(),
            pause: verdict.pause,
            barred: verdict.failed.error.filter(|_| verdict.barred.is_some()),
            last_error: verdict.failed.error.map(|error| error.class().into_owned()),
        });
        change.inspect(tally::endpoint)
    }

    fn given_up(&self, message: MessageId, error: AttemptError) -> Entry {
        let lane = self.owned.lane.0;
        let detail = json!({
            "endpointId": lane.to_string(),
            "channelId": CONNECTOR,
            "reason": "a message was not handed over",
            "messageId": message.to_string(),
            "lastError": error.class(),
        });
        let id = self.context.ids.next_of(self.life);
        Entry {
            detail: Some(detail.to_string()),
            ..Entry::event(self.ccid, id, lane, Kind::EndpointWarned, Stream::Both)
        }
    }
}
