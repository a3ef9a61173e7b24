//! All that a tenant has, in few bytes.

use std::collections::BTreeMap;

use sqlx::Row;

use super::who::Side;
use super::world::World;

/// What is written without anybody's call: figures and the sender's own notes.
const WRITTEN_ANYWAY: [&str; 4] = ["statistics", "statistics_deltas", "lanes", "deliveries"];

/// A digest of every table's rows of a tenant, or of what is no tenant's.
pub async fn digests(world: &World, side: Option<Side>) -> BTreeMap<String, String> {
    let mut connection = world.gateway.connect().await;
    let tables = sqlx::query(
        "select c.relname::text as name
         from pg_class c join pg_attribute a on a.attrelid = c.oid
         where a.attname = 'ccid' and not a.attisdropped and c.relkind in ('r', 'p') and not c.relispartition
           and c.relnamespace = 'public'::regnamespace",
    );
    let tables = tables.fetch_all(&mut connection).await.unwrap();
    let ccid = side.map(|side| world.ccid(side));
    let mut digests = BTreeMap::new();
    for table in tables.iter().map(|row| row.get::<String, _>("name")) {
        if WRITTEN_ANYWAY.contains(&table.as_str()) {
            continue;
        }
        // A task gives records their places, and the use of a cluster's key is one, whatever the call came to.
        let rows = match table.as_str() {
            "audit" => "(select ccid, id, action, object_id from audit where action <> 'key.used')",
            table => table,
        };
        let digest = sqlx::AssertSqlSafe(format!(
            "select coalesce(md5(string_agg(t::text, '|' order by t::text)), '') from {rows} t
             where ccid is not distinct from $1"
        ));
        let digest = sqlx::query_scalar::<_, String>(digest).bind(ccid);
        digests.insert(table, digest.fetch_one(&mut connection).await.unwrap());
    }
    assert!(digests.len() > 10, "the tables were not read");
    digests
}
