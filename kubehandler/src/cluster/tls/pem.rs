//! PEM as OpenSSL writes it and Go reads it: blocks, with any text between them.

use base64::{Engine, alphabet, engine};

/// Padded or not: what matters is that the bytes can be read.
const LENIENT: engine::GeneralPurpose = engine::GeneralPurpose::new(
    &alphabet::STANDARD,
    engine::GeneralPurposeConfig::new()
        .with_decode_padding_mode(engine::DecodePaddingMode::Indifferent),
);

/// One block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// What stands after `BEGIN`.
    pub(super) label: String,
    /// It has headers, as an encrypted key has.
    pub(super) has_headers: bool,
    pub(super) der: Vec<u8>,
}

/// Returns the blocks of a text; those that cannot be read are left out.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(label) = marker(line, "BEGIN ") else {
            continue;
        };
        let mut base64 = String::new();
        let mut has_headers = false;
        let mut is_whole = false;
        for line in lines.by_ref() {
            if marker(line, "END ") == Some(label) {
                is_whole = true;
                break;
            }
            if line.contains(':') {
                has_headers = true;
            } else {
                base64.extend(line.chars().filter(|c| !c.is_whitespace()));
            }
        }
        if is_whole && let Ok(der) = LENIENT.decode(base64) {
            blocks.push(Block {
                label: label.to_owned(),
                has_headers,
                der,
            });
        }
    }
    blocks
}

fn marker<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let line = line.trim().strip_prefix("-----")?;
    line.strip_suffix("-----")?.strip_prefix(keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_any_text() {
        let text = "subject=/CN=a\r\n-----BEGIN CERTIFICATE-----\r\nAA\r\nEC\r\n-----END CERTIFICATE-----\r\n\
                    # a comment\n  -----BEGIN EC PARAMETERS-----\n  Aw==\n  -----END EC PARAMETERS-----\n\
                    -----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nBA\n-----END RSA PRIVATE KEY-----\n\
                    -----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n\
                    -----BEGIN CERTIFICATE-----\nAAEC";

        let blocks = blocks(text);

        let blocks: Vec<_> = blocks
            .iter()
            .map(|b| (&*b.label, b.has_headers, &*b.der))
            .collect();
        assert_eq!(
            blocks,
            [
                ("CERTIFICATE", false, &[0_u8, 1, 2][..]),
                ("EC PARAMETERS", false, &[3]),
                ("RSA PRIVATE KEY", true, &[4]),
            ]
        );
    }
}
