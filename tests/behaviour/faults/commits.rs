//! The answer to a commit is lost: the gateway cannot know whether it happened, and finds out.

use rand::RngExt;

use super::site::Site;

/// Messages are stored by one statement; where one of them repeats an earlier one, by several.
const ACCEPT: &str = "kept as (";
const REPEATS: &str = "COMMIT";
/// What attempts came to is stored by one statement.
const RESULTS: &str = "delete from deliveries d";
/// Receipts are, too; those whose message is not known yet by another.
const RECEIPTS: &str = "given as materialized";
const PARKING: &str = "insert into parked_receipts";

#[tokio::test]
async fn twenty_lost_answers_to_a_commit_lose_and_double_nothing() {
    answers_are_lost(&[ACCEPT, REPEATS].repeat(10)).await;
}

#[tokio::test]
async fn lost_answers_to_results_and_receipts_lose_and_double_nothing() {
    answers_are_lost(&[RESULTS, RECEIPTS, PARKING].repeat(5)).await;
}

#[tokio::test]
#[ignore = "minutes of lost answers; .ci/deep runs it"]
async fn a_long_row_of_lost_answers_loses_and_doubles_nothing() {
    answers_are_lost(&[ACCEPT, REPEATS, RESULTS, RECEIPTS, PARKING].repeat(100)).await;
}

async fn answers_are_lost(statements: &[&'static str]) {
    let (site, proxy) = Site::behind_a_proxy().await;
    for statement in statements {
        let messages = rand::rng().random_range(1..10);
        site.load.goes_on(messages).await;
        proxy.loses_the_answer_to(statement).await;
    }
    site.recovers().await;
    site.balances().await;
}

#[tokio::test]
async fn what_was_stored_just_before_an_outage_without_anybody_hearing_of_it_keeps_its_turn() {
    outages_behind_lost_answers(3).await;
}

#[tokio::test]
#[ignore = "minutes of outages; .ci/deep runs it"]
async fn a_long_row_of_outages_behind_lost_answers_loses_and_doubles_nothing() {
    outages_behind_lost_answers(60).await;
}

/// The commit is done, its answer is lost, and the store is away until whoever waits has been told that it is.
async fn outages_behind_lost_answers(count: usize) {
    let (site, proxy) = Site::behind_a_proxy().await;
    for _ in 0..count {
        let messages = rand::rng().random_range(1..10);
        site.load.goes_on(messages).await;
        proxy.loses_the_answer_and_closes(ACCEPT).await;
        site.is_not_ready().await;
        site.refuses_somebody().await;
        proxy.opens();
        site.recovers().await;
    }
    site.balances().await;
}
