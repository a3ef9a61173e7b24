//! Names for persons that only whoever has the master key can find again.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{DerivedKey, Vault};
use crate::values::Ccid;

/// What the key is derived for.
const PURPOSE: &str = "pseudonyms of addresses";
/// Bytes of the HMAC that are kept.
const LENGTH: usize = 16;

/// Makes pseudonyms; cheap to clone.
#[derive(Debug, Clone)]
pub struct Pseudonyms(Arc<[DerivedKey]>);

impl Pseudonyms {
    pub fn new(vault: &Vault) -> Self {
        Self(vault.derived_keys(PURPOSE).into())
    }

    /// The pseudonym of a tenant's person under the current master key, in hexadecimal.
    pub fn of(&self, ccid: Ccid, address: &str) -> String {
        self.all_of(ccid, address).next().unwrap_or_default()
    }

    /// The same under every master key that is known, the current one first.
    pub fn all_of(&self, ccid: Ccid, address: &str) -> impl Iterator<Item = String> {
        self.0.iter().map(move |key| pseudonym(key, ccid, address))
    }
}

fn pseudonym(key: &DerivedKey, ccid: Ccid, address: &str) -> String {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_bytes())
        .expect("an HMAC takes a key of any length");
    // The first part has one length, so no two pairs run together.
    mac.update(ccid.as_uuid().as_bytes());
    mac.update(address.as_bytes());
    let tag = mac.finalize().into_bytes();
    hex::encode(&tag[..LENGTH])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::MasterKey;
    use super::*;

    #[test]
    fn a_person_has_one_pseudonym_for_each_tenant_and_master_key() {
        let key = MasterKey::generate();
        let same = MasterKey::from_base64(&key.to_base64()).unwrap();
        let old = Pseudonyms::new(&Vault::new(key));
        let both = Pseudonyms::new(&Vault::with_others(MasterKey::generate(), [same]));
        let (one, other) = (
            Ccid::from_uuid(Uuid::from_u128(1)),
            Ccid::from_uuid(Uuid::from_u128(2)),
        );
        let name = old.of(one, "16505550199");
        assert_eq!(name.len(), 2 * LENGTH);
        assert_eq!(name, old.of(one, "16505550199"));
        assert_ne!(name, old.of(other, "16505550199"));
        assert_ne!(name, old.of(one, "16505550198"));
        assert_ne!(name, both.of(one, "16505550199"));
        assert!(both.all_of(one, "16505550199").any(|known| known == name));
    }
}
