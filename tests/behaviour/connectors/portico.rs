//! Genesys Cloud's agentless messages: what they are given, what comes back, and what they do not carry.

use nexus_gateway::simulator::{AggregationClient, Answer, Rule, Signature};
use serde_json::{Value, json};

use super::carrier::{PORTICO_EMAIL, PORTICO_SMS, Site};
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn a_text_goes_out_between_international_numbers_and_is_sent_under_the_providers_id() {
    let site = PORTICO_SMS.site().await;
    let id = site.send("Your parcel is here 😀").await;
    let message = site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(message["provider"], "Portico");
    let there = message["providerMessageIds"][0].as_str().unwrap();
    assert_eq!(there.len(), 32, "{there}");

    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.signature, Signature::Good);
    assert_eq!(
        request.uri.path(),
        "/api/v2/conversations/messages/agentless"
    );
    assert_eq!(
        request.json(),
        json!({
            "fromAddress": "+18445551212", "toAddress": format!("+{CONSUMER}"),
            "toAddressMessengerType": "sms", "textBody": "Your parcel is here 😀",
            "useExistingActiveConversation": true,
        })
    );
}

#[tokio::test]
async fn a_mail_goes_out_to_one_person() {
    let site = PORTICO_EMAIL.site().await;
    let id = site.send("It is here.").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.uri.path(), "/api/v2/conversations/emails/agentless");
    let body = request.json();
    assert_eq!(
        body["toAddresses"],
        json!([{ "email": "jane@example.com" }])
    );
    assert_eq!(body["textBody"], "It is here.");
}

/// The provider's id of the one message that was sent.
async fn id_there(site: &Site, id: &str) -> String {
    let message = site.tenant.wait_for_status(id, "Sent").await;
    let ids = &message["providerMessageIds"];
    ids[0].as_str().unwrap().to_owned()
}

/// The aggregation service as it calls for the tenant.
fn service(site: &Site) -> AggregationClient {
    let tenant = &site.tenant;
    AggregationClient::new(&tenant.base_url, tenant.ccid.to_string(), &tenant.key).unwrap()
}

#[tokio::test]
async fn receipts_find_their_message_by_the_id_that_it_was_answered_with() {
    let site = PORTICO_SMS.site().await;
    for (state, result, status, code) in [
        (1, 0, "Sent", None),
        (2, 0, "Delivered", None),
        (3, 0, "Failed", Some(305)),
        (5, 0, "Failed", Some(530)),
        (2, 6, "Failed", Some(310)),
        (8, 8, "Failed", Some(520)),
    ] {
        let id = site.send("What becomes of it?").await;
        let there = id_there(&site, &id).await;
        let taken = service(&site).receipt(&there, state, result).await;
        assert_eq!(taken.unwrap().status, 200);
        let message = site.tenant.message(&id).await;
        assert_eq!(message["status"], status, "{state}/{result}");
        let last = message["history"].as_array().unwrap().last().unwrap();
        assert_eq!(last["source"], "Portico", "{last}");
        assert_eq!(
            last["reasons"][0]["code"].as_u64(),
            code,
            "{state}/{result}: {last}"
        );
    }
}

#[tokio::test]
async fn a_receipt_that_overtakes_its_answer_waits_for_it() {
    let site = PORTICO_SMS.site().await;
    let there = "11111111111111111111111111111111";
    assert_eq!(
        service(&site).receipt(there, 2, 0).await.unwrap().status,
        200
    );
    site.provider
        .answer_with([Rule::new(Answer::accept_as(there))]);
    let id = site.send("Overtaken").await;
    site.tenant.wait_for_status(&id, "Delivered").await;
}

/// How a message that says this is refused at submit.
async fn refused(site: &Site, says: Value) -> (Value, String) {
    let body = json!({ "messages": [site.item(says)] });
    let reply = site.tenant.post("/nexus/v3/messages", &body).await;
    let error = reply.json()["data"]["results"][0]["error"].clone();
    let message = error["message"].as_str().unwrap_or_default().to_owned();
    (error["code"].clone(), message)
}

#[tokio::test]
async fn what_is_too_long_or_never_carried_is_refused_at_once() {
    let site = PORTICO_SMS.site().await;
    let (code, message) = refused(&site, json!({ "type": "Text", "text": "a".repeat(766) })).await;
    assert_eq!(code, 520, "{message}");
    assert!(message.contains("765"), "{message}");
    let image = json!({ "type": "image", "url": "https://company.com/a.png" });
    let (code, _) = refused(&site, json!({ "type": "RichMedia", "content": [image] })).await;
    assert_eq!(code, 510);
    let id = site.send(&"a".repeat(765)).await;
    site.tenant.wait_for_status(&id, "Sent").await;

    let site = PORTICO_EMAIL.site().await;
    let text = json!({ "type": "text", "text": "Attached" });
    let (code, _) = refused(
        &site,
        json!({ "type": "Email", "subject": "a".repeat(401), "content": [text] }),
    )
    .await;
    assert_eq!(code, 520);
    let file = json!({ "type": "attachment", "url": "https://company.com/terms.pdf" });
    let (code, _) = refused(
        &site,
        json!({ "type": "Email", "subject": "Terms", "content": [text, file] }),
    )
    .await;
    assert_eq!(code, 510);
}

#[tokio::test]
async fn a_sender_without_one_of_the_services_says_which_is_missing() {
    let site = PORTICO_SMS.site().await;
    let ccid = site.tenant.ccid;
    for missing in ["PurecloudIDP", "PorticoSMS"] {
        let path = format!("/nexus/v3/provisioning/services/{ccid}/{missing}");
        assert_eq!(site.tenant.delete(&path).await.status, 200);
        let (code, message) = refused(&site, json!({ "type": "Text", "text": "Hello" })).await;
        assert_eq!(code, 422);
        assert!(message.contains(missing), "{message}");
    }
}

#[tokio::test]
async fn a_message_that_the_service_refuses_is_a_dead_letter() {
    let site = PORTICO_SMS.site().await;
    let body =
        json!({ "message": "The number is not yours", "code": "bad.request", "status": 400 });
    site.provider.answer_with([Answer::Json {
        status: 400,
        text: body.to_string(),
    }]);
    let id = site.send("from nobody").await;
    site.tenant.wait_for_status(&id, "Failed").await;
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], "http_400", "{attempts:?}");
    let dead = site.tenant.get("/nexus/v3/messages?deadLetter=true").await;
    assert_eq!(dead.json()["data"]["items"][0]["id"], id);
}
