//! The least that keeping a message costs: verified, parsed, and in one row that can be there once only.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use nexus_gateway::values::Secret;
use sqlx::PgPool;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::commit::{Committers, tell};
use super::{PATH, channel_in, external_id, is_json, is_signed, pool, secret};

const TABLES: &str = "
    create table inbound (
        id uuid primary key,
        channel_id bigint not null,
        external_id text not null,
        body text not null,
        created_at timestamptz not null default now(),
        unique (channel_id, external_id)
    )";

const INSERT: &str = "
    insert into inbound (id, channel_id, external_id, body)
    select * from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])
    on conflict do nothing";

#[derive(Debug)]
struct Row {
    id: Uuid,
    channel: i64,
    external_id: String,
    body: String,
}

#[derive(Clone)]
struct Door {
    secret: Secret,
    rows: Committers<Row>,
}

pub async fn router(database_url: &str) -> Result<Router, sqlx::Error> {
    let pool = pool(database_url, 2, TABLES).await?;
    let rows = Committers::start(move |rows, answers| store(pool.clone(), rows, answers));
    let secret = secret();
    Ok(Router::new()
        .route(PATH, post(take))
        .with_state(Door { secret, rows }))
}

async fn take(State(door): State<Door>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if !is_signed(&headers, &body, &door.secret) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Some(row) = read(&uri, &body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let id = row.id;
    if door.rows.store(row).await {
        (is_json(), format!(r#"{{"id":"{id}"}}"#)).into_response()
    } else {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

fn read(uri: &Uri, body: &[u8]) -> Option<Row> {
    let body = std::str::from_utf8(body).ok()?;
    Some(Row {
        id: Uuid::now_v7(),
        channel: channel_in(uri)?,
        external_id: external_id(body)?,
        body: body.to_owned(),
    })
}

async fn store(pool: PgPool, rows: Vec<Row>, answers: Vec<oneshot::Sender<bool>>) {
    let mut ids = Vec::with_capacity(rows.len());
    let mut channels = Vec::with_capacity(rows.len());
    let mut external_ids = Vec::with_capacity(rows.len());
    let mut bodies = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(row.id);
        channels.push(row.channel);
        external_ids.push(row.external_id);
        bodies.push(row.body);
    }
    let stored = sqlx::query(INSERT)
        .bind(ids)
        .bind(channels)
        .bind(external_ids)
        .bind(bodies)
        .execute(&pool)
        .await;
    tell(answers, stored.is_ok());
}
