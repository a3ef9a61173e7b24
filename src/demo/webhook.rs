//! The one request that the gateway makes in a flow: the webhook, held against the contract.

use std::io::{self, Write};

use serde_json::Value;

use super::DemoError;
use super::provisioning::CUSTOM_HEADER;
use super::transcript::Transcript;
use crate::simulator::{Received, Signature};

/// What the webhook must carry.
pub(super) struct Expected<'a> {
    /// What its body is like.
    pub(super) like: &'a str,
    pub(super) body: Value,
    pub(super) trace_id: &'a str,
}

pub(super) fn show<Out: Write>(
    request: &Received,
    transcript: &mut Transcript<Out>,
) -> io::Result<()> {
    let names = [
        "Content-Type",
        "X-Hub-Signature",
        "X-B3-TraceId",
        CUSTOM_HEADER.0,
        "User-Agent",
    ];
    let headers = names.map(|name| (name, request.header(name).unwrap_or("(missing)")));
    let first_line = format!("{} {}", request.method, request.uri);
    transcript.wire(&first_line, &headers, &request.json())
}

pub(super) fn check<Out: Write>(
    request: &Received,
    expected: &Expected<'_>,
    transcript: &mut Transcript<Out>,
) -> Result<(), DemoError> {
    let signature = request.signature.as_str();
    transcript.expect(
        "its signature is right for the bytes that came",
        Signature::Good.as_str(),
        signature,
    )?;
    let what = format!("its body is {}", expected.like);
    transcript.expect(&what, expected.body.clone(), request.json())?;
    transcript.expect(
        "its content type is JSON",
        "application/json",
        request.header("content-type"),
    )?;
    let trace_id = request.header("x-b3-traceid").unwrap_or_default();
    let goes_on = plain(trace_id) == plain(expected.trace_id);
    transcript.expect_that(
        "the agent's trace goes on",
        goes_on,
        expected.trace_id,
        trace_id,
    )?;
    let (name, value) = CUSTOM_HEADER;
    transcript.expect(
        "the sender's own header is there",
        value,
        request.header(name),
    )?;
    let agent = request.header("user-agent").unwrap_or("no user agent");
    let is_ours = agent.starts_with("nexus-gateway/");
    transcript.expect_that(
        "the gateway says who it is",
        is_ours,
        "nexus-gateway/<version>",
        agent,
    )
}

/// A trace id without its dashes, which are one way to write it.
fn plain(trace_id: &str) -> String {
    trace_id.replace('-', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use hyper::{HeaderMap, Method, Uri};
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::simulator::Envelope;

    fn body() -> Value {
        json!({ "channel": { "messageId": "1613474523265-0" }, "type": "Text", "text": "Good day" })
    }

    fn request() -> Received {
        let mut headers = HeaderMap::new();
        let pairs = [
            ("content-type", "application/json"),
            ("x-b3-traceid", "05bb858a34684c82a8ce3b1a9c4e4b67"),
            (CUSTOM_HEADER.0, CUSTOM_HEADER.1),
            ("user-agent", "nexus-gateway/0.1.0"),
        ];
        for (name, value) in pairs {
            headers.insert(name, HeaderValue::from_static(value));
        }
        Received {
            number: 1,
            at: Instant::now(),
            method: Method::POST,
            uri: Uri::from_static("/webhook"),
            headers,
            body: body().to_string().into(),
            signature: Signature::Good,
            envelope: Envelope::default(),
        }
    }

    fn difference(request: &Received) -> Option<String> {
        let mut transcript = Transcript::new(Vec::new(), false);
        let expected = Expected {
            like: "a webhook",
            body: body(),
            trace_id: "05bb858a-3468-4c82-a8ce-3b1a9c4e4b67",
        };
        check(request, &expected, &mut transcript)
            .err()
            .map(|differs| differs.to_string())
    }

    #[test]
    fn a_webhook_as_the_contract_says_passes() {
        assert_eq!(difference(&request()), None);
    }

    #[test]
    fn each_thing_that_differs_is_named() {
        let mut unsigned = request();
        unsigned.signature = Signature::Refused;
        assert!(difference(&unsigned).unwrap().contains("signature"));

        let mut other_body = request();
        other_body.body = "{}".into();
        assert!(difference(&other_body).unwrap().contains("body"));

        for name in [
            "content-type",
            "x-b3-traceid",
            CUSTOM_HEADER.0,
            "user-agent",
        ] {
            let mut without = request();
            without.headers.remove(name);
            assert!(
                difference(&without).is_some(),
                "a webhook without {name} passed"
            );
        }
    }
}
