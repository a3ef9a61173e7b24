//! What became of a message, in one sentence that a support agent can read out. No I/O.
//!
//! It says nothing that the person on the phone should not hear: no addresses, no secrets, no words of ours such as
//! lanes, attempts and dead letters, and nothing that the other side answered.

use super::status::Status;
use crate::values::ReasonCode;

/// What its endpoint has to do with what comes next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Prospects {
    /// Nothing is sent to it until somebody resumes it.
    pub paused: bool,
    /// Nothing is sent at all, since a restore.
    pub held: bool,
    /// It takes our id, so that sending twice delivers once.
    pub repeats_safe: bool,
}

impl Facts<'_> {
    /// Whether it is sent again by itself.
    pub(super) fn is_tried_again(&self) -> bool {
        match self.status {
            Status::Queued => true,
            Status::Unknown => self.restored && self.prospects.repeats_safe,
            Status::Sent
            | Status::Failed
            | Status::Delivered
            | Status::Bounced
            | Status::Removed
            | Status::Cancelled => false,
        }
    }
}

/// What the sentence rests on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// It came from a consumer.
    pub inbound: bool,
    pub status: Status,
    pub reason: Option<ReasonCode>,
    /// The class of the last attempt's error, such as `http_503`.
    pub last_error: Option<&'a str>,
    pub attempts: usize,
    pub prospects: Prospects,
    /// A restore left open what became of it.
    pub restored: bool,
    pub dead_letter: bool,
}

/// One sentence, from its capital to its full stop.
pub(super) fn sentence(facts: &Facts<'_>) -> String {
    if facts.inbound {
        return "The message came from the customer and was received.".to_owned();
    }
    match facts.status {
        Status::Queued => queued(facts),
        Status::Unknown if facts.restored => restored(facts),
        Status::Unknown => "The message may have been sent: the provider was reached but gave no clear answer, so it is \
             not sent again unless we hear that it did not arrive."
            .to_owned(),
        Status::Sent => "The message was handed to the provider, which has not said yet whether it arrived.".to_owned(),
        Status::Delivered => "The message was delivered.".to_owned(),
        Status::Removed => "The message was delivered and has been removed since.".to_owned(),
        Status::Cancelled => "The message was cancelled before it was sent.".to_owned(),
        Status::Bounced => format!("The message was delivered at first and then returned, because {}.", why(facts)),
        Status::Failed => format!("The message was not delivered, because {}{}.", why(facts), what_next(facts)),
    }
}

fn restored(facts: &Facts<'_>) -> String {
    let next = match (facts.is_tried_again(), facts.prospects.held) {
        (true, true) => "it is sent again, which cannot make two of it, once sending begins again",
        (true, false) => "it is sent again, which cannot make two of it",
        (false, _) => "it is not sent again unless we hear that it did not arrive",
    };
    format!(
        "The message may have been sent before our data were brought back from a backup, so {next}."
    )
}

fn queued(facts: &Facts<'_>) -> String {
    if facts.prospects.held {
        return "The message waits because our data were brought back from a backup, and is sent once sending begins \
                again."
            .to_owned();
    }
    if facts.prospects.paused {
        return "The message waits because sending to its provider is paused, and is sent once that is resumed.".to_owned();
    }
    let Some(error) = facts.last_error else {
        return "The message was accepted and is about to be sent.".to_owned();
    };
    let tries = match facts.attempts {
        0 | 1 => "The first try to send the message".to_owned(),
        tries => format!("The last of {tries} tries to send the message"),
    };
    format!(
        "{tries} failed, because {}; it is tried again by itself.",
        told(error)
    )
}

fn what_next(facts: &Facts<'_>) -> &'static str {
    if facts.dead_letter {
        "; it is not sent again by itself, but can be sent again by hand"
    } else {
        ""
    }
}

/// Follows "because". The reason counts; where it only says that something failed, what failed is told.
fn why(facts: &Facts<'_>) -> String {
    let reason = match facts.reason {
        Some(ReasonCode::Expired) => "it could not be sent before its time ran out (code 305)",
        Some(ReasonCode::RateLimit) => "too many messages were sent at once (code 310)",
        Some(ReasonCode::NotAllowed) => {
            "the recipient does not want messages from this sender (code 350)"
        }
        Some(ReasonCode::Unsupported) => {
            "the provider does not support this kind of message (code 510)"
        }
        Some(ReasonCode::UnknownMessage) => "the provider does not know the message (code 512)",
        Some(ReasonCode::InvalidStructure) => {
            "the provider found a mistake in the message (code 520)"
        }
        Some(ReasonCode::InvalidDestination) => {
            "the number or address of the recipient is not valid (code 530)"
        }
        Some(ReasonCode::General) | None => {
            return match facts.last_error {
                Some(error) => told(error),
                None => "the provider could not deliver it and gave no closer reason".to_owned(),
            };
        }
    };
    reason.to_owned()
}

/// The class of an error in plain words.
fn told(class: &str) -> String {
    let number = |prefix: &str| {
        class
            .strip_prefix(prefix)
            .filter(|rest| rest.parse::<i32>().is_ok())
    };
    if let Some(status) = number("http_") {
        return match status {
            "401" | "403" | "407" => {
                format!("the provider did not accept our access to it (answer {status})")
            }
            "404" | "405" | "410" => {
                format!("the provider no longer takes messages at this place (answer {status})")
            }
            "408" | "425" | "429" => format!("the provider was too busy (answer {status})"),
            _ if status.starts_with('5') => {
                format!("the provider had a problem of its own (answer {status})")
            }
            _ => format!("the provider refused it (answer {status})"),
        };
    }
    if let Some(code) = number("provider_") {
        return format!("the provider refused it (its code {code})");
    }
    match class {
        "timeout" => "the provider did not answer in time",
        "dns" | "connect" => "the provider could not be reached",
        _ if class.starts_with("tls") => "no secure connection to the provider could be made",
        "connection_lost" => "the connection to the provider broke off",
        "bad_answer" => "the provider gave an answer that could not be understood",
        "address_refused" | "bad_request" => "the settings for this provider are not right",
        "credentials" => "the provider did not accept our access to it",
        "quota" => "what may be sent through the provider in this time is used up",
        "interrupted" => "the sending was interrupted",
        _ => "something went wrong on the way",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASONS: [Option<ReasonCode>; 9] = [
        None,
        Some(ReasonCode::Expired),
        Some(ReasonCode::RateLimit),
        Some(ReasonCode::NotAllowed),
        Some(ReasonCode::General),
        Some(ReasonCode::Unsupported),
        Some(ReasonCode::UnknownMessage),
        Some(ReasonCode::InvalidStructure),
        Some(ReasonCode::InvalidDestination),
    ];
    const ERRORS: [Option<&str>; 18] = [
        None,
        Some("http_302"),
        Some("http_400"),
        Some("http_401"),
        Some("http_404"),
        Some("http_410"),
        Some("http_429"),
        Some("http_503"),
        Some("provider_420"),
        Some("timeout"),
        Some("dns"),
        Some("connect"),
        Some("tls"),
        Some("tls_expired"),
        Some("connection_lost"),
        Some("bad_answer"),
        Some("address_refused"),
        Some("interrupted"),
    ];

    /// Every combination of what can be said of a message.
    fn all() -> Vec<Facts<'static>> {
        let mut all = Vec::new();
        for status in Status::ALL {
            for reason in REASONS {
                for last_error in ERRORS {
                    for flags in 0..64 {
                        all.push(Facts {
                            inbound: flags & 1 != 0,
                            status,
                            reason,
                            last_error,
                            attempts: usize::from(last_error.is_some()) * 3,
                            prospects: Prospects {
                                paused: flags & 2 != 0,
                                held: flags & 8 != 0,
                                repeats_safe: flags & 16 != 0,
                            },
                            restored: flags & 32 != 0,
                            dead_letter: flags & 4 != 0,
                        });
                    }
                }
            }
        }
        all
    }

    #[test]
    fn whatever_became_of_a_message_is_one_sentence() {
        for facts in all() {
            let told = sentence(&facts);
            assert!(
                told.starts_with(char::is_uppercase) && told.ends_with('.'),
                "{told}"
            );
            assert_eq!(told.matches(['.', '!', '?']).count(), 1, "{told}");
            assert!((20..240).contains(&told.len()), "{told}");
            assert!(
                !told.contains("  ") && !told.contains(['\n', '{', '}']),
                "{told}"
            );
        }
    }

    #[test]
    fn no_sentence_has_words_that_only_we_understand() {
        const OURS: [&str; 16] = [
            "lane",
            "dead letter",
            "attempt",
            "endpoint",
            "webhook",
            "http_",
            "gateway",
            "dns",
            "TLS",
            "timeout",
            "connector",
            "suppress",
            "retry",
            "breaker",
            "parked",
            "_",
        ];
        for facts in all() {
            let told = sentence(&facts);
            for word in OURS {
                assert!(!told.contains(word), "{word:?} in {told}");
            }
        }
    }

    #[test]
    fn whoever_differs_in_what_matters_is_told_something_else() {
        let of = |status, reason, last_error| {
            sentence(&Facts {
                inbound: false,
                status,
                reason,
                last_error,
                attempts: 1,
                prospects: Prospects::default(),
                restored: false,
                dead_letter: false,
            })
        };
        let mut told: Vec<String> = Status::ALL.map(|status| of(status, None, None)).into();
        let reasons = REASONS
            .into_iter()
            .filter(|reason| !matches!(reason, None | Some(ReasonCode::General)));
        told.extend(reasons.map(|reason| of(Status::Failed, reason, None)));
        told.extend(
            [
                "http_400",
                "http_401",
                "http_404",
                "http_429",
                "http_503",
                "timeout",
                "connect",
                "bad_answer",
            ]
            .map(|error| of(Status::Failed, Some(ReasonCode::General), Some(error))),
        );
        let count = told.len();
        told.sort();
        told.dedup();
        assert_eq!(told.len(), count);
    }

    #[test]
    fn what_is_next_is_told() {
        let failed = Facts {
            inbound: false,
            status: Status::Failed,
            reason: Some(ReasonCode::General),
            last_error: Some("http_503"),
            attempts: 9,
            prospects: Prospects::default(),
            restored: false,
            dead_letter: true,
        };
        insta::assert_snapshot!(sentence(&failed), @"The message was not delivered, because the provider had a problem of its own (answer 503); it is not sent again by itself, but can be sent again by hand.");
        let waits = Facts {
            status: Status::Queued,
            reason: None,
            dead_letter: false,
            ..failed
        };
        insta::assert_snapshot!(sentence(&waits), @"The last of 9 tries to send the message failed, because the provider had a problem of its own (answer 503); it is tried again by itself.");
        let paused = Prospects {
            paused: true,
            ..Prospects::default()
        };
        let stopped = Facts {
            prospects: paused,
            ..waits
        };
        insta::assert_snapshot!(sentence(&stopped), @"The message waits because sending to its provider is paused, and is sent once that is resumed.");
        let opted_out = Facts {
            reason: Some(ReasonCode::NotAllowed),
            last_error: None,
            dead_letter: false,
            ..failed
        };
        insta::assert_snapshot!(sentence(&opted_out), @"The message was not delivered, because the recipient does not want messages from this sender (code 350).");
    }

    #[test]
    fn what_a_restore_left_open_is_told() {
        let told = |status, held, repeats_safe| {
            sentence(&Facts {
                inbound: false,
                status,
                reason: None,
                last_error: None,
                attempts: 0,
                prospects: Prospects {
                    paused: false,
                    held,
                    repeats_safe,
                },
                restored: status == Status::Unknown,
                dead_letter: false,
            })
        };
        insta::assert_snapshot!(told(Status::Queued, true, true), @"The message waits because our data were brought back from a backup, and is sent once sending begins again.");
        insta::assert_snapshot!(told(Status::Unknown, true, true), @"The message may have been sent before our data were brought back from a backup, so it is sent again, which cannot make two of it, once sending begins again.");
        insta::assert_snapshot!(told(Status::Unknown, false, true), @"The message may have been sent before our data were brought back from a backup, so it is sent again, which cannot make two of it.");
        insta::assert_snapshot!(told(Status::Unknown, true, false), @"The message may have been sent before our data were brought back from a backup, so it is not sent again unless we hear that it did not arrive.");
    }
}
