//! Pictures, sounds and files that consumers send with their messages.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use nexus_gateway::simulator::{CallShape, Reply, WireClient};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::{id, service, sms, stored};
use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x00\x00\x00,";

/// The members of an MMS. Each attachment: its type and its bytes.
fn mms(message_id: &str, text: &str, attachments: &[(&str, &[u8])]) -> Vec<(&'static str, String)> {
    const NAMES: [[&str; 2]; 2] = [
        [
            "mms_attachment[0].content_type",
            "mms_attachment[0].content",
        ],
        [
            "mms_attachment[1].content_type",
            "mms_attachment[1].content",
        ],
    ];
    let mut members = sms(message_id, text).members();
    for ([type_name, content_name], (content_type, bytes)) in NAMES.into_iter().zip(attachments) {
        members.push((type_name, (*content_type).to_owned()));
        members.push((content_name, BASE64_STANDARD.encode(bytes)));
    }
    members
}

async fn hand_in(tenant: &Tenant, members: &[(&'static str, String)]) -> Reply {
    service(tenant).call("message", members).await.unwrap()
}

/// A picture of a length, as far as anybody looks.
fn picture(length: usize) -> Vec<u8> {
    let mut bytes = GIF.to_vec();
    bytes.extend((0..length - GIF.len()).map(|place| u8::try_from(place % 251).unwrap()));
    bytes
}

async fn download(tenant: &Tenant, reference: &Value) -> Reply {
    let media_id = reference
        .as_str()
        .unwrap()
        .strip_prefix("genesys://nexus/")
        .unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("x-api-key", tenant.key.parse().unwrap());
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    let url = format!("{}/nexus/v3/media/{media_id}", tenant.base_url);
    let client = WireClient::new().unwrap();
    client.send(Method::GET, &url, headers, "").await.unwrap()
}

/// How many files count, and how many rows of bytes there are.
async fn files(gateway: &TestGateway) -> (i64, i64) {
    let counts = "select (select count(*) from media), (select count(*) from media_chunks)";
    let mut connection = gateway.connect().await;
    sqlx::query_as(counts)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[track_caller]
fn refused(reply: &Reply, (status, code): (u16, u16), place: &str) {
    let body = reply.json();
    assert_eq!(
        (reply.status, &body["status"]["code"]),
        (status, &json!(code)),
        "{body}"
    );
    assert_eq!(body["status"]["details"][0]["path"], json!(place), "{body}");
}

#[tokio::test]
async fn what_a_message_carries_becomes_files_that_it_refers_to() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (shape, name) in [
        (CallShape::Form, "form"),
        (CallShape::Query, "query"),
        (CallShape::Json, "json"),
    ] {
        let service = service(&tenant).with_shape(shape);
        let attachments: [(&str, &[u8]); 2] = [("image/gif", GIF), ("text/plain", b"Hello")];
        let members = mms(name, "Look", &attachments);

        let id = id(&service.call("message", &members).await.unwrap());

        let message = tenant.message(&id).await;
        assert_eq!(
            (&message["type"], &message["text"]),
            (&json!("RichMedia"), &json!("Look"))
        );
        let content = message["content"].as_array().unwrap();
        let shown: Vec<_> = content
            .iter()
            .map(|part| (&part["type"], &part["mime"]))
            .collect();
        let expected = [
            (json!("image"), json!("image/gif")),
            (json!("file"), json!("text/plain")),
        ];
        assert_eq!(
            shown,
            [
                (&expected[0].0, &expected[0].1),
                (&expected[1].0, &expected[1].1)
            ]
        );
        for (part, (mimetype, bytes)) in content.iter().zip(attachments) {
            let file = download(&tenant, &part["url"]).await;
            assert_eq!(
                (file.status, file.header("content-type")),
                (200, Some(mimetype))
            );
            assert_eq!(file.body, bytes, "{name}");
        }
    }
    assert_eq!(files(&gateway).await.0, 6);
}

#[tokio::test]
async fn attachments_are_taken_as_a_list_and_without_any_text() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let service = service(&tenant);
    let call = json!({
        "type": "MO", "message_id": "mo-1", "shortcode": "16504661149", "phone_number": "16505550199",
        "mms_attachment": [{ "content_type": "image/gif; name=a.gif", "content": BASE64_STANDARD.encode(GIF) }],
    });
    let mut headers = service.authorized();
    headers.insert("content-type", "application/json".parse().unwrap());

    let reply = service
        .post("message", "", headers, call.to_string().into())
        .await
        .unwrap();

    let message = tenant.message(&id(&reply)).await;
    assert_eq!(
        (&message["type"], message.get("text")),
        (&json!("RichMedia"), None)
    );
    assert_eq!(
        download(&tenant, &message["content"][0]["url"]).await.body,
        GIF
    );
}

#[tokio::test]
async fn the_same_message_again_stores_nothing_again() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let attachment: [(&str, &[u8]); 1] = [("image/gif", GIF)];
    let members = mms("mo-1", "Look", &attachment);
    let first = id(&hand_in(&tenant, &members).await);
    let kept = files(&gateway).await;
    assert_eq!(kept, (1, 1));

    let again = id(&hand_in(&tenant, &members).await);
    let other_picture = picture(1_000);
    let otherwise = hand_in(
        &tenant,
        &mms("mo-1", "Look", &[("image/gif", &other_picture)]),
    )
    .await;

    assert_eq!(again, first);
    assert_eq!(
        (otherwise.status, otherwise.json()),
        (200, json!({ "status": { "code": 0 } }))
    );
    assert_eq!(files(&gateway).await, kept);
    assert_eq!(stored(&tenant).await.len(), 1);
}

#[tokio::test]
async fn repeats_at_the_same_moment_leave_one_message_and_one_file() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let attachment: [(&str, &[u8]); 1] = [("image/gif", GIF)];
    let members = mms("mo-1", "Look", &attachment);

    let repeats = (0..8).map(|_| hand_in(&tenant, &members));
    let mut ids: Vec<String> = join_all(repeats).await.iter().map(id).collect();

    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(files(&gateway).await, (1, 1));
    let message = tenant.message(&ids[0]).await;
    assert_eq!(
        download(&tenant, &message["content"][0]["url"]).await.body,
        GIF
    );
}

#[tokio::test]
async fn stop_with_a_picture_is_a_stop() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let attachment: [(&str, &[u8]); 1] = [("image/gif", GIF)];
    id(&hand_in(&tenant, &mms("mo-1", "STOP", &attachment)).await);
    let refused = tenant
        .submit("16505550199", "Your order is on its way")
        .await;
    assert_eq!(refused.json()["data"]["results"][0]["error"]["code"], 350);
}

#[tokio::test]
async fn an_attachment_that_is_not_taken_refuses_the_message_with_its_place() {
    let settings = [
        ("MEDIA__FILE_BYTES_MAX", "1000"),
        ("CONTENT__PARTS_MAX", "1"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = gateway.tenant().await;
    let long = picture(1_001);
    let refusals: [(&str, &[u8], u16, &str); 4] = [
        ("application/smil", b"<smil/>", 510, "content_type"),
        ("text/html", b"<html>", 510, "content_type"),
        ("image/png", GIF, 510, "content_type"),
        ("image/gif", &long, 520, "content"),
    ];
    for (declared, bytes, code, piece) in refusals {
        let reply = hand_in(&tenant, &mms("mo-1", "Look", &[(declared, bytes)])).await;
        refused(&reply, (400, code), &format!("/mms_attachment[0].{piece}"));
    }
    let mut garbled = mms("mo-1", "Look", &[("image/gif", GIF)]);
    if let Some((_, content)) = garbled.last_mut() {
        content.push('!');
    }
    let reply = hand_in(&tenant, &garbled).await;
    refused(&reply, (400, 520), "/mms_attachment[0].content");
    let two = hand_in(
        &tenant,
        &mms("mo-1", "Look", &[("image/gif", GIF), ("image/gif", GIF)]),
    )
    .await;
    refused(&two, (400, 520), "/mms_attachment");

    assert!(stored(&tenant).await.is_empty());
    assert_eq!(files(&gateway).await, (0, 0));
}

#[tokio::test]
async fn a_message_may_be_as_long_as_its_files_make_it_and_no_longer() {
    let settings = [("MEDIA__MESSAGE_BODY_BYTES_MAX", "2500000")];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = gateway.tenant().await;
    let long = picture(1_500_000);
    let message = tenant
        .message(&id(&hand_in(
            &tenant,
            &mms("mo-1", "Look", &[("image/gif", &long)]),
        )
        .await))
        .await;
    let file = download(&tenant, &message["content"][0]["url"]).await;
    assert!(file.body == long, "the picture came as it was sent");
    assert_eq!(files(&gateway).await, (1, 6), "in rows of 256 KiB");

    let longer = picture(2_000_000);
    let reply = hand_in(&tenant, &mms("mo-2", "Look", &[("image/gif", &longer)])).await;
    assert_eq!(reply.status, 413, "{:?}", reply.json());
    assert_eq!(files(&gateway).await.0, 1);
}

#[tokio::test]
async fn a_tenant_that_has_too_many_files_is_asked_to_come_again() {
    let gateway = TestGateway::start_with(&[("MEDIA__TENANT_BYTES_MAX", "1000")]).await;
    let tenant = gateway.tenant().await;
    let reply = hand_in(
        &tenant,
        &mms("mo-1", "Look", &[("image/gif", &picture(1_001))]),
    )
    .await;
    assert_eq!(reply.status, 429, "{:?}", reply.json());
    assert!(reply.header("retry-after").is_some());
    assert!(stored(&tenant).await.is_empty());
}
