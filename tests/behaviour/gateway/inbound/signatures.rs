//! Who may speak for a channel: whoever signs with its secret.

use nexus_gateway::auth::signature::{sign_sha1, sign_sha256};
use nexus_gateway::simulator::text_message;
use reqwest::header::HeaderMap;
use serde_json::json;
use uuid::Uuid;

use super::{ids, post, stored};
use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

const SHA1: &str = "x-hub-signature";
const SHA256: &str = "x-hub-signature-256";

fn body() -> String {
    json!({ "messages": [text_message(CONSUMER, PHONE, "1", "Hello")] }).to_string()
}

/// The tenant's id and these signatures.
fn signed(tenant: &Tenant, signatures: &[(&'static str, String)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    for (name, value) in signatures {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn path(channel_id: &str) -> String {
    format!("/nexus/v3/channels/{channel_id}/messages")
}

#[tokio::test]
async fn every_right_signature_opens_the_door() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let key = tenant.third_party.api_secret.as_bytes();
    let body = body();
    let (sha1, sha256) = (
        sign_sha1(key, body.as_bytes()),
        sign_sha256(key, body.as_bytes()),
    );
    let upper_case = sha1[5..].to_uppercase();
    let mut answered = Vec::new();
    for signatures in [
        vec![(SHA1, sha1.clone())],
        vec![(SHA256, sha256.clone())],
        vec![(SHA1, sha1), (SHA256, sha256)],
        vec![(SHA1, format!("sha1={upper_case}"))],
    ] {
        let headers = signed(&tenant, &signatures);
        answered.push(ids(
            &post(&tenant, &path(PHONE), headers, body.clone()).await
        ));
    }
    answered.dedup();
    assert_eq!(answered.len(), 1, "it is one message throughout");
}

/// Every way not to sign the body for this tenant.
fn wrong_signatures(
    tenant: &Tenant,
    neighbour: &Tenant,
    body: &str,
) -> Vec<Vec<(&'static str, String)>> {
    let key = tenant.third_party.api_secret.as_bytes();
    let sha1 = |key: &[u8]| sign_sha1(key, body.as_bytes());
    let sha256 = |key: &[u8]| sign_sha256(key, body.as_bytes());
    let (right, right_256) = (sha1(key), sha256(key));
    let digits = right[5..].to_owned();
    let alone = [
        sha1(b"another secret"),
        sha1(WEBHOOK_SECRET.as_bytes()),
        sha1(neighbour.third_party.api_secret.as_bytes()),
        sha1(b""),
        sign_sha1(key, b"another body"),
        digits.clone(),
        format!("SHA1={digits}"),
        format!("sha1= {digits}"),
        right[..right.len() - 1].to_owned(),
        format!("{right}0"),
        "sha1=".to_owned(),
        right_256.clone(),
        format!("{right}, {right}"),
    ];
    let mut wrong: Vec<_> = alone.into_iter().map(|value| vec![(SHA1, value)]).collect();
    wrong.push(vec![]);
    wrong.push(vec![(SHA256, right.clone())]);
    wrong.push(vec![(SHA1, right.clone()), (SHA1, right.clone())]);
    wrong.push(vec![(SHA1, right), (SHA256, sha256(b"wrong"))]);
    wrong.push(vec![(SHA1, sha1(b"wrong")), (SHA256, right_256)]);
    wrong
}

#[tokio::test]
async fn whoever_does_not_sign_rightly_is_refused_and_cannot_tell_why() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let body = body();
    let mut replies = Vec::new();
    for signatures in wrong_signatures(&tenant, &neighbour, &body) {
        let headers = signed(&tenant, &signatures);
        replies.push(post(&tenant, &path(PHONE), headers, body.clone()).await);
    }

    let key = tenant.third_party.api_secret.as_bytes();
    let right = [(SHA1, sign_sha1(key, body.as_bytes()))];
    for channel_id in ["16504661150", "company.com", "no channel"] {
        let headers = signed(&tenant, &right);
        replies.push(post(&tenant, &path(channel_id), headers, body.clone()).await);
    }
    let own = tenant.ccid.to_string();
    let (stranger, neighbour) = (Uuid::new_v4().to_string(), neighbour.ccid.to_string());
    for named in [
        vec![],
        vec![stranger],
        vec![neighbour],
        vec!["?".to_owned()],
        vec![own; 2],
    ] {
        let mut headers = signed(&tenant, &right);
        headers.remove("x-ccid");
        for ccid in &named {
            headers.append("x-ccid", ccid.parse().unwrap());
        }
        replies.push(post(&tenant, &path(PHONE), headers, body.clone()).await);
    }

    let mut refusals: Vec<_> = replies
        .iter()
        .map(|reply| (reply.status, reply.json()))
        .collect();
    assert_eq!(refusals.len(), 26);
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let (status, refusal) = &refusals[0];
    assert_eq!((*status, &refusal["status"]["code"]), (401, &json!(401)));
    assert_eq!(refusal.get("data"), None);
    assert!(stored(&tenant).await.is_empty());
}

/// Saves the channel anew with this as its `api`.
async fn save_api(gateway: &TestGateway, tenant: &Tenant, api: &serde_json::Value) {
    let service = json!({
        "data": { "channels": [
            { "channelId": PHONE, "webhook": { "url": gateway.third_party.url() }, "api": api },
        ] },
        "secret": { "channels": [{
            "channelId": PHONE,
            "webhook": { "secret": WEBHOOK_SECRET },
            "api": { "secret": tenant.third_party.api_secret },
        }] },
    });
    let place = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    let saved = tenant.put(&place, &service).await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
}

#[tokio::test]
async fn a_channel_that_takes_sha256_only_refuses_sha1_as_it_refuses_a_stranger() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let key = tenant.third_party.api_secret.as_bytes();
    let sha1 = || (SHA1, sign_sha1(key, body().as_bytes()));
    let sha256 = || (SHA256, sign_sha256(key, body().as_bytes()));
    let wrong_sha1 = (SHA1, sign_sha1(b"wrong", body().as_bytes()));
    let answer_to = async |channel_id: &str, signatures: &[(&'static str, String)]| {
        let headers = signed(&tenant, signatures);
        post(&tenant, &path(channel_id), headers, body()).await
    };
    save_api(&gateway, &tenant, &json!({ "signatures": ["sha256"] })).await;

    let refused = [
        answer_to(PHONE, &[sha1()]).await,
        answer_to(PHONE, &[wrong_sha1, sha256()]).await,
        answer_to(PHONE, &[]).await,
        answer_to("16504661150", &[sha256()]).await,
    ];
    let mut refused: Vec<_> = refused
        .iter()
        .map(|reply| (reply.status, reply.json()))
        .collect();
    refused.dedup();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, 401);
    assert!(stored(&tenant).await.is_empty());

    assert_eq!(answer_to(PHONE, &[sha256()]).await.status, 200);
    assert_eq!(answer_to(PHONE, &[sha1(), sha256()]).await.status, 200);
    save_api(&gateway, &tenant, &json!({})).await;
    assert_eq!(answer_to(PHONE, &[sha1()]).await.status, 200);
}

#[tokio::test]
async fn standard_webhooks_open_no_door_of_ours() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let headers = signed(
        &tenant,
        &[
            ("webhook-id", "1-0".to_owned()),
            ("webhook-timestamp", "1795521600".to_owned()),
            ("webhook-signature", "v1,AAAA".to_owned()),
        ],
    );
    let reply = post(&tenant, &path(PHONE), headers, body()).await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn a_replaced_secret_verifies_until_its_end_and_the_new_one_at_once() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let old = tenant.third_party.api_secret.clone();
    let end = gateway.clock.now_ms() + 60_000;
    let not_after = nexus_gateway::platform::clock::rfc3339(end);
    let service = json!({
        "data": { "channels": [{ "channelId": PHONE, "webhook": { "url": gateway.third_party.url() } }] },
        "secret": { "channels": [{
            "channelId": PHONE,
            "webhook": { "secret": WEBHOOK_SECRET },
            "api": { "secret": [{ "value": "new" }, { "value": old, "notAfter": not_after }] },
        }] },
    });
    let saved = tenant
        .put(
            &format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid),
            &service,
        )
        .await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
    let status_with = async |key: &str| {
        let headers = signed(
            &tenant,
            &[(SHA1, sign_sha1(key.as_bytes(), body().as_bytes()))],
        );
        post(&tenant, &path(PHONE), headers, body()).await.status
    };

    assert_eq!(status_with("new").await, 200);
    assert_eq!(status_with(&old).await, 200);
    gateway.clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(status_with("new").await, 200);
    assert_eq!(status_with(&old).await, 401);
}
