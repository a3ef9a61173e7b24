//! Services of a tenant.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, PHONE, async_service, new_ccid};

#[tokio::test]
async fn the_vendors_bodies_are_taken_as_printed_and_again() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let bodies = [
        ("Async", async_service(PHONE)),
        (
            "SMS",
            json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} }),
        ),
        (
            "SMS",
            json!({ "url": "N/A", "data": { "provider": "mGage" }, "secret": {} }),
        ),
        (
            "SMS",
            json!({ "url": "N/A", "secret": {}, "data": { "tokenProvider": "Purecloud" } }),
        ),
        (
            "Email",
            json!({ "url": "N/A", "secret": {}, "data": { "provider": "SparkPost" } }),
        ),
    ];
    let mut seen = Vec::new();
    for (name, body) in bodies {
        let place = format!("services/{ccid}/{name}");
        let status = if seen.contains(&name) { 200 } else { 201 };
        let made = operator.post(&place, &body).await;
        assert_eq!(made.accepted(status).data()["data"], body["data"]);
        assert_eq!(made.data()["ccid"], ccid.as_str());
        assert_eq!(made.data()["name"], name);
        operator.put(&place, &body).await.accepted(200);
        assert_eq!(
            operator.get(&place).await.accepted(200).data()["data"],
            body["data"]
        );
        seen.push(name);
    }
    let listed = operator.get(&format!("services/{ccid}")).await;
    let items = listed.accepted(200).data()["items"].as_array().unwrap();
    let names: Vec<&str> = items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Async", "Email", "SMS"]);
}

#[tokio::test]
async fn secrets_are_never_shown_and_a_mask_keeps_them() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    let made = operator.put(&place, &async_service(PHONE)).await;
    let masked = json!({ "channels": [{ "channelId": PHONE, "webhook": { "secret": "********" }, "api": { "secret": "********" } }] });
    assert_eq!(made.accepted(201).data()["secret"], masked);
    for shown in [
        operator.get(&place).await,
        operator.get(place.trim_end_matches("/Async")).await,
    ] {
        assert!(
            !shown.accepted(200).body.to_string().contains("-key"),
            "{}",
            shown.body
        );
    }
    let echo = json!({ "data": made.data()["data"], "secret": masked });
    operator.put(&place, &echo).await.accepted(200);
    // The channel's own name is no secret: without what is stored for it a mask keeps nothing.
    let other = async_service("5550100");
    let mut with_mask = other.clone();
    with_mask["secret"]["channels"][0]["api"]["secret"] = json!("********");
    operator
        .put(&place, &with_mask)
        .await
        .refused_at(&["/secret/channels/0/api/secret"]);
    let kept = operator.get(&place).await;
    assert_eq!(
        kept.data()["data"]["channels"][0]["channelId"],
        PHONE,
        "a refused change has changed nothing"
    );
}

#[tokio::test]
async fn a_mask_with_nothing_stored_is_refused_and_stores_nothing() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    let mut body = async_service(PHONE);
    body["secret"]["channels"][0]["webhook"]["secret"] = json!("********");
    operator
        .put(&place, &body)
        .await
        .refused_at(&["/secret/channels/0/webhook/secret"]);
    operator.get(&place).await.refused(404);
}

#[tokio::test]
async fn what_a_service_cannot_mean_is_named_with_its_place() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let with_data = |data: Value| json!({ "data": data, "secret": {} });
    let cases = [
        (
            "SMS",
            with_data(json!({ "provider": "Pigeon" })),
            "/data/provider",
        ),
        (
            "SMS",
            with_data(json!({ "provider": "SparkPost" })),
            "/data/provider",
        ),
        (
            "SMS",
            with_data(json!({ "provder": "Async" })),
            "/data/provder",
        ),
        ("SMS", with_data(json!("Async")), "/data"),
        (
            "SMS",
            json!({ "data": {}, "secret": { "apikey": "x" } }),
            "/secret/apikey",
        ),
        (
            "SMS",
            json!({ "data": {}, "secret": {}, "comment": "hi" }),
            "/comment",
        ),
        ("SMS", json!({ "data": {}, "secret": {}, "url": 5 }), "/url"),
        ("SMS", json!({ "data": {} }), "/secret"),
        (
            "Email",
            with_data(json!({ "defaultSender": PHONE })),
            "/data/defaultSender",
        ),
    ];
    for (name, body, place) in cases {
        let refused = operator
            .put(&format!("services/{ccid}/{name}"), &body)
            .await;
        refused.refused_at(&[place]);
    }
    let stored = operator.get(&format!("services/{ccid}")).await;
    assert_eq!(stored.accepted(200).data()["items"], json!([]));
}

#[tokio::test]
async fn what_a_channel_cannot_mean_is_named_with_its_place() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let service = format!("services/{}/Async", new_ccid());
    for (pointer, value) in [
        ("/data/channels/0/webhook/timeoutSecond", json!(5)),
        ("/data/channels/0/webhook/timeoutSeconds", json!(11)),
        ("/data/channels/0/webhook/signatures", json!(["md5"])),
        ("/data/channels/0/webhook/signatures", json!([])),
        (
            "/data/channels/0/api/signatures",
            json!(["standard-webhooks"]),
        ),
        ("/data/channels/0/webhook/retry", json!({ "attempts": 3 })),
        ("/secret/channels/0/api/secret", json!("")),
    ] {
        let mut body = async_service(PHONE);
        body["data"]["channels"][0]["api"] = json!({});
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[member] = value;
        operator.put(&service, &body).await.refused_at(&[pointer]);
    }
    let mut nobody = async_service(PHONE);
    nobody["data"]["channels"][0]["channelId"] = json!("a phone");
    operator.put(&service, &nobody).await.refused(422);
    operator.get(&service).await.refused(404);
}

#[tokio::test]
async fn standard_webhooks_want_a_secret_of_their_own_form() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let service = format!("services/{}/Async", new_ccid());
    let mut body = async_service(PHONE);
    body["data"]["channels"][0]["webhook"]["signatures"] = json!(["sha1", "standard-webhooks"]);
    let place = "/secret/channels/0/webhook/secret";
    for secret in ["a secret", "whsec_", "whsec_???"] {
        *body.pointer_mut(place).unwrap() = json!(secret);
        let refused = operator.put(&service, &body).await;
        refused.refused_at(&[place]);
    }
    *body.pointer_mut(place).unwrap() = json!("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    operator.put(&service, &body).await.accepted(201);
    // The mask stands for what is stored, and so has the right form.
    *body.pointer_mut(place).unwrap() = json!("********");
    operator.put(&service, &body).await.accepted(200);
}

#[tokio::test]
async fn a_channel_is_listed_once_and_with_its_secrets() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    let twice = |document: &str| {
        let mut body = async_service(PHONE);
        let mut again = body[document]["channels"][0].clone();
        // The same channel in another spelling.
        again["channelId"] = json!("+1 650 466-1149");
        body[document]["channels"]
            .as_array_mut()
            .unwrap()
            .push(again);
        body
    };
    operator.put(&place, &twice("data")).await.refused(422);
    operator.put(&place, &twice("secret")).await.refused(422);
    for missing in ["webhook", "api"] {
        let mut body = async_service(PHONE);
        body["secret"]["channels"][0]
            .as_object_mut()
            .unwrap()
            .remove(missing);
        operator.put(&place, &body).await.refused(422);
    }
}

#[tokio::test]
async fn webhooks_lead_out_of_the_house_only() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    for url in [
        "https://10.1.2.3/hook",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00::1]/",
        "http://0xa010203/",
        "https://user:password@company.com/",
        "ftp://company.com/",
        "",
    ] {
        let mut body = async_service(PHONE);
        body["data"]["channels"][0]["webhook"]["url"] = json!(url);
        operator
            .put(&place, &body)
            .await
            .refused_at(&["/data/channels/0/webhook/url"]);
    }
    let mut without_scheme = async_service(PHONE);
    without_scheme["data"]["channels"][0]["webhook"]["url"] =
        json!("genesys-webhook.company.com/hook");
    operator.put(&place, &without_scheme).await.accepted(201);
}

#[tokio::test]
async fn an_unknown_service_is_refused_with_the_names_there_are() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let refused = operator
        .post(
            &format!("services/{ccid}/Pigeon"),
            &json!({ "data": {}, "secret": {} }),
        )
        .await;
    let message = refused.refused(422).body["status"]["message"]
        .as_str()
        .unwrap();
    for name in [
        "SMS",
        "Email",
        "Async",
        "mGageSMS",
        "SparkPostEmail",
        "PurecloudIDP",
        "PorticoSMS",
        "PorticoEmail",
        "OpenMessaging",
        "HttpSms",
    ] {
        assert!(message.contains(name), "{message}");
    }
    operator
        .get(&format!("services/{ccid}/Pigeon"))
        .await
        .refused(404);
    operator
        .delete(&format!("services/{ccid}/Pigeon"))
        .await
        .refused(404);
}

#[tokio::test]
async fn a_deleted_service_is_gone_and_can_come_again() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    operator.get(&place).await.refused(404);
    operator.delete(&place).await.refused(404);
    operator
        .put(&place, &async_service(PHONE))
        .await
        .accepted(201);
    let gone = operator.delete(&place).await;
    assert!(gone.accepted(200).body.get("data").is_none());
    operator.get(&place).await.refused(404);
    operator
        .put(&place, &async_service(PHONE))
        .await
        .accepted(201);
}

#[tokio::test]
async fn two_tenants_do_not_see_each_other() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let (mine, theirs) = (new_ccid(), new_ccid());
    let keeper = operator.tenant_key(&mine, &["nexus:provisioning:*"]).await;
    operator
        .put(&format!("services/{theirs}/Async"), &async_service(PHONE))
        .await
        .accepted(201);
    keeper.get(&format!("services/{theirs}")).await.refused(403);
    keeper
        .get(&format!("services/{theirs}/Async"))
        .await
        .refused(403);
    keeper
        .put(&format!("services/{theirs}/Async"), &async_service(PHONE))
        .await
        .refused(403);
    keeper
        .delete(&format!("services/{theirs}/Async"))
        .await
        .refused(403);
    // The same channel in both: each has its own.
    keeper
        .get(&format!("services/{mine}/Async"))
        .await
        .refused(404);
    keeper
        .put(&format!("services/{mine}/Async"), &async_service(PHONE))
        .await
        .accepted(201);
    keeper
        .delete(&format!("services/{mine}/Async"))
        .await
        .accepted(200);
    operator
        .get(&format!("services/{theirs}/Async"))
        .await
        .accepted(200);
}

#[tokio::test]
async fn the_tenants_header_may_be_left_out_but_must_agree() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let with_header = |value: String| {
        let (operator, place) = (operator.clone(), format!("services/{ccid}"));
        async move {
            operator
                .call(Method::GET, &place, None, &[("x-ccid", &value)])
                .await
        }
    };
    with_header(ccid.clone()).await.accepted(200);
    with_header(ccid.to_uppercase()).await.accepted(200);
    with_header(new_ccid()).await.refused(403);
    assert_eq!(with_header("acme".to_owned()).await.status, 400);
    assert_eq!(operator.get("services/acme").await.status, 400);
}

#[tokio::test]
async fn a_rotation_keeps_the_old_secret_behind_a_mask() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("services/{}/Async", new_ccid());
    operator
        .put(&place, &async_service(PHONE))
        .await
        .accepted(201);
    let mut rotated = async_service(PHONE);
    let both = json!([{ "value": "next-key" }, { "value": "********", "notAfter": "2099-01-01T00:00:00Z" }]);
    rotated["secret"]["channels"][0]["api"]["secret"] = both;
    let answer = operator.put(&place, &rotated).await;
    assert_eq!(
        answer.accepted(200).data()["secret"]["channels"][0]["api"]["secret"],
        json!([{ "value": "********" }, { "value": "********", "notAfter": "2099-01-01T00:00:00Z" }])
    );
}
