//! A cluster that a test breaks keeps its address and its data.

use nexus_gateway::platform::database::embedded::Durability;
use sqlx::{Connection, PgConnection};

use crate::harness::cluster::{PrivateCluster, private};

async fn rows(cluster: &PrivateCluster, insert: bool) -> i64 {
    let mut connection = PgConnection::connect_with(&cluster.connect_options("nexus_gateway"))
        .await
        .unwrap();
    sqlx::query("create table if not exists t (n int)")
        .execute(&mut connection)
        .await
        .unwrap();
    if insert {
        sqlx::query("insert into t values (1)")
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::query_scalar("select count(*) from t")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_private_cluster_comes_back_at_the_same_address_from_every_kind_of_end() {
    let mut cluster = private(Durability::Full).await;
    let options = cluster.connect_options("nexus_gateway");
    assert_eq!(rows(&cluster, true).await, 1);

    cluster.stop_fast().await;
    assert!(PgConnection::connect_with(&options).await.is_err());
    cluster.start().await;
    assert_eq!(rows(&cluster, true).await, 2);

    cluster.stop_immediate().await;
    cluster.start().await;
    assert_eq!(rows(&cluster, true).await, 3);

    cluster.kill_9().await;
    cluster.start().await;
    assert_eq!(rows(&cluster, false).await, 3);
    PgConnection::connect_with(&options).await.unwrap();
}
