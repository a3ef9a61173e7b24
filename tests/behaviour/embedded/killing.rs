//! Whatever kills the gateway, no server is left, and the next start works however soon it comes.

use std::path::Path;
use std::time::Duration;

use nexus_gateway::platform::database::embedded::EmbeddedPostgres;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection, PgConnection};
use tokio::time::{sleep, timeout};

use crate::embedded::owner::{
    Owner, PATIENCE, guard_of, note_a_start, open_directory, processes_on, settings, start,
};
use crate::harness::eventually::eventually;

async fn nothing_is_left_on(directory: &Path) {
    // The guard gives the server 2 s for an orderly end, and 7 s more on a machine that is very busy.
    let within = Duration::from_secs(9);
    eventually("no process is left", within, async || {
        processes_on(directory).is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_leaves_no_server() {
    let directory = open_directory();
    let mut owner = Owner::spawn(directory.path());
    owner.ready().await;
    assert!(!processes_on(directory.path()).is_empty());
    owner.kill_9();
    nothing_is_left_on(directory.path()).await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_with_its_whole_group_leaves_no_server() {
    for signal in [Signal::SIGKILL, Signal::SIGINT, Signal::SIGHUP] {
        let directory = open_directory();
        let mut owner = Owner::spawn(directory.path());
        owner.ready().await;
        owner.signal_group(signal);
        nothing_is_left_on(directory.path()).await;
    }
}

#[tokio::test]
async fn a_restart_at_once_and_half_a_second_after_a_kill_finds_all_data() {
    let directory = open_directory();
    for (starts, pause) in [
        (1, Duration::ZERO),
        (2, Duration::ZERO),
        (3, Duration::from_millis(500)),
    ] {
        // The pause is what is tested, not a wait for anything.
        sleep(pause).await;
        let mut owner = Owner::spawn(directory.path());
        assert_eq!(owner.ready().await, starts);
        owner.kill_9();
    }
    nothing_is_left_on(directory.path()).await;
}

#[tokio::test]
async fn a_server_whose_guard_was_killed_too_is_stopped_by_the_next_start() {
    let directory = open_directory();
    let mut owner = Owner::spawn(directory.path());
    owner.ready().await;
    kill(Pid::from_raw(guard_of(owner.id())), Signal::SIGKILL).unwrap();
    owner.kill_9();
    assert!(!processes_on(directory.path()).is_empty());

    let postgres = start(directory.path()).await;
    assert_eq!(note_a_start(&postgres).await, 2);
    postgres.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_while_it_makes_its_data_can_be_started_again() {
    let directory = open_directory();
    let owner = Owner::spawn(directory.path());
    eventually("the data is being made", PATIENCE, async || {
        let entries = std::fs::read_dir(directory.path()).unwrap().flatten();
        let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .any(|name| name.starts_with("postgres.unfinished"))
            .then_some(())
    })
    .await;
    owner.kill_9();

    let postgres = start(directory.path()).await;
    assert_eq!(note_a_start(&postgres).await, 1);
    postgres.stop().await;
    let entries = std::fs::read_dir(directory.path()).unwrap().flatten();
    assert!(
        entries
            .into_iter()
            .all(|entry| !entry.file_name().to_string_lossy().contains("unfinished"))
    );
}

#[tokio::test]
async fn a_gateway_that_is_killed_at_any_moment_of_its_start_leaves_no_server() {
    let directory = open_directory();
    // The data is there, so that every moment is one of the server's start.
    start(directory.path()).await.stop().await;
    for milliseconds in (0..400).step_by(50) {
        let owner = Owner::spawn(directory.path());
        // The moment is what is tested, not a wait for anything.
        sleep(Duration::from_millis(milliseconds)).await;
        owner.kill_9();
        nothing_is_left_on(directory.path()).await;
    }
}

#[tokio::test]
async fn a_start_waits_for_the_last_process_of_an_earlier_server() {
    let directory = open_directory();
    let first = start(directory.path()).await;
    assert_eq!(note_a_start(&first).await, 1);
    let options = first.connect_options("nexus_gateway");
    let mut connection = PgConnection::connect_with(&options).await.unwrap();
    let backend = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut connection)
        .await;
    let backend = Pid::from_raw(backend.unwrap());
    kill(backend, Signal::SIGSTOP).unwrap();
    let exited = first.exited();
    kill(Pid::from_raw(first.process_id()), Signal::SIGKILL).unwrap();
    exited.await;
    drop(first);

    // The frozen process could still write to the data.
    let settings = settings(directory.path());
    let too_early = timeout(Duration::from_secs(1), EmbeddedPostgres::start(&settings)).await;
    assert!(too_early.is_err());
    kill(backend, Signal::SIGCONT).unwrap();
    let second = start(directory.path()).await;
    assert_eq!(note_a_start(&second).await, 2);
    second.stop().await;
}
