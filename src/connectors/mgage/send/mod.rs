//! A text is handed over as a form; the answer is XML. It knows the wire and what an answer means, and nothing of when
//! an attempt is made or made again.

mod answer;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

pub use self::answer::{direct_text, interpret};
use super::settings::{Api, MGageSettings};
use crate::connectors::outbound::Outbound;
use crate::connectors::{authorization, http_sms};
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::Content;

/// Below the service's `url`.
const PATH: [&str; 2] = ["a2w_preRouter", "httpApiRouter"];
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Makes the request of one attempt; its body waits for `gate` when its first byte is asked for. `None`: DirectTEXT has no
/// form for this content.
/// `callback_url` is where Kaleyra.io is to call us, if anybody knows.
///
/// Numbers are digits with their country code, as we keep them. `reporting_key1` is shown in the provider's reports; its
/// receipts do not carry it.
pub fn build_request(
    settings: &MGageSettings,
    message: &Outbound<'_>,
    callback_url: Option<&str>,
    gate: BoxFuture<'static, Result<(), GateRefused>>,
) -> Option<Request> {
    let account = match &settings.api {
        Api::DirectText(account) => account,
        Api::KaleyraIo(account) => {
            let described = account.described(callback_url);
            return http_sms::send::build_request(described, message, callback_url, gate);
        }
    };
    let Content::Text(text) = message.content else {
        return None;
    };
    let body: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("reply_to", message.from.address.as_str())
        .append_pair("recipient", message.to.address.as_str())
        .append_pair("body", text)
        .append_pair("reporting_key1", &message.message_id.to_string())
        .finish();
    let mut request = Request::new(Method::POST, router(&settings.url));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, FORM);
    headers.insert(
        AUTHORIZATION,
        authorization::basic(&account.username, &account.password)?,
    );
    *request.body_mut() = Some(GatedBody::new(Bytes::from(body), gate).into());
    Some(request)
}

/// The address of the form; `url` may already end in its path.
fn router(url: &Url) -> Url {
    let mut router = url.clone();
    if !url.path().trim_end_matches('/').ends_with(&PATH.join("/"))
        && let Ok(mut segments) = router.path_segments_mut()
    {
        segments.pop_if_empty().extend(PATH);
    }
    router
}
