//! The secrets that the gateway starts with: the configuration's, or files beside the embedded data that are made at
//! the first start.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::auth::key::{ApiKey, ApiKeyError};
use crate::config::SecurityConfig;
use crate::platform::vault::{MasterKey, MasterKeyError};

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
    #[error("the master key cannot be read: {0}")]
    MasterKey(#[from] MasterKeyError),
    #[error("security.bootstrap_api_key cannot be used: {0}")]
    ApiKey(#[from] ApiKeyError),
    #[error("the file {path} cannot be used: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
}

/// Reads the master key. With an embedded database and none configured, one is made beside the data.
pub fn master_key(
    security: &SecurityConfig,
    data_directory: Option<&Path>,
) -> Result<MasterKey, SecretUnavailable> {
    match (&security.master_key, data_directory) {
        (Some(key), _) => Ok(MasterKey::from_base64(key.expose())?),
        (None, Some(directory)) => {
            let make = || MasterKey::generate().to_base64();
            Ok(MasterKey::from_base64(&kept(
                &directory.join(MASTER_KEY_FILE),
                make,
            )?)?)
        }
        (None, None) => Err(SecretUnavailable::NoMasterKey),
    }
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
    use crate::values::Secret;

    fn nothing_configured() -> SecurityConfig {
        SecurityConfig {
            master_key: None,
            master_key_file: None,
            bootstrap_api_key: None,
            bootstrap_api_key_file: None,
        }
    }

    #[test]
    fn a_secret_beside_the_data_is_made_once_and_nobody_else_may_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let key = || {
            let key = bootstrap_key(&nothing_configured(), Some(directory.path()));
            key.unwrap().unwrap().reveal()
        };
        assert_eq!(key(), key());
        let master = || {
            let key = master_key(&nothing_configured(), Some(directory.path()));
            key.unwrap().to_base64()
        };
        assert_eq!(master(), master());
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

    #[test]
    fn without_embedded_data_a_master_key_has_to_be_configured() {
        let missing = master_key(&nothing_configured(), None);
        assert!(matches!(missing, Err(SecretUnavailable::NoMasterKey)));
        assert!(
            bootstrap_key(&nothing_configured(), None)
                .unwrap()
                .is_none()
        );
    }
}
