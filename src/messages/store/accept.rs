//! The rows of one flush of accepted messages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::content::members;
use crate::lanes::model::{LaneId, Life};
use crate::messages::accept::Unit;
use crate::messages::model::{Draft, Purpose};
use crate::platform::database::error::{is_not_null_violation, is_unique_violation};
use crate::suppressions::keywords::Keyword;
use crate::suppressions::proof::Proofs;
use crate::values::{Ccid, MessageId};

/// The lanes that a flush writes to.
#[derive(Debug)]
pub struct Lanes {
    pub own: Vec<i64>,
    pub foreign: Vec<i64>,
}

/// Who sees to de-duplication keys and conversations.
#[derive(Debug, Clone, Copy)]
pub enum Threads<'a> {
    /// Both were settled earlier in this transaction: the conversation of each draft, 0 where it has none.
    Known(&'a [i64]),
    /// The statement takes keys of this week and opens conversations itself. It fails with [`is_taken`] where somebody
    /// was first with one of them.
    Found { week: i32 },
}

/// What a flush came to.
#[derive(Debug, Default)]
pub struct Stored {
    /// Messages that were not stored, because their recipient has opted out.
    pub suppressed: HashSet<MessageId>,
    /// Messages that added or removed a suppression.
    pub changed: HashSet<MessageId>,
    /// The stamp under which each lane's deliveries stand.
    pub stamps: Vec<(LaneId, i64)>,
}

/// Inserts everything that a flush stores. Fails where the life has ended.
pub async fn insert(
    connection: &mut PgConnection,
    (life, now_ms): (Life, i64),
    lanes: &Lanes,
    (drafts, proofs): (&[(&Draft, MessageId)], &Proofs),
    threads: Threads<'_>,
    next_id: impl Fn() -> i64,
) -> sqlx::Result<Stored> {
    if drafts.is_empty() {
        return Ok(Stored::default());
    }
    let week = match threads {
        Threads::Known(_) => 0,
        Threads::Found { week } => week,
    };
    let columns = Columns::of((drafts, proofs), threads, next_id);
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
        &columns.conversation,
        &columns.context as _,
        &columns.due_at,
        &columns.expires_at,
        &columns.stream,
        &columns.keyword,
        &columns.suppression_event,
        &columns.campaign_id as _,
        &columns.key as _,
        &columns.content_hash as _,
        &columns.new_conversation,
        &columns.conversation_event,
        &lanes.foreign,
        &lanes.own,
        week,
        &columns.consumer_proof as _,
    )
    .fetch_all(connection)
    .await?;
    stored(rows.iter().map(|row| (row.tag, row.a, row.b)))
}

/// What the statement's answer says. Without the row of the life nothing was written.
fn stored(rows: impl Iterator<Item = (i16, i64, i64)>) -> sqlx::Result<Stored> {
    let mut outcome = Stored::default();
    let mut stands = false;
    for (tag, a, b) in rows {
        match tag {
            0 => stands = true,
            1 => drop(outcome.suppressed.insert(MessageId::from_i64(a))),
            2 => outcome.stamps.push((LaneId(a), b)),
            _ => drop(outcome.changed.insert(MessageId::from_i64(a))),
        }
    }
    stands.then_some(outcome).ok_or_else(life_ended)
}

/// Whether a flush failed because somebody was first with one of its keys or conversations. Nothing of it was stored.
pub fn is_taken(error: &sqlx::Error) -> bool {
    is_unique_violation(error) || is_not_null_violation(error)
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
        r#"select mine.id as "id!" from unnest($1::uuid[], $2::bigint[]) as mine (ccid, id)
           cross join lateral (select 1 from messages m where m.ccid = mine.ccid and m.id = mine.id offset 0) m"#,
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
    conversation: Vec<i64>,
    key: Vec<Option<&'a [u8]>>,
    content_hash: Vec<Option<&'a [u8]>>,
    new_conversation: Vec<i64>,
    conversation_event: Vec<i64>,
    /// Under what a suppression of the recipient, or of whoever takes it back, stands if they were erased.
    consumer_proof: Vec<Option<String>>,
}

impl<'a> Columns<'a> {
    fn of(
        (drafts, proofs): (&[(&'a Draft, MessageId)], &Proofs),
        threads: Threads<'_>,
        next_id: impl Fn() -> i64,
    ) -> Self {
        let mut columns = Self::default();
        for (draft, id) in drafts {
            columns.push(draft, *id, &next_id);
            columns.consumer_proof.push(consumer_proof(draft, proofs));
        }
        match threads {
            Threads::Known(conversations) => {
                columns.conversation.extend_from_slice(conversations);
                columns.key = vec![None; drafts.len()];
                columns.content_hash = vec![None; drafts.len()];
                columns.new_conversation = vec![0; drafts.len()];
                columns.conversation_event = vec![0; drafts.len()];
            }
            Threads::Found { .. } => columns.push_threads(drafts, next_id),
        }
        columns
    }

    fn push_threads(&mut self, drafts: &[(&'a Draft, MessageId)], next_id: impl Fn() -> i64) {
        // Messages of one consumer open one conversation.
        let mut opened: HashMap<(Ccid, &str, &str), (i64, i64)> = HashMap::new();
        for (draft, _) in drafts {
            let fingerprint = draft.fingerprint.as_ref();
            self.key.push(fingerprint.map(|mine| &mine.key[..]));
            self.content_hash
                .push(fingerprint.map(|mine| &mine.content[..]));
            self.conversation.push(draft.given_conversation());
            let (conversation, event) = match draft.consumer_that_opens() {
                Some(who) => *opened
                    .entry((who.ccid, who.channel_id.as_str(), who.address.as_str()))
                    .or_insert_with(|| (next_id(), next_id())),
                None => (0, 0),
            };
            self.new_conversation.push(conversation);
            self.conversation_event.push(event);
        }
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
        self.content.push(members::stored(&draft.content));
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

/// Of a message that no list is asked for, none.
fn consumer_proof(draft: &Draft, proofs: &Proofs) -> Option<String> {
    let consumer = match draft.purpose {
        Purpose::Send { .. } => &draft.to,
        Purpose::Receive { .. } => &draft.from,
    };
    let is_asked = draft.lane().is_some() || draft.keyword() == Some(Keyword::Start);
    is_asked.then(|| proofs.of(draft.ccid, consumer.address.as_str()))
}
