//! The master key is replaced while replicas serve.

use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use nexus_gateway::media::id::new_at;
use nexus_gateway::media::link::Links;
use nexus_gateway::platform::clock::Clock;
use nexus_gateway::platform::database::Pool;
use nexus_gateway::platform::vault::{MasterKey, MasterKeys, Pseudonyms, Vault, register};
use nexus_gateway::simulator::WireClient;
use nexus_gateway::values::Ccid;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::task::spawn_blocking;

use super::{NEW_AND_OLD, NEW_KEY, OLD_AND_NEW, ONLY_NEW, ONLY_OLD, Site, stops};
use crate::harness::eventually::eventually;
use crate::harness::gateway::{BOOTSTRAP_KEY, MASTER_KEY};
use crate::harness::server::{self, Server};
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

fn rekey(site: &Site, keys: &[(&str, &str)]) -> Output {
    let url = site.database.handle.url();
    server::command(&url, keys, &["rekey"]).output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn key(text: &str) -> MasterKey {
    MasterKey::from_base64(text).unwrap()
}

/// How many values are sealed with a master key, and how many with any other.
async fn sealed_with(database: &mut PgConnection, text: &str) -> (i64, i64) {
    let id = key(text).id();
    sqlx::query_as(
        "with sealed (value) as (
             select secret from services union all
             select sealed_answer from idempotency_keys where sealed_answer is not null
         )
         select count(*) filter (where substring(value from 2 for 8) = $1),
                count(*) filter (where substring(value from 2 for 8) <> $1)
         from sealed",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_one(database)
    .await
    .unwrap()
}

/// What is on record of it, newest first.
async fn records_of_rekey(server: &Server) -> Vec<Value> {
    let url = format!("{}/nexus/v3/audit?object=rekey", server.url);
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", BOOTSTRAP_KEY.parse().unwrap());
    let client = WireClient::new().unwrap();
    let reply = client.send(Method::GET, &url, headers, Vec::new()).await;
    reply.unwrap().json()["data"]["items"]
        .as_array()
        .unwrap()
        .clone()
}

/// Starts to seal everything anew and kills it when it says that it has begun.
fn is_killed_in_the_middle(database_url: &str) {
    let words = ["rekey", "--batch", "1", "--pause-milliseconds", "60000"];
    let mut child = server::command(database_url, &NEW_AND_OLD, &words)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "1 value was sealed anew so far\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Sends and receives at both replicas until it is enough; every call has to succeed. Gives back the ids of what was sent.
async fn traffic(tenant: &Tenant, replicas: &[&Server], enough: &AtomicBool) -> Vec<String> {
    let mut ids = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        for server in replicas {
            let here = tenant.at(&server.url);
            ids.push(here.send(CONSUMER, "goes on").await);
            here.consumer_says(CONSUMER, "so does this").await;
            let late = here.receipt("nobody knows", "Delivered", None).await;
            assert_eq!(late.status, 200, "{:?}", late.json());
        }
    }
    ids
}

/// Two replicas are restarted one after the other, first with the key to come and then with it in force. Gives them back
/// with a tenant that was made in between.
async fn restarts(site: &Site) -> (Server, Server, Tenant) {
    let (one, other) = (
        site.serves(&OLD_AND_NEW).await,
        site.serves(&OLD_AND_NEW).await,
    );
    stops(one).await;
    let one = site.serves(&NEW_AND_OLD).await;
    // What one seals with the new key the other opens, which still seals with the old one.
    let between = site.tenant(&one).await;
    let elsewhere = between.at(&other.url);
    eventually("the other has opened it", SOON, async || {
        elsewhere.is_known().await.then_some(())
    })
    .await;
    let id = elsewhere.send(CONSUMER, "between").await;
    elsewhere.wait_for_status(&id, "Sent").await;
    stops(other).await;
    (one, site.serves(&NEW_AND_OLD).await, between)
}

/// The key is replaced at the second try, while both replicas are used.
async fn replaces_the_key(site: &Site, tenant: &Tenant, replicas: [&Server; 2]) {
    let mut database = site.connect().await;
    let (_, before) = sealed_with(&mut database, NEW_KEY).await;
    assert_eq!(
        before, 4,
        "three tenants and an answer, beside the key of opt-out proofs"
    );
    let enough = AtomicBool::new(false);
    let rotates = async {
        let url = site.database.handle.url();
        spawn_blocking(move || is_killed_in_the_middle(&url))
            .await
            .unwrap();
        assert_eq!(sealed_with(&mut database, NEW_KEY).await.1, before - 1);
        let mut command = server::command(&site.database.handle.url(), &NEW_AND_OLD, &["rekey"]);
        let rest = spawn_blocking(move || command.output().unwrap()).await;
        enough.store(true, Ordering::Relaxed);
        rest.unwrap()
    };
    let (sent, rest) = tokio::join!(traffic(tenant, &replicas, &enough), rotates);
    assert_eq!(rest.status.code(), Some(0), "{}", said(&rest));
    let old = key(MASTER_KEY).id();
    for words in [
        "4 values were sealed anew; everything is sealed with".to_owned(),
        format!("{old} may be removed from security.other_master_keys"),
    ] {
        assert!(said(&rest).contains(&words), "{}", said(&rest));
    }
    assert_eq!(sealed_with(&mut database, NEW_KEY).await.1, 0);
    for id in sent {
        tenant
            .at(&replicas[0].url)
            .wait_for_status(&id, "Sent")
            .await;
    }
}

#[tokio::test]
async fn the_master_key_is_replaced_while_two_replicas_send_and_receive_and_the_command_is_killed()
{
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    let tenant = site.tenant(&old).await;
    let others = [site.tenant(&old).await, site.tenant(&old).await];
    let body =
        json!({ "tenant": tenant.ccid, "name": "kept", "permissions": ["nexus:messages:read"] });
    let path = "/nexus/v3/provisioning/apikeys";
    let kept = tenant.post_once("kept", path, &body).await;
    stops(old).await;

    let (one, other, between) = restarts(&site).await;
    replaces_the_key(&site, &tenant, [&one, &other]).await;
    stops(one).await;
    stops(other).await;

    let alone = site.serves(&ONLY_NEW).await;
    for tenant in others.iter().chain([&tenant, &between]) {
        let here = tenant.at(&alone.url);
        let id = here.send(CONSUMER, "opened").await;
        here.wait_for_status(&id, "Sent").await;
        here.consumer_says(CONSUMER, "opened").await;
    }
    let again = tenant.at(&alone.url).post_once("kept", path, &body).await;
    assert_eq!((again.status, again.json()), (kept.status, kept.json()));
    let records = records_of_rekey(&alone).await;
    let actions: Vec<_> = records
        .iter()
        .map(|record| record["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["rekey.ended", "rekey.begun", "rekey.begun"]);
    let old = key(MASTER_KEY).id().to_string();
    assert_eq!(records[0]["changed"], json!([old]));
    assert!(!alone.has_said("cannot be read"), "{}", alone.said());
}

#[tokio::test]
async fn a_key_that_was_replaced_seals_no_more_and_to_replace_it_again_changes_nothing() {
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    site.tenant(&old).await;
    stops(old).await;
    assert!(rekey(&site, &NEW_AND_OLD).status.success());
    let again = rekey(&site, &NEW_AND_OLD);
    assert!(again.status.success(), "{}", said(&again));
    assert!(
        said(&again).starts_with("0 values were sealed anew; everything is sealed"),
        "{}",
        said(&again)
    );
    for keys in [&OLD_AND_NEW[..], &ONLY_OLD] {
        let refused = site.refuses_to_serve(keys);
        assert_eq!(refused.lines().count(), 1, "{refused}");
    }
    assert!(
        site.refuses_to_serve(&OLD_AND_NEW)
            .contains("has replaced in this database")
    );
}

#[tokio::test]
async fn while_a_key_is_needed_nothing_starts_without_it() {
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    site.tenant(&old).await;
    stops(old).await;
    is_killed_in_the_middle(&site.database.handle.url());
    let refused = site.refuses_to_serve(&ONLY_NEW);
    let needed = format!(
        "sealed with the master key {}, which is not configured",
        key(MASTER_KEY).id()
    );
    assert!(refused.contains(&needed), "{refused}");
    let without = rekey(&site, &ONLY_NEW);
    assert_eq!(without.status.code(), Some(1));
    assert!(said(&without).contains(&needed), "{}", said(&without));
    drop(site.serves(&NEW_AND_OLD).await);
}

#[tokio::test]
async fn a_value_that_does_not_open_is_named_and_keeps_the_old_key_from_being_removed() {
    let site = Site::new().await;
    let old = site.serves(&ONLY_OLD).await;
    let (harmed, fine) = (site.tenant(&old).await, site.tenant(&old).await);
    stops(old).await;
    let mut database = site.connect().await;
    sqlx::query("update services set secret = (select secret from services where ccid = $2) where ccid = $1")
        .bind(harmed.ccid)
        .bind(fine.ccid)
        .execute(&mut database)
        .await
        .unwrap();
    let output = rekey(&site, &NEW_AND_OLD);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let named = format!(
        "services of {}, \"Async\": the sealed value does not belong here",
        harmed.ccid
    );
    assert!(said(&output).contains(&named), "{}", said(&output));
    assert_eq!(
        sealed_with(&mut database, NEW_KEY).await,
        (1, 1),
        "the others are done"
    );
    assert!(
        site.refuses_to_serve(&ONLY_NEW)
            .contains("which is not configured")
    );

    sqlx::query("delete from services where ccid = $1")
        .bind(harmed.ccid)
        .execute(&mut database)
        .await
        .unwrap();
    let output = rekey(&site, &NEW_AND_OLD);
    assert!(output.status.success(), "{}", said(&output));
    drop(site.serves(&ONLY_NEW).await);
}

#[tokio::test]
async fn pseudonyms_and_links_of_a_replaced_key_outlive_it_and_no_new_ones_are_taken() {
    let site = Site::new().await;
    let person = (Ccid::from_uuid(uuid::Uuid::new_v4()), CONSUMER);
    let name = Pseudonyms::new(&Vault::new(key(MASTER_KEY))).of(person.0, person.1);
    drop(site.serves(&ONLY_OLD).await);
    let before = Clock::system().now_ms();
    assert!(rekey(&site, &NEW_AND_OLD).status.success());

    let pool = Pool::new(site.database.handle.connect_options(), 1);
    let keys = MasterKeys {
        current: key(NEW_KEY),
        others: Vec::new(),
    };
    let vault = register::open(&pool, keys, async |_, _| Ok(0))
        .await
        .unwrap();
    let names: Vec<_> = Pseudonyms::new(&vault).all_of(person.0, person.1).collect();
    assert_eq!(names.len(), 2);
    assert_ne!(names[0], name, "new ones are the new key's");
    assert_eq!(names[1], name);
    let replaced = vault.derived_keys("anything")[1].replaced_at_ms().unwrap();
    assert!(replaced >= before, "{replaced}");

    let file = new_at(before);
    let links = |vault: &Vault| Links::new(Some("https://gateway.example.com"), 40, vault);
    let of_the_old_key = links(&Vault::new(key(MASTER_KEY)));
    let opens = |accepted_ms: i64| {
        let link = of_the_old_key.to(person.0, file, accepted_ms).unwrap();
        let query = serde_urlencoded::from_str(link.split_once('?').unwrap().1).unwrap();
        links(&vault).opens(file, &query, replaced)
    };
    assert_eq!(
        opens(replaced - 1_000),
        Some(person.0),
        "it was sent before"
    );
    assert_eq!(
        opens(replaced + 1_000),
        None,
        "nobody has made links with it since"
    );
}
