//! Whose is whose: every operation of the document, called by everybody, in everybody's name, about everybody's things.
//!
//! A cell is one call of the table of [`crate::input::doors`] with an identity, the tenant in each place where a call
//! names it, agreeing and not, and things of one tenant, of another and of nobody. Refusals are made first and change
//! nothing; then what is allowed, which changes nothing of others and tells nothing of them.

mod agents;
mod aggregation;
mod api_keys;
mod by_header;
mod by_path;
mod call;
mod callbacks;
mod guessing;
mod open;
mod signed;
mod state;
mod walk;
mod who;
mod world;

use call::Call;
use walk::Walk;
use world::World;

use crate::harness::document::Operation;

#[tokio::test]
async fn who_names_its_tenant_in_a_header_reaches_that_tenant_and_no_other() {
    walked(by_header::calls, 4_000).await;
}

#[tokio::test]
async fn who_names_its_tenant_in_the_path_reaches_that_tenant_and_no_other() {
    walked(by_path::calls, 2_900).await;
}

#[tokio::test]
async fn keys_are_seen_made_and_changed_by_those_who_may_do_as_much_and_nobody_else() {
    walked(api_keys::calls, 1_000).await;
}

#[tokio::test]
async fn what_was_signed_for_one_tenant_is_taken_by_no_other() {
    walked(signed::calls, 500).await;
}

#[tokio::test]
async fn the_aggregation_service_hands_in_for_the_tenant_of_its_key_alone() {
    walked(aggregation::calls, 500).await;
}

#[tokio::test]
async fn a_provider_hands_in_at_the_address_of_one_tenant_for_that_tenant_alone() {
    walked(callbacks::calls, 50).await;
}

#[tokio::test]
async fn agents_elsewhere_speak_for_the_tenant_whose_service_they_sign_for() {
    walked(agents::calls, 100).await;
}

#[tokio::test]
async fn what_is_open_to_everybody_says_the_same_to_everybody() {
    walked(open::calls, 50).await;
}

/// Every row of the table is in one of these walks: with `routes.rs`, which holds the table against the document, an
/// operation that is added without a row fails.
#[tokio::test]
async fn every_operation_of_the_document_is_walked() {
    let world = World::open().await;
    let walks: [fn(&World) -> Vec<Call>; 8] = [
        by_header::calls,
        by_path::calls,
        api_keys::calls,
        signed::calls,
        aggregation::calls,
        callbacks::calls,
        agents::calls,
        open::calls,
    ];
    let walked: std::collections::BTreeSet<String> = walks
        .into_iter()
        .flat_map(|calls| calls(&world))
        .map(|call| call.operation)
        .collect();
    let operations: std::collections::BTreeSet<String> = world
        .document
        .operations()
        .iter()
        .map(Operation::name)
        .collect();
    assert_eq!(walked, operations);
}

async fn walked(calls: fn(&World) -> Vec<Call>, at_least: usize) {
    let world = Box::pin(World::open()).await;
    let calls = calls(&world);
    assert!(calls.len() >= at_least, "only {} calls", calls.len());
    Walk::new(&world).through(calls).await;
}
