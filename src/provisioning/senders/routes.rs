//! `/nexus/v3/provisioning/senders`.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value};

use super::Senders;
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::clock::Clock;
use crate::platform::http::envelope::Answer;
use crate::platform::http::page::{Page, Sought};
use crate::platform::http::{ApiError, Json, Path, Query, envelope};
use crate::provisioning::directory::Snapshot;
use crate::provisioning::model::Sender;
use crate::provisioning::routes::State as ProvisioningState;
use crate::provisioning::wire::{self, Place};
use crate::values::{Ccid, SectionName, SectionPrefix};

pub fn routes() -> Router<ProvisioningState> {
    Router::new()
        .route("/nexus/v3/provisioning/senders/{ccid}", get(list))
        .route(
            "/nexus/v3/provisioning/senders/{ccid}/{name}",
            get(find).put(put).delete(delete),
        )
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SenderView {
    ccid: String,
    section: String,
    /// The options stand beside the other members, as they do in the request.
    #[serde(flatten)]
    options: Map<String, Value>,
    /// Why messages of this section are refused; absent where they can be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    cannot_send: Option<String>,
    updated_at: String,
}

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
    let (put, sender) = senders
        .put(caller.ccid, section, members, clock.now())
        .await?;
    let view = SenderView::new(caller.ccid, &sender, &senders.directory.snapshot());
    Ok(Answer::new(put.status(), view)?.into_response())
}

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

async fn delete(
    caller: PathTenantCaller,
    Path(place): Path<Place>,
    State(senders): State<Senders>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    senders.delete(caller.ccid, known(&place)?).await?;
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
