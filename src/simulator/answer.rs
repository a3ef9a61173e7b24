//! What a simulated third party answers: rules, the first of which that applies to a request decides.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One way to answer a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Answer {
    /// 200 with a `messageId`.
    Accept {
        #[serde(default)]
        id: AnsweredId,
    },
    /// This status with a small JSON body; `retryAfter` becomes the header as it is, seconds or a date.
    Status {
        status: u16,
        #[serde(default)]
        retry_after: Option<String>,
    },
    /// A redirect to this place, which nobody should follow.
    Redirect { status: u16, location: String },
    /// 200 with a valid answer whose `messageId` comes after this many bytes of padding.
    Oversize { bytes: usize },
    /// 200 with this text as its body.
    Body { text: String },
    /// This status with this JSON text as its body.
    Json { status: u16, text: String },
    /// The request is read and nothing is ever answered.
    Hang,
    /// The request is read and the connection is reset.
    Reset,
    /// The message is taken, and the connection is reset before anybody is told.
    AcceptAndReset,
    /// As if the credentials were no longer good, in the provider's own words.
    Unauthorized,
    /// As if what the account may send were used up, in the provider's own words.
    Quota,
}

/// Which `messageId` an accepted webhook is answered with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AnsweredId {
    /// The webhook's own, as in the vendor's example.
    #[default]
    Same,
    /// An id of the third party: `third-party-` and the webhook's own, so that a redelivery gets it again.
    Own,
    /// This one.
    Fixed(String),
    /// None: the answer is `{}`.
    Absent,
}

impl Answer {
    pub fn accept() -> Self {
        Self::Accept {
            id: AnsweredId::Same,
        }
    }

    /// Accepts with an id of the third party's own making.
    pub fn accept_as_own() -> Self {
        Self::Accept {
            id: AnsweredId::Own,
        }
    }

    pub fn accept_as(id: impl Into<String>) -> Self {
        Self::Accept {
            id: AnsweredId::Fixed(id.into()),
        }
    }

    pub fn accept_without_id() -> Self {
        Self::Accept {
            id: AnsweredId::Absent,
        }
    }

    pub fn status(status: u16) -> Self {
        Self::Status {
            status,
            retry_after: None,
        }
    }

    pub fn retry_after(status: u16, retry_after: impl Into<String>) -> Self {
        Self::Status {
            status,
            retry_after: Some(retry_after.into()),
        }
    }
}

/// An answer and which requests get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    pub answer: Answer,
    /// How long the answer is held back.
    #[serde(default)]
    pub delay_milliseconds: u64,
    /// How many requests get it before the rule is used up; `None`: every one.
    #[serde(default)]
    pub times: Option<u64>,
    /// The share of the requests it sees that get it, 0 to 1, evenly spread and not by chance, so that runs repeat.
    #[serde(default)]
    pub share: Option<f64>,
    /// Only webhooks to this recipient.
    #[serde(default)]
    pub to: Option<String>,
    /// Requests that the rule has looked at so far.
    #[serde(skip)]
    seen: u64,
}

impl Rule {
    pub fn new(answer: Answer) -> Self {
        Self {
            answer,
            delay_milliseconds: 0,
            times: None,
            share: None,
            to: None,
            seen: 0,
        }
    }

    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    #[must_use]
    pub fn share(self, share: f64) -> Self {
        Self {
            share: Some(share),
            ..self
        }
    }

    #[must_use]
    pub fn to(self, recipient: impl Into<String>) -> Self {
        Self {
            to: Some(recipient.into()),
            ..self
        }
    }

    /// The delay counts in whole milliseconds.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Self {
        Self {
            delay_milliseconds: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            ..self
        }
    }

    /// Whether this rule answers a webhook to `recipient`; counts it as seen, and uses the rule up where it does.
    fn takes(&mut self, recipient: Option<&str>) -> bool {
        let is_meant = self.to.is_none() || self.to.as_deref() == recipient;
        if !is_meant || self.times == Some(0) {
            return false;
        }
        self.seen += 1;
        if !self.share.is_none_or(|share| is_chosen(self.seen, share)) {
            return false;
        }
        self.times = self.times.map(|left| left - 1);
        true
    }
}

impl From<Answer> for Rule {
    fn from(answer: Answer) -> Self {
        Self::new(answer)
    }
}

/// Chooses `share` of all requests, each as soon as the share allows one more.
#[expect(
    clippy::cast_precision_loss,
    reason = "a count of requests is far below 2^52"
)]
fn is_chosen(seen: u64, share: f64) -> bool {
    (seen as f64 * share).floor() > ((seen - 1) as f64 * share).floor()
}

/// The rules in force, in order. What no rule takes is accepted with the webhook's own id.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    pub(super) fn new(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// The answer to one webhook, and how long it is held back.
    pub(super) fn answer_to(&mut self, recipient: Option<&str>) -> (Answer, Duration) {
        let rule = self
            .0
            .iter_mut()
            .find_map(|rule| rule.takes(recipient).then_some(&*rule));
        rule.map_or((Answer::accept(), Duration::ZERO), |rule| {
            (
                rule.answer.clone(),
                Duration::from_millis(rule.delay_milliseconds),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(rules: impl IntoIterator<Item = Rule>, count: usize) -> Vec<Answer> {
        let mut rules = Rules::new(rules);
        (0..count)
            .map(|_| rules.answer_to(Some("16505550199")).0)
            .collect()
    }

    #[test]
    fn the_first_requests_fail_and_the_rest_are_accepted() {
        let unavailable = Answer::status(503);

        let given = answers([Rule::new(unavailable.clone()).times(2)], 4);

        assert_eq!(
            given,
            [
                unavailable.clone(),
                unavailable,
                Answer::accept(),
                Answer::accept()
            ]
        );
    }

    #[test]
    fn a_share_of_the_requests_fails_evenly_spread() {
        let given = answers([Rule::new(Answer::status(500)).share(0.25)], 8);

        let failed: Vec<usize> = (0..8)
            .filter(|&index| given[index] != Answer::accept())
            .collect();
        assert_eq!(failed, [3, 7]);
    }

    #[test]
    fn a_rule_for_one_recipient_leaves_the_others_alone() {
        let mut rules = Rules::new([Rule::new(Answer::Hang).to("16505550111")]);

        assert_eq!(rules.answer_to(Some("16505550199")).0, Answer::accept());
        assert_eq!(rules.answer_to(Some("16505550111")).0, Answer::Hang);
        assert_eq!(rules.answer_to(None).0, Answer::accept());
    }

    #[test]
    fn rules_are_read_from_json_and_a_typo_is_refused() {
        let text = r#"{"answer":{"kind":"status","status":429,"retryAfter":"3"},"times":1,"delayMilliseconds":20}"#;
        let expected = Rule::new(Answer::retry_after(429, "3"))
            .times(1)
            .delayed(Duration::from_millis(20));
        assert_eq!(serde_json::from_str::<Rule>(text).unwrap(), expected);

        assert!(serde_json::from_str::<Rule>(r#"{"answer":{"kind":"hang"},"tims":1}"#).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"answer":{"kind":"hangs"}}"#).is_err());
    }
}
