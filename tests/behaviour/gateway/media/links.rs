//! Files go out by links that follow from their messages.

use std::time::Duration;

use nexus_gateway::config::Config;
use nexus_gateway::janitor;
use nexus_gateway::platform::database::partitions;
use nexus_gateway::simulator::{Answer, Rule};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{files_stored, follow, picture, png, send, submit, upload};
use crate::harness::TestGateway;
use crate::harness::gateway::{PUBLIC_URL, WEBHOOK_SECRET};
use crate::harness::tenant::{CONSUMER, Tenant};

const DAY: Duration = Duration::from_hours(24);

/// The link in the next webhook.
async fn link_to(gateway: &TestGateway, tenant: &Tenant, length: usize) -> String {
    let data = upload(tenant, length).await;
    let reply = submit(tenant, &picture(&data["url"])).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let received = gateway.third_party.wait_for(1).await.remove(0);
    received.json()["content"][0]["url"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_reference_becomes_a_link_that_leads_to_the_file_at_any_replica() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let other = gateway.replica_that_only_answers().await;

    let link = link_to(&gateway, &tenant, 300_000).await;

    assert!(
        link.starts_with(&format!("{PUBLIC_URL}/nexus/v3/media/")),
        "{link}"
    );
    for url in [gateway.url(), other.url()] {
        let reply = follow(&url, &link).await;
        assert_eq!(reply.status, 200);
        assert!(reply.body == png(300_000), "the bytes differ");
        for (name, value) in [
            ("content-type", "image/png"),
            ("content-length", "300000"),
            (
                "content-disposition",
                "inline; filename=\"photo.png\"; filename*=UTF-8''photo.png",
            ),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "private, no-store"),
            ("content-security-policy", "default-src 'none'; sandbox"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
    }
}

#[tokio::test]
async fn every_attempt_has_the_same_link() {
    let gateway = TestGateway::start_with(&[("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0,0")]).await;
    let tenant = gateway.tenant().await;
    let rules = [
        Rule::new(Answer::status(503)).times(1),
        Rule::new(Answer::accept()),
    ];
    gateway.third_party.answer_with(rules);
    let data = upload(&tenant, 100).await;
    submit(&tenant, &picture(&data["url"])).await;
    let received = gateway.third_party.wait_for(2).await;
    assert!(
        received[0].json()["content"][0]["url"]
            .as_str()
            .unwrap()
            .starts_with(PUBLIC_URL)
    );
    assert_eq!(received[0].body, received[1].body);
}

#[tokio::test]
async fn a_mail_s_attachment_becomes_a_link() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = json!({
        "data": { "channels": [{ "channelId": "company.com", "webhook": { "url": gateway.third_party.url() } }] },
        "secret": { "channels": [{
            "channelId": "company.com", "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": "secret" },
        }] },
    });
    let mut mail = picture(&Value::Null);
    let data = upload(&tenant, 100).await;
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    assert_eq!(tenant.put(&path, &service).await.status, 200);
    let email = format!("/nexus/v3/provisioning/services/{}/Email", tenant.ccid);
    let provider = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
    assert_eq!(tenant.put(&email, &provider).await.status, 201);
    mail["type"] = json!("Email");
    mail["subject"] = json!("Your picture");
    mail["channel"] =
        json!({ "from": { "id": "help@company.com" }, "to": { "id": "jane@example.com" } });
    mail["content"] = json!([
        { "type": "text", "text": "Here it is." },
        { "type": "attachment", "url": data["url"], "mime": "image/png", "filename": "it.png" },
    ]);

    let reply = submit(&tenant, &mail).await;

    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let received = gateway.third_party.wait_for(1).await.remove(0).json();
    let link = received["content"][1]["url"].as_str().unwrap();
    assert_eq!(follow(&gateway.url(), link).await.body, png(100));
}

#[tokio::test]
async fn an_agent_answers_with_a_picture() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    tenant.consumer_says(CONSUMER, "Show me").await;
    let found = tenant.get("/nexus/v3/conversations").await.json();
    let id = found["data"]["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/nexus/v3/conversations/{id}/messages");
    let reply =
        |url: &Value| json!({ "type": "RichMedia", "content": [{ "type": "image", "url": url }] });
    let data = upload(&tenant, 100).await;

    assert_eq!(tenant.post(&path, &reply(&data["url"])).await.status, 202);

    let received = gateway.third_party.wait_for(1).await.remove(0).json();
    let link = received["content"][0]["url"].as_str().unwrap();
    assert_eq!(follow(&gateway.url(), link).await.status, 200);
    let unknown = json!("genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6");
    assert_eq!(tenant.post(&path, &reply(&unknown)).await.status, 422);
}

#[tokio::test]
async fn a_link_that_is_not_ours_or_not_any_more_leads_to_nothing() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let link = link_to(&gateway, &tenant, 100).await;
    let (path, query) = link.split_once('?').unwrap();
    let others = upload(&neighbour, 100).await["mediaId"]
        .as_str()
        .unwrap()
        .to_owned();
    let own_id = path.rsplit('/').next().unwrap();
    let forged = [
        path.to_owned(),
        format!("{path}?{}", query.replace("expires=", "expires=1")),
        format!(
            "{path}?{}",
            query.replace(&tenant.ccid.to_string(), &neighbour.ccid.to_string())
        ),
        format!("{path}?tenant={}", tenant.ccid),
        link.replace(own_id, &others),
        link.replace(own_id, "bb4a9f86-dbbb-4464-a669-650da94fbad6"),
        link.replace(own_id, "no-id"),
        link[..link.len() - 1].to_owned(),
    ];
    let mut refusals = Vec::new();
    for link in forged {
        let reply = follow(&gateway.url(), &link).await;
        refusals.push((reply.status, reply.json()));
    }
    gateway.clock.advance(DAY * 41);
    let late = follow(&gateway.url(), &link).await;
    refusals.push((late.status, late.json()));

    refusals.dedup();
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert_eq!(refusals[0].0, 404);
}

#[tokio::test]
async fn a_key_opens_the_files_of_its_own_tenant_alone() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let data = upload(&tenant, 100).await;
    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.status, 200);
    assert_eq!(neighbour.get(&path).await.status, 404);
    let mut wrong = neighbour.clone();
    wrong.key = "5f0c8e1a-9d3b-4c57-8a55-000000000000".to_owned();
    assert_eq!(wrong.get(&path).await.status, 401);
    let bare = format!("{}{path}", gateway.url());
    assert_eq!(
        send(Method::GET, &bare, HeaderMap::new(), vec![])
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn downloads_beyond_the_limit_are_told_to_come_again() {
    let gateway = TestGateway::start_with(&[("MEDIA__DOWNLOADS_MAX", "1")]).await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 20_000_000).await;
    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    let address = gateway.url().replace("http://", "");
    let mut slow = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: gateway\r\nx-api-key: {}\r\nx-ccid: {}\r\n\r\n",
        tenant.key, tenant.ccid
    );
    tokio::io::AsyncWriteExt::write_all(&mut slow, head.as_bytes())
        .await
        .unwrap();
    assert_eq!(super::status_of(&mut slow).await, 200);

    let refused = tenant.get(&path).await;

    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_file_is_forgotten_after_its_time_and_its_rows_with_it() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let data = upload(&tenant, 300_000).await;
    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    gateway.clock.advance(DAY * 79);
    assert_eq!(tenant.get(&path).await.status, 200);
    gateway.clock.advance(DAY);
    assert_eq!(tenant.get(&path).await.status, 404);

    let retention = Config::load(None, std::iter::empty()).unwrap().retention;
    let tables = janitor::weekly_tables(&retention);
    let media = tables
        .iter()
        .filter(|table| table.table.starts_with("media"));
    let media: Vec<_> = media.copied().collect();
    assert_eq!(media.len(), 2);
    let mut connection = gateway.connect().await;
    let later = gateway.clock.now_ms();
    partitions::drop_expired(&mut connection, &media, later)
        .await
        .unwrap();
    assert_eq!(
        files_stored(&gateway).await,
        1,
        "its week is not over yet for all in it"
    );
    partitions::drop_expired(&mut connection, &media, later + 14 * 86_400_000)
        .await
        .unwrap();
    assert_eq!(files_stored(&gateway).await, 0);
    let rows: i64 = sqlx::query_scalar("select count(*) from media_chunks")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}
