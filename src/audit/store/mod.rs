//! All SQL over records: how they are written and listed here, their chain in `chain`. What is in them belongs to the
//! `model`.

pub mod chain;

use sqlx::PgConnection;
use uuid::Uuid;

use super::model::{Action, Author, Entry, Record};
use crate::auth::uses::KeyUse;
use crate::values::Ccid;

const BY_KEY: i16 = 0;
const BY_COMMAND_LINE: i16 = 1;
const BY_GATEWAY: i16 = 2;

/// Writes a record within the transaction of its change.
pub async fn append(connection: &mut PgConnection, entry: &Entry) -> sqlx::Result<()> {
    let (author, key) = stored(&entry.author);
    sqlx::query!(
        "insert into audit (ccid, author, key_id, key_name, source, action, object_id, changed)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        entry.ccid.map(Ccid::as_uuid),
        author,
        key.map(|(id, _)| id),
        key.map(|(_, name)| name),
        entry.source,
        entry.action.as_str(),
        entry.object_id,
        &entry.changed,
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn stored(author: &Author) -> (i16, Option<(Uuid, &str)>) {
    match author {
        Author::Key { id, name } => (BY_KEY, Some((*id, name))),
        Author::CommandLine => (BY_COMMAND_LINE, None),
        Author::Gateway => (BY_GATEWAY, None),
    }
}

/// Writes down which keys of every tenant were used where, each once a minute whoever tells of it.
pub async fn append_uses(connection: &mut PgConnection, uses: &[KeyUse]) -> sqlx::Result<()> {
    let ids: Vec<Uuid> = uses.iter().map(|used| used.key.id).collect();
    let names: Vec<&str> = uses.iter().map(|used| used.key.name.as_str()).collect();
    let routes: Vec<&str> = uses.iter().map(|used| used.route.as_str()).collect();
    let ccids: Vec<Option<Uuid>> = uses
        .iter()
        .map(|used| used.ccid.map(Ccid::as_uuid))
        .collect();
    let sources: Vec<Option<String>> = uses
        .iter()
        .map(|used| used.address.map(|address| address.to_string()))
        .collect();
    sqlx::query!(
        "insert into audit (ccid, author, key_id, key_name, source, action, object_id, changed)
         select ccid, $6, key_id, key_name, source, $7, route, '{}'
         from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[])
              as mine (key_id, key_name, route, ccid, source)
         on conflict do nothing",
        &ids,
        &names as _,
        &routes as _,
        &ccids as _,
        &sources as _,
        BY_KEY,
        Action::KeyUsed.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Which records are wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Only what is about this tenant.
    pub ccid: Option<Ccid>,
    /// From this time on and before that one, in Unix milliseconds.
    pub times: (i64, i64),
    /// Words of actions; `None`: all.
    pub actions: Option<Vec<&'static str>>,
    pub object_id: Option<String>,
}

/// Records below an id, newest first, at most `limit`.
pub async fn list(
    connection: &mut PgConnection,
    wanted: &Wanted,
    (below, limit): (i64, i64),
) -> sqlx::Result<Vec<Record>> {
    let (since, until) = wanted.times;
    let actions = wanted.actions.as_deref();
    // Two statements, so that each has its index whatever plan is kept.
    let rows = match wanted.ccid {
        Some(ccid) => {
            sqlx::query_as!(
                Row,
                "select id, ccid, at, author, key_id, key_name, source, action, object_id, changed, hash
                 from audit
                 where ccid = $1 and id < $2 and at >= $3 and at < $4
                   and ($5::text[] is null or action = any($5)) and ($6::text is null or object_id = $6)
                 order by id desc limit $7",
                ccid.as_uuid(),
                below,
                since,
                until,
                actions as _,
                wanted.object_id.as_deref(),
                limit,
            )
            .fetch_all(connection)
            .await?
        }
        None => {
            sqlx::query_as!(
                Row,
                "select id, ccid, at, author, key_id, key_name, source, action, object_id, changed, hash
                 from audit
                 where id < $1 and at >= $2 and at < $3
                   and ($4::text[] is null or action = any($4)) and ($5::text is null or object_id = $5)
                 order by id desc limit $6",
                below,
                since,
                until,
                actions as _,
                wanted.object_id.as_deref(),
                limit,
            )
            .fetch_all(connection)
            .await?
        }
    };
    Ok(rows.into_iter().map(Record::from).collect())
}

/// A record as its row has it.
struct Row {
    id: i64,
    ccid: Option<Uuid>,
    at: i64,
    author: i16,
    key_id: Option<Uuid>,
    key_name: Option<String>,
    source: Option<String>,
    action: String,
    object_id: String,
    changed: Vec<String>,
    hash: Option<Vec<u8>>,
}

impl From<Row> for Record {
    fn from(row: Row) -> Self {
        let author = match (row.key_id, row.key_name) {
            (Some(id), Some(name)) => Author::Key { id, name },
            _ if row.author == BY_COMMAND_LINE => Author::CommandLine,
            _ => Author::Gateway,
        };
        Self {
            id: row.id,
            at: row.at,
            ccid: row.ccid.map(Ccid::from_uuid),
            author,
            source: row.source,
            action: row.action,
            object_id: row.object_id,
            changed: row.changed,
            hash: row.hash,
        }
    }
}
