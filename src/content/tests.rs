use proptest::prelude::*;
use serde_json::{Value, json};

use super::document::{Fault, Place};
use super::members::{Members, from_stored, stored};
use super::read;
use super::rules::{ContentLimits, Writer};
use super::testing::{LIMITS, any_content};
use crate::values::{Content, ContentKind, MediaId};

const MEDIUM: &str = "genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6";

/// Reads a message that carries its type.
fn read(message: &Value, writer: Writer, limits: ContentLimits) -> Result<Content, Vec<Fault>> {
    let kind = ContentKind::from_word(message["type"].as_str().unwrap()).unwrap();
    let mut faults = Vec::new();
    let place = Place::root(message);
    let object = place.object(&mut faults).unwrap();
    let content = read::content(kind, &object, &limits.of(writer), &mut faults);
    content.map_err(|_| faults)
}

/// A message with everything that it says.
fn message(content: &Content, link: &dyn Fn(MediaId) -> String) -> Value {
    let mut message = serde_json::to_value(Members::of(content, link)).unwrap();
    message["type"] = json!(content.kind().as_str());
    message
}

/// The vendor's example, with an attachment.
fn email() -> Value {
    json!({
        "type": "Email",
        "subject": "Subject",
        "content": [
            { "type": "text", "text": "Plain text email body" },
            { "type": "html", "text": "Html email body" },
            { "type": "attachment", "url": MEDIUM, "mime": "application/pdf", "filename": "terms.pdf" },
        ],
    })
}

fn rich_media() -> Value {
    json!({
        "type": "RichMedia",
        "text": "Look!",
        "content": [
            { "type": "image", "url": MEDIUM },
            { "type": "file", "url": "https://company.com/terms.pdf", "filename": "terms.pdf" },
        ],
    })
}

/// The message with one member changed, given by a JSON pointer.
fn changed(mut message: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = message.pointer_mut(parent).unwrap();
    match name.parse::<usize>() {
        Ok(index) => parent[index] = value,
        Err(_) => parent[name] = value,
    }
    message
}

/// Path and reason code of every fault.
fn faults(message: &Value, writer: Writer) -> Vec<(String, u16)> {
    let faults = read(message, writer, LIMITS).unwrap_err();
    let named = |fault: Fault| (fault.path, fault.reason.code());
    faults.into_iter().map(named).collect()
}

#[test]
fn what_was_read_is_written_as_it_came() {
    for printed in [
        email(),
        rich_media(),
        json!({ "type": "Text", "text": "Hi" }),
    ] {
        for writer in [Writer::Consumer, Writer::ContactCentre] {
            let content = read(&printed, writer, LIMITS).unwrap();
            assert_eq!(message(&content, &MediaId::reference), printed);
        }
    }
}

#[test]
fn an_uploaded_medium_is_written_as_the_link_that_is_made_for_it() {
    let link = |medium: MediaId| format!("https://gateway.company.com/media/{medium}");
    let linked = json!("https://gateway.company.com/media/bb4a9f86-dbbb-4464-a669-650da94fbad6");
    let content = read(&email(), Writer::Consumer, LIMITS).unwrap();
    let expected = changed(email(), "/content/2/url", linked.clone());
    assert_eq!(message(&content, &link), expected);
    let content = read(&rich_media(), Writer::Consumer, LIMITS).unwrap();
    let expected = changed(rich_media(), "/content/0/url", linked);
    assert_eq!(message(&content, &link), expected);
}

#[test]
fn the_stored_form_stays_what_it_is() {
    let content = read(&email(), Writer::Consumer, LIMITS).unwrap();
    insta::assert_snapshot!(stored(&content), @r#"{"subject":"Subject","content":[{"type":"text","text":"Plain text email body"},{"type":"html","text":"Html email body"},{"type":"attachment","url":"genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6","mime":"application/pdf","filename":"terms.pdf"}]}"#);
    let content = read(&rich_media(), Writer::Consumer, LIMITS).unwrap();
    insta::assert_snapshot!(stored(&content), @r#"{"text":"Look!","content":[{"type":"image","url":"genesys://nexus/bb4a9f86-dbbb-4464-a669-650da94fbad6"},{"type":"file","url":"https://company.com/terms.pdf","filename":"terms.pdf"}]}"#);
    assert_eq!(stored(&Content::Text("Hi".to_owned())), "Hi");
}

#[test]
fn what_cannot_be_read_back_is_no_content() {
    for (kind, text) in [
        ("Fax", "Hi"),
        ("Email", "Hi"),
        ("Email", r#"{"content":[]}"#),
        (
            "Email",
            r#"{"subject":"","content":[{"type":"image","url":"https://a/"}]}"#,
        ),
        (
            "RichMedia",
            r#"{"content":[{"type":"image","url":"data:,"}]}"#,
        ),
        ("RichMedia", r#"{"content":[{"type":"text","text":"Hi"}]}"#),
    ] {
        assert_eq!(from_stored(kind, text.to_owned()), None, "{kind} {text}");
    }
}

#[test]
fn what_nobody_could_read_is_refused_whoever_wrote_it() {
    let (list, url, part) = ("/content", "/content/2/url", "/content/0/type");
    let cases = [
        ("/subject", json!(null), "/subject", 520),
        ("/subject", json!(["a"]), "/subject", 520),
        ("/subject", json!("x".repeat(999)), "/subject", 520),
        (list, json!(null), list, 520),
        (list, json!("Hello"), list, 520),
        (list, json!([]), list, 520),
        (
            list,
            json!(vec![email()["content"][0].clone(); 51]),
            list,
            520,
        ),
        ("/content/0", json!("Hello"), "/content/0", 520),
        (part, json!("image"), part, 510),
        (part, json!("TEXT"), part, 510),
        (part, json!(null), part, 520),
        ("/content/1/text", json!(null), "/content/1/text", 520),
        ("/content/1/text", json!({}), "/content/1/text", 520),
        (url, json!(null), url, 520),
        (url, json!("terms.pdf"), url, 520),
        (url, json!("https://a:b@company.com/"), url, 520),
        ("/content/2/mime", json!(1), "/content/2/mime", 520),
        (
            "/content/2/mime",
            json!("x".repeat(256)),
            "/content/2/mime",
            520,
        ),
        (
            "/content/2/filename",
            json!("a\r\nb"),
            "/content/2/filename",
            520,
        ),
    ];
    for writer in [Writer::Consumer, Writer::ContactCentre] {
        for (pointer, value, path, code) in &cases {
            let message = changed(email(), pointer, value.clone());
            assert_eq!(
                faults(&message, writer),
                [((*path).to_owned(), *code)],
                "{pointer} {value}"
            );
        }
        let message = changed(rich_media(), "/content/1/type", json!("attachment"));
        assert_eq!(
            faults(&message, writer),
            [("/content/1/type".to_owned(), 510)]
        );
    }
}

#[test]
fn every_fault_is_named() {
    let mut worst = changed(email(), "/subject", json!(1));
    worst = changed(worst, "/content/0/type", json!("fax"));
    worst = changed(worst, "/content/2/url", json!(1));
    worst = changed(worst, "/content/2/mime", json!(1));
    let named = [
        ("/subject", 520),
        ("/content/0/type", 510),
        ("/content/2/url", 520),
        ("/content/2/mime", 520),
    ];
    let named = named.map(|(path, code)| (path.to_owned(), code));
    assert_eq!(faults(&worst, Writer::Consumer), named);
    assert_eq!(faults(&worst, Writer::ContactCentre), named);
}

#[test]
fn what_is_sent_says_something_and_nothing_that_would_be_lost() {
    let text = json!({ "type": "Text", "text": "Hi" });
    let two_texts = json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]);
    let cases = [
        (changed(text.clone(), "/text", json!("")), "/text"),
        (changed(text.clone(), "/subject", json!("Hi")), "/subject"),
        (changed(text, "/content", json!([])), "/content"),
        (changed(email(), "/text", json!("Hi")), "/text"),
        (changed(email(), "/subject", json!(" ")), "/subject"),
        (
            changed(email(), "/subject", json!("a\r\nBcc: b@c.d")),
            "/subject",
        ),
        (changed(email(), "/content", two_texts), "/content"),
        (
            changed(email(), "/content", json!([email()["content"][2]])),
            "/content",
        ),
        (
            changed(email(), "/content/0/text", json!("")),
            "/content/0/text",
        ),
        (
            changed(email(), "/content/0/html", json!("x")),
            "/content/0",
        ),
        (
            changed(email(), "/content/2/text", json!("x")),
            "/content/2",
        ),
        (changed(rich_media(), "/subject", json!("Hi")), "/subject"),
        (changed(rich_media(), "/text", json!("")), "/text"),
        (
            changed(rich_media(), "/content/0/colour", json!("red")),
            "/content/0",
        ),
    ];
    for (message, path) in cases {
        assert_eq!(
            faults(&message, Writer::ContactCentre),
            [(path.to_owned(), 520)],
            "{message}"
        );
        assert!(
            read(&message, Writer::Consumer, LIMITS).is_ok(),
            "{message}"
        );
    }
}

#[test]
fn how_much_a_message_says_has_a_limit() {
    let says = email()["content"][0]["text"].as_str().unwrap().len()
        + email()["content"][1]["text"].as_str().unwrap().len()
        + "Subjectapplication/pdfterms.pdf".len();
    let limits = |bytes_max, parts_max| ContentLimits {
        parts_max,
        bytes_max,
    };
    assert!(read(&email(), Writer::Consumer, limits(says, 3)).is_ok());
    let too_long = read(&email(), Writer::Consumer, limits(says - 1, 3)).unwrap_err();
    assert_eq!((too_long.len(), too_long[0].path.as_str()), (1, ""));
    let too_many = read(&email(), Writer::Consumer, limits(says, 2)).unwrap_err();
    assert_eq!((too_many.len(), too_many[0].path.as_str()), (1, "/content"));
}

#[test]
fn printing_a_content_shows_nothing_of_it() {
    for message in [email(), rich_media()] {
        let content = read(&message, Writer::Consumer, LIMITS).unwrap();
        let printed = format!("{content:?}");
        assert!(
            !printed.contains("terms") && !printed.contains("Look") && !printed.contains("body")
        );
    }
}

proptest! {
    #[test]
    fn what_was_stored_is_read_back(content in any_content()) {
        let read = from_stored(content.kind().as_str(), stored(&content).into_owned());
        prop_assert_eq!(read, Some(content));
    }

    #[test]
    fn what_is_written_reads_back_as_what_it_was(content in any_content()) {
        let written = message(&content, &MediaId::reference);
        prop_assert_eq!(read(&written, Writer::Consumer, LIMITS), Ok(content));
    }

    #[test]
    fn the_same_content_is_written_in_the_same_bytes(content in any_content()) {
        let write = |content: &Content| serde_json::to_string(&Members::of(content, &MediaId::reference)).unwrap();
        prop_assert_eq!(write(&content), write(&content.clone()));
    }

    #[test]
    fn two_contents_are_stored_alike_only_if_they_are_the_same(one in any_content(), other in any_content()) {
        let alike = one.kind() == other.kind() && stored(&one) == stored(&other);
        prop_assert_eq!(alike, one == other);
    }
}
