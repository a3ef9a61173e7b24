//! Files come in from third parties and applications.

use futures_util::future::join_all;
use nexus_gateway::auth::signature::sign_sha256;
use nexus_gateway::simulator::{FORM_TYPE, Reply, upload_form};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;

use super::{files_stored, media_path, png, send, upload, upload_with_key};
use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, Tenant};

#[tokio::test]
async fn a_third_party_uploads_a_file_and_learns_how_to_refer_to_it() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let data = upload(&tenant, 1_000).await;

    let id = data["mediaId"].as_str().unwrap();
    let expected = json!({
        "mediaId": id,
        "url": format!("genesys://nexus/{id}"),
        "filename": "photo.png",
        "mimetype": "image/png",
        "length": 1_000,
    });
    assert_eq!(data, expected);
    let shown = tenant.get(&format!("/nexus/v3/media/{id}")).await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.body, png(1_000));
}

#[tokio::test]
async fn the_base_path_may_be_left_out_and_the_signature_be_sha256() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let form = upload_form("photo.png", "image/png", &png(100));
    let mut headers = tenant.third_party.signed_headers(&form);
    headers.remove("x-hub-signature");
    let signature = sign_sha256(tenant.third_party.api_secret.as_bytes(), &form);
    headers.insert("x-hub-signature-256", signature.parse().unwrap());
    headers.insert("content-type", FORM_TYPE.parse().unwrap());
    let url = format!("{}/channels/{PHONE}/media", tenant.base_url);

    let reply = send(Method::POST, &url, headers, form.to_vec()).await;

    assert_eq!(reply.status, 200, "{:?}", reply.json());
}

#[tokio::test]
async fn a_channel_that_takes_sha256_only_takes_no_file_under_sha1() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let place = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    let mut service = tenant.get(&place).await.json()["data"].take();
    service["data"]["channels"][0]["api"] = json!({ "signatures": ["sha256"] });
    // The secrets are masks, which keep what is stored.
    let service = json!({ "data": service["data"], "secret": service["secret"] });
    assert_eq!(tenant.put(&place, &service).await.status, 200);
    let form = upload_form("photo.png", "image/png", &png(100));
    let url = format!("{}{}", tenant.base_url, media_path(PHONE));
    let mut headers = tenant.third_party.signed_headers(&form);
    headers.insert("content-type", FORM_TYPE.parse().unwrap());

    let refused = send(Method::POST, &url, headers.clone(), form.to_vec()).await;
    assert_eq!(refused.status, 401);
    assert_eq!(files_stored(&gateway).await, 0);

    let signature = sign_sha256(tenant.third_party.api_secret.as_bytes(), &form);
    headers.insert("x-hub-signature-256", signature.parse().unwrap());
    let taken = send(Method::POST, &url, headers, form.to_vec()).await;
    assert_eq!(taken.status, 200, "{:?}", taken.json());
}

#[tokio::test]
async fn an_application_uploads_with_its_key() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    let body =
        json!({ "tenant": tenant.ccid, "name": "reads", "permissions": ["nexus:messages:read"] });
    let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
    let reader = made.json()["data"]["key"].as_str().unwrap().to_owned();

    for (channel, key, status) in [
        (PHONE, tenant.key.as_str(), 200),
        ("16504661150", &tenant.key, 404),
        (PHONE, &reader, 403),
        (PHONE, &neighbour.key, 403),
        (PHONE, "5f0c8e1a-9d3b-4c57-8a55-000000000000", 401),
    ] {
        let reply = upload_with_key(&tenant, &media_path(channel), key).await;
        assert_eq!(reply.status, status, "{:?}", reply.json());
    }
    assert_eq!(files_stored(&gateway).await, 1);
}

#[tokio::test]
async fn a_file_of_20_mib_is_taken_by_one_replica_and_handed_out_by_another() {
    const LENGTH: usize = 20 * 1024 * 1024 + 1;
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let other = gateway.replica(&[]).await;

    let data = upload(&tenant, LENGTH).await;

    let path = format!("/nexus/v3/media/{}", data["mediaId"].as_str().unwrap());
    let shown = tenant.through(&other).get(&path).await;
    assert_eq!(
        shown.header("content-length"),
        Some(LENGTH.to_string().as_str())
    );
    assert!(shown.body == png(LENGTH), "the bytes differ");
    let mut connection = gateway.connect().await;
    let rows: Vec<(i32, i32)> =
        sqlx::query_as("select number, length(bytes) from media_chunks order by number")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    assert_eq!(rows.len(), 81);
    assert!(rows[..80].iter().all(|(_, length)| *length == 262_144));
    assert_eq!(rows[80], (80, 1));
}

#[tokio::test]
async fn a_type_is_what_the_file_shows_where_the_upload_does_not_say() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    for (declared, content, mimetype) in [
        (
            "application/octet-stream",
            b"%PDF-1.7 ...".as_slice(),
            "application/pdf",
        ),
        ("image/jpg", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("text/plain; charset=utf-8", b"Hello", "text/plain"),
    ] {
        let reply = tenant
            .third_party
            .upload("a", declared, content)
            .await
            .unwrap();
        assert_eq!(reply.json()["data"]["mimetype"], mimetype, "{declared}");
    }
}

/// Uploads a picture under an `Idempotency-Key`, in a form with this boundary.
async fn upload_once(tenant: &Tenant, length: usize, boundary: &str) -> Reply {
    let mut headers = HeaderMap::new();
    let content_type = format!("multipart/form-data; boundary={boundary}");
    headers.insert("content-type", content_type.parse().unwrap());
    headers.insert("x-api-key", tenant.key.parse().unwrap());
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    headers.insert("idempotency-key", HeaderValue::from_static("photo-1"));
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    let form = [head.as_bytes(), &png(length), end.as_bytes()].concat();
    let url = format!("{}{}", tenant.base_url, media_path(PHONE));
    send(Method::POST, &url, headers, form).await
}

#[tokio::test]
async fn an_application_that_uploads_again_under_its_key_has_one_file_whatever_its_form_looks_like()
{
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let first = upload_once(&tenant, 100, "one").await;
    let again = upload_once(&tenant, 100, "another").await;
    let other = upload_once(&tenant, 101, "one").await;

    assert_eq!(
        (first.status, again.status),
        (200, 200),
        "{:?}",
        first.json()
    );
    assert_eq!(first.json(), again.json());
    assert_eq!(other.status, 422, "{:?}", other.json());
    assert_eq!(files_stored(&gateway).await, 1);
}

#[tokio::test]
async fn uploads_under_one_key_at_the_same_moment_are_one_file() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;

    let uploads = (0..6).map(|_| upload_once(&tenant, 300_000, "one"));
    let replies = join_all(uploads).await;

    let taken: Vec<_> = replies.iter().filter(|reply| reply.status == 200).collect();
    assert!(!taken.is_empty());
    assert!(taken.iter().all(|reply| reply.json() == taken[0].json()));
    let others = replies.iter().filter(|reply| reply.status != 200);
    assert!(
        others
            .into_iter()
            .all(|reply| reply.json()["status"]["code"] == 4091)
    );
    assert_eq!(files_stored(&gateway).await, 1);
}
