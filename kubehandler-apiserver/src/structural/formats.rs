//! The formats of texts that are checked, and those of numbers.
//!
//! Source: `pkg/apiserver/validation/formats.go` of `k8s.io/apiextensions-apiserver`, and
//! `k8s.io/kube-openapi/pkg/validation/strfmt`.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use regex::Regex;

use super::ValueType;

const TEXT_FORMATS: [&str; 26] = [
    "bsonobjectid",
    "uri",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "cidr",
    "mac",
    "uuid",
    "uuid3",
    "uuid4",
    "uuid5",
    "isbn",
    "isbn10",
    "isbn13",
    "creditcard",
    "ssn",
    "hexcolor",
    "rgbcolor",
    "byte",
    "password",
    "date",
    "duration",
    "datetime",
    "k8sshortname",
    "k8slongname",
];

/// Returns true if the format is looked at for values of that type.
pub(super) fn supported(format: &str, of: Option<ValueType>) -> bool {
    match of {
        None | Some(ValueType::String) => is_text_format(format),
        Some(ValueType::Integer) => ["int32", "int64"].contains(&format),
        Some(ValueType::Number) => ["float", "double"].contains(&format),
        _ => false,
    }
}

/// Returns true for a format of texts.
pub(super) fn is_text_format(format: &str) -> bool {
    TEXT_FORMATS.contains(&&*normalized(format))
}

fn normalized(format: &str) -> String {
    format.replace('-', "")
}

/// Returns true if a text has the format; a format that is not checked here holds for every text.
pub(super) fn is_valid(format: &str, text: &str) -> bool {
    match &*normalized(format) {
        "bsonobjectid" => matches(&BSON, text),
        "uri" => is_uri(text),
        "email" => matches(&EMAIL, text),
        "hostname" => is_hostname(text),
        "ipv4" => is_ipv4(text),
        "ipv6" => text.contains(':') && text.parse::<Ipv6Addr>().is_ok(),
        "cidr" => is_cidr(text),
        "mac" => matches(&MAC, text),
        "uuid" => matches(&UUID, text),
        "uuid3" => matches(&UUID3, text),
        "uuid4" => matches(&UUID4, text),
        "uuid5" => matches(&UUID5, text),
        "isbn" => is_isbn10(text) || is_isbn13(text),
        "isbn10" => is_isbn10(text),
        "isbn13" => is_isbn13(text),
        "creditcard" => is_credit_card(text),
        "ssn" => matches(&SSN, text),
        "hexcolor" => matches(&HEX_COLOR, text),
        "rgbcolor" => matches(&RGB_COLOR, text),
        "byte" => matches(&BASE64, text),
        "date" => is_date(text),
        "datetime" => is_date_time(text),
        "duration" => is_duration(text),
        "k8sshortname" => text.len() <= 63 && matches(&SHORT_NAME, text),
        "k8slongname" => text.len() <= 253 && matches(&LONG_NAME, text),
        _ => true,
    }
}

type Lazy = LazyLock<Option<Regex>>;

macro_rules! patterns {
    ($($name:ident = $pattern:expr;)*) => {
        $(static $name: Lazy = LazyLock::new(|| Regex::new($pattern).ok());)*
    };
}

patterns! {
    BSON = "^[0-9a-fA-F]{24}$";
    EMAIL = r"^([^<>]*<)?[^\s@<>,;:\\()\[\]]+@[^\s@<>,;:\\()\[\]]+>?$";
    HOSTNAME = r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$";
    MAC = r"^([0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){7}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2,3}|[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){19}|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){9})$";
    UUID = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
    UUID3 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
    UUID4 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
    UUID5 = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$";
    CREDIT_CARD = r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$";
    SSN = r"^\d{3}[- ]?\d{2}[- ]?\d{4}$";
    HEX_COLOR = "^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$";
    RGB_COLOR = r"^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$";
    BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$";
    DATE_TIME = r"^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
    GO_DURATION = r"^[-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";
    LONG_DURATION = r"(?i)\d+\s*(ns|nano\w*|us|µs|micro\w*|ms|milli\w*|s|sec\w*|m|min\w*|h|hr|hour\w*|d|day\w*|w|wk|week\w*)(\W|\d|$)";
    SHORT_NAME = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
    LONG_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
}

fn matches(pattern: &Lazy, text: &str) -> bool {
    pattern.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// A whole URI, or an absolute path.
fn is_uri(text: &str) -> bool {
    let is_plain = text.chars().all(|c| !c.is_control() && c != ' ');
    let has_scheme = text.split_once(':').is_some_and(|(scheme, rest)| {
        let mut letters = scheme.chars();
        letters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
    });
    is_plain && (text.starts_with('/') || has_scheme)
}

fn is_hostname(text: &str) -> bool {
    matches(&HOSTNAME, text) && text.len() <= 255 && text.split('.').all(|part| part.len() <= 63)
}

/// Zeros before a number are tolerated.
fn is_ipv4(text: &str) -> bool {
    let parts: Vec<_> = text.split('.').collect();
    let is_part = |part: &&str| {
        !part.is_empty()
            && part.bytes().all(|digit| digit.is_ascii_digit())
            && part.parse::<u8>().is_ok()
    };
    let is_mapped = || text.contains('.') && text.parse::<Ipv6Addr>().is_ok();
    text.parse::<Ipv4Addr>().is_ok()
        || (parts.len() == 4 && parts.iter().all(is_part))
        || is_mapped()
}

fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let max = if address.contains(':') { 128 } else { 32 };
    let is_address = if max == 32 {
        is_ipv4(address)
    } else {
        address.parse::<Ipv6Addr>().is_ok()
    };
    let is_number = !bits.is_empty() && bits.bytes().all(|digit| digit.is_ascii_digit());
    is_address && is_number && bits.parse::<u32>().is_ok_and(|bits| bits <= max)
}

fn digits(text: &str) -> impl Iterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
}

fn is_isbn10(text: &str) -> bool {
    let text = text.replace([' ', '-'], "");
    if text.len() != 10 || !text.bytes().take(9).all(|digit| digit.is_ascii_digit()) {
        return false;
    }
    let last = match text.as_bytes()[9] {
        b'X' => 10,
        digit if digit.is_ascii_digit() => u32::from(digit - b'0'),
        _ => return false,
    };
    let sum: u32 = digits(&text[..9])
        .zip(1..)
        .map(|(digit, place)| digit * place)
        .sum();
    (sum + 10 * last).is_multiple_of(11)
}

fn is_isbn13(text: &str) -> bool {
    let text = text.replace([' ', '-'], "");
    let is_number = text.len() == 13 && text.bytes().all(|digit| digit.is_ascii_digit());
    let weights = [1, 3].into_iter().cycle();
    let sum: u32 = digits(&text)
        .zip(weights)
        .map(|(digit, weight)| digit * weight)
        .sum();
    is_number && sum.is_multiple_of(10)
}

fn is_credit_card(text: &str) -> bool {
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    if !matches(&CREDIT_CARD, &number) {
        return false;
    }
    let doubled = digits(&number)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .enumerate();
    let sum: u32 = doubled
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, twice) if twice > 9 => twice - 9,
            (_, twice) => twice,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_date_time(text: &str) -> bool {
    let text = text.to_lowercase();
    let Some((date, time)) = text.split_once('t') else {
        return false;
    };
    let is_in_day = time.get(..2).is_some_and(|hour| hour <= "23")
        && time.get(3..5).is_some_and(|minute| minute <= "59")
        && time.get(6..8).is_some_and(|second| second <= "59");
    text.len() >= 4 && is_date(date) && matches(&DATE_TIME, time) && is_in_day
}

fn is_duration(text: &str) -> bool {
    matches(&GO_DURATION, text) || matches(&LONG_DURATION, text)
}
