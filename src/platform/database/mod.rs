//! The way to Postgres: connections, migrations, partitions, group commit, what its errors mean, and an embedded
//! server where none is configured. What is stored belongs to the modules that own the tables.

pub mod embedded;
pub mod error;
pub mod group_commit;
pub mod lending;
pub mod partitions;
pub mod pool;

use sqlx::PgConnection;

pub use lending::{Pool, Transaction};
pub use pool::{Database, PoolSizes, within};

/// Every migration, embedded into the binary. They only go forward.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// Brings the schema up to date. Several replicas may try at once; one does it, the others wait.
pub async fn migrate(connection: &mut PgConnection) -> Result<(), sqlx::migrate::MigrateError> {
    MIGRATIONS.run_direct(None, connection, false).await
}
