//! The rows of one flush of accepted messages.

use std::borrow::Cow;
use std::collections::HashSet;

use sqlx::PgConnection;
use uuid::Uuid;

use crate::content::members::stored;
use crate::lanes::model::{LaneId, Life};
use crate::messages::accept::Unit;
use crate::messages::model::{Draft, Purpose};
use crate::suppressions::keywords::Keyword;
use crate::values::MessageId;

/// The lanes that a flush writes to.
#[derive(Debug)]
pub struct Lanes<'a> {
    pub own: &'a [i64],
    pub foreign: &'a [i64],
}

/// What a flush came to.
#[derive(Debug)]
pub struct Stored {
    /// Messages that were not stored, because their recipient has opted out.
    pub suppressed: HashSet<MessageId>,
    /// Messages that added or removed a suppression.
    pub changed: HashSet<MessageId>,
    /// The stamp under which each lane's deliveries stand.
    pub stamps: Vec<(LaneId, i64)>,
}

/// Inserts everything that a flush stores, but for keys and conversations. Fails where the life has ended.
pub async fn insert(
    connection: &mut PgConnection,
    (life, now_ms): (Life, i64),
    lanes: &Lanes<'_>,
    drafts: &[(&Draft, MessageId)],
    conversations: &[i64],
    next_id: impl Fn() -> i64,
) -> sqlx::Result<Stored> {
    if drafts.is_empty() {
        return Ok(Stored {
            suppressed: HashSet::new(),
            changed: HashSet::new(),
            stamps: Vec::new(),
        });
    }
    let columns = Columns::of(drafts, next_id);
    let rows = sqlx::query_file!(
        "src/messages/sql/accept.sql",
        life.number,
        life.life,
        now_ms,
        &columns.ccid,
        &columns.id,
        &columns.direction,
        &columns.channel_id as _,
        &columns.sender_address as _,
        &columns.sender_name as _,
        &columns.recipient_address as _,
        &columns.recipient_name as _,
        &columns.external_id as _,
        &columns.kind as _,
        &columns.content as _,
        &columns.lane,
        &columns.priority,
        conversations,
        &columns.context as _,
        &columns.due_at,
        &columns.expires_at,
        &columns.stream,
        &columns.keyword,
        &columns.suppression_event,
        &columns.campaign_id as _,
        lanes.foreign,
        lanes.own,
    )
    .fetch_all(connection)
    .await?;
    let mut outcome = Stored {
        suppressed: HashSet::new(),
        changed: HashSet::new(),
        stamps: Vec::new(),
    };
    let mut stands = false;
    for row in rows {
        match row.tag {
            0 => stands = true,
            1 => drop(outcome.suppressed.insert(MessageId::from_i64(row.a))),
            2 => outcome.stamps.push((LaneId(row.a), row.b)),
            _ => drop(outcome.changed.insert(MessageId::from_i64(row.a))),
        }
    }
    if stands {
        Ok(outcome)
    } else {
        Err(life_ended())
    }
}

/// Which messages of a batch are stored already.
pub async fn find_ids(
    connection: &mut PgConnection,
    batch: &[Unit],
) -> sqlx::Result<HashSet<MessageId>> {
    let pairs = batch
        .iter()
        .flat_map(|unit| unit.drafts.iter().zip(&unit.ids));
    let (ccids, ids): (Vec<Uuid>, Vec<i64>) = pairs
        .map(|(draft, id)| (draft.ccid.as_uuid(), id.as_i64()))
        .unzip();
    let found = sqlx::query_scalar!(
        r#"select m.id from unnest($1::uuid[], $2::bigint[]) as mine (ccid, id)
           join messages m on m.ccid = mine.ccid and m.id = mine.id"#,
        &ccids,
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(found.into_iter().map(MessageId::from_i64).collect())
}

/// Another replica has declared this one dead: nothing was written. To the caller the store is out of reach.
fn life_ended() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::other("this replica's life has ended"))
}

#[derive(Default)]
struct Columns<'a> {
    ccid: Vec<Uuid>,
    id: Vec<i64>,
    direction: Vec<i16>,
    channel_id: Vec<&'a str>,
    sender_address: Vec<&'a str>,
    sender_name: Vec<Option<&'a str>>,
    recipient_address: Vec<&'a str>,
    recipient_name: Vec<Option<&'a str>>,
    external_id: Vec<Option<&'a str>>,
    kind: Vec<&'static str>,
    content: Vec<Cow<'a, str>>,
    lane: Vec<i64>,
    priority: Vec<i16>,
    context: Vec<Option<String>>,
    due_at: Vec<i64>,
    expires_at: Vec<i64>,
    stream: Vec<i16>,
    keyword: Vec<i16>,
    suppression_event: Vec<i64>,
    campaign_id: Vec<Option<&'a str>>,
}

impl<'a> Columns<'a> {
    fn of(drafts: &[(&'a Draft, MessageId)], next_id: impl Fn() -> i64) -> Self {
        let mut columns = Self::default();
        for (draft, id) in drafts {
            columns.push(draft, *id, &next_id);
        }
        columns
    }

    fn push(&mut self, draft: &'a Draft, id: MessageId, next_id: impl Fn() -> i64) {
        self.ccid.push(draft.ccid.as_uuid());
        self.id.push(id.as_i64());
        self.channel_id.push(draft.channel_id.as_str());
        self.sender_address.push(draft.from.address.as_str());
        self.sender_name.push(draft.from.name.as_deref());
        self.recipient_address.push(draft.to.address.as_str());
        self.recipient_name.push(draft.to.name.as_deref());
        self.external_id.push(draft.external_id.as_deref());
        self.kind.push(draft.content.kind().as_str());
        self.content.push(stored(&draft.content));
        self.campaign_id.push(draft.campaign_id.as_deref());
        self.priority.push(draft.priority.as_i16());
        self.context.push(super::context::stored(draft));
        self.stream.push(draft.stream.as_i16());
        let (direction, lane, due_at, expires_at) = match draft.purpose {
            Purpose::Receive { .. } => (0, 0, 0, 0),
            Purpose::Send {
                lane,
                due_at,
                expires_at,
                ..
            } => (1, lane.0, due_at.unwrap_or(0), expires_at),
        };
        self.direction.push(direction);
        self.lane.push(lane);
        self.due_at.push(due_at);
        self.expires_at.push(expires_at);
        let keyword = match draft.keyword() {
            Some(Keyword::Stop) => 1,
            Some(Keyword::Start) => 2,
            Some(Keyword::Help) | None => 0,
        };
        self.keyword.push(keyword);
        self.suppression_event
            .push(if keyword == 0 { 0 } else { next_id() });
    }
}
