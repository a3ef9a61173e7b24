//! After an erasure nothing of the person is anywhere, and everything of everybody else is.

use std::collections::BTreeSet;

use nexus_gateway::simulator::{Answer, Rule};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::dump::rows_with;
use super::erasing::{ERASURES, completed, erase};
use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, Tenant, text_to};

/// A person and what only they are told.
struct Person {
    phone: &'static str,
    name: &'static str,
    word: &'static str,
}

const JANE: Person = Person {
    phone: "16505557381",
    name: "Canary Jane",
    word: "canary-jane",
};
/// Her number is the beginning of this one.
const JOHN: Person = Person {
    phone: "165055573811",
    name: "Canary John",
    word: "canary-john",
};

impl Person {
    fn words(&self) -> [&str; 3] {
        [self.phone, self.name, self.word]
    }
}

#[tokio::test]
async fn nothing_of_an_erased_person_is_left_and_everything_of_others_is() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    gateway.third_party.answer_with([
        Rule::new(Answer::status(400)).to(JANE.phone).times(1),
        Rule::new(Answer::accept()),
    ]);
    let shared = upload(&tenant, "shared.png").await;
    lives(&tenant, &JANE, &shared).await;
    lives(&tenant, &JOHN, &shared).await;
    // The same number is another person's with another tenant.
    neighbour.consumer_says(JANE.phone, "next door").await;
    let reply = neighbour.send(JANE.phone, "next door, too").await;
    neighbour.wait_for_status(&reply, "Sent").await;
    let mut database = gateway.connect().await;
    let others = of_others(&mut database, &neighbour).await;
    let before = rows_with(&mut database, &JANE.words()).await;
    assert!(before.len() > 20, "{before:#?}");

    let erased = erase(&tenant, "+1 650-555-7381").await;
    assert_eq!(
        (
            &erased["messages"],
            &erased["conversations"],
            &erased["receipts"],
            &erased["events"],
            &erased["files"]
        ),
        (&json!(6), &json!(1), &json!(1), &json!(2), &json!(1)),
        "{erased}"
    );
    let mut left = rows_with(&mut database, &JANE.words()).await;
    left.retain(|row| !row.contains(&neighbour.ccid.to_string()) && !row.contains(JOHN.phone));
    assert!(left.is_empty(), "{left:#?}");
    assert_eq!(of_others(&mut database, &neighbour).await, others);
    is_gone_from_every_answer(&tenant).await;
    let file = tenant.get(&format!("/nexus/v3/media/{shared}")).await;
    assert_eq!(file.status, 200, "John's message refers to it, too");
    the_audit_knows_a_pseudonym(&tenant, &erased).await;
}

#[tokio::test]
async fn a_message_of_an_erased_person_that_is_handed_in_again_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let hand_in = async || {
        let said = tenant
            .third_party
            .send_text(JANE.phone, PHONE, "once", JANE.word);
        let reply = said.await.unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        reply.json()["data"]["ids"][0].clone()
    };
    let id = hand_in().await;
    let sent = tenant.send(JANE.phone, JANE.word).await;
    tenant.wait_for_status(&sent, "Sent").await;
    erase(&tenant, JANE.phone).await;
    assert_eq!(hand_in().await, id);
    // A receipt that comes late finds that its message was known.
    assert_eq!(tenant.receipt(&sent, "Delivered", None).await.status, 200);
    let mut database = gateway.connect().await;
    let left = rows_with(&mut database, &JANE.words()).await;
    assert!(left.is_empty(), "{left:#?}");
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(JANE.phone, JANE.word).await;
    let queued = format!("/nexus/v3/suppressions/{PHONE}/{}", JANE.phone);
    assert_eq!(tenant.put(&queued, &json!({})).await.status, 201);
    let mut database = gateway.connect().await;
    let before = rows_with(&mut database, &JANE.words()).await;
    let body = json!({ "address": JANE.phone, "dryRun": true });
    let begun = tenant.post(ERASURES, &body).await;
    assert_eq!(begun.status, 202, "{:?}", begun.json());
    let id = begun.json()["data"]["id"].as_str().unwrap().to_owned();
    let counted = completed(&tenant, &id).await;
    assert_eq!(
        (
            &counted["messages"],
            &counted["conversations"],
            &counted["events"],
            &counted["dryRun"]
        ),
        (&json!(1), &json!(1), &json!(1), &json!(true))
    );
    assert_eq!(rows_with(&mut database, &JANE.words()).await, before);
}

/// Everything that can be known of a person: messages both ways, a refused one, receipts, a file, a suppression and
/// that it was lifted, a replay.
async fn lives(tenant: &Tenant, person: &Person, shared: &str) {
    let own = upload(tenant, &format!("{}.png", person.word)).await;
    let mut refused = text_to(person.phone, person.word);
    refused["channel"]["to"]["name"] = json!(person.name);
    let refused = submit(tenant, refused).await;
    if person.phone == JANE.phone {
        tenant.wait_for_status(&refused, "Failed").await;
    }
    let from = json!({ "id": person.phone, "name": person.name });
    let channel = |id: &str| json!({ "from": from, "to": { "id": PHONE }, "messageId": id });
    let text = json!({ "channel": channel(&format!("{}-1", person.word)), "type": "Text", "text": person.word });
    let picture = |url: &str| json!([{ "type": "image", "url": url, "filename": person.word }]);
    let media = json!({
        "channel": channel(&format!("{}-2", person.word)), "type": "RichMedia",
        "content": picture(&format!("genesys://nexus/{own}")),
    });
    let received = tenant.third_party.send(&[text, media]).await.unwrap();
    assert_eq!(received.status, 200, "{:?}", received.json());
    let mut brochure = text_to(person.phone, "");
    brochure["type"] = json!("RichMedia");
    brochure["text"] = json!(person.word);
    brochure["content"] = picture(&format!("genesys://nexus/{shared}"));
    for item in [
        text_to(person.phone, person.word),
        brochure,
        text_to(person.phone, person.word),
    ] {
        let id = submit(tenant, item).await;
        tenant.wait_for_status(&id, "Sent").await;
        assert_eq!(tenant.receipt(&id, "Delivered", None).await.status, 200);
    }
    waits_for_its_message(tenant, person).await;
    let suppression = format!("/nexus/v3/suppressions/{PHONE}/{}", person.phone);
    let reason = json!({ "reason": person.word });
    assert_eq!(tenant.put(&suppression, &reason).await.status, 201);
    assert_eq!(tenant.delete(&suppression).await.status, 200);
    let replay =
        json!({ "filter": { "address": person.phone }, "ratePerSecond": 1, "dryRun": true });
    assert_eq!(tenant.post("/nexus/v3/replays", &replay).await.status, 202);
}

/// A receipt for a message that nobody knows, whose reason names the person.
async fn waits_for_its_message(tenant: &Tenant, person: &Person) {
    let receipt = json!({
        "channel": {
            "from": { "id": PHONE }, "to": { "id": person.phone }, "messageId": format!("of {}", person.phone),
        },
        "type": "Receipt", "status": "Failed",
        "reasons": [{ "code": 530, "message": format!("+{} is not in use", person.phone) }],
    });
    let taken = tenant.third_party.send(&[receipt]).await.unwrap();
    assert_eq!(taken.status, 200, "{:?}", taken.json());
}

async fn upload(tenant: &Tenant, name: &str) -> String {
    let picture = b"\x89PNG\r\n\x1a\n picture";
    let reply = tenant.third_party.upload(name, "image/png", picture).await;
    let reply = reply.unwrap();
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"]["mediaId"].as_str().unwrap().to_owned()
}

async fn submit(tenant: &Tenant, item: Value) -> String {
    let body = json!({ "messages": [item] });
    let key = uuid::Uuid::new_v4().to_string();
    let reply = tenant.post_once(&key, "/nexus/v3/messages", &body);
    let reply = reply.await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let id = &reply.json()["data"]["results"][0]["id"];
    id.as_str().unwrap().to_owned()
}

/// What is known of everybody else.
async fn of_others(database: &mut sqlx::PgConnection, neighbour: &Tenant) -> BTreeSet<String> {
    let mut rows = rows_with(database, &JOHN.words()).await;
    let next_door = neighbour.ccid.to_string();
    // Keys note their use, and figures are folded, by themselves.
    let by_itself = ["audit:", "statistics", "directory:", "tenants:"];
    let next_door = rows_with(database, &[&next_door]).await;
    rows.extend(next_door);
    rows.retain(|row| !by_itself.iter().any(|table| row.starts_with(table)));
    rows
}

async fn is_gone_from_every_answer(tenant: &Tenant) {
    for path in [
        format!("/nexus/v3/messages?address={}", JANE.phone),
        "/nexus/v3/messages?limit=500".to_owned(),
        "/nexus/v3/conversations".to_owned(),
        "/nexus/v3/events?stream=all&limit=500".to_owned(),
        "/nexus/v3/replays".to_owned(),
        "/nexus/v3/suppressions".to_owned(),
        "/nexus/v3/audit?limit=500".to_owned(),
        ERASURES.to_owned(),
    ] {
        let reply = tenant.get(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let said = reply.json().to_string().replace(JOHN.phone, "");
        for word in JANE.words() {
            assert!(!said.contains(word), "{word} in {path}: {said}");
        }
    }
}

async fn the_audit_knows_a_pseudonym(tenant: &Tenant, erased: &Value) {
    let records = tenant.get("/nexus/v3/audit?object=erasure").await.json();
    let records = records["data"]["items"].as_array().unwrap().clone();
    let actions: Vec<&Value> = records.iter().map(|record| &record["action"]).collect();
    assert_eq!(actions, ["erasure.completed", "erasure.begun"]);
    let (id, person) = (
        erased["id"].as_str().unwrap(),
        erased["person"].as_str().unwrap(),
    );
    for record in &records {
        assert_eq!(record["object"]["id"], format!("{id}/{person}"));
    }
}
