use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::connectors::verdict::Verdict;
use crate::values::ReasonCode;

fn call(form: &str) -> Result<Call, Vec<(String, u16)>> {
    let read = read(form.as_bytes(), &StatusCodes::default(), 1_000);
    read.map_err(|faults| {
        let faults = faults.into_iter();
        faults
            .map(|fault| (fault.name, fault.reason.code()))
            .collect()
    })
}

fn text_of(form: &str) -> Text {
    match call(form).unwrap() {
        Call::Text(text) => text,
        Call::Receipt(receipt) => panic!("{receipt:?}"),
    }
}

fn receipt(form: &str) -> Receipt {
    match call(form).unwrap() {
        Call::Receipt(receipt) => receipt,
        Call::Text(text) => panic!("{text:?}"),
    }
}

#[test]
fn a_text_names_who_wrote_it_to_which_code_and_its_part() {
    let form = "device_address=%2B15555550100&inbound_address=87767&message=Yes%2C+please+%F0%9F%91%8D\
                &message_orig=KEY+Yes&message_id=mo-1&carrier=383&channel=sms&router=x&unheard=of";
    let text = text_of(form);
    assert_eq!(text.message_id, "mo-1");
    assert_eq!(text.from.as_str(), "15555550100");
    assert_eq!(text.to.as_str(), "87767");
    assert_eq!(text.channel_id.as_str(), "87767");
    assert_eq!(text.text, "Yes, please 👍");
    assert!(!format!("{text:?}").contains("please"));

    let part = text_of(&format!("{form}&message_subid=2"));
    assert_eq!(part.message_id, "mo-1/2");
    let empty = text_of("device_address=15555550100&inbound_address=87767&message=&message_id=1");
    assert_eq!(empty.text, "");
}

#[test]
fn a_receipt_says_by_its_code_what_became_of_a_text() {
    let of = |code: &str| {
        receipt(&format!(
            "carrier=383&status=as+said&status_code={code}&message_id=+81-ab+&device_address=15555550100"
        ))
    };
    assert_eq!(of("40").verdict, Some(Verdict::Delivered));
    assert_eq!(of("5").verdict, Some(Verdict::UnderWay));
    assert_eq!(
        of("129").verdict,
        Some(Verdict::Failed(ReasonCode::InvalidDestination))
    );
    let unheard = of("777");
    assert_eq!((unheard.verdict, unheard.code.as_str()), (None, "777"));
    assert_eq!(unheard.message_id, "81-ab");
    assert_eq!(unheard.recipient.unwrap().as_str(), "15555550100");
    assert_eq!(
        unheard.said,
        json!({ "carrier": "383", "status": "as said", "status_code": "777", "message_id": " 81-ab ",
                "device_address": "15555550100" })
    );
}

#[test]
fn every_fault_is_named() {
    let long = "x".repeat(256);
    for (form, faults) in [
        ("", vec![("message_id", 520), ("status_code", 520)]),
        ("status_code=40", vec![("message_id", 520)]),
        (
            &format!("status_code=40&message_id={long}"),
            vec![("message_id", 520)],
        ),
        ("status_code=%01&message_id=1", vec![("status_code", 520)]),
        (
            "message=a",
            vec![
                ("message_id", 520),
                ("device_address", 520),
                ("inbound_address", 520),
            ],
        ),
        (
            "message=a&message_id=1&device_address=jane%40example.com&inbound_address=0",
            vec![("device_address", 530), ("inbound_address", 530)],
        ),
        (
            &format!(
                "message={}&message_id=1&device_address=15555550100&inbound_address=87767",
                "a".repeat(1_001)
            ),
            vec![("message", 520)],
        ),
        ("message=%FF", vec![("", 520)]),
        ("message=a%00b&message_id=1", vec![("", 520)]),
        (&"a=1&".repeat(101), vec![("", 520)]),
    ] {
        let named: Vec<_> = faults
            .into_iter()
            .map(|(name, code)| (name.to_owned(), code))
            .collect();
        assert_eq!(call(form).unwrap_err(), named, "{form:.60}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(form: Vec<u8>) {
        let _ = read(&form, &StatusCodes::default(), 100);
    }
}
