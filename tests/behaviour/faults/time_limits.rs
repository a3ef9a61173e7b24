//! No statement of ours may go on for ever, whichever connection it is sent on.

use nexus_gateway::platform::database::embedded::Durability;

use crate::harness::cluster::private;
use crate::harness::fleet::Fleet;
use crate::harness::proxy::Proxy;

#[tokio::test]
async fn every_connection_of_a_running_gateway_has_the_time_limit_that_is_configured() {
    let cluster = private(Durability::None).await;
    let options = cluster.connect_options("nexus_gateway");
    let proxy = Proxy::start(&options).await;
    let settings = [("DATABASE__STATEMENT_TIMEOUT_MILLISECONDS", "1234")];
    let mut fleet = Fleet::on(options, &settings).await;
    let server = fleet.spawn_at(proxy.url());
    fleet.takes_up(server).await;
    let tenant = fleet.tenants(1).await.remove(0);
    let id = tenant.send("16505550199", "by every connection").await;
    tenant.wait_for_status(&id, "Sent").await;
    tenant.receipt(&id, "Delivered", None).await;
    tenant.wait_for_status(&id, "Delivered").await;

    // The one that brings the schema up to date has no name: a migration takes as long as it takes.
    let openings = proxy.openings();
    let (named, unnamed): (Vec<_>, Vec<_>) = openings
        .iter()
        .partition(|opening| opening.contains("application_name nexus-gateway"));
    assert_eq!(unnamed.len(), 1, "{unnamed:?}");
    assert!(named.len() >= 8, "{named:?}");
    for opening in named {
        assert!(opening.contains("statement_timeout=1234ms"), "{opening}");
    }
}
