//! Bodies of more than a MiB: refused by what they announce, or as soon as they are seen to be longer.

use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::door::{Door, Takes};
use super::doors::doors;
use super::site::Site;

const MIB: usize = 1024 * 1024;
/// Far beyond what a busy machine needs.
const LIVENESS: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_body_of_more_than_a_mib_is_refused_before_its_end() {
    // Otherwise a message may be longer for what it carries.
    let settings = [("MEDIA__MESSAGE_BODY_BYTES_MAX", "1048576")];
    let site = Site::open_with(&settings).await;
    let before = site.rows().await;
    let json = doors(&site.objects)
        .into_iter()
        .filter(|door| matches!(door.takes, Takes::Json(_)));
    for door in json {
        let announced = head(&site, &door, (CONTENT_LENGTH, HeaderValue::from(MIB + 1)));
        let answer = answer_to(&site, &[&announced]).await;
        assert_refused(&door, "announced", &answer);

        let chunked = head(
            &site,
            &door,
            (TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        );
        let chunk = [
            format!("{:x}\r\n", MIB + 1).as_bytes(),
            &vec![b' '; MIB + 1],
        ]
        .concat();
        let answer = answer_to(&site, &[&chunked, &chunk]).await;
        assert_refused(&door, "chunked", &answer);
    }
    assert_eq!(site.rows().await, before);
}

#[track_caller]
fn assert_refused(door: &Door, what: &str, answer: &str) {
    let template = door.template;
    assert!(
        answer.starts_with("HTTP/1.1 413 "),
        "{template} {what}: {answer}"
    );
    let head = answer.to_lowercase();
    for line in ["x-request-id: ", "connection: close", "\"code\":413"] {
        assert!(
            head.contains(line),
            "{template} {what}, no {line}: {answer}"
        );
    }
}

/// The head of a call whose body is of a length of its own.
fn head(site: &Site, door: &Door, length: (reqwest::header::HeaderName, HeaderValue)) -> Vec<u8> {
    let mut headers: HeaderMap = site.headers(door, b"");
    headers.insert(length.0, length.1);
    let mut head = format!(
        "{} {} HTTP/1.1\r\nhost: gateway\r\n",
        door.method, door.path
    )
    .into_bytes();
    for (name, value) in &headers {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// What is answered to these bytes until the gateway closes.
async fn answer_to(site: &Site, parts: &[&[u8]]) -> String {
    let url = site.gateway.url();
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())
        .await
        .unwrap();
    for part in parts {
        stream.write_all(part).await.unwrap();
    }
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(LIVENESS, stream.read_to_end(&mut answer)).await;
    reading
        .expect("an answer, and the end of the connection")
        .unwrap();
    String::from_utf8(answer).unwrap()
}
