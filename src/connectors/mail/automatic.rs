//! Whether a program has written a mail (RFC 3834): by its head.

/// Headers that only programs write, whatever they say.
const OF_PROGRAMS: [&str; 5] = [
    "list-id",
    "x-autoreply",
    "x-autorespond",
    "x-auto-response",
    "x-failed-recipients",
];
/// What `Precedence` says of mails that nobody should answer.
const PRECEDENCES: [&str; 4] = ["bulk", "junk", "list", "auto_reply"];

/// Whether the mail with this head is one.
pub(super) fn is(head: &[u8]) -> bool {
    fields(head)
        .iter()
        .any(|(name, value)| match name.as_str() {
            // A parameter or a comment may follow.
            "auto-submitted" => value
                .split([';', '('])
                .next()
                .is_some_and(|word| word.trim() != "no"),
            "precedence" => PRECEDENCES.contains(&value.as_str()),
            // It says to nobody that it did not arrive.
            "return-path" => value == "<>",
            name => OF_PROGRAMS.contains(&name),
        })
}

/// Names and values of the headers, in lower case and each on one line.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in String::from_utf8_lossy(head).lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    for (name, value) in &mut fields {
        name.make_ascii_lowercase();
        value.make_ascii_lowercase();
        value.truncate(value.trim_end().len());
    }
    fields
}
