use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn plain(text: &str) -> Words {
    Words::Plain(text.to_owned())
}

fn html(text: &str) -> Words {
    Words::Html(text.to_owned())
}

#[test]
fn a_mail_with_both_forms_and_files_is_taken_apart() {
    let bytes = "Return-Path: <jane@example.com>\r\n\
        From: =?UTF-8?B?SmFuZSBNw7xsbGVy?= <Jane@Example.com>\r\n\
        To: help@company.com\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n and more\r\nMessage-ID: <1@example.com>\r\n\
        MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"outer\"\r\n\r\nfor nobody\r\n\
        --outer\r\nContent-Type: multipart/alternative; boundary=inner\r\n\r\n\
        --inner\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        Gr=FC=DFe=\r\n!\r\n\
        --inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Gr\u{fc}\u{df}e!</p>\r\n--inner--\r\n\
        --outer\r\nContent-Type: application/pdf; name=old.pdf\r\nContent-Disposition: attachment;\r\n \
        filename*=UTF-8''%C3%9Cbersicht.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0x\r\nLjc=\r\n\
        --outer\r\nContent-Type: text/plain; name=notes.txt\r\n\r\nnotes\r\n--outer--\r\n";
    let mail = read(bytes.as_bytes()).unwrap();
    assert_eq!(mail.from.unwrap().as_str(), "Jane@example.com");
    assert_eq!(mail.from_name.as_deref(), Some("Jane M\u{fc}ller"));
    assert_eq!(mail.id.as_deref(), Some("1@example.com"));
    assert_eq!(mail.subject, "Gr\u{fc}\u{df}e and more");
    assert_eq!(
        mail.texts,
        [plain("Gr\u{fc}\u{df}e!"), html("<p>Gr\u{fc}\u{df}e!</p>")]
    );
    let [pdf, notes] = mail.attachments.try_into().unwrap();
    assert_eq!(pdf.name.as_deref(), Some("\u{dc}bersicht.pdf"));
    assert_eq!(pdf.declared.as_deref(), Some("application/pdf"));
    assert_eq!(pdf.bytes, b"%PDF-1.7");
    assert_eq!(
        (notes.name.as_deref(), &notes.bytes[..]),
        (Some("notes.txt"), &b"notes"[..])
    );
    assert!(!mail.is_automatic && !mail.is_cut);
}

#[test]
fn a_mail_without_any_mime_is_plain_text() {
    let mail = read(b"From: jane@example.com\n\nHello\nthere\n").unwrap();
    assert_eq!(mail.texts, [plain("Hello\nthere\n")]);
    assert_eq!(
        (mail.subject.as_str(), mail.id, mail.from_name),
        ("", None, None)
    );
}

#[test]
fn a_mail_within_a_mail_is_a_file_that_is_not_opened() {
    let bytes = b"From: jane@example.com\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\n\nSee below\n--b\nContent-Type: message/rfc822\n\nSubject: inner\n\nSTOP\n--b--\n";
    let mail = read(bytes).unwrap();
    assert_eq!(mail.texts, [plain("See below")]);
    assert_eq!(
        mail.attachments[0].declared.as_deref(),
        Some("message/rfc822")
    );
}

#[test]
fn what_programs_write_is_told_apart() {
    let automatic = |header: &str| {
        let bytes = format!("From: jane@example.com\n{header}\n\nI am away");
        read(bytes.as_bytes()).unwrap().is_automatic
    };
    for header in [
        "Auto-Submitted: auto-replied",
        "AUTO-SUBMITTED: Auto-Generated; owner-email=\"a@b.c\"",
        "Auto-Submitted:\n auto-notified",
        "Precedence: bulk",
        "Precedence: Auto_Reply",
        "Return-Path: <>",
        "List-Id: News <news.company.com>",
        "X-Autoreply: yes",
    ] {
        assert!(automatic(header), "{header}");
    }
    for header in [
        "Auto-Submitted: no",
        "Auto-Submitted: no (a person)",
        "Precedence: normal",
        "Return-Path: <jane@example.com>",
        "X-Auto-Response-Suppress: All",
    ] {
        assert!(!automatic(header), "{header}");
    }
}

#[test]
fn what_is_no_mail_is_refused() {
    assert_eq!(read(b"").unwrap_err(), NotAMail::Headless);
    assert_eq!(read(b"\n\nbody").unwrap_err(), NotAMail::Headless);
    let long = format!("Subject: {}\n\nbody", "x".repeat(HEAD_BYTES_MAX));
    assert_eq!(read(long.as_bytes()).unwrap_err(), NotAMail::LongHead);
}

/// Mails that would keep a reader busy, or let it go too deep.
#[test]
fn no_mail_takes_long_or_goes_deep() {
    let head = "From: jane@example.com\n";
    let part =
        |number: u32| format!("Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n");
    let nested: Vec<String> = std::iter::once(head.to_owned())
        .chain((0..20_000).map(part))
        .collect();
    let nested = nested.concat();
    let mails = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let many = "--b\n\nx\n".repeat(300_000);
    let attributes: Vec<String> = (0..5_000)
        .map(|number| format!(" a{number}*0=x;\n"))
        .collect();
    let attributes = attributes.concat();
    let missing = "--b\nContent-Type: multipart/x; boundary=none\n\n".repeat(40_000);
    let list = format!("{head}Content-Type: multipart/mixed; boundary=b\n\n");
    for bytes in [
        nested,
        format!("{head}{mails}"),
        format!("{list}{many}"),
        format!("{list}{missing}"),
        format!("{head}Content-Type: text/plain;\n{attributes}\n\nbody"),
        format!("{list}--b\nContent-Type: text/plain;\n{attributes}\n\nbody\n--b--"),
    ] {
        let began = Instant::now();
        let _ = read(bytes.as_bytes());
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "{}",
            &bytes[..200]
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_stumble(body: Vec<u8>) {
        let _ = read(&body);
        let with_head = [b"From: a@b.cd\nContent-Type: multipart/x; boundary=b\n\n--b\n", &body[..]].concat();
        let mail = read(&with_head).unwrap();
        let is_storable = mail.texts.iter().all(|words| match words {
            Words::Plain(text) | Words::Html(text) => !text.contains('\0'),
        });
        prop_assert!(is_storable);
    }
}
