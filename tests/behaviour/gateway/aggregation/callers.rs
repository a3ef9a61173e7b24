//! Who may call for the aggregation service.

use nexus_gateway::simulator::{AggregationClient, ConsumerSms, Reply};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{parked, service, sms, stored};
use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, Tenant};

/// A key for these permissions; `tenant` is its tenant, or `*`.
async fn key(tenant: &Tenant, of: &str, permissions: &[&str]) -> (String, String) {
    let body = json!({ "tenant": of, "name": "service", "permissions": permissions });
    let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
    assert_eq!(made.status, 201, "{:?}", made.json());
    let data = made.json()["data"].clone();
    let text = |name: &str| data[name].as_str().unwrap().to_owned();
    (text("id"), text("key"))
}

/// A message and a receipt, each refused; gives back the refusals.
async fn refused(service: &AggregationClient, headers: HeaderMap) -> [Reply; 2] {
    let message = "type=MO&message_id=1&shortcode=16504661149&phone_number=16505550199&message=Hi";
    let receipt = "type=receipt&message_id=1&message_state=2&result_code=0";
    [
        service
            .post("message", message, headers.clone(), "".into())
            .await
            .unwrap(),
        service
            .post("receipt", receipt, headers, "".into())
            .await
            .unwrap(),
    ]
}

/// Everything that is not a tenant with a live key of it. `disabled` is a key that was switched off.
fn headers_of_nobody(good: &AggregationClient, disabled: &str) -> Vec<HeaderMap> {
    let (user, password) = good.credentials.clone();
    let unknown = Uuid::new_v4().to_string();
    let mut cases: Vec<HeaderMap> = [
        (user.as_str(), ""),
        ("", password.as_str()),
        (&user, &unknown),
        (&user, "secret"),
        (&user, &user),
        (&user, disabled),
        ("nobody", &password),
        (&password, &user),
        (&unknown, &unknown),
    ]
    .into_iter()
    .map(|(user, password)| {
        let caller = AggregationClient::new(&good.base_url, user, password).unwrap();
        caller.authorized()
    })
    .collect();
    let mut key_header = HeaderMap::new();
    key_header.insert("x-api-key", password.parse().unwrap());
    key_header.insert("x-ccid", user.parse().unwrap());
    let mut twice = good.authorized();
    let value = twice[AUTHORIZATION].clone();
    twice.append(AUTHORIZATION, value);
    cases.extend([HeaderMap::new(), key_header, twice]);
    for text in ["Basic", "Basic !", "Bearer abc", "basic OnRlc3Q"] {
        cases.push(HeaderMap::from_iter([(
            AUTHORIZATION,
            HeaderValue::from_static(text),
        )]));
    }
    cases
}

#[tokio::test]
async fn whoever_is_nobody_is_refused_the_same_way_whatever_is_wrong() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ccid = tenant.ccid.to_string();
    let (disabled_id, disabled) = key(&tenant, &ccid, &["nexus:callbacks:write"]).await;
    let path = format!("/nexus/v3/provisioning/apikeys/{disabled_id}");
    let patched = tenant
        .call(
            reqwest::Method::PATCH,
            &path,
            Some(&json!({ "enabled": false })),
        )
        .await;
    assert_eq!(patched.status, 200);
    let good = service(&tenant);

    let mut bodies: Vec<Value> = Vec::new();
    for headers in headers_of_nobody(&good, &disabled) {
        for reply in refused(&good, headers).await {
            assert_eq!(reply.status, 401);
            assert_eq!(
                reply.header("www-authenticate"),
                Some("Basic realm=\"nexus\", charset=\"UTF-8\"")
            );
            bodies.push(reply.json());
        }
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(bodies[0]["status"]["code"], 401);
    assert!(stored(&tenant).await.is_empty());
    assert_eq!(parked(&gateway).await, 0);
}

#[tokio::test]
async fn a_key_without_the_permission_or_the_tenant_is_refused() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let ccid = tenant.ccid.to_string();
    let (_, powerless) = key(
        &tenant,
        &ccid,
        &["nexus:messages:*", "nexus:provisioning:write"],
    )
    .await;
    let base = tenant.base_url.as_str();
    let nowhere = Uuid::new_v4().to_string();
    for (user, password) in [
        (ccid.as_str(), powerless.as_str()),
        (&ccid, neighbour.key.as_str()),
        (&nowhere, &tenant.key),
    ] {
        let caller = AggregationClient::new(base, user, password).unwrap();
        for reply in refused(&caller, caller.authorized()).await {
            assert_eq!(reply.status, 403);
            assert_eq!(reply.json()["status"]["code"], 403);
            assert_eq!(reply.header("www-authenticate"), None);
        }
    }
    let caller = service(&tenant);
    let mut contradicting = caller.authorized();
    contradicting.insert("x-ccid", nowhere.parse().unwrap());
    for reply in refused(&caller, contradicting).await {
        assert_eq!(reply.status, 403);
    }
    assert!(stored(&tenant).await.is_empty());
    assert!(stored(&neighbour).await.is_empty());
    assert_eq!(parked(&gateway).await, 0);
}

#[tokio::test]
async fn a_key_that_may_only_hand_in_is_enough_and_one_of_the_cluster_is_too() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let ccid = tenant.ccid.to_string();
    let (_, narrow) = key(&tenant, &ccid, &["nexus:callbacks:write"]).await;
    let keys = [narrow, gateway.bootstrap_key().to_owned()];
    for (number, password) in keys.iter().enumerate() {
        let caller = AggregationClient::new(&tenant.base_url, &ccid, password).unwrap();
        let id = number.to_string();
        let reply = caller.message(&sms(&id, "Hello")).await.unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
    }
    assert_eq!(stored(&tenant).await.len(), 2);
}

#[tokio::test]
async fn a_number_of_another_tenant_is_no_number() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let path = format!("/nexus/v3/provisioning/senders/{}/chat.Own", neighbour.ccid);
    let options = json!({ "channelId": "18445551212", "channelType": "sms" });
    assert_eq!(neighbour.put(&path, &options).await.status, 201);

    for shortcode in ["18445551212", "18445551213"] {
        let message = ConsumerSms {
            shortcode,
            ..sms("1", "Hello")
        };
        let reply = service(&tenant).message(&message).await.unwrap();
        let status = reply.json()["status"].clone();
        assert_eq!((reply.status, &status["code"]), (400, &json!(530)));
        assert_eq!(status["details"][0]["path"], "/shortcode");
    }
    assert_ne!(PHONE, "18445551212");
    assert!(stored(&tenant).await.is_empty());
    assert!(stored(&neighbour).await.is_empty());
}
