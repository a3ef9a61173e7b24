//! All HTTP over records.

use axum::extract::{FromRef, State as From};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::Object;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::model::{Action, Author, Record};
use super::store::{self, Wanted};
use crate::auth::Caller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::auth::record::KeyTenant;
use crate::platform::clock::{Clock, rfc3339, unix_ms};
use crate::platform::database::Pool;
use crate::platform::http::openapi::{KeyRefused, QueryRefused, Success, words};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Query};

/// Longest name of an object that is sought, in characters.
const OBJECT_ID_MAX: usize = 500;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub reads: Pool,
}

/// Below the base path.
pub fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(list))
}

/// Which records; all that the caller may see where nothing is said.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AuditQuery {
    #[param(format = DateTime)]
    since: Option<String>,
    #[param(format = DateTime)]
    until: Option<String>,
    /// What was done, such as `service.saved`.
    action: Option<String>,
    /// The kind of object that it was done to, such as `service`.
    object: Option<String>,
    /// Which object, such as `Async`.
    object_id: Option<String>,
    /// Most items on the page; 50 unless asked otherwise.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<i64>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// One change, and who made it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRecord, examples(json!({
    "id": "17", "time": "2026-11-21T12:00:00.000Z", "tenant": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
    "author": { "kind": "key", "id": "0bcfa544-6c6f-44e0-9ce3-ce579337eadd", "name": "operations" },
    "source": "198.51.100.7", "action": "service.saved", "object": { "kind": "service", "id": "Async" },
    "changed": ["/data/channels/0/webhook/url"],
    "hash": "8d2a1f3b0c5e7d9f8d2a1f3b0c5e7d9f8d2a1f3b0c5e7d9f8d2a1f3b0c5e7d9f",
})))]
#[serde(rename_all = "camelCase")]
struct View {
    id: String,
    #[schema(format = DateTime)]
    time: String,
    /// The tenant that it is about; absent where that is none, or all.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    author: AuthorView,
    /// The address that the call came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    action: String,
    object: ObjectView,
    /// Names of the members that changed, never what they hold.
    changed: Vec<String>,
    /// SHA-256 over this record and all before it; absent until it is in the chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditAuthor)]
struct AuthorView {
    /// The holder of an API key, somebody at the command line, or the gateway itself.
    #[schema(schema_with = authors)]
    kind: &'static str,
    /// The key's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Uuid>,
    /// As the key was called then.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

fn authors() -> Object {
    words(&["key", "commandLine", "gateway"])
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditObject)]
struct ObjectView {
    kind: String,
    id: String,
}

/// Lists who changed what, newest first.
///
/// Without the header `x-ccid` a key of one tenant sees what is about that, a key of every tenant sees everything.
#[utoipa::path(
    get, path = "/audit", tag = "Audit", operation_id = "listAudit",
    params(AuditQuery),
    responses((status = 200, body = Success<Items<View>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:audit:read"], "tenant" = []), ("apiKey" = ["nexus:audit:read"])),
)]
async fn list(
    From(reads): From<Pool>,
    caller: Caller,
    Query(query): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    caller.require(Permission::AuditRead)?;
    let wanted = wanted(&query, caller.scope())?;
    let page = Page {
        limit: query.limit,
        cursor: query.cursor,
    };
    let (sought, below) = (Sought::of(&page)?, page.after::<i64>()?);
    let connection = reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let behind = (below.unwrap_or(i64::MAX), sought.items());
    let found = store::list(&mut connection, &wanted, behind).await;
    let found = found.map_err(ApiError::unavailable)?;
    Ok(sought.answer(found, |last| last.id.to_string(), View::from))
}

fn wanted(query: &AuditQuery, tenant: KeyTenant) -> Result<Wanted, ApiError> {
    let time = |parameter: &'static str, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| unix_ms(text).ok_or_else(|| refused(parameter, "is not an RFC 3339 time")))
            .transpose()
    };
    let (since, until) = (time("since", &query.since)?, time("until", &query.until)?);
    if let (Some(since), Some(until)) = (since, until)
        && since > until
    {
        return Err(refused("until", "is before since"));
    }
    let object_id = query.object_id.clone();
    let too_long = |id: &String| id.chars().count() > OBJECT_ID_MAX;
    if object_id.as_ref().is_some_and(too_long) {
        return Err(refused("objectId", "has at most 500 characters"));
    }
    Ok(Wanted {
        ccid: match tenant {
            KeyTenant::Every => None,
            KeyTenant::One(ccid) => Some(ccid),
        },
        times: (since.unwrap_or(i64::MIN), until.unwrap_or(i64::MAX)),
        actions: actions(query)?,
        object_id,
    })
}

/// The words of the actions that are wanted; `None`: all.
fn actions(query: &AuditQuery) -> Result<Option<Vec<&'static str>>, ApiError> {
    if query.action.is_none() && query.object.is_none() {
        return Ok(None);
    }
    if query
        .action
        .as_deref()
        .is_some_and(|word| Action::from_word(word).is_none())
    {
        return Err(refused("action", "is none that is recorded"));
    }
    let of_object = |word: &str| Action::ALL.iter().any(|action| action.object() == word);
    if !query.object.as_deref().is_none_or(of_object) {
        return Err(refused("object", "is no kind of object that is recorded"));
    }
    let is_wanted = |action: &&Action| {
        let as_said = query
            .action
            .as_deref()
            .is_none_or(|word| word == action.as_str());
        as_said
            && query
                .object
                .as_deref()
                .is_none_or(|word| word == action.object())
    };
    let wanted = Action::ALL.iter().filter(is_wanted);
    Ok(Some(wanted.map(|action| action.as_str()).collect()))
}

fn refused(parameter: &str, why: &str) -> ApiError {
    ApiError::unprocessable(format!("{parameter} {why}")).detail(parameter, why)
}

impl std::convert::From<Record> for View {
    fn from(record: Record) -> Self {
        let (kind, id, name) = match record.author {
            Author::Key { id, name } => ("key", Some(id), Some(name)),
            Author::CommandLine => ("commandLine", None, None),
            Author::Gateway => ("gateway", None, None),
        };
        let object = record
            .action
            .split('.')
            .next()
            .unwrap_or_default()
            .to_owned();
        Self {
            id: record.id.to_string(),
            time: rfc3339(record.at),
            tenant: record.ccid.map(|ccid| ccid.to_string()),
            author: AuthorView { kind, id, name },
            source: record.source,
            action: record.action,
            object: ObjectView {
                kind: object,
                id: record.object_id,
            },
            changed: record.changed,
            hash: record.hash.map(hex::encode),
        }
    }
}
