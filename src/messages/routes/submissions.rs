//! `POST /messages` and an agent's reply.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::look::NamedView;
use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::content::members::PartMembers;
use crate::messages::error::MessageError;
use crate::messages::item::{ItemRefused, SubmitItem};
use crate::messages::keyed::{self, Results};
use crate::messages::model::{AcceptError, Accepted};
use crate::messages::said::Said;
use crate::messages::submit::{ItemAccepted, refused};
use crate::platform::http::idempotency::{Keyed, KeyedCall, still_running};
use crate::platform::http::openapi::{
    BodyRefused, Conflict, KeyRefused, Missing, QueryRefused, RepeatRefused, Repeatable, Success,
    TooMany,
};
use crate::platform::http::{ApiError, Path, Trace, envelope};
use crate::values::{ConversationId, ReasonCode, TraceContext};

/// When a submission that found its lane full is worth another try.
const RETRY_AFTER_SECONDS: u32 = 5;
/// Messages of one submission at most.
const MESSAGES_MAX: usize = 1_000;

/// `{"messages":[...]}`. Each message is read by itself, so that a bad one refuses nobody else.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Submission)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitBody {
    #[schema(value_type = Vec<SubmitItem>, min_items = 1, max_items = 1_000)]
    messages: Vec<Box<RawValue>>,
}

/// What became of each message of a submission, in their order.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubmissionResults)]
struct ResultsView {
    results: Vec<ResultView>,
}

/// Accepted under an id, or refused with the reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SubmissionResult, examples(
    json!({ "id": "1795264928594-0", "segments": 1, "encoding": "GSM-7" }),
))]
#[serde(untagged)]
enum ResultView {
    Accepted {
        id: String,
        /// Of an SMS: how many it is sent as.
        #[serde(skip_serializing_if = "Option::is_none")]
        segments: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encoding: Option<&'static str>,
    },
    Refused {
        error: ErrorView,
    },
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ItemRefusal)]
struct ErrorView {
    /// A reason code where one fits, else the HTTP status that the message alone would have got.
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailView>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ItemRefusalDetail)]
struct DetailView {
    /// A JSON pointer into the body.
    path: String,
    message: String,
}

/// Takes messages to be sent; each is durable when its id is answered.
///
/// A bad message refuses none of the others. Where none is accepted the answer is 422, still with `data.results`.
#[utoipa::path(
    post, path = "/messages", tag = "Messages", operation_id = "submitMessages",
    params(Repeatable), request_body = SubmitBody,
    responses(
        (status = 202, body = Success<ResultsView>),
        KeyRefused, BodyRefused, QueryRefused, RepeatRefused, TooMany,
    ),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
pub(super) async fn submit(
    State(state): State<super::State>,
    caller: TenantCaller,
    Trace(trace): Trace,
    Keyed { key, body }: Keyed<SubmitBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    if body.messages.is_empty() || body.messages.len() > MESSAGES_MAX {
        return Err(ApiError::unprocessable("messages holds 1 to 1000 messages")
            .detail("/messages", "1 to 1000 messages"));
    }
    let results = match key {
        None => {
            let snapshot = state.directory.snapshot();
            let submit = &state.submit;
            submit
                .messages(caller.ccid, &snapshot, &body.messages, &trace)
                .await
        }
        Some(key) => {
            let call = key.of(caller.ccid);
            once(&state, call, &body.messages, &trace).await?
        }
    };
    answer(results)
}

/// Takes a submission unless it was taken before under its key; then the results are those of that time.
async fn once(
    state: &super::State,
    call: KeyedCall,
    messages: &[Box<RawValue>],
    trace: &TraceContext,
) -> Result<Results, ApiError> {
    if let Some(results) = earlier(state, &call).await? {
        return Ok(results);
    }
    let snapshot = state.directory.snapshot();
    let taken = state
        .submit
        .messages_once(call.clone(), &snapshot, messages, trace)
        .await;
    match taken {
        Ok(results) => Ok(results),
        Err(AcceptError::KeyUsed) => earlier(state, &call).await?.ok_or_else(still_running),
        Err(
            error @ (AcceptError::Unavailable
            | AcceptError::Refused
            | AcceptError::Suppressed
            | AcceptError::Conflict { .. }),
        ) => Ok(messages.iter().map(|_| Err(refused(error))).collect()),
    }
}

/// The results of the same call made before.
async fn earlier(state: &super::State, call: &KeyedCall) -> Result<Option<Results>, ApiError> {
    let connection = state.desk.database.reads.acquire().await;
    let mut connection = connection.map_err(ApiError::unavailable)?;
    let Some(stored) = state.keys.find(&mut connection, call).await? else {
        return Ok(None);
    };
    let results = stored.results.as_deref().and_then(keyed::read);
    results.map(Some).ok_or_else(still_running)
}

fn answer(results: Results) -> Result<Response, ApiError> {
    // Where the store is away, everything that is refused is worth sending again as it is.
    if results
        .iter()
        .all(|result| matches!(result, Err(refused) if refused.code == 503))
    {
        return Err(ApiError::unavailable(std::io::Error::other(
            "no message of the submission could be stored",
        )));
    }
    // Where the lanes are full, the same holds a little later.
    let rate_limit = ReasonCode::RateLimit.code();
    if results
        .iter()
        .all(|result| matches!(result, Err(refused) if refused.code == rate_limit))
    {
        return Err(backlog_is_full());
    }
    let some_accepted = results.iter().any(Result::is_ok);
    let data = ResultsView {
        results: results.into_iter().enumerate().map(result_view).collect(),
    };
    if some_accepted {
        Ok(envelope::accepted(data))
    } else {
        Err(ApiError::unprocessable("none of the messages was accepted").with_data(&data))
    }
}

/// `{"type":"Text","text":"..."}`, or the members of another type.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = Reply, examples(json!({ "type": "Text", "text": "How can I help?" })))]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyBody {
    /// `Text`, `Email` or `RichMedia`.
    r#type: String,
    #[schema(value_type = Option<String>)]
    text: Option<Value>,
    /// Of an `Email`; the consumer's own with `Re:` where it is left out.
    #[schema(value_type = Option<String>)]
    subject: Option<Value>,
    #[schema(value_type = Option<Vec<PartMembers<'static>>>)]
    content: Option<Value>,
}

/// Sends an agent's words in an open conversation.
#[utoipa::path(
    post, path = "/conversations/{id}/messages", tag = "Conversations", operation_id = "replyInConversation",
    params(("id" = String, Path, description = "The id of a conversation"), Repeatable), request_body = ReplyBody,
    responses(
        (status = 202, body = Success<NamedView>),
        KeyRefused, Missing, Conflict, BodyRefused, QueryRefused, RepeatRefused, TooMany,
    ),
    security(("apiKey" = ["nexus:messages:send"], "tenant" = [])),
)]
pub(super) async fn reply(
    State(state): State<super::State>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Trace(trace): Trace,
    Keyed { key, body }: Keyed<ReplyBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id: ConversationId = id
        .parse()
        .map_err(|_| ApiError::not_found("there is no such conversation"))?;
    let call = key.map(|key| key.of(caller.ccid));
    if let Some(call) = &call {
        let first = earlier(&state, call).await?;
        if let Some(first) = first.and_then(|results| results.into_iter().next()) {
            let first = first.map_err(MessageError::Item)?;
            return Ok(replied(first.accepted));
        }
    }
    let said = Said {
        kind: body.r#type,
        text: body.text,
        subject: body.subject,
        content: body.content,
    };
    let accepted = state
        .desk
        .reply((caller.ccid, id), said, trace, call)
        .await?;
    Ok(replied(accepted))
}

fn replied(accepted: Accepted) -> Response {
    envelope::accepted(NamedView {
        id: accepted.id.to_string(),
    })
}

/// The result of the message at this place of the submission.
fn result_view((index, result): (usize, Result<ItemAccepted, ItemRefused>)) -> ResultView {
    match result {
        Ok(ItemAccepted { accepted, segments }) => ResultView::Accepted {
            id: accepted.id.to_string(),
            segments: segments.map(|segments| segments.count),
            encoding: segments.map(|segments| segments.encoding.as_str()),
        },
        Err(refused) => {
            let details = refused.details.into_iter().map(|fault| DetailView {
                path: format!("/messages/{index}{}", fault.path),
                message: fault.message,
            });
            ResultView::Refused {
                error: ErrorView {
                    code: refused.code,
                    message: refused.message,
                    details: details.collect(),
                },
            }
        }
    }
}

/// 429: too much waits for the endpoint already.
pub(super) fn backlog_is_full() -> ApiError {
    ApiError::rate_limited(
        RETRY_AFTER_SECONDS,
        "too many messages wait for this channel's endpoint",
    )
}
