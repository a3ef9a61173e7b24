//! Replays: dead letters that are sent again in bulk.

mod doors;
mod exhausted;
mod met;
mod sent;

use nexus_gateway::simulator::{Answer, ThirdParty};
use serde_json::{Value, json};

use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant, text_to};

pub(crate) const REPLAYS: &str = "/nexus/v3/replays";
/// Far more a second than any test has.
pub(crate) const FAST: u32 = 10_000;

/// Texts to as many people, all refused and so dead; gives back their ids. Then everything is accepted again.
pub(crate) async fn dead_letters(
    third_party: &ThirdParty,
    tenant: &Tenant,
    people: &[String],
    campaign: &str,
) -> Vec<String> {
    third_party.answer_with([Answer::status(400)]);
    let items: Vec<Value> = people
        .iter()
        .enumerate()
        .map(|(number, person)| {
            let mut item = text_to(person, &format!("text {number}"));
            item["campaignId"] = json!(campaign);
            item
        })
        .collect();
    let body = json!({ "messages": items });
    let reply = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let results = reply.json()["data"]["results"].clone();
    let results = results.as_array().unwrap().iter();
    let ids: Vec<String> = results
        .map(|result| result["id"].as_str().unwrap().to_owned())
        .collect();
    eventually("all of them are dead", SOON * 3, async || {
        (dead_of(tenant, campaign).await.len() == ids.len()).then_some(())
    })
    .await;
    third_party.reset();
    third_party.answer_with([Answer::accept()]);
    ids
}

/// The ids of a campaign's dead letters, oldest first; at most 500.
pub(crate) async fn dead_of(tenant: &Tenant, campaign: &str) -> Vec<String> {
    let path = format!("/nexus/v3/messages?deadLetter=true&limit=500&campaignId={campaign}");
    let reply = tenant.get(&path).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let items = reply.json()["data"]["items"].as_array().unwrap().clone();
    let ids = items
        .iter()
        .rev()
        .map(|item| item["id"].as_str().unwrap().to_owned());
    ids.collect()
}

pub(crate) fn people(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("1650555{number:04}"))
        .collect()
}

/// Begins a replay; gives back its id.
pub(crate) async fn begin(tenant: &Tenant, body: &Value) -> String {
    let reply = tenant.post(REPLAYS, body).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let data = reply.json()["data"].clone();
    assert_eq!(data["state"], "running");
    data["id"].as_str().unwrap().to_owned()
}

pub(crate) async fn replay(tenant: &Tenant, id: &str) -> Value {
    let reply = tenant.get(&format!("{REPLAYS}/{id}")).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"].clone()
}

/// Waits until a replay has ended.
pub(crate) async fn completed(tenant: &Tenant, id: &str) -> Value {
    eventually("the replay is completed", SOON * 2, async || {
        let replay = replay(tenant, id).await;
        (replay["state"] == "completed").then_some(replay)
    })
    .await
}

/// What a replay has come to: matched, queued, skipped.
pub(crate) fn figures(replay: &Value) -> (i64, i64, i64) {
    let figure = |name: &str| replay[name].as_i64().unwrap();
    (figure("matched"), figure("queued"), figure("skipped"))
}
