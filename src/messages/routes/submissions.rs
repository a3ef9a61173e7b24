//! `POST /messages` and an agent's reply.

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::auth::caller::TenantCaller;
use crate::auth::permission::Permission;
use crate::messages::desk::Desk;
use crate::messages::item::ItemRefused;
use crate::messages::said::Said;
use crate::messages::submit::{ItemAccepted, Submit};
use crate::platform::http::{ApiError, Json, Path, Trace, envelope};
use crate::provisioning::directory::Directory;
use crate::values::{ConversationId, ReasonCode};

/// When a submission that found its lane full is worth another try.
const RETRY_AFTER_SECONDS: u32 = 5;
/// Messages of one submission at most.
const MESSAGES_MAX: usize = 1_000;

/// `{"messages":[...]}`. Each message is read by itself, so that a bad one refuses nobody else.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubmitBody {
    messages: Vec<Box<RawValue>>,
}

#[derive(Debug, Serialize)]
struct ResultsView {
    results: Vec<ResultView>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultView {
    Accepted {
        id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        segments: Option<u16>,
        #[serde(skip_serializing_if = "Option::is_none")]
        encoding: Option<&'static str>,
    },
    Refused {
        error: ErrorView,
    },
}

#[derive(Debug, Serialize)]
struct ErrorView {
    code: u16,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailView>,
}

#[derive(Debug, Serialize)]
struct DetailView {
    path: String,
    message: String,
}

/// Takes messages to be sent; each is durable when its id is answered.
pub(super) async fn submit(
    State(directory): State<Directory>,
    State(submit): State<Submit>,
    caller: TenantCaller,
    Trace(trace): Trace,
    Json(body): Json<SubmitBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    if body.messages.is_empty() || body.messages.len() > MESSAGES_MAX {
        return Err(ApiError::unprocessable("messages holds 1 to 1000 messages")
            .detail("/messages", "1 to 1000 messages"));
    }
    let snapshot = directory.snapshot();
    let results = submit
        .messages(caller.ccid, &snapshot, &body.messages, &trace)
        .await;
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
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplyBody {
    r#type: String,
    text: Option<Value>,
    subject: Option<Value>,
    content: Option<Value>,
}

/// Sends an agent's words in an open conversation.
pub(super) async fn reply(
    State(desk): State<Desk>,
    caller: TenantCaller,
    Path(id): Path<String>,
    Trace(trace): Trace,
    Json(body): Json<ReplyBody>,
) -> Result<Response, ApiError> {
    caller.require(Permission::MessagesSend)?;
    let id: ConversationId = id
        .parse()
        .map_err(|_| ApiError::not_found("there is no such conversation"))?;
    let said = Said {
        kind: body.r#type,
        text: body.text,
        subject: body.subject,
        content: body.content,
    };
    let accepted = desk.reply(caller.ccid, id, said, trace).await?;
    Ok(envelope::accepted(
        serde_json::json!({ "id": accepted.id.to_string() }),
    ))
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
