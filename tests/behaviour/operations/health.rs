//! Health on both listeners, the rest on the inside.
#![expect(
    clippy::print_stdout,
    reason = "the figures are for whoever runs these tests"
)]

use std::time::Instant;

use nexus_gateway::platform::database::embedded::Durability;
use serde_json::json;

use super::get;
use crate::harness::TestGateway;
use crate::harness::cluster::private;
use crate::harness::eventually::eventually;
use crate::harness::server::Server;
use crate::harness::tenant::SOON;

#[tokio::test]
async fn health_is_shown_to_everybody_and_the_rest_only_inside() {
    let gateway = TestGateway::start().await;
    let (outside, inside) = (gateway.url(), gateway.internal_url());
    for listener in [&outside, &inside] {
        for path in ["/health/live", "/health/ready"] {
            let reply = get(&format!("{listener}{path}")).await;
            assert_eq!(
                (reply.status, reply.json()),
                (200, json!({ "status": { "code": 0 } }))
            );
        }
    }
    for path in ["/metrics", "/version"] {
        assert_eq!(get(&format!("{outside}{path}")).await.status, 404, "{path}");
        assert_eq!(get(&format!("{inside}{path}")).await.status, 200, "{path}");
    }
    let version = get(&format!("{inside}/version")).await.json();
    assert_eq!(
        version["data"],
        json!({ "name": "nexus-gateway", "version": env!("CARGO_PKG_VERSION") })
    );
    assert_eq!(
        get(&format!("{inside}/nexus/v3/messages")).await.status,
        404
    );
}

#[tokio::test]
async fn a_process_that_only_sends_shows_its_health_and_nothing_else() {
    let gateway = TestGateway::start().await;
    let sender = gateway.replica_that_only_sends().await;
    assert_eq!(
        get(&format!("{}/health/ready", sender.url())).await.status,
        200
    );
    assert_eq!(
        get(&format!("{}/nexus/v3/messages", sender.url()))
            .await
            .status,
        404
    );
    assert_eq!(
        get(&format!("{}/nexus/v3/messages", gateway.url()))
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn a_gateway_without_its_database_lives_and_is_not_ready_until_it_is_back() {
    let mut cluster = private(Durability::Full).await;
    let url = cluster.url("nexus_gateway");
    let server = Server::start(&url, &[]).await;
    let ready = async || get(&format!("{}/health/ready", server.url)).await;

    cluster.kill_9().await;
    let killed = Instant::now();
    let refused = eventually("it is not ready", SOON, async || {
        let reply = ready().await;
        (reply.status == 503).then_some(reply)
    })
    .await;
    println!("not ready after {:?}, of 2 s", killed.elapsed());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        get(&format!("{}/health/live", server.url)).await.status,
        200
    );

    cluster.start().await;
    server.wait_until_ready().await;
}
