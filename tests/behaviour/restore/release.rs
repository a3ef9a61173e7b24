//! Holding and letting go, more often than needed and at the wrong time.

use sqlx::PgConnection;

use super::{LIVE, RESTORED, Site, is_held, stops};
use crate::harness::eventually::eventually;
use crate::harness::tenant::{CONSUMER, SOON};

#[tokio::test]
async fn to_release_what_is_not_held_says_so_in_one_line() {
    let site = Site::new().await;
    stops(site.serves(LIVE).await).await;
    let nothing = (true, "nothing to release: no hold is in force".to_owned());
    assert_eq!(site.releases(LIVE), nothing);
}

#[tokio::test]
async fn to_release_before_everything_is_marked_is_refused() {
    let site = Site::new().await;
    stops(site.serves(LIVE).await).await;
    let mut database = site.connect(LIVE).await;
    sqlx::query("insert into restore_hold (data, began_at, frontier, marked) values ('', 0, 0, 7)")
        .execute(&mut database)
        .await
        .unwrap();
    let (released, said) = site.releases(LIVE);
    assert!(!released);
    assert!(
        said.contains("still being marked") && said.contains("7 messages"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[tokio::test]
async fn the_same_restore_is_held_once_however_often_it_is_told_of() {
    let site = Site::new().await;
    let live = site.serves(LIVE).await;
    let tenant = site.tenant_on_pause(&live).await;
    let queued = tenant.send(CONSUMER, "queued").await;
    stops(live).await;
    site.restores(LIVE, RESTORED).await;
    let mut database = site.connect(RESTORED).await;
    let before = generation(&mut database).await;

    let first = site.serves_after_restore(RESTORED).await;
    tenant
        .at(&first.url)
        .wait_for_status(&queued, "Unknown")
        .await;
    stops(first).await;
    let second = site.serves_after_restore(RESTORED).await;
    is_held(&second, true).await;
    assert_eq!(generation(&mut database).await, before + 1);
    let released = eventually("everything is marked", SOON, async || {
        let (released, said) = site.releases(RESTORED);
        released.then_some(said)
    });
    assert!(released.await.contains("1 message may"));
    is_held(&second, false).await;
    assert!(site.releases(RESTORED).1.starts_with("nothing to release"));
    stops(second).await;

    // Somebody has left the word on the command line.
    let third = site.serves_after_restore(RESTORED).await;
    is_held(&third, false).await;
    assert!(third.has_said("This restore was held and released before"));
    assert_eq!(generation(&mut database).await, before + 1);
    stops(third).await;
    drop(database);

    // Data that are restored anew are held anew.
    site.restores(RESTORED, "again").await;
    let fourth = site.serves_after_restore("again").await;
    is_held(&fourth, true).await;
    let mut database = site.connect("again").await;
    assert_eq!(generation(&mut database).await, before + 2);
}

async fn generation(database: &mut PgConnection) -> i32 {
    sqlx::query_scalar("select generation from feed")
        .fetch_one(database)
        .await
        .unwrap()
}
