//! De-duplication keys: who was first with a message, for at least seven days.
//!
//! Keys live in weekly partitions. A key is unique within its week; the week before is asked too. Within a minute of
//! a week's turn a key is written into both, since replicas may not agree about the second.

use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::messages::accept::Unit;
use crate::messages::model::Draft;
use crate::messages::verdict::{Holder, Holders};
use crate::platform::database::partitions::week_of;
use crate::values::{Ccid, MessageId};

/// How near to a week's turn a key is written into both weeks.
const TURN_MS: i64 = 60_000;

/// Takes the keys of a batch for its messages and answers who holds each. A key that was taken before stays so.
pub async fn take(
    connection: &mut PgConnection,
    batch: &[Unit],
    now_ms: i64,
) -> sqlx::Result<Holders> {
    let keys = KeyRows::of(batch);
    if keys.is_empty() {
        return Ok(Holders::new());
    }
    let week = week(now_ms);
    let mut inserted = insert(connection, &keys, week).await?;
    if let Some(neighbour) = neighbour_week(now_ms) {
        // Whoever is first in either week is first.
        inserted = inserted.min(insert(connection, &keys, neighbour).await?);
    }
    if inserted == keys.len() {
        return Ok(keys.held_by_themselves());
    }
    // A new statement: the insert cannot see a row that was committed while it waited.
    look_up_sorted(connection, &keys, now_ms).await
}

/// Who holds the keys of a batch.
pub async fn look_up(
    connection: &mut PgConnection,
    batch: &[Unit],
    now_ms: i64,
) -> sqlx::Result<Holders> {
    let keys = KeyRows::of(batch);
    if keys.is_empty() {
        Ok(Holders::new())
    } else {
        look_up_sorted(connection, &keys, now_ms).await
    }
}

/// Who holds one key.
pub async fn holder_of(
    connection: &mut PgConnection,
    (ccid, key): (Ccid, [u8; 16]),
    now_ms: i64,
) -> sqlx::Result<Option<Holder>> {
    let keys = KeyRows {
        ccids: vec![ccid.as_uuid()],
        keys: vec![key.to_vec()],
        ..KeyRows::default()
    };
    let holders = look_up_sorted(connection, &keys, now_ms).await?;
    Ok(holders.get(&(ccid, key)).copied())
}

/// Frees keys that this transaction took for drafts that are not stored after all.
pub async fn give_back(
    connection: &mut PgConnection,
    drafts: &[&Draft],
    now_ms: i64,
) -> sqlx::Result<()> {
    let held = drafts
        .iter()
        .filter_map(|draft| Some((draft.ccid, draft.fingerprint?.key.to_vec())));
    let (ccids, keys): (Vec<Uuid>, Vec<Vec<u8>>) =
        held.map(|(ccid, key)| (ccid.as_uuid(), key)).unzip();
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "delete from inbound_keys k using unnest($1::uuid[], $2::bytea[]) as mine (ccid, key)
         where k.ccid = mine.ccid and k.key = mine.key and k.week between $3 - 1 and $3 + 1",
        &ccids,
        &keys,
        week(now_ms),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(connection: &mut PgConnection, keys: &KeyRows, week: i32) -> sqlx::Result<usize> {
    let inserted = sqlx::query!(
        "insert into inbound_keys (ccid, week, key, content, id)
         select mine.ccid, $5, mine.key, mine.content, mine.id
         from unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::bigint[]) as mine (ccid, key, content, id)
         -- A look-up of its own for each key, whatever the planner knows of the week before: it may hold millions.
         where coalesce((
             select k.id from inbound_keys k
             where k.ccid = mine.ccid and k.week = $5 - 1 and k.key = mine.key
         ), mine.id) = mine.id
         on conflict (ccid, week, key) do nothing",
        &keys.ccids,
        &keys.keys,
        &keys.contents,
        &keys.ids,
        week,
    )
    .execute(connection)
    .await?;
    Ok(usize::try_from(inserted.rows_affected()).unwrap_or(usize::MAX))
}

async fn look_up_sorted(
    connection: &mut PgConnection,
    keys: &KeyRows,
    now_ms: i64,
) -> sqlx::Result<Holders> {
    let rows = sqlx::query!(
        r#"select distinct on (k.ccid, k.key) k.ccid as "ccid!", k.key as "key!", k.content as "content!", k.id as "id!"
           from unnest($1::uuid[], $2::bytea[]) as mine (ccid, key)
           cross join lateral (
               select * from inbound_keys k
               where k.ccid = mine.ccid and k.key = mine.key and k.week between $3 - 1 and $3 + 1
               offset 0
           ) k
           order by k.ccid, k.key, k.id"#,
        &keys.ccids,
        &keys.keys,
        week(now_ms),
    )
    .fetch_all(connection)
    .await?;
    let holder = |content: Vec<u8>, id| {
        Some(Holder {
            id: MessageId::from_i64(id),
            content: content.try_into().ok()?,
        })
    };
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some((
                (Ccid::from_uuid(row.ccid), row.key.try_into().ok()?),
                holder(row.content, row.id)?,
            ))
        })
        .collect())
}

/// Keys in the order in which every replica inserts them, so that two flushes never wait for each other in a circle.
#[derive(Default)]
struct KeyRows {
    ccids: Vec<Uuid>,
    keys: Vec<Vec<u8>>,
    contents: Vec<Vec<u8>>,
    ids: Vec<i64>,
}

impl KeyRows {
    fn of(batch: &[Unit]) -> Self {
        let mut sorted = BTreeSet::new();
        for unit in batch {
            for (draft, id) in unit.drafts.iter().zip(&unit.ids) {
                if let Some(fingerprint) = draft.fingerprint {
                    sorted.insert((
                        draft.ccid.as_uuid(),
                        fingerprint.key,
                        fingerprint.content,
                        id.as_i64(),
                    ));
                }
            }
        }
        let mut keys = Self::default();
        for (ccid, key, content, id) in sorted {
            keys.ccids.push(ccid);
            keys.keys.push(key.to_vec());
            keys.contents.push(content.to_vec());
            keys.ids.push(id);
        }
        keys
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    /// Nobody was before any of them.
    fn held_by_themselves(&self) -> Holders {
        let rows = self
            .ccids
            .iter()
            .zip(&self.keys)
            .zip(self.contents.iter().zip(&self.ids));
        rows.filter_map(|((ccid, key), (content, id))| {
            let holder = Holder {
                id: MessageId::from_i64(*id),
                content: content.as_slice().try_into().ok()?,
            };
            Some((
                (Ccid::from_uuid(*ccid), key.as_slice().try_into().ok()?),
                holder,
            ))
        })
        .collect()
    }
}

fn week(now_ms: i64) -> i32 {
    i32::try_from(week_of(now_ms)).unwrap_or(i32::MAX)
}

/// The week that keys belong to at this time; `None` near a turn, where they belong to two.
pub fn only_week(now_ms: i64) -> Option<i32> {
    neighbour_week(now_ms).is_none().then(|| week(now_ms))
}

/// The other week that a key belongs to near a turn.
fn neighbour_week(now_ms: i64) -> Option<i32> {
    [now_ms - TURN_MS, now_ms + TURN_MS]
        .into_iter()
        .map(week)
        .find(|other| *other != week(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::database::partitions::WEEK_MS;

    #[test]
    fn a_key_goes_into_both_weeks_only_near_the_turn() {
        let turn = 2_900 * WEEK_MS;
        assert_eq!(neighbour_week(turn - 59_000), Some(2_900));
        assert_eq!(neighbour_week(turn + 59_000), Some(2_899));
        assert_eq!(neighbour_week(turn + 61_000), None);
        assert_eq!(neighbour_week(turn - 61_000), None);
    }
}
