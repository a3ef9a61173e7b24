//! Files that messages refer to: uploaded, linked, downloaded, forgotten.

mod links;
mod ranges;
mod references;
mod refusals;
mod spool;
mod uploads;

use nexus_gateway::simulator::{FORM_TYPE, Reply, WireClient, upload_form};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::TestGateway;
use crate::harness::gateway::PUBLIC_URL;
use crate::harness::tenant::{CONSUMER, PHONE, Tenant};

/// A picture of a length, as far as anybody looks.
fn png(length: usize) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    bytes.extend((bytes.len()..length).map(|place| u8::try_from(place % 251).unwrap()));
    bytes
}

/// Uploads a picture that has to be taken; what is answered.
async fn upload(tenant: &Tenant, length: usize) -> Value {
    let reply = try_upload(tenant, length).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    reply.json()["data"].clone()
}

async fn try_upload(tenant: &Tenant, length: usize) -> Reply {
    let content = png(length);
    let uploading = tenant
        .third_party
        .upload("photo.png", "image/png", &content);
    uploading.await.unwrap()
}

/// Uploads with an API key; `path` names the channel.
async fn upload_with_key(tenant: &Tenant, path: &str, key: &str) -> Reply {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static(FORM_TYPE));
    headers.insert("x-api-key", key.parse().unwrap());
    headers.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    let form = upload_form("photo.png", "image/png", &png(100));
    let url = format!("{}{path}", tenant.base_url);
    send(Method::POST, &url, headers, form.to_vec()).await
}

/// Follows a link, at the replica of this address in place of the one that the world sees.
async fn follow(base_url: &str, link: &str) -> Reply {
    let path = link.strip_prefix(PUBLIC_URL).unwrap();
    let url = format!("{base_url}{path}");
    send(Method::GET, &url, HeaderMap::new(), Vec::new()).await
}

async fn send(method: Method, url: &str, headers: HeaderMap, body: Vec<u8>) -> Reply {
    let client = WireClient::new().unwrap();
    client.send(method, url, headers, body).await.unwrap()
}

fn media_path(channel_id: &str) -> String {
    format!("/nexus/v3/channels/{channel_id}/media")
}

/// A message with one picture.
fn picture(url: &Value) -> Value {
    json!({
        "channel": { "from": { "id": PHONE }, "to": { "id": CONSUMER } },
        "type": "RichMedia",
        "content": [{ "type": "image", "url": url }],
    })
}

async fn submit(tenant: &Tenant, message: &Value) -> Reply {
    let body = json!({ "messages": [message] });
    tenant.post("/nexus/v3/messages", &body).await
}

/// How many files are stored, whoever's they are.
async fn files_stored(gateway: &TestGateway) -> i64 {
    let mut connection = gateway.connect().await;
    sqlx::query_scalar("select count(*) from media")
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// An upload whose client sends a head that announces so many bytes, some of them, and then nothing.
async fn stalled_upload(tenant: &Tenant, announced: usize, sent: usize) -> TcpStream {
    let address = tenant.base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: gateway\r\nx-ccid: {}\r\nX-Hub-Signature: sha1={}\r\n\
         Content-Type: {FORM_TYPE}\r\nContent-Length: {announced}\r\n\r\n",
        media_path(&tenant.third_party.channel_id),
        tenant.ccid,
        "0".repeat(40),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; sent]).await.unwrap();
    stream
}

/// The status of the next answer.
async fn status_of(stream: &mut TcpStream) -> u16 {
    let mut line = [0; 12];
    stream.read_exact(&mut line).await.unwrap();
    std::str::from_utf8(&line[9..]).unwrap().parse().unwrap()
}
