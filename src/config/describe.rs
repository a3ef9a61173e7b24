use std::fmt::Write;

use super::Config;
use super::layers::Origin;
use super::section::Section;

impl Config {
    /// What is in force, as TOML: every key with its value and where that came from. Secrets are stars.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        self.describe_section(&mut text, &self.server);
        self.describe_section(&mut text, &self.database);
        self.describe_section(&mut text, &self.security);
        self.describe_section(&mut text, &self.outbound);
        self.describe_section(&mut text, &self.webhook);
        self.describe_section(&mut text, &self.dispatch);
        self.describe_section(&mut text, &self.content);
        self.describe_section(&mut text, &self.receipts);
        self.describe_section(&mut text, &self.erasures);
        self.describe_section(&mut text, &self.replays);
        self.describe_section(&mut text, &self.media);
        self.describe_section(&mut text, &self.retention);
        self.describe_section(&mut text, &self.logging);
        text
    }

    fn describe_section<T: Section>(&self, text: &mut String, section: &T) {
        let separator = if text.is_empty() { "" } else { "\n" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{separator}[{}]", T::NAME);
        // Sections are flat tables of what TOML can hold.
        let values = toml::Table::try_from(section).unwrap_or_default();
        for (name, key) in Self::known_keys().all() {
            if name != T::NAME {
                continue;
            }
            let _ = match values.get(key) {
                Some(value) => {
                    let place = (name.to_owned(), key.to_owned());
                    let origin = self.origins.get(&place).unwrap_or(&Origin::BuiltIn);
                    writeln!(text, "{key} = {value}   # {origin}")
                }
                None => writeln!(text, "# {key} is not set"),
            };
        }
    }
}
