//! The statement that writes what attempts came to. It is one of the three that write several owners' tables.

use sqlx::PgConnection;

use super::columns::{Buried, Endpoints, Entries, Names, States, Waiting};
use super::results::{Fate, ResultRow};
use crate::lanes::model::Life;
use crate::lanes::store::DeliveryKeys;
use crate::statistics::model::hour_of;

/// Stores results; `false` where the life has ended and nothing was stored.
pub async fn finish(
    connection: &mut PgConnection,
    life: Life,
    rows: &[ResultRow],
) -> sqlx::Result<bool> {
    let ended = rows.iter().filter(|row| row.fate == Fate::Done);
    let done = DeliveryKeys::of(ended.clone().map(|row| &row.delivery));
    let statuses: Vec<i16> = ended.map(status).collect();
    let hour = rows.first().map_or(0, |row| hour_of(row.now_ms));
    let waiting = Waiting::of(rows);
    let (states, entries) = (States::of(rows), Entries::of(rows));
    let (names, buried) = (Names::of(rows), Buried::of(rows));
    let endpoints = Endpoints::of(rows);
    sqlx::query_file_scalar!(
        "src/dispatch/sql/finish.sql",
        life.number,
        life.life,
        &done.ccid,
        &done.lane,
        &done.stamp,
        &done.own,
        &done.id,
        &waiting.keys.ccid,
        &waiting.keys.lane,
        &waiting.keys.stamp,
        &waiting.keys.own,
        &waiting.keys.id,
        &waiting.attempt,
        &waiting.due_at,
        &waiting.holds_until,
        &states.ccid,
        &states.id,
        &states.status,
        &states.reason,
        &states.provider_message_id as _,
        &entries.ccid,
        &entries.id,
        &entries.subject,
        &entries.kind,
        &entries.stream,
        &entries.status as _,
        &entries.detail as _,
        &names.ccid,
        &names.key,
        &names.id,
        &buried.ccid,
        &buried.id,
        &buried.lane,
        &buried.reason,
        &buried.at,
        &endpoints.lane,
        &endpoints.parked_until,
        &endpoints.failures_in_a_row,
        &endpoints.pause,
        &endpoints.last_error as _,
        &waiting.held,
        &statuses,
        hour,
        &endpoints.failing_since,
        &waiting.put_back_at,
    )
    .fetch_one(connection)
    .await
}

/// The rank of the status that a result gives to its message; -1 where it gives none.
fn status(row: &ResultRow) -> i16 {
    row.state.as_ref().map_or(-1, |state| state.status.rank())
}
