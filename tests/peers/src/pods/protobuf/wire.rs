//! The encoding of protobuf: tags, numbers, and what has its length in front.

/// Appends the tag of a number or a flag.
pub(super) fn number_tag(number: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3), out);
}

/// Appends the tag of text or of a message.
pub(super) fn tag(number: u32, out: &mut Vec<u8>) {
    varint(u64::from(number << 3 | 2), out);
}

/// Appends a field of text.
pub(super) fn text(number: u32, text: &str, out: &mut Vec<u8>) {
    tag(number, out);
    varint(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number, seven bits a byte.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7F);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Returns how many bytes a number takes.
pub(super) fn width(number: u64) -> usize {
    let bits = 64 - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

/// Appends the length of what `write` appends, and then that.
///
/// It is at least `least` bytes. The room for the length follows from `least`; if the length needs
/// more room in the end, what was written moves up.
pub(super) fn delimited(least: usize, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let head = out.len();
    let room = width(least as u64);
    out.resize(head + room, 0);
    write(out);
    let len = out.len() - head - room;
    let missing = width(len as u64).saturating_sub(room);
    if missing > 0 {
        let end = out.len();
        out.resize(end + missing, 0);
        out.copy_within(head + room..end, head + room + missing);
    }
    let (mut rest, end) = (len, head + room + missing - 1);
    for byte in &mut out[head..end] {
        *byte = rest.to_le_bytes()[0] | 0x80;
        rest >>= 7;
    }
    out[end] = rest.to_le_bytes()[0];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_takes_as_many_bytes_as_it_needs() {
        for (len, least) in [
            (0, 0),
            (127, 0),
            (128, 0),
            (300, 128),
            (20_000, 1),
            (20_000, 20_000),
        ] {
            let mut out = vec![7];

            delimited(least, &mut out, |out| out.resize(out.len() + len, 1));

            let mut expected = vec![7];
            varint(len as u64, &mut expected);
            assert_eq!(expected.len(), 1 + width(len as u64));
            expected.resize(expected.len() + len, 1);
            assert!(out == expected, "{len} bytes, {least} known");
        }
    }
}
