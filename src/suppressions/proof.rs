//! What is left of an opt-out whose person was erased: a keyed hash in place of the address. Only whoever knows the
//! address, and has the key, finds it again.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng as _;
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::store;
use crate::platform::database::Pool;
use crate::platform::vault::{SealContext, Vault, VaultError};
use crate::values::Ccid;

/// What a proof begins with. No address has a colon there, so none can be taken for a proof.
const MARK: &str = "erased:";
/// Bytes of the key.
const KEY_LENGTH: usize = 32;
/// Bytes of the HMAC that are kept.
const LENGTH: usize = 16;
/// Bytes of a tenant's id, with which the text of every proof begins.
const CCID_LENGTH: usize = 16;

/// What the key is sealed for.
pub const SEALED_TABLE: &str = "suppression_key";
pub const SEALED_ROW: &str = "key";

/// Makes proofs; cheap to clone.
#[derive(Clone)]
pub struct Proofs(Hmac<Sha256>);

/// Why no proof can be made, and so no opt-out of an erased person be found.
#[derive(Debug, thiserror::Error)]
pub enum NoProofs {
    #[error("the key of opt-out proofs cannot be read: {0}")]
    Store(#[from] sqlx::Error),
    #[error("the key of opt-out proofs cannot be opened with the master key: {0}")]
    Vault(#[from] VaultError),
}

impl Proofs {
    /// Takes the one key of the database, which is drawn the first time.
    pub async fn load(pool: &Pool, vault: &Vault) -> Result<Self, NoProofs> {
        let mut drawn = Zeroizing::new([0; KEY_LENGTH]);
        rand::rng().fill_bytes(drawn.as_mut_slice());
        let mut connection = pool.acquire().await?;
        let sealed = if let Some(sealed) = store::sealed_key(&mut connection).await? {
            sealed
        } else {
            let sealed = vault.seal(&context(), drawn.as_slice());
            store::keep_key(&mut connection, &sealed).await?
        };
        let key = vault.open(&context(), &sealed)?;
        Ok(Self::with_key(&key))
    }

    pub(super) fn with_key(key: &[u8]) -> Self {
        Self(
            <Hmac<Sha256> as KeyInit>::new_from_slice(key)
                .expect("an HMAC takes a key of any length"),
        )
    }

    /// A key for something else that has to outlive every master key. No proof is made of so short a text as a purpose.
    ///
    /// # Panics
    ///
    /// If the purpose is as long as the id of a tenant.
    pub(super) fn derived_key(&self, purpose: &str) -> Zeroizing<[u8; KEY_LENGTH]> {
        assert!(
            purpose.len() < CCID_LENGTH,
            "a purpose is shorter than a tenant's id"
        );
        let mut mac = self.0.clone();
        mac.update(purpose.as_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }

    /// What stands in place of a person's address in the list of a tenant.
    pub fn of(&self, ccid: Ccid, address: &str) -> String {
        let mut mac = self.0.clone();
        // The first part has one length, so no two pairs run together.
        mac.update(ccid.as_uuid().as_bytes());
        mac.update(address.as_bytes());
        let tag = mac.finalize().into_bytes();
        format!("{MARK}{}", hex::encode(&tag[..LENGTH]))
    }
}

impl fmt::Debug for Proofs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Proofs(…)")
    }
}

/// The key is nobody's alone: a proof names its tenant.
fn context() -> SealContext<'static> {
    SealContext {
        ccid: Ccid::from_uuid(Uuid::nil()),
        table: SEALED_TABLE,
        row: SEALED_ROW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::Address;

    #[test]
    fn a_proof_is_one_person_s_of_one_tenant_under_one_key_and_no_address() {
        let (one, other) = (
            Ccid::from_uuid(Uuid::from_u128(1)),
            Ccid::from_uuid(Uuid::from_u128(2)),
        );
        let proofs = Proofs::with_key(&[7; KEY_LENGTH]);
        let proof = proofs.of(one, "16505550199");
        assert_eq!(proof, proofs.clone().of(one, "16505550199"));
        assert_ne!(proof, proofs.of(other, "16505550199"));
        assert_ne!(proof, proofs.of(one, "16505550198"));
        assert_ne!(
            proof,
            Proofs::with_key(&[8; KEY_LENGTH]).of(one, "16505550199")
        );
        assert!(proof.parse::<Address>().is_err());
        assert!(!format!("{proofs:?}").contains('7'));
    }
}
