//! The table of the contract: every route with one call, or several, that it takes.

use reqwest::Method;
use serde_json::{Value, json};

use super::callbacks::callbacks;
use super::door::{Credentials, Door, Takes};
use super::site::{DOMAIN, Objects, http_sms};
use crate::harness::tenant::{CONSUMER, PHONE};

/// Every door that is answered with what is asked for.
pub fn doors(objects: &Objects) -> Vec<Door> {
    [
        third_party(),
        aggregation(),
        callbacks(objects),
        files(objects),
        messages(objects),
        replays(objects),
        erasures(objects),
        conversations(objects),
        suppressions(objects),
        services(objects),
        provisioning(objects),
        operations(objects),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn third_party() -> Vec<Door> {
    let channel = |from: &str, to: &str, id: &str| json!({ "from": { "id": from, "name": "Jane" }, "to": { "id": to }, "messageId": id });
    let text =
        json!({ "channel": channel(CONSUMER, PHONE, "bad-1"), "type": "Text", "text": "Hi" });
    let media = json!({
        "channel": channel(CONSUMER, PHONE, "bad-2"), "type": "RichMedia", "text": "See",
        "content": [{ "type": "image", "url": "https://example.com/a.png", "mime": "image/png", "filename": "a.png" }],
    });
    let receipt = json!({
        "channel": channel(PHONE, CONSUMER, "bad-3"), "type": "Receipt", "status": "Failed",
        "reasons": [{ "code": 500, "message": "No" }],
    });
    let event = json!({
        "channel": channel(CONSUMER, PHONE, "bad-4"), "type": "Event",
        "events": [{ "eventType": "Typing", "typing": { "type": "On", "duration": 5000 } }],
    });
    let mail = json!({
        "channel": channel("jane@example.com", "help@company.com", "bad-5"), "type": "Email", "subject": "Help",
        "content": [{ "type": "text", "text": "Hi" }, { "type": "html", "html": "<p>Hi</p>", "text": "<p>Hi</p>" }],
    });
    let base = "/nexus/v3/channels/{channelId}/messages";
    let door = |template, channel, message: &Value| {
        let body = json!({ "messages": [message] });
        let door = Door::post(template).at(&[channel]).takes(body);
        door.of(Credentials::Signature)
    };
    vec![
        door(base, PHONE, &text),
        door("/channels/{channelId}/messages", PHONE, &text),
        door(base, PHONE, &media),
        door(base, PHONE, &receipt),
        door(base, PHONE, &event),
        door(base, DOMAIN, &mail),
    ]
}

fn aggregation() -> Vec<Door> {
    let message = json!({
        "type": "MO", "message_id": "bad-6", "shortcode": PHONE, "phone_number": CONSUMER, "carrier": "383",
        "message": "Hi", "mms_attachment": [{ "content_type": "image/png", "content": "iVBORw0KGgo=" }],
    });
    let receipt = json!({
        "type": "receipt", "message_id": "bad-7", "message_state": "2", "result_code": "0", "app_id": "a",
        "conversation_id": "c",
    });
    let door = |template, body| {
        Door::post(template)
            .at(&[])
            .takes(body)
            .of(Credentials::Basic)
    };
    vec![
        door("/nexus/v3/sms/message", message),
        door("/nexus/v3/sms/receipt", receipt),
    ]
}

fn files(objects: &Objects) -> Vec<Door> {
    let upload = |template| Door {
        takes: Takes::File,
        ..Door::post(template).at(&[PHONE]).of(Credentials::Signature)
    };
    let download = Door::get("/nexus/v3/media/{mediaId}").at(&[&objects.media]);
    vec![
        upload("/nexus/v3/channels/{channelId}/media"),
        upload("/channels/{channelId}/media"),
        download.query("tenant=t&expires=1&signature=s"),
    ]
}

fn messages(objects: &Objects) -> Vec<Door> {
    let id: &[&str] = &[&objects.message];
    let item = json!({
        "channel": { "from": { "id": PHONE }, "to": { "id": CONSUMER, "name": "Jane" }, "messageId": "bad-8" },
        "type": "Text", "text": "Hi", "notBefore": "2020-01-01T00:00:00Z",
        "priority": "normal", "campaignId": "spring", "replyTo": { "id": "16504661149", "name": "Us" },
    });
    let mail = json!({
        "channel": { "from": { "id": "help@company.com" }, "to": { "id": "jane@example.com" } },
        "type": "Email", "subject": "Hello", "content": [{ "type": "text", "text": "Hi" }],
    });
    let submit = |item| {
        let door = Door::post("/nexus/v3/messages").at(&[]);
        door.takes(json!({ "messages": [item] })).answers(&[202])
    };
    let search = "limit=5&cursor=MTc5NTI2NDkyODU5NC0w&channelId=16504661149&address=16505550199&status=Queued\
        &direction=outbound&since=2020-01-01T00:00:00Z&until=2030-01-01T00:00:00Z&campaignId=c&deadLetter=false";
    vec![
        submit(item),
        submit(mail),
        Door::get("/nexus/v3/messages").at(&[]).query(search),
        Door::get("/nexus/v3/messages/{id}").at(id),
        Door::get("/nexus/v3/messages/{id}/attempts").at(id),
        Door::get("/nexus/v3/messages/{id}/explain").at(id),
        // It is no dead letter.
        Door::post("/nexus/v3/messages/{id}/retry")
            .at(id)
            .answers(&[409]),
        Door::post("/nexus/v3/messages/{id}/cancel").at(id),
    ]
}

fn replays(objects: &Objects) -> Vec<Door> {
    let id: &[&str] = &[&objects.replay];
    let filter = json!({
        "channelId": PHONE, "address": CONSUMER, "status": "Failed", "direction": "outbound",
        "since": "2020-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z", "campaignId": "c",
    });
    let body = json!({ "filter": filter, "ratePerSecond": 5, "dryRun": true });
    vec![
        Door::post("/nexus/v3/replays")
            .at(&[])
            .takes(body)
            .answers(&[202, 429]),
        Door::get("/nexus/v3/replays")
            .at(&[])
            .query("limit=5&cursor=MTc5NTI2NDkyODU5NC0w"),
        Door::get("/nexus/v3/replays/{id}").at(id),
        Door::own(Method::DELETE, "/nexus/v3/replays/{id}").at(id),
    ]
}

fn erasures(objects: &Objects) -> Vec<Door> {
    let id: &[&str] = &[&objects.erasure];
    let body = json!({ "address": "16505550177", "dryRun": true });
    vec![
        Door::post("/nexus/v3/erasures")
            .at(&[])
            .takes(body)
            .answers(&[202, 429]),
        Door::get("/nexus/v3/erasures")
            .at(&[])
            .query("limit=5&cursor=MTc5NTI2NDkyODU5NC0w"),
        Door::get("/nexus/v3/erasures/{id}").at(id),
        Door::own(Method::DELETE, "/nexus/v3/erasures/{id}").at(id),
    ]
}

fn conversations(objects: &Objects) -> Vec<Door> {
    let id: &[&str] = &[&objects.conversation];
    let messages = "/nexus/v3/conversations/{id}/messages";
    let reply = json!({ "type": "Text", "text": "Hi" });
    let media = json!({ "type": "RichMedia", "text": "See", "content": [
        { "type": "image", "url": "https://example.com/a.png", "mime": "image/png", "filename": "a.png" },
    ] });
    vec![
        Door::get("/nexus/v3/conversations")
            .at(&[])
            .query("limit=5&cursor=MTc5NTI2NDkyODU5NC0w"),
        Door::get("/nexus/v3/conversations/{id}").at(id),
        Door::get(messages)
            .at(id)
            .query("limit=5&cursor=MTc5NTI2NDkyODU5NC0w"),
        Door::post(messages).at(id).takes(reply).answers(&[202]),
        Door::post(messages).at(id).takes(media).answers(&[202]),
        Door::post("/nexus/v3/conversations/{id}/close").at(&[&objects.ending_conversation]),
    ]
}

fn suppressions(objects: &Objects) -> Vec<Door> {
    let one = "/nexus/v3/suppressions/{channelId}/{address}";
    let address: &[&str] = &[PHONE, &objects.suppressed];
    let body = json!({ "reason": "asked", "expiresAt": "2999-01-01T00:00:00Z" });
    vec![
        Door::get("/nexus/v3/suppressions").at(&[]).query("limit=5"),
        Door::own(Method::PUT, one)
            .at(address)
            .takes(body)
            .answers(&[200, 201]),
        Door::get(one).at(address),
        Door::own(Method::DELETE, one)
            .at(address)
            .answers(&[200, 404]),
        Door::post("/nexus/v3/signatures/verify").at(&[]).takes(json!({
            "headers": { "X-Hub-Signature": "sha1=00", "webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,a" },
            "body": "text", "secrets": ["a secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        })),
        Door::get("/nexus/v3/unsubscribe/{token}")
            .at(&[&objects.link])
            .of(Credentials::Link),
        Door {
            takes: Takes::Form(&[("List-Unsubscribe", "One-Click")]),
            ..Door::post("/nexus/v3/unsubscribe/{token}")
                .at(&[&objects.link])
                .of(Credentials::Link)
        },
    ]
}

fn services(objects: &Objects) -> Vec<Door> {
    let one = "/nexus/v3/provisioning/services/{ccid}/{name}";
    let ccid = objects.provisioned.to_string();
    let channels = json!({
        "url": "N/A",
        "data": { "channels": [{ "channelId": PHONE, "webhook": {
            "url": "https://example.com/hook", "timeoutSeconds": 5, "maxInFlight": 4, "ratePerSecond": 10,
            "order": "recipient", "retry": { "scheduleSeconds": [1, 2] }, "signatures": ["sha1", "sha256"],
            "bodyShape": "single",
        } }] },
        "secret": { "channels": [{
            "channelId": PHONE, "webhook": { "secret": "s" }, "api": { "secret": [{ "value": "new" }, { "value": "old" }] },
        }] },
    });
    let provider = json!({ "url": "N/A", "data": { "provider": "Async" }, "secret": {} });
    let mgage = json!({
        "url": "https://directtext.mgage.com", "secret": { "username": "u", "password": "p" },
        "data": { "timeoutSeconds": 5, "maxInFlight": 4, "ratePerSecond": 10, "unknownPolicy": "hold",
                  "holdSeconds": 60, "statusCodes": { "40": "Delivered", "129": 530 } },
    });
    let put = |method, name, body| {
        let door = Door::own(method, one).at(&[&ccid, name]).takes(body);
        door.answers(&[200, 201]).of(Credentials::Operator)
    };
    vec![
        put(Method::PUT, "Async", channels.clone()),
        put(Method::POST, "Async", channels),
        put(Method::POST, "SMS", provider),
        put(Method::POST, "mGageSMS", mgage),
        put(Method::POST, "HttpSms", http_sms()),
        Door::get("/nexus/v3/provisioning/services/{ccid}")
            .at(&[&ccid])
            .of(Credentials::Operator),
        Door::get(one)
            .at(&[&ccid, "Async"])
            .of(Credentials::Operator),
        Door::post("/nexus/v3/provisioning/services/{ccid}/{name}/callback-token")
            .at(&[&ccid, "mGageSMS"])
            .of(Credentials::Operator),
        Door::own(Method::DELETE, one)
            .at(&[&ccid, "Email"])
            .answers(&[200, 404])
            .of(Credentials::Operator),
    ]
}

fn provisioning(objects: &Objects) -> Vec<Door> {
    let senders = "/nexus/v3/provisioning/senders/{ccid}";
    let sender = "/nexus/v3/provisioning/senders/{ccid}/{name}";
    let key = "/nexus/v3/provisioning/apikeys/{id}";
    let ccid = objects.provisioned.to_string();
    let keys = "/nexus/v3/provisioning/apikeys";
    let new_key = json!({
        "tenant": ccid, "name": "new", "permissions": ["nexus:messages:read"], "enabled": true,
        "expiresAt": "2999-01-01T00:00:00Z",
    });
    let change = json!({ "name": "changed", "enabled": true, "expiresAt": "2999-01-01T00:00:00Z" });
    let options = json!({
        "channelId": PHONE, "channelType": "sms", "endpoint": "e", "interactionSubtype": "s", "interactionType": "t",
        "media": "m", "cxcOnly": "true", "provider": "Async", "header:X-Route": "blue",
    });
    let tenant = json!({ "ccid": ccid, "services": [], "senders": [] });
    let order = json!([{ "tollfreeNumber": "18445551212", "comment": "c", "emailAddress": "a@example.com" }]);
    [
        // Nobody has provisioned who sells numbers.
        Door::get("/nexus/v3/provisioning/numbers/{ccid}")
            .at(&[&ccid])
            .answers(&[422]),
        Door::get("/nexus/v3/provisioning/numbers/{ccid}/available")
            .at(&[&ccid])
            .query("numberOfResults=5&vanity=PIZZA")
            .answers(&[422]),
        Door::post("/nexus/v3/provisioning/numbers/{ccid}")
            .at(&[&ccid])
            .takes(order)
            .answers(&[422]),
        Door::get("/nexus/v3/provisioning/export/{ccid}").at(&[&ccid]),
        Door::post("/nexus/v3/provisioning/import/{ccid}")
            .at(&[&ccid])
            .takes(tenant),
        Door::post(keys).at(&[]).takes(new_key).answers(&[201]),
        Door::get(keys)
            .at(&[])
            .query("limit=5&tenant=*&cursor=MGJjZmE1NDQtNmM2Zi00NGUwLTljZTMtY2U1NzkzMzdlYWRk"),
        Door::own(Method::PATCH, key)
            .at(&[&objects.changing_key])
            .takes(change),
        Door::get(key).at(&[&objects.changing_key]),
        Door::own(Method::DELETE, key)
            .at(&[&objects.ending_key])
            .answers(&[200, 404]),
        Door::own(Method::PUT, sender)
            .at(&[&ccid, &objects.section])
            .takes(options)
            .answers(&[200, 201]),
        Door::get(sender).at(&[&ccid, &objects.section]),
        Door::get(senders).at(&[&ccid]).query("limit=5&cursor=MQ"),
        Door::own(Method::DELETE, sender)
            .at(&[&ccid, "chat.Other"])
            .answers(&[200, 404]),
    ]
    .into_iter()
    .map(|door| door.of(Credentials::Operator))
    .collect()
}

fn operations(objects: &Objects) -> Vec<Door> {
    let id: &[&str] = &[&objects.endpoint];
    let feed = "stream=all&types=message.received&wait=0&limit=5";
    vec![
        Door::get("/health/live").at(&[]).of(Credentials::Nobody),
        Door::get("/health/ready").at(&[]).of(Credentials::Nobody),
        Door::get("/openapi.json").at(&[]).of(Credentials::Nobody),
        Door::get("/docs").at(&[]).of(Credentials::Nobody),
        Door::get("/docs/{file}")
            .at(&["swagger-ui.css"])
            .of(Credentials::Nobody),
        Door::get("/nexus/v3/events").at(&[]).query(feed),
        Door::get("/nexus/v3/endpoints")
            .at(&[])
            .query("limit=5&cursor=MQ"),
        Door::get("/nexus/v3/statistics").at(&[]).query(
            "limit=5&cursor=NS84&channelId=16504661149&since=2026-01-01T00:00:00Z&until=2030-01-01T00:00:00Z",
        ),
        Door::get("/nexus/v3/audit").at(&[]).query(
            "limit=5&cursor=NTA&since=2026-01-01T00:00:00Z&until=2030-01-01T00:00:00Z&action=service.saved\
                &object=service&objectId=Async",
        ),
        Door::get("/nexus/v3/endpoints/{id}").at(id),
        Door::post("/nexus/v3/endpoints/{id}/pause").at(id),
        Door::post("/nexus/v3/endpoints/{id}/test")
            .at(id)
            .answers(&[200, 429]),
        Door::post("/nexus/v3/endpoints/{id}/resume").at(id),
    ]
}
