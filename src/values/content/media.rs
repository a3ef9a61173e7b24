//! A picture, a sound or a file that a message refers to: uploaded to this gateway, or somewhere on the web.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use uuid::Uuid;

/// What every reference to an uploaded medium begins with.
const UPLOADED: &str = "genesys://nexus/";
/// Longest link, in bytes: what browsers and servers of the web agree on.
const LINK_BYTES_MAX: usize = 2_048;

/// A medium that was uploaded to this gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaId(Uuid);

/// The text is not the id of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a mediaId is a UUID with hyphens, such as bb4a9f86-dbbb-4464-a669-650da94fbad6")]
pub struct MediaIdError;

/// Where a medium is. `Debug` hides links, which may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub enum MediaUrl {
    /// In this gateway; whoever it is sent to gets a link instead.
    Uploaded(MediaId),
    /// An `http` or `https` URL in the letters in which it came.
    Link(String),
}

/// Why a text does not say where a medium is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MediaUrlError {
    #[error("must be an https:// or http:// URL, or genesys://nexus/ with a mediaId")]
    Scheme,
    #[error("must be genesys://nexus/ and a mediaId, and nothing more")]
    Reference,
    #[error("must be a whole URL without spaces, user name or password")]
    Malformed,
    #[error("must have at most 2048 characters")]
    TooLong,
}

/// One medium: where it is, and what it is called. `Debug` hides what it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct Media {
    pub url: MediaUrl,
    /// Its media type, such as `image/png`, as whoever sent it calls it.
    pub mime: Option<String>,
    pub filename: Option<String>,
}

/// A file of ours with its bytes. `Debug` hides what it is called.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredFile {
    pub id: MediaId,
    pub name: String,
    pub mimetype: String,
    pub bytes: Bytes,
}

impl fmt::Debug for StoredFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "StoredFile({:?})", self.id)
    }
}

impl MediaId {
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    pub const fn as_uuid(self) -> Uuid {
        self.0
    }

    /// How messages refer to it.
    pub fn reference(self) -> String {
        format!("{UPLOADED}{self}")
    }
}

impl FromStr for MediaId {
    type Err = MediaIdError;

    /// Takes the hyphenated form in either case and no other.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hyphenated = text.len() == uuid::fmt::Hyphenated::LENGTH;
        let uuid = Uuid::try_parse(text).map_err(|_| MediaIdError)?;
        if hyphenated {
            Ok(Self(uuid))
        } else {
            Err(MediaIdError)
        }
    }
}

impl fmt::Display for MediaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl MediaUrl {
    /// The medium, where it was uploaded here.
    pub fn uploaded(&self) -> Option<MediaId> {
        match self {
            Self::Uploaded(id) => Some(*id),
            Self::Link(_) => None,
        }
    }
}

impl FromStr for MediaUrl {
    type Err = MediaUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(id) = text.strip_prefix(UPLOADED) {
            let id = id.parse().map_err(|_| MediaUrlError::Reference)?;
            return Ok(Self::Uploaded(id));
        }
        let (scheme, rest) = text.split_once("://").ok_or(MediaUrlError::Scheme)?;
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(MediaUrlError::Scheme);
        }
        if text.len() > LINK_BYTES_MAX {
            return Err(MediaUrlError::TooLong);
        }
        // What the host really is concerns whoever fetches it; nobody here does.
        let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let hidden = |character: char| character.is_control() || character.is_whitespace();
        if host.is_empty() || host.contains('@') || text.contains(hidden) {
            return Err(MediaUrlError::Malformed);
        }
        Ok(Self::Link(text.to_owned()))
    }
}

impl fmt::Debug for MediaUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uploaded(id) => write!(formatter, "MediaUrl({id})"),
            Self::Link(_) => formatter.write_str("MediaUrl(..)"),
        }
    }
}

impl Media {
    pub(super) fn bytes(&self) -> usize {
        let url = match &self.url {
            MediaUrl::Uploaded(_) => 0,
            MediaUrl::Link(link) => link.len(),
        };
        let names = self.mime.iter().chain(&self.filename);
        url + names.map(String::len).sum::<usize>()
    }
}

impl fmt::Debug for Media {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "bb4a9f86-dbbb-4464-a669-650da94fbad6";

    #[test]
    fn an_uploaded_medium_is_known_by_its_reference_in_any_case() {
        let url: MediaUrl = format!("genesys://nexus/{}", ID.to_uppercase())
            .parse()
            .unwrap();
        let id = url.uploaded().unwrap();
        assert_eq!(id.to_string(), ID);
        assert_eq!(id.reference(), format!("genesys://nexus/{ID}"));
        assert_eq!(id.reference().parse(), Ok(url));
    }

    #[test]
    fn a_link_is_kept_in_the_letters_in_which_it_came() {
        for text in [
            "https://company.com/terms.pdf",
            "HTTP://Company.com:8443?key=%41#page=2",
            "https://bücher.example/ä@home",
            "http://[2001:db8::1]/",
        ] {
            assert_eq!(text.parse(), Ok(MediaUrl::Link(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_place_of_a_medium_is_refused_for_its_reason() {
        let long = format!("https://company.com/{}", "a".repeat(2_048));
        for (text, error) in [
            ("", MediaUrlError::Scheme),
            ("terms.pdf", MediaUrlError::Scheme),
            ("//company.com/a", MediaUrlError::Scheme),
            ("javascript:alert(1)", MediaUrlError::Scheme),
            ("data:image/png;base64,AA==", MediaUrlError::Scheme),
            ("file:///etc/passwd", MediaUrlError::Scheme),
            ("genesys://other/1", MediaUrlError::Scheme),
            ("genesys://nexus/", MediaUrlError::Reference),
            ("genesys://nexus/1", MediaUrlError::Reference),
            (&format!("genesys://nexus/{ID}/x"), MediaUrlError::Reference),
            (
                &format!("genesys://nexus/{}", ID.replace('-', "")),
                MediaUrlError::Reference,
            ),
            ("https://", MediaUrlError::Malformed),
            ("https:///a", MediaUrlError::Malformed),
            ("https://?a", MediaUrlError::Malformed),
            ("https://user:key@company.com/", MediaUrlError::Malformed),
            ("https://company.com/a b", MediaUrlError::Malformed),
            ("https://company.com/a\r\nb", MediaUrlError::Malformed),
            (&long, MediaUrlError::TooLong),
        ] {
            assert_eq!(text.parse::<MediaUrl>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn a_link_is_hidden_where_it_is_shown() {
        let link: MediaUrl = "https://company.com/?key=1".parse().unwrap();
        assert_eq!(format!("{link:?}"), "MediaUrl(..)");
    }
}
