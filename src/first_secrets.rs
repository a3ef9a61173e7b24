//! The secrets that the gateway starts with: the configuration's, or files beside the embedded data that are made at
//! the first start.

mod program;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::auth::key::{ApiKey, ApiKeyError};
use crate::config::SecurityConfig;
pub use program::ProgramError;

use crate::platform::vault::{MasterKey, MasterKeyError, MasterKeys};
use crate::values::Secret;

/// The file beside embedded data that holds the master key.
const MASTER_KEY_FILE: &str = "master-key";
/// The file beside embedded data that holds the first cluster key.
const API_KEY_FILE: &str = "bootstrap-api-key";

/// Why a secret cannot be had. Nothing secret is in the sentence.
#[derive(Debug, thiserror::Error)]
pub enum SecretUnavailable {
    #[error(
        "security.master_key_file is not set: it names a file with 32 random bytes in base64 (openssl rand -base64 32)"
    )]
    NoMasterKey,
    #[error("{setting} cannot be used: {cause}")]
    MasterKey {
        setting: &'static str,
        cause: MasterKeyError,
    },
    #[error("{setting} {cause}")]
    Program {
        setting: &'static str,
        cause: ProgramError,
    },
    #[error("security.bootstrap_api_key cannot be used: {0}")]
    ApiKey(#[from] ApiKeyError),
    #[error("the file {path} cannot be used: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
}

/// Reads the master keys. With an embedded database and none configured, one is made beside the data.
pub async fn master_keys(
    security: &SecurityConfig,
    data_directory: Option<&Path>,
) -> Result<MasterKeys, SecretUnavailable> {
    let current = given(
        ("security.master_key", security.master_key.as_ref()),
        ("security.master_key_command", &security.master_key_command),
    )
    .await?;
    let (setting, text) = match (current, data_directory) {
        (Some(given), _) => given,
        (None, Some(directory)) => {
            let make = || MasterKey::generate().to_base64();
            let file = directory.join(MASTER_KEY_FILE);
            ("the master key beside the data", kept(&file, make)?)
        }
        (None, None) => return Err(SecretUnavailable::NoMasterKey),
    };
    let others = given(
        (
            "security.other_master_keys",
            security.other_master_keys.as_ref(),
        ),
        (
            "security.other_master_keys_command",
            &security.other_master_keys_command,
        ),
    )
    .await?;
    let key = |setting| {
        move |text: &str| {
            MasterKey::from_base64(text)
                .map_err(|cause| SecretUnavailable::MasterKey { setting, cause })
        }
    };
    Ok(MasterKeys {
        current: key(setting)(&text)?,
        others: match &others {
            Some((setting, texts)) => texts
                .split(|letter: char| letter == ',' || letter.is_whitespace())
                .filter(|text| !text.is_empty())
                .map(key(*setting))
                .collect::<Result<_, _>>()?,
            None => Vec::new(),
        },
    })
}

/// A secret and the setting that it comes from: given as a text, or printed by a program.
async fn given(
    (setting, text): (&'static str, Option<&Secret>),
    (program_setting, words): (&'static str, &[String]),
) -> Result<Option<(&'static str, Zeroizing<String>)>, SecretUnavailable> {
    if let Some(text) = text {
        return Ok(Some((setting, Zeroizing::new(text.expose().to_owned()))));
    }
    if words.is_empty() {
        return Ok(None);
    }
    let failed = |cause| SecretUnavailable::Program {
        setting: program_setting,
        cause,
    };
    let printed = program::output(words).await.map_err(failed)?;
    Ok(Some((program_setting, printed)))
}

/// The first cluster key. With an embedded database and none configured, one is made beside the data; with another
/// database there may be none, since keys can be made from the command line.
pub fn bootstrap_key(
    security: &SecurityConfig,
    data_directory: Option<&Path>,
) -> Result<Option<ApiKey>, SecretUnavailable> {
    match (&security.bootstrap_api_key, data_directory) {
        (Some(key), _) => Ok(Some(ApiKey::chosen(key.expose())?)),
        (None, Some(directory)) => {
            let make = || Zeroizing::new(ApiKey::generate().reveal());
            let key = kept(&bootstrap_key_file(directory), make)?;
            Ok(Some(ApiKey::chosen(&key)?))
        }
        (None, None) => Ok(None),
    }
}

/// Where the first cluster key is kept beside embedded data.
pub fn bootstrap_key_file(data_directory: &Path) -> PathBuf {
    data_directory.join(API_KEY_FILE)
}

/// The content of a file, which is made if it is missing.
fn kept(
    path: &Path,
    make: impl FnOnce() -> Zeroizing<String>,
) -> Result<Zeroizing<String>, SecretUnavailable> {
    let failed = |cause| SecretUnavailable::File {
        path: path.to_owned(),
        cause,
    };
    match File::open(path) {
        Ok(mut file) => {
            let mut text = Zeroizing::new(String::new());
            file.read_to_string(&mut text).map_err(failed)?;
            Ok(Zeroizing::new(text.trim().to_owned()))
        }
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let text = make();
            write_new(path, &text).map_err(failed)?;
            Ok(text)
        }
        Err(cause) => Err(failed(cause)),
    }
}

/// Readable by nobody else, whole or not there, and never written over: without the master key nothing that was sealed
/// opens again.
fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::hard_link(&unfinished, path)?;
    std::fs::remove_file(&unfinished)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn nothing_configured() -> SecurityConfig {
        SecurityConfig {
            master_key: None,
            master_key_file: None,
            master_key_command: Vec::new(),
            other_master_keys: None,
            other_master_keys_file: None,
            other_master_keys_command: Vec::new(),
            bootstrap_api_key: None,
            bootstrap_api_key_file: None,
            trusted_hops: 0,
            source_failures_per_minute: 1,
            tenant_failures_per_minute: 1,
        }
    }

    #[tokio::test]
    async fn a_secret_beside_the_data_is_made_once_and_nobody_else_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let key = || {
            let key = bootstrap_key(&nothing_configured(), Some(directory.path()));
            key.unwrap().unwrap().reveal()
        };
        assert_eq!(key(), key());
        let master = async || {
            let keys = master_keys(&nothing_configured(), Some(directory.path())).await;
            keys.unwrap().current.to_base64()
        };
        assert_eq!(master().await, master().await);
        for file in [API_KEY_FILE, MASTER_KEY_FILE] {
            let mode = directory
                .path()
                .join(file)
                .metadata()
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
    }

    #[test]
    fn what_is_configured_goes_over_what_is_beside_the_data() {
        let directory = tempfile::tempdir().unwrap();
        let chosen = "5f0c8e1a-9d3b-4c57-8a55-3f2b7a9d1c04";
        let security = SecurityConfig {
            bootstrap_api_key: Some(Secret::new(chosen.to_owned())),
            ..nothing_configured()
        };
        let key = bootstrap_key(&security, Some(directory.path()))
            .unwrap()
            .unwrap();
        assert_eq!(key.reveal(), chosen);
        assert!(
            std::fs::read_dir(directory.path())
                .unwrap()
                .next()
                .is_none()
        );
    }

    #[tokio::test]
    async fn a_master_key_is_printed_by_a_program_and_further_ones_stand_in_a_list() {
        let keys = [(); 3].map(|()| MasterKey::generate());
        let [current, one, other] = keys.each_ref().map(|key| key.to_base64().to_string());
        let security = SecurityConfig {
            master_key_command: vec!["echo".to_owned(), current],
            other_master_keys: Some(Secret::new(format!("{one},\n  {other}\n"))),
            ..nothing_configured()
        };
        let read = master_keys(&security, None).await.unwrap();
        let read: Vec<_> = std::iter::once(&read.current)
            .chain(&read.others)
            .map(MasterKey::id)
            .collect();
        assert_eq!(read, keys.each_ref().map(MasterKey::id));
    }

    #[tokio::test]
    async fn a_master_key_that_cannot_be_read_is_refused_with_its_setting_and_without_its_text() {
        let text = "not hunter2 in base64".to_owned();
        let good = MasterKey::generate().to_base64().to_string();
        let wrong = [
            SecurityConfig {
                master_key: Some(Secret::new(text.clone())),
                ..nothing_configured()
            },
            SecurityConfig {
                master_key_command: vec!["echo".to_owned(), text.clone()],
                ..nothing_configured()
            },
            SecurityConfig {
                master_key: Some(Secret::new(good)),
                other_master_keys: Some(Secret::new(text)),
                ..nothing_configured()
            },
        ];
        let settings = [
            "security.master_key ",
            "security.master_key_command ",
            "security.other_master_keys ",
        ];
        for (security, setting) in wrong.iter().zip(settings) {
            let refused = master_keys(security, None).await.unwrap_err().to_string();
            assert!(refused.starts_with(setting), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[tokio::test]
    async fn without_embedded_data_a_master_key_has_to_be_configured() {
        let missing = master_keys(&nothing_configured(), None).await;
        assert!(matches!(missing, Err(SecretUnavailable::NoMasterKey)));
        assert!(
            bootstrap_key(&nothing_configured(), None)
                .unwrap()
                .is_none()
        );
    }
}
