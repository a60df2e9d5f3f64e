//! The grammar of label selectors.
//!
//! ```text
//! selector    = [ requirement { "," requirement } ]
//! requirement = [ "!" ] key | key ( "=" | "==" | "!=" | ">" | "<" ) value
//!             | key ( "in" | "notin" ) "(" value { "," value } ")"
//! ```

use std::collections::BTreeSet;

use super::{Operator, Requirement};
use crate::{failure::Cause, naming::key_errors};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    End,
    Close,
    Comma,
    Not,
    DoubleEquals,
    Equals,
    Greater,
    Identifier,
    In,
    Less,
    NotEquals,
    NotIn,
    Open,
}

impl Kind {
    fn of(text: &str) -> Option<Self> {
        Some(match text {
            ")" => Self::Close,
            "," => Self::Comma,
            "!" => Self::Not,
            "==" => Self::DoubleEquals,
            "=" => Self::Equals,
            ">" => Self::Greater,
            "in" => Self::In,
            "<" => Self::Less,
            "!=" => Self::NotEquals,
            "notin" => Self::NotIn,
            "(" => Self::Open,
            _ => return None,
        })
    }
}

/// A token, and its text.
#[derive(Clone, Copy, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
}

/// Reads all requirements; the error is for people.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut parser = Parser {
        tokens: scan(text),
        position: 0,
    };
    let mut requirements = Vec::new();
    loop {
        let token = parser.peek();
        match token.kind {
            Kind::Identifier | Kind::Not => {}
            Kind::End => return Ok(requirements),
            _ => return Err(expected(token, "!, identifier, or 'end of string'")),
        }
        let requirement = parser
            .requirement()
            .map_err(|error| format!("unable to parse requirement: {error}"))?;
        requirements.push(requirement);

        let token = parser.next();
        match token.kind {
            Kind::End => return Ok(requirements),
            Kind::Comma => {}
            _ => return Err(expected(token, "',' or 'end of string'")),
        }
        let token = parser.peek();
        if !matches!(token.kind, Kind::Identifier | Kind::Not) {
            return Err(expected(token, "identifier after ','"));
        }
    }
}

fn expected(found: Token<'_>, expected: &str) -> String {
    format!("found '{}', expected: {expected}", found.text)
}

struct Parser<'a> {
    /// The last one is the end, which [`Parser::next`] never passes.
    tokens: Vec<Token<'a>>,
    position: usize,
}

impl<'a> Parser<'a> {
    /// Returns the next token, which can be an operator.
    fn next_operator(&mut self) -> Token<'a> {
        let token = self.tokens[self.position];
        self.position = (self.position + 1).min(self.tokens.len() - 1);
        token
    }

    /// Returns the next token, where `in` and `notin` are words like any other.
    fn next(&mut self) -> Token<'a> {
        as_word(self.next_operator())
    }

    fn peek(&self) -> Token<'a> {
        as_word(self.tokens[self.position])
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let is_negated = token.kind == Kind::Not;
        if is_negated {
            token = self.next();
        }
        if token.kind != Kind::Identifier {
            return Err(expected(token, "identifier"));
        }
        let key = token.text.to_owned();
        let errors = key_errors(&key);
        if !errors.is_empty() {
            return Err(Cause::invalid("<nil>", key, &errors.join("; ")).sentence());
        }
        if is_negated {
            return Requirement::new(key, Operator::DoesNotExist, Vec::new());
        }
        if matches!(self.peek().kind, Kind::End | Kind::Comma) {
            return Requirement::new(key, Operator::Exists, Vec::new());
        }
        let operator = self.operator()?;
        let values = match operator {
            Operator::In | Operator::NotIn => self.values()?,
            _ => vec![self.value()?],
        };
        Requirement::new(key, operator, values)
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let token = self.next_operator();
        Ok(match token.kind {
            Kind::In => Operator::In,
            Kind::NotIn => Operator::NotIn,
            Kind::Equals => Operator::Equals,
            Kind::DoubleEquals => Operator::DoubleEquals,
            Kind::NotEquals => Operator::NotEquals,
            Kind::Greater => Operator::GreaterThan,
            Kind::Less => Operator::LessThan,
            _ => return Err(expected(token, "in, notin, =, ==, !=, gt, lt")),
        })
    }

    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek().kind, Kind::End | Kind::Comma) {
            return Ok(String::new());
        }
        let token = self.next();
        match token.kind {
            Kind::Identifier => Ok(token.text.to_owned()),
            _ => Err(expected(token, "identifier")),
        }
    }

    /// Reads a set in parentheses. Nothing before, between or after commas is the empty value.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open.kind != Kind::Open {
            return Err(format!("found '{}' expected: '('", open.text));
        }
        let token = self.peek();
        let mut values = BTreeSet::new();
        match token.kind {
            Kind::Identifier | Kind::Comma => self.listed(&mut values)?,
            Kind::Close => {
                values.insert("");
            }
            _ => return Err(expected(token, "',', ')' or identifier")),
        }
        self.next(); // The closing parenthesis, which all the ways here have seen.
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// Reads up to the closing parenthesis.
    fn listed(&mut self, values: &mut BTreeSet<&'a str>) -> Result<(), String> {
        loop {
            let token = self.next();
            match token.kind {
                Kind::Identifier => {
                    values.insert(token.text);
                    let token = self.peek();
                    match token.kind {
                        Kind::Comma => {}
                        Kind::Close => return Ok(()),
                        _ => return Err(expected(token, "',' or ')'")),
                    }
                }
                Kind::Comma => {
                    let following = self.peek().kind;
                    if values.is_empty() || matches!(following, Kind::Close | Kind::Comma) {
                        values.insert("");
                    }
                    if following == Kind::Close {
                        return Ok(());
                    }
                }
                _ => return Err(expected(token, "',', or identifier")),
            }
        }
    }
}

fn as_word(token: Token<'_>) -> Token<'_> {
    match token.kind {
        Kind::In | Kind::NotIn => Token {
            kind: Kind::Identifier,
            ..token
        },
        _ => token,
    }
}

/// Splits the text into tokens, the last of which is the end.
///
/// A zero character ends the text where a token would start, and a token where one has started.
fn scan(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
        if rest.is_empty() || rest.starts_with('\0') {
            tokens.push(Token {
                kind: Kind::End,
                text: "",
            });
            return tokens;
        }
        let token = symbol(rest).unwrap_or_else(|| word(rest));
        rest = &rest[token.text.len()..];
        rest = rest.strip_prefix('\0').unwrap_or(rest);
        tokens.push(token);
    }
}

/// Returns the operator that the text starts with, the longest there is.
fn symbol(text: &str) -> Option<Token<'_>> {
    let of = |length| {
        let text = text.get(..length)?;
        if text.ends_with(is_word_character) {
            return None;
        }
        Some(Token {
            kind: Kind::of(text)?,
            text,
        })
    };
    of(2).or_else(|| of(1))
}

fn word(text: &str) -> Token<'_> {
    let text = text
        .split(|c| !is_word_character(c))
        .next()
        .unwrap_or_default();
    Token {
        kind: Kind::of(text).unwrap_or(Kind::Identifier),
        text,
    }
}

fn is_word_character(c: char) -> bool {
    !"=!(),><\t\r\n \0".contains(c)
}
