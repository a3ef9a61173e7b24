//! The document of every route (OpenAPI 3.1): what is said about all of them, and how callers show who they are. What is
//! said about a route stands above its handler.

use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{self, Components};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;

use crate::platform::http::openapi::{Refusal, finish};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "nexus-gateway",
        description = "A messaging gateway between a contact centre and the SMS and email providers it sends through.\n\n\
            Answers are `{\"status\":{\"code\":0},\"data\":...}`, refusals \
            `{\"status\":{\"code\":...,\"message\":...,\"details\":[...]}}`. A 2xx means that the work is on disk. \
            Our own APIs refuse members and parameters that they do not know; what third parties send may have more.\n\n\
            An operation that needs a permission names it in `x-permission` and at the end of its description.",
    ),
    servers((url = "/", description = "This gateway")),
    components(schemas(Refusal)),
    modifiers(&Schemes),
    tags(
        (name = "Third party", description = "What third parties send us, signed: messages, receipts, files"),
        (name = "Aggregation service", description = "The same from the vendor's aggregation service, under HTTP Basic"),
        (name = "Callbacks of providers", description = "The same from providers, at an address with a token of the tenant's service"),
        (name = "Files", description = "Files that messages refer to"),
        (name = "Messages", description = "Submit, search, look, explain, retry, cancel"),
        (name = "Replays", description = "Dead letters sent again in bulk"),
        (name = "Erasures", description = "Persons who are forgotten on request"),
        (name = "Conversations", description = "The agent's side: read, reply, close"),
        (name = "Suppressions", description = "Addresses that must not be sent to"),
        (name = "Events", description = "What happened, in order"),
        (name = "Endpoints", description = "Destinations: look, pause, resume, test"),
        (name = "Statistics", description = "How many messages came to what"),
        (name = "Audit", description = "Who changed what, when and from where"),
        (name = "Services and senders", description = "What a tenant sends with, and from where"),
        (name = "API keys", description = "Who may call, and what they may do"),
        (name = "Health", description = "Is the process well, can it take work"),
        (name = "This document", description = "What you are reading"),
    ),
)]
struct Everything;

/// How callers show who they are.
struct Schemes;

impl Modify for Schemes {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let header = |name: &str, says: &str| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, says)))
        };
        let link = ApiKeyValue::with_description(
            "signature",
            "A link that this gateway made: its `tenant` and `expires` are signed.",
        );
        let mut basic = Http::new(HttpAuthScheme::Basic);
        basic.description = Some("The tenant as user, an API key of it as password.".to_owned());
        let schemes = [
            ("apiKey", header("x-api-key", "An API key: a UUID.")),
            ("tenant", header("x-ccid", "The tenant: a UUID.")),
            (
                "signature",
                header(
                    "X-Hub-Signature",
                    "`sha1=` and the hexadecimal HMAC-SHA1 of the exact body under the channel's `api.secret`. Where \
                     `X-Hub-Signature-256` is there too, both must be right.",
                ),
            ),
            (
                "signature256",
                header(
                    "X-Hub-Signature-256",
                    "`sha256=` and the hexadecimal HMAC-SHA256 of the exact body under the channel's `api.secret`.",
                ),
            ),
            ("basic", SecurityScheme::Http(basic)),
            ("link", SecurityScheme::ApiKey(ApiKey::Query(link))),
        ];
        let components = document.components.get_or_insert_with(Components::new);
        for (name, scheme) in schemes {
            components.add_security_scheme(name, scheme);
        }
    }
}

/// A router without routes that has the document's frame.
pub(super) fn frame() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Everything::openapi())
}

/// The same operations once more, under names of their own.
pub(super) fn again_without_base_path(mut routes: OpenApiRouter) -> OpenApiRouter {
    let paths = routes.get_openapi_mut().paths.paths.values_mut();
    for operation in paths.filter_map(|item| item.post.as_mut()) {
        if let Some(name) = &mut operation.operation_id {
            name.push_str("WithoutBasePath");
        }
    }
    routes
}

/// The document as it is served.
///
/// # Panics
///
/// Never: descriptions are texts, numbers and JSON.
pub(super) fn write(document: &openapi::OpenApi) -> Value {
    finish(document).expect("descriptions can be written as JSON")
}
