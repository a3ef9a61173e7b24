use std::fmt;

use zeroize::Zeroizing;

/// A text that must not be seen: a key or a password. Its memory is wiped when it is dropped.
///
/// It can be neither displayed nor serialised, and `Debug` shows stars. [`Secret::expose`] is the one way to its content,
/// so that a search for that word finds every use.
///
/// ```
/// let secret = nexus_gateway::values::Secret::new("hunter2".to_owned());
/// println!("{} {}", secret.expose(), serde_json::to_string(secret.expose()).unwrap());
/// ```
///
/// It is not displayed:
///
/// ```compile_fail,E0277
/// let secret = nexus_gateway::values::Secret::new("hunter2".to_owned());
/// println!("{secret}");
/// ```
///
/// Nor serialised:
///
/// ```compile_fail,E0277
/// let secret = nexus_gateway::values::Secret::new("hunter2".to_owned());
/// serde_json::to_string(&secret).unwrap();
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(content: String) -> Self {
        Self(Zeroizing::new(content))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(content: String) -> Self {
        Self::new(content)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(********)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_wherever_it_is_shown() {
        let secret = Secret::from("hunter2".to_owned());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(
            format!("{secret:?} {:?}", Some(secret.clone())),
            "Secret(********) Some(Secret(********))"
        );
    }
}
