//! A whole tenant as one document.

use proptest::collection::btree_map;
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::harness::TestGateway;
use crate::provisioning::api::{Holder, PHONE, async_service, new_ccid};

const MASK: &str = "********";

fn services() -> Value {
    let mut asynchronous = async_service(PHONE);
    asynchronous["name"] = json!("Async");
    json!([
        asynchronous,
        { "name": "SMS", "url": "N/A", "data": { "provider": "Async" }, "secret": {} },
        { "name": "mGageSMS", "url": "directtext.mgage.com", "data": { "unknownPolicy": "fail" },
          "secret": { "username": "u", "password": "p" } },
    ])
}

fn document(ccid: &str, services: &Value, senders: &Value) -> Value {
    json!({ "ccid": ccid, "services": services, "senders": senders })
}

async fn exported(operator: &Holder, ccid: &str) -> Value {
    let reply = operator.get(&format!("export/{ccid}")).await;
    reply.accepted(200).data().clone()
}

#[tokio::test]
async fn a_tenant_is_exported_with_masks_and_imported_unchanged() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let senders = json!([{ "section": "chat.Main", "channelId": PHONE, "header:x-team": "blue" }]);
    let place = format!("import/{ccid}");
    let imported = operator
        .post(&place, &document(&ccid, &services(), &senders))
        .await;
    assert_eq!(
        *imported.accepted(200).data(),
        json!({ "services": 3, "senders": 1 })
    );

    let export = exported(&operator, &ccid).await;
    let names: Vec<&str> = export["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Async", "SMS", "mGageSMS"]);
    assert_eq!(
        export["services"][2]["secret"],
        json!({ "username": MASK, "password": MASK })
    );
    assert_eq!(export["senders"][0]["header:x-team"], "blue");
    for secret in ["webhook-key", "api-key"] {
        assert!(!export.to_string().contains(secret));
    }

    operator.post(&place, &export).await.accepted(200);
    assert_eq!(exported(&operator, &ccid).await, export);
    // The channel still has its secrets: it is known to the replica.
    let mut elsewhere = export.clone();
    elsewhere["ccid"] = json!(new_ccid());
    let other = elsewhere["ccid"].as_str().unwrap();
    operator
        .post(&format!("import/{other}"), &elsewhere)
        .await
        .refused_at(&[
            "/services/0/secret/channels/0/api/secret",
            "/services/0/secret/channels/0/webhook/secret",
            "/services/2/secret/password",
            "/services/2/secret/username",
        ]);
    assert_eq!(
        exported(&operator, other).await,
        document(other, &json!([]), &json!([]))
    );
}

#[tokio::test]
async fn one_fault_lets_nothing_in_and_every_fault_is_named() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    operator
        .put(
            &format!("senders/{ccid}/chat.There"),
            &json!({ "channelId": "5550100" }),
        )
        .await
        .accepted(201);
    let before = exported(&operator, &ccid).await;
    let wrong = document(
        &ccid,
        &json!([
            { "name": "SMS", "data": {}, "secret": {} },
            { "name": "SMS", "data": {}, "secret": {} },
            { "name": "Pigeon", "data": {}, "secret": {} },
            { "name": "Email", "data": { "provder": "Async" }, "secret": {} },
        ]),
        &json!([
            { "section": "chat.a", "channelId": "5550101" },
            { "section": "chat.b", "channelId": "5550101" },
            { "section": "chat.c", "channelId": "5550100" },
            { "section": "chat.d", "channelId": "5550104", "header:Host": "x" },
            { "section": "fax.e", "channelId": "5550105" },
            { "section": "chat.a", "channelId": "5550106" },
        ]),
    );
    let place = format!("import/{ccid}");
    operator.post(&place, &wrong).await.refused_at(&[
        "/senders/1/channelId",
        "/senders/2/channelId",
        "/senders/3/header:Host",
        "/senders/4/section",
        "/senders/5/section",
        "/services/1/name",
        "/services/2/name",
        "/services/3/data/provder",
    ]);
    assert_eq!(exported(&operator, &ccid).await, before);

    let of_other = document(&new_ccid(), &json!([]), &json!([]));
    operator
        .post(&place, &of_other)
        .await
        .refused_at(&["/ccid"]);
    let mut unknown = document(&ccid, &json!([]), &json!([]));
    unknown["keys"] = json!([]);
    operator.post(&place, &unknown).await.refused(422);
}

#[tokio::test]
async fn sections_may_change_their_channels_among_themselves() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let place = format!("import/{ccid}");
    let with = |first: &str, second: &str| {
        let senders = json!([
            { "section": "chat.a", "channelId": first }, { "section": "chat.b", "channelId": second },
        ]);
        document(&ccid, &json!([]), &senders)
    };
    operator
        .post(&place, &with("5550101", "5550102"))
        .await
        .accepted(200);
    operator
        .post(&place, &with("5550102", "5550101"))
        .await
        .accepted(200);
    let sections = exported(&operator, &ccid).await["senders"].clone();
    assert_eq!(sections[0]["channelId"], "5550102");
    // What is not named stays.
    operator
        .post(&place, &document(&ccid, &json!([]), &json!([])))
        .await
        .accepted(200);
    assert_eq!(exported(&operator, &ccid).await["senders"], sections);
}

#[tokio::test]
async fn who_may_not_read_or_write_provisioning_neither_exports_nor_imports() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let ccid = new_ccid();
    let reader = operator
        .tenant_key(&ccid, &["nexus:provisioning:read"])
        .await;
    let writer = operator
        .tenant_key(&ccid, &["nexus:provisioning:write"])
        .await;
    let empty = document(&ccid, &json!([]), &json!([]));
    let (export, import) = (format!("export/{ccid}"), format!("import/{ccid}"));
    writer.get(&export).await.refused(403);
    reader.get(&export).await.accepted(200);
    reader.post(&import, &empty).await.refused(403);
    writer.post(&import, &empty).await.accepted(200);
    let other = new_ccid();
    reader.get(&format!("export/{other}")).await.refused(403);
    Holder::anonymous(&gateway).get(&export).await.refused(401);
    let as_text = [("content-type", "text/plain")];
    let reply = writer
        .call(Method::POST, &import, Some(empty.to_string()), &as_text)
        .await;
    reply.refused(415);
}

/// Sections of one prefix each with a channel of its own.
fn sections(prefix: &'static str) -> impl Strategy<Value = Vec<Value>> {
    let options = (
        option::of("[a-z]{1,12}"),
        option::of(prop_oneof![Just("Async"), Just("Portico"), Just("mGage")]),
        option::of(any::<bool>()),
        option::of("[ -~äß]{0,20}"),
    );
    btree_map("[A-Za-z][A-Za-z0-9_-]{0,10}", options, 0..6).prop_map(move |sections| {
        let section = |(index, (name, options)): (usize, (String, _))| {
            let (endpoint, provider, cxc_only, header): (
                Option<String>,
                Option<&str>,
                Option<bool>,
                Option<String>,
            ) = options;
            let mut members = Map::new();
            members.insert("section".to_owned(), json!(format!("{prefix}.{name}")));
            members.insert("channelId".to_owned(), json!(format!("55501{index:02}")));
            let optional = [
                ("endpoint", endpoint.map(Value::from)),
                ("provider", provider.map(Value::from)),
                ("cxcOnly", cxc_only.map(Value::from)),
                ("header:x-any", header.map(|text| Value::from(text.trim()))),
            ];
            for (name, value) in optional {
                members.extend(value.map(|value| (name.to_owned(), value)));
            }
            Value::Object(members)
        };
        sections.into_iter().enumerate().map(section).collect()
    })
}

/// For any tenant: what was exported and imported is exported the same again.
#[tokio::test]
async fn an_export_that_is_imported_changes_nothing() {
    let gateway = TestGateway::start().await;
    let operator = Holder::bootstrap(&gateway);
    let mut runner = TestRunner::default();
    for _ in 0..24 {
        let chosen = proptest::sample::subsequence(vec![0, 1, 2], 0..=3);
        let tenant = (chosen, sections("chat"), sections("cxc"));
        let (chosen, chat, cxc) = tenant.new_tree(&mut runner).unwrap().current();
        let all = services();
        let services: Vec<&Value> = chosen.iter().map(|index: &usize| &all[*index]).collect();
        let senders: Vec<Value> = chat.into_iter().chain(cxc).collect();
        let ccid = new_ccid();
        let made = document(&ccid, &json!(services), &json!(senders));
        let place = format!("import/{ccid}");
        operator.post(&place, &made).await.accepted(200);
        let first = exported(&operator, &ccid).await;
        assert_eq!(first["services"].as_array().unwrap().len(), services.len());
        assert_eq!(first["senders"].as_array().unwrap().len(), senders.len());
        operator.post(&place, &first).await.accepted(200);
        assert_eq!(exported(&operator, &ccid).await, first);
    }
}
