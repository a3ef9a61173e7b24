//! What proves that a webhook is ours.

use super::*;
use crate::values::Secret;

#[test]
fn a_request_is_signed_with_every_scheme_that_the_channel_names() {
    let webhook = json!({ "url": "https://company.com/", "signatures": ["sha256"] });
    let request_256 = request(&channel(&webhook, &json!("key")), call("{}"));
    assert!(!request_256.headers().contains_key(SHA1_HEADER));
    assert_eq!(
        request_256.headers()[SHA256_HEADER],
        sign_sha256(b"key", b"{}")
    );

    let webhook = json!({ "url": "https://company.com/", "signatures": ["sha1", "sha256"] });
    let both = request(&channel(&webhook, &json!("key")), call("{}"));
    assert_eq!(both.headers()[SHA1_HEADER], sign_sha1(b"key", b"{}"));
    assert_eq!(both.headers()[SHA256_HEADER], sign_sha256(b"key", b"{}"));
}

/// "the key" in base64.
const STANDARD_SECRET: &str = "whsec_dGhlIGtleQ==";

/// The signatures were computed with Python's `hmac`.
#[test]
fn every_signature_at_once_looks_like_this() {
    let webhook = json!({
        "url": "https://company.com/", "signatures": ["standard-webhooks", "sha256", "sha1"],
    });
    let request = request(
        &channel(&webhook, &json!(STANDARD_SECRET)),
        WebhookCall {
            now_ms: NOW_MS + 999,
            ..call(r#"{"messageId":"1613474523265-0"}"#)
        },
    );
    let mut headers: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    insta::assert_snapshot!(headers.join("\n"), @r"
    content-type: application/json
    webhook-id: 1613474523265-0
    webhook-signature: v1,ej9daD36FanBFLEItparcbfL+nIYRyKIAi7Uh8VFn7g=
    webhook-timestamp: 1795521600
    x-hub-signature-256: sha256=03b320d5f5b55287e9df5846e8fd06c5d95af1fcfb054e97baec1aba7cae83e2
    x-hub-signature: sha1=4113f59eb65c25ac52166b0df5f71fe0d03eff5f
    ");
}

#[test]
fn a_standard_webhook_is_signed_with_every_secret_in_force() {
    let secret = |key: &str| format!("whsec_{key}");
    let secrets = json!([
        { "value": secret("YQ=="), "notAfter": "2026-11-24T11:59:59.999Z" },
        { "value": secret("Yg=="), "notAfter": "2026-11-24T12:00:00Z" },
        { "value": secret("Yw=="), "notAfter": "2026-11-24T12:00:00Z" },
    ]);
    let webhook = json!({ "url": "https://company.com/", "signatures": ["standard-webhooks"] });
    let channel = channel(&webhook, &secrets);
    let signed = |now_ms: i64| {
        let call = WebhookCall {
            now_ms,
            ..call("{}")
        };
        let request = request(&channel, call);
        let header = |name| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header(standard_webhooks::ID_HEADER), "1613474523265-0");
        let timestamp = header(standard_webhooks::TIMESTAMP_HEADER);
        assert_eq!(timestamp, (now_ms / 1_000).to_string());
        header(standard_webhooks::SIGNATURE_HEADER)
    };
    let by = |keys: &[&str], now_ms: i64| {
        let sign = |key: &&str| {
            let key = WebhookKey::read(&Secret::new(secret(key))).unwrap();
            key.sign("1613474523265-0", now_ms / 1_000, b"{}")
        };
        keys.iter().map(sign).collect::<Vec<_>>().join(" ")
    };
    let cases = [
        (NOW_MS - 1, &["YQ==", "Yg==", "Yw=="][..]),
        (NOW_MS, &["Yg==", "Yw=="]),
        // All have run out: better one that may be refused than none.
        (NOW_MS + 1, &["YQ=="]),
    ];
    for (now_ms, keys) in cases {
        assert_eq!(signed(now_ms), by(keys, now_ms));
    }
}

#[test]
fn a_request_is_signed_with_the_first_secret_in_force() {
    let secrets = json!([
        { "value": "ended", "notAfter": "2026-11-24T11:59:59.999Z" },
        { "value": "ending", "notAfter": "2026-11-24T12:00:00Z" },
        { "value": "lasting" },
    ]);
    let channel = channel(&json!({ "url": "https://company.com/" }), &secrets);
    let signed = |now_ms| {
        let call = WebhookCall {
            now_ms,
            ..call("{}")
        };
        request(&channel, call).headers()[SHA1_HEADER].clone()
    };
    assert_eq!(signed(NOW_MS - 1), sign_sha1(b"ended", b"{}"));
    assert_eq!(signed(NOW_MS), sign_sha1(b"ending", b"{}"));
    assert_eq!(signed(NOW_MS + 1), sign_sha1(b"lasting", b"{}"));
}
