//! What is sealed about persons outlives the key that sealed it first.

use nexus_gateway::simulator::WireClient;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::{NEW_AND_OLD, ONLY_NEW, ONLY_OLD, Site, stops};
use crate::harness::gateway::{PUBLIC_URL, WEBHOOK_SECRET};
use crate::harness::server;
use crate::harness::tenant::CONSUMER;
use crate::privacy::erasing::{begin, completed, erase};

const LEAVING: &str = "16505557381";

#[tokio::test]
async fn who_opted_out_and_was_erased_stays_so_under_another_master_key_and_an_erasure_goes_on() {
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    let tenant = site.tenant(&old).await;
    tenant.consumer_says(CONSUMER, "STOP").await;
    erase(&tenant, CONSUMER).await;
    tenant.consumer_says(LEAVING, "Bye").await;
    // For some seconds it looks after what was taken away.
    let id = begin(&tenant, LEAVING).await;
    stops(old).await;
    let mut database = site.connect().await;
    let running: i64 =
        sqlx::query_scalar("select count(*) from erasures where sealed_address is not null")
            .fetch_one(&mut database)
            .await
            .unwrap();
    assert_eq!(running, 1);

    let url = site.database.handle.url();
    let output = server::command(&url, &NEW_AND_OLD, &["rekey"]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{output:?}");
    let alone = site.serves(&ONLY_NEW).await;
    let here = tenant.at(&alone.url);
    assert_eq!(completed(&here, &id).await["messages"], 1);
    let refused = here.submit(CONSUMER, "not wanted").await;
    assert_eq!(refused.status, 422, "{:?}", refused.json());
}

#[tokio::test]
async fn a_link_in_a_mail_works_under_another_master_key() {
    let with_links = |keys: &[(&'static str, &'static str)]| {
        [keys, &[("SERVER__PUBLIC_URL", PUBLIC_URL)]].concat()
    };
    let site = Site::new().await;
    let old = site.serves(&with_links(&ONLY_OLD)).await;
    let tenant = site.tenant(&old).await;
    let url = site.third_party.url();
    let body = json!({
        "data": { "channels": [{ "channelId": "company.com", "webhook": { "url": url } }] },
        "secret": { "channels": [{
            "channelId": "company.com", "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": "in" },
        }] },
    });
    let service = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    assert_eq!(tenant.put(&service, &body).await.status, 200);
    let mail = json!({ "messages": [{
        "channel": { "from": { "id": "news@company.com" }, "to": { "id": "jane@example.com" } }, "priority": "bulk",
        "type": "Email", "subject": "News", "content": [{ "type": "text", "text": "It is spring." }],
    }] });
    let submitted = tenant.post("/nexus/v3/messages", &mail).await;
    assert_eq!(submitted.status, 202, "{submitted:?}");
    let webhook = site.third_party.wait_for(1).await.remove(0).json();
    let header = &webhook["channel"]["context"]["headers"]["List-Unsubscribe"];
    let link = header.as_str().unwrap().trim_matches(['<', '>']).to_owned();
    stops(old).await;

    let url = site.database.handle.url();
    let output = server::command(&url, &NEW_AND_OLD, &["rekey"]).output();
    assert!(output.unwrap().status.success());
    let alone = site.serves(&with_links(&ONLY_NEW)).await;
    let mut headers = HeaderMap::new();
    let form = "application/x-www-form-urlencoded";
    headers.insert("content-type", form.parse().unwrap());
    let link = link.replace(PUBLIC_URL, &alone.url);
    let client = WireClient::new().unwrap();
    let clicked = client.send(Method::POST, &link, headers, "List-Unsubscribe=One-Click");
    assert_eq!(clicked.await.unwrap().status, 200);
    let refused = tenant
        .at(&alone.url)
        .post("/nexus/v3/messages", &mail)
        .await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
}
