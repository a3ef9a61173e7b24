//! `/nexus/v3/provisioning/export` and `/nexus/v3/provisioning/import`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Document, Exported, Transfer};
use crate::audit::{Action, Entry, difference};
use crate::auth::PathTenantCaller;
use crate::auth::permission::Permission;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::openapi::{
    BodyRefused, KeyRefused, QueryRefused, RepeatRefused, Repeatable, Success,
};
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, envelope};
use crate::provisioning::routes::{Begun, State as ProvisioningState};
use crate::provisioning::senders::options::OptionMembers;
use crate::provisioning::services::{MaskedService, ServiceDefinition};
use crate::values::Ccid;

pub fn routes() -> OpenApiRouter<ProvisioningState> {
    OpenApiRouter::default()
        .routes(routes!(import))
        .route_layer(from_fn(waits_by_nature))
        .routes(routes!(export))
}

/// The document, as it is exported and as it is imported.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TenantDocument, examples(json!({
    "ccid": "0ff723ff-6c6f-44e0-9ce3-ce579337eadd",
    "services": [{ "name": "SMS", "url": "N/A", "data": { "provider": "Async" }, "secret": {} }],
    "senders": [{ "section": "chat.Main", "channelId": "16504661149", "provider": "Async" }],
})))]
#[serde(deny_unknown_fields)]
struct DocumentBody {
    ccid: String,
    services: Vec<ServiceEntry>,
    senders: Vec<SenderEntry>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TenantDocumentService)]
#[serde(deny_unknown_fields)]
struct ServiceEntry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[schema(value_type = Object)]
    data: Value,
    #[schema(value_type = Object)]
    secret: Value,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = TenantDocumentSender)]
struct SenderEntry {
    section: String,
    /// What is not known here is found when the options are read.
    #[serde(flatten)]
    #[schema(value_type = OptionMembers)]
    options: Map<String, Value>,
}

/// How much a document has put.
#[derive(Serialize, ToSchema)]
#[schema(as = Imported, examples(json!({ "services": 2, "senders": 1 })))]
struct ImportedView {
    services: usize,
    senders: usize,
}

/// Everything of a tenant as one document, its secrets masked.
#[utoipa::path(
    get, path = "/nexus/v3/provisioning/export/{ccid}", tag = "Services and senders", operation_id = "exportTenant",
    params(("ccid" = Uuid, Path, description = "The tenant")),
    responses((status = 200, body = Success<DocumentBody>), KeyRefused),
    security(("apiKey" = ["nexus:provisioning:read"])),
)]
async fn export(
    caller: PathTenantCaller,
    State(transfer): State<Transfer>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let exported = transfer.export(caller.ccid).await?;
    Ok(envelope::ok(DocumentBody::of(caller.ccid, exported)))
}

/// Puts a document that was exported, all of it or nothing; the same document again changes nothing.
///
/// A mask keeps the secret that is stored; one with nothing stored is refused.
#[utoipa::path(
    post, path = "/nexus/v3/provisioning/import/{ccid}", tag = "Services and senders", operation_id = "importTenant",
    params(("ccid" = Uuid, Path, description = "The tenant"), Repeatable), request_body = DocumentBody,
    responses((status = 200, body = Success<ImportedView>), KeyRefused, BodyRefused, QueryRefused, RepeatRefused),
    security(("apiKey" = ["nexus:provisioning:write"])),
)]
async fn import(
    caller: PathTenantCaller,
    State(state): State<ProvisioningState>,
    State(transfer): State<Transfer>,
    Keyed { key, body }: Keyed<DocumentBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningWrite)?;
    if body.ccid.parse() != Ok(caller.ccid) {
        let message = "the document is of another tenant than the path";
        return Err(ApiError::unprocessable(message).detail("/ccid", "must be the path's"));
    }
    let call = key.map(|key| key.of(caller.ccid));
    let mut change = match state.begin_once(call.as_ref()).await? {
        Begun::Anew(change) => change,
        Begun::Before(answer) => return Ok(answer.into_response()),
    };
    let view = ImportedView {
        services: body.services.len(),
        senders: body.senders.len(),
    };
    let now = state.clock.now();
    let names = body.names();
    let done = transfer
        .import(&mut change, caller.ccid, body.into(), now)
        .await;
    let (change, ()) = change.unless_refused(done).await?;
    let answer = Answer::new(StatusCode::OK, view)?;
    let imported = (Action::TenantImported, caller.ccid.to_string());
    let record = Entry::by(&caller.caller, caller.ccid, imported).changing(names);
    let done = (&answer, &record);
    state.finish_once(change, call.as_ref(), done).await?;
    Ok(answer.into_response())
}

impl DocumentBody {
    /// What it puts, by kind and name.
    fn names(&self) -> Vec<String> {
        let services = self
            .services
            .iter()
            .map(|entry| format!("/services/{}", entry.name));
        let senders = self
            .senders
            .iter()
            .map(|entry| format!("/senders/{}", entry.section));
        difference::capped(services.chain(senders).collect())
    }

    fn of(ccid: Ccid, exported: Exported) -> Self {
        let sections = exported.senders.iter().map(|sender| SenderEntry {
            section: sender.section.as_str().to_owned(),
            options: sender.options.to_members(),
        });
        Self {
            ccid: ccid.to_string(),
            senders: sections.collect(),
            services: exported
                .services
                .into_iter()
                .map(ServiceEntry::from)
                .collect(),
        }
    }
}

impl From<MaskedService> for ServiceEntry {
    fn from(service: MaskedService) -> Self {
        Self {
            name: service.name.as_str().to_owned(),
            url: service.url,
            data: service.data,
            secret: service.secret,
        }
    }
}

impl From<DocumentBody> for Document {
    fn from(body: DocumentBody) -> Self {
        let services = body.services.into_iter().map(|entry| {
            let definition = ServiceDefinition {
                url: entry.url,
                data: entry.data,
                secret: entry.secret,
            };
            (entry.name, definition)
        });
        let senders = body.senders.into_iter();
        Self {
            services: services.collect(),
            senders: senders
                .map(|entry| (entry.section, entry.options))
                .collect(),
        }
    }
}
