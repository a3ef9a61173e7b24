//! Every column of the database that holds bytes is known for what it is.

use std::collections::BTreeSet;

use nexus_gateway::rekey::Column;

use crate::harness::TestGateway;

/// Columns whose bytes are no sealed value that a new master key has to seal anew, and why.
const OTHERS: &[(&str, &str, &str)] = &[
    ("api_keys", "key_hash", "a hash"),
    ("audit", "hash", "a hash"),
    ("audit_chain", "cut_hash", "a hash"),
    ("audit_chain", "head_hash", "a hash"),
    ("idempotency_keys", "request", "a hash"),
    ("inbound_keys", "content", "a hash"),
    ("inbound_keys", "key", "a hash"),
    (
        "master_keys",
        "derivation",
        "sealed, and handed on by the register itself",
    ),
    ("master_keys", "key_id", "a public name"),
    ("media_chunks", "bytes", "files as they came"),
    ("parked_receipts", "key", "a hash"),
    ("provider_ids", "key", "a hash"),
];

/// A sealed column that is added without a row in [`Column`] would keep the old master key needed for ever, and fails here.
#[tokio::test]
async fn whatever_is_sealed_is_sealed_anew_with_a_new_master_key() {
    let gateway = TestGateway::start().await;
    let mut database = gateway.connect().await;
    let there: Vec<(String, String)> = sqlx::query_as(
        "select columns.table_name::text, columns.column_name::text
         from information_schema.columns
         join pg_class on pg_class.relname = columns.table_name and not pg_class.relispartition
             and pg_class.relnamespace = 'public'::regnamespace
         where columns.table_schema = 'public' and columns.udt_name in ('bytea', '_bytea')
             and columns.table_name <> '_sqlx_migrations'",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    let there: BTreeSet<(&str, &str)> = there
        .iter()
        .map(|(table, column)| (table.as_str(), column.as_str()))
        .collect();
    let sealed = Column::ALL.into_iter().map(Column::place);
    let others = OTHERS.iter().map(|(table, column, _)| (*table, *column));
    assert_eq!(there, sealed.chain(others).collect());
}
