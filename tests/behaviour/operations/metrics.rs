//! What is counted, and what is never said.

use std::collections::BTreeMap;
use std::time::Duration;

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::get;
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, PHONE, SOON};

/// The page as series and values. Tests of one process share it, so it is only asked for at least.
#[derive(Debug)]
struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    async fn of(gateway: &TestGateway) -> Self {
        let page = get(&format!("{}/metrics", gateway.internal_url())).await;
        let text = String::from_utf8(page.body.to_vec()).unwrap();
        let series = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().unwrap()))
            });
        Self(series.collect())
    }

    /// The sum over all series of a metric that have these labels.
    fn sum(&self, metric: &str, labels: &[&str]) -> f64 {
        let of_metric = self.0.iter().filter(|(series, _)| {
            let name = series.split('{').next().unwrap_or_default();
            name == metric && labels.iter().all(|label| series.contains(label))
        });
        of_metric.map(|(_, value)| value).sum()
    }
}

/// A metric and labels in each line: something of this kind happens below.
const COUNTED: &str = r#"
nexus_gateway_messages_accepted_total direction="outbound"
nexus_gateway_messages_accepted_total direction="inbound"
nexus_gateway_messages_refused_total reason="suppressed"
nexus_gateway_attempts_total connector="Async" outcome="accepted" error="none"
nexus_gateway_attempts_total connector="Async" outcome="retry" error="http_5xx"
nexus_gateway_attempts_total connector="Async" outcome="refused" error="http_4xx"
nexus_gateway_attempt_seconds_count outcome="accepted"
nexus_gateway_delivery_seconds_count connector="Async"
nexus_gateway_dead_letters_total code="500"
nexus_gateway_receipts_total result="applied"
nexus_gateway_receipts_total result="parked"
nexus_gateway_commit_seconds_count committer="accept"
nexus_gateway_commit_seconds_count committer="receipts"
nexus_gateway_commit_seconds_count committer="results"
nexus_gateway_http_requests_total route="/nexus/v3/messages" method="POST" status="202"
"#;

#[tokio::test]
async fn what_happens_to_messages_is_counted() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    gateway.third_party.answer_with([
        Rule::new(Answer::status(503)).times(1),
        Rule::new(Answer::status(400)).to("16505550111"),
        Rule::new(Answer::accept()),
    ]);
    let sent = tenant.send(CONSUMER, "is tried twice").await;
    tenant.wait_for_status(&sent, "Sent").await;
    let refused = tenant.send("16505550111", "is refused").await;
    tenant.wait_for_status(&refused, "Failed").await;
    assert_eq!(tenant.receipt(&sent, "Delivered", None).await.status, 200);
    assert_eq!(
        tenant
            .receipt("nobody knows", "Delivered", None)
            .await
            .status,
        200
    );
    tenant.consumer_says("16505550122", "STOP").await;
    assert_eq!(
        tenant.submit("16505550122", "is suppressed").await.status,
        422
    );

    let metrics = Metrics::of(&gateway).await;
    for line in COUNTED.lines().filter(|line| !line.is_empty()) {
        let mut words = line.split(' ');
        let metric = words.next().unwrap();
        let labels: Vec<_> = words.collect();
        assert!(metrics.sum(metric, &labels) >= 1.0, "{line}");
    }
}

#[tokio::test]
async fn uploads_and_downloads_are_counted() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let upload = async |mimetype: &str| {
        let uploaded = tenant.third_party.upload("a.txt", mimetype, b"Hello");
        uploaded.await.unwrap()
    };
    assert_eq!(upload("image/png").await.status, 415);
    let data = upload("text/plain").await.json()["data"].clone();
    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    assert_eq!(tenant.get(&path).await.status, 200);
    assert_eq!(tenant.get("/nexus/v3/media/none").await.status, 404);

    let metrics = Metrics::of(&gateway).await;
    for (metric, label, least) in [
        (
            "nexus_gateway_media_uploads_total",
            r#"result="stored""#,
            1.0,
        ),
        (
            "nexus_gateway_media_uploads_total",
            r#"result="wrong_type""#,
            1.0,
        ),
        ("nexus_gateway_media_stored_bytes_total", "", 5.0),
        (
            "nexus_gateway_media_downloads_total",
            r#"result="begun""#,
            1.0,
        ),
        (
            "nexus_gateway_media_downloads_total",
            r#"result="not_found""#,
            1.0,
        ),
    ] {
        assert!(metrics.sum(metric, &[label]) >= least, "{metric} {label}");
    }
}

#[tokio::test]
async fn lanes_parked_endpoints_and_gate_refusals_are_counted() {
    let settings = [
        ("DISPATCH__BREAKER_FAILURES", "2"),
        ("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.01,0.01,0.01"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = gateway.tenant().await;
    gateway
        .third_party
        .answer_with([Rule::new(Answer::status(503))]);
    tenant.send(CONSUMER, "meets a dead endpoint").await;
    // Accepted before its recipient opts out, it is stopped by the gate.
    let other = gateway.tenant().await;
    let later = rfc3339(gateway.clock.now_ms() + 60_000);
    let body = json!({ "messages": [{
        "channel": { "from": { "id": PHONE }, "to": { "id": CONSUMER } },
        "type": "Text", "text": "comes too late", "notBefore": later,
    }] });
    let reply = other.post("/nexus/v3/messages", &body).await.json();
    let stopped = reply["data"]["results"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    other.consumer_says(CONSUMER, "STOP").await;
    gateway.clock.advance(Duration::from_mins(2));
    other.wait_for_status(&stopped, "Failed").await;

    eventually("all of it is on the page", SOON, async || {
        let metrics = Metrics::of(&gateway).await;
        let all = metrics.sum("nexus_gateway_endpoints_parked_total", &[]) >= 1.0
            && metrics.sum(
                "nexus_gateway_attempts_not_started_total",
                &[r#"reason="suppressed""#],
            ) >= 1.0
            && metrics.sum("nexus_gateway_lanes_owned", &[]) >= 2.0;
        all.then_some(())
    })
    .await;
}

#[tokio::test]
async fn no_tenant_address_or_text_is_in_a_metric() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let id = tenant.send(CONSUMER, "a secret text").await;
    tenant.wait_for_status(&id, "Sent").await;
    tenant.consumer_says(CONSUMER, "another secret text").await;
    let page = get(&format!("{}/metrics", gateway.internal_url())).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let ccid = tenant.ccid.to_string();
    for said in [
        CONSUMER,
        PHONE,
        "secret",
        ccid.as_str(),
        id.as_str(),
        tenant.key.as_str(),
    ] {
        assert!(!text.contains(said), "{said} is on the page");
    }
}
