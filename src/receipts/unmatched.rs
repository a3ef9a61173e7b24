//! The end of receipts whose message never became known.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::intake::Noted;
use super::store;
use crate::history;
use crate::history::model::{Entry, Kind, Stream};
use crate::messages::status::Status;
use crate::values::ReasonCode;

/// Gives up receipts that were parked before a time, at most `limit`, and says so in the feed; answers how many.
pub async fn give_up_parked_before(
    connection: &mut PgConnection,
    before_ms: i64,
    limit: i64,
    next_id: impl Fn() -> i64,
) -> sqlx::Result<u64> {
    let mut transaction = connection.begin().await?;
    let given_up = store::take_parked_before(&mut transaction, before_ms, limit).await?;
    let entries: Vec<Entry> = given_up
        .iter()
        .map(|receipt| entry(receipt, next_id()))
        .collect();
    history::store::append(&mut transaction, &entries).await?;
    transaction.commit().await?;
    Ok(entries.len() as u64)
}

fn entry(receipt: &Noted, id: i64) -> Entry {
    let reason = ReasonCode::UnknownMessage;
    let said: Value = serde_json::from_str(&receipt.detail).unwrap_or_default();
    let detail = json!({
        "channelId": receipt.channel_id,
        "messageId": said["messageId"],
        "source": said["source"],
        "status": Status::from_rank(receipt.status).map(Status::as_str),
        "reasons": [{ "code": reason.code(), "message": reason.sentence() }],
    });
    let event = Entry::event(receipt.ccid, id, id, Kind::ReceiptUnmatched, Stream::Both);
    Entry {
        detail: Some(detail.to_string()),
        ..event
    }
}
