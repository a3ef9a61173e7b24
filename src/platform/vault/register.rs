//! Which master keys have sealed secrets here, so that a wrong one is refused before anything is sealed with it.
//!
//! The register also keeps what links and pseudonyms of replaced keys are derived from, so that they outlive their key.

use sqlx::PgConnection;
use tracing::error;

use super::store::{self, Registered};
use super::{DerivedKey, KeyId, MasterKeys, SealContext, Vault, VaultError, sealing_key};
use crate::platform::database::Pool;
use crate::values::Ccid;

/// The master keys of the configuration do not go with the database.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the register of master keys cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    #[error(
        "secrets in this database are sealed with the master key {missing}, which is not configured; configured are {}",
        names(.configured)
    )]
    NotConfigured {
        missing: KeyId,
        configured: Vec<KeyId>,
    },
    #[error(
        "this database has secrets and no register of master keys yet, and {configured} has not sealed them; the one that has \
         must be security.master_key, or beside it one of security.other_master_keys"
    )]
    Foreign { configured: KeyId },
    #[error(
        "security.master_key is {old}, which {new} has replaced in this database; it can only be one of \
         security.other_master_keys"
    )]
    Replaced { old: KeyId, new: KeyId },
}

/// A vault of the configured keys, if they open what was sealed in this database. The one that seals is registered.
///
/// `sealed_otherwise` counts what any other key than this one has sealed: a database may be older than its register.
pub async fn open(
    pool: &Pool,
    keys: MasterKeys,
    sealed_otherwise: impl AsyncFnOnce(&mut PgConnection, KeyId) -> sqlx::Result<i64>,
) -> Result<Vault, RegisterError> {
    let is_alone = keys.others.is_empty();
    let mut vault = Vault::with_others(keys.current, keys.others);
    let mut transaction = pool.begin().await?;
    store::lock(&mut transaction).await?;
    let registered = store::all(&mut transaction).await?;
    judge(&vault, &registered)?;
    let own = vault.current_id();
    if registered.is_empty() && is_alone && sealed_otherwise(&mut transaction, own).await? > 0 {
        return Err(RegisterError::Foreign { configured: own });
    }
    let sealed = seal_derivation(&vault, own, vault.current.derivation.as_bytes());
    store::add(&mut transaction, own, &sealed).await?;
    transaction.commit().await?;
    for row in registered {
        let id = name(&row);
        if vault.knows(id) {
            continue;
        }
        match open_derivation(&vault, &row) {
            Ok(derivation) => vault.kept.push(derivation),
            Err(cause) => error!(
                error.cause = %cause,
                key.id = %id,
                "What a replaced master key leaves cannot be opened: its links and pseudonyms are not known any more",
            ),
        }
    }
    Ok(vault)
}

/// Refuses keys without one that is still needed, and a key that another has replaced.
fn judge(vault: &Vault, registered: &[Registered]) -> Result<(), RegisterError> {
    for row in registered {
        let sealing = match sealing_key(&row.derivation) {
            Ok(sealing) if registered.iter().any(|row| name(row) == sealing) => sealing,
            // Damaged. That harms what is derived from this key, and nobody else.
            Ok(_) | Err(_) => continue,
        };
        if !vault.knows(sealing) {
            return Err(RegisterError::NotConfigured {
                missing: sealing,
                configured: vault.key_ids().collect(),
            });
        }
        let id = name(row);
        if id == vault.current_id() && sealing != id {
            return Err(RegisterError::Replaced {
                old: id,
                new: sealing,
            });
        }
    }
    Ok(())
}

/// Seals with the current key what every other registered key leaves, once nothing else is sealed with them. Answers the
/// configured keys that are not needed any more.
pub async fn replace_others(
    connection: &mut PgConnection,
    vault: &Vault,
    now_ms: i64,
) -> sqlx::Result<Vec<KeyId>> {
    let mut replaced = Vec::new();
    store::lock(connection).await?;
    for row in store::all(connection).await? {
        let id = name(&row);
        if vault.is_current(&row.derivation) == Ok(true) {
            continue;
        }
        let sealed = match vault.derivation_of(id) {
            Some(known) => seal_derivation(vault, id, known.as_bytes()),
            None => match open_derivation(vault, &row) {
                Ok(opened) => seal_derivation(vault, id, opened.as_bytes()),
                // There is nothing left to keep, and so no reason to keep a key for it.
                Err(_) => continue,
            },
        };
        store::replace(connection, id, (&sealed, now_ms)).await?;
        if vault.knows(id) {
            replaced.push(id);
        }
    }
    Ok(replaced)
}

fn open_derivation(vault: &Vault, row: &Registered) -> Result<DerivedKey, VaultError> {
    let id = name(row);
    let opened = vault.open(&context(&id.to_string()), &row.derivation)?;
    DerivedKey::kept(&opened, row.replaced_at).ok_or(VaultError::Refused)
}

fn seal_derivation(vault: &Vault, id: KeyId, derivation: &[u8]) -> Vec<u8> {
    vault.seal(&context(&id.to_string()), derivation)
}

fn context(row: &str) -> SealContext<'_> {
    SealContext {
        // It is no tenant's.
        ccid: Ccid::from_uuid(uuid::Uuid::nil()),
        table: "master_keys",
        row,
    }
}

fn name(row: &Registered) -> KeyId {
    let mut bytes = [0; KeyId::LENGTH];
    for (byte, stored) in bytes.iter_mut().zip(&row.key_id) {
        *byte = *stored;
    }
    KeyId::from_bytes(bytes)
}

fn names(keys: &[KeyId]) -> String {
    let names: Vec<String> = keys.iter().map(KeyId::to_string).collect();
    names.join(", ")
}
