//! A key that opens every tenant is seen wherever it goes.

use sqlx::PgConnection;

use super::records;
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::{SOON, Tenant};

/// How many records there are of a route, and how many there may be.
async fn of_route(database: &mut PgConnection, tenant: &Tenant, route: &str) -> (i64, i64) {
    sqlx::query_as(
        "select count(*), count(distinct at / 60000) from audit
         where action = 'key.used' and object_id = $1 and ccid = $2",
    )
    .bind(route)
    .bind(tenant.ccid)
    .fetch_one(database)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_use_of_a_key_of_every_tenant_is_on_record_once_a_minute_for_each_route_and_tenant() {
    let gateway = TestGateway::start().await;
    let other = gateway.replica(&[]).await;
    let tenant = gateway.tenant().await;
    let mut operator = tenant.known_through(&other).await;
    gateway.bootstrap_key().clone_into(&mut operator.key);
    for _ in 0..20 {
        assert_eq!(operator.get("/nexus/v3/endpoints").await.status, 200);
        let here = operator.through(&gateway);
        assert_eq!(here.get("/nexus/v3/endpoints").await.status, 200);
        assert_eq!(tenant.get("/nexus/v3/statistics").await.status, 200);
    }
    let mut database = gateway.connect().await;
    let shown = eventually("it is on record", SOON, async || {
        let shown = records(&tenant, "action=key.used&limit=500").await;
        let listed = shown
            .iter()
            .any(|record| record["object"]["id"] == "GET /nexus/v3/endpoints");
        listed.then_some(shown)
    })
    .await;
    assert!(
        shown
            .iter()
            .all(|record| record["author"]["name"] == "bootstrap")
    );
    gateway.stop().await;
    other.stop().await;
    let (uses, minutes) = of_route(&mut database, &tenant, "GET /nexus/v3/endpoints").await;
    assert!(uses >= 1 && uses == minutes, "{uses} in {minutes} minutes");
    // A tenant's own key is its own business.
    assert_eq!(
        of_route(&mut database, &tenant, "GET /nexus/v3/statistics")
            .await
            .0,
        0
    );
}

#[tokio::test]
async fn what_was_used_last_is_on_record_before_the_gateway_has_stopped() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut operator = tenant.clone();
    gateway.bootstrap_key().clone_into(&mut operator.key);
    assert_eq!(operator.get("/nexus/v3/replays").await.status, 200);
    let mut database = gateway.connect().await;
    gateway.stop().await;
    assert_eq!(
        of_route(&mut database, &tenant, "GET /nexus/v3/replays").await,
        (1, 1)
    );
}
