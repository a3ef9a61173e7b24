//! Start, stop, and a server that ends under us.

use std::fs;

use nexus_gateway::platform::database::embedded::{Durability, EmbeddedPostgres, EmbeddedSettings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};

use crate::embedded::owner::{
    PATIENCE, note_a_start, open_directory, processes_on, settings, start,
};
use crate::harness::eventually::eventually;

#[tokio::test]
async fn data_survives_a_stop_and_a_start() {
    let directory = open_directory();
    let first = start(directory.path()).await;
    assert_eq!(note_a_start(&first).await, 1);
    first.checkpoint().await.unwrap();
    first.stop().await;
    assert!(processes_on(directory.path()).is_empty());

    let second = start(directory.path()).await;
    assert_eq!(note_a_start(&second).await, 2);
    second.stop().await;
}

#[tokio::test]
async fn only_a_cluster_of_tests_gives_up_durability() {
    for (durability, expected) in [(Durability::Full, "on"), (Durability::None, "off")] {
        let directory = open_directory();
        let settings = EmbeddedSettings {
            durability,
            ..settings(directory.path())
        };
        let postgres = EmbeddedPostgres::start(&settings).await.unwrap();
        let mut connection = PgConnection::connect_with(&postgres.connect_options("nexus_gateway"))
            .await
            .unwrap();
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            let value = sqlx::query_scalar::<_, String>("select current_setting($1)").bind(name);
            assert_eq!(
                value.fetch_one(&mut connection).await.unwrap(),
                expected,
                "{name}"
            );
        }
        assert_eq!(postgres.notice().is_some(), durability == Durability::Full);
        drop(connection);
        postgres.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_is_killed_is_noticed_and_can_be_started_again() {
    let directory = open_directory();
    let postgres = start(directory.path()).await;
    assert_eq!(note_a_start(&postgres).await, 1);
    let exited = postgres.exited();
    kill(Pid::from_raw(postgres.process_id()), Signal::SIGKILL).unwrap();
    exited.await;
    drop(postgres);

    let again = start(directory.path()).await;
    assert_eq!(note_a_start(&again).await, 2);
    again.stop().await;
}

#[tokio::test]
async fn a_server_that_is_dropped_is_stopped_by_its_guard() {
    let directory = open_directory();
    let postgres = start(directory.path()).await;
    drop(postgres);
    eventually("no process is left", PATIENCE, async || {
        processes_on(directory.path()).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_start_of_a_server_that_cannot_run_says_why_and_leaves_nothing_running() {
    let directory = open_directory();
    let parameters = vec![("shared_buffers".to_owned(), "nonsense".to_owned())];
    let settings = EmbeddedSettings {
        parameters,
        ..settings(directory.path())
    };
    let refused = EmbeddedPostgres::start(&settings)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains(r#"invalid value for parameter "shared_buffers""#),
        "{refused}"
    );
    assert_eq!(refused.lines().count(), 1);
    assert!(processes_on(directory.path()).is_empty());
}

#[tokio::test]
async fn a_second_start_in_the_same_directory_says_that_it_is_in_use() {
    let directory = open_directory();
    let first = start(directory.path()).await;
    let refused = EmbeddedPostgres::start(&settings(directory.path()))
        .await
        .unwrap_err()
        .to_string();
    let place = directory.path().canonicalize().unwrap();
    assert_eq!(
        refused,
        format!(
            "the database directory {} is in use by another gateway (process {})",
            place.display(),
            std::process::id()
        )
    );
    assert_eq!(note_a_start(&first).await, 1);
    first.stop().await;
}

#[tokio::test]
async fn a_process_id_that_was_given_anew_does_not_keep_the_server_from_starting() {
    let directory = open_directory();
    let postgres = start(directory.path()).await;
    let left = directory.path().join("postgres/postmaster.pid");
    let file = fs::read_to_string(&left).unwrap();
    let (_, rest) = file.split_once('\n').unwrap();
    let file = format!("{}\n{rest}", std::process::id());
    postgres.stop().await;
    fs::write(&left, file).unwrap();

    let again = start(directory.path()).await;
    again.stop().await;
}
