//! Parts of files, for players and for downloads that go on where they broke off.

use nexus_gateway::simulator::Reply;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderName};
use serde_json::{Value, json};

use super::{png, send, upload};
use crate::harness::TestGateway;
use crate::harness::tenant::Tenant;

/// More than two rows of 256 KiB.
const LENGTH: usize = 600_000;

async fn ask(
    tenant: &Tenant,
    method: Method,
    file: &Value,
    headers: &[(&'static str, &str)],
) -> Reply {
    let mut all = HeaderMap::new();
    all.insert("x-api-key", tenant.key.parse().unwrap());
    all.insert("x-ccid", tenant.ccid.to_string().parse().unwrap());
    for (name, value) in headers {
        all.append(HeaderName::from_static(name), value.parse().unwrap());
    }
    let media_id = file["mediaId"].as_str().unwrap();
    let url = format!("{}/nexus/v3/media/{media_id}", tenant.base_url);
    send(method, &url, all, Vec::new()).await
}

async fn get(tenant: &Tenant, file: &Value, headers: &[(&'static str, &str)]) -> Reply {
    ask(tenant, Method::GET, file, headers).await
}

#[tokio::test]
async fn a_range_is_answered_with_that_part_and_where_it_lies() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, LENGTH).await;
    let whole = png(LENGTH);
    for (range, first, last) in [
        ("bytes=0-1", 0, 1),
        ("bytes=0-", 0, 599_999),
        ("bytes=262143-262144", 262_143, 262_144),
        ("bytes=100-524288", 100, 524_288),
        ("bytes=262144-524287", 262_144, 524_287),
        ("bytes=-1", 599_999, 599_999),
        ("bytes=599999-9999999", 599_999, 599_999),
    ] {
        let reply = get(&tenant, &file, &[("range", range)]).await;
        assert_eq!(reply.status, 206, "{range}");
        assert!(
            reply.body == whole[first..=last],
            "{range}: the bytes differ"
        );
        let place = format!("bytes {first}-{last}/{LENGTH}");
        let length = (last - first + 1).to_string();
        for (name, value) in [
            ("content-range", place.as_str()),
            ("content-length", &length),
            ("content-type", "image/png"),
            ("accept-ranges", "bytes"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{range}");
        }
    }
}

#[tokio::test]
async fn only_the_rows_that_are_asked_for_are_read() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, LENGTH).await;
    sqlx::query("delete from media_chunks where number <> 1")
        .execute(&mut gateway.connect().await)
        .await
        .unwrap();

    let reply = get(&tenant, &file, &[("range", "bytes=262144-262153")]).await;

    assert_eq!(reply.status, 206);
    assert_eq!(reply.body, png(LENGTH)[262_144..262_154]);
}

#[tokio::test]
async fn a_range_behind_the_end_is_refused_with_the_length() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, 100).await;
    for range in ["bytes=100-", "bytes=-0"] {
        let reply = get(&tenant, &file, &[("range", range)]).await;
        assert_eq!(reply.status, 416, "{range}");
        assert_eq!(reply.json()["status"]["code"], 416);
        assert_eq!(reply.header("content-range"), Some("bytes */100"));
    }
}

#[tokio::test]
async fn several_ranges_and_what_is_none_are_answered_with_the_whole_file() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, 100).await;
    let twice = [("range", "bytes=0-1"), ("range", "bytes=2-3")];
    let mut asked: Vec<&[_]> = vec![&twice];
    let odd =
        ["bytes=0-1,3-4", "lines=0-1", "bytes=9-1", "bytes=x"].map(|range| [("range", range)]);
    asked.extend(odd.iter().map(<[_; 1]>::as_slice));
    for headers in asked {
        let reply = get(&tenant, &file, headers).await;
        assert_eq!(
            (reply.status, reply.header("content-range")),
            (200, None),
            "{headers:?}"
        );
        assert_eq!(reply.body, png(100), "{headers:?}");
    }
}

#[tokio::test]
async fn a_download_goes_on_only_with_the_file_it_began_with() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, 100).await;
    let tag = get(&tenant, &file, &[])
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    assert_eq!(
        json!(tag),
        json!(format!("\"{}\"", file["mediaId"].as_str().unwrap()))
    );

    let range = ("range", "bytes=50-");
    let same = get(&tenant, &file, &[range, ("if-range", &tag)]).await;
    let other = get(&tenant, &file, &[range, ("if-range", "\"another\"")]).await;
    let known = get(
        &tenant,
        &file,
        &[("range", "bytes=500-"), ("if-none-match", &tag)],
    )
    .await;

    assert_eq!((same.status, same.body.len()), (206, 50));
    assert_eq!((other.status, other.body.len()), (200, 100));
    assert_eq!((known.status, known.body.len()), (304, 0));
    assert_eq!(known.header("etag"), Some(tag.as_str()));
}

#[tokio::test]
async fn head_says_how_long_a_file_is_and_that_it_comes_in_parts() {
    let gateway = TestGateway::start().await;
    let tenant = gateway.tenant().await;
    let file = upload(&tenant, LENGTH).await;
    for headers in [&[][..], &[("range", "bytes=0-1")]] {
        let reply = ask(&tenant, Method::HEAD, &file, headers).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0));
        assert_eq!(reply.header("content-length"), Some("600000"));
        assert_eq!(reply.header("accept-ranges"), Some("bytes"));
        assert!(reply.header("etag").is_some());
    }
}
