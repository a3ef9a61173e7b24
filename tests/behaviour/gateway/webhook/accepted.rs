//! What a third party's 2xx says.

use nexus_gateway::simulator::{Answer, Rule};
use serde_json::json;

use super::{attempts, explanation, webhooks_of};
use crate::harness::TestGateway;

/// A recipient of a test.
fn recipient(number: usize) -> String {
    format!("1650555{number:04}")
}

#[tokio::test]
async fn the_id_of_the_answer_is_kept_where_it_is_one() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let body = |text: &str| Answer::Body {
        text: text.to_owned(),
    };
    let long = "x".repeat(255);
    let cases = [
        (Answer::accept_as_own(), Some("third-party-")),
        (Answer::accept_as("theirs"), Some("theirs")),
        (
            body(r#"{"messageId":" spaced out ","more":[1]}"#),
            Some(" spaced out "),
        ),
        (Answer::accept_as(long.clone()), Some(long.as_str())),
        (Answer::accept(), None),
        (Answer::accept_without_id(), None),
        (Answer::accept_as(format!("{long}x")), None),
        (Answer::accept_as(""), None),
        (body(r#"{"messageId":7}"#), None),
        (body(r#"{"messageId":null}"#), None),
        (body(r#"{"messageId":{"id":"x"}}"#), None),
        (body(r#"["messageId"]"#), None),
        (body("OK"), None),
        (body(""), None),
        (Answer::status(204), None),
        (Answer::Oversize { bytes: 100_000 }, None),
        (Answer::Oversize { bytes: 1_000 }, None),
    ];
    let rules = cases.iter().enumerate();
    gateway.third_party.answer_with(
        rules.map(|(number, (answer, _))| Rule::new(answer.clone()).to(recipient(number))),
    );

    for (number, (answer, expected)) in cases.iter().enumerate() {
        let id = tenant.send(&recipient(number), "Hello").await;
        let sent = tenant.wait_for_status(&id, "Sent").await;
        let expected = match expected {
            Some("third-party-") => json!([format!("third-party-{id}")]),
            Some(expected) => json!([expected]),
            None => json!(null),
        };
        assert_eq!(sent["providerMessageIds"], expected, "{answer:?}");
        assert_eq!(webhooks_of(&gateway, &id).len(), 1, "{answer:?}");
    }
}

#[tokio::test]
async fn the_attempts_and_the_explanation_of_a_sent_message_say_so() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let id = tenant.send(&recipient(1), "Hello").await;
    tenant.wait_for_status(&id, "Sent").await;

    let attempts = attempts(&tenant, &id).await;
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["attempt"], 1);
    assert_eq!(attempts[0]["httpStatus"], 200);
    assert!(attempts[0]["durationMilliseconds"].is_u64());
    assert!(attempts[0]["time"].is_string());
    for absent in ["error", "answer", "nextAttemptAt"] {
        assert_eq!(attempts[0].get(absent), None);
    }
    let explanation = explanation(&tenant, &id).await;
    assert_eq!(explanation["outcome"], "Sent");
    assert_eq!(explanation.get("nextAttemptAt"), None);
}
