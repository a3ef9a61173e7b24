//! A text is handed over as the settings describe it. Every value is escaped by whatever writes the part of the request that
//! it stands in: URL, form, JSON and header writers, never by joining texts.

mod answer;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use form_urlencoded::Serializer;
use futures_util::future::BoxFuture;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Request, Url};
use serde_json::Value;
use zeroize::Zeroizing;

pub use self::answer::interpret;
use super::settings::{Authentication, BodyTemplate, HttpSmsSettings, JsonTemplate, RequestRules};
use super::template::{Template, Values};
use crate::connectors::authorization;
use crate::connectors::outbound::Outbound;
use crate::platform::outbound::{GateRefused, GatedBody};
use crate::values::{Content, Encoding, Secret, Segments};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Makes the request of one attempt; its body waits for `gate` when its first byte is asked for. `callback_url` is where the
/// provider is to call us, if anybody knows. `None`: the settings have no form for this content, or name what is not known.
pub fn build_request(
    settings: &HttpSmsSettings,
    message: &Outbound<'_>,
    callback_url: Option<&str>,
    gate: BoxFuture<'static, Result<(), GateRefused>>,
) -> Option<Request> {
    let Content::Text(text) = message.content else {
        return None;
    };
    let rules = &settings.request;
    let encoding = match Segments::measure(text).encoding {
        Encoding::Gsm7 => &rules.encodings.gsm7,
        Encoding::Ucs2 => &rules.encodings.ucs2,
    };
    let values = Values {
        to: message.to.address.as_str(),
        from: message.from.address.as_str(),
        text,
        id: &message.message_id.to_string(),
        encoding,
        callback_url,
    };
    let mut request = Request::new(rules.method.clone(), address(settings, &values)?);
    write_headers(rules, &values, request.headers_mut())?;
    let (content_type, body) = write_body(&rules.body, &values)?;
    request.headers_mut().insert(CONTENT_TYPE, content_type);
    *request.body_mut() = Some(GatedBody::new(Bytes::from(body), gate).into());
    Some(request)
}

/// Below the service's `url`, whose host no value can change.
fn address(settings: &HttpSmsSettings, values: &Values<'_>) -> Option<Url> {
    let mut url = settings.url.clone();
    let rules = &settings.request;
    if !rules.path.is_empty() {
        let mut segments = url.path_segments_mut().ok()?;
        segments.pop_if_empty();
        for template in &rules.path {
            segments.push(&template.render(values)?);
        }
    }
    for (name, template) in &rules.query {
        let value = Zeroizing::new(template.render(values)?);
        url.query_pairs_mut().append_pair(name, &value);
    }
    Some(url)
}

fn write_headers(rules: &RequestRules, values: &Values<'_>, headers: &mut HeaderMap) -> Option<()> {
    for (name, template) in &rules.headers {
        headers.insert(name.clone(), header(template, values)?);
    }
    match &rules.authentication {
        None => {}
        Some(Authentication::Basic { username, password }) => {
            let [username, password] =
                [username, password].map(|template| template.render(values).map(Secret::new));
            headers.insert(AUTHORIZATION, authorization::basic(&username?, &password?)?);
        }
        Some(Authentication::Bearer(token)) => {
            let token = Zeroizing::new(token.render(values)?);
            let text = Zeroizing::new(format!("Bearer {}", token.as_str()));
            let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
    }
    Some(())
}

/// A value that a header cannot carry is none.
fn header(template: &Template, values: &Values<'_>) -> Option<HeaderValue> {
    let text = Zeroizing::new(template.render(values)?);
    let mut value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
    value.set_sensitive(template.is_secret());
    Some(value)
}

fn write_body(body: &BodyTemplate, values: &Values<'_>) -> Option<(HeaderValue, Vec<u8>)> {
    match body {
        BodyTemplate::Form(fields) => {
            let mut form = Serializer::new(String::new());
            for (name, template) in fields {
                form.append_pair(name, &template.render(values)?);
            }
            Some((FORM, form.finish().into_bytes()))
        }
        BodyTemplate::Json(tree) => {
            let document = json(tree, values)?;
            Some((JSON, serde_json::to_vec(&document).ok()?))
        }
    }
}

fn json(tree: &JsonTemplate, values: &Values<'_>) -> Option<Value> {
    Some(match tree {
        JsonTemplate::Fixed(value) => value.clone(),
        JsonTemplate::Text(template) => Value::String(template.render(values)?),
        JsonTemplate::List(items) => {
            let items = items.iter().map(|item| json(item, values));
            Value::Array(items.collect::<Option<_>>()?)
        }
        JsonTemplate::Object(members) => {
            let members = members
                .iter()
                .map(|(name, tree)| Some((name.clone(), json(tree, values)?)));
            Value::Object(members.collect::<Option<_>>()?)
        }
    })
}
