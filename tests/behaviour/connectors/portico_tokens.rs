//! Tokens and limits of Genesys Cloud: who asks for them, what a lane does without, and how it keeps within what is left.

use std::time::Duration;

use nexus_gateway::simulator::{Answer, Rule, Switches};
use nexus_gateway::values::Secret;
use serde_json::{Value, json};

use super::carrier::{PORTICO_SMS, Site};
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;

/// Submits texts to so many people in one call, and gives back their ids.
async fn send_to_many(site: &Site, count: usize) -> Vec<String> {
    let items: Vec<Value> = (0..count)
        .map(|number| {
            let mut item = site.item(json!({ "type": "Text", "text": "Hello" }));
            item["channel"]["to"]["id"] = json!(format!("165055502{number:02}"));
            item
        })
        .collect();
    let body = json!({ "messages": items });
    let reply = site.tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let results = reply.json()["data"]["results"].clone();
    let ids = results.as_array().unwrap().iter();
    ids.map(|result| result["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn parked(site: &Site) -> Value {
    eventually("the endpoint is parked", SOON, async || {
        let endpoint = site.endpoint().await;
        (endpoint["state"] == "parked").then_some(endpoint)
    })
    .await
}

#[tokio::test]
async fn fifty_messages_at_once_want_one_token() {
    let site = PORTICO_SMS
        .site_with(&json!({ "maxInFlight": 50 }), &[])
        .await;
    for id in send_to_many(&site, 50).await {
        site.tenant.wait_for_status(&id, "Sent").await;
    }
    assert_eq!(site.provider.count(), 50);
    assert_eq!(site.organization().grants_asked(), 1);
}

#[tokio::test]
async fn a_token_that_was_revoked_is_renewed_within_the_attempt() {
    let site = PORTICO_SMS.site().await;
    let first = site.send("before").await;
    site.tenant.wait_for_status(&first, "Sent").await;
    site.organization().revoke_tokens();
    let second = site.send("after").await;
    site.tenant.wait_for_status(&second, "Sent").await;
    assert_eq!(site.attempts(&second, 1).await.len(), 1);
    assert_eq!(site.provider.count(), 3, "it was refused once");
    assert_eq!(site.organization().grants_asked(), 2);
}

#[tokio::test]
async fn a_second_refusal_is_about_the_credentials() {
    let site = PORTICO_SMS.site().await;
    let refusal = r#"{"code":"bad.credentials","status":401}"#.to_owned();
    site.provider.answer_with([Answer::Json {
        status: 401,
        text: refusal,
    }]);
    let id = site.send("nobody's").await;
    let endpoint = parked(&site).await;
    assert_eq!(endpoint["lastError"], "credentials", "{endpoint}");
    assert_eq!(site.tenant.message(&id).await["status"], "Queued");
    assert_eq!(site.provider.count(), 2, "with two tokens");
    site.provider.answer_with([Answer::accept()]);
    let right = site.carrier.right_secret();
    assert_eq!(site.save_secret(right).await.status, 200);
    site.tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn without_a_login_host_nothing_is_sent_and_nothing_is_charged() {
    let site = PORTICO_SMS.site().await;
    site.organization().switch(Switches {
        login_status: Some(503),
        ..Switches::default()
    });
    let id = site.send("patience").await;
    let endpoint = parked(&site).await;
    assert_eq!(endpoint["lastError"], "http_503", "{endpoint}");
    assert_eq!(site.tenant.message(&id).await["status"], "Queued");
    assert_eq!(site.provider.count(), 0);
    site.organization().switch(Switches::default());
    let right = site.carrier.right_secret();
    assert_eq!(site.save_secret(right).await.status, 200);
    site.tenant.wait_for_status(&id, "Sent").await;
    assert_eq!(site.provider.count(), 1);
}

#[tokio::test]
async fn either_status_of_the_login_host_means_wrong_credentials_and_a_new_secret_is_in_force_at_once()
 {
    let site = PORTICO_SMS.site().await;
    let id = site.send("before").await;
    site.tenant.wait_for_status(&id, "Sent").await;
    site.organization().switch(Switches {
        invalid_client_status: 401,
        ..Switches::default()
    });
    site.organization()
        .change_secret(Secret::new("changed".to_owned()));
    site.organization().revoke_tokens();
    let id = site.send("between").await;
    let endpoint = parked(&site).await;
    assert_eq!(endpoint["lastError"], "credentials", "{endpoint}");
    let changed = json!({ "clientId": "nexus", "clientSecret": "changed" });
    assert_eq!(site.save_secret(changed).await.status, 200);
    site.tenant.wait_for_status(&id, "Sent").await;
}

#[tokio::test]
async fn what_is_left_of_a_minute_is_spread_over_it_so_that_nothing_is_refused() {
    let site = PORTICO_SMS
        .site_with(&json!({ "maxInFlight": 2 }), &[])
        .await;
    site.organization().switch(Switches {
        requests_per_minute: 10,
        minute_seconds: 2,
        ..Switches::default()
    });
    let ids = send_to_many(&site, 16).await;
    for id in &ids {
        site.tenant.wait_for_status(id, "Sent").await;
        let attempts = site.attempts(id, 1).await;
        assert_eq!(attempts.len(), 1, "{attempts:?}");
    }
    assert_eq!(site.provider.count(), 16);
}

#[tokio::test]
async fn too_many_requests_slow_the_lane_and_do_not_stop_it() {
    let site = PORTICO_SMS
        .site_with(&json!({ "maxInFlight": 1 }), &[])
        .await;
    site.provider
        .answer_with([Rule::new(Answer::retry_after(429, "2")).times(1)]);
    let ids = send_to_many(&site, 3).await;
    for id in &ids {
        site.tenant.wait_for_status(id, "Sent").await;
    }
    let requests = site.provider.requests();
    assert_eq!(requests.len(), 4);
    let waited = requests[1].at.duration_since(requests[0].at);
    assert!(waited >= Duration::from_millis(1_900), "{waited:?}");
    let warned = site
        .tenant
        .get("/nexus/v3/events?stream=all&types=endpoint.paused,endpoint.warned")
        .await;
    assert_eq!(warned.json()["data"]["items"], json!([]));
}
