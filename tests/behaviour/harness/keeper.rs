//! The process that runs the tests' cluster, drops databases that nobody needs any more, and ends when the last
//! client has been gone for a while.

use std::fs::{self, File};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use nexus_gateway::platform::database::embedded::{Durability, EmbeddedPostgres, EmbeddedSettings};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::select;
use tokio::time::{Instant, interval};

use super::cluster::{Run, maker_of};
use super::process::{ignored_test, lives};
use super::room;

const RUN_NAME: &str = "NEXUS_GATEWAY_TEST_RUN";
const RUN_LINGER_MILLISECONDS: &str = "NEXUS_GATEWAY_TEST_RUN_LINGER_MILLISECONDS";

/// What a run of this project's tests may need; speed over everything else.
const PARAMETERS: &[(&str, &str)] = &[
    ("max_connections", "300"),
    ("max_wal_size", "4GB"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    // Goes with the data, also when the server is killed.
    ("dynamic_shared_memory_type", "mmap"),
];

/// Starts the keeper of `run`. It outlives us.
pub(super) fn spawn(run: &Run) -> Child {
    let log = File::create(run.log()).expect("the target folder can be written to");
    let mut command = ignored_test(concat!(module_path!(), "::keeps_the_cluster_of_a_run"));
    command.env(RUN_NAME, &run.name);
    command.env(RUN_LINGER_MILLISECONDS, run.linger.as_millis().to_string());
    command.stderr(log);
    command.spawn().expect("the test binary can be run again")
}

#[test]
#[ignore = "not a test: attaching to the cluster runs this as a process of its own"]
fn keeps_the_cluster_of_a_run() {
    let variable = |name| std::env::var_os(name).and_then(|value| value.into_string().ok());
    let (Some(name), Some(linger)) = (variable(RUN_NAME), variable(RUN_LINGER_MILLISECONDS)) else {
        return;
    };
    let linger = Duration::from_millis(linger.parse().expect("the time to linger is a number"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(keep(&Run { name, linger }));
}

async fn keep(run: &Run) {
    let directory = room::shared(&run.name);
    let postgres = start(&directory).await;
    let options = postgres.connect_options("postgres");
    let mut connection = PgConnection::connect_with(&options)
        .await
        .expect("the cluster answers");
    drop_databases(run, &mut connection).await;
    publish(run, options.to_url_lossy().as_str());

    let exited = postgres.exited();
    tokio::pin!(exited);
    let mut tick = interval(Duration::from_millis(250));
    let mut client_seen = Instant::now();
    let decision = loop {
        select! {
            // Whoever comes next finds it gone and starts a keeper.
            () = &mut exited => return,
            _ = tick.tick() => {}
        }
        drop_databases(run, &mut connection).await;
        if has_clients(run) {
            client_seen = Instant::now();
        } else if client_seen.elapsed() >= run.linger {
            // While this is held nobody becomes a client.
            let decision = run.decision();
            if decision.try_lock().is_ok() && !has_clients(run) {
                break decision;
            }
        }
    };
    let _removed = fs::remove_file(run.address());
    drop(connection);
    let directory = postgres.directory().to_path_buf();
    postgres.stop().await;
    fs::remove_dir_all(directory).expect("the cluster can be removed");
    drop(decision);
}

async fn start(directory: &Path) -> EmbeddedPostgres {
    let parameters = PARAMETERS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings = EmbeddedSettings {
        durability: Durability::None,
        search_path: std::env::var_os("PATH"),
        parameters: parameters.collect(),
        ..EmbeddedSettings::in_directory(directory)
    };
    if let Ok(postgres) = EmbeddedPostgres::start(&settings).await {
        return postgres;
    }
    // Without fsync a crash of the machine may have broken an earlier run's data, which nobody needs.
    let _removed = fs::remove_dir_all(directory);
    EmbeddedPostgres::start(&settings)
        .await
        .expect("the tests' cluster starts")
}

fn publish(run: &Run, url: &str) {
    let written = run.address().with_extension("written");
    fs::write(&written, url)
        .and_then(|()| fs::rename(&written, run.address()))
        .expect("the address can be written");
}

fn has_clients(run: &Run) -> bool {
    let clients = run.clients();
    // Let go at once, by the end of this function.
    clients.try_lock().is_err()
}

/// Drops the databases that were marked as dropped, and those whose process is gone.
async fn drop_databases(run: &Run, connection: &mut PgConnection) {
    let listed = sqlx::query_scalar::<_, String>(
        "select datname from pg_database where datname like 'test\\_%'",
    );
    let Ok(names) = listed.fetch_all(&mut *connection).await else {
        return;
    };
    for name in names {
        let mark = run.dropped().join(&name);
        if mark.exists() || maker_of(&name).is_some_and(|maker| !lives(maker)) {
            let drop = format!(r#"drop database if exists "{name}" with (force)"#);
            // What cannot be dropped at this moment is dropped at the next tick.
            if sqlx::query(AssertSqlSafe(drop))
                .execute(&mut *connection)
                .await
                .is_ok()
            {
                let _unmarked = fs::remove_file(mark);
            }
        }
    }
}
