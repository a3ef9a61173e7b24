//! Which directory, which programs, which user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

use nexus_gateway::platform::database::embedded::{EmbeddedPostgres, EmbeddedSettings};
use nix::unistd::{User, geteuid};
use tempfile::tempdir;

use crate::embedded::owner::{
    Owner, PATIENCE, note_a_start, open_directory, processes_on, settings, start,
};
use crate::harness::eventually::eventually;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn data_of_another_version_is_refused_in_one_line_that_says_what_to_install() {
    let directory = open_directory();
    let cluster = directory.path().join("postgres");
    fs::create_dir(&cluster).unwrap();
    fs::write(cluster.join("PG_VERSION"), "99\n").unwrap();
    let refused = EmbeddedPostgres::start(&settings(directory.path()))
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("was made by Postgres 99"), "{refused}");
    assert!(refused.ends_with("install Postgres 99"), "{refused}");
    assert_eq!(refused.lines().count(), 1);
}

#[tokio::test]
async fn a_directory_without_programs_is_refused_in_one_line() {
    let directory = open_directory();
    let binaries_directory = Some(directory.path().to_path_buf());
    let settings = EmbeddedSettings {
        binaries_directory,
        ..settings(&directory.path().join("data"))
    };
    let refused = EmbeddedPostgres::start(&settings)
        .await
        .unwrap_err()
        .to_string();
    let expected = format!(
        "{} holds no Postgres: `postgres` and `initdb` are expected there",
        directory.path().display()
    );
    assert_eq!(refused, expected);
}

#[tokio::test]
async fn a_directory_too_deep_for_a_socket_works_and_its_stand_in_is_removed() {
    let directory = open_directory();
    let deep = directory
        .path()
        .join("a-directory-with-a-long-name/".repeat(5));
    let postgres = start(&deep).await;
    assert_eq!(note_a_start(&postgres).await, 1);
    let sockets = postgres
        .connect_options("postgres")
        .get_socket()
        .cloned()
        .unwrap();
    assert_eq!(fs::metadata(&sockets).unwrap().mode() & 0o777, 0o700);
    postgres.stop().await;
    assert!(!sockets.exists());
}

#[tokio::test]
async fn a_directory_with_spaces_and_quotes_in_its_name_works() {
    let directory = open_directory();
    let odd = directory.path().join("it's, \"odd\" data");
    let postgres = start(&odd).await;
    assert_eq!(note_a_start(&postgres).await, 1);
    postgres.stop().await;
}

#[tokio::test]
async fn nobody_else_can_enter_the_directory_of_the_socket() {
    let directory = open_directory();
    let postgres = start(directory.path()).await;
    let sockets = postgres
        .connect_options("postgres")
        .get_socket()
        .cloned()
        .unwrap();
    assert_eq!(fs::metadata(&sockets).unwrap().mode() & 0o777, 0o700);
    postgres.stop().await;
}

#[tokio::test]
async fn in_a_home_that_is_closed_to_others_roots_data_goes_elsewhere_and_stays_there() {
    if !geteuid().is_root() {
        return;
    }
    let home = tempdir().unwrap();
    set_mode(home.path(), 0o700);
    let asked = home.path().join("data");
    let first = start(&asked).await;
    let used = first.directory().to_path_buf();
    assert!(
        used.starts_with("/var/lib/nexus-gateway"),
        "{}",
        used.display()
    );
    let notice = first.notice().unwrap();
    assert!(notice.contains(&*used.to_string_lossy()), "{notice}");
    assert!(
        notice.contains(&*format!(
            "It is not in {}",
            asked.canonicalize().unwrap().display()
        )),
        "{notice}"
    );
    assert_eq!(note_a_start(&first).await, 1);
    first.stop().await;

    // Once the home is opened the data must not seem to have vanished.
    set_mode(home.path(), 0o755);
    let second = start(&asked).await;
    assert_eq!(note_a_start(&second).await, 2);
    second.stop().await;
    fs::remove_dir_all(used).unwrap();
}

#[tokio::test]
async fn data_that_was_closed_off_later_is_refused_rather_than_begun_anew() {
    if !geteuid().is_root() {
        return;
    }
    let home = open_directory();
    let asked = home.path().join("data");
    start(&asked).await.stop().await;
    set_mode(home.path(), 0o700);
    let refused = EmbeddedPostgres::start(&settings(&asked))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.ends_with("let that user enter every directory above it"),
        "{refused}"
    );
}

#[tokio::test]
async fn an_ordinary_user_owns_a_server_and_root_goes_on_with_that_users_data() {
    let Some(nobody) = User::from_name("nobody")
        .unwrap()
        .filter(|_| geteuid().is_root())
    else {
        return;
    };
    let home = open_directory();
    let program = home.path().join("gateway");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let directory = home.path().join("data");
    fs::create_dir(&directory).unwrap();
    chown(
        &directory,
        Some(nobody.uid.as_raw()),
        Some(nobody.gid.as_raw()),
    )
    .unwrap();
    set_mode(&directory, 0o700);

    let mut owner = Owner::spawn_as("nobody", &program, &directory);
    assert_eq!(owner.ready().await, 1);
    assert_eq!(
        fs::metadata(directory.join("postgres")).unwrap().uid(),
        nobody.uid.as_raw()
    );
    owner.kill_9();
    eventually("no process is left", PATIENCE, async || {
        processes_on(&directory).is_empty().then_some(())
    })
    .await;

    let postgres = start(&directory).await;
    assert_eq!(note_a_start(&postgres).await, 2);
    postgres.stop().await;
}

#[tokio::test]
async fn root_without_a_user_to_run_the_server_as_is_told_to_name_one() {
    if !geteuid().is_root() {
        return;
    }
    for (name, expected) in [
        ("no-such-user", "there is no user `no-such-user`"),
        ("root", "name another user than `root`"),
    ] {
        let directory = open_directory();
        let settings = EmbeddedSettings {
            system_user: Some(name.to_owned()),
            ..settings(directory.path())
        };
        let refused = EmbeddedPostgres::start(&settings)
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
