//! Kaleyra.io's REST API behind the `mGageSMS` service: what it is given, and what it calls back with.

use nexus_gateway::simulator::{Became, CallbackRules, ConsumerText, Signature};
use serde_json::json;

use super::carrier::KALEYRA;
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn a_text_goes_out_as_a_form_under_a_key_and_receipts_find_it() {
    for (became, status, reason) in [
        (Became::Delivered, "Delivered", None),
        (Became::Failed, "Failed", Some(530)),
    ] {
        let site = KALEYRA.site().await;
        let url = Some(site.callback_url().await);
        site.provider.call_back(CallbackRules {
            url,
            receipts: Some(became),
            reordered: true,
            ..CallbackRules::default()
        });
        let id = site.send("50 % & more 😀").await;
        let [request] = site.provider.wait_for(1).await.try_into().unwrap();
        assert_eq!(request.signature, Signature::Good);
        assert_eq!(request.uri.path(), "/v1/HXIN0123456789/messages");
        let told = site.service().await["callbackUrl"].clone();
        let callback = json!({ "url": told, "method": "POST" });
        let mut form = request.form();
        let at = form.iter().position(|(name, _)| name == "callback");
        let (_, given) = form.remove(at.unwrap());
        assert_eq!(given.parse::<serde_json::Value>().unwrap(), callback);
        let expected = [
            ("body", "50 % & more 😀"),
            ("ref", &id),
            ("sender", "87767"),
            ("to", CONSUMER),
            ("type", "DEFAULT"),
        ];
        assert_eq!(
            form,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        let message = site.tenant.wait_for_status(&id, status).await;
        assert_eq!(message["provider"], "mGage");
        assert_eq!(message["providerMessageIds"], json!([format!("{id}:0")]));
        let history = message["history"].as_array().unwrap();
        let told = history.iter().find(|entry| entry["status"] == status);
        let code = told.unwrap()["reasons"][0]["code"].as_i64();
        assert_eq!(code, reason, "{message}");
    }
}

#[tokio::test]
async fn a_text_of_a_consumer_is_received_once() {
    let site = KALEYRA.site().await;
    let url = Some(site.callback_url().await);
    site.provider.call_back(CallbackRules {
        url,
        ..CallbackRules::default()
    });
    let text = ConsumerText {
        id: "mo-1".to_owned(),
        from: CONSUMER.to_owned(),
        to: "87767".to_owned(),
        text: "Is it open today?".to_owned(),
    };
    for _ in 0..2 {
        site.provider.hand_in(&text).unwrap();
    }
    let calls = site.provider.wait_for_calls(2).await;
    assert!(
        calls.iter().all(|call| call.status == Some(200)),
        "{calls:?}"
    );
    let events = site.tenant.events("message.received", 1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0]["data"]["text"], "Is it open today?");
}
