//! Each table has one owner, and only the owner's SQL names it.

use std::collections::BTreeSet;

use crate::sources::{Source, files};

/// Every table of the migrations with the module that owns it.
const OWNERS: &[(&str, &str)] = &[
    ("replicas", "lanes"),
    ("lives", "lanes"),
    ("lanes", "lanes"),
    ("deliveries", "lanes"),
    ("tasks", "lanes"),
    ("statistics", "statistics"),
    ("statistics_deltas", "statistics"),
    ("cancellations", "lanes"),
    ("restore_hold", "lanes"),
    ("directory", "provisioning"),
    ("tenants", "provisioning"),
    ("services", "provisioning"),
    ("senders", "provisioning"),
    ("api_keys", "auth"),
    ("audit", "audit"),
    ("audit_chain", "audit"),
    ("inbound_keys", "messages"),
    ("messages", "messages"),
    ("message_states", "messages"),
    ("dead_letters", "messages"),
    ("replays", "replays"),
    ("erasures", "erasures"),
    ("erased_subjects", "erasures"),
    ("erased_files", "erasures"),
    ("history", "history"),
    ("provider_ids", "receipts"),
    ("parked_receipts", "receipts"),
    ("conversations", "conversations"),
    ("media", "media"),
    ("media_chunks", "media"),
    ("suppressions", "suppressions"),
    ("suppression_key", "suppressions"),
    ("feed", "history"),
    ("followers", "history"),
    ("idempotency_keys", "platform"),
    ("master_keys", "platform"),
];

/// Statements that name several owners' tables: each is one because it has to be one.
const SHARED: &[(&str, &str)] = &[
    // What is acknowledged is stored in one commit: message, delivery, event, conversation, and what a keyword changes. The
    // check of suppressions sees what the message is stored with, and nothing is stored under a life that has ended. Like
    // the other two it says in the same breath by how much the statistics change, so that those are exact.
    (
        "src/messages/sql/accept.sql",
        "messages inbound_keys conversations deliveries lanes lives history suppressions statistics_deltas",
    ),
    // The result of an attempt is one fact: the delivery goes or waits, the message has its status, history its entry.
    // None of it is written by an owner that was declared dead.
    (
        "src/dispatch/sql/finish.sql",
        "deliveries lanes lives message_states history provider_ids dead_letters statistics_deltas",
    ),
    // A receipt leaves its parking place, raises the status and is kept, all or nothing.
    (
        "src/receipts/sql/apply.sql",
        "parked_receipts provider_ids messages message_states history statistics_deltas",
    ),
    // The tick is the one statement that every replica sends seven times in a lease, so it also shows what replicas
    // would else ask for one by one: a change is in force everywhere within a tick, and nobody polls.
    (
        "src/lanes/store/replicas.rs",
        "replicas lives lanes cancellations directory restore_hold audit",
    ),
];

/// Files that hold SQL beside those named `store`.
const SQL_ELSEWHERE: &str = "src/platform/database/";

#[test]
fn every_table_of_the_migrations_has_an_owner() {
    let made: BTreeSet<String> = files("migrations", "sql")
        .iter()
        .flat_map(|source| names_after(&source.text, "create table"))
        .collect();
    let owned: BTreeSet<String> = OWNERS
        .iter()
        .map(|(table, _)| (*table).to_owned())
        .collect();
    assert_eq!(made, owned);
}

#[test]
fn sql_is_only_in_stores() {
    for source in files("src", "rs") {
        let may =
            source.names().any(|name| name == "store") || source.path.starts_with(SQL_ELSEWHERE);
        assert!(
            may || !source.code().contains("sqlx::query"),
            "{} has SQL and is no store",
            source.path
        );
    }
    for source in files("src", "sql") {
        assert!(
            SHARED.iter().any(|(path, _)| *path == source.path),
            "{} is not among the shared statements",
            source.path
        );
    }
}

#[test]
fn a_table_is_named_only_by_its_owner() {
    let mut named = BTreeSet::new();
    for source in files("src", "rs").iter().chain(&files("src", "sql")) {
        for table in tables(source) {
            let owner = OWNERS
                .iter()
                .find(|(name, _)| *name == table)
                .map(|(_, owner)| *owner);
            let shared = SHARED.iter().find(|(path, _)| *path == source.path);
            let allowed = match shared {
                Some((_, tables)) => tables.split(' ').any(|name| name == table),
                None => owner == Some(source.module()),
            };
            assert!(
                allowed,
                "{} names {table}, which is {}'s",
                source.path,
                owner.unwrap()
            );
            named.insert((source.path.clone(), table));
        }
    }
    for (path, tables) in SHARED {
        for table in tables.split(' ') {
            let use_of_it = ((*path).to_owned(), table.to_owned());
            assert!(named.contains(&use_of_it), "{path} no longer names {table}");
        }
    }
    for (table, _) in OWNERS {
        assert!(
            named.iter().any(|(_, name)| name == table),
            "nobody uses {table}"
        );
    }
}

/// The tables that a file's SQL reads or writes.
fn tables(source: &Source) -> BTreeSet<String> {
    let is_sql = source.path.contains("/sql/");
    if !is_sql && !source.code().contains("sqlx::query") {
        return BTreeSet::new();
    }
    let text = source.code();
    ["from", "join", "into", "update", "using", "table"]
        .iter()
        .flat_map(|word| names_after(&text, word))
        .filter(|name| OWNERS.iter().any(|(table, _)| table == name))
        .collect()
}

/// The words that follow `word` in a text.
fn names_after(text: &str, word: &str) -> Vec<String> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word)
        .filter(|(at, _)| !text[..*at].ends_with(is_part))
        .filter_map(|(at, _)| {
            let rest = &text[at + word.len()..];
            let trimmed = rest.trim_start();
            (trimmed.len() < rest.len()).then(|| {
                trimmed
                    .chars()
                    .take_while(|character| is_part(*character))
                    .collect()
            })
        })
        .collect()
}
