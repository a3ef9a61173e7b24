//! `POST /channels/{channelId}/media`: files of third parties, signed, and of applications.

use axum::extract::{FromRequestParts, State as From};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Serialize;

use super::{API_KEY, State};
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::auth::signature::{SHA1_HEADER, SHA256_HEADER};
use crate::media::error::UploadRefused;
use crate::media::model::MediaFile;
use crate::media::upload::Uploads;
use crate::platform::http::{ApiError, Path, StreamedBody, envelope};
use crate::platform::telemetry::metric;
use crate::provisioning::directory::SignedCall;
use crate::values::{Ccid, ChannelId};

/// When a tenant that has too much may try again, in seconds: old files go by themselves, but slowly.
const TENANT_FULL_RETRY_SECONDS: u32 = 3_600;

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
pub(super) async fn upload(
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

/// Who uploads. A call that is signed is judged by its signature, also where it brings a key.
pub(super) enum Uploader {
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
