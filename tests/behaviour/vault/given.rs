//! Where the master key comes from, and what becomes of a wrong one.

use super::{NEW_KEY, ONLY_NEW, Site, stops};
use crate::harness::gateway::MASTER_KEY;
use crate::harness::tenant::CONSUMER;

#[tokio::test]
async fn a_wrong_master_key_refuses_to_start_in_one_line_that_names_both_and_shows_neither() {
    let site = Site::new().await;
    drop(site.serves(&[]).await);
    let said = site.refuses_to_serve(&ONLY_NEW);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.contains("are sealed with the master key") && said.contains("which is not configured"),
        "{said}"
    );
    for key in [MASTER_KEY, NEW_KEY] {
        assert!(!said.contains(key), "{said}");
    }
    // It has left nothing that would keep the right one out.
    drop(site.serves(&[]).await);
}

/// The database of an earlier release has no register.
#[tokio::test]
async fn a_wrong_master_key_is_refused_where_none_was_registered_yet() {
    let site = Site::new().await;
    let server = site.serves(&[]).await;
    site.tenant(&server).await;
    stops(server).await;
    let mut database = site.connect().await;
    sqlx::query("delete from master_keys")
        .execute(&mut database)
        .await
        .unwrap();
    let said = site.refuses_to_serve(&ONLY_NEW);
    assert!(said.contains("no register of master keys yet"), "{said}");
    drop(site.serves(&[]).await);
}

#[tokio::test]
async fn no_master_key_and_one_that_is_none_refuse_to_start() {
    let site = Site::new().await;
    let said = site.refuses_to_serve(&[("SECURITY__MASTER_KEY", "")]);
    assert!(
        said.contains("security.master_key_file is not set"),
        "{said}"
    );
    let short = [("SECURITY__MASTER_KEY", "aHVudGVyMg==")];
    let said = site.refuses_to_serve(&short);
    assert!(said.contains("has 7 bytes instead of 32"), "{said}");
    assert!(!said.contains("aHVudGVyMg"), "{said}");
}

#[tokio::test]
async fn a_master_key_comes_from_a_file_or_a_program_as_well() {
    let site = Site::new().await;
    let server = site.serves(&[]).await;
    let tenant = site.tenant(&server).await;
    stops(server).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("key");
    std::fs::write(&file, format!("{MASTER_KEY}\n")).unwrap();
    let path = file.to_str().unwrap();
    let program = format!("cat,{path}");
    for given in [
        ("SECURITY__MASTER_KEY_FILE", path),
        ("SECURITY__MASTER_KEY_COMMAND", &program),
    ] {
        let server = site.serves(&[("SECURITY__MASTER_KEY", ""), given]).await;
        let tenant = tenant.at(&server.url);
        let id = tenant.send(CONSUMER, given.0).await;
        tenant.wait_for_status(&id, "Sent").await;
        stops(server).await;
    }
    std::fs::remove_file(&file).unwrap();
    let fails = [
        ("SECURITY__MASTER_KEY", ""),
        ("SECURITY__MASTER_KEY_COMMAND", program.as_str()),
    ];
    let said = site.refuses_to_serve(&fails);
    assert!(
        said.contains("security.master_key_command names a program that failed"),
        "{said}"
    );
    assert!(!said.contains("No such file"), "{said}");
}
