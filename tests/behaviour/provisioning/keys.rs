//! Who may call, and how keys come and go.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::tenant::SOON;
use crate::provisioning::api::{Holder, new_ccid};

#[tokio::test]
async fn a_key_is_shown_once_and_opens_at_once() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let made = operator
        .post(
            "apikeys",
            &json!({ "tenant": ccid, "name": "shop", "permissions": ["nexus:apikeys:read"] }),
        )
        .await;
    let data = made.accepted(201).data();
    let key = data["key"].as_str().unwrap();
    let id = data["id"].as_str().unwrap();
    assert_eq!(Uuid::parse_str(key).unwrap().get_version_num(), 4);
    assert_eq!(data["tenant"], ccid.as_str());
    assert_eq!(data["permissions"], json!(["nexus:apikeys:read"]));
    assert_eq!(data["enabled"], true);
    assert_eq!(data["expiresAt"], json!(null));

    let holder = operator.with_key(key);
    let seen = holder.get(&format!("apikeys/{id}")).await;
    assert!(seen.accepted(200).data().get("key").is_none());
    assert_eq!(seen.data()["name"], "shop");
    let listed = holder.get("apikeys").await;
    assert!(!listed.accepted(200).body.to_string().contains(key));
    // In capitals it is the same key.
    holder
        .with_key(key.to_uppercase())
        .get("apikeys")
        .await
        .accepted(200);
}

#[tokio::test]
async fn a_chosen_key_is_random_and_can_be_taken_once() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let chosen = Uuid::new_v4().to_string();
    let body = |key: &str| json!({ "tenant": "*", "name": "portico", "permissions": ["nexus:cluster:*"], "key": key });
    let made = operator.post("apikeys", &body(&chosen)).await;
    assert_eq!(made.accepted(201).data()["key"], chosen.as_str());
    operator.post("apikeys", &body(&chosen)).await.refused(409);
    operator
        .post("apikeys", &body("9b7682b7-cbce-122f-9bbb-ecda85e61695"))
        .await
        .refused_at(&["/key"]);
    operator
        .post("apikeys", &body("secret"))
        .await
        .refused_at(&["/key"]);

    let id = made.data()["id"].as_str().unwrap();
    operator
        .delete(&format!("apikeys/{id}"))
        .await
        .accepted(200);
    // A key that was revoked does not come back.
    operator.post("apikeys", &body(&chosen)).await.refused(409);
}

#[tokio::test]
async fn a_new_key_must_say_what_can_be_granted() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let operator = &operator;
    let refused = |body| async move { operator.post("apikeys", &body).await };
    let all_wrong = json!({
        "tenant": "acme", "name": "", "permissions": ["nexus:cluster:*", "nexus:teapots:read", "messages"],
        "expiresAt": "tomorrow", "key": "x",
    });
    refused(all_wrong).await.refused_at(&[
        "/expiresAt",
        "/key",
        "/name",
        "/permissions/1",
        "/permissions/2",
        "/tenant",
    ]);
    refused(json!({ "tenant": "*", "name": "n", "permissions": [] }))
        .await
        .refused_at(&["/permissions"]);
    refused(json!({ "tenant": "*", "name": "n", "permissions": ["nexus:events:read"], "expiresAt": "2020-01-01T00:00:00Z" }))
        .await
        .refused_at(&["/expiresAt"]);
    refused(json!({ "tenant": "*", "name": "n", "permissions": ["nexus:events:read"], "expires": "never" })).await.refused_at(&["/expires"]);
    refused(json!({ "tenant": "*", "name": 5, "permissions": ["nexus:events:read"] }))
        .await
        .refused_at(&["/name"]);
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let send = |body: &str, headers: Vec<(&'static str, &'static str)>| {
        let (operator, body) = (operator.clone(), body.to_owned());
        async move {
            operator
                .call(Method::POST, "apikeys", Some(body), &headers)
                .await
        }
    };
    let json = ("content-type", "application/json");
    assert_eq!(send("{", vec![json]).await.status, 400);
    assert_eq!(
        send(
            r#"{"tenant":"*","tenant":"*","name":"n","permissions":["nexus:events:read"]}"#,
            vec![json]
        )
        .await
        .status,
        400
    );
    let good = r#"{"tenant":"*","name":"n","permissions":["nexus:events:read"]}"#;
    send(good, vec![("content-type", "text/plain")])
        .await
        .refused(415);
    send(good, vec![json, ("content-encoding", "gzip")])
        .await
        .refused(415);
    send(good, vec![json]).await.accepted(201);
}

#[tokio::test]
async fn no_key_makes_or_changes_one_that_can_do_more_than_itself() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let keeper = operator
        .tenant_key(&ccid, &["nexus:apikeys:*", "nexus:events:read"])
        .await;
    let make = |tenant: &str, permission: &str| json!({ "tenant": tenant, "name": "n", "permissions": [permission] });

    keeper
        .post("apikeys", &make(&ccid, "nexus:events:read"))
        .await
        .accepted(201);
    keeper
        .post("apikeys", &make(&ccid, "nexus:messages:send"))
        .await
        .refused(403);
    keeper
        .post("apikeys", &make(&ccid, "nexus:*:read"))
        .await
        .refused(403);
    keeper
        .post("apikeys", &make(&ccid, "nexus:cluster:*"))
        .await
        .refused(403);
    keeper
        .post("apikeys", &make("*", "nexus:events:read"))
        .await
        .refused(403);
    keeper
        .post("apikeys", &make(&new_ccid(), "nexus:events:read"))
        .await
        .refused(403);

    let stronger = operator
        .post("apikeys", &make(&ccid, "nexus:messages:send"))
        .await;
    let place = format!(
        "apikeys/{}",
        stronger.accepted(201).data()["id"].as_str().unwrap()
    );
    keeper.get(&place).await.accepted(200);
    keeper
        .patch(&place, &json!({ "enabled": false }))
        .await
        .refused(403);
    keeper.delete(&place).await.refused(403);
    operator.delete(&place).await.accepted(200);
}

#[tokio::test]
async fn another_tenants_key_is_as_unknown_as_none() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let (mine, theirs) = (new_ccid(), new_ccid());
    let keeper = operator.tenant_key(&mine, &["nexus:cluster:*"]).await;
    let other = operator
        .post(
            "apikeys",
            &json!({ "tenant": theirs, "name": "n", "permissions": ["nexus:events:read"] }),
        )
        .await;
    let cluster = operator
        .post(
            "apikeys",
            &json!({ "tenant": "*", "name": "n", "permissions": ["nexus:events:read"] }),
        )
        .await;
    let unknown = keeper.get(&format!("apikeys/{}", Uuid::new_v4())).await;
    unknown.refused(404);
    for hidden in [&other, &cluster] {
        let place = format!(
            "apikeys/{}",
            hidden.accepted(201).data()["id"].as_str().unwrap()
        );
        assert_eq!(keeper.get(&place).await.refused(404).body, unknown.body);
        keeper
            .patch(&place, &json!({ "name": "mine" }))
            .await
            .refused(404);
        keeper.delete(&place).await.refused(404);
    }
    keeper.get("apikeys/not-an-id").await.refused(404);
    keeper
        .get(&format!("apikeys?tenant={theirs}"))
        .await
        .refused(403);
    keeper.get("apikeys?tenant=*").await.refused(403);
    let listed = keeper.get("apikeys").await;
    let items = listed.accepted(200).data()["items"]
        .as_array()
        .unwrap()
        .clone();
    assert!(
        items.len() == 1 && items[0]["tenant"] == mine.as_str(),
        "{}",
        listed.body
    );
}

#[tokio::test]
async fn a_key_lives_as_it_is_told() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let made = operator
        .post(
            "apikeys",
            &json!({ "tenant": "*", "name": "n", "permissions": ["nexus:apikeys:read"] }),
        )
        .await;
    let holder = operator.with_key(made.accepted(201).data()["key"].as_str().unwrap());
    let place = format!("apikeys/{}", made.data()["id"].as_str().unwrap());

    operator
        .patch(&place, &json!({ "enabled": false }))
        .await
        .accepted(200);
    holder.get("apikeys").await.refused(401);
    operator
        .patch(&place, &json!({ "enabled": true, "name": "again" }))
        .await
        .accepted(200);
    assert_eq!(
        holder.get(&place).await.accepted(200).data()["name"],
        "again"
    );
    let ended = operator
        .patch(&place, &json!({ "expiresAt": "2020-01-01T01:00:00+01:00" }))
        .await;
    assert_eq!(
        ended.accepted(200).data()["expiresAt"],
        "2020-01-01T00:00:00.000Z"
    );
    holder.get("apikeys").await.refused(401);
    // What is left out stays; `null` takes the end away.
    operator
        .patch(&place, &json!({ "name": "still ended" }))
        .await
        .accepted(200);
    holder.get("apikeys").await.refused(401);
    operator
        .patch(&place, &json!({ "expiresAt": null }))
        .await
        .accepted(200);
    holder.get("apikeys").await.accepted(200);
    operator
        .patch(&place, &json!({ "permissions": ["nexus:cluster:*"] }))
        .await
        .refused_at(&["/permissions"]);
    operator.delete(&place).await.accepted(200);
    holder.get("apikeys").await.refused(401);
    operator.get(&place).await.refused(404);
    operator.delete(&place).await.refused(404);
}

#[tokio::test]
async fn keys_are_listed_page_by_page() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    for name in ["a", "b", "c"] {
        let made = operator
            .post(
                "apikeys",
                &json!({ "tenant": ccid, "name": name, "permissions": ["nexus:events:read"] }),
            )
            .await;
        made.accepted(201);
    }
    let first = operator
        .get(&format!("apikeys?tenant={ccid}&limit=2"))
        .await;
    let next = first.accepted(200).data()["next"].as_str().unwrap();
    let second = operator
        .get(&format!("apikeys?tenant={ccid}&limit=2&cursor={next}"))
        .await;
    assert!(second.accepted(200).data().get("next").is_none());
    let pages = [first.data(), second.data()];
    let names: Vec<&str> = pages
        .iter()
        .flat_map(|page| page["items"].as_array().unwrap())
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    for query in ["limit=0", "limit=501", "limit=many", "cursor=%21", "page=2"] {
        let status = operator.get(&format!("apikeys?{query}")).await.status;
        assert!(status == 422 || status == 400, "{query}: {status}");
    }
}

#[tokio::test]
async fn what_becomes_of_a_key_is_soon_known_to_every_replica() {
    let gateway = TestGateway::start().await;
    let other = gateway.replica(&[]).await;
    let operator = Holder::bootstrap(&gateway);
    let chosen = Uuid::new_v4().to_string();
    let made = operator
        .post(
            "apikeys",
            &json!({ "tenant": new_ccid(), "name": "n", "permissions": ["nexus:apikeys:read"], "key": chosen }),
        )
        .await;
    let place = format!(
        "apikeys/{}",
        made.accepted(201).data()["id"].as_str().unwrap()
    );
    let elsewhere = Holder::anonymous(&other).with_key(chosen);
    let soon = async |status: u16, what: &str| {
        eventually(what, SOON, async || {
            (elsewhere.get("apikeys").await.status == status).then_some(())
        })
        .await;
    };
    soon(200, "the new key opens").await;
    let change = async |body| {
        operator.patch(&place, &body).await.accepted(200);
    };
    change(json!({ "enabled": false })).await;
    soon(401, "the disabled key is closed").await;
    change(json!({ "enabled": true })).await;
    soon(200, "the enabled key opens").await;
    change(json!({ "expiresAt": "2020-01-01T00:00:00Z" })).await;
    soon(401, "the ended key is closed").await;
    change(json!({ "expiresAt": null })).await;
    soon(200, "the key without an end opens").await;
    operator.delete(&place).await.accepted(200);
    soon(401, "the deleted key is closed").await;
}
