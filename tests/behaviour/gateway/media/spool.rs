//! Uploads on their way: bounded, and gone whatever happens.

use std::fs;

use nexus_gateway::simulator::{ThirdParty, ThirdPartyOptions};
use nexus_gateway::values::Secret;
use serde_json::json;

use super::{png, stalled_upload, try_upload, upload};
use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::{WEBHOOK_SECRET, database};
use crate::harness::server::Server;
use crate::harness::tenant::{SOON, Tenant};

/// Room for one upload of the longest file and not more.
const NARROW: [(&str, &str); 2] = [
    ("MEDIA__FILE_BYTES_MAX", "1000"),
    ("SERVER__SPOOL_BYTES_MAX", "66536"),
];

#[tokio::test]
async fn an_upload_that_finds_no_room_is_told_to_come_again() {
    let gateway = TestGateway::start_with(&NARROW).await;
    let tenant = gateway.tenant().await;
    let stalled = stalled_upload(&tenant, 66_500, 1).await;
    let mut unknown = tenant.third_party.clone();
    unknown.channel_id = "16504661150".to_owned();

    eventually("the room is taken", SOON, async || {
        let refused = try_upload(&tenant, 900);
        let refused = refused.await;
        (refused.status == 503).then(|| assert_eq!(refused.header("retry-after"), Some("1")))
    })
    .await;
    let of_unknown = unknown
        .upload("a.png", "image/png", &png(900))
        .await
        .unwrap();
    assert_eq!(of_unknown.status, 503, "nobody learns which channels exist");

    drop(stalled);
    eventually("there is room again", SOON, async || {
        let taken = try_upload(&tenant, 900);
        (taken.await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn one_tenant_s_uploads_do_not_take_everybody_s_places() {
    let gateway = TestGateway::start_with(&[("MEDIA__TENANT_UPLOADS_MAX", "1")]).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let _stalled = stalled_upload(&tenant, 10_000, 1).await;
    eventually("the tenant's place is taken", SOON, async || {
        let refused = try_upload(&tenant, 900);
        (refused.await.status == 503).then_some(())
    })
    .await;
    upload(&neighbour, 900).await;
}

#[tokio::test]
async fn a_process_that_is_killed_in_mid_upload_leaves_nothing_behind() {
    let spool = tempfile::tempdir().unwrap();
    let directory = spool.path().join("made by the gateway");
    let settings = [("SERVER__SPOOL_DIR", directory.to_str().unwrap())];
    let database = database().await;
    let options = ThirdPartyOptions::with_secret(Secret::new(WEBHOOK_SECRET.to_owned()));
    let third_party = ThirdParty::start(options).await.unwrap();
    let server = Server::start(&database.handle.url(), &settings).await;
    let tenant = Tenant::provision(&server.url, &third_party.url(), &json!({})).await;
    let _stalled = stalled_upload(&tenant, 20_000_000, 1_000_000).await;

    server.kill_9();
    // It may have been killed before it took the file's name away, and then nothing is in it yet.
    let left = fs::read_dir(&directory).unwrap();
    let left: u64 = left
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert_eq!(left, 0);

    fs::write(directory.join("upload-of-one-that-was-killed"), "").unwrap();
    let server = Server::start(&database.handle.url(), &settings).await;
    assert_eq!(fs::read_dir(&directory).unwrap().count(), 0);
    upload(&tenant.at(&server.url), 1_000).await;
}
