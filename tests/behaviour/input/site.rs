//! A gateway with one of everything that a path can name.

use nexus_gateway::platform::clock::rfc3339;
use nexus_gateway::simulator::{AgentsClient, upload_form};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use uuid::Uuid;

use super::door::{Credentials, Door};
use crate::harness::TestGateway;
use crate::harness::gateway::WEBHOOK_SECRET;
use crate::harness::tenant::{CONSUMER, OTHER_PHONE, PHONE, Tenant, text_to};

/// The domain of the contact centre's mail.
pub const DOMAIN: &str = "company.com";
/// As many bytes of a picture as anybody looks at.
pub const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";
/// A number whose consumers are answered by agents elsewhere.
const HANDED_OVER: &str = "16504661159";
/// A consumer whose conversation is there to be closed.
const LEAVING: &str = "16505550177";
const HOUR_MS: i64 = 3_600_000;

/// Nothing goes out of it any more, so that whatever is stored was stored by a call.
#[derive(Debug)]
pub struct Site {
    pub gateway: TestGateway,
    pub tenant: Tenant,
    pub objects: Objects,
}

/// One of everything that a path can name.
#[derive(Debug, Clone)]
pub struct Objects {
    /// A tenant that is there to be provisioned, so that the first one stays as it is.
    pub provisioned: Uuid,
    pub message: String,
    pub replay: String,
    pub erasure: String,
    pub conversation: String,
    pub ending_conversation: String,
    pub endpoint: String,
    pub changing_key: String,
    pub ending_key: String,
    pub media: String,
    /// The tenant, and the tokens of the addresses that mGage, SparkPost and the provider behind `HttpSms` call.
    pub callback: [String; 4],
    /// The token of the link in a mail to many.
    pub link: String,
    /// An address that the doors suppress.
    pub suppressed: String,
    /// A section that the doors put.
    pub section: String,
}

impl Site {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(settings: &[(&str, &str)]) -> Self {
        // A replay that was refused for the others' sake would be taken when it is asked for again.
        let ample = [
            ("REPLAYS__RUNNING_MAX", "64"),
            ("ERASURES__RUNNING_MAX", "10000"),
            ("SECURITY__SOURCE_FAILURES_PER_MINUTE", "1000000"),
        ];
        let settings = [settings, &ample].concat();
        let gateway = TestGateway::start_with(&settings).await;
        let tenant = gateway.tenant().await;
        let objects = Objects::of(&gateway, &tenant).await;
        Self {
            gateway,
            tenant,
            objects,
        }
    }

    /// What a call of the door with this body has to bring along.
    pub fn headers(&self, door: &Door, body: &[u8]) -> HeaderMap {
        let tenant = &self.tenant;
        let mut headers = match door.credentials {
            Credentials::Signature => tenant.third_party.signed_headers(body),
            Credentials::Agents => signed_by_agents(tenant.ccid, body),
            Credentials::Nobody
            | Credentials::Key
            | Credentials::Operator
            | Credentials::Basic
            | Credentials::Address
            | Credentials::Link => HeaderMap::new(),
        };
        match door.credentials {
            Credentials::Key => identify(&mut headers, &tenant.key, tenant.ccid),
            Credentials::Operator => {
                let provisioned = self.objects.provisioned;
                identify(&mut headers, self.gateway.bootstrap_key(), provisioned);
            }
            Credentials::Basic => {
                let basic = basic(&tenant.ccid.to_string(), &tenant.key);
                headers.insert(AUTHORIZATION, basic);
            }
            Credentials::Nobody
            | Credentials::Signature
            | Credentials::Address
            | Credentials::Link
            | Credentials::Agents => {}
        }
        if let Some(content_type) = door.content_type() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        headers
    }

    /// How many rows every table has.
    pub async fn rows(&self) -> Vec<(String, i64)> {
        let mut connection = self.gateway.connect().await;
        sqlx::query_as(
            "select c.relname::text,
                 (xpath('/row/rows/text()',
                     query_to_xml(format('select count(*) as rows from %s', c.oid::regclass), false, true, '')
                 ))[1]::text::bigint
             from pg_class c
             -- These are written by a task, too; records have tests of their own.
             where c.relname not in ('audit', 'statistics', 'statistics_deltas', 'tasks') and c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
             order by 1",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap()
    }
}

impl Objects {
    /// Makes them.
    pub async fn of(gateway: &TestGateway, tenant: &Tenant) -> Self {
        take_mail(gateway, tenant).await;
        hand_over(tenant).await;
        let link = link(gateway, tenant).await;
        let message = later(gateway, tenant, (PHONE, CONSUMER)).await;
        later(gateway, tenant, (OTHER_PHONE, CONSUMER)).await;
        later(gateway, tenant, ("help@company.com", "jane@example.com")).await;
        let endpoint = pause_all_but(OTHER_PHONE, tenant).await;
        tenant.consumer_says(LEAVING, "Bye").await;
        let ending_conversation = first_id(tenant, "/nexus/v3/conversations").await;
        tenant.consumer_says(CONSUMER, "Hello").await;
        let conversation = first_id(tenant, "/nexus/v3/conversations").await;
        let upload = tenant.third_party.upload("a.png", "image/png", PICTURE);
        let upload = upload.await.unwrap().json();
        Self {
            provisioned: Uuid::new_v4(),
            message,
            replay: replay(tenant).await,
            erasure: erasure(tenant).await,
            conversation,
            ending_conversation,
            endpoint,
            changing_key: key(tenant).await,
            ending_key: key(tenant).await,
            media: text(&upload["data"]["mediaId"]),
            callback: callback(tenant).await,
            link,
            suppressed: "16505550188".to_owned(),
            section: "chat.Main".to_owned(),
        }
    }
}

/// Has a number of the tenant's answered by agents elsewhere, who are not to be reached.
async fn hand_over(tenant: &Tenant) {
    let ccid = tenant.ccid;
    let service = json!({
        "url": "https://api.mypurecloud.com", "data": { "host": "mypurecloud.com", "integrationId": "i" },
        "secret": { "clientId": "c", "clientSecret": "s", "webhookSecret": agents_secret(ccid) },
    });
    let sender = json!({ "channelId": HANDED_OVER, "handover": "OpenMessaging" });
    for (path, body) in [
        (format!("services/{ccid}/OpenMessaging"), service),
        (format!("senders/{ccid}/chat.Agents"), sender),
    ] {
        let path = format!("/nexus/v3/provisioning/{path}");
        let saved = tenant.put(&path, &body).await;
        assert_eq!(saved.status, 201, "{saved:?}");
    }
}

/// What a tenant's agents sign with.
fn agents_secret(ccid: Uuid) -> String {
    format!("of the agents of {ccid}")
}

/// The headers of a call of a tenant's agents.
pub fn signed_by_agents(ccid: Uuid, body: &[u8]) -> HeaderMap {
    let agents = AgentsClient::new(String::new(), &agents_secret(ccid)).unwrap();
    let signature = agents.signature(body).parse().unwrap();
    HeaderMap::from_iter([(HeaderName::from_static("x-hub-signature-256"), signature)])
}

/// The tenant, and the tokens of the addresses that providers call.
async fn callback(tenant: &Tenant) -> [String; 4] {
    let mgage = json!({ "username": "u", "password": "p" });
    let place = ("mGageSMS", "https://directtext.mgage.com");
    let mgage = token(tenant, place, (&json!({}), &mgage)).await;
    let sparkpost = json!({ "apikey": "k" });
    let place = ("SparkPostEmail", "https://api.sparkpost.com/api/v1");
    let sparkpost = token(tenant, place, (&json!({}), &sparkpost)).await;
    let described = http_sms();
    let place = ("HttpSms", "https://sms.example.com");
    let http_sms = token(tenant, place, (&described["data"], &described["secret"])).await;
    [tenant.ccid.to_string(), mgage, sparkpost, http_sms]
}

/// A provider with every member that its description may have.
pub fn http_sms() -> Value {
    json!({
        "url": "https://sms.example.com", "secret": { "token": "t" },
        "data": {
            "send": {
                "method": "POST", "path": "v1", "query": { "a": "b" }, "headers": { "X-Team": "blue" },
                "authentication": { "bearer": "{{secret.token}}" }, "form": { "to": "{{to}}", "text": "{{text}}{{id}}" },
                "encodings": { "gsm7": "text", "ucs2": "unicode" }, "repeatsSafe": true,
            },
            "answer": {
                "statuses": [200], "acceptedWhere": { "ok": "yes" }, "id": "id", "code": "code",
                "codes": { "1": "retry", "2": 530 },
            },
            "callbacks": {
                "receipt": {
                    "id": "id", "status": "status", "statuses": { "done": "Delivered" }, "code": "code",
                    "codes": { "1": 530 }, "to": "to",
                },
                "message": { "id": "id", "from": "from", "to": "to", "text": "text" },
            },
        },
    })
}

/// Saves a service; the token of its address.
async fn token(
    tenant: &Tenant,
    (name, url): (&str, &str),
    (data, secret): (&Value, &Value),
) -> String {
    let path = format!("/nexus/v3/provisioning/services/{}/{name}", tenant.ccid);
    let service = json!({ "url": url, "data": data, "secret": secret });
    let saved = tenant.put(&path, &service).await;
    assert_eq!(saved.status, 201, "{saved:?}");
    let url = text(&saved.json()["data"]["callbackUrl"]);
    url.rsplit('/').next().unwrap().to_owned()
}

/// A form with one file.
pub fn file_form() -> bytes::Bytes {
    upload_form("a.png", "image/png", PICTURE)
}

fn identify(headers: &mut HeaderMap, key: &str, ccid: Uuid) {
    headers.insert("x-api-key", key.parse().unwrap());
    headers.insert("x-ccid", ccid.to_string().parse().unwrap());
}

fn basic(user: &str, password: &str) -> HeaderValue {
    use base64::Engine;
    let credentials = base64::prelude::BASE64_STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {credentials}").parse().unwrap()
}

async fn take_mail(gateway: &TestGateway, tenant: &Tenant) {
    let data =
        |id: &str| json!({ "channelId": id, "webhook": { "url": gateway.third_party.url() } });
    let secret = |id: &str| {
        let (webhook, api) = (WEBHOOK_SECRET, &tenant.third_party.api_secret);
        json!({ "channelId": id, "webhook": { "secret": webhook }, "api": { "secret": api } })
    };
    let channels = json!({
        "data": { "channels": [data(PHONE), data(OTHER_PHONE), data(DOMAIN), data(HANDED_OVER)] },
        "secret": { "channels": [secret(PHONE), secret(OTHER_PHONE), secret(DOMAIN), secret(HANDED_OVER)] },
    });
    let provider = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
    for (name, body) in [("Async", channels), ("Email", provider)] {
        let path = format!("/nexus/v3/provisioning/services/{}/{name}", tenant.ccid);
        let saved = tenant.put(&path, &body).await;
        assert!(saved.status < 300, "{:?}", saved.json());
    }
}

/// Sends a mail to many; gives back the token of the link in it.
async fn link(gateway: &TestGateway, tenant: &Tenant) -> String {
    let mail = json!({
        "channel": { "from": { "id": "news@company.com" }, "to": { "id": "reader@example.com" } },
        "type": "Email", "subject": "News", "content": [{ "type": "text", "text": "News" }], "priority": "bulk",
    });
    let submitted = tenant
        .post("/nexus/v3/messages", &json!({ "messages": [mail] }))
        .await;
    let id = text(&submitted.json()["data"]["results"][0]["id"]);
    tenant.wait_for_status(&id, "Sent").await;
    let mut received = gateway.third_party.requests();
    received.retain(|webhook| webhook.message_id().as_deref() == Some(&id));
    let link = text(&received[0].json()["channel"]["context"]["headers"]["List-Unsubscribe"]);
    link.trim_end_matches('>')
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned()
}

/// Submits a message that waits for its time; gives back its id.
async fn later(gateway: &TestGateway, tenant: &Tenant, (from, to): (&str, &str)) -> String {
    let mut item = text_to(to, "Not yet");
    item["channel"]["from"]["id"] = json!(from);
    item["notBefore"] = json!(rfc3339(gateway.clock.now_ms() + HOUR_MS));
    if from.contains('@') {
        item["type"] = json!("Email");
        item["subject"] = json!("Later");
        item["content"] = json!([{ "type": "text", "text": "Not yet" }]);
        item.as_object_mut().unwrap().remove("text");
    }
    let body = json!({ "messages": [item] });
    let submitted = tenant.post("/nexus/v3/messages", &body).await;
    assert_eq!(submitted.status, 202, "{:?}", submitted.json());
    text(&submitted.json()["data"]["results"][0]["id"])
}

/// Pauses every endpoint but one; gives back the id of that, out of which nothing that is due goes.
async fn pause_all_but(channel_id: &str, tenant: &Tenant) -> String {
    let endpoints = tenant.get("/nexus/v3/endpoints").await.json();
    let mut spared = None;
    for endpoint in endpoints["data"]["items"].as_array().unwrap() {
        let id = text(&endpoint["id"]);
        if endpoint["channelId"] == channel_id {
            spared = Some(id);
        } else {
            let pause = format!("/nexus/v3/endpoints/{id}/pause");
            assert_eq!(tenant.post(&pause, &json!({})).await.status, 200);
        }
    }
    spared.unwrap()
}

async fn key(tenant: &Tenant) -> String {
    let permissions = ["nexus:messages:read"];
    let body = json!({ "tenant": tenant.ccid, "name": "spare", "permissions": permissions });
    let made = tenant.post("/nexus/v3/provisioning/apikeys", &body).await;
    assert_eq!(made.status, 201, "{:?}", made.json());
    text(&made.json()["data"]["id"])
}

async fn replay(tenant: &Tenant) -> String {
    let body = json!({ "filter": {}, "ratePerSecond": 1, "dryRun": true });
    let begun = tenant.post("/nexus/v3/replays", &body).await;
    assert_eq!(begun.status, 202, "{:?}", begun.json());
    text(&begun.json()["data"]["id"])
}

async fn erasure(tenant: &Tenant) -> String {
    let body = json!({ "address": "16505550177", "dryRun": true });
    let begun = tenant.post("/nexus/v3/erasures", &body).await;
    assert_eq!(begun.status, 202, "{:?}", begun.json());
    text(&begun.json()["data"]["id"])
}

async fn first_id(tenant: &Tenant, list: &str) -> String {
    text(&tenant.get(list).await.json()["data"]["items"][0]["id"])
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
