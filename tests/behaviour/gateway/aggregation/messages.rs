//! What becomes of consumers' messages.

use std::collections::HashSet;

use futures_util::future::join_all;
use nexus_gateway::simulator::{CallShape, ConsumerSms};
use reqwest::header::HeaderValue;
use serde_json::json;
use sqlx::Connection;

use super::{events, id, service, sms, stored};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON, Tenant};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// A form as it is, under a `Content-Type`.
async fn post_form(
    tenant: &Tenant,
    query: &str,
    form: &str,
    content_type: HeaderValue,
) -> nexus_gateway::simulator::Reply {
    let service = service(tenant);
    let mut headers = service.authorized();
    headers.insert("content-type", content_type);
    let body = form.to_owned().into();
    service.post("message", query, headers, body).await.unwrap()
}

#[tokio::test]
async fn a_message_is_taken_as_a_form_as_a_query_and_as_json() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (shape, name) in [
        (CallShape::Form, "form"),
        (CallShape::Query, "query"),
        (CallShape::Json, "json"),
    ] {
        let service = service(&tenant).with_shape(shape);
        let text = "Grüße & 100% + \"quotes\"\n👍";

        let id = id(&service.message(&sms(name, text)).await.unwrap());

        let message = tenant.message(&id).await;
        assert_eq!(message["direction"], "inbound");
        assert_eq!(message["status"], "Received");
        assert_eq!(message["type"], "Text");
        assert_eq!(message["text"], text, "{name}");
        assert_eq!(message["channelId"], PHONE);
        assert_eq!(
            message["channel"],
            json!({ "from": { "id": CONSUMER }, "to": { "id": PHONE }, "messageId": name })
        );
        assert!(message["conversationId"].is_string());
    }
    eventually("each is an event for agents", SOON, async || {
        let received = events(&tenant, "message.received").await;
        (received.len() == 3 && received.iter().all(|event| event["stream"] == "chat"))
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_habits_of_senders_make_no_difference() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let latin = HeaderValue::from_static("application/x-www-form-urlencoded;charset=ISO-8859-1");
    let spellings = [
        // A plus that nobody escaped, and one that somebody did.
        (
            "",
            "type=MO&message_id=1&shortcode=+16504661149&phone_number=%2B16505550199&message=Is+it%20here%3F",
            FORM,
        ),
        (
            "",
            "message=Is%20it+here?&phone_number=1-650-555-0199&shortcode=16504661149&message_id=2&type=mo",
            FORM,
        ),
        (
            "",
            "type=MO&message_id=3&shortcode=16504661149&phone_number=16505550199&carrier=&message=Is+it+here%3f&mms_attachment[0].content=",
            latin.clone(),
        ),
        (
            "",
            "&type=MO&type=MO&message_id=4&shortcode=16504661149&shortcode=&phone_number=16505550199&message=Is+it+here?&unknown=1&unknown=2&",
            FORM,
        ),
        (
            "type=MO&message_id=5",
            "shortcode=16504661149&phone_number=16505550199&message=Is+it+here?",
            latin,
        ),
        (
            "type=MO&message_id=6&shortcode=16504661149&phone_number=16505550199&message=Is+it+here?",
            "",
            FORM,
        ),
    ];
    for (query, form, content_type) in spellings {
        let id = id(&post_form(&tenant, query, form, content_type).await);
        let message = tenant.message(&id).await;
        assert_eq!(message["text"], "Is it here?", "{query} {form}");
        assert_eq!(message["channel"]["from"]["id"], CONSUMER, "{form}");
        assert_eq!(message["channel"]["to"]["id"], PHONE, "{form}");
    }
    assert_eq!(stored(&tenant).await.len(), 6);
}

#[tokio::test]
async fn the_same_message_again_has_the_same_id_and_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let replica = gateway.replica(&[]).await;
    let first = id(&service(&tenant)
        .message(&sms("mo-1", "Hello"))
        .await
        .unwrap());

    let spelled_otherwise = ConsumerSms {
        phone_number: "+1 650 555 0199",
        ..sms("mo-1", "Hello")
    };
    let as_json = service(&tenant).with_shape(CallShape::Json);
    let again = id(&as_json.message(&spelled_otherwise).await.unwrap());
    let elsewhere = service(&tenant.through(&replica));
    let there = eventually("the other replica knows the channel", SOON, async || {
        let reply = elsewhere.message(&sms("mo-1", "Hello")).await.unwrap();
        (reply.status == 200).then(|| id(&reply))
    })
    .await;

    assert_eq!([&again, &there], [&first; 2]);
    assert_eq!(stored(&tenant).await.len(), 1);
}

#[tokio::test]
async fn the_same_id_with_other_content_is_acknowledged_and_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let first = id(&service.message(&sms("mo-1", "Hello")).await.unwrap());

    let other = service.message(&sms("mo-1", "Goodbye")).await.unwrap();

    assert_eq!(
        (other.status, other.json()),
        (200, json!({ "status": { "code": 0 } }))
    );
    assert_eq!(stored(&tenant).await.len(), 1);
    assert_eq!(tenant.message(&first).await["text"], "Hello");
}

#[tokio::test]
async fn fifty_repeats_at_once_on_two_replicas_are_one_message() {
    let gateway = TestGateway::start().await;
    let replica = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let (here, there) = (service(&tenant), service(&tenant.through(&replica)));
    eventually("the other replica knows the channel", SOON, async || {
        let probe = there.message(&sms("probe", "Hello")).await.unwrap();
        (probe.status == 200).then_some(())
    })
    .await;

    let repeats = (0..50).map(|number| {
        let service = if number % 2 == 0 { &here } else { &there };
        async move { id(&service.message(&sms("mo-1", "Hello")).await.unwrap()) }
    });
    let answered: HashSet<String> = join_all(repeats).await.into_iter().collect();

    assert_eq!(answered.len(), 1, "{answered:?}");
    assert_eq!(stored(&tenant).await.len(), 2, "the probe and this one");
}

#[tokio::test]
async fn an_id_of_the_third_party_and_one_of_the_service_never_meet() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let third_party = tenant
        .third_party
        .send_text(CONSUMER, PHONE, "1", "Hello")
        .await
        .unwrap();
    assert_eq!(third_party.status, 200);

    let mine = id(&service(&tenant).message(&sms("1", "Hello")).await.unwrap());
    let theirs = id(&service(&neighbour)
        .message(&sms("1", "Hello"))
        .await
        .unwrap());

    assert_ne!(mine, theirs);
    assert_eq!(stored(&tenant).await.len(), 2);
    assert_eq!(stored(&neighbour).await.len(), 1);
}

#[tokio::test]
async fn a_channel_that_the_service_is_to_send_for_receives_without_being_able_to_send() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let number = "18445551212";
    let path = format!(
        "/nexus/v3/provisioning/senders/{}/chat.Tollfree",
        tenant.ccid
    );
    let options = json!({ "channelId": number, "channelType": "sms", "provider": "Portico" });
    assert_eq!(tenant.put(&path, &options).await.status, 201);

    let message = ConsumerSms {
        shortcode: "+1 844 555 1212",
        ..sms("mo-1", "Hello")
    };
    let id = id(&service(&tenant).message(&message).await.unwrap());

    let message = tenant.message(&id).await;
    assert_eq!(message["channelId"], number);
    assert!(message["conversationId"].is_string());
}

#[tokio::test]
async fn a_campaigns_only_sender_s_messages_go_to_stream_cxc() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let path = format!("/nexus/v3/provisioning/senders/{}/cxc.Offers", tenant.ccid);
    let options = json!({ "channelId": "18445551212", "channelType": "sms" });
    assert_eq!(tenant.put(&path, &options).await.status, 201);

    let message = ConsumerSms {
        shortcode: "18445551212",
        ..sms("mo-1", "Tell me more")
    };
    let id = id(&service(&tenant).message(&message).await.unwrap());

    assert_eq!(tenant.message(&id).await.get("conversationId"), None);
    let received = eventually("the message is an event", SOON, async || {
        events(&tenant, "message.received").await.pop()
    })
    .await;
    assert_eq!(
        (&received["stream"], &received["data"]["id"]),
        (&json!("cxc"), &json!(id))
    );
}

#[tokio::test]
async fn stop_suppresses_the_consumer_and_start_ends_that() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let list = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");

    let stop = id(&service.message(&sms("mo-1", " Stop. ")).await.unwrap());

    let suppressed = tenant.get(&list).await;
    assert_eq!(suppressed.status, 200, "{:?}", suppressed.json());
    assert_eq!(suppressed.json()["data"]["source"], "keyword");
    let refused = tenant.submit(CONSUMER, "Your order is on its way").await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
    assert_eq!(tenant.message(&stop).await["text"], " Stop. ");

    id(&service.message(&sms("mo-2", "START")).await.unwrap());
    assert_eq!(tenant.get(&list).await.status, 404);
    // The service repeats the STOP of before: it is the same message, and says nothing new.
    assert_eq!(
        id(&service.message(&sms("mo-1", " Stop. ")).await.unwrap()),
        stop
    );
    assert_eq!(tenant.get(&list).await.status, 404);
    tenant.send(CONSUMER, "Your order is on its way").await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_acknowledged_and_is_taken_when_it_is_repeated() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let mut connection = gateway.connect().await;
    let mut blocker = connection.begin().await.unwrap();
    sqlx::query("lock table messages, parked_receipts in exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();

    let message = service.message(&sms("mo-1", "Hello")).await.unwrap();
    let receipt = service.receipt("unknown", 2, 0).await.unwrap();
    for reply in [&message, &receipt] {
        assert_eq!(reply.status, 503, "{:?}", reply.json());
        assert!(reply.header("retry-after").is_some());
    }

    blocker.rollback().await.unwrap();
    let taken = eventually("the repetition is taken", SOON, async || {
        let reply = service.message(&sms("mo-1", "Hello")).await.unwrap();
        (reply.status == 200).then(|| id(&reply))
    })
    .await;
    eventually("so is the receipt's", SOON, async || {
        let reply = service.receipt("unknown", 2, 0).await.unwrap();
        (reply.status == 200).then_some(())
    })
    .await;
    let stored = stored(&tenant).await;
    assert_eq!((stored.len(), &stored[0]["id"]), (1, &json!(taken)));
}
