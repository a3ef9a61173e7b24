//! Mail to consumers, and what the third party says of it.

use nexus_gateway::auth::signature::sign_sha1;
use nexus_gateway::simulator::{Answer, ReceiptReason, ReceiptToSend, Rule};
use serde_json::{Value, json};

use super::{
    COMPANY, CONSUMER, DOMAIN, MEDIUM, changed, content, mail, send, submit, tenant_with_mail,
    webhooks_of,
};
use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{PHONE, text_to};

/// The mail of the vendor's example.
fn example() -> Value {
    let mut message = mail(COMPANY, CONSUMER);
    message["channel"]["from"]["name"] = json!("Sender display name");
    message["replyTo"] = json!({ "id": "reply-to@company.com", "name": "Responder display name" });
    message
}

#[tokio::test]
async fn the_vendor_s_email_flow_goes_as_it_is_printed() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;

    let id = send(&tenant, &example()).await;

    let received = gateway.third_party.wait_for(1).await.remove(0);
    let body = format!(
        r#"{{"channel":{{"id":"company.com","type":"email","from":{{"id":"no-reply@company.com","name":"Sender display name"}},"to":{{"id":"recipient-1@mail.com"}},"messageId":"{id}","context":{{"replyTo":{{"id":"reply-to@company.com","name":"Responder display name"}}}}}},"type":"Email","subject":"Subject","content":[{{"type":"text","text":"Plain text email body"}},{{"type":"html","text":"Html email body"}}]}}"#
    );
    assert_eq!(std::str::from_utf8(&received.body), Ok(body.as_str()));
    let signature = sign_sha1(WEBHOOK_SECRET.as_bytes(), &received.body);
    assert_eq!(received.header("x-hub-signature"), Some(signature.as_str()));

    let sent = tenant.wait_for_status(&id, "Sent").await;
    let receipt = ReceiptToSend {
        from: COMPANY,
        to: CONSUMER,
        message_id: sent["providerMessageIds"][0].as_str().unwrap_or(&id),
        status: "Failed",
        reasons: &[ReceiptReason {
            code: 350,
            message: Some("Message not allowed. Your account has been suspended."),
        }],
    };
    let answered = third_party.send_receipt(&receipt).await.unwrap();
    assert_eq!(
        (answered.status, answered.json()),
        (200, json!({ "status": { "code": 0 } }))
    );
    let failed = tenant.wait_for_status(&id, "Failed").await;
    let last = failed["history"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["reasons"][0]["code"], 350);
}

#[tokio::test]
async fn a_receipt_may_name_either_side_as_the_channel_s_but_exactly_one() {
    let gateway = TestGateway::start().await;
    let (tenant, third_party) = tenant_with_mail(&gateway, json!({})).await;
    let id = send(&tenant, &mail(COMPANY, CONSUMER)).await;
    let sent = tenant.wait_for_status(&id, "Sent").await;
    let message_id = sent["providerMessageIds"][0]
        .as_str()
        .unwrap_or(&id)
        .to_owned();
    let receipt = |from, to| ReceiptToSend {
        from,
        to,
        message_id: &message_id,
        status: "Delivered",
        reasons: &[],
    };

    for (from, to) in [(COMPANY, "help@company.com"), (CONSUMER, "b@other.example")] {
        let refused = third_party.send_receipt(&receipt(from, to)).await.unwrap();
        assert_eq!(
            (refused.status, &refused.json()["status"]["code"]),
            (400, &json!(530))
        );
    }
    let swapped = third_party
        .send_receipt(&receipt(CONSUMER, COMPANY))
        .await
        .unwrap();
    assert_eq!(swapped.status, 200);
    tenant.wait_for_status(&id, "Delivered").await;
}

#[tokio::test]
async fn a_redelivered_mail_has_the_same_bytes() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0,0")]).await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({})).await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503)).times(2)]);
    let attachment = json!({ "type": "attachment", "url": "https://company.com/a.pdf", "filename": "größe.pdf" });
    let mut message = example();
    message["content"].as_array_mut().unwrap().push(attachment);

    let id = send(&tenant, &message).await;
    tenant.wait_for_status(&id, "Sent").await;

    let webhooks = webhooks_of(&gateway, &id);
    assert_eq!(webhooks.len(), 3);
    assert!(
        webhooks
            .iter()
            .all(|webhook| webhook.body == webhooks[0].body)
    );
}

#[tokio::test]
async fn a_domain_may_ask_for_the_wrapped_shape() {
    let gateway = TestGateway::start().await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({ "bodyShape": "messages" })).await;

    let id = send(&tenant, &mail(COMPANY, CONSUMER)).await;

    let body = gateway.third_party.wait_for(1).await.remove(0).json();
    assert_eq!(body.as_object().unwrap().len(), 1);
    assert_eq!(body["messages"][0]["channel"]["messageId"], id);
    assert_eq!(body["messages"][0]["content"], content());
}

#[tokio::test]
async fn a_sent_mail_is_shown_with_subject_and_content() {
    let gateway = TestGateway::start().await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({})).await;
    let link = json!({ "type": "attachment", "url": "https://company.com/terms.pdf", "mime": "application/pdf" });
    let mut message = mail("Help@Company.COM", "Jane.Roe@Mail.COM");
    message["content"].as_array_mut().unwrap().push(link);

    let id = send(&tenant, &message).await;

    let shown = tenant.message(&id).await;
    assert_eq!(
        (&shown["type"], &shown["subject"], &shown["text"]),
        (&json!("Email"), &json!("Subject"), &Value::Null)
    );
    assert_eq!(shown["content"], message["content"]);
    assert_eq!(shown["channelId"], DOMAIN);
    assert_eq!(shown["channel"]["from"]["id"], "Help@company.com");
    assert_eq!(shown["channel"]["to"]["id"], "Jane.Roe@mail.com");
    let list = tenant
        .get("/nexus/v3/messages?address=Jane.Roe@MAIL.com")
        .await
        .json();
    assert_eq!(list["data"]["items"][0]["id"], json!(id));
    assert_eq!(list["data"]["items"][0]["content"], message["content"]);
}

#[tokio::test]
async fn the_same_id_is_one_mail_and_with_any_other_content_a_conflict() {
    let gateway = TestGateway::start().await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({})).await;
    let named = |message: Value| changed(message, "/channel/messageId", json!("a"));
    let message = named(mail(COMPANY, CONSUMER));
    let id = send(&tenant, &message).await;

    assert_eq!(send(&tenant, &message).await, id);
    let upper_case = named(mail("no-reply@COMPANY.com", CONSUMER));
    assert_eq!(send(&tenant, &upper_case).await, id);
    for other in [
        changed(message.clone(), "/subject", json!("Subject!")),
        changed(
            message.clone(),
            "/content",
            json!([{ "type": "text", "text": "Other" }]),
        ),
        changed(
            message.clone(),
            "/content",
            json!([{ "type": "html", "text": "Html email body" }]),
        ),
        changed(
            message.clone(),
            "/channel/from/id",
            json!("help@company.com"),
        ),
        changed(message, "/channel/to/id", json!("recipient-2@mail.com")),
    ] {
        let reply = submit(&tenant, &[other]).await;
        assert_eq!(reply.json()["data"]["results"][0]["error"]["code"], 409);
    }
}

/// Submits all of them beside a good one, which alone is sent; each has the code and the place of its first fault.
async fn each_is_refused_alone(cases: &[(Value, u16, Option<&str>)]) {
    let gateway = TestGateway::start().await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({})).await;
    let bad = cases.iter().map(|(message, ..)| message.clone());
    let messages: Vec<Value> = bad.chain([mail(COMPANY, CONSUMER)]).collect();

    let reply = submit(&tenant, &messages).await;

    assert_eq!(reply.status, 202);
    let results = reply.json()["data"]["results"].clone();
    for (index, (message, code, place)) in cases.iter().enumerate() {
        let error = &results[index]["error"];
        assert_eq!(error["code"], *code, "{message} {error}");
        let place = place.map(|place| json!(format!("/messages/{index}{place}")));
        let named = &error["details"][0]["path"];
        assert_eq!(*named, place.unwrap_or_default(), "{message} {error}");
    }
    assert!(results[cases.len()]["id"].is_string());
    assert_eq!(gateway.third_party.wait_for(1).await.len(), 1);
}

#[tokio::test]
async fn a_mail_that_says_what_cannot_be_sent_is_refused_with_its_place() {
    let good = || mail(COMPANY, CONSUMER);
    let with = |part: Value| changed(good(), "/content", json!([content()[0], part]));
    let file = json!({ "type": "attachment", "url": "file:///etc/passwd" });
    let split = json!("a\nBcc: b@c.de");
    each_is_refused_alone(&[
        (changed(good(), "/text", json!("Hi")), 520, Some("/text")),
        (
            changed(good(), "/subject", Value::Null),
            520,
            Some("/subject"),
        ),
        (changed(good(), "/subject", split), 520, Some("/subject")),
        (
            changed(good(), "/content", json!([])),
            520,
            Some("/content"),
        ),
        (with(json!({ "type": "fax" })), 510, Some("/content/1/type")),
        (with(file), 520, Some("/content/1/url")),
        (changed(good(), "/type", json!("email")), 510, None),
        (
            changed(good(), "/type", json!("RichMedia")),
            520,
            Some("/subject"),
        ),
        (changed(good(), "/cc", json!([])), 422, Some("/cc")),
    ])
    .await;
}

#[tokio::test]
async fn a_mail_between_addresses_that_do_not_fit_is_refused() {
    let name = "/channel/from/name";
    let good = || mail(COMPANY, CONSUMER);
    each_is_refused_alone(&[
        (mail("no-reply@other.example", CONSUMER), 404, None),
        (mail("no-reply@mail.company.com", CONSUMER), 404, None),
        (mail(DOMAIN, CONSUMER), 404, None),
        (mail(COMPANY, "16505550199"), 530, None),
        (mail(COMPANY, "a b@mail.com"), 530, None),
        (changed(good(), name, json!("a\r\nb")), 520, Some(name)),
        (
            changed(good(), "/replyTo", json!({ "id": PHONE })),
            422,
            None,
        ),
    ])
    .await;
}

#[tokio::test]
async fn a_domain_sends_mail_and_a_number_none() {
    let number = "16505550199";
    let text = changed(text_to(CONSUMER, "Hi"), "/channel/from/id", json!(COMPANY));
    let with_subject = changed(text_to(number, "Hi"), "/subject", json!("Hi"));
    each_is_refused_alone(&[
        (text, 510, None),
        (with_subject, 520, Some("/subject")),
        (mail(PHONE, number), 510, None),
    ])
    .await;
}

#[tokio::test]
async fn a_mail_has_as_many_parts_and_bytes_as_the_configuration_says() {
    let settings = [("CONTENT__PARTS_MAX", "2"), ("CONTENT__BYTES_MAX", "1024")];
    let gateway = TestGateway::start_with(&settings).await;
    let (tenant, _) = tenant_with_mail(&gateway, json!({})).await;
    let mut third = mail(COMPANY, CONSUMER);
    let attachment = json!({ "type": "attachment", "url": MEDIUM });
    third["content"].as_array_mut().unwrap().push(attachment);
    let long = changed(
        mail(COMPANY, CONSUMER),
        "/content",
        json!([{ "type": "text", "text": "x".repeat(1_018) }]),
    );
    let longest = changed(
        mail(COMPANY, CONSUMER),
        "/content",
        json!([{ "type": "text", "text": "x".repeat(1_017) }]),
    );

    let reply = submit(&tenant, &[third, long, longest]).await;

    let results = reply.json()["data"]["results"].clone();
    assert_eq!(
        results[0]["error"]["details"][0]["path"],
        "/messages/0/content"
    );
    assert_eq!(results[1]["error"]["details"][0]["path"], "/messages/1");
    assert!(results[2]["id"].is_string(), "{results}");
}
