//! Mail from consumers.

use serde_json::{Value, json};

use super::{
    COMPANY, CONSUMER, DOMAIN, MEDIUM, changed, content, from_consumer, ids, mail, send, submit,
    tenant_with_mail,
};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant};

async fn items(tenant: &Tenant, path: &str) -> Vec<Value> {
    let reply = tenant.get(path).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_mail_opens_a_conversation_and_is_shown_wherever_messages_are() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let attachment =
        json!({ "type": "attachment", "url": MEDIUM, "mime": "image/png", "filename": "a.png" });
    let mut message = from_consumer("m-1");
    message["content"].as_array_mut().unwrap().push(attachment);
    message["channel"]["from"]["name"] = json!("Jane Roe");

    let id = ids(&third_party
        .send(std::slice::from_ref(&message))
        .await
        .unwrap())
    .remove(0);

    let shown = tenant.message(&id).await;
    let conversation = shown["conversationId"].as_str().unwrap().to_owned();
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    let in_conversation = items(&tenant, &path).await.remove(0);
    let event = eventually("an event tells of it", SOON, async || {
        let path = "/nexus/v3/events?stream=chat&types=message.received";
        items(&tenant, path).await.first().cloned()
    })
    .await;
    for said in [&shown, &in_conversation, &event["data"]] {
        assert_eq!(said["id"], json!(id));
        assert_eq!(said["type"], "Email");
        assert_eq!(said["subject"], "Subject");
        assert_eq!(said["content"], message["content"]);
        assert_eq!(said["text"], Value::Null);
    }
    let path = format!("/nexus/v3/conversations/{conversation}");
    let conversation = tenant.get(&path).await.json()["data"].clone();
    assert_eq!(conversation["channelId"], DOMAIN);
    assert_eq!(
        conversation["consumer"],
        json!({ "id": CONSUMER, "name": "Jane Roe" })
    );
}

#[tokio::test]
async fn a_consumer_is_the_same_in_any_case_of_the_domain_and_to_any_address_of_the_channel() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let second = changed(
        from_consumer("m-2"),
        "/channel/from/id",
        json!("recipient-1@MAIL.com"),
    );
    let second = changed(second, "/channel/to/id", json!("sales@Company.Com"));
    let other = changed(
        from_consumer("m-3"),
        "/channel/from/id",
        json!("Recipient-1@mail.com"),
    );

    let reply = third_party
        .send(&[from_consumer("m-1"), second, other])
        .await
        .unwrap();

    let mut conversations = Vec::new();
    for id in ids(&reply) {
        conversations.push(tenant.message(&id).await["conversationId"].clone());
    }
    assert_eq!(conversations[0], conversations[1]);
    // Only the host of a mailbox knows whether case matters in its name.
    assert_ne!(conversations[0], conversations[2]);
}

#[tokio::test]
async fn the_same_mail_again_has_the_same_id_and_with_any_other_content_it_is_a_conflict() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let first = ids(&third_party.send(&[from_consumer("m-1")]).await.unwrap());

    let mut ignored = from_consumer("m-1");
    ignored["content"][0]["charset"] = json!("utf-8");
    ignored["channel"]["from"]["id"] = json!("recipient-1@MAIL.COM");
    let again = ids(&third_party
        .send(&[from_consumer("m-1"), ignored])
        .await
        .unwrap());
    assert_eq!(again, [first.clone(), first].concat());
    for other in [
        changed(from_consumer("m-1"), "/subject", json!("")),
        changed(
            from_consumer("m-1"),
            "/content",
            json!([content()[1], content()[0]]),
        ),
        changed(from_consumer("m-1"), "/channel/to/id", json!(COMPANY)),
        changed(
            changed(from_consumer("m-1"), "/type", json!("Text")),
            "/text",
            json!("Hi"),
        ),
    ] {
        let reply = third_party
            .send(std::slice::from_ref(&other))
            .await
            .unwrap();
        assert_eq!(reply.status, 409, "{other}");
    }
    assert_eq!(items(&tenant, "/nexus/v3/messages").await.len(), 1);
}

#[tokio::test]
async fn a_mail_for_another_domain_or_without_sense_refuses_the_whole_body() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let (to, from) = ("/channel/to/id", "/channel/from/id");
    let good = || from_consumer("m-2");
    let cases = [
        (changed(good(), to, json!("help@other.example")), 530, to),
        (changed(good(), to, json!("help@mail.company.com")), 530, to),
        (changed(good(), to, json!(DOMAIN)), 530, to),
        (changed(good(), from, json!("16505550199")), 530, from),
        (changed(good(), "/subject", json!(null)), 520, "/subject"),
        (changed(good(), "/content", json!({})), 520, "/content"),
        (
            changed(good(), "/content", json!([{ "type": "fax" }])),
            510,
            "/content/0/type",
        ),
        (
            changed(
                good(),
                "/content",
                json!([{ "type": "attachment", "url": "data:," }]),
            ),
            520,
            "/content/0/url",
        ),
    ];
    for (bad, code, place) in cases {
        let reply = third_party
            .send(&[from_consumer("m-1"), bad.clone()])
            .await
            .unwrap();
        let status = reply.json()["status"].clone();
        assert_eq!(
            (reply.status, &status["code"]),
            (400, &json!(code)),
            "{bad} {status}"
        );
        assert_eq!(
            status["details"][0]["path"],
            format!("/messages/1{place}"),
            "{status}"
        );
    }
    let on_a_number = tenant
        .third_party
        .send(&[from_consumer("m-1")])
        .await
        .unwrap();
    let status = on_a_number.json()["status"].clone();
    assert_eq!(
        (on_a_number.status, &status["code"]),
        (400, &json!(510)),
        "{status}"
    );
    assert_eq!(
        items(&tenant, "/nexus/v3/messages").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_mail_that_is_stop_as_a_whole_ends_mail_to_its_sender() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let stop = changed(from_consumer("m-1"), "/subject", json!("Re: Sale!"));
    let stop = changed(
        stop,
        "/content",
        json!([{ "type": "text", "text": "Stop.\r\n" }]),
    );
    let not_stop = changed(from_consumer("m-2"), "/subject", json!("STOP"));
    let not_stop = changed(not_stop, "/channel/from/id", json!("recipient-2@mail.com"));

    ids(&third_party.send(&[stop, not_stop]).await.unwrap());

    let stopped = submit(&tenant, &[mail(COMPANY, "recipient-1@MAIL.com")]).await;
    let error = stopped.json()["data"]["results"][0]["error"].clone();
    assert_eq!(
        error,
        json!({ "code": 350, "message": "recipient opted out" })
    );
    send(&tenant, &mail(COMPANY, "recipient-2@mail.com")).await;

    let start = changed(
        from_consumer("m-3"),
        "/content",
        json!([{ "type": "text", "text": "start" }]),
    );
    ids(&third_party.send(&[start]).await.unwrap());
    send(&tenant, &mail(COMPANY, CONSUMER)).await;
}
