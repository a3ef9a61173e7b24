//! Numbers of the aggregation service: seen and ordered with the tenant's own client, once.

use nexus_gateway::simulator::{AggregationClient, ConsumerSms, Switches};
use serde_json::{Value, json};

use super::carrier::{PORTICO_SMS, Site};
use crate::harness::gateway::PUBLIC_URL;
use crate::harness::tenant::CONSUMER;

const NUMBER: &str = "18445551212";

fn numbers(site: &Site) -> String {
    format!("/nexus/v3/provisioning/numbers/{}", site.tenant.ccid)
}

fn order() -> Value {
    json!([{ "tollfreeNumber": format!("+{NUMBER}"), "comment": "Nexus Premise ACME Corp" }])
}

/// How many API keys the tenant has.
async fn keys(site: &Site) -> usize {
    let reply = site.tenant.get("/nexus/v3/provisioning/apikeys").await;
    reply.json()["data"]["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn an_order_says_where_to_call_with_a_key_that_opens_nothing_else() {
    let site = PORTICO_SMS.site().await;
    let found = site
        .tenant
        .get(&format!("{}/available?numberOfResults=3", numbers(&site)))
        .await;
    let found = found.json()["data"]["entities"].clone();
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");

    let ordered = site.tenant.post(&numbers(&site), &order()).await;
    assert_eq!(ordered.status, 200, "{ordered:?}");
    assert!(ordered.json()["data"]["orderId"].is_string(), "{ordered:?}");
    let [told] = site.organization().orders().try_into().unwrap();
    let password = told["webhookPassword"].as_str().unwrap().to_owned();
    assert_eq!(
        told,
        json!({
            "tollfreeNumber": NUMBER, "comment": "Nexus Premise ACME Corp",
            "moUrl": format!("{PUBLIC_URL}/nexus/v3/sms/message"),
            "drUrl": format!("{PUBLIC_URL}/nexus/v3/sms/receipt"),
            "webhookUsername": site.tenant.ccid, "webhookPassword": password,
        })
    );
    let listed = site.tenant.get(&numbers(&site)).await.json();
    assert_eq!(listed["data"]["entities"][0]["tollfreeNumber"], NUMBER);
    assert!(!listed.to_string().contains(&password));

    let (ccid, base_url) = (site.tenant.ccid.to_string(), &site.tenant.base_url);
    let service = AggregationClient::new(base_url, &ccid, &password).unwrap();
    let sms = ConsumerSms {
        message_id: "7",
        shortcode: NUMBER,
        phone_number: CONSUMER,
        message: "Hello",
    };
    assert_eq!(service.message(&sms).await.unwrap().status, 200);
    let mut stranger = site.tenant.clone();
    stranger.key = password;
    assert_eq!(stranger.get("/nexus/v3/messages").await.status, 403);
}

#[tokio::test]
async fn the_same_order_under_the_same_key_is_made_once() {
    let site = PORTICO_SMS.site().await;
    let path = numbers(&site);
    let first = site.tenant.post_once("order-1", &path, &order()).await;
    let second = site.tenant.post_once("order-1", &path, &order()).await;
    assert_eq!((first.status, second.status), (200, 200), "{second:?}");
    assert_eq!(first.json(), second.json());
    assert_eq!(site.organization().orders().len(), 1);
    let other = json!([{ "tollfreeNumber": "18445551213" }]);
    let other = site.tenant.post_once("order-1", &path, &other).await;
    assert_eq!(other.status, 422);
}

#[tokio::test]
async fn an_order_that_may_have_been_made_is_looked_for_before_it_is_made_again() {
    let site = PORTICO_SMS.site().await;
    let path = numbers(&site);
    site.organization().switch(Switches {
        order_status: Some(504),
        ..Switches::default()
    });
    let first = site.tenant.post_once("order-1", &path, &order()).await;
    assert_eq!(first.status, 503, "{first:?}");
    site.organization().switch(Switches::default());
    let again = site.tenant.post_once("order-1", &path, &order()).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        again.json()["data"]["entities"][0]["tollfreeNumber"],
        NUMBER
    );
    assert_eq!(site.organization().orders().len(), 1, "it was made once");
}

#[tokio::test]
async fn an_order_that_was_not_made_leaves_no_key_behind() {
    let site = PORTICO_SMS.site().await;
    let before = keys(&site).await;
    let wrong = (site.carrier.wrong_secret)();
    assert_eq!(site.save_secret(wrong).await.status, 200);
    let path = numbers(&site);
    let refused = site.tenant.post_once("order-1", &path, &order()).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert!(
        refused.json()["status"]["message"]
            .as_str()
            .unwrap()
            .contains("PurecloudIDP")
    );
    assert_eq!(keys(&site).await, before);
    let right = site.carrier.right_secret();
    assert_eq!(site.save_secret(right).await.status, 200);
    let made = site.tenant.post_once("order-1", &path, &order()).await;
    assert_eq!(made.status, 200, "{made:?}");
    assert_eq!(keys(&site).await, before + 1);
}

#[tokio::test]
async fn whoever_may_not_hand_in_messages_orders_nothing() {
    let site = PORTICO_SMS.site().await;
    let limited = site.tenant.limited_to(&["nexus:provisioning:write"]).await;
    let refused = limited.post(&numbers(&site), &order()).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(site.organization().orders(), Vec::<Value>::new());
}

#[tokio::test]
async fn what_cannot_be_ordered_or_asked_is_refused() {
    let site = PORTICO_SMS.site().await;
    let path = numbers(&site);
    for (body, status) in [
        (json!([]), 422),
        (json!([{ "tollfreeNumber": "1844PIZZA" }]), 422),
        (
            json!([{ "tollfreeNumber": NUMBER, "moUrl": "https://elsewhere.example" }]),
            422,
        ),
        (json!({ "tollfreeNumber": NUMBER }), 422),
    ] {
        let reply = site.tenant.post(&path, &body).await;
        assert_eq!(reply.status, status, "{body}: {reply:?}");
    }
    for query in ["numberOfResults=0", "numberOfResults=101", "vanity=a%26b"] {
        let reply = site.tenant.get(&format!("{path}/available?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
    }
    let ccid = site.tenant.ccid;
    let service = format!("/nexus/v3/provisioning/services/{ccid}/PorticoSMS");
    assert_eq!(site.tenant.delete(&service).await.status, 200);
    for reply in [
        site.tenant.get(&path).await,
        site.tenant.post(&path, &order()).await,
    ] {
        assert_eq!(reply.status, 422, "{reply:?}");
    }
}
