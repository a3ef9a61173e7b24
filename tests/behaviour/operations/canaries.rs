//! Nothing personal and no secret is in a log line or on the page of metrics, however much is logged.

use std::collections::BTreeSet;

use nexus_gateway::simulator::{Answer, Rule, ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use nix::sys::signal::Signal;
use serde_json::json;

use super::get;
use crate::harness::gateway::{BOOTSTRAP_KEY, MASTER_KEY, WEBHOOK_SECRET, database};
use crate::harness::server::Server;
use crate::harness::tenant::{PHONE, Tenant, text_to};
use crate::privacy::erasing::{ERASURES, erase};

/// Words that are only in messages, and persons that are nowhere else.
const TEXT: &str = "canary-text";
const NAME: &str = "Canary Jane";
const CONSUMER: &str = "16505557381";
const REFUSED: &str = "16505557382";
const STOPPED: &str = "16505557383";
const MAIL: &str = "canary.jane@example.com";
const FILE: &str = "canary-file.png";
const REASON: &str = "canary-reason";

#[tokio::test]
async fn no_person_text_or_secret_is_logged_or_counted_at_any_level() {
    let database = database().await;
    let third_party = ThirdParty::start(ThirdPartyOptions::with_secret(Secret::new(
        WEBHOOK_SECRET.to_owned(),
    )));
    let third_party = third_party.await.unwrap();
    let settings = [("LOGGING__FILTER", "trace")];
    let mut server = Server::start(&database.handle.url(), &settings).await;
    let tenant = Tenant::provision(&server.url, &third_party.url(), &json!({})).await;
    third_party.answer_with([
        Rule::new(Answer::status(503)).times(1),
        Rule::new(Answer::status(400)).to(REFUSED),
        Rule::new(Answer::accept()),
    ]);
    messages_come_and_go(&tenant).await;
    people_opt_out(&tenant).await;
    people_are_erased(&tenant).await;
    calls_are_refused(&tenant).await;
    all_of_it_is_read(&tenant).await;

    let page = get(&format!("{}/metrics", server.internal_url)).await;
    let page = String::from_utf8(page.body.to_vec()).unwrap();
    server.signal(Signal::SIGTERM);
    assert_eq!(server.exit_code().await, Some(0));
    let log = server.said();
    assert!(
        log.contains(" TRACE ") && log.lines().count() > 100,
        "little was logged"
    );
    let mut found = BTreeSet::new();
    for canary in [
        "canary",
        NAME,
        CONSUMER,
        REFUSED,
        STOPPED,
        PHONE,
        MAIL,
        WEBHOOK_SECRET,
        BOOTSTRAP_KEY,
        MASTER_KEY,
        &tenant.key,
        &tenant.third_party.api_secret,
    ] {
        for line in log
            .lines()
            .chain(page.lines())
            .filter(|line| line.contains(canary))
        {
            found.insert(format!("{canary}: {line}"));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Messages that are taken, sent, refused, sent again and told of.
async fn messages_come_and_go(tenant: &Tenant) {
    tenant.consumer_says(CONSUMER, &format!("{TEXT} in")).await;
    let delivered = tenant.send(CONSUMER, &format!("{TEXT} out")).await;
    tenant.wait_for_status(&delivered, "Sent").await;
    let refused = tenant.send(REFUSED, TEXT).await;
    tenant.wait_for_status(&refused, "Failed").await;
    let retry = format!("/nexus/v3/messages/{refused}/retry");
    let retried = tenant.post_once("canary-key", &retry, &json!({})).await;
    assert_eq!(retried.status, 202);
    for (id, status, code) in [
        (delivered.as_str(), "Delivered", None),
        ("canary-id", "Failed", Some(530)),
    ] {
        assert_eq!(tenant.receipt(id, status, code).await.status, 200);
    }
    let picture = b"\x89PNG\r\n\x1a\n canary";
    let upload = tenant.third_party.upload(FILE, "image/png", picture);
    assert_eq!(upload.await.unwrap().status, 200);
}

async fn people_opt_out(tenant: &Tenant) {
    tenant.consumer_says(STOPPED, "STOP").await;
    assert_eq!(tenant.submit(STOPPED, TEXT).await.status, 422);
    let suppression = format!("/nexus/v3/suppressions/{PHONE}/{CONSUMER}");
    let reason = json!({ "reason": REASON });
    assert_eq!(tenant.put(&suppression, &reason).await.status, 201);
    assert_eq!(tenant.get(&suppression).await.status, 200);
    assert_eq!(tenant.delete(&suppression).await.status, 200);
}

/// Who has written, and has opted out.
async fn people_are_erased(tenant: &Tenant) {
    for person in [STOPPED, CONSUMER] {
        erase(tenant, person).await;
        assert_eq!(tenant.submit(STOPPED, TEXT).await.status, 422);
    }
}

/// Persons and texts where they do not belong.
async fn calls_are_refused(tenant: &Tenant) {
    let nobody = NAME.replace(' ', "%20");
    let malformed = format!("/nexus/v3/suppressions/{PHONE}/{nobody}");
    assert_eq!(tenant.put(&malformed, &json!({})).await.status, 422);
    let mut item = text_to(MAIL, TEXT);
    item["channel"]["to"]["name"] = json!(NAME);
    item["canary-member"] = json!(TEXT);
    for body in [json!({ "messages": [item] }), json!({ "canary": TEXT })] {
        assert_eq!(tenant.post("/nexus/v3/messages", &body).await.status, 422);
    }
    let erasure = json!({ "address": NAME });
    assert_eq!(tenant.post(ERASURES, &erasure).await.status, 422);
    let nothing = format!("/nexus/v3/{nobody}");
    assert_eq!(tenant.get(&nothing).await.status, 404);
}

async fn all_of_it_is_read(tenant: &Tenant) {
    let by_address = format!("/nexus/v3/messages?address={CONSUMER}");
    for path in [
        by_address.as_str(),
        "/nexus/v3/conversations",
        "/nexus/v3/events?stream=all",
        "/nexus/v3/audit",
    ] {
        assert_eq!(tenant.get(path).await.status, 200, "{path}");
    }
}
