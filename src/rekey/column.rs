//! The sealed columns of the database: each is a table's one, and its owner has the SQL.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::platform::http::idempotency;
use crate::platform::vault::{KeyId, SealContext, SealedRow};
use crate::provisioning::store::sealed::{self as services, SealedColumn};
use crate::suppressions::proof;
use crate::values::Ccid;
use crate::{erasures, provisioning, suppressions};

/// Where sealed values are stored, beside the register of master keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Secrets of services.
    Services,
    /// What the providers of services call us with.
    CallbackTokens,
    /// Answers that are kept for the same call again.
    Answers,
    /// The key of opt-out proofs.
    ProofKey,
    /// Whom running erasures are about.
    Erasures,
}

/// Its values that another key has sealed, from behind a place on: locked, at most so many.
type From<'a> = ((Uuid, &'a str), i64);

impl Column {
    pub const ALL: [Self; 5] = [
        Self::Services,
        Self::CallbackTokens,
        Self::Answers,
        Self::ProofKey,
        Self::Erasures,
    ];

    /// What its values are sealed for.
    pub fn table(self) -> &'static str {
        match self {
            Self::Services => provisioning::SEALED_TABLE,
            Self::CallbackTokens => provisioning::CALLBACK_TOKENS_SEALED_TABLE,
            Self::Answers => idempotency::SEALED_TABLE,
            Self::ProofKey => proof::SEALED_TABLE,
            Self::Erasures => erasures::SEALED_TABLE,
        }
    }

    /// The column of the database.
    pub fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::Services => ("services", "secret"),
            Self::CallbackTokens => ("services", "callback_tokens"),
            Self::Answers => ("idempotency_keys", "sealed_answer"),
            Self::ProofKey => ("suppression_key", "sealed"),
            Self::Erasures => ("erasures", "sealed_address"),
        }
    }

    pub fn context(self, row: &SealedRow) -> SealContext<'_> {
        SealContext {
            ccid: Ccid::from_uuid(row.ccid),
            table: self.table(),
            row: &row.row,
        }
    }

    pub async fn lock_sealed_otherwise(
        self,
        connection: &mut PgConnection,
        key_id: KeyId,
        from: From<'_>,
    ) -> sqlx::Result<Vec<SealedRow>> {
        match self {
            Self::Services => {
                let column = SealedColumn::Secret;
                services::lock_sealed_otherwise(connection, column, key_id, from).await
            }
            Self::CallbackTokens => {
                let column = SealedColumn::CallbackTokens;
                services::lock_sealed_otherwise(connection, column, key_id, from).await
            }
            Self::Answers => {
                idempotency::store::lock_sealed_otherwise(connection, key_id, from).await
            }
            Self::ProofKey => {
                suppressions::store::sealed::lock_sealed_otherwise(connection, key_id, from).await
            }
            Self::Erasures => {
                erasures::store::sealed::lock_sealed_otherwise(connection, key_id, from).await
            }
        }
    }

    pub async fn sealed_otherwise(
        self,
        connection: &mut PgConnection,
        key_id: KeyId,
    ) -> sqlx::Result<i64> {
        match self {
            Self::Services => {
                services::sealed_otherwise(connection, SealedColumn::Secret, key_id).await
            }
            Self::CallbackTokens => {
                services::sealed_otherwise(connection, SealedColumn::CallbackTokens, key_id).await
            }
            Self::Answers => idempotency::store::sealed_otherwise(connection, key_id).await,
            Self::ProofKey => {
                suppressions::store::sealed::sealed_otherwise(connection, key_id).await
            }
            Self::Erasures => erasures::store::sealed::sealed_otherwise(connection, key_id).await,
        }
    }

    pub async fn put_sealed(
        self,
        connection: &mut PgConnection,
        rows: &[SealedRow],
    ) -> sqlx::Result<()> {
        match self {
            Self::Services => services::put_sealed(connection, SealedColumn::Secret, rows).await,
            Self::CallbackTokens => {
                services::put_sealed(connection, SealedColumn::CallbackTokens, rows).await
            }
            Self::Answers => idempotency::store::put_sealed(connection, rows).await,
            Self::ProofKey => suppressions::store::sealed::put_sealed(connection, rows).await,
            Self::Erasures => erasures::store::sealed::put_sealed(connection, rows).await,
        }
    }
}
