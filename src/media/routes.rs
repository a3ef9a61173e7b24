//! All HTTP over files: uploads of third parties and applications, and downloads by link or API key.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts, State as From};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Serialize;

use super::download::{Download, DownloadRefused, Downloads};
use super::error::UploadRefused;
use super::kinds::shows_inline;
use super::link::{LinkQuery, Links};
use super::model::MediaFile;
use super::upload::Uploads;
use crate::auth::caller::TenantCaller;
use crate::auth::keyring::Keyring;
use crate::auth::permission::Permission;
use crate::auth::signature::{SHA1_HEADER, SHA256_HEADER};
use crate::platform::clock::Clock;
use crate::platform::http::patience::waits_by_nature;
use crate::platform::http::{ApiError, Path, Query, StreamedBody, envelope};
use crate::platform::telemetry::metric;
use crate::provisioning::directory::{Directory, SignedCall};
use crate::values::{Ccid, ChannelId, MediaId};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// When a tenant that has too much may try again, in seconds: old files go by themselves, but slowly.
const TENANT_FULL_RETRY_SECONDS: u32 = 3_600;

/// What these handlers may reach.
#[derive(Debug, Clone, FromRef)]
pub struct State {
    pub keyring: Keyring,
    pub clock: Clock,
    pub directory: Directory,
    pub uploads: Uploads,
    pub downloads: Downloads,
    pub links: Links,
}

/// The upload of the Third-Party Messaging API; served with and without the base path.
pub fn upload_routes(state: State) -> Router {
    Router::new()
        .route(
            "/channels/{channelId}/media",
            post(upload).layer(from_fn(waits_by_nature)),
        )
        .with_state(state)
}

/// Below the base path.
pub fn download_routes(state: State) -> Router {
    Router::new()
        .route("/media/{mediaId}", get(download))
        .with_state(state)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    media_id: String,
    url: String,
    filename: String,
    mimetype: String,
    length: u64,
}

/// Takes one file; answers once it is durable.
async fn upload(
    From(uploads): From<Uploads>,
    uploader: Uploader,
    body: StreamedBody,
) -> Result<Response, ApiError> {
    let taken = take(&uploads, uploader, body).await;
    let result = taken.as_ref().map_or_else(Refusal::word, |_| "stored");
    metrics::counter!(metric::MEDIA_UPLOADS, "result" => result).increment(1);
    let file = taken.map_err(Refusal::answer)?;
    metrics::counter!(metric::MEDIA_BYTES_STORED).increment(file.facts.length);
    Ok(envelope::ok(View::from(file)))
}

async fn take(
    uploads: &Uploads,
    uploader: Uploader,
    body: StreamedBody,
) -> Result<MediaFile, Refusal> {
    match uploader {
        Uploader::Signer(mut call) => {
            let claimed = (call.claimed(), call.knows_channel());
            let passing = |bytes: &[u8]| call.update(bytes);
            let arrived = uploads.receive(claimed, body, passing).await?;
            let channel = call.finish().map_err(Refusal::Signature)?;
            let sender = (channel.ccid, &channel.channel_id);
            Ok(uploads.store(sender, arrived).await?)
        }
        Uploader::Application(ccid, channel_id) => {
            let arrived = uploads.receive((ccid, true), body, |_| {}).await?;
            Ok(uploads.store((ccid, &channel_id), arrived).await?)
        }
    }
}

/// Hands a file out to whoever has a link to it, or a key that may read messages of its tenant.
async fn download(
    From(state): From<State>,
    Path(id): Path<String>,
    Query(query): Query<LinkQuery>,
    Reader(ccid): Reader,
) -> Result<Response, ApiError> {
    let begun = begin(&state, &id, &query, ccid).await;
    let result = match &begun {
        Ok(_) => "begun",
        Err(DownloadRefused::Unknown) => "not_found",
        Err(DownloadRefused::Busy) => "busy",
        Err(DownloadRefused::Database(_)) => "unavailable",
    };
    metrics::counter!(metric::MEDIA_DOWNLOADS, "result" => result).increment(1);
    Ok(show(begun?))
}

/// Whatever is wrong with a link, there is no such file.
async fn begin(
    state: &State,
    id: &str,
    query: &LinkQuery,
    ccid: Option<Ccid>,
) -> Result<Download, DownloadRefused> {
    let id: MediaId = id.parse().map_err(|_| DownloadRefused::Unknown)?;
    let now_ms = state.clock.now_ms();
    let ccid = ccid.or_else(|| state.links.opens(id, query, now_ms));
    let ccid = ccid.ok_or(DownloadRefused::Unknown)?;
    state.downloads.begin(ccid, id).await
}

/// A file came from outside: nothing in it runs, and what is not a picture, a sound or a film is not shown in place.
fn show(download: Download) -> Response {
    let facts = &download.file.facts;
    let disposition = facts.file_name.disposition(shows_inline(&facts.mimetype));
    let value = |text: &str| HeaderValue::from_str(text).ok();
    let headers = [
        (CONTENT_TYPE, value(&facts.mimetype)),
        (CONTENT_LENGTH, Some(HeaderValue::from(facts.length))),
        (CONTENT_DISPOSITION, value(&disposition)),
        (CACHE_CONTROL, value("private, no-store")),
        (
            CONTENT_SECURITY_POLICY,
            value("default-src 'none'; sandbox"),
        ),
    ];
    let mut response = Body::from_stream(download.rows()).into_response();
    for (name, value) in headers {
        if let Some(value) = value {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Who uploads. A call that is signed is judged by its signature, also where it brings a key.
enum Uploader {
    Signer(SignedCall),
    Application(Ccid, ChannelId),
}

impl FromRequestParts<State> for Uploader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let Path(channel_id) = Path::<String>::from_request_parts(parts, state).await?;
        let headers = &parts.headers;
        let is_signed = headers.contains_key(SHA1_HEADER) || headers.contains_key(SHA256_HEADER);
        let snapshot = state.directory.snapshot();
        if is_signed || !headers.contains_key(API_KEY) {
            let now_ms = state.clock.now_ms();
            let call = SignedCall::begin(headers, &channel_id, &snapshot, now_ms);
            return call.map(Self::Signer);
        }
        let caller = TenantCaller::from_request_parts(parts, state).await?;
        caller.require(Permission::MessagesSend)?;
        let channel_id = channel_id.parse::<ChannelId>().ok();
        let channel = channel_id.and_then(|id| snapshot.receiving(caller.ccid, &id).cloned());
        let channel = channel.ok_or_else(|| ApiError::not_found("there is no such channel"))?;
        Ok(Self::Application(caller.ccid, channel.channel_id))
    }
}

/// The tenant whose files may be read without a link, where there is a key.
struct Reader(Option<Ccid>);

impl FromRequestParts<State> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        if !parts.headers.contains_key(API_KEY) {
            return Ok(Self(None));
        }
        let caller = TenantCaller::from_request_parts(parts, state).await?;
        caller.require(Permission::MessagesRead)?;
        Ok(Self(Some(caller.ccid)))
    }
}

/// Why an upload is answered with a refusal.
enum Refusal {
    Signature(ApiError),
    Upload(UploadRefused),
}

impl Refusal {
    /// As the metric calls it.
    fn word(&self) -> &'static str {
        match self {
            Self::Signature(_) => "unauthorized",
            Self::Upload(refused) => refused.word(),
        }
    }

    fn answer(self) -> ApiError {
        match self {
            Self::Signature(error) => error,
            Self::Upload(refused) => refused.into(),
        }
    }
}

impl std::convert::From<UploadRefused> for Refusal {
    fn from(refused: UploadRefused) -> Self {
        Self::Upload(refused)
    }
}

impl std::convert::From<UploadRefused> for ApiError {
    fn from(refused: UploadRefused) -> Self {
        let sentence = refused.to_string();
        match refused {
            UploadRefused::NotMultipart | UploadRefused::Kind(_) => {
                Self::unsupported_media(sentence)
            }
            UploadRefused::TooLarge { .. } => Self::too_large(sentence),
            UploadRefused::BodyEnded
            | UploadRefused::BodyLate
            | UploadRefused::Malformed
            | UploadRefused::TooManyParts
            | UploadRefused::NoFile
            | UploadRefused::SeveralFiles
            | UploadRefused::Empty
            | UploadRefused::FileName(_) => Self::bad_request(sentence),
            UploadRefused::Busy => Self::busy(sentence),
            UploadRefused::TenantFull { .. } => {
                Self::rate_limited(TENANT_FULL_RETRY_SECONDS, sentence)
            }
            UploadRefused::Spool(cause) => Self::unavailable(cause),
            UploadRefused::Database(cause) => Self::unavailable(cause),
        }
    }
}

impl std::convert::From<DownloadRefused> for ApiError {
    fn from(refused: DownloadRefused) -> Self {
        let sentence = refused.to_string();
        match refused {
            DownloadRefused::Unknown => Self::not_found(sentence),
            DownloadRefused::Busy => Self::busy(sentence),
            DownloadRefused::Database(cause) => Self::unavailable(cause),
        }
    }
}

impl std::convert::From<MediaFile> for View {
    fn from(file: MediaFile) -> Self {
        Self {
            media_id: file.id.to_string(),
            url: file.id.reference(),
            filename: file.facts.file_name.to_string(),
            mimetype: file.facts.mimetype,
            length: file.facts.length,
        }
    }
}
