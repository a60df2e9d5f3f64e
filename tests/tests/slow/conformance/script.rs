//! Scenarios as they are written down: see `tests/conformance/README.md` for the language.

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// One scenario.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// A sentence that says what must be so.
    pub(crate) title: String,
    /// The sentences of the contract that it shows.
    pub(crate) shows: Vec<String>,
    /// It changes what all see (a compaction), and runs alone.
    pub(crate) is_alone: bool,
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Send a request and note the answer.
    Ask {
        name: Option<String>,
        request: Request,
    },
    /// Open a watch; its lines are read by `Read`.
    Watch { name: String, request: Request },
    /// Note what a watch says, until enough was said.
    Read { name: String, until: Until },
    /// Ask until the answer has this code, and note the last.
    Await { request: Request, code: u16 },
    /// Ask until the text is in the answer, and note the last.
    AwaitText { request: Request, text: String },
    /// Forget the history.
    Compact,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// When a watch has said enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// So many events.
    Events(usize),
    /// A bookmark.
    Bookmark,
    /// The end of the watch.
    End,
}

/// Reads a file of scenarios.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Scenario>> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (index, line) in joined(text) {
        let read = match line.strip_prefix("## ") {
            Some(heading) => heading_of(heading).map(|scenario| scenarios.push(scenario)),
            None => step_of(&line).and_then(|step| {
                let scenario = scenarios
                    .last_mut()
                    .context("a step before the first heading")?;
                scenario.steps.push(step);
                Ok(())
            }),
        };
        read.with_context(|| format!("line {}: {line}", index + 1))?;
    }
    Ok(scenarios)
}

/// The lines that say something; one that is indented goes on with the line before.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let is_comment = line.starts_with("# ") || line.trim().is_empty();
        if is_comment {
            continue;
        }
        match lines.last_mut() {
            Some((_, last)) if line.starts_with(' ') => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => lines.push((index, line.trim_end().to_owned())),
        }
    }
    lines
}

fn heading_of(heading: &str) -> anyhow::Result<Scenario> {
    let (title, rest) = heading
        .split_once('[')
        .context("a heading needs `[what it shows]`")?;
    let shows = rest.trim_end().trim_end_matches(']');
    let mut shows: Vec<String> = shows.split_whitespace().map(str::to_owned).collect();
    let is_alone = shows.iter().any(|word| word == "alone");
    shows.retain(|word| word != "alone");
    ensure!(!shows.is_empty(), "it shows nothing of the contract");
    Ok(Scenario {
        title: title.trim().to_owned(),
        shows,
        is_alone,
        steps: Vec::new(),
    })
}

fn step_of(line: &str) -> anyhow::Result<Step> {
    let (name, line) = match line.split_once(" = ") {
        Some((name, rest)) if name.chars().all(char::is_alphanumeric) => {
            (Some(name.to_owned()), rest)
        }
        _ => (None, line),
    };
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match verb {
        "COMPACT" => Step::Compact,
        "READ" => {
            let (name, until) = rest
                .split_once(' ')
                .context("READ needs a watch and an end")?;
            let until = match until {
                "bookmark" => Until::Bookmark,
                "end" => Until::End,
                number => Until::Events(number.parse()?),
            };
            Step::Read {
                name: name.to_owned(),
                until,
            }
        }
        "WATCH" => Step::Watch {
            name: name.context("a watch needs a name")?,
            request: request_of("GET", rest)?,
        },
        "AWAIT" => {
            let (code, rest) = rest
                .split_once(' ')
                .context("AWAIT needs a code and a path")?;
            Step::Await {
                request: request_of("GET", rest)?,
                code: code.parse()?,
            }
        }
        "AWAITTEXT" => {
            let (text, rest) = rest
                .split_once(' ')
                .context("AWAITTEXT needs a text and a path")?;
            Step::AwaitText {
                request: request_of("GET", rest)?,
                text: text.to_owned(),
            }
        }
        verb => Step::Ask {
            name,
            request: request_of(verb, rest)?,
        },
    })
}

fn request_of(verb: &str, rest: &str) -> anyhow::Result<Request> {
    let (method, content_type) = match verb {
        "GET" => ("GET", ""),
        "POST" => ("POST", "application/json"),
        "PUT" => ("PUT", "application/json"),
        "DELETE" => ("DELETE", ""),
        "JSON" => ("PATCH", "application/json-patch+json"),
        "MERGE" => ("PATCH", "application/merge-patch+json"),
        "APPLY" => ("PATCH", "application/apply-patch+yaml"),
        "PATCH" => ("PATCH", ""),
        "OPTIONS" => ("OPTIONS", ""),
        other => bail!("no step begins with `{other}`"),
    };
    let mut words = rest.splitn(2, ' ');
    let path = words.next().unwrap_or_default().to_owned();
    let mut rest = words.next().unwrap_or_default().trim_start();
    let mut headers = vec![("accept".to_owned(), "application/json".to_owned())];
    if !content_type.is_empty() {
        headers.push(("content-type".to_owned(), content_type.to_owned()));
    }
    while let Some(header) = rest.strip_prefix('@') {
        let (header, after) = header.split_once(' ').unwrap_or((header, ""));
        let (name, value) = header
            .split_once('=')
            .context("a header is `@name=value`")?;
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    if method == "DELETE"
        && !rest.is_empty()
        && !headers.iter().any(|(name, _)| name == "content-type")
    {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Ok(Request {
        method,
        path,
        headers,
        body: body_of(rest)?,
    })
}

/// Bodies are YAML in one line, and what stands in backquotes goes as it is.
fn body_of(text: &str) -> anyhow::Result<String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if let Some(raw) = text.strip_prefix('`') {
        return Ok(raw.trim_end_matches('`').to_owned());
    }
    let value: Value = serde_saphyr::from_str(text).context("the body is not YAML")?;
    Ok(value.to_string())
}
