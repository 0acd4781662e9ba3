//! Decimal numbers as they stand on the wire. The formatting machinery of `std` would take a tenth of the time of
//! a publication, which carries three of them.

/// Digits of `u64::MAX`.
const MAX_DIGITS: usize = 20;

pub(crate) fn push(output: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; MAX_DIGITS];
    let mut start = MAX_DIGITS;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        start -= 1;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    output.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// `None` for anything but digits, and for more than fits.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_numbers_that_fit_are_read() {
        for bad in ["", "-1", "+1", " 1", "1x", "0x1", "18446744073709551616", "99999999999999999999999"] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse(b"007"), Some(7));
    }

    #[test]
    fn the_ends_of_the_range_are_written() {
        for number in [0, 9, 10, u64::MAX] {
            let mut text = Vec::new();
            push(&mut text, number);
            assert_eq!(text, number.to_string().into_bytes());
        }
    }

    proptest! {
        #[test]
        fn round_trip(number in any::<u64>()) {
            let mut text = Vec::new();
            push(&mut text, number);
            prop_assert_eq!(parse(&text), Some(number));
        }
    }
}
