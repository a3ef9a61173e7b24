//! DR: what the service says about a message that it was given.

use serde_json::Value;

use super::MemberFault;
use super::members::{MESSAGE_ID, MESSAGE_STATE, Members, RESULT_CODE};
use crate::values::ReasonCode;

/// A delivery receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsReceipt {
    /// The id that the message was given with.
    pub message_id: String,
    pub verdict: Verdict,
    /// All members as they came.
    pub said: Value,
}

/// What a receipt comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The service has it, and nothing is decided.
    UnderWay,
    Delivered,
    /// Not delivered; `why` is the table's own word for it.
    Failed {
        reason: ReasonCode,
        why: &'static str,
    },
}

/// What `message_state` means, as in SMPP.
const STATES: [(u16, Verdict); 8] = [
    (1, Verdict::UnderWay),
    (2, Verdict::Delivered),
    (3, failed(ReasonCode::Expired, "expired")),
    (
        4,
        failed(ReasonCode::NotAllowed, "deleted by the aggregator"),
    ),
    (5, failed(ReasonCode::InvalidDestination, "undeliverable")),
    (6, Verdict::UnderWay),
    // Unknown: it may still be delivered, and nobody is told otherwise.
    (7, Verdict::UnderWay),
    (8, failed(ReasonCode::NotAllowed, "rejected")),
];

/// What a `result_code` other than 0 means. Such a code says more than the state beside it.
const RESULTS: [(u16, Verdict); 10] = [
    (
        1,
        failed(ReasonCode::InvalidDestination, "rejected upstream"),
    ),
    (2, failed(ReasonCode::General, "authentication failure")),
    (3, failed(ReasonCode::NotAllowed, "invalid carrier")),
    (
        4,
        failed(
            ReasonCode::NotAllowed,
            "alphanumeric short code not permitted",
        ),
    ),
    (
        5,
        failed(
            ReasonCode::NotAllowed,
            "short code not allowed for the carrier",
        ),
    ),
    (6, failed(ReasonCode::RateLimit, "throttled")),
    // A duplicate: the message was given before, and its first receipt says what became of it.
    (7, Verdict::UnderWay),
    (8, failed(ReasonCode::InvalidStructure, "body too long")),
    (98, failed(ReasonCode::General, "internal error")),
    (99, failed(ReasonCode::General, "unmapped error")),
];

const fn failed(reason: ReasonCode, why: &'static str) -> Verdict {
    Verdict::Failed { reason, why }
}

/// Reads a call of type `receipt`, or names every fault.
pub fn receipt(members: &Members) -> Result<SmsReceipt, Vec<MemberFault>> {
    let read = (
        members.is_of_type("receipt"),
        members.needed(MESSAGE_ID),
        verdict(members),
    );
    match read {
        (Ok(()), Ok(message_id), Ok(verdict)) => Ok(SmsReceipt {
            message_id: message_id.to_owned(),
            verdict,
            said: members.as_json(),
        }),
        (of_type, message_id, verdict) => {
            let faults = [of_type.err(), message_id.err(), verdict.err()];
            Err(faults.into_iter().flatten().collect())
        }
    }
}

fn verdict(members: &Members) -> Result<Verdict, MemberFault> {
    let result = number(members, RESULT_CODE)?;
    if let Some(verdict) = result.and_then(|code| entry(&RESULTS, code)) {
        return Ok(verdict);
    }
    let state = number(members, MESSAGE_STATE)?
        .ok_or_else(|| MemberFault::new(MESSAGE_STATE, "is missing"))?;
    entry(&STATES, state)
        .ok_or_else(|| MemberFault::new(MESSAGE_STATE, "must be a number from 1 to 8"))
}

fn number(members: &Members, name: &str) -> Result<Option<u16>, MemberFault> {
    let Some(word) = members.word(name) else {
        return Ok(None);
    };
    let number = word.parse();
    number
        .map(Some)
        .map_err(|_| MemberFault::new(name, "must be a number"))
}

fn entry(table: &[(u16, Verdict)], number: u16) -> Option<Verdict> {
    let found = table.iter().find(|(known, _)| *known == number);
    found.map(|(_, verdict)| *verdict)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(form: &str) -> Result<SmsReceipt, Vec<MemberFault>> {
        let form = format!("type=receipt&message_id=7&{form}");
        receipt(&Members::read(&form, None).unwrap())
    }

    fn verdict_of(form: &str) -> Verdict {
        read(form).unwrap().verdict
    }

    /// The reason code of a failure; 0 where nothing failed.
    fn code(verdict: Verdict) -> u16 {
        match verdict {
            Verdict::Failed { reason, .. } => reason.code(),
            Verdict::UnderWay | Verdict::Delivered => 0,
        }
    }

    #[test]
    fn every_state_has_its_meaning() {
        let table = [
            (1, Verdict::UnderWay, 0),
            (2, Verdict::Delivered, 0),
            (3, failed(ReasonCode::Expired, "expired"), 305),
            (
                4,
                failed(ReasonCode::NotAllowed, "deleted by the aggregator"),
                350,
            ),
            (
                5,
                failed(ReasonCode::InvalidDestination, "undeliverable"),
                530,
            ),
            (6, Verdict::UnderWay, 0),
            (7, Verdict::UnderWay, 0),
            (8, failed(ReasonCode::NotAllowed, "rejected"), 350),
        ];
        for (state, expected, reason) in table {
            for result in ["", "&result_code=0", "&result_code="] {
                let verdict = verdict_of(&format!("message_state={state}{result}"));
                assert_eq!(
                    (verdict, code(verdict)),
                    (expected, reason),
                    "{state}{result}"
                );
            }
        }
    }

    #[test]
    fn a_result_other_than_success_wins_over_every_state() {
        let table = [
            (1, 530),
            (2, 500),
            (3, 350),
            (4, 350),
            (5, 350),
            (6, 310),
            (8, 520),
            (98, 500),
            (99, 500),
        ];
        for (result, reason) in table {
            for state in ["", "2", "5", "9"] {
                let verdict = verdict_of(&format!("message_state={state}&result_code={result}"));
                assert_eq!(code(verdict), reason, "{result} beside {state}");
            }
        }
    }

    #[test]
    fn a_duplicate_decides_nothing() {
        for state in ["", "2", "8"] {
            let verdict = verdict_of(&format!("message_state={state}&result_code=7"));
            assert_eq!(verdict, Verdict::UnderWay, "{state}");
        }
    }

    #[test]
    fn a_result_that_is_in_no_table_leaves_it_to_the_state() {
        for result in ["0", "9", "97", "100", "65535"] {
            let verdict = verdict_of(&format!("message_state=2&result_code={result}"));
            assert_eq!(verdict, Verdict::Delivered, "{result}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (form, name) in [
            ("", "message_state"),
            ("result_code=0", "message_state"),
            ("message_state=0", "message_state"),
            ("message_state=9", "message_state"),
            ("message_state=DELIVRD", "message_state"),
            ("message_state=-1", "message_state"),
            ("message_state=2&result_code=none", "result_code"),
        ] {
            let faults = read(form).unwrap_err();
            assert_eq!(faults[0].name, name, "{form}");
        }
        let faults = receipt(&Members::read("type=MO", None).unwrap()).unwrap_err();
        let names: Vec<&str> = faults.iter().map(|fault| fault.name.as_str()).collect();
        assert_eq!(names, ["type", "message_id", "message_state"]);
        assert_eq!(faults[0].reason, ReasonCode::Unsupported);
    }

    #[test]
    fn everything_that_was_said_is_kept() {
        let said = read("message_state=3&result_code=0&app_id=shop&conversation_id=c-1")
            .unwrap()
            .said;
        let expected = serde_json::json!({
            "type": "receipt", "message_id": "7", "message_state": "3", "result_code": "0",
            "app_id": "shop", "conversation_id": "c-1",
        });
        assert_eq!(said, expected);
    }

    proptest! {
        #[test]
        fn every_number_is_read_or_refused_and_never_guessed(state in 0_u32..70_000, result in prop_oneof![0_u32..120, any::<u32>()]) {
            let read = read(&format!("message_state={state}&result_code={result}"));
            let decides = RESULTS.iter().any(|(code, _)| u32::from(*code) == result);
            let fits = (1..=8).contains(&state) && u16::try_from(result).is_ok();
            prop_assert_eq!(read.is_ok(), fits || decides);
        }
    }
}
