use serde_json::json;

use super::*;
use crate::values::ReasonCode;

fn send(more: &Value) -> Value {
    let mut send = json!({ "form": { "to": "{{to}}", "text": "{{text}}" } });
    for (name, value) in more.as_object().unwrap() {
        send[name] = value.clone();
    }
    send
}

fn parse(data: &Value, secret: &Value) -> Result<HttpSmsSettings, Vec<(String, String)>> {
    let parsed = HttpSmsSettings::parse(Some("https://sms.example.com/v1/"), data, secret);
    parsed.map_err(|faults| {
        let faults = faults.into_iter();
        faults.map(|fault| (fault.path, fault.message)).collect()
    })
}

fn places(data: &Value, secret: &Value) -> Vec<String> {
    let faults = parse(data, secret).map(drop).unwrap_err();
    faults.into_iter().map(|(path, _)| path).collect()
}

#[test]
fn the_described_providers_are_read() {
    for document in [
        include_str!("../../../../docs/providers/http-sms/twilio.json"),
        include_str!("../../../../docs/providers/http-sms/vonage.json"),
        include_str!("../../../../docs/providers/http-sms/infobip.json"),
    ] {
        let document: Value = serde_json::from_str(document).unwrap();
        let settings = HttpSmsSettings::parse(
            document["url"].as_str(),
            &document["data"],
            &document["secret"],
        );
        let settings = settings.unwrap();
        assert!(settings.names_callback_url && settings.callbacks.message.is_some());
        assert!(!settings.request.repeats_safe);
        let secret = document["secret"].as_object().unwrap().values().next();
        let shown = format!("{settings:?}");
        assert!(
            !shown.contains(secret.unwrap().as_str().unwrap()),
            "{shown}"
        );
    }
}

#[test]
fn the_least_that_can_be_said_is_how_a_text_is_sent() {
    let settings = parse(&json!({ "send": send(&json!({})) }), &json!({})).unwrap();
    assert_eq!(settings.request.method, "POST");
    assert!(settings.answer.statuses.is_empty() && settings.callbacks.receipt.is_none());
    assert_eq!(places(&json!({}), &json!({})), ["/data/send"]);
    assert_eq!(places(&json!([]), &json!({})), ["/data"]);
}

#[test]
fn every_fault_of_every_section_is_named() {
    let data = json!({
        "send": send(&json!({
            "method": "GET", "path": "a/{{text}}/../b", "query": { "": "x", "key": "{{secret.none}}" },
            "headers": { "Host": "x", "X-A": "a\r\nb", "x-b": "{{to}}", "Authorization": "Basic abc" },
        })),
        "answer": {
            "statuses": [200, 404], "acceptedWhere": { "/a": [], "/~": "1" }, "id": [], "codes": { "1": "again", "2": 501 },
        },
        "callbacks": {
            "items": "", "receipt": { "id": "a", "ourId": "b", "status": "c", "statuses": { "d": "Lost" } },
            "reply": { "type": "text/xml", "body": "x".repeat(1_001) },
        },
        "unknownPolicy": "drop",
    });
    let secret = json!({ "a b": "x", "number": 5, "token": "\n" });
    assert_eq!(
        places(&data, &secret),
        [
            "/secret/a b",
            "/secret/number",
            "/secret/token",
            "/data/send/method",
            "/data/send/path",
            "/data/send/path",
            "/data/send/query/",
            "/data/send/query/key",
            "/data/send/headers/X-A",
            "/data/send/headers/x-b",
            "/data/send/headers/Authorization",
            "/data/send/headers/Host",
            "/data/answer/statuses/1",
            "/data/answer/acceptedWhere/~1a",
            "/data/answer/acceptedWhere/~1~0",
            "/data/answer/id",
            "/data/answer/codes/1",
            "/data/answer/codes/2",
            "/data/callbacks/items",
            "/data/callbacks/receipt",
            "/data/callbacks/receipt/statuses/d",
            "/data/callbacks/reply/body",
            "/data/unknownPolicy",
        ]
    );
}

#[test]
fn an_unknown_member_is_named_wherever_it_is() {
    let receipt = json!({ "id": "a", "status": "b", "statuses": {} });
    for (data, place) in [
        (
            json!({ "send": send(&json!({ "bdy": 1 })) }),
            "/data/send/bdy",
        ),
        (
            json!({ "send": send(&json!({})), "answr": {} }),
            "/data/answr",
        ),
        (
            json!({ "send": send(&json!({})), "answer": { "okay": 1 } }),
            "/data/answer/okay",
        ),
        (
            json!({ "send": send(&json!({ "authentication": { "digest": {} } })) }),
            "/data/send/authentication/digest",
        ),
        (
            json!({ "send": send(&json!({})), "callbacks": { "receipts": receipt } }),
            "/data/callbacks/receipts",
        ),
    ] {
        assert_eq!(places(&data, &json!({})), [place]);
    }
}

#[test]
fn a_request_says_whom_it_is_for_and_what() {
    let with = |send: Value| places(&json!({ "send": send }), &json!({}));
    assert_eq!(with(json!({})), ["/data/send"]);
    assert_eq!(with(json!({ "form": { "to": "{{to}}" } })), ["/data/send"]);
    assert_eq!(
        with(json!({ "json": { "text": "{{text}}" } })),
        ["/data/send"]
    );
    assert_eq!(with(json!({ "json": {}, "form": {} })), ["/data/send"]);
    assert_eq!(
        with(send(&json!({ "repeatsSafe": true }))),
        ["/data/send/repeatsSafe"]
    );
    let in_path = json!({ "path": "to/{{+to}}", "json": ["{{text}}"] });
    assert!(parse(&json!({ "send": in_path }), &json!({})).is_ok());
}

#[test]
fn secrets_are_named_and_stand_nowhere_else() {
    let data = |authentication: Value| json!({ "send": send(&json!({ "authentication": authentication })) });
    let token = json!({ "token": "hush" });
    let bearer = data(json!({ "bearer": "{{secret.token}}" }));
    assert!(parse(&bearer, &token).is_ok());
    assert_eq!(
        places(&bearer, &json!({})),
        ["/data/send/authentication/bearer"]
    );
    assert_eq!(
        places(&bearer, &json!({ "token": "hush", "other": "x" })),
        ["/secret/other"]
    );
    for (open, place) in [
        (json!({ "bearer": "hush" }), "bearer"),
        (
            json!({ "basic": { "username": "a", "password": "hush" } }),
            "basic/password",
        ),
        (
            json!({ "basic": { "username": "a:b", "password": "{{secret.token}}" } }),
            "basic/username",
        ),
    ] {
        let faults = parse(&data(open), &token).map(drop).unwrap_err();
        let expected = format!("/data/send/authentication/{place}");
        assert!(
            faults.iter().any(|(path, _)| *path == expected),
            "{faults:?}"
        );
        assert!(faults.iter().all(|(_, message)| !message.contains("hush")));
    }
    let both = json!({ "send": send(&json!({
        "authentication": { "bearer": "{{secret.token}}" }, "headers": { "authorization": "{{secret.token}}" },
    })) });
    assert_eq!(places(&both, &token), ["/data/send/headers/authorization"]);
}

#[test]
fn what_a_message_says_never_decides_whom_it_is_given_to() {
    for url in [
        "https://{{to}}.example.com/",
        "https://example.com/{{to}}",
        "https://example.com/#a",
    ] {
        let data = json!({ "send": send(&json!({})) });
        let faults = HttpSmsSettings::parse(Some(url), &data, &json!({})).unwrap_err();
        assert_eq!(faults[0].path, "/url", "{url}");
    }
}

#[test]
fn everything_has_its_limit() {
    let pairs = |count: usize| -> Value {
        let pairs = (0..count).map(|index| (index.to_string(), json!("{{to}}{{text}}")));
        Value::Object(pairs.collect())
    };
    let deep = (0..20).fold(json!("{{to}}{{text}}"), |inside, _| json!([inside]));
    let secrets: Map = (0..11)
        .map(|index| (index.to_string(), json!("x")))
        .collect();
    let form = |form: Value| json!({ "send": { "form": form } });
    assert!(parse(&form(pairs(50)), &json!({})).is_ok());
    assert_eq!(places(&form(pairs(51)), &json!({})), ["/data/send/form"]);
    let long = json!({ "to": "{{to}}", "text": format!("{{{{text}}}}{}", "x".repeat(2_000)) });
    assert_eq!(places(&form(long), &json!({})), ["/data/send/form/text"]);
    let json_body = json!({ "send": { "json": deep } });
    assert!(places(&json_body, &json!({}))[0].starts_with("/data/send/json/0/0"));
    let wide = json!({ "send": { "json": vec!["{{to}}{{text}}"; 200] } });
    assert_eq!(places(&wide, &json!({})), ["/data/send/json/199"]);
    assert_eq!(
        places(
            &json!({ "send": send(&json!({})) }),
            &Value::Object(secrets)
        ),
        ["/secret"]
    );
    let huge = json!({ "send": "x".repeat(65_536) });
    assert_eq!(places(&huge, &json!({})), ["/data"]);
}

type Map = serde_json::Map<String, Value>;

#[test]
fn what_may_have_arrived_is_sent_again_where_the_provider_knows_our_id() {
    let sends = |more: Value| {
        let mut data = json!({ "send": send(&json!({ "repeatsSafe": true, "headers": { "Idempotency-Key": "{{id}}" } })) });
        for (name, value) in more.as_object().unwrap() {
            data[name] = value.clone();
        }
        parse(&data, &json!({})).unwrap().rules.unknown
    };
    assert_eq!(sends(json!({})), UnknownPolicy::Retry);
    assert_eq!(
        sends(json!({ "unknownPolicy": "fail" })),
        UnknownPolicy::Fail
    );
}

#[test]
fn codes_have_meanings() {
    let data = json!({ "send": send(&json!({})), "answer": { "code": "status", "codes": {
        "1": "retry", "4": "credentials", "9": "quota", "7": 350,
    } } });
    let codes = parse(&data, &json!({})).unwrap().answer.codes;
    assert_eq!(codes["1"], Meaning::Retry);
    assert_eq!(codes["4"], Meaning::Credentials);
    assert_eq!(codes["9"], Meaning::Quota);
    assert_eq!(codes["7"], Meaning::Refused(ReasonCode::NotAllowed));
    let nowhere = json!({ "send": send(&json!({})), "answer": { "codes": { "1": "retry" } } });
    assert_eq!(places(&nowhere, &json!({})), ["/data/answer/codes"]);
}
