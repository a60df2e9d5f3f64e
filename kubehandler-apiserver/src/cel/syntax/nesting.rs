//! How deep a rule nests, found out without recursion, before it is parsed.

/// The deepest nesting that is read, as in `cel-go`.
const MAX_DEPTH: usize = 250;

/// Returns true if parts of a rule nest too deeply.
///
/// Each bracket and operator counts, until a `,`, `&&` or `||` ends the chain that it is in. This is
/// at least the depth of the tree, and seldom much more.
pub(super) fn is_too_deep(rule: &str) -> bool {
    let bytes = rule.as_bytes();
    let mut depth = 0; // Of all chains that are open.
    let mut chains = vec![0_usize];
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'"' | b'\'' => {
                at = after_text(bytes, at);
                continue;
            }
            b'/' if next == Some(b'/') => {
                at += bytes[at..]
                    .iter()
                    .take_while(|byte| **byte != b'\n')
                    .count();
                continue;
            }
            b')' | b']' | b'}' if chains.len() > 1 => {
                depth -= chains.pop().unwrap_or_default();
            }
            b',' | b'&' | b'|' => {
                depth -= chains.last_mut().map(std::mem::take).unwrap_or_default();
            }
            _ => {}
        }
        if b"([{+-*/%!.<>=?:".contains(&byte)
            || (byte == b'i' && next == Some(b'n') && at > 0 && bytes[at - 1] == b' ')
        {
            if let Some(chain) = chains.last_mut() {
                *chain += 1;
                depth += 1;
            }
            if b"([{".contains(&byte) {
                chains.push(0);
            }
        }
        if depth > MAX_DEPTH * 2 || chains.len() > MAX_DEPTH {
            return true;
        }
        at += 1;
    }
    false
}

/// Returns the place after the text that begins here.
fn after_text(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let is_raw = start > 0 && bytes[start - 1].eq_ignore_ascii_case(&b'r');
    let is_long = bytes[start..].starts_with(&[quote; 3]);
    let mut at = start + if is_long { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if !is_raw => at += 2,
            b'\n' if !is_long => return at, // The parser says what is wrong.
            _ if is_long && bytes[at..].starts_with(&[quote; 3]) => return at + 3,
            _ if !is_long && byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}
