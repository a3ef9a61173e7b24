//! Who gets no more mails after what SparkPost's event webhooks say.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::carrier::{SPARKPOST, Site};
use super::sparkpost_events::{event, post, sent};

const JANE: &str = "/nexus/v3/suppressions/company.com/jane@example.com";

async fn suppression(site: &Site) -> Option<Value> {
    let found = site.tenant.get(JANE).await;
    (found.status == 200).then(|| found.json()["data"].clone())
}

/// An event that has neither our id nor any metadata.
fn nameless(kind: &str, more: &Value) -> Value {
    let mut event = event(kind, "", more);
    let members = event["msys"]["message_event"].as_object_mut().unwrap();
    members.remove("rcpt_meta");
    members.remove("transmission_id");
    event
}

#[tokio::test]
async fn bounces_complaints_and_unsubscribes_end_the_mails_of_their_recipient() {
    for (kind, more, source) in [
        (
            "bounce",
            json!({ "bounce_class": "10", "reason": "550 no such user" }),
            "bounce",
        ),
        ("out_of_band", json!({ "bounce_class": "30" }), "bounce"),
        ("spam_complaint", json!({ "fbtype": "abuse" }), "complaint"),
        (
            "list_unsubscribe",
            json!({ "mailfrom": "b@company.com" }),
            "unsubscribe",
        ),
        (
            "link_unsubscribe",
            json!({ "user_agent": "Mozilla" }),
            "unsubscribe",
        ),
    ] {
        let site = SPARKPOST.site().await;
        let id = sent(&site, "hello").await;
        let began = Instant::now();
        let taken = post(&site, "batch-1", &json!([event(kind, &id, &more)])).await;
        assert_eq!(taken.status, 200, "{taken:?}");
        assert!(began.elapsed() >= Duration::from_millis(60), "{kind}");
        let refused = site.submit("once more").await.json();
        assert_eq!(
            refused["data"]["results"][0]["error"]["code"], 350,
            "{kind}"
        );

        let found = suppression(&site).await.expect(kind);
        assert_eq!(found["source"], source, "{found}");
        assert_eq!(found["evidence"], id, "{found}");
        let reason = more["reason"].as_str().unwrap_or(kind);
        assert_eq!(found["reason"], reason, "{found}");
        let events = site.tenant.events("suppression.added", 1).await;
        let data = &events[0]["data"];
        assert_eq!(
            *data,
            json!({ "channelId": "company.com", "address": "jane@example.com", "source": source,
                    "reason": reason, "evidence": id })
        );
    }
}

#[tokio::test]
async fn what_passes_ends_nothing() {
    let site = SPARKPOST.site().await;
    let id = sent(&site, "hello").await;
    for (batch, class) in [
        ("1", "20"),
        ("2", "22"),
        ("3", "25"),
        ("4", "51"),
        ("5", "60"),
    ] {
        let bounce = event("bounce", &id, &json!({ "bounce_class": class }));
        assert_eq!(post(&site, batch, &json!([bounce])).await.status, 200);
    }
    assert_eq!(suppression(&site).await, None);
    assert_eq!(site.tenant.events("suppression.added", 0).await.len(), 0);
}

#[tokio::test]
async fn what_an_event_led_to_it_does_not_lead_to_again() {
    let site = SPARKPOST.site().await;
    let id = sent(&site, "hello").await;
    let complaint = json!([event("spam_complaint", &id, &json!({}))]);
    for batch in ["one", "one", "two"] {
        assert_eq!(post(&site, batch, &complaint).await.status, 200);
    }
    assert_eq!(site.tenant.events("suppression.added", 1).await.len(), 1);

    assert_eq!(site.tenant.delete(JANE).await.status, 200);
    assert_eq!(post(&site, "three", &complaint).await.status, 200);
    assert_eq!(suppression(&site).await, None, "jane has opted in since");
    sent(&site, "welcome back").await;
}

#[tokio::test]
async fn a_mail_that_comes_back_is_found_by_the_providers_own_id() {
    let site = SPARKPOST.site().await;
    let (one, two) = (sent(&site, "one").await, sent(&site, "two").await);
    let back = |id: &str| {
        let more = json!({ "bounce_class": "22", "message_id": id });
        json!([nameless("out_of_band", &more)])
    };
    let delivered = |ours: &str, theirs: &str| {
        json!([event("delivery", ours, &json!({ "message_id": theirs }))])
    };
    // Once the delivery is known, and once before it is.
    assert_eq!(post(&site, "1", &delivered(&one, "aa-1")).await.status, 200);
    assert_eq!(post(&site, "2", &back("aa-1")).await.status, 200);
    assert_eq!(post(&site, "3", &back("aa-2")).await.status, 200);
    assert_eq!(site.tenant.message(&one).await["status"], "Failed");
    assert_eq!(site.tenant.message(&two).await["status"], "Sent");
    assert_eq!(post(&site, "4", &delivered(&two, "aa-2")).await.status, 200);
    assert_eq!(site.tenant.message(&two).await["status"], "Failed");
    assert_eq!(suppression(&site).await, None, "the mailbox was full");
}

#[tokio::test]
async fn a_mail_that_comes_back_without_any_id_ends_the_mails_to_its_recipient_and_no_other() {
    let site = SPARKPOST.site().await;
    let id = sent(&site, "hello").await;
    let back = |to: &str| {
        let more = json!({ "bounce_class": "10", "rcpt_to": to });
        json!([nameless("out_of_band", &more)])
    };
    assert_eq!(
        post(&site, "1", &back("john@example.com")).await.status,
        200
    );
    let everybody = site.tenant.get("/nexus/v3/suppressions").await.json();
    assert_eq!(
        everybody["data"]["items"],
        json!([]),
        "john was never sent to"
    );

    assert_eq!(
        post(&site, "2", &back("jane@example.com")).await.status,
        200
    );
    let found = suppression(&site).await.unwrap();
    assert_eq!(
        (&found["source"], &found["evidence"]),
        (&json!("bounce"), &Value::Null)
    );
    let status = &site.tenant.message(&id).await["status"];
    assert_eq!(status, "Sent", "nobody said that it was this one");
}
