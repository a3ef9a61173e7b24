//! Every POST of our own takes an `Idempotency-Key`.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use super::Attack;
use super::caller::Caller;
use super::door::{Credentials, Door, Manner, Takes};
use super::doors::doors;
use super::law::Answer;
use super::site::Site;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Every POST of our own that is taken as the table has it, the upload of an application among them.
fn posts(site: &Site) -> Vec<Door> {
    let all = doors(&site.objects)
        .into_iter()
        .map(|door| match door.takes {
            Takes::File => Door {
                credentials: Credentials::Key,
                manner: Manner::Own,
                ..door
            },
            Takes::Nothing | Takes::Json(_) | Takes::Form(_) => door,
        });
    all.filter(|door| door.method == Method::POST && door.manner == Manner::Own)
        .filter(|door| door.answers[0] < 300)
        .collect()
}

/// The same call, saying something else.
fn otherwise(door: &Door, call: &Attack) -> Attack {
    let mut other = call.clone();
    match door.takes {
        Takes::Nothing => other.path.push_str("?other"),
        Takes::Json(_) => other.body = [&call.body, &b" "[..]].concat().into(),
        Takes::Form(_) => other.body = [&call.body, &b"&other=1"[..]].concat().into(),
        Takes::File => other.body = replaced(&call.body, b"the rest", b"the test"),
    }
    other
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Bytes {
    let mut windows = bytes.windows(old.len());
    let at = windows.position(|window| window == old).unwrap();
    [&bytes[..at], new, &bytes[at + old.len()..]]
        .concat()
        .into()
}

async fn ask(
    site: &Site,
    caller: &mut Caller,
    door: &Door,
    (key, call): (&str, &Attack),
) -> Answer {
    let mut headers = site.headers(door, &call.body);
    headers.insert(KEY, HeaderValue::from_str(key).unwrap());
    let answered = caller.call(
        (call.method.clone(), &call.path),
        headers,
        call.body.clone(),
    );
    answered.await.unwrap()
}

#[tokio::test]
async fn every_post_of_our_own_is_done_once_under_its_key() {
    let site = Site::open().await;
    let mut caller = Caller::new(&site.gateway.url());
    let posts = posts(&site);
    assert!(posts.len() >= 12, "only {} of them", posts.len());
    for (number, door) in posts.iter().enumerate() {
        let (key, call) = (format!("call-{number}"), door.valid());
        let name = door.template;

        let first = ask(&site, &mut caller, door, (&key, &call)).await;
        let rows = site.rows().await;
        let again = ask(&site, &mut caller, door, (&key, &call)).await;
        let other = otherwise(door, &call);
        let other = ask(&site, &mut caller, door, (&key, &other)).await;

        assert!(door.answers.contains(&first.status), "{name}: {first:?}");
        assert_eq!(
            (again.status, &again.body),
            (first.status, &first.body),
            "{name}"
        );
        assert_eq!(other.status, 422, "{name}: {other:?}");
        assert_eq!(site.rows().await, rows, "{name} did something again");
    }
}
