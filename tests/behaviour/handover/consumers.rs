//! What consumers say, on its way to agents.

use nexus_gateway::simulator::text_message;
use serde_json::json;

use super::{Site, texts};
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE};

#[tokio::test]
async fn what_consumers_say_is_handed_in_once_and_in_their_order() {
    let site = Site::start().await;
    let others = ["16505550101", "16505550102", "16505550103"];
    let mut ids = Vec::new();
    for number in 0..8 {
        for consumer in others {
            let text = format!("{consumer} {number}");
            ids.push(site.tenant.consumer_says(consumer, &text).await);
        }
    }
    let handed_in = site.handed_in(24).await;
    for consumer in others {
        let said = texts(&handed_in).into_iter();
        let said: Vec<&str> = said.filter(|text| text.starts_with(consumer)).collect();
        let expected: Vec<String> = (0..8)
            .map(|number| format!("{consumer} {number}"))
            .collect();
        assert_eq!(said, expected);
    }
    let mut seen: Vec<&str> = handed_in
        .iter()
        .map(|one| one.body["channel"]["messageId"].as_str().unwrap())
        .collect();
    seen.sort_unstable();
    ids.sort_unstable();
    assert_eq!(seen, ids);
    assert_eq!(
        (site.platform.repeats(), site.platform.tokens_given()),
        (0, 1)
    );
}

#[tokio::test]
async fn a_message_says_who_speaks_as_far_as_the_service_wants_it() {
    let site = Site::start().await;
    let attributes = json!({ "sendProfile": true, "customAttributes": { "brand": "north" } });
    let saved = site.save_service(super::CLIENT_SECRET, &attributes).await;
    assert_eq!(saved.status, 200, "{saved:?}");
    let mut message = text_message(CONSUMER, PHONE, "m-1", "Hello");
    message["channel"]["from"]["name"] = json!("Ann Lee");
    let taken = site.tenant.third_party.send(&[message]).await.unwrap();
    assert_eq!(taken.status, 200, "{taken:?}");
    let handed_in = site.handed_in(1).await;
    let channel = &handed_in[0].body["channel"];
    let person = json!({
        "id": CONSUMER, "idType": "Phone", "nickname": "Ann Lee", "firstName": "Ann", "lastName": "Lee",
    });
    assert_eq!(channel["from"], person);
    assert_eq!(channel["metadata"]["customAttributes"]["brand"], "north");
}

#[tokio::test]
async fn somebody_who_types_is_told_of_in_passing() {
    let site = Site::start().await;
    let event = json!({
        "channel": { "from": { "id": CONSUMER }, "to": { "id": PHONE } }, "type": "Event",
        "events": [{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }],
    });
    let taken = site.tenant.third_party.send(&[event]).await.unwrap();
    assert_eq!(taken.status, 200, "{taken:?}");
    let handed_in = site.handed_in(1).await;
    assert_eq!(handed_in[0].door, "event");
    assert_eq!(handed_in[0].body["channel"]["from"]["id"], CONSUMER);
}

#[tokio::test]
async fn only_what_is_handed_over_and_comes_from_now_on_goes_to_agents() {
    let site = Site::start().await;
    let second = site.tenant.with_second_channel(&site.gateway).await;
    let elsewhere =
        second
            .third_party
            .send_text(CONSUMER, OTHER_PHONE, "c-1", "to the other number");
    assert_eq!(elsewhere.await.unwrap().status, 200);
    site.save_sender(&json!({})).await;
    site.tenant
        .consumer_says(CONSUMER, "while nobody was there")
        .await;
    site.save_sender(&json!({ "handover": "OpenMessaging" }))
        .await;
    site.tenant.consumer_says(CONSUMER, "to an agent").await;
    let handed_in = site.handed_in(1).await;
    // The lane goes on from its place, so what came meanwhile on this channel is not lost for agents who come back.
    let said = texts(&handed_in);
    assert!(!said.contains(&"to the other number"), "{said:?}");
    let handed_in = site.handed_in(2).await;
    assert_eq!(texts(&handed_in), ["while nobody was there", "to an agent"]);
}

#[tokio::test]
async fn only_what_goes_to_agents_can_be_handed_over() {
    let site = Site::start().await;
    for (section, options) in [
        ("cxc.Sale", json!({ "handover": "OpenMessaging" })),
        (
            "chat.Sale",
            json!({ "handover": "OpenMessaging", "cxcOnly": true }),
        ),
        ("chat.Sale", json!({ "handover": "Cognigy" })),
    ] {
        let path = format!(
            "/nexus/v3/provisioning/senders/{}/{section}",
            site.tenant.ccid
        );
        let mut body = options.clone();
        body["channelId"] = json!(OTHER_PHONE);
        let refused = site.tenant.put(&path, &body).await;
        assert_eq!(refused.status, 422, "{options}");
        assert_eq!(refused.json()["status"]["details"][0]["path"], "/handover");
    }
}
