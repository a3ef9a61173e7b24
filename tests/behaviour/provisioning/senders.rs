//! Sender sections of a tenant.

use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, PHONE, async_service, new_ccid};

#[tokio::test]
async fn a_section_is_shown_with_all_its_options() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let options = json!({
        "channelId": PHONE, "channelType": "sms", "endpoint": "chat.designer", "interactionSubtype": "SMS",
        "interactionType": "Inbound", "media": "chat", "cxcOnly": true, "provider": "Async",
        "header:custom-header-for-async-1": "12345",
    });
    let place = format!("senders/{ccid}/chat.Support-1");
    let made = operator.put(&place, &options).await;
    for (name, value) in options.as_object().unwrap() {
        assert_eq!(made.accepted(201).data()[name], *value, "{name}");
    }
    assert_eq!(made.data()["section"], "chat.Support-1");
    let seen = operator.get(&place).await;
    assert_eq!(seen.accepted(200).body, made.body);
    operator.put(&place, &options).await.accepted(200);
    operator.delete(&place).await.accepted(200);
    operator.get(&place).await.refused(404);
    operator.delete(&place).await.refused(404);
    operator.put(&place, &options).await.accepted(201);
}

#[tokio::test]
async fn what_is_left_out_follows_from_the_prefix_and_the_channel() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let put = |section: &str, options: Value| {
        let (operator, place) = (operator.clone(), format!("senders/{ccid}/{section}"));
        async move { operator.put(&place, &options).await }
    };
    let chat = put("chat.a", json!({ "channelId": "+1 650 466-1149" })).await;
    let shown = |reply: &crate::provisioning::api::Reply| {
        let data = reply.accepted(201).data();
        json!([data["channelId"], data["channelType"], data["cxcOnly"]])
    };
    assert_eq!(shown(&chat), json!([PHONE, "sms", false]));
    assert_eq!(
        shown(&put("cxc.a", json!({ "channelId": PHONE })).await),
        json!([PHONE, "sms", true])
    );
    assert_eq!(
        shown(
            &put(
                "cxc.b",
                json!({ "channelId": "Company.com", "cxcOnly": "false" })
            )
            .await
        ),
        json!(["company.com", "email", false])
    );
    assert_eq!(
        shown(
            &put(
                "chat.b",
                json!({ "channelId": "company.com", "cxcOnly": "true" })
            )
            .await
        ),
        json!(["company.com", "email", true])
    );
}

#[tokio::test]
async fn a_channel_has_at_most_one_section_of_each_prefix() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let (ccid, other) = (new_ccid(), new_ccid());
    let options = json!({ "channelId": PHONE });
    operator
        .put(&format!("senders/{ccid}/chat.a"), &options)
        .await
        .accepted(201);
    operator
        .put(&format!("senders/{ccid}/cxc.a"), &options)
        .await
        .accepted(201);
    operator
        .put(
            &format!("senders/{ccid}/chat.b"),
            &json!({ "channelId": "+1 650 466 1149" }),
        )
        .await
        .refused_at(&["/channelId"]);
    operator
        .put(&format!("senders/{ccid}/cxc.b"), &options)
        .await
        .refused_at(&["/channelId"]);
    operator
        .put(&format!("senders/{other}/chat.b"), &options)
        .await
        .accepted(201);
    // Its own section is no rival, and a deleted one neither.
    operator
        .put(&format!("senders/{ccid}/chat.a"), &options)
        .await
        .accepted(200);
    operator
        .delete(&format!("senders/{ccid}/chat.a"))
        .await
        .accepted(200);
    operator
        .put(&format!("senders/{ccid}/chat.b"), &options)
        .await
        .accepted(201);
}

#[tokio::test]
async fn a_section_is_named_after_its_use() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    for section in [
        "support",
        "mail.a",
        "chat.",
        "chat.1a",
        "chat.a%20b",
        "Chat.a",
        "chat.a.b",
    ] {
        operator
            .put(
                &format!("senders/{ccid}/{section}"),
                &json!({ "channelId": PHONE }),
            )
            .await
            .refused(422);
        operator
            .get(&format!("senders/{ccid}/{section}"))
            .await
            .refused(404);
    }
}

#[tokio::test]
async fn options_that_mean_nothing_are_named() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("senders/{}/chat.a", new_ccid());
    let wrong = json!({
        "channelId": PHONE, "channelType": "email", "cxcOnly": "yes", "provider": "SparkPost", "handover": "Cognigy",
        "endpoint": 5, "headers": {}, "media": "",
    });
    let places = [
        "/channelType",
        "/cxcOnly",
        "/endpoint",
        "/handover",
        "/headers",
        "/media",
        "/provider",
    ];
    operator.put(&place, &wrong).await.refused_at(&places);
    operator
        .put(&place, &json!({}))
        .await
        .refused_at(&["/channelId"]);
    operator
        .put(&place, &json!({ "channelId": "nobody" }))
        .await
        .refused_at(&["/channelId"]);
    operator
        .put(&place, &json!({ "channelId": PHONE, "provider": "Pigeon" }))
        .await
        .refused_at(&["/provider"]);
    operator.put(&place, &json!([])).await.refused(422);
    operator.get(&place).await.refused(404);
}

#[tokio::test]
async fn headers_of_the_protocol_are_not_the_tenants() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let place = format!("senders/{}/chat.a", new_ccid());
    let reserved = [
        "Host",
        "content-type",
        "Content-Length",
        "Transfer-Encoding",
        "Connection",
        "X-Hub-Signature",
        "x-hub-signature-256",
        "X-B3-TraceId",
        "traceparent",
    ];
    for name in reserved {
        let option = format!("header:{name}");
        operator
            .put(&place, &json!({ "channelId": PHONE, option.as_str(): "x" }))
            .await
            .refused_at(&[&format!("/{option}")]);
    }
    for (option, value) in [
        ("header:x-a", json!("a\r\nb")),
        ("header:x-a", json!("a\u{7f}")),
        ("header:", json!("a")),
        ("header:a b", json!("a")),
        ("header:x-a", json!(5)),
    ] {
        operator
            .put(&place, &json!({ "channelId": PHONE, option: value }))
            .await
            .refused_at(&[&format!("/{option}")]);
    }
    let twice = json!({ "channelId": PHONE, "header:X-Team": "a", "header:x-team": "b" });
    operator.put(&place, &twice).await.refused(422);
    operator
        .put(
            &place,
            &json!({ "channelId": PHONE, "header:X-Team": "blue" }),
        )
        .await
        .accepted(201);
}

#[tokio::test]
async fn sections_are_listed_page_by_page_and_for_one_tenant() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let (ccid, other) = (new_ccid(), new_ccid());
    for (ccid, section, channel) in [
        (&ccid, "cxc.b", "5550101"),
        (&ccid, "chat.a", "5550102"),
        (&ccid, "chat.c", "5550103"),
        (&other, "chat.d", "5550104"),
    ] {
        operator
            .put(
                &format!("senders/{ccid}/{section}"),
                &json!({ "channelId": channel }),
            )
            .await
            .accepted(201);
    }
    let first = operator.get(&format!("senders/{ccid}?limit=2")).await;
    let next = first.accepted(200).data()["next"].as_str().unwrap();
    let second = operator
        .get(&format!("senders/{ccid}?limit=2&cursor={next}"))
        .await;
    assert!(second.accepted(200).data().get("next").is_none());
    let pages = [first.data(), second.data()];
    let sections: Vec<&str> = pages
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["section"].as_str().unwrap())
        .collect();
    assert_eq!(sections, ["chat.a", "chat.c", "cxc.b"]);
}

#[tokio::test]
async fn senders_need_no_service_and_services_no_sender() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    operator
        .put(
            &format!("senders/{ccid}/chat.a"),
            &json!({ "channelId": PHONE, "provider": "Async" }),
        )
        .await
        .accepted(201);
    operator
        .put(
            &format!("services/{ccid}/Async"),
            &async_service("company.com"),
        )
        .await
        .accepted(201);
    operator
        .delete(&format!("services/{ccid}/Async"))
        .await
        .accepted(200);
    operator
        .get(&format!("senders/{ccid}/chat.a"))
        .await
        .accepted(200);
}
