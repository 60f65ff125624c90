use crate::presentation::to_hex;

/// The dotted form of an object identifier, from its content octets (X.690 §8.19). One that is malformed, or has a number
/// beyond 64 bits, is given in hexadecimal, `#2a86ff`, and none in more than 64 octets.
pub(crate) fn dotted(content: &[u8]) -> String {
    match numbers(content) {
        Some(numbers) => numbers.iter().map(u64::to_string).collect::<Vec<_>>().join("."),
        None => format!("#{}", to_hex(content.get(..LONGEST).unwrap_or(content))),
    }
}

const LONGEST: usize = 64;

fn numbers(content: &[u8]) -> Option<Vec<u64>> {
    if content.is_empty() || content.len() > LONGEST {
        return None;
    }
    let mut numbers = Vec::new();
    for encoded in content.split_inclusive(|octet| octet & 0x80 == 0) {
        let number = encoded
            .iter()
            .try_fold(0u64, |number, octet| Some(number.checked_mul(128)? | u64::from(octet & 0x7f)))?;
        if encoded.last()? & 0x80 != 0 {
            return None;
        }
        // The first two are encoded as one.
        if numbers.is_empty() {
            let first = (number / 40).min(2);
            numbers.extend([first, number - 40 * first]);
        } else {
            numbers.push(number);
        }
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers() {
        for (content, expected, why) in [
            (&[0x55, 0x1d, 0x1e][..], "2.5.29.30", "name constraints"),
            (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], "1.2.840.113549.1.1.5", "SHA-1 with RSA"),
            (&[0x09, 0x92, 0x26], "0.9.2342", "below 40"),
            (&[0x88, 0x37, 3], "2.999.3", "a second number of more than 39"),
            (&[], "#", "none"),
            (&[0x2a, 0x86], "#2a86", "a number that does not end"),
            (&[0xff; 10], "#ffffffffffffffffffff", "nor does this"),
            (&[[0xff; 10].as_slice(), &[1]].concat(), "#ffffffffffffffffffff01", "beyond 64 bits"),
        ] {
            assert_eq!(dotted(content), expected, "{why}");
        }
        assert_eq!(dotted(&[1; 65]).len(), 1 + 2 * LONGEST, "cut");
    }
}
