use http_body_util::BodyExt;
use proptest::prelude::*;
use reqwest::header::RETRY_AFTER;
use serde_json::json;

use super::*;
use crate::connectors::outcome::{AttemptError, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind};
use crate::values::{ChannelId, MediaId, MessageId, Party, ReasonCode};

const NOW_MS: i64 = 1_795_521_600_000;
const CALLBACK: &str = "https://gateway.example.com/nexus/v3/callbacks/http-sms/c/t?a=b&c";

fn settings(send: &Value, answer: &Value) -> HttpSmsSettings {
    let secret = if send.to_string().contains("secret.token") {
        json!({ "token": "hush & more" })
    } else {
        json!({})
    };
    let data = json!({ "send": send, "answer": answer });
    HttpSmsSettings::parse(Some("https://sms.example.com/v1"), &data, &secret).unwrap()
}

fn request(settings: &HttpSmsSettings, text: &str) -> Option<Request> {
    let channel_id: ChannelId = "87767".parse().unwrap();
    let party = |address: &str| Party {
        address: address.parse().unwrap(),
        name: None,
    };
    let message = Outbound {
        channel_id: &channel_id,
        from: &party("87767"),
        to: &party("15555550100"),
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: None,
        is_bulk: false,
        unsubscribe_link: None,
        content: &Content::Text(text.to_owned()),
        link: &MediaId::reference,
    };
    build_request(
        settings,
        &message,
        Some(CALLBACK),
        Box::pin(async { Ok(()) }),
    )
}

async fn body(mut request: Request) -> String {
    let body = request.body_mut().take().unwrap();
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn each_value_is_escaped_as_its_place_asks() {
    let settings = settings(
        &json!({
            "method": "PUT", "path": "to/{{+to}}/a b%/{{id}}", "query": { "k&": "{{secret.token}}", "cb": "{{callbackUrl}}" },
            "headers": { "Idempotency-Key": "{{id}}", "X-Key": "{{secret.token}}" },
            "form": { "from": "{{+from}}", "text": "say {{text}}", "how": "{{encoding}}" },
        }),
        &json!({}),
    );
    let request = request(&settings, "50 % & more: née 😀\n+1").unwrap();
    assert_eq!(request.method(), "PUT");
    assert_eq!(
        request.url().as_str(),
        "https://sms.example.com/v1/to/+15555550100/a%20b%25/1613474523265-0\
         ?cb=https%3A%2F%2Fgateway.example.com%2Fnexus%2Fv3%2Fcallbacks%2Fhttp-sms%2Fc%2Ft%3Fa%3Db%26c&k%26=hush+%26+more"
    );
    let headers = request.headers();
    assert_eq!(headers["idempotency-key"], "1613474523265-0");
    assert_eq!(headers["x-key"], "hush & more");
    assert!(headers["x-key"].is_sensitive());
    assert_eq!(
        body(request).await,
        "from=87767&how=ucs2&text=say+50+%25+%26+more%3A+n%C3%A9e+%F0%9F%98%80%0A%2B1"
    );
}

#[tokio::test]
async fn json_keeps_its_shape_whatever_a_text_says() {
    let settings = settings(
        &json!({
            "json": { "n": 1, "to": ["{{to}}"], "deep": { "text": "{{text}}", "none": null, "yes": true } },
            "encodings": { "gsm7": "text", "ucs2": "unicode" },
        }),
        &json!({}),
    );
    let said = "\"}, \"to\": [\"1\"] \\ {{id}}\n";
    let written = body(request(&settings, said).unwrap()).await;
    let written: Value = serde_json::from_str(&written).unwrap();
    assert_eq!(
        written,
        json!({ "n": 1, "to": ["15555550100"], "deep": { "text": said, "none": null, "yes": true } })
    );
}

#[test]
fn credentials_are_written_as_http_has_them() {
    let with = |authentication: Value| {
        let send = json!({ "authentication": authentication, "form": { "a": "{{to}}{{text}}" } });
        let request = request(&settings(&send, &json!({})), "Hi").unwrap();
        let value = request.headers()[AUTHORIZATION].clone();
        assert!(value.is_sensitive());
        value
    };
    let basic = json!({ "basic": { "username": "AC1", "password": "{{secret.token}}" } });
    assert_eq!(with(basic), "Basic QUMxOmh1c2ggJiBtb3Jl");
    let bearer = json!({ "bearer": "{{secret.token}}" });
    assert_eq!(with(bearer), "Bearer hush & more");
}

#[test]
fn there_is_no_request_that_names_what_nobody_knows() {
    let send = json!({ "form": { "a": "{{to}}{{text}}", "callback": "{{callbackUrl}}" } });
    let settings = settings(&send, &json!({}));
    assert!(request(&settings, "Hi").is_some());
    let channel_id: ChannelId = "87767".parse().unwrap();
    let party = Party {
        address: "87767".parse().unwrap(),
        name: None,
    };
    let message = Outbound {
        channel_id: &channel_id,
        from: &party,
        to: &party,
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: None,
        is_bulk: false,
        unsubscribe_link: None,
        content: &Content::Text("Hi".to_owned()),
        link: &MediaId::reference,
    };
    assert!(build_request(&settings, &message, None, Box::pin(async { Ok(()) })).is_none());
}

fn said(answer: &Value, status: u16, body: &str) -> Outcome {
    let send = json!({ "form": { "a": "{{to}}{{text}}" } });
    let came = Answer {
        status,
        headers: HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("7"))]),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    };
    interpret(&settings(&send, answer), Ok(came), NOW_MS, None)
}

fn accepted(id: Option<&str>) -> Outcome {
    Outcome::Accepted {
        provider_message_id: id.map(str::to_owned),
    }
}

fn unknown(reason: AttemptError) -> Outcome {
    Outcome::Unknown { reason }
}

fn refused(reason: ReasonCode, detail: AttemptError) -> Outcome {
    Outcome::Refused {
        reason,
        detail,
        endpoint_fault: false,
        pause_endpoint: false,
    }
}

#[test]
fn a_success_is_what_the_settings_call_one() {
    let nothing = json!({});
    assert_eq!(said(&nothing, 204, ""), accepted(None));
    let status = json!({ "statuses": [201], "id": "sid" });
    assert_eq!(
        said(&status, 201, r#"{"sid":"SM1"}"#),
        accepted(Some("SM1"))
    );
    assert_eq!(said(&status, 201, r#"{"sid":17}"#), accepted(Some("17")));
    assert_eq!(
        said(&status, 200, r#"{"sid":"SM1"}"#),
        unknown(AttemptError::HttpStatus(200))
    );
    for unreadable in ["", "OK", "{}", r#"{"sid":null}"#, r#"{"sid":"SM1""#] {
        let expected = unknown(AttemptError::BadAnswer);
        assert_eq!(said(&status, 201, unreadable), expected, "{unreadable}");
    }
}

#[test]
fn a_refusal_within_a_200_is_one() {
    let vonage = json!({
        "acceptedWhere": { "/messages/0/status": "0" }, "id": "/messages/0/message-id", "code": "/messages/0/status",
        "codes": { "1": "retry", "4": "credentials", "9": "quota", "7": 350 },
    });
    let of = |status: &str| {
        let body = json!({ "messages": [{ "status": status, "message-id": "a" }] });
        said(&vonage, 200, &body.to_string())
    };
    assert_eq!(of("0"), accepted(Some("a")));
    let barred = |reason| Outcome::Barred {
        reason,
        until: None,
    };
    assert_eq!(of("4"), barred(AttemptError::Credentials));
    assert_eq!(of("9"), barred(AttemptError::Quota));
    let detail = AttemptError::ProviderCode(7);
    assert_eq!(of("7"), refused(ReasonCode::NotAllowed, detail));
    let detail = AttemptError::ProviderCode(29);
    assert_eq!(of("29"), refused(ReasonCode::General, detail));
    assert_eq!(
        of("1"),
        Outcome::Retry {
            reason: AttemptError::ProviderCode(1),
            after: Some(std::time::Duration::from_secs(7)),
            endpoint_fault: true,
        }
    );
    let no_status = said(&vonage, 200, r#"{"messages":[{}]}"#);
    assert_eq!(no_status, unknown(AttemptError::BadAnswer));
}

#[test]
fn a_code_says_more_than_a_status_and_a_status_without_one_means_what_it_does_everywhere() {
    let twilio = json!({ "id": "sid", "code": ["/none", "code"], "codes": { "21610": 350, "20429": "retry" } });
    let of = |status, code: u32| said(&twilio, status, &json!({ "code": code }).to_string());
    let detail = AttemptError::ProviderCode(21610);
    assert_eq!(of(400, 21610), refused(ReasonCode::NotAllowed, detail));
    let detail = AttemptError::ProviderCode(21999);
    assert_eq!(of(400, 21999), refused(ReasonCode::General, detail));
    assert!(matches!(of(400, 20429), Outcome::Retry { .. }));
    for status in [429, 500, 503] {
        assert!(matches!(of(status, 1), Outcome::Retry { .. }), "{status}");
    }
    for status in [401, 403] {
        let barred = Outcome::Barred {
            reason: AttemptError::Credentials,
            until: None,
        };
        assert_eq!(of(status, 1), barred);
    }
}

#[test]
fn what_was_written_is_sent_again_only_where_the_provider_knows_our_id() {
    let failed = |send: &Value| {
        let failed = ExchangeFailed {
            kind: FailureKind::ConnectionLost,
            body_started: true,
        };
        interpret(&settings(send, &json!({})), Err(failed), NOW_MS, None)
    };
    let unsafe_send = json!({ "form": { "a": "{{to}}{{text}}{{id}}" } });
    assert_eq!(failed(&unsafe_send), unknown(AttemptError::ConnectionLost));
    let safe = json!({ "form": { "a": "{{to}}{{text}}{{id}}" }, "repeatsSafe": true });
    assert!(matches!(failed(&safe), Outcome::Retry { .. }));
}

proptest! {
    #[test]
    fn nothing_that_comes_back_makes_it_stumble(status: u16, body: Vec<u8>) {
        let rules = json!({ "acceptedWhere": { "/a": "1" }, "id": "/b/0", "code": "c" });
        let body = String::from_utf8_lossy(&body).into_owned();
        let outcome = said(&rules, status, &body);
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        prop_assert!((200..300).contains(&status) || !accepted);
    }

    #[test]
    fn no_text_leaves_its_place(text in ".{1,80}") {
        let send = json!({ "form": { "to": "{{to}}", "text": "{{text}}", "z": "end" } });
        let settings = settings(&send, &json!({}));
        let request = request(&settings, &text).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let written = runtime.block_on(body(request));
        let read: Vec<(String, String)> = form_urlencoded::parse(written.as_bytes()).into_owned().collect();
        let expected = [("text", text.as_str()), ("to", "15555550100"), ("z", "end")];
        prop_assert_eq!(read, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }
}
