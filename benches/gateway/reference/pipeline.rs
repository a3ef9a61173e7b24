//! The least that a delivered message costs: verified, stored with its place in a queue, handed over in memory, posted
//! with a signature, and its result recorded. What fails is tried again later; nothing is lost in a crash.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use nexus_gateway::values::Secret;
use sqlx::{PgPool, Row};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::commit::{Committers, tell};
use super::sender::{self, Job};
use super::{PATH, channel_in, is_json, is_signed, pool, secret};

const TABLES: &str = "
    create table message (
        id uuid primary key,
        channel_id bigint not null,
        created_at timestamptz not null default now(),
        body text not null
    );
    -- Without status: done is gone, and what is under way is due when its lease ends.
    create table queue (
        id uuid primary key,
        due_at timestamptz not null,
        attempts smallint not null default 0
    ) with (fillfactor = 50);
    create index queue_due on queue (due_at);
    create table attempt (message_id uuid not null, status integer not null, at timestamptz not null)";

const INSERT: &str = "
    with item as (select * from unnest($1::uuid[], $2::bigint[], $3::text[]) as item (id, channel_id, body)),
    stored as (insert into message (id, channel_id, body) select id, channel_id, body from item)
    insert into queue (id, due_at, attempts) select id, now() + interval '60 s', 1 from item";

const DUE: &str = "
    with due as materialized (
        select id from queue where due_at <= now() order by due_at limit 100 for update skip locked
    ),
    leased as (
        update queue q set due_at = now() + interval '60 s', attempts = attempts + 1
        from due where q.id = due.id
        returning q.id
    )
    select m.id, m.body from leased join message m on m.id = leased.id";

const DONE: &str = "
    with done as (
        delete from queue q using unnest($1::uuid[], $2::integer[]) as result (id, status)
        where q.id = result.id
        returning result.id, result.status
    )
    insert into attempt (message_id, status, at) select id, status, now() from done";

const FAILED: &str = "
    with failed as (
        update queue q set due_at = now() + interval '1 s' * least(300, 2 ^ attempts)
        from unnest($1::uuid[], $2::integer[]) as result (id, status)
        where q.id = result.id
        returning result.id, result.status
    )
    insert into attempt (message_id, status, at) select id, status, now() from failed";

/// Results that wait for each other, off the way of any message.
const RESULTS_WINDOW: Duration = Duration::from_millis(5);
const RESULTS_MAX: usize = 1000;
/// How often what is due again is looked for.
const DUE_EVERY: Duration = Duration::from_millis(200);
/// Messages that wait in memory for a sender.
const JOBS_MAX: usize = 100_000;

#[derive(Clone)]
struct Door {
    secret: Secret,
    rows: Committers<(i64, Job)>,
}

pub async fn router(database_url: &str, webhook: &str) -> Result<Router, sqlx::Error> {
    let pool = pool(database_url, 5, TABLES).await?;
    let (jobs, to_send) = mpsc::channel(JOBS_MAX);
    let (results, to_record) = mpsc::channel(JOBS_MAX);
    let runtime = tokio::runtime::Handle::current();
    runtime.spawn(sender::run(webhook.to_owned(), to_send, results));
    runtime.spawn(record(pool.clone(), to_record));
    runtime.spawn(repeat(pool.clone(), jobs.clone()));
    let rows =
        Committers::start(move |rows, answers| store(pool.clone(), jobs.clone(), rows, answers));
    let secret = secret();
    Ok(Router::new()
        .route(PATH, post(take))
        .with_state(Door { secret, rows }))
}

async fn take(State(door): State<Door>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body, &door.secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let (Some(channel), Ok(body)) = (channel_in(&uri), String::from_utf8(body.to_vec())) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let id = Uuid::now_v7();
    if door.rows.store((channel, Job { id, body })).await {
        (is_json(), format!(r#"{{"id":"{id}"}}"#)).into_response()
    } else {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

async fn store(
    pool: PgPool,
    jobs: mpsc::Sender<Job>,
    rows: Vec<(i64, Job)>,
    answers: Vec<oneshot::Sender<bool>>,
) {
    let ids: Vec<Uuid> = rows.iter().map(|(_channel, job)| job.id).collect();
    let channels: Vec<i64> = rows.iter().map(|(channel, _job)| *channel).collect();
    let bodies: Vec<&str> = rows.iter().map(|(_, job)| job.body.as_str()).collect();
    let insert = sqlx::query(INSERT).bind(ids).bind(channels).bind(bodies);
    let stored = insert.execute(&pool).await.is_ok();
    tell(answers, stored);
    if stored {
        for (_channel, job) in rows {
            // The senders end with the process only.
            let _sent = jobs.send(job).await;
        }
    }
}

/// Fetches what is due again: its attempt failed, or the process that held it died.
async fn repeat(pool: PgPool, jobs: mpsc::Sender<Job>) {
    loop {
        let due = sqlx::query(DUE).fetch_all(&pool).await.unwrap_or_default();
        if due.is_empty() {
            tokio::time::sleep(DUE_EVERY).await;
        }
        for row in due {
            let (id, body) = (row.get(0), row.get(1));
            let _sent = jobs.send(Job { id, body }).await;
        }
    }
}

async fn record(pool: PgPool, mut results: mpsc::Receiver<(Uuid, i32)>) {
    loop {
        let mut batch = Vec::with_capacity(RESULTS_MAX);
        if results.recv_many(&mut batch, 1).await == 0 {
            return;
        }
        tokio::time::sleep(RESULTS_WINDOW).await;
        while batch.len() < RESULTS_MAX
            && let Ok(result) = results.try_recv()
        {
            batch.push(result);
        }
        let (done, failed): (Vec<_>, Vec<_>) = batch
            .into_iter()
            .partition(|(_id, status)| (200..300).contains(status));
        for (statement, results) in [(DONE, done), (FAILED, failed)] {
            let (ids, statuses): (Vec<Uuid>, Vec<i32>) = results.into_iter().unzip();
            if !ids.is_empty() {
                // What could not be recorded is due again when its lease ends.
                let statement = sqlx::query(statement).bind(ids).bind(statuses);
                let _recorded = statement.execute(&pool).await;
            }
        }
    }
}
