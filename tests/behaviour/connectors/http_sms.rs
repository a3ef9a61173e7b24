//! Providers that are described in a service, and need no code: what they are given, and what their answers mean.

use nexus_gateway::simulator::{Answer, Rule, Signature};
use serde_json::{Value, json};

use super::carrier::{Carrier, INFOBIP, Site, TWILIO, VONAGE};
use crate::harness::eventually::eventually;
use crate::harness::gateway::PUBLIC_URL;
use crate::harness::tenant::{CONSUMER, SOON};

const SAYS: &str = "Your parcel is here: 50 % & more 😀 \"{{to}}\"";

/// Sends one text, and gives back the site, our id of it and the request.
async fn sent(carrier: Carrier) -> (Site, String, nexus_gateway::simulator::Received) {
    let site = carrier.site().await;
    let id = site.send(SAYS).await;
    let message = site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(message["provider"], "HttpSms");
    let [request] = site.provider.wait_for(1).await.try_into().unwrap();
    assert_eq!(request.signature, Signature::Good);
    (site, id, request)
}

/// The address of the service's callbacks, as it is told to the provider.
async fn told_callback(site: &Site) -> String {
    let url = site.service().await["callbackUrl"].clone();
    let url = url.as_str().unwrap().to_owned();
    assert!(url.starts_with(PUBLIC_URL), "{url}");
    url
}

#[tokio::test]
async fn a_text_goes_out_as_twilio_takes_it() {
    let (site, id, request) = sent(TWILIO).await;
    let expected = [
        ("Body", SAYS),
        ("From", "+16505550188"),
        ("StatusCallback", &told_callback(&site).await),
        ("To", &format!("+{CONSUMER}")),
    ];
    assert_eq!(
        request.form(),
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
    let ids = &site.tenant.message(&id).await["providerMessageIds"];
    assert_eq!(ids, &json!([format!("SM{:032x}", 1)]));
}

#[tokio::test]
async fn a_text_goes_out_as_vonage_takes_it() {
    let (site, id, request) = sent(VONAGE).await;
    let callback = told_callback(&site).await;
    let field = |name: &str| {
        let mut form = request.form().into_iter();
        form.find(|(given, _)| given == name).unwrap().1
    };
    assert_eq!(field("text"), SAYS);
    assert_eq!(
        (field("to"), field("from")),
        (CONSUMER.to_owned(), "16505550188".to_owned())
    );
    assert_eq!(
        (field("type"), field("client-ref")),
        ("unicode".to_owned(), id.clone())
    );
    assert_eq!(field("callback"), callback);
    let ids = &site.tenant.message(&id).await["providerMessageIds"];
    assert_eq!(ids, &json!([format!("vonage-{id}")]));
}

#[tokio::test]
async fn a_text_goes_out_as_infobip_takes_it() {
    let (site, id, request) = sent(INFOBIP).await;
    let delivery = json!({ "url": told_callback(&site).await, "intermediateReport": true });
    assert_eq!(
        request.json(),
        json!({ "messages": [{
            "from": "16505550188", "destinations": [{ "to": CONSUMER, "messageId": id }], "content": { "text": SAYS },
            "webhooks": { "delivery": delivery },
        }] })
    );
    assert_eq!(request.header("accept"), Some("application/json"));
}

/// An error of one of the providers, what the attempt is called then, and what becomes of the text.
async fn is_refused(carrier: Carrier, answer: Answer, error: &str, reason: i64) {
    let site = carrier.site().await;
    site.provider.answer_with([answer]);
    let id = site.send("no").await;
    let message = site.tenant.wait_for_status(&id, "Failed").await;
    let last = message["history"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone();
    assert_eq!(last["reasons"][0]["code"], reason, "{message}");
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], error, "{attempts:?}");
}

fn answered(status: u16, body: &Value) -> Answer {
    Answer::Json {
        status,
        text: body.to_string(),
    }
}

#[tokio::test]
async fn what_a_provider_refuses_is_a_dead_letter_with_the_reason_that_was_described() {
    let opted_out = json!({ "code": 21610, "message": "unsubscribed recipient", "status": 400 });
    is_refused(TWILIO, answered(400, &opted_out), "provider_21610", 350).await;
    let within_200 = json!({ "messages": [{ "status": "7", "error-text": "Number barred" }] });
    is_refused(VONAGE, answered(200, &within_200), "provider_7", 350).await;
    let rejected = json!({ "messages": [{ "status": { "groupName": "REJECTED" } }] });
    is_refused(INFOBIP, answered(200, &rejected), "http_200", 350).await;
}

#[tokio::test]
async fn a_provider_that_has_no_room_within_a_200_is_asked_again() {
    let settings = [("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,0.05,0.05")];
    let site = VONAGE.site_with(&json!({}), &settings).await;
    let throttled =
        json!({ "messages": [{ "status": "1", "error-text": "Throughput Rate Exceeded" }] });
    site.provider
        .answer_with([Rule::new(answered(200, &throttled)).times(2)]);
    let id = site.send("in a while").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(site.provider.count(), 3);
}

#[tokio::test]
async fn a_used_up_quota_stops_the_channel_and_no_text() {
    let site = VONAGE.site().await;
    site.provider
        .answer_with([Rule::new(Answer::Quota).times(1)]);
    let id = site.send("one too many").await;
    let endpoint = eventually("the endpoint is parked", SOON, async || {
        let endpoint = site.endpoint().await;
        (endpoint["state"] == "parked").then_some(endpoint)
    })
    .await;
    assert_eq!(endpoint["lastError"], "quota", "{endpoint}");
    assert_eq!(site.tenant.message(&id).await["status"], "Queued");
}

#[tokio::test]
async fn what_may_have_arrived_is_sent_again_where_the_provider_knows_our_id() {
    let settings = [("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,0.05")];
    let mut service = (INFOBIP.service.1)();
    service["data"]["send"]["repeatsSafe"] = json!(true);
    let data = json!({ "send": service["data"]["send"] });
    let site = INFOBIP.site_with(&data, &settings).await;
    site.provider
        .answer_with([Rule::new(Answer::AcceptAndReset).times(1)]);
    let id = site.send("twice, and known").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    let requests = site.provider.wait_for(2).await;
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].body, requests[1].body,
        "they are the same bytes"
    );
}

#[tokio::test]
async fn what_a_description_cannot_mean_is_named_with_its_place() {
    let site = TWILIO.site().await;
    let mut service = (TWILIO.service.1)();
    service["data"]["send"]["form"]["To"] = json!("{{too}}");
    service["data"]["answer"]["okay"] = json!(1);
    service["data"]["callbacks"]["receipt"]["statuses"]["sent"] = json!("Gone");
    let url = site.provider.base_url();
    let refused = site.save_service(service, &url).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let details = refused.json()["status"]["details"].to_string();
    for place in [
        "/data/send/form/To",
        "/data/answer/okay",
        "/data/callbacks/receipt/statuses/sent",
    ] {
        assert!(
            details.contains(&format!("{place}\"")),
            "{place}: {details}"
        );
    }
    assert!(!details.contains("open sesame"), "{details}");
}

#[tokio::test]
async fn a_provider_is_told_where_to_call_only_by_a_gateway_that_knows() {
    let site = TWILIO.site_with(&json!({}), &[]).await;
    let gateway = site.gateway.replica(&[("SERVER__PUBLIC_URL", "")]).await;
    let tenant = site.tenant.known_through(&gateway).await;
    let mut service = (TWILIO.service.1)();
    service["url"] = json!(site.provider.base_url());
    let path = format!("/nexus/v3/provisioning/services/{}/HttpSms", tenant.ccid);
    let refused = tenant.put(&path, &service).await;
    assert_eq!(refused.status, 422, "{refused:?}");
    assert_eq!(refused.json()["status"]["details"][0]["path"], "/data/send");
    let form = service["data"]["send"]["form"].as_object_mut().unwrap();
    form.remove("StatusCallback");
    assert_eq!(tenant.put(&path, &service).await.status, 200);
}
