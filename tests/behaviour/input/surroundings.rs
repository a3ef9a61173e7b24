//! Everything that can be done to a call around its body: its path, its query, its headers, its method.

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};

use super::Attack;
use super::door::{Credentials, Door, Manner, Takes};

/// Segments that lead elsewhere, or nowhere.
const SEGMENTS: [&str; 18] = [
    "%2e%2e",
    "..",
    ".",
    "%2e%2e%2f%2e%2e%2fhealth%2flive",
    "%00",
    "a%00b",
    "%ff",
    "%c0%ae",
    "%ed%a0%80",
    "%",
    "%zz",
    "%25",
    "%3f",
    "",
    "-1",
    "9223372036854775807",
    "99999999999999999999",
    "9999999999999-4194304",
];
/// Values that hardly any parameter has.
const VALUES: [&str; 18] = [
    "9223372036854775807",
    "9999999999999-4194303",
    "7fffffff.7fffffffffffffff.7fffffffffffffff",
    "9999-12-31T23:59:59Z",
    "",
    "%00",
    "%ff",
    "%ed%a0%80",
    "%",
    "%zz",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "-9223372036854775808",
    "%22%27%3b--",
    "0000-01-01T00:00:00Z",
    "%E2%80%AE",
];

/// All calls that can be made by leaving the body as it is.
pub fn attacks(door: &Door) -> Vec<Attack> {
    let mut all = paths(door);
    all.extend(queries(door));
    all.extend(headers(door));
    if !matches!(door.takes, Takes::Nothing) {
        all.extend(content_types(door));
    }
    if matches!(door.takes, Takes::File) {
        all.extend(forms(door));
    }
    for method in ["OPTIONS", "TRACE", "BREW"] {
        all.push(Attack {
            what: format!("the method is {method}"),
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            answers: Some(vec![405]),
            ..door.valid()
        });
    }
    all
}

fn paths(door: &Door) -> Vec<Attack> {
    let mut made = Vec::new();
    let segments: Vec<&str> = door.path.split('/').collect();
    for (at, name) in door.template.split('/').enumerate().skip(1) {
        for segment in SEGMENTS.into_iter().chain([long_segment().as_str()]) {
            let mut segments = segments.clone();
            segments[at] = segment;
            let named: String = segment.chars().take(30).collect();
            made.push((
                format!("{name} in the path is {named:?}"),
                segments.join("/"),
            ));
        }
    }
    let path = &door.path;
    made.extend([
        ("a slash follows".to_owned(), format!("{path}/")),
        ("a segment follows".to_owned(), format!("{path}/x")),
        (
            "the path begins with two slashes".to_owned(),
            format!("/{path}"),
        ),
        ("the path is in capitals".to_owned(), path.to_uppercase()),
        ("the path is encoded".to_owned(), encoded(path)),
        (
            "a matrix parameter follows".to_owned(),
            format!("{path};a=b"),
        ),
    ]);
    let attack = |(what, path)| Attack {
        what,
        path,
        answers: None,
        ..door.valid()
    };
    made.into_iter().map(attack).collect()
}

fn long_segment() -> String {
    "x".repeat(8_000)
}

/// Every letter as its escape.
fn encoded(path: &str) -> String {
    let letters = path.chars().map(|letter| match letter {
        '/' => "/".to_owned(),
        letter => format!("%{:02X}", u32::from(letter)),
    });
    letters.collect()
}

fn queries(door: &Door) -> Vec<Attack> {
    let pairs: Vec<&str> = door
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .collect();
    let mut made = Vec::new();
    let knows_some = !pairs.is_empty();
    // Who asks for no parameters does not look at them; whose parameters are part of a link is told nothing about them.
    // Providers say more than is asked for.
    let strict =
        knows_some && door.manner == Manner::Own && door.template != "/nexus/v3/media/{mediaId}";
    for query in [
        "unknown=1",
        "%00=1",
        "%ff=%ff",
        "a=%",
        "&&&",
        "=",
        "limit[]=1",
    ] {
        made.push((
            query.to_owned(),
            (strict && query.starts_with("unknown")).then(|| vec![422]),
        ));
    }
    for (at, pair) in pairs.iter().enumerate() {
        let (name, value) = pair.split_once('=').unwrap();
        for value in VALUES.into_iter().chain([long_segment().as_str()]) {
            let mut pairs = pairs.clone();
            let changed = format!("{name}={value}");
            pairs[at] = &changed;
            made.push((pairs.join("&"), None));
            // Alone, so that no other parameter narrows what it does.
            made.push((changed, None));
        }
        let twice = format!("{}&{name}={value}", pairs.join("&"));
        made.push((twice, strict.then(|| vec![422])));
    }
    let attack = |(query, answers): (String, _)| Attack {
        what: format!(
            "the query is {:?}",
            query.chars().take(200).collect::<String>()
        ),
        path: format!("{}?{query}", door.path),
        answers,
        ..door.valid()
    };
    made.into_iter().map(attack).collect()
}

fn headers(door: &Door) -> Vec<Attack> {
    let odd: [&[u8]; 6] = [
        b"",
        b"x",
        b"\xff\xfe",
        b"a b\tc",
        &[b'9'; 300],
        b"{\"a\":1}",
    ];
    let mut made: Vec<(HeaderName, Vec<HeaderValue>, Option<Vec<u16>>)> = Vec::new();
    let identity = match door.credentials {
        Credentials::Key | Credentials::Operator => vec!["x-api-key", "x-ccid"],
        Credentials::Signature => vec!["x-hub-signature", "x-ccid"],
        Credentials::Agents => vec!["x-hub-signature-256"],
        Credentials::Basic => vec!["authorization"],
        Credentials::Nobody | Credentials::Address | Credentials::Link => Vec::new(),
    };
    for name in identity {
        let name = HeaderName::from_static(name);
        let is_key = name != "x-ccid" || door.credentials == Credentials::Signature;
        let answers = is_key.then(|| vec![401]);
        for value in odd {
            made.push((name.clone(), vec![header(value)], answers.clone()));
        }
        made.push((name.clone(), Vec::new(), None));
        made.push((name, vec![header(b"x"), header(b"y")], answers));
    }
    for name in [
        "x-request-id",
        "x-b3-traceid",
        "traceparent",
        "b3",
        "accept",
        "expect",
        "range",
        "if-match",
    ] {
        for value in odd {
            made.push((HeaderName::from_static(name), vec![header(value)], None));
        }
    }
    if door.method == Method::POST && door.manner == Manner::Own {
        let name = HeaderName::from_static("idempotency-key");
        for value in [&b""[..], b"\xff", b"a b", &[b'k'; 256]] {
            made.push((name.clone(), vec![header(value)], Some(vec![400, 422])));
        }
        made.push((name, vec![header(b"a"), header(b"b")], Some(vec![400, 422])));
    }
    made.push((ACCEPT, vec![header(b"text/event-stream")], None));
    made.into_iter()
        .map(|(name, values, answers)| with_header(door, name, values, answers))
        .collect()
}

fn content_types(door: &Door) -> Vec<Attack> {
    let mut made = Vec::new();
    let is_json = matches!(door.takes, Takes::Json(_));
    // A signature vouches for the bytes, and a PUT that may be empty takes them as they are.
    let looks = is_json
        && door.manner == Manner::Own
        && door.template != "/nexus/v3/suppressions/{channelId}/{address}";
    for value in [
        "",
        "text/plain",
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "json",
        "\u{ff}",
    ] {
        made.push((
            CONTENT_TYPE,
            vec![header(value.as_bytes())],
            looks.then(|| vec![415]),
        ));
    }
    made.push((CONTENT_TYPE, Vec::new(), looks.then(|| vec![415])));
    made.push((
        CONTENT_TYPE,
        vec![header(b"application/json; charset=utf-16")],
        None,
    ));
    for value in [
        &b"gzip"[..],
        b"br",
        b"deflate, identity",
        b"x",
        b"",
        b"\xff",
    ] {
        made.push((CONTENT_ENCODING, vec![header(value)], Some(vec![415])));
    }
    made.into_iter()
        .map(|(name, values, answers)| with_header(door, name, values, answers))
        .collect()
}

/// A form that ends early, or says something else than it should.
fn forms(door: &Door) -> Vec<Attack> {
    let valid = door.valid().body;
    let text = String::from_utf8_lossy(&valid).into_owned();
    let mut bodies: Vec<(String, Bytes)> = (1..valid.len())
        .step_by(5)
        .map(|end| {
            (
                format!("the form ends before byte {end}"),
                valid.slice(..end),
            )
        })
        .collect();
    for (what, from, to) in [
        ("the part has no name", "name=\"file\"; ", ""),
        (
            "the part has another name",
            "name=\"file\"",
            "name=\"other\"",
        ),
        ("the file has no name", "; filename=\"a.png\"", ""),
        ("the file's name is a path", "a.png", "../../etc/passwd"),
        ("the file's name has no end", "a.png\"", "a.png"),
        ("the file's name is very long", "a.png", &"a".repeat(10_000)),
        ("the file's name is a direction", "a.png", "\u{202e}gnp.a"),
        ("the file is of no kind", "image/png", ""),
        ("the file is of another kind", "image/png", "text/html"),
        ("the head has no end", "\r\n\r\n", "\r\n"),
        ("the boundary is another", "--simulated", "--other"),
    ] {
        bodies.push((what.to_owned(), text.replace(from, to).into()));
    }
    let attack = |(what, body)| Attack {
        what,
        body,
        answers: None,
        ..door.valid()
    };
    bodies.into_iter().map(attack).collect()
}

fn with_header(
    door: &Door,
    name: HeaderName,
    values: Vec<HeaderValue>,
    answers: Option<Vec<u16>>,
) -> Attack {
    Attack {
        what: format!("{name} is {values:?}"),
        headers: vec![(name, values)],
        answers,
        ..door.valid()
    }
}

fn header(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap()
}
