//! `POST /nexus/v3/signatures/verify`: whether a signature is right and, if not, why, for who writes the other side.

use std::collections::BTreeMap;

use axum::extract::State as From;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use crate::auth::TenantCaller;
use crate::auth::permission::Permission;
use crate::auth::signature::judgement::{Judged, Signed, judge};
use crate::platform::http::ApiError;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::Keyed;
use crate::platform::http::openapi::{
    BodyRefused, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success,
};
use crate::provisioning::directory::ConnectorSettings;
use crate::values::{Ccid, ChannelId, Secret};

/// Secrets that a body is held against at once.
const SECRETS_MAX: usize = 10;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::default().routes(routes!(verify))
}

/// A body as it was received or sent, its headers, and whose secrets: those that are given, or those of a channel.
#[derive(Deserialize, ToSchema)]
#[schema(as = SignatureCheck, examples(json!({
    "headers": { "X-Hub-Signature": "sha1=3dca279e731c97c38e3019a075dee9ebbd0a99f0" },
    "body": "", "secrets": ["secret"],
})))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckBody {
    /// Those with signatures count, each with one value; others may be there.
    headers: BTreeMap<String, String>,
    /// The body to the letter.
    body: Option<String>,
    /// The same where it is no text.
    body_base64: Option<String>,
    /// Up to ten; the answer says what the first would have given.
    #[schema(min_items = 1, max_items = 10)]
    secrets: Option<Vec<String>>,
    /// A channel of the tenant's `Async` service, in place of `secrets`.
    channel_id: Option<String>,
    /// Which of the channel's: `webhook` for what we send, which is meant where nothing is said, or `api` for what we get.
    secret_of: Option<String>,
}

/// What is to be said of the signatures that are there.
#[derive(Serialize, ToSchema)]
#[schema(as = SignatureVerdict, examples(json!({
    "verdict": "wrong", "signatures": [{
        "scheme": "sha1", "header": "X-Hub-Signature", "verdict": "wrong",
        "why": "the digest is in Base64, and has to be hexadecimal",
        "expected": "sha1=25af6174a0fcecc4d346680a72b7ce644b9a88e8",
    }],
})))]
struct VerdictView {
    /// `right` where all of them are, else `wrong`; `missing` where there is none.
    verdict: &'static str,
    signatures: Vec<SignatureView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = JudgedSignature)]
struct SignatureView {
    /// `sha1`, `sha256` or `standard-webhooks`.
    scheme: &'static str,
    header: &'static str,
    /// `right` or `wrong`.
    verdict: &'static str,
    why: String,
    /// What the header should say; only where `secrets` were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<String>,
}

/// Says whether the signatures of a body are right and, where one is not, which of the usual mistakes made it.
///
/// With `secrets` it is a calculator. With `channelId` the channel's own secrets in force are taken, and what they would have
/// given is not said. Nothing is stored but for an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/nexus/v3/signatures/verify", tag = "Services and senders", operation_id = "verifySignatures",
    params(Repeatable),
    request_body = CheckBody,
    responses(
        (status = 200, body = Success<VerdictView>), KeyRefused, BodyRefused, Missing, QueryRefused, RepeatRefused,
    ),
    security(("apiKey" = ["nexus:provisioning:read"], "tenant" = [])),
)]
async fn verify(
    From(state): From<State>,
    caller: TenantCaller,
    Keyed { key, body }: Keyed<CheckBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::ProvisioningRead)?;
    let headers = headers(&body.headers)?;
    let bytes = bytes(&body)?;
    let (secrets, are_theirs) = secrets(&state, caller.ccid, &body)?;
    let call = key.map(|key| key.of(caller.ccid));
    let before = state
        .keys
        .begin_elsewhere(&state.pool, call.as_ref())
        .await?;
    if let Some(answer) = before {
        return Ok(answer.into_response());
    }
    let now_ms = state.clock.now_ms();
    let judged = judge(Signed {
        headers: &headers,
        body: &bytes,
        secrets: &secrets,
        now_seconds: now_ms.div_euclid(1_000),
    });
    let answer = Answer::new(StatusCode::OK, VerdictView::of(judged, are_theirs))?;
    let kept = state
        .keys
        .keep_elsewhere(&state.pool, call.as_ref(), &answer, now_ms);
    kept.await?;
    Ok(answer.into_response())
}

fn headers(given: &BTreeMap<String, String>) -> Result<HeaderMap, ApiError> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let pair = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::try_from(value.trim()).ok());
        let (name, value) = pair.ok_or_else(|| {
            let sentence = "must be names and values of headers";
            ApiError::unprocessable(format!("headers: {sentence}")).detail("/headers", sentence)
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn bytes(body: &CheckBody) -> Result<Vec<u8>, ApiError> {
    match (&body.body, &body.body_base64) {
        (Some(text), None) => Ok(text.clone().into_bytes()),
        (None, Some(text)) => BASE64_STANDARD.decode(text).map_err(|_| {
            ApiError::unprocessable("bodyBase64 is not Base64").detail("/bodyBase64", "Base64")
        }),
        (Some(_), Some(_)) | (None, None) => {
            let sentence = "either body or bodyBase64 is needed";
            Err(ApiError::unprocessable(sentence).detail("/body", sentence))
        }
    }
}

/// The secrets, and whether it was the caller who gave them.
fn secrets(state: &State, ccid: Ccid, body: &CheckBody) -> Result<(Vec<Secret>, bool), ApiError> {
    match (&body.secrets, &body.channel_id) {
        (Some(secrets), None) if body.secret_of.is_none() => {
            if (1..=SECRETS_MAX).contains(&secrets.len()) {
                return Ok((secrets.iter().cloned().map(Secret::new).collect(), true));
            }
            let sentence = "there may be 1 to 10 secrets";
            Err(ApiError::unprocessable(sentence).detail("/secrets", sentence))
        }
        (None, Some(channel_id)) => {
            let secrets = of_channel(state, ccid, (channel_id, body.secret_of.as_deref()))?;
            Ok((secrets, false))
        }
        (Some(_) | None, Some(_) | None) => {
            let sentence =
                "either secrets or channelId is needed, and secretOf only with channelId";
            Err(ApiError::unprocessable(sentence).detail("/secrets", sentence))
        }
    }
}

fn of_channel(
    state: &State,
    ccid: Ccid,
    (channel_id, secret_of): (&str, Option<&str>),
) -> Result<Vec<Secret>, ApiError> {
    let channel_id: ChannelId = channel_id.parse().map_err(|error| {
        ApiError::unprocessable(format!("channelId: {error}"))
            .detail("/channelId", "cannot be read")
    })?;
    let snapshot = state.directory.snapshot();
    let channel = snapshot.third_party(ccid, &channel_id);
    let settings = channel.and_then(|channel| {
        if let ConnectorSettings::ThirdParty(settings) = &channel.connector {
            Some(settings)
        } else {
            None
        }
    });
    let settings = settings
        .ok_or_else(|| ApiError::not_found("the tenant's Async service has no such channel"))?;
    let now_ms = state.clock.now_ms();
    match secret_of.unwrap_or("webhook") {
        "webhook" => Ok(settings
            .webhook_secrets
            .signing_all(now_ms)
            .cloned()
            .collect()),
        "api" => Ok(settings.api_secrets.in_force(now_ms).cloned().collect()),
        _ => {
            let sentence = "must be webhook or api";
            Err(ApiError::unprocessable(format!("secretOf {sentence}"))
                .detail("/secretOf", sentence))
        }
    }
}

impl VerdictView {
    fn of(judged: Vec<Judged>, shows_expected: bool) -> Self {
        let verdict = |is_right| if is_right { "right" } else { "wrong" };
        Self {
            verdict: match judged.as_slice() {
                [] => "missing",
                all => verdict(all.iter().all(|judged| judged.is_right)),
            },
            signatures: judged
                .into_iter()
                .map(|judged| SignatureView {
                    scheme: judged.scheme,
                    header: judged.header,
                    verdict: verdict(judged.is_right),
                    why: judged.why,
                    expected: judged.expected.filter(|_| shows_expected),
                })
                .collect(),
        }
    }
}
