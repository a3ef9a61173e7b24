//! What is not taken, and what whoever sent it is told.

use bytes::Bytes;
use nexus_gateway::auth::signature::sign_sha1;
use nexus_gateway::simulator::{FORM_BOUNDARY, FORM_TYPE, upload_form};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::{files_stored, media_path, png, send, stalled_upload, status_of, try_upload, upload};
use crate::harness::TestGateway;
use crate::harness::tenant::{PHONE, Tenant};

/// Every way not to sign a form for this tenant's channel: the channel and the headers.
fn wrong_claims(
    tenant: &Tenant,
    neighbour: &Tenant,
    form: &[u8],
) -> Vec<(&'static str, HeaderMap)> {
    let right = sign_sha1(tenant.third_party.api_secret.as_bytes(), form);
    let others = sign_sha1(neighbour.third_party.api_secret.as_bytes(), form);
    let ccid = tenant.ccid.to_string();
    let claims = [
        (PHONE, Some(&ccid), Some(&others)),
        (PHONE, Some(&ccid), Some(&sign_sha1(b"", form))),
        (
            PHONE,
            Some(&ccid),
            Some(&sign_sha1(
                tenant.third_party.api_secret.as_bytes(),
                b"else",
            )),
        ),
        (PHONE, Some(&ccid), Some(&"sha1=00".to_owned())),
        (PHONE, Some(&ccid), None),
        (PHONE, None, Some(&right)),
        (PHONE, Some(&"?".to_owned()), Some(&right)),
        (PHONE, Some(&neighbour.ccid.to_string()), Some(&right)),
        (PHONE, Some(&Uuid::new_v4().to_string()), Some(&right)),
        ("16504661150", Some(&ccid), Some(&right)),
        ("company.com", Some(&ccid), Some(&right)),
        ("no channel", Some(&ccid), Some(&right)),
    ];
    let claims = claims.map(|(channel, ccid, signature)| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", FORM_TYPE.parse().unwrap());
        for (name, value) in [("x-ccid", ccid), ("x-hub-signature", signature)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        (channel, headers)
    });
    claims.into()
}

#[tokio::test]
async fn whoever_does_not_sign_rightly_is_refused_and_cannot_tell_why() {
    let gateway = TestGateway::start().await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    // A form that would be refused shows nothing either.
    for form in [
        upload_form("photo.png", "image/png", &png(1_000)),
        Bytes::from_static(b"no form"),
    ] {
        let mut refusals = Vec::new();
        for (channel, headers) in wrong_claims(&tenant, &neighbour, &form) {
            let url = format!(
                "{}{}",
                tenant.base_url,
                media_path(channel).replace(' ', "%20")
            );
            let reply = send(Method::POST, &url, headers, form.to_vec()).await;
            refusals.push((reply.status, reply.json()));
        }
        refusals.dedup();
        assert_eq!(refusals.len(), 1, "{refusals:?}");
        assert_eq!(refusals[0].0, 401);
    }
    assert_eq!(files_stored(&gateway).await, 0);
}

fn form(parts: &str) -> Bytes {
    let parts = parts.replace('\n', "\r\n");
    format!("{parts}--{FORM_BOUNDARY}--\r\n").into()
}

#[tokio::test]
async fn a_form_without_exactly_one_good_file_is_refused() {
    let gateway = TestGateway::start_with(&[("MEDIA__TYPES", "image/png,text/plain")]).await;
    let tenant = gateway.tenant().await;
    let text = |name: &str| {
        format!(
            "--{FORM_BOUNDARY}\nContent-Disposition: form-data; name=\"{name}\"; filename=\"a\"\nContent-Type: text/plain\n\nHello\n"
        )
    };
    for (body, status) in [
        (form(""), 400),
        (form(&text("other")), 400),
        (form(&(text("file") + &text("file"))), 400),
        (form(&text("x").repeat(20)), 400),
        (Bytes::from_static(b"--other--\r\n"), 400),
        (form(&text("file")).slice(..100), 400),
        (upload_form("a.png", "image/png", b""), 400),
        (upload_form("../../a.png", "image/png", &png(9)), 400),
        (upload_form("a\\\\b.png", "image/png", &png(9)), 400),
        (upload_form(&"a".repeat(256), "image/png", &png(9)), 400),
        (upload_form("a.png", "image/png", b"GIF89a"), 415),
        (upload_form("a.gif", "image/gif", b"GIF89a"), 415),
        (upload_form("a.html", "text/html", b"<html>"), 415),
        (upload_form("a.txt", "text/plain", b"<script>"), 415),
        (
            upload_form("a.bin", "application/octet-stream", b"\x7fELF\0\0"),
            415,
        ),
    ] {
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let reply = tenant.third_party.upload_form(body).await.unwrap();
        assert_eq!(reply.status, status, "{shown}: {:?}", reply.json());
        let code = if status == 400 { 520 } else { 415 };
        assert_eq!(reply.json()["status"]["code"], code, "{shown}");
    }
    assert_eq!(files_stored(&gateway).await, 0);
}

#[tokio::test]
async fn what_is_no_form_or_encoded_is_refused() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let body = upload_form("a.png", "image/png", &png(9));
    let url = tenant.third_party.media_url();
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-type", "multipart/form-data"),
        ("content-type", "multipart/mixed; boundary=x"),
        ("content-encoding", "gzip"),
    ] {
        let mut headers = tenant.third_party.signed_headers(&body);
        headers.insert("content-type", FORM_TYPE.parse().unwrap());
        headers.insert(name, value.parse().unwrap());
        let reply = send(Method::POST, &url, headers, body.to_vec()).await;
        assert_eq!(reply.status, 415, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused_without_being_read() {
    let gateway = TestGateway::start_with(&[("MEDIA__FILE_BYTES_MAX", "1000")]).await;
    let tenant = gateway.tenant().await;
    assert_eq!(upload(&tenant, 1_000).await["length"], 1_000);
    for length in [1_001, 100_000] {
        let reply = try_upload(&tenant, length);
        assert_eq!(reply.await.status, 413);
    }

    let mut announced = stalled_upload(&tenant, 1 << 40, 0).await;
    assert_eq!(status_of(&mut announced).await, 413);

    let mut endless = stalled_upload_in_chunks(&tenant).await;
    let chunk = [b"10000\r\n".as_slice(), &vec![b'x'; 65_536], b"\r\n"].concat();
    for _ in 0..2 {
        endless.write_all(&chunk).await.unwrap();
    }
    assert_eq!(status_of(&mut endless).await, 413);
    assert_eq!(files_stored(&gateway).await, 1);
}

/// An upload that does not say how long it is.
async fn stalled_upload_in_chunks(tenant: &Tenant) -> tokio::net::TcpStream {
    let address = tenant.base_url.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: gateway\r\nx-ccid: {}\r\nX-Hub-Signature: sha1={}\r\n\
         Content-Type: {FORM_TYPE}\r\nTransfer-Encoding: chunked\r\n\r\n",
        media_path(PHONE),
        tenant.ccid,
        "0".repeat(40),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn a_tenant_s_files_have_a_limit_together() {
    let gateway = TestGateway::start_with(&[("MEDIA__TENANT_BYTES_MAX", "1000")]).await;
    let (tenant, neighbour) = (gateway.tenant().await, gateway.tenant().await);
    upload(&tenant, 900).await;
    let refused = try_upload(&tenant, 101);
    let refused = refused.await;
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json()["status"]["code"], json!(310));
    assert!(refused.header("retry-after").is_some());
    upload(&tenant, 100).await;
    upload(&neighbour, 1_000).await;
}

#[tokio::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    let settings = [
        ("MEDIA__UPLOAD_TIMEOUT_SECONDS", "0.2"),
        ("MEDIA__UPLOADS_MAX", "1"),
    ];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = gateway.tenant().await;
    let mut stalled = stalled_upload(&tenant, 10_000, 5_000).await;
    assert_eq!(status_of(&mut stalled).await, 400);
    upload(&tenant, 100).await;
}
