//! Mails to many carry a link by which their recipient ends them with one click (RFC 8058).

use std::time::{Duration, Instant};

use nexus_gateway::simulator::{Answer, Reply, Rule, WireClient};
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::harness::TestGateway;
use crate::harness::gateway::{PUBLIC_URL, WEBHOOK_SECRET};
use crate::harness::tenant::{CONSUMER, PHONE, Tenant, text_to};

const JANE: &str = "Jane@example.com";
const PLACE: &str = "/nexus/v3/suppressions/company.com/Jane@example.com";
const FORM: &str = "application/x-www-form-urlencoded";
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

async fn tenant_with_mail(gateway: &TestGateway) -> Tenant {
    let tenant = gateway.tenant().await;
    let url = gateway.third_party.url();
    let channel = |id: &str| json!({ "channelId": id, "webhook": { "url": url } });
    let api = &tenant.third_party.api_secret;
    let secret = |id: &str| json!({ "channelId": id, "webhook": { "secret": WEBHOOK_SECRET }, "api": { "secret": api } });
    let body = json!({
        "data": { "channels": [channel(PHONE), channel("company.com")] },
        "secret": { "channels": [secret(PHONE), secret("company.com")] },
    });
    let path = format!("/nexus/v3/provisioning/services/{}/Async", tenant.ccid);
    assert_eq!(tenant.put(&path, &body).await.status, 200);
    tenant
}

fn mail(priority: &str) -> Value {
    json!({
        "channel": { "from": { "id": "news@company.com" }, "to": { "id": JANE } }, "priority": priority,
        "type": "Email", "subject": "News", "content": [{ "type": "text", "text": "It is spring." }],
    })
}

async fn submit(tenant: &Tenant, message: &Value) -> Reply {
    let body = json!({ "messages": [message] });
    tenant.post("/nexus/v3/messages", &body).await
}

async fn send(tenant: &Tenant, message: &Value) -> String {
    let reply = submit(tenant, message).await;
    assert_eq!(reply.status, 202, "{:?}", reply.json());
    let id = reply.json()["data"]["results"][0]["id"].clone();
    let id = id.as_str().unwrap().to_owned();
    tenant.wait_for_status(&id, "Sent").await;
    id
}

/// The headers that the third party was told to give to a mail.
fn headers(gateway: &TestGateway, id: &str) -> Value {
    let mut received = gateway.third_party.requests();
    received.retain(|received| received.message_id().as_deref() == Some(id));
    received[0].json()["channel"]["context"]["headers"].clone()
}

/// A mail to many that was sent: its id, and the link in it as it is reached here.
async fn newsletter(gateway: &TestGateway, tenant: &Tenant) -> (String, String) {
    let id = send(tenant, &mail("bulk")).await;
    let header = headers(gateway, &id)["List-Unsubscribe"].clone();
    let header = header.as_str().unwrap();
    let link = header.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
    assert!(link.starts_with(PUBLIC_URL), "{link}");
    (id, link.replace(PUBLIC_URL, &gateway.url()))
}

async fn call(method: Method, url: &str, content_type: &'static str, body: &str) -> Reply {
    let mut headers = HeaderMap::new();
    if !body.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let client = WireClient::new().unwrap();
    let body = body.to_owned();
    client.send(method, url, headers, body).await.unwrap()
}

async fn click(link: &str) -> Reply {
    call(Method::POST, link, FORM, ONE_CLICK).await
}

async fn suppression(tenant: &Tenant) -> Option<Value> {
    let found = tenant.get(PLACE).await;
    (found.status == 200).then(|| found.json()["data"].clone())
}

#[tokio::test]
async fn a_mail_to_many_carries_the_link_and_nothing_else_does() {
    let gateway = TestGateway::start().await;
    let tenant = tenant_with_mail(&gateway).await;
    let id = send(&tenant, &mail("bulk")).await;
    let carried = headers(&gateway, &id);
    assert_eq!(carried["List-Unsubscribe-Post"], ONE_CLICK, "{carried}");
    assert_eq!(carried.as_object().unwrap().len(), 2, "{carried}");
    let shown = carried.to_string();
    assert!(!shown.to_lowercase().contains("jane"), "{shown}");

    for priority in ["normal", "interactive"] {
        let id = send(&tenant, &mail(priority)).await;
        assert_eq!(headers(&gateway, &id), Value::Null, "{priority}");
    }
    let mut text = text_to(CONSUMER, "News");
    text["priority"] = json!("bulk");
    let id = send(&tenant, &text).await;
    assert_eq!(headers(&gateway, &id), Value::Null);
}

#[tokio::test]
async fn every_attempt_carries_the_same_link() {
    let settings = [("WEBHOOK__RETRY_SCHEDULE_SECONDS", "0.02,0.05")];
    let gateway = TestGateway::start_with(&settings).await;
    let tenant = tenant_with_mail(&gateway).await;
    let failing = Rule::new(Answer::status(503)).times(2);
    gateway
        .third_party
        .answer_with([failing, Rule::new(Answer::accept())]);
    send(&tenant, &mail("bulk")).await;
    let received = gateway.third_party.wait_for(3).await;
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[1].body, received[2].body);
}

#[tokio::test]
async fn without_an_address_of_its_own_a_gateway_makes_no_links() {
    let gateway = TestGateway::start_with(&[("SERVER__PUBLIC_URL", "")]).await;
    let tenant = tenant_with_mail(&gateway).await;
    let id = send(&tenant, &mail("bulk")).await;
    assert_eq!(headers(&gateway, &id), Value::Null);
}

#[tokio::test]
async fn one_click_ends_the_mails_before_it_is_answered() {
    let multipart = "multipart/form-data; boundary=b";
    let parts = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    for (content_type, body) in [(FORM, ONE_CLICK), (multipart, parts)] {
        let gateway = TestGateway::start().await;
        let tenant = tenant_with_mail(&gateway).await;
        let (id, link) = newsletter(&gateway, &tenant).await;
        let began = Instant::now();
        let done = call(Method::POST, &link, content_type, body).await;
        assert_eq!(done.status, 200, "{done:?}");
        assert!(began.elapsed() >= Duration::from_millis(60));
        assert_eq!(done.header("set-cookie"), None);
        let refused = submit(&tenant, &mail("bulk")).await.json();
        assert_eq!(refused["data"]["results"][0]["error"]["code"], 350);
        let found = suppression(&tenant).await.unwrap();
        assert_eq!(
            (&found["source"], &found["reason"], &found["evidence"]),
            (&json!("unsubscribe"), &json!("one-click"), &json!(id))
        );

        assert_eq!(click(&link).await.status, 200);
        assert_eq!(tenant.events("suppression.added", 1).await.len(), 1);
        // Whoever has come back may leave again by the same mail.
        assert_eq!(tenant.delete(PLACE).await.status, 200);
        assert_eq!(click(&link).await.status, 200);
        assert!(suppression(&tenant).await.is_some());
        assert_eq!(tenant.events("suppression.added", 2).await.len(), 2);
    }
}

#[tokio::test]
async fn to_look_at_the_page_changes_nothing() {
    let gateway = TestGateway::start().await;
    let tenant = tenant_with_mail(&gateway).await;
    let (_, link) = newsletter(&gateway, &tenant).await;
    for method in [Method::GET, Method::HEAD] {
        let page = call(method, &link, FORM, "").await;
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
    }
    let page = call(Method::GET, &link, FORM, "").await;
    let html = String::from_utf8(page.body.to_vec()).unwrap();
    assert!(html.contains("<form method=\"post\">"), "{html}");
    assert!(
        html.contains("name=\"List-Unsubscribe\" value=\"One-Click\""),
        "{html}"
    );
    assert!(
        !html.contains("http") && !html.contains("<script"),
        "{html}"
    );
    assert_eq!(suppression(&tenant).await, None);
}

#[tokio::test]
async fn a_link_that_is_not_ours_leads_nowhere_whatever_is_wrong_with_it() {
    let gateway = TestGateway::start().await;
    let tenant = tenant_with_mail(&gateway).await;
    let (_, link) = newsletter(&gateway, &tenant).await;
    let (base, token) = link.rsplit_once('/').unwrap();
    let swapped = |at: usize| {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &token[..at], &token[at + 1..])
    };
    let forged = [
        swapped(0),
        swapped(40),
        swapped(token.len() - 10),
        token[..token.len() - 4].to_owned(),
        format!("{token}AAAA"),
        "A".repeat(token.len()),
        "x".to_owned(),
    ];
    let mut said = Vec::new();
    for token in forged {
        let link = format!("{base}/{token}");
        for answer in [call(Method::GET, &link, FORM, "").await, click(&link).await] {
            assert_eq!(answer.status, 404, "{token}");
            said.push(answer.body);
        }
    }
    said.dedup();
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(suppression(&tenant).await, None);
}

#[tokio::test]
async fn only_the_one_click_ends_the_mails() {
    let gateway = TestGateway::start().await;
    let tenant = tenant_with_mail(&gateway).await;
    let (_, link) = newsletter(&gateway, &tenant).await;
    for (content_type, body, status) in [
        (FORM, "List-Unsubscribe=yes", 400),
        (FORM, "one=click", 400),
        ("multipart/form-data; boundary=b", "--b--", 400),
        ("multipart/form-data; boundary=\"\"", "--b--", 415),
        ("text/plain", ONE_CLICK, 415),
    ] {
        let refused = call(Method::POST, &link, content_type, body).await;
        assert_eq!(refused.status, status, "{content_type} {body}");
    }
    assert_eq!(suppression(&tenant).await, None);
}
