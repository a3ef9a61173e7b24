//! What is sealed about persons outlives the key that sealed it first.

use super::{NEW_AND_OLD, ONLY_NEW, ONLY_OLD, Site, stops};
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
