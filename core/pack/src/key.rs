//! Ed25519 keys of publishers, and their PEM forms: PKCS#8 for the private half, SPKI for the public (RFC 8410), as
//! `openssl genpkey -algorithm ed25519` writes them.
//!
//! Rule: no text made here but [`to_pem`]'s holds a private key, and that one is wiped when dropped. A new key is
//! `SigningKey::from_bytes` of 32 random bytes, which the caller brings, as it brings the file and its mode.

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    self, DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes, spki,
};
use zeroize::Zeroizing;

pub use ed25519_dalek::{SigningKey, VerifyingKey};

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("not an Ed25519 private key in PKCS#8 PEM (`-----BEGIN PRIVATE KEY-----`)")]
    Private(#[source] pkcs8::Error),
    #[error("not an Ed25519 public key in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    Public(#[source] spki::Error),
    #[error("a public key of low order: anybody could sign for it")]
    Weak,
}

/// The private half. Without the public one beside it (PKCS#8 version 1), because that is what every reader knows.
pub fn to_pem(key: &SigningKey) -> Result<Zeroizing<String>, KeyError> {
    KeypairBytes { secret_key: key.to_bytes(), public_key: None }
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(KeyError::Private)
}

pub fn from_pem(pem: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8_pem(pem).map_err(KeyError::Private)
}

pub fn public_to_pem(key: &VerifyingKey) -> Result<String, KeyError> {
    key.to_public_key_pem(LineEnding::LF).map_err(KeyError::Public)
}

pub fn public_from_pem(pem: &str) -> Result<VerifyingKey, KeyError> {
    let key = VerifyingKey::from_public_key_pem(pem).map_err(KeyError::Public)?;
    // Strict verification would refuse its signatures anyway; said here, the reason is not "wrong signer".
    if key.is_weak() { Err(KeyError::Weak) } else { Ok(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 8410, section 10.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn the_keys_of_rfc_8410() {
        let key = from_pem(PRIVATE).unwrap();
        assert_eq!(*to_pem(&key).unwrap(), PRIVATE);
        assert_eq!(public_to_pem(&key.verifying_key()).unwrap(), PUBLIC);
        assert_eq!(public_from_pem(PUBLIC).unwrap(), key.verifying_key());
    }

    #[test]
    fn a_private_key_never_shows() {
        let key = SigningKey::from_bytes(&[0xab; 32]);
        let shown = format!("{key:?}").to_lowercase();
        assert!(!shown.contains("abababab") && !shown.contains("171, 171, 171"), "{shown}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(matches!(from_pem(PUBLIC), Err(KeyError::Private(_))));
        assert!(matches!(public_from_pem(PRIVATE), Err(KeyError::Public(_))));
        assert!(matches!(from_pem(""), Err(KeyError::Private(_))));
        // The neutral element: a point of order one.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let weak = public_to_pem(&VerifyingKey::from_bytes(&neutral).unwrap()).unwrap();
        assert!(matches!(public_from_pem(&weak), Err(KeyError::Weak)));
    }
}
