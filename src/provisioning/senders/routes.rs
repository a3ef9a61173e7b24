//! `/nexus/v3/provisioning/senders`.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Senders;
use super::options::OptionMembers;
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::clock::Clock;
use crate::platform::http::envelope::Answer;
use crate::platform::http::openapi::{
    BodyRefused, Done, KeyRefused, Missing, QueryRefused, Success,
};
use crate::platform::http::page::{Items, Page, Sought};
use crate::platform::http::{ApiError, Json, Path, Query, envelope};
use crate::provisioning::directory::Snapshot;
use crate::provisioning::model::Sender;
use crate::provisioning::routes::State as ProvisioningState;
use crate::provisioning::wire::{self, Place};
use crate::values::{Ccid, SectionName, SectionPrefix};

pub fn routes() -> OpenApiRouter<ProvisioningState> {
    OpenApiRouter::default()
        .routes(routes!(list))
        .routes(routes!(find, put, delete))
}

/// A section: one channel with its options.
#[derive(Serialize, ToSchema)]
#[schema(as = Sender, examples(json!({
    "ccid": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd", "section": "chat.Main", "channelId": "16504661149",
    "channelType": "sms", "cxcOnly": false, "provider": "Async", "header:x-route": "blue",
    "updatedAt": "2026-11-21T12:00:00.000Z",
})))]
#[serde(rename_all = "camelCase")]
struct SenderView {
    ccid: String,
    section: String,
    /// The options stand beside the other members, as they do in the request.
    #[serde(flatten)]
    #[schema(value_type = OptionMembers)]
    options: Map<String, Value>,
    /// Why messages of this section are refused; absent where they can be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    cannot_send: Option<String>,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// Saves a section: a channel with its options.
#[utoipa::path(
    put, path = "/nexus/v3/provisioning/senders/{ccid}/{name}", tag = "Services and senders",
    operation_id = "putSender",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The section, such as `chat.Main` or `cxc.Sale`"),
    ),
    request_body = OptionMembers,
    responses(
        (status = 200, body = Success<SenderView>), (status = 201, body = Success<SenderView>),
        KeyRefused, BodyRefused, QueryRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn put(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(senders): State<Senders>,
    State(clock): State<Clock>,
    Json(members): Json<Map<String, Value>>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    let section: SectionName = place
        .name
        .parse()
        .map_err(|error| ApiError::unprocessable(format!("{error}")))?;
    let (put, sender) = senders.put(&caller, section, members, clock.now()).await?;
    let view = SenderView::new(caller.ccid, &sender, &senders.directory.snapshot());
    Ok(Answer::new(put.status(), view)?.into_response())
}

/// Lists the sections of a tenant.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/senders/{ccid}", tag = "Services and senders", operation_id = "listSenders",
    params(("ccid" = Uuid, Path, description = "The tenant"), Page),
    responses((status = 200, body = Success<Items<SenderView>>), KeyRefused, QueryRefused),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn list(
    caller: PathTenantCaller,
    State(senders): State<Senders>,
    Query(page): Query<Page>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let (sought, after) = (Sought::of(&page)?, page.after::<String>()?);
    let found = senders
        .list(caller.ccid, after.as_deref(), sought.items())
        .await?;
    let directory = senders.directory.snapshot();
    let key = |sender: &Sender| sender.section.as_str().to_owned();
    let view = |sender| SenderView::new(caller.ccid, &sender, &directory);
    Ok(sought.answer(found, key, view))
}

/// Shows one section.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/senders/{ccid}/{name}", tag = "Services and senders",
    operation_id = "getSender",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The section, such as `chat.Main` or `cxc.Sale`"),
    ),
    responses((status = 200, body = Success<SenderView>), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn find(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(senders): State<Senders>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let sender = senders.find(caller.ccid, known(&place)?).await?;
    let directory = senders.directory.snapshot();
    Ok(envelope::ok(SenderView::new(
        caller.ccid,
        &sender,
        &directory,
    )))
}

/// Deletes a section.
#[utoipa::path(
    delete, path = "/nexus/v3/provisioning/senders/{ccid}/{name}", tag = "Services and senders",
    operation_id = "deleteSender",
    params(
        ("ccid" = Uuid, Path, description = "The tenant"),
        ("name" = String, Path, description = "The section, such as `chat.Main` or `cxc.Sale`"),
    ),
    responses((status = 200, body = Done), KeyRefused, Missing),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn delete(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(senders): State<Senders>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    senders.delete(&caller, known(&place)?).await?;
    Ok(envelope::done())
}

/// What nothing can be stored under is simply not there.
fn known(place: &Place) -> Result<SectionName, ApiError> {
    place
        .name
        .parse()
        .map_err(|_| ApiError::not_found("this tenant has no such sender section"))
}

impl SenderView {
    fn new(ccid: Ccid, sender: &Sender, directory: &Snapshot) -> Self {
        let for_campaign = sender.section.prefix() == SectionPrefix::Cxc;
        let channel = directory.channel_to_send(ccid, &sender.options.channel_id, for_campaign);
        Self {
            ccid: ccid.to_string(),
            section: sender.section.to_string(),
            options: sender.options.to_members(),
            cannot_send: channel.err().map(|cannot| cannot.to_string()),
            updated_at: wire::time(sender.updated_at),
        }
    }
}
