//! Secrets: bytes that can be compared and used, and that nothing prints.

use subtle::ConstantTimeEq;

/// A secret's bytes. `Debug` shows none of them; there is no `Display`, `Serialize` or `PartialEq`.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn new(bytes: Vec<u8>) -> Self {
        Secret(bytes)
    }

    /// For the one place that must write it out. Never into a message, an error or a log.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Compares in constant time for a given length. An empty secret matches nothing, not even an empty value:
    /// an unset variable must not open the door.
    pub fn matches(&self, presented: &[u8]) -> bool {
        !self.0.is_empty() && bool::from(self.0.as_slice().ct_eq(presented))
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(withheld)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_match() {
        let secret = Secret::new("geheim-ä".into());
        assert!(secret.matches("geheim-ä".as_bytes()));
        for other in ["", "geheim", "geheim-a", "Geheim-ä", "geheim-ä "] {
            assert!(!secret.matches(other.as_bytes()), "{other:?}");
        }
        assert!(!secret.matches(&[0xff, 0x00, 0xc3]));
    }

    #[test]
    fn an_empty_secret_matches_nothing() {
        assert!(!Secret::new(Vec::new()).matches(b""));
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new(b"hunter2".to_vec())), "Secret(withheld)");
    }
}
