//! Results as columns: each field is an array of one statement's `unnest`.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::results::{EndpointChange, Fate, ResultRow};
use crate::history::model::{Kind, Stream};
use crate::lanes::LaneId;
use crate::lanes::store::DeliveryKeys;
use crate::values::ReasonCode;

/// Deliveries that are tried again.
pub(super) struct Waiting {
    pub(super) keys: DeliveryKeys,
    pub(super) attempt: Vec<i16>,
    pub(super) due_at: Vec<i64>,
    /// 0: it holds nobody.
    pub(super) holds_until: Vec<i64>,
    /// Whether it is not to be sent again.
    pub(super) held: Vec<bool>,
    /// When it was put back with no attempt charged, Unix milliseconds; 0: it was not.
    pub(super) put_back_at: Vec<i64>,
}

/// The columns of one fate.
type Wait = (i16, i64, i64, bool, i64);

impl Waiting {
    pub(super) fn of(rows: &[ResultRow]) -> Self {
        let waits = |row: &ResultRow| -> Option<Wait> {
            match row.fate {
                Fate::Waits {
                    attempt,
                    due_at,
                    holds_until,
                } => Some((attempt, due_at, holds_until.unwrap_or(0), false, 0)),
                Fate::PutBack { attempt } => Some((attempt, 0, 0, false, row.now_ms)),
                Fate::Held { attempt, until } => Some((attempt, until, 0, true, 0)),
                Fate::Done => None,
            }
        };
        let fates: Vec<_> = rows.iter().filter_map(waits).collect();
        Self {
            keys: DeliveryKeys::of(
                rows.iter()
                    .filter(|row| row.fate != Fate::Done)
                    .map(|row| &row.delivery),
            ),
            attempt: fates.iter().map(|fate| fate.0).collect(),
            due_at: fates.iter().map(|fate| fate.1).collect(),
            holds_until: fates.iter().map(|fate| fate.2).collect(),
            held: fates.iter().map(|fate| fate.3).collect(),
            put_back_at: fates.iter().map(|fate| fate.4).collect(),
        }
    }
}

/// Messages with a status of theirs.
#[derive(Default)]
pub(super) struct States<'a> {
    pub(super) ccid: Vec<Uuid>,
    pub(super) id: Vec<i64>,
    pub(super) status: Vec<i16>,
    pub(super) reason: Vec<i16>,
    pub(super) provider_message_id: Vec<Option<&'a str>>,
}

impl<'a> States<'a> {
    /// Sorted by key, so that two writers never wait for each other in a circle.
    pub(super) fn of(rows: &'a [ResultRow]) -> Self {
        let mut changes: Vec<_> = rows
            .iter()
            .filter_map(|row| Some((row, row.state.as_ref()?)))
            .collect();
        changes
            .sort_unstable_by_key(|(row, _)| (row.delivery.ccid.as_uuid(), row.delivery.place.id));
        let mut states = Self::default();
        for (row, change) in changes {
            states.ccid.push(row.delivery.ccid.as_uuid());
            states.id.push(row.delivery.place.id.as_i64());
            states.status.push(change.status.rank());
            states.reason.push(change.reason.map_or(0, stored_code));
            states
                .provider_message_id
                .push(change.provider_message_id.as_deref());
        }
        states
    }
}

/// What goes into history.
#[derive(Default)]
pub(super) struct Entries<'a> {
    pub(super) ccid: Vec<Uuid>,
    pub(super) id: Vec<i64>,
    pub(super) subject: Vec<i64>,
    pub(super) kind: Vec<i16>,
    pub(super) stream: Vec<i16>,
    pub(super) status: Vec<Option<i16>>,
    pub(super) detail: Vec<Option<&'a str>>,
}

impl<'a> Entries<'a> {
    /// Several attempts may hear at once that their endpoint is gone: that is told once.
    pub(super) fn of(rows: &'a [ResultRow]) -> Self {
        let mut entries = Self::default();
        let mut paused = BTreeSet::new();
        for entry in rows.iter().flat_map(|row| &row.entries) {
            if entry.kind == Kind::EndpointPaused && !paused.insert(entry.subject) {
                continue;
            }
            entries.ccid.push(entry.ccid.as_uuid());
            entries.id.push(entry.id);
            entries.subject.push(entry.subject);
            entries.kind.push(entry.kind.as_i16());
            entries.stream.push(entry.stream.map_or(0, Stream::as_i16));
            entries.status.push(entry.status);
            entries.detail.push(entry.detail.as_deref());
        }
        entries
    }
}

/// Ids that providers gave to messages, with the key under which receipts for them will come.
#[derive(Default)]
pub(super) struct Names {
    pub(super) ccid: Vec<Uuid>,
    pub(super) key: Vec<Vec<u8>>,
    pub(super) id: Vec<i64>,
}

impl Names {
    pub(super) fn of(rows: &[ResultRow]) -> Self {
        let mut names = Self::default();
        for row in rows.iter().filter(|row| row.foreign_id) {
            if let Some(key) = row.receipt_key {
                names.ccid.push(row.delivery.ccid.as_uuid());
                names.key.push(key.to_vec());
                names.id.push(row.delivery.place.id.as_i64());
            }
        }
        names
    }
}

/// Dead letters.
#[derive(Default)]
pub(super) struct Buried {
    pub(super) ccid: Vec<Uuid>,
    pub(super) id: Vec<i64>,
    pub(super) lane: Vec<i64>,
    pub(super) reason: Vec<i16>,
    pub(super) at: Vec<i64>,
}

impl Buried {
    pub(super) fn of(rows: &[ResultRow]) -> Self {
        let mut buried = Self::default();
        for row in rows {
            if let Some(reason) = row.dead_letter {
                buried.ccid.push(row.delivery.ccid.as_uuid());
                buried.id.push(row.delivery.place.id.as_i64());
                buried.lane.push(row.delivery.lane.0);
                buried.reason.push(stored_code(reason));
                buried.at.push(row.now_ms);
            }
        }
        buried
    }
}

/// Lanes whose breaker or pause has changed.
#[derive(Default)]
pub(super) struct Endpoints<'a> {
    pub(super) lane: Vec<i64>,
    /// 0: not parked.
    pub(super) parked_until: Vec<i64>,
    pub(super) failures_in_a_row: Vec<i32>,
    /// 0: it does not fail, or nobody knows.
    pub(super) failing_since: Vec<i64>,
    pub(super) pause: Vec<bool>,
    pub(super) last_error: Vec<Option<&'a str>>,
}

impl<'a> Endpoints<'a> {
    /// Of several changes of one lane the last stands, since a row is changed once by a statement; a pause stays.
    pub(super) fn of(rows: &'a [ResultRow]) -> Self {
        let mut endpoints = Self::default();
        let mut last: BTreeMap<LaneId, (&EndpointChange, bool)> = BTreeMap::new();
        for change in rows.iter().filter_map(|row| row.endpoint.as_ref()) {
            let (before, pause) = last.entry(change.lane).or_insert((change, false));
            (*before, *pause) = (change, *pause || change.pause);
        }
        for (change, pause) in last.into_values() {
            endpoints.lane.push(change.lane.0);
            endpoints
                .parked_until
                .push(change.parked_until.unwrap_or(0));
            endpoints.failures_in_a_row.push(change.failures_in_a_row);
            endpoints
                .failing_since
                .push(change.failing_since.unwrap_or(0));
            endpoints.pause.push(pause);
            endpoints.last_error.push(change.last_error.as_deref());
        }
        endpoints
    }
}

fn stored_code(reason: ReasonCode) -> i16 {
    i16::try_from(reason.code()).unwrap_or(500)
}
