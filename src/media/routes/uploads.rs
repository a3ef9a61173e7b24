//! `POST /channels/{channelId}/media`: files of third parties, signed, and of applications.

use axum::extract::{FromRequestParts, State as From};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::{API_KEY, State};
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::auth::signature::{SHA1_HEADER, SHA256_HEADER};
use crate::media::error::UploadRefused;
use crate::media::form::FileForm;
use crate::media::model::MediaFile;
use crate::media::store;
use crate::media::upload::Inspected;
use crate::platform::http::envelope::Answer;
use crate::platform::http::idempotency::{Begun, StreamedOnce, StreamedRequest};
use crate::platform::http::openapi::{
    BodyRefused, KeyRefused, Missing, RepeatRefused, Repeatable, Success, TooMany,
};
use crate::platform::http::{ApiError, Path, StreamedBody};
use crate::platform::telemetry::metric;
use crate::provisioning::directory::SignedCall;
use crate::values::{Ccid, ChannelId};

/// When a tenant that has too much may try again, in seconds: old files go by themselves, but slowly.
const TENANT_FULL_RETRY_SECONDS: u32 = 3_600;

/// A file that is stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Media, examples(json!({
    "mediaId": "0198f5a2-8f3e-7c11-9d7f-3a2b1c0d9e8f", "url": "genesys://nexus/0198f5a2-8f3e-7c11-9d7f-3a2b1c0d9e8f",
    "filename": "photo.png", "mimetype": "image/png", "length": 48211,
})))]
#[serde(rename_all = "camelCase")]
struct View {
    media_id: String,
    /// How messages refer to the file.
    url: String,
    filename: String,
    mimetype: String,
    /// Bytes.
    length: u64,
}

/// Takes one file of a third party or of an application; answers once it is durable.
///
/// A third party signs the exact bytes of the whole form; an application brings its key instead, and may make the
/// same call again under an `Idempotency-Key`.
#[utoipa::path(
    post, path = "/channels/{channelId}/media", tag = "Files", operation_id = "uploadMedia",
    params(
        ("channelId" = String, Path, description = "A number or a domain that the tenant sends from"), Repeatable,
    ),
    request_body(content = FileForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = Success<View>), KeyRefused, Missing, BodyRefused, RepeatRefused, TooMany,
    ),
    security(
        ("signature" = [], "tenant" = []), ("signature256" = [], "tenant" = []),
        ("apiKey" = ["nexus:messages:send"], "tenant" = []),
    ),
)]
pub(super) async fn upload(
    From(state): From<State>,
    uploader: Uploader,
    StreamedOnce(key): StreamedOnce,
    body: StreamedBody,
) -> Result<Response, ApiError> {
    let taken = take(&state, uploader, key, body).await;
    let result = match &taken {
        Ok(Taken::Stored { .. }) => "stored",
        Ok(Taken::Before(_)) => "again",
        Err(refusal) => refusal.word(),
    };
    metrics::counter!(metric::MEDIA_UPLOADS, "result" => result).increment(1);
    match taken.map_err(Refusal::answer)? {
        Taken::Stored { length, answer } => {
            metrics::counter!(metric::MEDIA_BYTES_STORED).increment(length);
            Ok(answer.into_response())
        }
        Taken::Before(answer) => Ok(answer.into_response()),
    }
}

/// What became of an upload.
enum Taken {
    Stored {
        /// In bytes.
        length: u64,
        answer: Answer,
    },
    /// Its call was made before; this was its answer.
    Before(Answer),
}

async fn take(
    state: &State,
    uploader: Uploader,
    key: Option<StreamedRequest>,
    body: StreamedBody,
) -> Result<Taken, Refusal> {
    let uploads = &state.uploads;
    match uploader {
        // The Third-Party Messaging API is not ours, and has no such keys.
        Uploader::Signer(mut call) => {
            let claimed = (call.claimed(), call.knows_channel());
            let passing = |bytes: &[u8]| call.update(bytes);
            let arrived = uploads.receive(claimed, body, passing).await?;
            let channel = call.finish().map_err(Refusal::Other)?;
            let inspected = uploads.inspect(arrived).await?;
            let sender = (channel.ccid, &channel.channel_id);
            stored(uploads.store(sender, inspected).await?)
        }
        Uploader::Application(ccid, channel_id) => {
            let arrived = uploads.receive((ccid, true), body, |_| {}).await?;
            let inspected = uploads.inspect(arrived).await?;
            let sender = (ccid, &channel_id);
            match key {
                Some(key) => take_once(state, sender, inspected, key).await,
                None => stored(uploads.store(sender, inspected).await?),
            }
        }
    }
}

/// Stores a file with its key, in one transaction with the file's own row. Its bytes are stored before, so of two such
/// calls at the same moment one may store them for nothing.
async fn take_once(
    state: &State,
    (ccid, channel_id): (Ccid, &ChannelId),
    mut inspected: Inspected,
    key: StreamedRequest,
) -> Result<Taken, Refusal> {
    let (uploads, keys) = (&state.uploads, &state.keys);
    let call = inspected.request(key).await?.of(ccid);
    let before = keys.begin_elsewhere(&uploads.pool, Some(&call)).await;
    if let Some(answer) = before.map_err(Refusal::Other)? {
        return Ok(Taken::Before(answer));
    }
    let file = uploads.write(ccid, inspected).await?;
    let mut work = match keys.open(&uploads.pool, Some(call)).await {
        Ok(Begun::Anew(work)) => work,
        Ok(Begun::Before(answer)) => {
            uploads.clean_up(ccid, file.id).await;
            return Ok(Taken::Before(answer));
        }
        Err(refused) => {
            uploads.clean_up(ccid, file.id).await;
            return Err(Refusal::Other(refused));
        }
    };
    let inserted = store::insert(&mut work, (ccid, channel_id), &file).await;
    let (work, ()) = work
        .unless_refused(inserted.map_err(UploadRefused::Database))
        .await?;
    let id = file.id;
    let taken = stored(file)?;
    if let Taken::Stored { answer, .. } = &taken {
        // Where this fails it may have been stored all the same: the bytes stay for whoever calls again.
        let finished = work.finish(answer, state.clock.now_ms()).await;
        finished.map_err(Refusal::Other)?;
    }
    uploads.references.learn(ccid, id);
    Ok(taken)
}

fn stored(file: MediaFile) -> Result<Taken, Refusal> {
    let length = file.facts.length;
    let answer = Answer::new(StatusCode::OK, View::from(file)).map_err(Refusal::Other)?;
    Ok(Taken::Stored { length, answer })
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
    /// For its signature or its key.
    Other(ApiError),
    Upload(UploadRefused),
}

impl Refusal {
    /// As the metric calls it.
    fn word(&self) -> &'static str {
        match self {
            Self::Other(error) => match error.status() {
                StatusCode::UNAUTHORIZED => "unauthorized",
                StatusCode::SERVICE_UNAVAILABLE => "unavailable",
                _ => "key_refused",
            },
            Self::Upload(refused) => refused.word(),
        }
    }

    fn answer(self) -> ApiError {
        match self {
            Self::Other(error) => error,
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
