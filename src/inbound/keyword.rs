//! Which messages of consumers are opt-out keywords as a whole.

use crate::suppressions::keywords::{Keyword, KeywordSets};
use crate::values::{Content, Email, EmailPart};

/// The keyword that a whole message is, if it is one.
pub(super) fn of(content: &Content, keywords: &KeywordSets) -> Option<Keyword> {
    words(content).and_then(|words| keywords.classify(words))
}

/// The words that are all that the consumer has said. Media are no words: a phone may send STOP with a picture.
fn words(content: &Content) -> Option<&str> {
    match content {
        Content::Text(text) => Some(text),
        Content::Email(email) => words_of_mail(email),
        Content::RichMedia(rich) => rich.text.as_deref(),
    }
}

/// A mail's plain text. Its subject is the topic, often ours with "Re:", and counts only in a mail that says nothing
/// else: that is how mail programs write what a link with a subject asks them to.
fn words_of_mail(email: &Email) -> Option<&str> {
    let (mut plain, mut html) = (Vec::new(), false);
    for part in &email.parts {
        match part {
            EmailPart::Text(text) if !text.trim().is_empty() => plain.push(text.as_str()),
            EmailPart::Html(text) if !text.trim().is_empty() => html = true,
            EmailPart::Text(_) | EmailPart::Html(_) | EmailPart::Attachment(_) => {}
        }
    }
    match plain[..] {
        [text] => Some(text),
        // What HTML says stands among its tags, and is not for us to guess.
        [] if !html => Some(&email.subject),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::{Media, MediaKind, MediaPart, RichMedia};

    fn mail(subject: &str, parts: &[EmailPart]) -> Option<Keyword> {
        let email = Email {
            subject: subject.to_owned(),
            parts: parts.to_vec(),
        };
        of(&Content::Email(email), &KeywordSets::default())
    }

    fn text(text: &str) -> EmailPart {
        EmailPart::Text(text.to_owned())
    }

    fn html(html: &str) -> EmailPart {
        EmailPart::Html(html.to_owned())
    }

    fn picture() -> Media {
        Media {
            url: "https://company.com/logo.png".parse().unwrap(),
            mime: None,
            filename: None,
        }
    }

    #[test]
    fn a_mail_is_the_keyword_that_its_whole_text_is() {
        for parts in [
            vec![text("STOP")],
            vec![text(" stop.\r\n"), html("<p>stop.</p>")],
            vec![text("Stop"), EmailPart::Attachment(picture())],
            vec![text(" "), text("STOP")],
        ] {
            assert_eq!(mail("Re: Sale!", &parts), Some(Keyword::Stop), "{parts:?}");
        }
        assert_eq!(mail("STOP", &[text("Yes")]), Some(Keyword::Start));
    }

    #[test]
    fn a_mail_that_says_something_else_is_no_keyword() {
        for parts in [
            vec![text("Stop by at noon")],
            vec![text("STOP\n> Our sale begins on Monday")],
            vec![html("<p>STOP</p>")],
            vec![text("STOP"), text("it tomorrow")],
        ] {
            assert_eq!(mail("Unsubscribe", &parts), None, "{parts:?}");
        }
    }

    #[test]
    fn a_mail_without_words_is_the_keyword_that_its_subject_is() {
        let blank = [text("\r\n"), html(""), EmailPart::Attachment(picture())];
        assert_eq!(mail("unsubscribe", &blank), Some(Keyword::Stop));
        assert_eq!(mail("Re: unsubscribe", &blank), None);
        assert_eq!(mail("", &blank), None);
    }

    #[test]
    fn the_text_beside_media_counts_by_itself() {
        let rich = |text: Option<&str>| {
            let parts = vec![MediaPart {
                kind: MediaKind::Image,
                media: picture(),
            }];
            let text = text.map(str::to_owned);
            let content = Content::RichMedia(RichMedia { text, parts });
            of(&content, &KeywordSets::default())
        };
        assert_eq!(rich(Some("Stop!")), Some(Keyword::Stop));
        assert_eq!(rich(Some("Stop this")), None);
        assert_eq!(rich(None), None);
    }
}
