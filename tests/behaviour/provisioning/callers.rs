//! Who is let in, and for whom.

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::get;
use nexus_gateway::auth::TenantCaller;
use reqwest::Method;
use serde_json::json;
use tower::ServiceExt;

use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, new_ccid};
use crate::provisioning::replica::Deployment;

const WRONG_KEYS: [&str; 5] = [
    "",
    "not-a-key",
    "9b7682b7cbce422f9bbbecda85e61695",
    "{9b7682b7-cbce-422f-9bbb-ecda85e61695}",
    "9b7682b7-cbce-422f-9bbb-ecda85e61695",
];

#[tokio::test]
async fn without_a_live_key_every_call_gets_the_same_401() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let missing = Holder::anonymous(&gateway).get("apikeys").await;
    missing.refused(401);
    for wrong in WRONG_KEYS {
        assert_eq!(
            operator
                .with_key(wrong)
                .get("apikeys")
                .await
                .refused(401)
                .body,
            missing.body,
            "{wrong}"
        );
    }
    let disabled = operator
        .post("apikeys", &json!({ "tenant": "*", "name": "off", "permissions": ["nexus:cluster:*"], "enabled": false }))
        .await;
    let key = disabled.accepted(201).data()["key"].as_str().unwrap();
    assert_eq!(
        operator
            .with_key(key)
            .get("apikeys")
            .await
            .refused(401)
            .body,
        missing.body
    );
    let twice = [("x-api-key", gateway.bootstrap_key())];
    let repeated = operator.call(Method::GET, "apikeys", None, &twice).await;
    assert_eq!(repeated.refused(401).body, missing.body);
}

#[tokio::test]
async fn a_key_does_only_what_its_permissions_say() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let reader = operator
        .tenant_key(&ccid, &["nexus:provisioning:read"])
        .await;
    reader.get(&format!("services/{ccid}")).await.accepted(200);
    reader.get(&format!("senders/{ccid}")).await.accepted(200);
    reader
        .put(
            &format!("services/{ccid}/SMS"),
            &json!({ "data": {}, "secret": {} }),
        )
        .await
        .refused(403);
    reader
        .delete(&format!("services/{ccid}/SMS"))
        .await
        .refused(403);
    reader
        .put(
            &format!("senders/{ccid}/chat.a"),
            &json!({ "channelId": "1234" }),
        )
        .await
        .refused(403);
    reader
        .delete(&format!("senders/{ccid}/chat.a"))
        .await
        .refused(403);
    reader.get("apikeys").await.refused(403);
    let writer = operator
        .tenant_key(&ccid, &["nexus:provisioning:write"])
        .await;
    writer.get(&format!("services/{ccid}")).await.refused(403);
    writer
        .put(
            &format!("services/{ccid}/SMS"),
            &json!({ "data": {}, "secret": {} }),
        )
        .await
        .accepted(201);
}

#[tokio::test]
async fn calls_outside_provisioning_name_their_tenant_in_a_header() {
    let deployment = Deployment::start().await;
    let replica = deployment.replica().await;
    let mine = new_ccid();
    let body = json!({ "tenant": mine, "name": "n", "permissions": ["nexus:events:read"] });
    let made = replica.post("apikeys", &body).await;
    let key = made["data"]["key"].as_str().unwrap();
    let whoever = async |caller: TenantCaller| caller.ccid.to_string();
    let router: Router = Router::new()
        .route("/whoami", get(whoever))
        .with_state(replica.state.clone());
    let status = async |key: &str, tenants: &[&str]| {
        let mut request = Request::get("/whoami").header("x-api-key", key);
        for tenant in tenants {
            request = request.header("x-ccid", *tenant);
        }
        let request = request.body(Body::empty()).unwrap();
        router
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .status()
            .as_u16()
    };

    assert_eq!(status(key, &[&mine]).await, 200);
    assert_eq!(status(&deployment.bootstrap_key, &[&mine]).await, 200);
    assert_eq!(status(key, &[&new_ccid()]).await, 403);
    assert_eq!(status(key, &[]).await, 400);
    assert_eq!(status(key, &["*"]).await, 400);
    assert_eq!(status(key, &[&mine, &mine]).await, 400);
    // Who is not known learns nothing else.
    assert_eq!(status(&new_ccid(), &[]).await, 401);
}
