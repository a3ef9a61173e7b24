//! Whose certificate is taken, and what is said of the others.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, date_time_ymd};
use serde_json::json;
use tempfile::TempDir;

use super::authority::{Authority, Manner, TlsServer, common_name_alone, named, signed_by_itself};
use super::connecting::errors;
use super::doors::{channel_id, webhooks};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::name_server::NameServer;
use crate::harness::tenant::{CONSUMER, SOON, Tenant, text_to};

/// What an old server says to whoever does not speak TLS 1.1: a fatal alert, `protocol_version`.
const ONLY_TLS_1_1: &[u8] = &[21, 3, 2, 0, 2, 2, 70];
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";

/// A third party under one name, and what becomes of a message to it. `None`: it is accepted.
struct Case(&'static str, Manner, Option<&'static str>);

fn cases(authority: &Authority) -> Vec<Case> {
    let shows = |params: &CertificateParams| Manner::showing(authority.signs(params));
    let mut expired = named(&["expired.example"]);
    expired.not_before = date_time_ymd(2019, 1, 1);
    expired.not_after = date_time_ymd(2020, 1, 1);
    let mut early = named(&["early.example"]);
    early.not_before = date_time_ymd(2999, 1, 1);
    early.not_after = date_time_ymd(3000, 1, 1);
    let mut client = named(&["client.example"]);
    client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let (alone, stranger) = (named(&["alone.example"]), named(&["stranger.example"]));
    let stranger = Authority::new("somebody else").signs(&stranger);
    let linked = authority.signs_by_one_who_may_not(&named(&["linked.example"]));
    let choosy = Manner::wanting(authority.signs(&named(&["choosy.example"])), authority);
    let two_labels = shows(&named(&["*.wild.example"]));
    let one_label = shows(&named(&["*.tame.example"]));
    vec![
        Case("good.example", shows(&named(&["good.example"])), None),
        Case("one.tame.example", one_label, None),
        Case("one.two.wild.example", two_labels, Some("tls_wrong_name")),
        Case(
            "other.example",
            shows(&named(&["good.example"])),
            Some("tls_wrong_name"),
        ),
        Case(
            "common.example",
            shows(&common_name_alone("common.example")),
            Some("tls_wrong_name"),
        ),
        Case("expired.example", shows(&expired), Some("tls_expired")),
        Case("early.example", shows(&early), Some("tls_not_yet_valid")),
        Case(
            "alone.example",
            Manner::showing(signed_by_itself(&alone)),
            Some("tls_untrusted"),
        ),
        Case(
            "stranger.example",
            Manner::showing(stranger),
            Some("tls_untrusted"),
        ),
        Case(
            "client.example",
            shows(&client),
            Some("tls_unfit_certificate"),
        ),
        Case(
            "linked.example",
            Manner::showing(linked),
            Some("tls_unfit_certificate"),
        ),
        Case("choosy.example", choosy, Some("tls_our_certificate")),
        Case(
            "old.example",
            Manner::Says(ONLY_TLS_1_1),
            Some("tls_version"),
        ),
        Case("plain.example", Manner::Says(NO_TLS), Some("tls")),
    ]
}

/// A gateway that trusts what is in the file, for as long as it is said.
async fn gateway(names: &NameServer, ca_file: &Path, seconds: &str) -> TestGateway {
    let names = names.address.to_string();
    TestGateway::start_with(&[
        ("OUTBOUND__NAME_SERVERS", names.as_str()),
        ("OUTBOUND__CA_FILES", ca_file.to_str().unwrap()),
        ("OUTBOUND__CLIENT_SECONDS", seconds),
        ("DISPATCH__BREAKER_FAILURES", "1000000"),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "600"),
    ])
    .await
}

fn file(directory: &TempDir, text: &str) -> PathBuf {
    let path = directory.path().join("authorities.pem");
    fs::write(&path, text).unwrap();
    path
}

async fn send(tenant: &Tenant, number: usize, to: &str) -> String {
    let mut item = text_to(to, "Hi");
    item["channel"]["from"]["id"] = json!(channel_id(number));
    let sent = tenant
        .post("/nexus/v3/messages", &json!({ "messages": [item] }))
        .await;
    let results = sent.json()["data"]["results"].clone();
    results[0]["id"].as_str().unwrap().to_owned()
}

async fn save(tenant: &Tenant, urls: &[String]) {
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    let saved = tenant.put(&path, &webhooks(urls)).await;
    assert_eq!(saved.status, 200, "{:?}", saved.json());
}

#[tokio::test]
async fn a_certificate_that_is_not_in_order_is_refused_and_the_history_says_why() {
    let (names, authority) = (NameServer::start().await, Authority::new("ours"));
    let directory = tempfile::tempdir().unwrap();
    let gateway = gateway(&names, &file(&directory, &authority.pem()), "60").await;
    let tenant = gateway.tenant().await;
    let (mut servers, mut urls) = (Vec::new(), Vec::new());
    let cases = cases(&authority);
    for Case(name, manner, _) in &cases {
        names.says(name, &[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        let server = TlsServer::start(manner.clone()).await;
        urls.push(format!("https://{name}:{}/", server.port));
        servers.push(server);
    }
    save(&tenant, &urls).await;
    for (number, Case(name, _, expected)) in cases.iter().enumerate() {
        let id = send(&tenant, number, CONSUMER).await;
        if let Some(class) = expected {
            assert_eq!(errors(&tenant, &id, 1).await, [*class], "{name}");
        } else {
            let message = tenant.wait_for_status(&id, "Sent").await;
            assert_eq!(message["status"], "Sent", "{name}");
        }
    }
}

#[tokio::test]
async fn an_authority_that_is_put_into_the_file_is_trusted_without_a_restart() {
    let (names, authority) = (NameServer::start().await, Authority::new("new"));
    let directory = tempfile::tempdir().unwrap();
    let path = file(&directory, &Authority::new("old").pem());
    let gateway = gateway(&names, &path, "0.05").await;
    names.says("moved.example", &[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let identity = authority.signs(&named(&["moved.example"]));
    let server = TlsServer::start(Manner::showing(identity)).await;
    let tenant = gateway.tenant().await;
    save(
        &tenant,
        &[format!("https://moved.example:{}/", server.port)],
    )
    .await;

    let mut attempts = 0;
    let mut outcome = async || {
        attempts += 1;
        let id = send(&tenant, 0, &format!("165055{attempts:05}")).await;
        errors(&tenant, &id, 1).await.remove(0)
    };
    assert_eq!(outcome().await, "tls_untrusted");
    // What is no certificate changes nothing: the client before stays in use.
    fs::write(&path, "no certificate").unwrap();
    assert_eq!(outcome().await, "tls_untrusted");
    fs::write(&path, authority.pem()).unwrap();
    eventually("the new authority is trusted", SOON, async || {
        outcome().await.is_null().then_some(())
    })
    .await;
}
