//! What every connector makes of a provider in trouble. Where the provider does not take our id, a message is sent again
//! only where it cannot have been taken.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::carrier::{
    Carrier, INFOBIP, KALEYRA, MGAGE, PORTICO_EMAIL, PORTICO_SMS, SPARKPOST, TWILIO, VONAGE,
};
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;

/// Retries come at once.
const SETTINGS: &[(&str, &str)] = &[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.05,0.05,0.05,0.05")];

/// Retries come within seconds, and are not used up by the time that somebody has mended what was wrong.
const PATIENT_SETTINGS: &[(&str, &str)] =
    &[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "2,2,2,2,2,2,2,2,2,2")];

macro_rules! conformance {
    ($($provider:ident: $carrier:expr;)*) => {$(
        mod $provider {
            use super::*;

            #[tokio::test]
            async fn an_answer_that_cannot_be_read_leaves_it_unknown() {
                for answer in [
                    Answer::Body { text: "]]>".to_owned() },
                    Answer::Body { text: String::new() },
                    Answer::Oversize { bytes: 100_000 },
                ] {
                    stays_unknown($carrier, answer, "bad_answer").await;
                }
            }

            #[tokio::test]
            async fn a_connection_that_is_cut_after_the_request_leaves_it_unknown() {
                stays_unknown($carrier, Answer::Reset, "connection_lost").await;
            }

            #[tokio::test]
            async fn no_answer_in_time_leaves_it_unknown() {
                stays_unknown($carrier, Answer::Hang, "timeout").await;
            }

            #[tokio::test]
            async fn a_refused_request_is_sent_again() {
                is_sent_again($carrier).await;
            }

            #[tokio::test]
            async fn a_request_that_nobody_took_is_sent_again() {
                waits_for_the_provider($carrier).await;
            }

            #[tokio::test]
            async fn a_redirect_is_not_followed() {
                follows_nothing($carrier).await;
            }

            #[tokio::test]
            async fn wrong_credentials_stop_the_lane_until_they_are_mended() {
                waits_for_credentials($carrier).await;
            }
        }
    )*};
}

conformance! {
    mgage: MGAGE;
    kaleyra_io: KALEYRA;
    sparkpost: SPARKPOST;
    portico_sms: PORTICO_SMS;
    portico_email: PORTICO_EMAIL;
    http_sms_as_twilio: TWILIO;
    http_sms_as_vonage: VONAGE;
    http_sms_as_infobip: INFOBIP;
}

async fn stays_unknown(carrier: Carrier, answer: Answer, error: &str) {
    let data = json!({ "timeoutSeconds": 1 });
    let site = carrier.site_with(&data, SETTINGS).await;
    site.provider.answer_with([Rule::new(answer).times(1)]);
    let id = site.send("once").await;
    site.tenant.wait_for_status(&id, "Unknown").await;
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], error, "{attempts:?}");
    // Were it sent again, it would be before what comes after it.
    let next = site.send("another").await;
    site.tenant.wait_for_status(&next, "Sent").await;
    assert_eq!(site.provider.count(), 2, "it is sent once");
    assert_eq!(site.tenant.message(&id).await["status"], "Unknown");
}

async fn is_sent_again(carrier: Carrier) {
    let site = carrier.site_with(&json!({}), SETTINGS).await;
    site.provider.answer_with([
        Rule::new(Answer::status(503)).times(1),
        Rule::new(Answer::status(429)).times(1),
        Rule::new(Answer::retry_after(429, "1")).times(1),
    ]);
    let id = site.send("again and again").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    let attempts = site.attempts(&id, 4).await;
    let errors: Vec<Option<&str>> = attempts
        .iter()
        .map(|attempt| attempt["error"].as_str())
        .collect();
    let (busy, slow) = (Some("http_503"), Some("http_429"));
    assert_eq!(errors, [busy, slow, slow, None]);
    assert_eq!(site.provider.count(), 4);
}

async fn waits_for_the_provider(carrier: Carrier) {
    let site = carrier.site_with(&json!({}), PATIENT_SETTINGS).await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let service = (carrier.service.1)();
    assert_eq!(
        site.save_service(service.clone(), &nobody).await.status,
        200
    );
    let id = site.send("patience").await;
    let attempts = site.attempts(&id, 1).await;
    assert_eq!(attempts[0]["error"], "connect", "{attempts:?}");
    let url = site.provider.base_url();
    assert_eq!(site.save_service(service, &url).await.status, 200);
    site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(site.provider.count(), 1);
}

async fn follows_nothing(carrier: Carrier) {
    let site = carrier.site_with(&json!({}), SETTINGS).await;
    let elsewhere = carrier.provider().await;
    site.provider.answer_with([Answer::Redirect {
        status: 307,
        location: elsewhere.base_url(),
    }]);
    let id = site.send("stay").await;
    site.tenant.wait_for_status(&id, "Failed").await;
    assert_eq!((site.provider.count(), elsewhere.count()), (1, 0));
}

async fn waits_for_credentials(carrier: Carrier) {
    let site = carrier.site_with(&json!({}), SETTINGS).await;
    let wrong = (carrier.wrong_secret)();
    assert_eq!(site.save_secret(wrong).await.status, 200);
    let messages = [site.send("one").await, site.send("two").await];
    let endpoint = eventually("the endpoint is parked", SOON, async || {
        let endpoint = site.endpoint().await;
        (endpoint["state"] == "parked").then_some(endpoint)
    })
    .await;
    assert_eq!(endpoint["lastError"], "credentials", "{endpoint}");
    let events = site.tenant.events("endpoint.paused", 1).await;
    assert!(
        events[0]["data"]["reason"]
            .as_str()
            .unwrap()
            .contains("credentials"),
        "{events:?}"
    );
    for id in &messages {
        let message = site.tenant.message(id).await;
        assert_eq!(message["status"], "Queued", "no attempt is charged");
    }
    let path = format!("/nexus/v3/messages/{}/explain", messages[0]);
    let explained = site.tenant.get(&path).await.json();
    let sentence = explained["data"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("did not accept our access"), "{sentence}");

    let right = carrier.right_secret();
    assert_eq!(site.save_secret(right).await.status, 200);
    for id in &messages {
        site.tenant.wait_for_status(id, "Sent").await;
    }
    site.tenant.events("endpoint.resumed", 1).await;
    assert_eq!(site.endpoint().await["state"], "open");
}
