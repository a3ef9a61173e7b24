//! The addresses that providers call.

use nexus_gateway::simulator::agent_message;
use serde_json::json;

use super::door::{Credentials, Door, Takes};
use super::site::Objects;
use crate::harness::tenant::{CONSUMER, PHONE};

/// Each with a call that it takes.
pub(super) fn callbacks(objects: &Objects) -> Vec<Door> {
    let [ccid, token, sparkpost, http_sms] = &objects.callback;
    let event = json!({ "type": "delivery", "event_id": "1", "rcpt_meta": { "messageId": objects.message } });
    let batch = json!([{ "msys": { "message_event": event } }, { "msys": {} }]);
    let mail = "Message-ID: <bad@example.com>\nFrom: jane@example.com\nSubject: Hi\n\nHello";
    let relayed = json!([{ "msys": { "relay_message": {
        "rcpt_to": "help@company.com", "friendly_from": "jane@example.com", "msg_from": "jane@example.com",
        "content": { "subject": "Hi", "email_rfc822": mail, "email_rfc822_is_base64": false },
    } } }]);
    let door = |form| {
        let door = Door::post("/nexus/v3/callbacks/mgage/{ccid}/{token}").at(&[ccid, token]);
        Door {
            takes: Takes::Form(form),
            ..door.of(Credentials::Address)
        }
    };
    vec![
        door(&[
            ("message_id", "bad-8"),
            ("device_address", CONSUMER),
            ("inbound_address", PHONE),
            ("message", "Hi"),
        ]),
        door(&[("message_id", "bad-9"), ("status_code", "40")]),
        Door::post("/nexus/v3/callbacks/sparkpost/{ccid}/{token}")
            .at(&[ccid, sparkpost])
            .takes(batch.clone())
            .of(Credentials::Address),
        Door::post("/nexus/v3/callbacks/open-messaging/{ccid}")
            .at(&[ccid])
            .takes(agent_message("0a1b", CONSUMER, "Hello"))
            .of(Credentials::Agents),
        Door::post("/nexus/v3/callbacks/sparkpost/{ccid}")
            .at(&[ccid])
            .takes(batch)
            .of(Credentials::Basic),
        Door::post("/nexus/v3/callbacks/sparkpost/{ccid}")
            .at(&[ccid])
            .takes(relayed)
            .of(Credentials::Basic),
        described(Door::post)
            .at(&[ccid, http_sms])
            .takes(json!({ "id": "bad-10", "status": "done", "code": "0" }))
            .of(Credentials::Address),
        described(Door::get)
            .at(&[ccid, http_sms])
            .query("id=bad-11&status=done")
            .of(Credentials::Address),
    ]
}

fn described(door: fn(&'static str) -> Door) -> Door {
    door("/nexus/v3/callbacks/http-sms/{ccid}/{token}")
}
