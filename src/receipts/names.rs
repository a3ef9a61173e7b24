//! Ids by which a provider's receipts may name messages, where they become known only after the message was sent.

use std::collections::HashMap;

use super::intake::{ReceiptError, Receipts, apply_parked};
use super::model::receipt_key;
use super::store;
use crate::values::{Ccid, MessageId};

impl Receipts {
    /// Keeps by which ids a provider knows messages, and applies what has waited under them. The messages are there.
    pub async fn learn(
        &self,
        (ccid, connector): (Ccid, &'static str),
        names: &[(String, MessageId)],
    ) -> Result<(), ReceiptError> {
        if names.is_empty() {
            return Ok(());
        }
        let names = names
            .iter()
            .map(|(name, id)| (receipt_key(None, connector, name), *id));
        let names: Vec<([u8; 16], MessageId)> = names.collect();
        let keys: Vec<(Ccid, [u8; 16])> = names.iter().map(|(key, _)| (ccid, *key)).collect();
        let unavailable = |_| ReceiptError::Unavailable;
        let jobs = &self.database().jobs;
        let mut connection = jobs.acquire().await.map_err(unavailable)?;
        let kept = store::keep_names(&mut connection, ccid, &names).await;
        kept.map_err(unavailable)?;
        // Kept first and looked for then: a receipt parks itself first and looks for the name then.
        let applied = apply_parked(&mut connection, &keys).await;
        applied.map_err(unavailable)?;
        Ok(())
    }

    /// The messages that a provider knows by these ids, as far as that is known here.
    pub async fn named(
        &self,
        (ccid, connector): (Ccid, &'static str),
        names: &[String],
    ) -> Result<HashMap<String, MessageId>, ReceiptError> {
        if names.is_empty() {
            return Ok(HashMap::new());
        }
        let unavailable = |_| ReceiptError::Unavailable;
        let keys: Vec<[u8; 16]> = names
            .iter()
            .map(|name| receipt_key(None, connector, name))
            .collect();
        let reads = &self.database().reads;
        let mut connection = reads.acquire().await.map_err(unavailable)?;
        let found = store::named(&mut connection, ccid, &keys).await;
        let found = found.map_err(unavailable)?;
        let pairs = names.iter().zip(&keys);
        Ok(pairs
            .filter_map(|(name, key)| Some((name.clone(), *found.get(key)?)))
            .collect())
    }
}
