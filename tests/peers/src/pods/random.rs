//! Random numbers that are the same each time: a function of the object and of what it is for.

/// Returns 64 random bits for the `purpose`-th use of an object.
pub(crate) fn bits(index: u32, purpose: u32) -> u64 {
    // SplitMix64, started at a place of its own for each use.
    let mut z = (u64::from(index) << 8 | u64::from(purpose))
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Returns random bits as hexadecimal digits; takes the purposes from `purpose` on, one for 16 digits.
pub(crate) fn hex<const N: usize>(index: u32, purpose: u32) -> [u8; N] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    let mut text = [0; N];
    for (part, purpose) in text.chunks_mut(16).zip(purpose..) {
        let mut bits = bits(index, purpose);
        for digit in part {
            *digit = DIGITS[(bits & 15) as usize];
            bits >>= 4;
        }
    }
    text
}

/// Returns random letters and digits as Kubernetes puts them in names; at most 13.
pub(crate) fn suffix<const N: usize>(index: u32, purpose: u32) -> [u8; N] {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

    let mut bits = bits(index, purpose);
    let mut text = [0; N];
    for letter in &mut text {
        *letter = LETTERS[usize::try_from(bits % 27).unwrap_or(0)];
        bits /= 27;
    }
    text
}

/// Returns a random UUID of version 4; takes two purposes.
pub(crate) fn uuid(index: u32, purpose: u32) -> [u8; 36] {
    let digits: [u8; 32] = hex(index, purpose);
    let mut text = [b'-'; 36];
    let mut from = 0;
    for (at, len) in [(0, 8), (9, 4), (14, 4), (19, 4), (24, 12)] {
        text[at..at + len].copy_from_slice(&digits[from..from + len]);
        from += len;
    }
    text[14] = b'4';
    text[19] = b"89ab"[usize::from(text[19]) & 3];
    text
}

/// Returns random hexadecimal digits without end.
pub(crate) fn digits(index: u32, purpose: u32) -> impl Iterator<Item = u8> {
    let mut random = fastrand::Rng::with_seed(bits(index, purpose));
    std::iter::repeat_with(move || *random.choice(b"0123456789abcdef").unwrap_or(&b'0'))
}
