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
/// 128 bits of FNV-1a over length-prefixed parts, as 32 hex digits. Not a secret and not a signature: whoever can
/// choose these parts owns the conversation already; the length prefixes keep parts from running into each other.
pub fn outgoing_id(scope: &[&str], delivery: &str, index: u32) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = OFFSET;
    let mut feed = |bytes: &[u8]| {
        for byte in bytes {
            hash ^= u128::from(*byte);
            hash = hash.wrapping_mul(PRIME);
        }
    };
    for part in scope.iter().chain(std::iter::once(&delivery)) {
        feed(&(part.len() as u64).to_le_bytes());
        feed(part.as_bytes());
    }
    feed(&index.to_le_bytes());
    format!("{hash:032x}")
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
        // Computed apart, by the definition of FNV-1a. Written down, because a changed derivation would send twice across an upgrade.
        assert_eq!(
            outgoing_id(&["dev.acme.default.telegram", "1111111", "1111111"], "10002", 0),
            "ab58c964d3b1c3b3476b0a712a71c43f"
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
