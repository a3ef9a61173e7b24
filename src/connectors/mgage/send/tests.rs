use http_body_util::BodyExt;
use proptest::prelude::*;
use reqwest::header::HeaderMap;
use serde_json::json;

use super::*;
use crate::connectors::outcome::{AttemptError, NotStarted, Outcome};
use crate::platform::outbound::{Answer, ExchangeFailed, FailureKind, TimeoutPhase};
use crate::values::{ChannelId, Email, EmailPart, MediaId, MessageId, Party, ReasonCode};

const NOW_MS: i64 = 1_795_521_600_000;

fn settings(url: &str) -> MGageSettings {
    let secret = json!({ "username": "nexus", "password": "open: sesame" });
    MGageSettings::parse(Some(url), &json!({}), &secret).unwrap()
}

fn party(address: &str) -> Party {
    Party {
        address: address.parse().unwrap(),
        name: None,
    }
}

fn request(url: &str, content: &Content) -> Option<Request> {
    let channel_id: ChannelId = "87767".parse().unwrap();
    let message = Outbound {
        channel_id: &channel_id,
        from: &party("87767"),
        to: &party("15555550100"),
        message_id: "1613474523265-0".parse::<MessageId>().unwrap(),
        reply_to: None,
        is_bulk: false,
        unsubscribe_link: None,
        content,
        link: &MediaId::reference,
    };
    build_request(&settings(url), &message, None, Box::pin(async { Ok(()) }))
}

async fn body(mut request: Request) -> String {
    let body = request.body_mut().take().unwrap();
    let bytes = body.collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_text_is_a_form_of_numbers_text_and_our_id_under_http_basic() {
    let text = Content::Text("50 % & more: née 😀\n+1".to_owned());
    let request = request("http://directtext.mgage.com", &text).unwrap();
    assert_eq!(request.method(), Method::POST);
    assert_eq!(
        request.url().as_str(),
        "http://directtext.mgage.com/a2w_preRouter/httpApiRouter"
    );
    let headers = request.headers();
    assert_eq!(headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(headers[AUTHORIZATION], "Basic bmV4dXM6b3Blbjogc2VzYW1l");
    assert!(headers[AUTHORIZATION].is_sensitive());
    assert_eq!(
        body(request).await,
        "reply_to=87767&recipient=15555550100&body=50+%25+%26+more%3A+n%C3%A9e+%F0%9F%98%80%0A%2B1&reporting_key1=1613474523265-0"
    );
}

#[test]
fn the_path_is_added_once() {
    let text = Content::Text("Hello".to_owned());
    for url in [
        "https://host.example",
        "https://host.example/",
        "https://host.example/a2w_preRouter/httpApiRouter",
        "https://host.example/a2w_preRouter/httpApiRouter/",
    ] {
        let path = request(url, &text).unwrap().url().path().to_owned();
        assert_eq!(
            path.trim_end_matches('/'),
            "/a2w_preRouter/httpApiRouter",
            "{url}"
        );
    }
    let below = request("https://host.example/proxy", &text).unwrap();
    assert_eq!(below.url().path(), "/proxy/a2w_preRouter/httpApiRouter");
}

#[test]
fn there_is_a_form_for_texts_alone() {
    let mail = Email {
        subject: "Subject".to_owned(),
        parts: vec![EmailPart::Text("Text".to_owned())],
    };
    assert!(request("https://host.example", &Content::Email(mail)).is_none());
}

fn answer(status: u16, body: &str) -> Answer {
    Answer {
        status,
        headers: HeaderMap::new(),
        body: Bytes::copy_from_slice(body.as_bytes()),
        truncated: false,
    }
}

fn said(status: u16, body: &str) -> Outcome {
    direct_text(Ok(answer(status, body)), NOW_MS, None)
}

fn response(code: &str, rest: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<httpApiResponse><code>{code}</code><description>as it is</description>{rest}</httpApiResponse>"
    )
}

fn accepted(id: Option<&str>) -> Outcome {
    Outcome::Accepted {
        provider_message_id: id.map(str::to_owned),
    }
}

fn refused(code: i32, reason: ReasonCode) -> Outcome {
    Outcome::Refused {
        reason,
        detail: AttemptError::ProviderCode(code),
        endpoint_fault: false,
        pause_endpoint: false,
    }
}

#[test]
fn only_status_200_with_code_100_accepts() {
    let one = "<recipients><recipient><mobileNumber>15555550100</mobileNumber><messageId> 81-ab </messageId></recipient></recipients>";
    assert_eq!(said(200, &response("100", one)), accepted(Some("81-ab")));
    assert_eq!(said(200, &response(" 100 ", "")), accepted(None));
    let nameless = "<recipients><recipient><mobileNumber>1</mobileNumber></recipient></recipients>";
    assert_eq!(said(200, &response("100", nameless)), accepted(None));
    assert_eq!(
        said(202, &response("100", one)),
        Outcome::Unknown {
            reason: AttemptError::HttpStatus(202)
        }
    );
}

#[test]
fn codes_say_whose_fault_it_is() {
    for (code, expected) in [
        (992, refused(992, ReasonCode::InvalidStructure)),
        (994, refused(994, ReasonCode::General)),
        (997, refused(997, ReasonCode::General)),
        (998, refused(998, ReasonCode::InvalidStructure)),
        (
            999,
            Outcome::Retry {
                reason: AttemptError::ProviderCode(999),
                after: None,
                endpoint_fault: true,
            },
        ),
    ] {
        assert_eq!(said(200, &response(&code.to_string(), "")), expected);
    }
}

#[test]
fn an_answer_that_cannot_be_read_may_have_sent_it() {
    let unknown = Outcome::Unknown {
        reason: AttemptError::BadAnswer,
    };
    let bomb = "<!DOCTYPE httpApiResponse [<!ENTITY a \"100\">]><httpApiResponse><code>&a;</code></httpApiResponse>";
    let entity = response(
        "100",
        "<recipients><recipient><messageId>&xxe;</messageId></recipient></recipients>",
    );
    for body in [
        "",
        "OK",
        "<html><body>Welcome</body></html>",
        "<httpApiResponse/>",
        "<httpApiResponse><code>one hundred</code></httpApiResponse>",
        "<httpApiResponse><code>100</code>",
        "<other><code>100</code></other>",
        "{\"code\":100}",
        bomb,
        &entity,
    ] {
        assert_eq!(said(200, body), unknown, "{body}");
    }
    let cut = Answer {
        truncated: true,
        ..answer(200, &response("100", ""))
    };
    assert_eq!(direct_text(Ok(cut), NOW_MS, None), unknown);
    let not_text = Answer {
        body: Bytes::from_static(b"\xff\xfe"),
        ..answer(200, "")
    };
    assert_eq!(direct_text(Ok(not_text), NOW_MS, None), unknown);
}

#[test]
fn wrong_credentials_stop_the_lane_and_not_the_message() {
    for status in [401, 403] {
        assert_eq!(
            said(status, "no"),
            Outcome::Barred {
                reason: AttemptError::Credentials,
                until: None
            }
        );
    }
}

#[test]
fn a_failure_before_the_first_byte_is_tried_again_and_one_after_it_is_not() {
    let failed = |kind, body_started| {
        let failed = ExchangeFailed { kind, body_started };
        direct_text(Err(failed), NOW_MS, None)
    };
    for (kind, reason) in [
        (FailureKind::ConnectionLost, AttemptError::ConnectionLost),
        (FailureKind::BadAnswer, AttemptError::BadAnswer),
        (
            FailureKind::Timeout(TimeoutPhase::Answer),
            AttemptError::Timeout,
        ),
    ] {
        assert_eq!(failed(kind, true), Outcome::Unknown { reason });
        assert_eq!(
            failed(kind, false),
            Outcome::Retry {
                reason,
                after: None,
                endpoint_fault: true
            }
        );
    }
    let gate = ExchangeFailed {
        kind: FailureKind::GateRefused,
        body_started: false,
    };
    let why = NotStarted::Suppressed;
    assert_eq!(
        direct_text(Err(gate), NOW_MS, Some(why)),
        Outcome::NotStarted { why }
    );
}

proptest! {
    #[test]
    fn nothing_that_comes_back_makes_it_stumble(status: u16, body: Vec<u8>) {
        let answer = Answer { body: Bytes::from(body), ..answer(status, "") };
        let outcome = direct_text(Ok(answer), NOW_MS, None);
        let accepted = matches!(outcome, Outcome::Accepted { .. });
        prop_assert!(status == 200 || !accepted);
    }
}
