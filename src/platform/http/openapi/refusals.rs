//! How calls are refused, by class of call. A handler names the classes that it belongs to; what each status means is
//! said once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::{Ref, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

use super::Refusal;

/// A status with the name of its answer in the document, what it means, and an example of its code and sentence.
struct Kind(u16, &'static str, &'static str, (u16, &'static str));

const KINDS: [Kind; 11] = [
    Kind(
        400,
        "Malformed",
        "The URL, a header or the body cannot be read.",
        (520, "the body is not JSON at byte 3"),
    ),
    Kind(
        401,
        "Unauthenticated",
        "No credentials, or wrong ones.",
        (401, "the API key is missing or not valid"),
    ),
    Kind(
        403,
        "Forbidden",
        "The credentials are good, but not for this: they lack the permission or the tenant.",
        (403, "the API key lacks the permission"),
    ),
    Kind(
        404,
        "NotFound",
        "There is no such thing, or it is someone else's.",
        (404, "there is no such message"),
    ),
    Kind(
        409,
        "Conflict",
        "It is not in the state for this, or the same call is still under way (code 4091).",
        (409, "the conversation is closed"),
    ),
    Kind(
        413,
        "TooLarge",
        "The body is longer than is read.",
        (413, "a body may have at most 1048576 bytes"),
    ),
    Kind(
        415,
        "UnsupportedMedia",
        "The body is of another type, or has a Content-Encoding.",
        (415, "the body must be application/json"),
    ),
    Kind(
        416,
        "BeyondTheEnd",
        "The range begins beyond the end.",
        (416, "the file has fewer bytes"),
    ),
    Kind(
        422,
        "NotAllowed",
        "Well-formed, but not allowed; `details` names the places.",
        (422, "limit is a number from 1 to 500"),
    ),
    Kind(
        429,
        "TooMany",
        "Too much at once, or too many calls with wrong credentials; `Retry-After` says when to try again.",
        (310, "too many messages wait for this channel's endpoint"),
    ),
    Kind(
        503,
        "Unavailable",
        "It cannot be done at the moment, and nothing of it was; `Retry-After` says when to try again.",
        (503, "this cannot be done at the moment; try again"),
    ),
];

/// Declares classes of calls with the statuses that they may be refused with.
macro_rules! classes {
    ($($(#[$comment:meta])* $class:ident: $($status:literal),+;)+) => {
        $(
            $(#[$comment])*
            #[derive(Debug)]
            pub struct $class;

            impl IntoResponses for $class {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    named(&[$($status),+])
                }
            }
        )+
    };
}

classes! {
    /// Any call: what the middleware refuses.
    AnyRefused: 400, 503;
    /// A call that needs credentials, which some headers carry.
    KeyRefused: 400, 401, 403, 429;
    /// A call under a signature, of which nobody is told what is wrong.
    SignatureRefused: 401, 429;
    /// A call with a body.
    BodyRefused: 400, 413, 415;
    /// A call whose parameters or members are ours to define.
    QueryRefused: 422;
    /// A call that names something.
    Missing: 404;
    /// A call that needs something to be in a certain state.
    Conflict: 409;
    /// A call that may ask for a part.
    RangeRefused: 416;
    /// A call that may be made again under its key.
    RepeatRefused: 400, 409, 422, 429;
    /// A call of which only so many are taken.
    TooMany: 429;
}

/// References to the answers of these statuses.
fn named(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    let kinds = KINDS.iter().filter(|kind| statuses.contains(&kind.0));
    let answers = kinds.map(|Kind(status, name, ..)| {
        let answer = Ref::from_response_name(*name);
        (status.to_string(), answer.into())
    });
    answers.collect()
}

/// What those references lead to, by name.
pub(super) fn answers() -> Value {
    let schema = format!("#/components/schemas/{}", Refusal::name());
    let answers = KINDS.iter().map(|Kind(status, name, meaning, example)| {
        let mut answer = json!({
            "description": meaning,
            "content": { "application/json": {
                "schema": { "$ref": schema },
                "example": { "status": { "code": example.0, "message": example.1 } },
            } },
        });
        if matches!(status, 429 | 503) {
            answer["headers"]["Retry-After"] = json!({
                "description": "When to try again, in seconds.",
                "schema": { "type": "integer", "minimum": 0 },
            });
        }
        ((*name).to_owned(), answer)
    });
    answers.collect::<serde_json::Map<_, _>>().into()
}
