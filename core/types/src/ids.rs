//! Ids: which names may stand in keys and subjects, and how an outgoing message gets its id.

/// Why a name can't be an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a valid id: use 1 to 63 of a-z, 0-9, `_`, `-`, beginning with a letter or digit")]
pub struct InvalidId(pub String);

/// Ids become NATS subject tokens and Redis key parts, so they match `^[a-z0-9][a-z0-9_-]{0,62}$`
/// (spec/bundle-and-config.md): no dot, no space, no wildcard, no brace.
pub fn check_id(id: &str) -> Result<&str, InvalidId> {
    let mut bytes = id.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-');
    if first && rest && id.len() <= 63 { Ok(id) } else { Err(InvalidId(id.chars().take(80).collect())) }
}

/// Id of the `index`-th message that `delivery` caused: a re-run of the same delivery makes the same id, so the
/// bus can drop what it has already (spec/runtime.md, "Commit"). `scope` is the channel, conversation and user.
///
/// The first 128 bits of BLAKE3 over length-prefixed parts, as 32 hex digits. All tenants share a stream, and the bus
/// drops what has an id it knows: nobody may be able to make another's id, so the hash must be one that can't be steered.
pub fn outgoing_id(scope: &[&str], delivery: &str, index: u32) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in scope.iter().chain(std::iter::once(&delivery)) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.update(&index.to_le_bytes());
    let mut id = hasher.finalize().to_hex().to_string();
    id.truncate(32);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_that_could_leave_their_place_are_refused() {
        for bad in ["", "A", "a.b", "a b", "*", ">", "-a", "_a", "a{b}", "ä", &"a".repeat(64)] {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "0", "messaging-slack", "team_1", &"a".repeat(63)] {
            assert!(check_id(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn an_outgoing_id_is_stable() {
        // Computed apart, with another implementation of BLAKE3. Written down, because a changed derivation would send twice across an upgrade.
        assert_eq!(
            outgoing_id(&["dev.acme.default.telegram", "1111111", "1111111"], "10002", 0),
            "ba69bb4c2dab56ec92934025f1244bc9"
        );
    }

    proptest! {
        #[test]
        fn parts_never_run_into_each_other(a in ".{0,8}", b in ".{0,8}", c in ".{0,8}", d in ".{0,8}") {
            prop_assume!((&a, &b) != (&c, &d));
            prop_assert_ne!(outgoing_id(&[&a, &b], "x", 0), outgoing_id(&[&c, &d], "x", 0));
        }
    }
}
