//! A mail is handed over as a transmission to one recipient. It knows the wire and what an answer means; the files that
//! are attached are given to it.

mod answer;
#[cfg(test)]
mod tests;
mod transmission;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

pub use self::answer::interpret;
use self::transmission::Transmission;
use super::settings::SparkPostSettings;
use crate::connectors::outbound::Outbound;
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::StoredFile;

/// Where the API begins; the service's `url` may end in it.
const API: &str = "api/v1";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Bytes of all files of a mail: SparkPost takes 20 MB of content, in which files are a third longer.
pub const FILE_BYTES_MAX: u64 = 14_000_000;
/// SparkPost's advice is ten connections at most.
pub const IN_FLIGHT_MAX: u16 = 10;

/// Makes the request of one attempt; its body waits for `gate` when its first byte is asked for. `files` are what the mail
/// has attached. `None`: this content is no mail, or refers to what is not stored here.
///
/// Our id is the recipient's `metadata.messageId`, which comes back as `rcpt_meta` in events.
pub fn build_request(
    settings: &SparkPostSettings,
    message: &Outbound<'_>,
    files: &[StoredFile],
    gate: BoxFuture<'static, Result<(), GateRefused>>,
) -> Option<Request> {
    let transmission = Transmission::of(message, files)?;
    let body = serde_json::to_vec(&transmission).ok()?;
    let mut key = HeaderValue::from_str(settings.api_key.expose()).ok()?;
    key.set_sensitive(true);
    let mut request = Request::new(Method::POST, transmissions(&settings.url));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, JSON);
    headers.insert(AUTHORIZATION, key);
    *request.body_mut() = Some(GatedBody::new(Bytes::from(body), gate).into());
    Some(request)
}

fn transmissions(url: &Url) -> Url {
    let mut place = url.clone();
    let has_api = url.path().trim_end_matches('/').ends_with(API);
    if let Ok(mut segments) = place.path_segments_mut() {
        segments.pop_if_empty();
        if !has_api {
            segments.extend(API.split('/'));
        }
        segments.push("transmissions");
    }
    place
}
