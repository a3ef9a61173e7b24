use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::connectors::http_sms::settings::HttpSmsSettings;
use crate::connectors::verdict::Verdict;
use crate::values::ReasonCode;

const TWILIO: &str = include_str!("../../../../docs/providers/http-sms/twilio.json");
const VONAGE: &str = include_str!("../../../../docs/providers/http-sms/vonage.json");
const INFOBIP: &str = include_str!("../../../../docs/providers/http-sms/infobip.json");

fn rules(document: &str) -> CallbackRules {
    let document: Value = serde_json::from_str(document).unwrap();
    let (data, secret) = (&document["data"], &document["secret"]);
    let settings = HttpSmsSettings::parse(document["url"].as_str(), data, secret);
    settings.unwrap().callbacks
}

fn form(document: &str, form: &str) -> Call {
    let body = (BodyShape::Form, form.as_bytes());
    read(&rules(document), "", Some(body), 1_000).unwrap()
}

fn of_json(document: &str, body: &Value) -> Result<Call, MemberFault> {
    let body = body.to_string();
    read(
        &rules(document),
        "",
        Some((BodyShape::Json, body.as_bytes())),
        1_000,
    )
}

#[test]
fn a_form_is_a_receipt_or_where_it_has_a_text_one_of_a_consumer() {
    let call = form(
        TWILIO,
        "MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30007&To=%2B15555550100&AccountSid=AC1",
    );
    let [receipt] = call.receipts.try_into().unwrap();
    assert_eq!(receipt.message_id, "SM1");
    assert_eq!(receipt.code, "30007");
    let failed = Verdict::Failed(ReasonCode::NotAllowed);
    assert_eq!(receipt.verdict, Some(failed));
    assert_eq!(receipt.recipient.unwrap().as_str(), "15555550100");
    assert_eq!(receipt.said["AccountSid"], "AC1");

    let call = form(
        TWILIO,
        "MessageSid=SM2&SmsStatus=received&From=%2B15555550100&To=%2B16505550188&Body=",
    );
    let [PlacedText { text, to }] = call.texts.try_into().unwrap();
    assert_eq!((text.message_id.as_str(), text.text.as_str()), ("SM2", ""));
    assert_eq!(text.from.as_str(), "15555550100");
    assert_eq!(text.channel_id.as_str(), "16505550188");
    assert_eq!(to, "To");
}

#[test]
fn what_stands_behind_the_question_mark_is_a_form_too() {
    let query = "msisdn=15555550100&to=16505550188&messageId=a&status=delivered&err-code=0";
    let call = read(&rules(VONAGE), query, None, 1_000).unwrap();
    assert_eq!(call.receipts[0].verdict, Some(Verdict::Delivered));
    let unheard = query.replace("delivered", "pondered");
    let call = read(&rules(VONAGE), &unheard, None, 1_000).unwrap();
    assert_eq!(call.receipts[0].verdict, None);
    let failed = query
        .replace("delivered", "failed")
        .replace("code=0", "code=6");
    let call = read(&rules(VONAGE), &failed, None, 1_000).unwrap();
    let verdict = Verdict::Failed(ReasonCode::NotAllowed);
    assert_eq!(call.receipts[0].verdict, Some(verdict));
}

#[test]
fn a_field_may_be_there_twice_if_it_says_one_thing() {
    let query = "msisdn=15555550100&to=16505550188&messageId=a&status=delivered&err-code=0";
    let same = format!("{query}&status=delivered");
    let call = read(&rules(VONAGE), &same, None, 1_000).unwrap();
    assert_eq!(call.receipts[0].verdict, Some(Verdict::Delivered));
    let other = format!("{query}&status=failed");
    let fault = read(&rules(VONAGE), &other, None, 1_000).unwrap_err();
    assert_eq!(fault.name, "status");
}

#[test]
fn of_a_list_what_can_be_taken_is_and_what_cannot_is_named() {
    let receipt =
        |id: Value, status: &str| json!({ "messageId": id, "status": { "groupName": status } });
    let text = json!({ "messageId": "mo-1", "from": "15555550100", "to": "none", "text": "Hi" });
    let body = json!({ "results": [
        receipt(json!("1-0"), "DELIVERED"), receipt(json!(null), "DELIVERED"), text, receipt(json!(7), "PENDING"),
    ] });
    let call = of_json(INFOBIP, &body).unwrap();
    let ids: Vec<&str> = call
        .receipts
        .iter()
        .map(|receipt| receipt.message_id.as_str())
        .collect();
    assert_eq!(ids, ["1-0", "7"]);
    let named: Vec<&str> = call
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    assert_eq!(named, ["results/1/messageId", "results/2/to"]);
    assert!(names_our_id(&rules(INFOBIP)) && !names_our_id(&rules(TWILIO)));
}

#[test]
fn what_is_no_call_is_refused_as_a_whole() {
    let whole = |read: Result<Call, MemberFault>| read.unwrap_err().name;
    assert_eq!(whole(of_json(INFOBIP, &json!({}))), "results");
    assert_eq!(
        whole(of_json(INFOBIP, &json!({ "results": {} }))),
        "results"
    );
    let many = vec![json!({}); 1_001];
    assert_eq!(whole(of_json(INFOBIP, &json!({ "results": many }))), "");
    for body in ["message=%FF", "a=%00", &"a=1&".repeat(101)] {
        let body = (BodyShape::Form, body.as_bytes());
        assert_eq!(whole(read(&rules(TWILIO), "", Some(body), 1_000)), "");
    }
    let broken = (BodyShape::Json, &b"{"[..]);
    assert_eq!(whole(read(&rules(TWILIO), "", Some(broken), 1_000)), "");
}

#[test]
fn a_list_may_be_all_there_is() {
    let item = json!({ "MessageSid": "SM1", "MessageStatus": "delivered" });
    let call = of_json(TWILIO, &json!([item, {}])).unwrap();
    assert_eq!(call.receipts.len(), 1);
    let named: Vec<&str> = call
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .collect();
    assert_eq!(named, ["1/MessageSid", "1/MessageStatus"]);
}

#[test]
fn what_nobody_described_cannot_be_taken() {
    let described = CallbackRules::default();
    let call = read(&described, "a=b", None, 1_000).unwrap();
    assert_eq!(call.faults.len(), 1);
    assert!(call.receipts.is_empty() && call.texts.is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(bytes: Vec<u8>, is_json: bool) {
        let shape = if is_json { BodyShape::Json } else { BodyShape::Form };
        for document in [TWILIO, INFOBIP] {
            let _ = read(&rules(document), "", Some((shape, &bytes)), 100);
        }
    }
}
