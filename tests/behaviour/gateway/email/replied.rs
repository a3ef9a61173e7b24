//! What agents answer to mail.

use nexus_gateway::simulator::Reply;
use serde_json::{Value, json};

use super::{CONSUMER, changed, content, from_consumer, ids, tenant_with_mail, webhooks_of};
use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

/// The conversation of a consumer's message.
async fn conversation_of(tenant: &Tenant, id: &str) -> String {
    let message = tenant.message(id).await;
    message["conversationId"].as_str().unwrap().to_owned()
}

async fn reply(tenant: &Tenant, conversation: &str, body: &Value) -> Reply {
    let path = format!("/nexus/v3/conversations/{conversation}/messages");
    tenant.post(&path, body).await
}

#[tokio::test]
async fn a_reply_comes_from_the_address_written_to_and_under_the_consumer_s_subject() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let first = changed(
        from_consumer("m-1"),
        "/channel/to/id",
        json!("sales@company.com"),
    );
    let last = changed(
        from_consumer("m-2"),
        "/subject",
        json!("Where is my order?"),
    );
    let asked = ids(&third_party.send(&[first, last]).await.unwrap());
    let conversation = conversation_of(&tenant, &asked[0]).await;

    let body = json!({ "type": "Email", "content": content() });
    let answered = reply(&tenant, &conversation, &body).await;

    assert_eq!(answered.status, 202, "{:?}", answered.json());
    let id = answered.json()["data"]["id"].as_str().unwrap().to_owned();
    tenant.wait_for_status(&id, "Sent").await;
    let webhook = webhooks_of(&gateway, &id).remove(0).json();
    let expected = json!({
        "channel": {
            "id": "company.com",
            "type": "email",
            "from": { "id": "help@company.com" },
            "to": { "id": CONSUMER },
            "messageId": id,
        },
        "type": "Email",
        "subject": "Re: Where is my order?",
        "content": content(),
    });
    assert_eq!(webhook, expected);
    assert_eq!(conversation_of(&tenant, &id).await, conversation);
}

#[tokio::test]
async fn an_agent_may_name_another_subject() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let asked = ids(&third_party.send(&[from_consumer("m-1")]).await.unwrap());
    let conversation = conversation_of(&tenant, &asked[0]).await;

    let body = json!({ "type": "Email", "subject": "Your parcel", "content": content() });
    let answered = reply(&tenant, &conversation, &body).await;

    let id = answered.json()["data"]["id"].as_str().unwrap().to_owned();
    assert_eq!(tenant.message(&id).await["subject"], "Your parcel");
}

#[tokio::test]
async fn a_reply_that_is_no_mail_or_a_bad_one_is_refused_with_its_place() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let asked = ids(&third_party.send(&[from_consumer("m-1")]).await.unwrap());
    let conversation = conversation_of(&tenant, &asked[0]).await;
    let cases = [
        (json!({ "type": "Text", "text": "Hi" }), 510, Value::Null),
        (json!({ "type": "Fax", "text": "Hi" }), 510, Value::Null),
        (
            json!({ "type": "Email", "text": "Hi", "content": content() }),
            520,
            json!("/text"),
        ),
        (json!({ "type": "Email" }), 520, json!("/content")),
        (
            json!({ "type": "Email", "content": [{ "type": "text", "text": 1 }] }),
            520,
            json!("/content/0/text"),
        ),
    ];
    for (body, code, place) in cases {
        let refused = reply(&tenant, &conversation, &body).await;
        let status = refused.json()["status"].clone();
        assert_eq!(
            (refused.status, &status["code"]),
            (422, &json!(code)),
            "{body} {status}"
        );
        assert_eq!(status["details"][0]["path"], place, "{body} {status}");
    }
    let unknown = json!({ "type": "Email", "content": content(), "cc": [] });
    assert_eq!(reply(&tenant, &conversation, &unknown).await.status, 422);
    assert_eq!(gateway.third_party.count(), 0);
}
