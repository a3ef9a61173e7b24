//! The Postgres that everything is stored in, and what it counts.

use std::error::Error;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use nexus_gateway::platform::database::embedded::{EmbeddedPostgres, EmbeddedSettings};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, Row};
use tempfile::TempDir;

use crate::usage::parent_of;

/// The database of the gateway.
pub const GATEWAY: &str = "nexus_gateway_bench";
/// The database of a reference.
pub const REFERENCE: &str = "nexus_gateway_bench_reference";

#[derive(Debug)]
pub struct Postgres {
    own: Option<(EmbeddedPostgres, TempDir)>,
    options: PgConnectOptions,
    /// Its first process.
    pub id: i32,
    /// Version and the settings that matter.
    pub described: String,
    counts_statements: bool,
}

/// What a database has been made to do so far.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// Of the whole server.
    pub wal_bytes: f64,
    /// Transactions that wrote; each is one flush at most. Of the whole server.
    pub commits: f64,
    /// Without `begin` and `commit`; transactions where the server has no `pg_stat_statements`.
    pub statements: f64,
}

/// Bytes that tables and their indexes take.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Sizes {
    pub queue: f64,
    pub queue_indexes: f64,
    pub tables: f64,
    pub indexes: f64,
}

impl Postgres {
    /// Connects, or starts one with `parameters` that keeps its promises.
    pub async fn start(
        url: Option<&str>,
        parameters: &[(String, String)],
    ) -> Result<Self, Box<dyn Error>> {
        let (own, options) = if let Some(url) = url {
            (None, url.parse()?)
        } else {
            let own = embedded(parameters).await?;
            let options = own.0.connect_options("postgres");
            (Some(own), options)
        };
        let mut connection = options.connect().await?;
        let backend: i32 = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut connection)
            .await?;
        let id = parent_of(backend).ok_or("Postgres does not run on this machine")?;
        let described = sqlx::query_scalar(
            "select 'Postgres ' || current_setting('server_version') || string_agg(', ' || name || '=' || setting, '')
             from pg_settings
             where name in ('fsync', 'synchronous_commit', 'shared_buffers', 'max_wal_size')",
        )
        .fetch_one(&mut connection)
        .await?;
        let counts_statements = counts_statements(&mut connection).await?;
        connection.close().await?;
        Ok(Self {
            own,
            options,
            id,
            described,
            counts_statements,
        })
    }

    /// Makes a database anew.
    pub async fn fresh(&self, database: &str) -> Result<PgConnectOptions, Box<dyn Error>> {
        let mut connection = self.options.connect().await?;
        for statement in [
            format!("drop database if exists {database} with (force)"),
            format!("create database {database}"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        Ok(self.at(database))
    }

    pub async fn counters(&self, database: &str) -> Result<Counters, Box<dyn Error>> {
        const COUNTED: &str = "
            (select sum(s.calls) from pg_stat_statements s join pg_database d on d.oid = s.dbid
             where d.datname = $1 and s.query !~* '^\\s*(begin|start|commit|rollback|savepoint|release)\\y')";
        const TRANSACTIONS: &str = "(select xact_commit from pg_stat_database where datname = $1)";
        let statements = if self.counts_statements {
            COUNTED
        } else {
            TRANSACTIONS
        };
        let mut connection = self.options.connect().await?;
        let statement = format!(
            "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8,
                    pg_snapshot_xmax(pg_current_snapshot())::text::float8,
                    coalesce({statements}, 0)::float8"
        );
        let row = sqlx::query(AssertSqlSafe(statement))
            .bind(database)
            .fetch_one(&mut connection)
            .await?;
        Ok(Counters {
            wal_bytes: row.try_get(0)?,
            commits: row.try_get(1)?,
            statements: row.try_get(2)?,
        })
    }

    /// Leaves nothing to the background that was not caused by what is measured next.
    pub async fn tidy(&self, database: &str) -> Result<(), Box<dyn Error>> {
        let mut connection = self.at(database).connect().await?;
        connection.execute("vacuum (analyze)").await?;
        connection.execute("checkpoint").await?;
        Ok(())
    }

    /// A snapshot that is held open, as by a long report, until the connection is dropped.
    pub async fn held_snapshot(&self, database: &str) -> Result<PgConnection, Box<dyn Error>> {
        let mut connection = self.at(database).connect().await?;
        connection
            .execute("begin isolation level repeatable read; select count(*) from tenants")
            .await?;
        Ok(connection)
    }

    /// De-duplication keys of a tenant that belong to messages of this week.
    pub async fn add_keys(&self, ccid: &str, week: i64, keys: i64) -> Result<(), Box<dyn Error>> {
        let mut connection = self.at(GATEWAY).connect().await?;
        sqlx::query(
            "insert into inbound_keys (ccid, week, key, content, id)
             select $1::uuid, $2::bigint, decode(md5(n::text), 'hex'), decode(md5('content' || n), 'hex'), n
             from generate_series(1, $3::bigint) as n",
        )
        .bind(ccid)
        .bind(week)
        .bind(keys)
        .execute(&mut connection)
        .await?;
        Ok(())
    }

    /// What the tables of the gateway take on the disk.
    pub async fn sizes(&self) -> Result<Sizes, Box<dyn Error>> {
        let mut connection = self.at(GATEWAY).connect().await?;
        let row = sqlx::query(
            "select pg_table_size('deliveries')::float8, pg_indexes_size('deliveries')::float8,
                    sum(pg_table_size(oid))::float8, sum(pg_indexes_size(oid))::float8
             from pg_class
             where relkind = 'r' and relnamespace = 'public'::regnamespace",
        )
        .fetch_one(&mut connection)
        .await?;
        Ok(Sizes {
            queue: row.try_get(0)?,
            queue_indexes: row.try_get(1)?,
            tables: row.try_get(2)?,
            indexes: row.try_get(3)?,
        })
    }

    pub async fn stop(self) {
        if let Some((postgres, _directory)) = self.own {
            postgres.stop().await;
        }
    }

    fn at(&self, database: &str) -> PgConnectOptions {
        self.options.clone().database(database)
    }
}

async fn counts_statements(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let is_loaded = sqlx::query_scalar(
        "select current_setting('shared_preload_libraries') like '%pg_stat_statements%'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if is_loaded {
        connection
            .execute("create extension if not exists pg_stat_statements")
            .await?;
    }
    Ok(is_loaded)
}

async fn embedded(
    parameters: &[(String, String)],
) -> Result<(EmbeddedPostgres, TempDir), Box<dyn Error>> {
    let path = std::env::var_os("PATH");
    // Where we are root, the server's own user has to get in.
    let directory = tempfile::Builder::new()
        .permissions(Permissions::from_mode(0o755))
        .tempdir()?;
    let counting = ("shared_preload_libraries", "pg_stat_statements");
    let mut settings = EmbeddedSettings {
        search_path: path,
        parameters: parameters.to_vec(),
        ..EmbeddedSettings::in_directory(directory.path().join("postgres"))
    };
    let (name, value) = counting;
    settings
        .parameters
        .push((name.to_owned(), value.to_owned()));
    if let Ok(postgres) = EmbeddedPostgres::start(&settings).await {
        return Ok((postgres, directory));
    }
    // Some distributions have it in a package of its own.
    settings.parameters.pop();
    Ok((EmbeddedPostgres::start(&settings).await?, directory))
}
