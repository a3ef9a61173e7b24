//! `docs/signature-vectors.json`: what we sign, for others to check their code by.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::*;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/signature-vectors.json");
const SAYS: &str = "What the gateway signs. `secret` is as in `secret.channels[].webhook` of the service `Async`; the body is \
    `body` in UTF-8, or `bodyBase64` decoded, or `bodyRepeated.text` so many `times`. `signedAt` decides which secrets are in force.";
const BEFORE_THE_END: &str = "2026-11-21T12:00:00Z";
const AFTER_THE_END: &str = "2026-12-01T00:00:01Z";

fn bodies() -> Vec<(&'static str, Vec<u8>, Value)> {
    let text = |name, text: &str| (name, text.as_bytes().to_vec(), json!({ "body": text }));
    let bytes = [0, 0xff, 0xfe, b'\r', b'\n', 0x80];
    vec![
        text(
            "a message",
            r#"{"channel":{"id":"0123456789","type":"sms"},"type":"Text","text":"Hi"}"#,
        ),
        text("nothing", ""),
        text(
            "other letters",
            "{\"text\":\"Gr\u{fc}\u{df}e \u{1f642} \\u00e9\"}",
        ),
        text("white space", " {\r\n\t\"text\" : \"Hi\"\n}\n"),
        (
            "bytes that are no text",
            bytes.to_vec(),
            json!({ "bodyBase64": BASE64_STANDARD.encode(bytes) }),
        ),
        (
            "64 KiB",
            vec![b'a'; 65_536],
            json!({ "bodyRepeated": { "text": "a", "times": 65_536 } }),
        ),
    ]
}

fn secrets() -> Vec<(&'static str, Value, &'static str)> {
    let dated = json!([
        { "value": "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXc=" },
        { "value": "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQ=", "notAfter": "2026-12-01T00:00:00Z" },
    ]);
    vec![
        ("a text", json!("a webhook secret"), BEFORE_THE_END),
        (
            "other letters",
            json!("gehe\u{fc}m \u{1f511}"),
            BEFORE_THE_END,
        ),
        (
            "a text that is Base64",
            json!("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            BEFORE_THE_END,
        ),
        (
            "longer than a block",
            json!("0123456789".repeat(13)),
            BEFORE_THE_END,
        ),
        (
            "whsec_",
            json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            BEFORE_THE_END,
        ),
        ("two while both are in force", dated.clone(), BEFORE_THE_END),
        ("two when the old one is over", dated, AFTER_THE_END),
    ]
}

fn vector(
    (secret_name, secret, signed_at): &(&str, Value, &str),
    (body_name, body, shown): (&str, Vec<u8>, Value),
) -> Value {
    let signatures = if secret.to_string().contains("whsec_") {
        json!(["sha1", "sha256", "standard-webhooks"])
    } else {
        json!(["sha1", "sha256"])
    };
    let webhook = json!({ "url": "https://sms.example.com/hook", "signatures": signatures });
    let channel = channel(&webhook, secret);
    let trace = TraceContext::default();
    let call = WebhookCall {
        body: body.into(),
        message_id: "1613474523265-0".parse().unwrap(),
        trace: &trace,
        custom_headers: &[],
        now_ms: crate::platform::clock::unix_ms(signed_at).unwrap(),
    };
    let request = request(&channel, call);
    let mut headers = serde_json::Map::new();
    for name in [
        "X-Hub-Signature",
        "X-Hub-Signature-256",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
    ] {
        if let Some(value) = request.headers().get(name) {
            headers.insert(name.to_owned(), json!(value.to_str().unwrap()));
        }
    }
    let mut vector = json!({
        "name": format!("{body_name}, signed with {secret_name}"),
        "secret": secret, "signedAt": signed_at, "headers": headers,
    });
    for (member, value) in shown.as_object().unwrap() {
        vector[member] = value.clone();
    }
    vector
}

#[test]
fn the_published_vectors_are_what_is_signed() {
    let vectors: Vec<Value> = secrets()
        .iter()
        .flat_map(|secret| {
            bodies()
                .into_iter()
                .map(|body| vector(secret, body))
                .collect::<Vec<_>>()
        })
        .collect();
    let written = json!({ "description": SAYS, "vectors": vectors });
    let published = fs::read_to_string(FILE).unwrap_or_default();
    if serde_json::from_str::<Value>(&published).ok() != Some(written.clone()) {
        let anew = format!("{FILE}.new");
        let text = serde_json::to_string_pretty(&written).unwrap();
        fs::write(&anew, text + "\n").unwrap();
        panic!("docs/signature-vectors.json is not what is signed; {anew} is");
    }
}
