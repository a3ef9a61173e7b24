use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ConfigError;
use super::section::{Section, within};

/// `[media]`: files that messages refer to.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MediaConfig {
    /// The longest file that is taken, in bytes.
    pub file_bytes_max: u64,
    /// The types that are taken, such as `image/png`; each has to be one that is recognised by its content.
    pub types: Vec<String>,
    /// What all files of one tenant may have together, in bytes.
    pub tenant_bytes_max: u64,
    /// From the end of an upload's head to the end of its body.
    pub upload_timeout_seconds: f64,
    /// Uploads that this process takes at once.
    pub uploads_max: usize,
    /// Uploads of one tenant that this process takes at once.
    pub tenant_uploads_max: usize,
    /// The longest body of a message that carries files in itself, in bytes.
    pub message_body_bytes_max: usize,
    /// Such bodies over `server.body_bytes_max` that this process has in memory at once; half of them for one tenant.
    pub message_bodies_max: usize,
    /// Downloads that this process serves at once.
    pub downloads_max: usize,
    /// How long a link to a file lives from the acceptance of its message on.
    pub link_days: u32,
}

impl MediaConfig {
    pub fn upload_timeout(&self) -> Duration {
        Duration::from_secs_f64(self.upload_timeout_seconds)
    }
}

impl Section for MediaConfig {
    const NAME: &'static str = "media";

    fn check(&self) -> Result<(), ConfigError> {
        within("media.file_bytes_max", self.file_bytes_max, 1..=1 << 30)?;
        within("media.tenant_bytes_max", self.tenant_bytes_max, 1..=1 << 50)?;
        within(
            "media.upload_timeout_seconds",
            self.upload_timeout_seconds,
            0.1..=600.0,
        )?;
        within("media.uploads_max", self.uploads_max, 1..=10_000)?;
        within(
            "media.tenant_uploads_max",
            self.tenant_uploads_max,
            1..=10_000,
        )?;
        within(
            "media.message_body_bytes_max",
            self.message_body_bytes_max,
            1..=1 << 30,
        )?;
        within(
            "media.message_bodies_max",
            self.message_bodies_max,
            1..=1_000,
        )?;
        within("media.downloads_max", self.downloads_max, 1..=10_000)?;
        within("media.link_days", self.link_days, 1..=36_500)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn refused(key: &str, value: &str) -> String {
        let name = format!("NEXUS_GATEWAY__{key}");
        let environment = [(name, value.to_owned())];
        let loaded = Config::load(None, environment.into_iter());
        loaded.unwrap_err().to_string()
    }

    #[test]
    fn limits_of_files_that_contradict_others_are_refused_with_both_keys() {
        for (key, value, named) in [
            (
                "MEDIA__UPLOAD_TIMEOUT_SECONDS",
                "46",
                [
                    "media.upload_timeout_seconds",
                    "server.answer_timeout_seconds",
                ],
            ),
            (
                "MEDIA__FILE_BYTES_MAX",
                "1073741824",
                ["server.spool_bytes_max", "media.file_bytes_max"],
            ),
            (
                "SERVER__SPOOL_BYTES_MAX",
                "26214400",
                ["server.spool_bytes_max", "media.file_bytes_max"],
            ),
            (
                "MEDIA__MESSAGE_BODY_BYTES_MAX",
                "1048575",
                ["media.message_body_bytes_max", "server.body_bytes_max"],
            ),
            (
                "RETENTION__MEDIA_DAYS",
                "40",
                ["retention.media_days", "media.link_days"],
            ),
        ] {
            let sentence = refused(key, value);
            assert!(
                named.iter().all(|name| sentence.contains(name)),
                "{sentence}"
            );
        }
    }

    #[test]
    fn a_link_outlives_every_message_that_may_have_it() {
        let sentence = refused("MEDIA__LINK_DAYS", "33");
        assert!(
            sentence.contains("media.link_days must be over 33"),
            "{sentence}"
        );
    }
}
