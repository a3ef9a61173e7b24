//! Ciphertexts in a place for which they were not sealed.

use serde_json::json;

use super::Site;
use crate::harness::eventually::eventually;
use crate::harness::gateway::BOOTSTRAP_KEY;
use crate::harness::server::Server;
use crate::harness::tenant::{CONSUMER, SOON, Tenant};

/// How often a sealed value of this table did not open, as a replica counts it.
async fn not_opened(server: &Server, table: &str) -> u64 {
    let url = format!("{}/metrics", server.internal_url);
    let page = crate::operations::get(&url).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let line = format!("nexus_gateway_sealed_values_not_opened_total{{table=\"{table}\"}} ");
    text.lines()
        .find_map(|shown| shown.strip_prefix(&line))
        .map_or(0, |count| count.parse().unwrap())
}

/// Puts something of the tenant anew, so that replicas read all of it.
async fn touch(tenant: &Tenant) {
    let path = format!("/nexus/v3/provisioning/services/{}/SMS", tenant.ccid);
    let body = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
    let saved = tenant.put(&path, &body).await;
    assert!(saved.status == 200 || saved.status == 201, "{saved:?}");
}

#[tokio::test]
async fn a_secret_of_another_tenant_service_or_table_opens_nothing_and_harms_only_its_row() {
    let site = Site::new().await;
    let server = site.serves(&[]).await;
    let mut database = site.connect().await;
    let fine = site.tenant(&server).await;
    touch(&fine).await;
    let created = fine
        .post_once(
            "once",
            "/nexus/v3/provisioning/apikeys",
            &json!({ "tenant": fine.ccid, "name": "kept", "permissions": ["nexus:messages:read"] }),
        )
        .await;
    assert_eq!(created.status, 201);
    let sources = [
        format!("select secret from services where ccid = '{}' and name = 'Async'", fine.ccid),
        "select secret from services where ccid = mine.ccid and name = 'SMS'".to_owned(),
        format!("select sealed_answer from idempotency_keys where ccid = '{}'", fine.ccid),
        "select overlay(secret placing 'x' from 60) from services where ccid = mine.ccid and name = 'Async'".to_owned(),
        "select substring(secret from 1 for 50) from services where ccid = mine.ccid and name = 'Async'".to_owned(),
    ];
    for source in sources {
        let harmed = site.tenant(&server).await;
        touch(&harmed).await;
        let before = not_opened(&server, "services").await;
        let statement = format!(
            "update services mine set secret = ({source}) where ccid = '{}' and name = 'Async'",
            harmed.ccid
        );
        let moved = sqlx::query(sqlx::AssertSqlSafe(statement))
            .execute(&mut database)
            .await
            .unwrap();
        assert_eq!(moved.rows_affected(), 1);
        touch(&harmed).await;
        let refused = harmed.submit(CONSUMER, "never sent").await;
        assert_eq!(
            refused.json()["data"]["results"][0]["error"]["code"],
            404,
            "{source}: {:?}",
            refused.json()
        );
        assert!(not_opened(&server, "services").await > before, "{source}");
        let mut operator = harmed.clone();
        BOOTSTRAP_KEY.clone_into(&mut operator.key);
        let path = format!("/nexus/v3/provisioning/services/{}/Async", harmed.ccid);
        assert_eq!(operator.get(&path).await.status, 503, "{source}");

        let id = fine.send(CONSUMER, "sent").await;
        fine.wait_for_status(&id, "Sent").await;
    }
    assert!(server.has_said("A service cannot be read and is left out"));
}

#[tokio::test]
async fn a_kept_answer_that_was_moved_is_not_shown_to_another_call() {
    let site = Site::new().await;
    let server = site.serves(&[]).await;
    let tenant = site.tenant(&server).await;
    let make = async |key: &str| {
        let body =
            json!({ "tenant": tenant.ccid, "name": key, "permissions": ["nexus:messages:read"] });
        tenant
            .post_once(key, "/nexus/v3/provisioning/apikeys", &body)
            .await
    };
    let (one, other) = (make("one").await, make("other").await);
    assert_eq!((one.status, other.status), (201, 201));
    let mut database = site.connect().await;
    sqlx::query(
        "update idempotency_keys mine set sealed_answer = theirs.sealed_answer from idempotency_keys theirs
         where mine.ccid = theirs.ccid and mine.key = 'one' and theirs.key = 'other'",
    )
    .execute(&mut database)
    .await
    .unwrap();
    let again = make("one").await;
    assert_eq!(again.status, 503, "{:?}", again.json());
    assert_eq!(make("other").await.json(), other.json());
    eventually("it is counted", SOON, async || {
        (not_opened(&server, "idempotency_keys").await > 0).then_some(())
    })
    .await;
}
