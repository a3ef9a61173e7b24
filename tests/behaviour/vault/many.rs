//! Many sealed values, and people who change some of them while they are sealed anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nexus_gateway::platform::vault::{MasterKey, SealContext, Vault};
use nexus_gateway::values::Ccid;
use serde_json::json;
use sqlx::PgConnection;
use tokio::task::spawn_blocking;
use tokio::time::interval;
use uuid::Uuid;

use super::{NEW_AND_OLD, ONLY_NEW, ONLY_OLD, Site, stops};
use crate::harness::gateway::{MASTER_KEY, WEBHOOK_SECRET};
use crate::harness::server::{self, Server};
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

/// Twice what an optimised gateway has; the one that is tested is not.
const PROMISED: Duration = Duration::from_mins(2);
/// Between two calls of the same caller, at least.
const PAUSE: Duration = Duration::from_millis(20);

/// Puts kept answers that the old key has sealed straight into the table.
async fn keep_answers(database: &mut PgConnection, ccid: Uuid, count: usize) {
    let vault = Vault::new(MasterKey::from_base64(MASTER_KEY).unwrap());
    let keys: Vec<String> = (0..count).map(|number| format!("kept-{number}")).collect();
    for keys in keys.chunks(5_000) {
        let sealed: Vec<Vec<u8>> = keys
            .iter()
            .map(|row| {
                let context = SealContext {
                    ccid: Ccid::from_uuid(ccid),
                    table: "idempotency_keys",
                    row,
                };
                vault.seal(&context, b"an answer of some length")
            })
            .collect();
        sqlx::query(
            "insert into idempotency_keys (ccid, key, request, sealed_answer, created_at)
             select $1, key, '', sealed, (extract(epoch from now()) * 1000)::bigint
             from unnest($2::text[], $3::bytea[]) as mine (key, sealed)",
        )
        .bind(ccid)
        .bind(keys)
        .bind(sealed)
        .execute(&mut *database)
        .await
        .unwrap();
    }
}

/// Gives the channel a new secret again and again, each of which is in force at once; the last one.
async fn changes_secrets(tenant: &mut Tenant, url: &str, enough: &AtomicBool) {
    let mut number = 0;
    let mut pace = interval(PAUSE);
    while !enough.load(Ordering::Relaxed) {
        pace.tick().await;
        number += 1;
        let secret = format!("secret number {number}");
        let body = json!({
            "data": { "channels": [{ "channelId": PHONE, "webhook": { "url": url } }] },
            "secret": { "channels": [{
                "channelId": PHONE, "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": secret },
            }] },
        });
        let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
        let saved = tenant.put(&path, &body).await;
        assert_eq!(saved.status, 200, "{saved:?}");
        tenant.third_party.api_secret = secret;
        tenant
            .consumer_says(CONSUMER, "signed with the new one")
            .await;
    }
}

async fn sends(tenant: &Tenant, server: &Server, enough: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    let mut pace = interval(PAUSE);
    while !enough.load(Ordering::Relaxed) {
        pace.tick().await;
        ids.push(tenant.at(&server.url).send(CONSUMER, "goes on").await);
    }
    ids
}

/// Seals so many values anew while the gateway is used; how long that took.
async fn replaces_the_key_of(count: usize) -> Duration {
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    let (mut changed, steady) = (site.tenant(&old).await, site.tenant(&old).await);
    stops(old).await;
    let mut database = site.connect().await;
    keep_answers(&mut database, steady.ccid, count).await;
    let (one, other) = (
        site.serves(&NEW_AND_OLD).await,
        site.serves(&NEW_AND_OLD).await,
    );
    changed = changed.at(&one.url);
    let enough = AtomicBool::new(false);
    let url = site.third_party.url();
    let rotates = async {
        let database = site.database.handle.url();
        let mut command = server::command(&database, &NEW_AND_OLD, &["rekey"]);
        let began = Instant::now();
        let ended = spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap();
        enough.store(true, Ordering::Relaxed);
        assert!(ended.status.success(), "{ended:?}");
        began.elapsed()
    };
    let ((), sent, took) = tokio::join!(
        changes_secrets(&mut changed, &url, &enough),
        sends(&steady, &other, &enough),
        rotates,
    );
    for id in sent {
        steady.at(&other.url).wait_for_status(&id, "Sent").await;
    }
    stops(one).await;
    stops(other).await;
    let alone = site.serves(&ONLY_NEW).await;
    changed
        .at(&alone.url)
        .consumer_says(CONSUMER, "signed with the last one")
        .await;
    assert!(!alone.has_said("cannot be read"), "{}", alone.said());
    took
}

#[tokio::test]
async fn a_secret_that_is_changed_while_everything_is_sealed_anew_stays_changed() {
    replaces_the_key_of(2_000).await;
}

#[tokio::test]
#[ignore = "long; .ci/deep runs it"]
async fn a_hundred_thousand_values_are_sealed_anew_within_two_minutes_while_the_gateway_is_used() {
    let took = replaces_the_key_of(100_000).await;
    assert!(took <= PROMISED, "{took:?}");
}
