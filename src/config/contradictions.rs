//! Values that are possible each but not together.

use std::time::Duration;

use super::{Config, ConfigError};

/// How far ahead a message may be scheduled, in days.
const SCHEDULED_AHEAD_DAYS_MAX: u64 = 30;
/// What an upload may have beside its file, in bytes: the form around it.
const UPLOAD_OVERHEAD_BYTES: u64 = 64 * 1024;

impl Config {
    /// Refuses the first contradiction in one sentence that names both keys.
    pub(super) fn refuse_contradictions(&self) -> Result<(), ConfigError> {
        let dispatch = &self.dispatch;
        let head_hold = Duration::from_secs_f64(dispatch.head_hold_seconds);
        let message_age = Duration::from_secs(dispatch.message_age_max_seconds);
        let contradictions = [
            (
                self.server.listen == self.server.internal_listen && self.server.listen.port() != 0,
                "server.listen and server.internal_listen must differ".to_owned(),
            ),
            (
                dispatch.lane_max_in_flight > dispatch.max_in_flight,
                "dispatch.lane_max_in_flight must not be over dispatch.max_in_flight".to_owned(),
            ),
            (
                dispatch.breaker_seconds[0] > dispatch.breaker_seconds[1],
                "the first of dispatch.breaker_seconds must not be over the second".to_owned(),
            ),
            (
                head_hold > message_age,
                "dispatch.head_hold_seconds must not be over dispatch.message_age_max_seconds"
                    .to_owned(),
            ),
            (
                self.server.body_timeout_seconds > self.server.answer_timeout_seconds,
                "server.body_timeout_seconds must not be over server.answer_timeout_seconds"
                    .to_owned(),
            ),
            (
                self.server.work_timeout_seconds > self.server.answer_timeout_seconds,
                "server.work_timeout_seconds must not be over server.answer_timeout_seconds"
                    .to_owned(),
            ),
            (
                u64::from(self.retention.messages_days) <= self.message_life_days_max(),
                format!(
                    "retention.messages_days must be over {}: a message may be scheduled {SCHEDULED_AHEAD_DAYS_MAX} \
                     days ahead and lives dispatch.message_age_max_seconds from then on",
                    self.message_life_days_max(),
                ),
            ),
        ];
        let mut all = contradictions
            .into_iter()
            .chain(self.media_contradictions())
            .chain(self.master_key_contradictions());
        let first = all.find(|(is_one, _)| *is_one);
        first.map_or(Ok(()), |(_, sentence)| {
            Err(ConfigError::Contradiction(sentence))
        })
    }

    /// Keys that are given and printed by a program as well.
    fn master_key_contradictions(&self) -> [(bool, String); 2] {
        let security = &self.security;
        let both = |given: bool, command: &[String], key: &str| {
            let sentence = format!(
                "security.{key} and security.{key}_command are both given; give one of them"
            );
            (given && !command.is_empty(), sentence)
        };
        [
            both(
                security.master_key.is_some(),
                &security.master_key_command,
                "master_key",
            ),
            both(
                security.other_master_keys.is_some(),
                &security.other_master_keys_command,
                "other_master_keys",
            ),
        ]
    }

    /// Those that concern files, each with its sentence.
    fn media_contradictions(&self) -> [(bool, String); 5] {
        [
            (
                self.media.upload_timeout_seconds > self.server.answer_timeout_seconds,
                "media.upload_timeout_seconds must not be over server.answer_timeout_seconds"
                    .to_owned(),
            ),
            (
                self.media.file_bytes_max + UPLOAD_OVERHEAD_BYTES > self.server.spool_bytes_max,
                format!(
                    "server.spool_bytes_max must be at least {UPLOAD_OVERHEAD_BYTES} over media.file_bytes_max"
                ),
            ),
            (
                u64::from(self.media.link_days) <= self.message_life_days_max(),
                format!(
                    "media.link_days must be over {}: a message may be sent so late, with its links",
                    self.message_life_days_max(),
                ),
            ),
            (
                self.retention.media_days <= self.media.link_days,
                "retention.media_days must be over media.link_days".to_owned(),
            ),
            (
                self.media.message_body_bytes_max < self.server.body_bytes_max,
                "media.message_body_bytes_max must not be below server.body_bytes_max".to_owned(),
            ),
        ]
    }

    /// The longest life of a message in whole days, rounded up.
    fn message_life_days_max(&self) -> u64 {
        SCHEDULED_AHEAD_DAYS_MAX + self.dispatch.message_age_max_seconds.div_ceil(86_400)
    }
}
