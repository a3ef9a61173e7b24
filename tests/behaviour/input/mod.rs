//! Bad input: whatever is made of a call, it gets a refusal in the envelope, in time, and nothing of it is stored.
//!
//! The table of [`doors`] has every route with a valid call; the rest is generated from it.

mod bodies;
mod callbacks;
pub mod caller;
pub mod door;
pub mod doors;
mod examples;
mod keys;
pub mod law;
mod limits;
mod overload;
mod recorded;
mod routes;
pub mod site;
mod surroundings;
mod trial;
mod values;

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use reqwest::header::{HeaderName, HeaderValue};

/// One call that was made of a valid one.
#[derive(Debug, Clone)]
struct Attack {
    /// What was done, for whoever reads the failure.
    what: String,
    method: reqwest::Method,
    /// With its query.
    path: String,
    body: Bytes,
    /// These take the place of what a valid call would have under that name; none: the header is left out.
    headers: Vec<(HeaderName, Vec<HeaderValue>)>,
    /// The statuses that the contract leaves open; `None`: any 2xx or 4xx.
    answers: Option<Vec<u16>>,
}

/// All that can be done would take minutes, so each door gets so many of its attacks, the same each time.
const PER_DOOR: usize = 40;

#[tokio::test]
async fn every_route_answers_as_the_document_says() {
    let site = site::Site::open().await;
    let mut trial = trial::Trial::new(&site);
    for door in doors::doors(&site.objects) {
        trial.door(&door, Vec::new()).await;
    }
    trial.end();
}

#[tokio::test]
async fn whatever_is_made_of_a_third_party_s_body_is_refused_in_the_envelope_and_leaves_nothing() {
    bodies_at(door::Manner::ThirdParty).await;
}

#[tokio::test]
async fn whatever_is_made_of_a_body_of_our_own_is_refused_in_the_envelope_and_leaves_nothing() {
    bodies_at(door::Manner::Own).await;
}

#[tokio::test]
async fn whatever_is_made_of_a_path_a_query_or_a_header_is_refused_in_the_envelope_and_leaves_nothing()
 {
    let site = site::Site::open().await;
    let mut trial = trial::Trial::new(&site);
    for door in doors::doors(&site.objects) {
        trial.door(&door, drawn(surroundings::attacks(&door))).await;
    }
    assert!(trial.calls > 1_500, "only {} calls", trial.calls);
    trial.end();
}

async fn bodies_at(manner: door::Manner) {
    let site = site::Site::open().await;
    let mut trial = trial::Trial::new(&site);
    for door in doors::doors(&site.objects) {
        if door.manner == manner && door.json().is_some() {
            trial.door(&door, drawn(bodies::attacks(&door))).await;
        }
    }
    assert!(trial.calls > 400, "only {} calls", trial.calls);
    trial.end();
}

/// As many as are put to one door, from all over the list.
fn drawn(mut attacks: Vec<Attack>) -> Vec<Attack> {
    attacks.sort_by_cached_key(|attack| {
        // Without keys of its own it is the same in every process.
        let mut hasher = DefaultHasher::new();
        (&attack.what, &attack.path).hash(&mut hasher);
        hasher.finish()
    });
    attacks.truncate(PER_DOOR);
    attacks
}
