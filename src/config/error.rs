use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use super::layers::Origin;

/// Why the process does not start with this configuration. Each is one sentence that names the keys; none shows a value,
/// since it may be a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration file {path} cannot be read: {cause}")]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("line {line} of {origin} is not TOML: {problem}")]
    Syntax {
        origin: Origin,
        line: usize,
        problem: String,
    },
    #[error("{key} ({origin}) is no key of the configuration{}", did_you_mean(.near))]
    UnknownKey {
        key: String,
        origin: Origin,
        near: Vec<String>,
    },
    #[error("{key} ({key_origin}) and {key}_file ({file_origin}) are both given; give one of them")]
    BothForms {
        key: String,
        key_origin: Origin,
        file_origin: Origin,
    },
    #[error("the file that {key} names, {path}, cannot be read: {cause}")]
    KeyFile {
        key: String,
        path: PathBuf,
        cause: io::Error,
    },
    #[error("the file that {key} names, {path}, is empty")]
    EmptyKeyFile { key: String, path: PathBuf },
    #[error("{key} ({origin}) cannot be read: {problem}")]
    Value {
        key: String,
        origin: Origin,
        problem: String,
    },
    #[error("{key} must be {allowed}")]
    OutOfRange { key: &'static str, allowed: String },
    #[error("{0}")]
    Contradiction(String),
}

fn did_you_mean(near: &[String]) -> String {
    let mut text = String::new();
    for (index, key) in near.iter().enumerate() {
        let before = if index == 0 { "; near it are " } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{before}{key}");
    }
    text
}
