//! The page behind a link in a mail: what it says, as HTML that needs nothing else.

use super::model::Route;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;color:#1a1a1a;background:#f4f4f5}\
main{max-width:30rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:.5rem;box-shadow:0 1px 4px #0003}\
h1{font-size:1.4rem;margin:0 0 1rem}p{overflow-wrap:anywhere}\
button{font:inherit;padding:.6rem 1.4rem;border:0;border-radius:.4rem;background:#0b5cad;color:#fff;cursor:pointer}\
button:focus-visible{outline:3px solid #f59e0b}\
@media(prefers-color-scheme:dark){body{color:#eee;background:#18181b}main{background:#27272a}}";

/// Asks whether somebody wants no more mails. To look at it changes nothing: programs follow links, too.
pub(super) fn question(route: &Route) -> String {
    let (sender, person) = names(route);
    page(
        "Unsubscribe",
        &format!(
            "<h1>Unsubscribe?</h1>\
             <p><strong>{sender}</strong> sends mails to <strong>{person}</strong>. \
             They end when you press the button.</p>\
             <form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
             <button>Unsubscribe</button></form>"
        ),
    )
}

/// Says that it is done.
pub(super) fn done(route: &Route) -> String {
    let (sender, person) = names(route);
    page(
        "Unsubscribed",
        &format!(
            "<h1>You are unsubscribed</h1>\
             <p><strong>{sender}</strong> sends no more mails to <strong>{person}</strong>.</p>"
        ),
    )
}

fn names(route: &Route) -> (String, String) {
    (
        escaped(route.channel_id.as_str()),
        escaped(route.address.as_str()),
    )
}

fn page(title: &str, says: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{says}</main></body></html>"
    )
}

/// A text as it stands between tags.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::values::Ccid;

    #[test]
    fn an_address_writes_no_html() {
        let route = Route {
            ccid: Ccid::from_uuid(Uuid::nil()),
            channel_id: "company.com".parse().unwrap(),
            address: "\"<b>&'x'\"@example.com".parse().unwrap(),
        };
        for page in [question(&route), done(&route)] {
            assert!(page.contains("&quot;&lt;b&gt;&amp;&#39;x&#39;&quot;@example.com"));
            assert!(!page.contains("<b>"));
        }
    }
}
