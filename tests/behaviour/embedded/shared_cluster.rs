//! The cluster that all tests of a run share.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};
use tempfile::tempdir;

use crate::embedded::owner::PATIENCE;
use crate::harness::cluster::{Cluster, Run, attach, attach_to};
use crate::harness::eventually::eventually;
use crate::harness::process::ignored_test;

const OUTPUT: &str = "NEXUS_GATEWAY_TEST_OUTPUT";
const RUN_NAME: &str = "NEXUS_GATEWAY_TEST_CLIENT_OF";

fn run(name: &str) -> Run {
    Run {
        name: name.to_owned(),
        linger: Duration::from_millis(500),
    }
}

/// A process that attaches to a run's cluster, makes a database, says both in `output`, and stays.
fn spawn_client(run: &str, output: &Path) -> Child {
    let mut command: Command =
        ignored_test(concat!(module_path!(), "::is_a_client_until_it_is_killed"));
    command
        .env(RUN_NAME, run)
        .env(OUTPUT, output)
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "not a test: others run this as a process of its own"]
fn is_a_client_until_it_is_killed() {
    let (Some(name), Some(output)) = (std::env::var_os(RUN_NAME), std::env::var_os(OUTPUT)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let cluster = attach_to(run(name.to_str().unwrap())).await;
        let database = cluster
            .create_database_from_template("template_of_clients", async |_options| {})
            .await;
        let output = PathBuf::from(output);
        let written = output.with_extension("written");
        fs::write(
            &written,
            format!("{} {}", started_at(&cluster).await, database.name),
        )
        .unwrap();
        fs::rename(written, output).unwrap();
        std::future::pending::<()>().await;
    });
}

/// Tells one start of a server from another.
async fn started_at(cluster: &Cluster) -> String {
    let mut connection = PgConnection::connect_with(&cluster.connect_options("postgres"))
        .await
        .unwrap();
    let statement = "select extract(epoch from pg_postmaster_start_time())::text";
    sqlx::query_scalar(statement)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

async fn database_exists(cluster: &Cluster, name: &str) -> bool {
    let mut connection = PgConnection::connect_with(&cluster.connect_options("postgres"))
        .await
        .unwrap();
    let found = sqlx::query("select 1 from pg_database where datname = $1").bind(name);
    found
        .fetch_optional(&mut connection)
        .await
        .unwrap()
        .is_some()
}

async fn server_process(cluster: &Cluster) -> i32 {
    let mut connection = PgConnection::connect_with(&cluster.connect_options("postgres"))
        .await
        .unwrap();
    let file = "select (string_to_array(pg_read_file('postmaster.pid'), e'\\n'))[1]::int";
    sqlx::query_scalar(file)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn twenty_processes_that_come_at_once_share_one_server_and_their_databases_go_with_them() {
    let folder = tempdir().unwrap();
    let outputs: Vec<PathBuf> = (0..20)
        .map(|number| folder.path().join(number.to_string()))
        .collect();
    let clients: Vec<Child> = outputs
        .iter()
        .map(|output| spawn_client("twenty", output))
        .collect();
    let mut said = Vec::new();
    for output in &outputs {
        let patience = Duration::from_mins(1);
        let line = eventually("a client is attached", patience, async || {
            fs::read_to_string(output).ok()
        })
        .await;
        said.push(
            line.split_once(' ')
                .map(|(start, database)| (start.to_owned(), database.to_owned()))
                .unwrap(),
        );
    }
    let cluster = attach_to(run("twenty")).await;
    let started = started_at(&cluster).await;
    assert!(said.iter().all(|(start, _)| *start == started), "{said:?}");

    for mut client in clients {
        client.kill().unwrap();
        client.wait().unwrap();
    }
    for (_, database) in said {
        eventually(
            "a killed process' database is dropped",
            PATIENCE,
            async || (!database_exists(&cluster, &database).await).then_some(()),
        )
        .await;
    }
}

#[tokio::test]
async fn the_cluster_ends_when_its_last_client_has_been_gone_for_a_while() {
    let cluster = attach_to(run("ends")).await;
    let options = cluster.connect_options("postgres");
    let server = server_process(&cluster).await;
    let socket = options.get_socket().cloned().unwrap();
    drop(cluster);
    eventually("the server ends", PATIENCE, async || {
        (!crate::harness::process::lives(server)).then_some(())
    })
    .await;
    eventually("its data is removed", PATIENCE, async || {
        (!socket.parent()?.exists()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_was_killed_is_replaced() {
    let first = attach_to(run("replaced")).await;
    let server = server_process(&first).await;
    let started = started_at(&first).await;
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    eventually("the server is gone", PATIENCE, async || {
        PgConnection::connect_with(&first.connect_options("postgres"))
            .await
            .err()
    })
    .await;

    let second = attach_to(run("replaced")).await;
    assert_ne!(started_at(&second).await, started);
}

#[tokio::test]
async fn a_template_is_migrated_once_and_every_database_begins_like_it() {
    let cluster = attach().await;
    let template = format!("template_{:016x}", rand::random::<u64>());
    let migrations = AtomicU32::new(0);
    let migrate = async |options: PgConnectOptions| {
        migrations.fetch_add(1, Ordering::SeqCst);
        let mut connection = PgConnection::connect_with(&options).await.unwrap();
        sqlx::query("create table migrated (n int)")
            .execute(&mut connection)
            .await
            .unwrap();
    };
    let (one, other) = tokio::join!(
        cluster.create_database_from_template(&template, migrate),
        cluster.create_database_from_template(&template, migrate),
    );
    assert_eq!(migrations.load(Ordering::SeqCst), 1);
    assert_ne!(one.name, other.name);

    let mut connection = PgConnection::connect_with(&one.connect_options())
        .await
        .unwrap();
    sqlx::query("insert into migrated values (1)")
        .execute(&mut connection)
        .await
        .unwrap();
    let mut connection = PgConnection::connect(&other.url()).await.unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from migrated")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(rows, 0);
}

#[tokio::test]
async fn a_database_goes_with_its_handle_even_while_someone_is_connected() {
    let cluster = attach().await;
    let database = cluster
        .create_database_from_template("template_of_handles", async |_options| {})
        .await;
    let name = database.name.clone();
    let _connected = PgConnection::connect_with(&database.connect_options())
        .await
        .unwrap();
    assert!(database_exists(&cluster, &name).await);
    drop(database);
    eventually("the database is dropped", PATIENCE, async || {
        (!database_exists(&cluster, &name).await).then_some(())
    })
    .await;
}
