//! The chain of records: every one gets its place within a second, and whatever is done to one is found.

use std::sync::Arc;
use std::time::Duration;

use nexus_gateway::audit::chain::Link;
use nexus_gateway::audit::verify::{Fault, Report, verify};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::harness::TestGateway;
use crate::harness::eventually::eventually;
use crate::harness::gateway::{TestDatabase, database};
use crate::harness::server::{self, Server};
use crate::harness::tenant::SOON;

/// Statements that undo each other have to be one.
async fn execute(database: &mut PgConnection, statements: &str) {
    sqlx::raw_sql(AssertSqlSafe(statements.to_owned()))
        .execute(database)
        .await
        .unwrap();
}

async fn checked(database: &mut PgConnection, anchor: Option<Link>) -> Report {
    verify(database, anchor).await.unwrap()
}

/// Waits until every record has its place.
async fn all_chained(database: &mut PgConnection) -> Report {
    eventually("every record is chained", SOON, async || {
        let report = checked(database, None).await;
        (report.unchained == 0).then_some(report)
    })
    .await
}

/// A database with a chain of some records at which nobody works any more.
async fn chain_at_rest() -> (Arc<TestDatabase>, PgConnection, Report) {
    let gateway = TestGateway::start().await;
    let at_rest = Arc::clone(&gateway.database);
    let mut database = gateway.connect().await;
    let records = "insert into audit (ccid, author, key_id, key_name, source, action, object_id, changed)
        select gen_random_uuid(), 0, gen_random_uuid(), 'operations', '192.0.2.1', 'suppression.saved', number::text,
               array['reason']
        from generate_series(1, 25) as number";
    execute(&mut database, records).await;
    all_chained(&mut database).await;
    gateway.stop().await;
    execute(
        &mut database,
        "create table kept as table audit; create table ends as table audit_chain",
    )
    .await;
    let report = checked(&mut database, None).await;
    assert!(
        report.faults.is_empty() && report.records > 20,
        "{report:?}"
    );
    (at_rest, database, report)
}

/// What is found after these statements, and everything as it was again.
async fn found_after(database: &mut PgConnection, statements: &str) -> Vec<Fault> {
    execute(database, statements).await;
    let found = checked(database, None).await.faults;
    let restore = "truncate audit, audit_chain;
        insert into audit overriding system value select * from kept;
        insert into audit_chain select * from ends";
    execute(database, restore).await;
    assert_eq!(checked(database, None).await.faults, []);
    found
}

async fn id_at(database: &mut PgConnection, place: i64) -> i64 {
    sqlx::query_scalar("select id from audit where place = $1")
        .bind(place)
        .fetch_one(database)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_record_has_its_place_in_the_chain_within_a_second() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let mut database = gateway.connect().await;
    let report = all_chained(&mut database).await;
    assert_eq!(report.faults, []);
    let shown = super::records(&tenant, "limit=500").await;
    assert!(
        shown
            .iter()
            .all(|record| record["hash"].as_str().unwrap().len() == 64)
    );
}

#[tokio::test]
async fn a_record_that_was_changed_is_found_whatever_of_it_was() {
    let (_at_rest, mut database, _) = chain_at_rest().await;
    let id = id_at(&mut database, 9).await;
    for change in [
        "ccid = null",
        "at = at + 1",
        "author = 2, key_id = null, key_name = null",
        "key_id = gen_random_uuid()",
        "key_name = 'somebody else'",
        "source = '198.51.100.1'",
        "source = null",
        "action = 'suppression.removed'",
        "object_id = 'another'",
        "changed = array['expiresAt']",
        "hash = sha256('forged')",
    ] {
        let found = found_after(
            &mut database,
            &format!("update audit set {change} where place = 9"),
        )
        .await;
        // With another hash the record behind it does not fit either.
        assert_eq!(found[0], Fault::Changed { place: 9, id }, "{change}");
        assert!(found.len() <= 2, "{change}: {found:?}");
    }
}

#[tokio::test]
async fn records_that_were_removed_are_found_at_either_end_too() {
    let (_at_rest, mut database, report) = chain_at_rest().await;
    let end = report.head.place;
    let last = |first| vec![Fault::Removed { first, last: end }];
    for (removed, expected) in [
        ("place = 9", vec![Fault::Removed { first: 9, last: 9 }]),
        (
            "place in (9, 10, 15)",
            vec![
                Fault::Removed { first: 9, last: 10 },
                Fault::Removed {
                    first: 15,
                    last: 15,
                },
            ],
        ),
        ("place <= 3", vec![Fault::Removed { first: 1, last: 3 }]),
        ("true", last(1)),
    ] {
        let found = found_after(&mut database, &format!("delete from audit where {removed}")).await;
        assert_eq!(found, expected, "{removed}");
    }
    let tail = format!("delete from audit where place > {}", end - 4);
    assert_eq!(found_after(&mut database, &tail).await, last(end - 3));
    // A record that is taken out of the chain as if it were new has left its place.
    let unchained = "update audit set place = null, hash = null where place = 9";
    assert_eq!(
        found_after(&mut database, unchained).await,
        [Fault::Removed { first: 9, last: 9 }]
    );
}

#[tokio::test]
async fn records_that_were_moved_are_found_and_told_where_they_belong() {
    let (_at_rest, mut database, _) = chain_at_rest().await;
    for (one, other) in [(9_i64, 10_i64), (9, 15)] {
        let (first, second) = (
            id_at(&mut database, one).await,
            id_at(&mut database, other).await,
        );
        let swap = format!(
            "update audit set place = -1 where place = {one};
             update audit set place = {one} where place = {other};
             update audit set place = {other} where place = -1"
        );
        let expected = [
            Fault::Moved {
                place: one,
                id: second,
                from: other,
            },
            Fault::Moved {
                place: other,
                id: first,
                from: one,
            },
        ];
        assert_eq!(
            found_after(&mut database, &swap).await,
            expected,
            "with their hashes"
        );
        let without_hashes = format!(
            "{swap};
             update audit a set hash = k.hash from kept k where k.place = a.place"
        );
        assert_eq!(found_after(&mut database, &without_hashes).await, expected);
    }
}

#[tokio::test]
async fn a_chain_that_was_cut_off_and_closed_again_is_found_by_an_anchor_from_before() {
    let (_at_rest, mut database, report) = chain_at_rest().await;
    let (anchor, end) = (report.head, report.head.place - 5);
    execute(
        &mut database,
        &format!(
            "delete from audit where place > {end};
             update audit_chain set head_place = {end}, head_hash = (select hash from audit where place = {end})"
        ),
    )
    .await;
    assert_eq!(checked(&mut database, None).await.faults, []);
    let found = checked(&mut database, Some(anchor)).await.faults;
    assert_eq!(
        found,
        [Fault::AnchorGone {
            place: anchor.place,
            end
        }]
    );
    let other: Link = format!("{end}:{}", "0".repeat(64)).parse().unwrap();
    let found = checked(&mut database, Some(other)).await.faults;
    assert_eq!(found, [Fault::AnchorDiffers { place: end }]);
}

#[tokio::test]
async fn the_command_says_which_record_it_is_and_gives_an_anchor() {
    let (at_rest, mut database, report) = chain_at_rest().await;
    let url = at_rest.handle.url();
    let whole = server::run(&url, &["audit", "verify"]);
    let said = String::from_utf8(whole.stdout).unwrap();
    assert!(whole.status.success(), "{said}");
    let anchor = said
        .lines()
        .last()
        .unwrap()
        .strip_prefix("anchor ")
        .unwrap();
    assert_eq!(anchor.parse(), Ok(report.head));
    let id = id_at(&mut database, 9).await;
    execute(
        &mut database,
        "update audit set source = null where place = 9",
    )
    .await;
    let broken = server::run(&url, &["audit", "verify", "--anchor", anchor]);
    let said = String::from_utf8(broken.stdout).unwrap();
    assert_eq!(broken.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with(&format!("record {id} at place 9 was changed")),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_left_after_old_records_were_dropped_is_still_verified() {
    let database = database().await;
    let url = database.handle.url();
    let mut connection = PgConnection::connect_with(&database.handle.connect_options())
        .await
        .unwrap();
    let old = "insert into audit (at, author, action, object_id, changed)
        select number, 2, 'hold.begun', 'restore', '{}' from generate_series(1, 2500) as number";
    execute(&mut connection, old).await;
    let server = Server::start(&url, &[("RETENTION__AUDIT_DAYS", "1")]).await;
    let report = eventually("old records are dropped", SOON, async || {
        let report = checked(&mut connection, None).await;
        (report.cut.place == 2_500 && report.unchained == 0).then_some(report)
    })
    .await;
    assert_eq!(report.faults, []);
    let anchor: (String, String) =
        sqlx::query_as("select object_id, action from audit where action = 'audit.dropped'")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!(
        anchor.0.parse(),
        Ok(report.cut),
        "the drop itself is on record"
    );
    let before: Link = format!("17:{}", "0".repeat(64)).parse().unwrap();
    let dropped = checked(&mut connection, Some(before)).await;
    assert!(dropped.faults.is_empty() && dropped.anchor_dropped);
    drop(server);
    let found = {
        execute(&mut connection, "delete from audit where place = 2501").await;
        checked(&mut connection, None).await.faults
    };
    assert_eq!(
        found[0],
        Fault::Removed {
            first: 2_501,
            last: 2_501
        }
    );
    tokio::time::timeout(Duration::from_secs(10), connection.close())
        .await
        .unwrap()
        .unwrap();
}
