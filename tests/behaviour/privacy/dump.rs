//! Everything that a database holds, row by row.

use std::collections::BTreeSet;

use sqlx::PgConnection;

/// Every row of every table as text; bytes are in hexadecimal there.
pub async fn rows(database: &mut PgConnection) -> BTreeSet<String> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select c.relname::text from pg_class c
         where c.relkind in ('r', 'p') and not c.relispartition and c.relnamespace = 'public'::regnamespace
         order by 1",
    )
    .fetch_all(&mut *database)
    .await
    .unwrap();
    let mut rows = BTreeSet::new();
    for table in tables {
        let select = format!("select '{table}: ' || t::text from {table} t");
        let found: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(select))
            .fetch_all(&mut *database)
            .await
            .unwrap();
        rows.extend(found);
    }
    rows
}

/// The rows in which a word stands, in letters or as bytes.
pub async fn rows_with(database: &mut PgConnection, words: &[&str]) -> BTreeSet<String> {
    let mut rows = rows(database).await;
    rows.retain(|row| {
        let row = row.to_lowercase();
        words.iter().any(|word| {
            let word = word.to_lowercase();
            row.contains(&word) || row.contains(&hex::encode(&word))
        })
    });
    rows
}
