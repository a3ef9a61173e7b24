//! Whoever writes a receiver has its signatures checked here: right, wrong, and why.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use nexus_gateway::simulator::Reply;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, Tenant};

const VERIFY: &str = "/nexus/v3/signatures/verify";
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/signature-vectors.json");

async fn verified(tenant: &Tenant, body: &Value) -> Value {
    let reply = tenant.post(VERIFY, body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()["data"].clone()
}

#[tokio::test]
async fn every_published_vector_is_right() {
    let tenant = TestGateway::start().await.tenant().await;
    let published = std::fs::read_to_string(VECTORS).unwrap();
    let published: Value = serde_json::from_str(&published).unwrap();
    let vectors = published["vectors"].as_array().unwrap();
    assert!(vectors.len() > 30);
    for vector in vectors {
        let secret = &vector["secret"];
        let secrets: Vec<Value> = match secret.as_array() {
            Some(dated) => dated.iter().map(|secret| secret["value"].clone()).collect(),
            None => vec![secret.clone()],
        };
        let mut body = json!({ "headers": vector["headers"], "secrets": secrets });
        if let Some(repeated) = vector["bodyRepeated"].as_object() {
            let times = usize::try_from(repeated["times"].as_u64().unwrap()).unwrap();
            body["body"] = json!(repeated["text"].as_str().unwrap().repeat(times));
        }
        for member in ["body", "bodyBase64"] {
            if let Some(value) = vector.get(member) {
                body[member] = value.clone();
            }
        }
        let said = verified(&tenant, &body).await;
        assert_eq!(said["verdict"], "right", "{}: {said}", vector["name"]);
        let count = said["signatures"].as_array().unwrap().len();
        let headers = vector["headers"].as_object().unwrap();
        assert_eq!(
            count,
            if headers.contains_key("webhook-id") {
                3
            } else {
                2
            }
        );
    }
}

#[tokio::test]
async fn the_usual_mistakes_are_named() {
    let tenant = TestGateway::start().await.tenant().await;
    let key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let sign = |key: &[u8], body: &[u8]| nexus_gateway::auth::signature::sign_sha1(key, body);
    let body = "{ \"a\": 1 }\n";
    let right = sign(key.as_bytes(), body.as_bytes());
    let decoded = BASE64_STANDARD.decode(&key[6..]).unwrap();
    let digest: Vec<u8> = (5..right.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&right[at..at + 2], 16).unwrap())
        .collect();
    for (given, why) in [
        (
            right[5..].to_owned(),
            "the name of the scheme and = are missing in front of it",
        ),
        (
            format!("sha1={}", BASE64_STANDARD.encode(digest)),
            "the digest is in Base64, and has to be hexadecimal",
        ),
        (
            sign(&decoded, body.as_bytes()),
            "the secret was decoded from Base64: its text as it stands is the key",
        ),
        (
            sign(key.as_bytes(), b"{ \"a\": 1 }"),
            "it is that of the body without the white space at its end",
        ),
        (
            sign(key.as_bytes(), b"{\"a\":1}"),
            "it is that of the body written anew from JSON: the bytes that came have to be signed",
        ),
        (
            sign(b"another", body.as_bytes()),
            "no secret gives this signature for this body",
        ),
        (
            "md5=1".to_owned(),
            "it does not begin with the name of its scheme and =",
        ),
    ] {
        let asked =
            json!({ "headers": { "x-hub-signature": given }, "body": body, "secrets": [key] });
        let said = verified(&tenant, &asked).await;
        assert_eq!(said["verdict"], "wrong", "{given}");
        assert_eq!(said["signatures"][0]["why"], why, "{given}");
        assert_eq!(said["signatures"][0]["expected"], right);
    }
    let old = json!({
        "headers": { "webhook-id": "1", "webhook-timestamp": "yesterday", "webhook-signature": "v1,a" }, "body": body, "secrets": [key],
    });
    let said = verified(&tenant, &old).await;
    assert_eq!(
        said["signatures"][0]["why"],
        "webhook-timestamp has to be a number of seconds since 1970"
    );
    let none = json!({ "headers": { "content-type": "application/json" }, "body": body, "secrets": [key] });
    assert_eq!(
        verified(&tenant, &none).await,
        json!({ "verdict": "missing", "signatures": [] })
    );
}

#[tokio::test]
async fn a_channel_s_own_secrets_judge_and_are_not_told() {
    let gateway = TestGateway::start().await;
    let (tenant, other) = (gateway.tenant().await, gateway.tenant().await);
    let id = tenant.send(CONSUMER, "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;
    let [webhook] = gateway.third_party.wait_for(1).await.try_into().unwrap();
    let body = std::str::from_utf8(&webhook.body).unwrap();
    let signature = webhook.header("x-hub-signature").unwrap();
    let asked = |signature: &str, of: &str| json!({ "headers": { "X-Hub-Signature": signature }, "body": body, "channelId": PHONE, "secretOf": of });
    assert_eq!(
        verified(&tenant, &asked(signature, "webhook")).await["verdict"],
        "right"
    );
    let wrong = verified(&tenant, &asked(signature, "api")).await;
    assert_eq!(wrong["verdict"], "wrong");
    let wrong = wrong.to_string();
    assert!(
        !wrong.contains("expected") && !wrong.contains(WEBHOOK_SECRET),
        "{wrong}"
    );

    let theirs = other.post(VERIFY, &asked(signature, "webhook")).await;
    assert_eq!(
        theirs.json()["data"]["verdict"],
        "right",
        "their number has the same secret here"
    );
    for channel in [OTHER_PHONE, "company.com"] {
        let mut asked = asked(signature, "webhook");
        asked["channelId"] = json!(channel);
        let missing: Reply = other.post(VERIFY, &asked).await;
        assert_eq!(missing.status, 404, "{channel}");
    }
    let reader = tenant.limited_to(&["nexus:messages:read"]).await;
    let refused = reader.post(VERIFY, &asked(signature, "webhook")).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn what_cannot_be_checked_is_refused_with_its_place() {
    let tenant = TestGateway::start().await.tenant().await;
    let good = json!({ "headers": {}, "body": "", "secrets": ["s"] });
    for (member, value, path) in [
        ("bodyBase64", json!("aa"), "/body"),
        ("body", Value::Null, "/body"),
        ("secrets", json!([]), "/secrets"),
        ("secrets", Value::Null, "/secrets"),
        ("secretOf", json!("api"), "/secrets"),
        ("channelId", json!(PHONE), "/secrets"),
        ("headers", json!({ "a b": "c" }), "/headers"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = tenant.post(VERIFY, &body).await;
        assert_eq!(refused.status, 422, "{member}: {refused:?}");
        assert_eq!(
            refused.json()["status"]["details"][0]["path"],
            path,
            "{member}"
        );
    }
}
