//! Expressions that are long, deep or costly: they fail, and never bring the server down.

use std::time::{Duration, Instant};

use serde_json::json;

use super::answer;

fn evaluate(expression: &str) -> String {
    let schema = json!({"type": "object", "properties": {"a": {"type": "integer"}, "s": {"type": "string"}}});
    let start = Instant::now();

    let answer = answer(&schema, &json!({"a": 1, "s": "x".repeat(1000)}), expression);

    assert!(
        start.elapsed() < Duration::from_secs(20),
        "it took {:?}: {}",
        start.elapsed(),
        &expression[..expression.len().min(80)]
    );
    answer
}

#[test]
fn deep_nesting_is_refused() {
    let deep = [
        format!("{}1{}", "(".repeat(5000), ")".repeat(5000)),
        format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
        format!("{}true", "!".repeat(50_000)),
        format!("{}1", "-".repeat(50_000)),
        format!("self{}", ".a".repeat(40_000)),
        format!("self{}", "[0]".repeat(30_000)),
        format!("1{}", "+1".repeat(40_000)),
        format!("1{}", "==1".repeat(30_000)),
        format!("{}1", "true?1:".repeat(10_000)),
        "(".repeat(90_000),
        "{".repeat(90_000),
        "'".repeat(90_000),
        "[1].map(x,".repeat(3_000),
    ];

    for expression in deep {
        assert!(evaluate(&expression).starts_with("E "), "{expression:.40}");
    }
}

#[test]
fn moderate_nesting_is_evaluated() {
    let nested = [
        format!("{}1{}", "(".repeat(60), ")".repeat(60)),
        format!("1{}", "+1".repeat(150)),
        format!("{}true", "true && ".repeat(2000)),
        format!("{}true", "false || ".repeat(2000)),
        format!("[{}1]", "1, ".repeat(5000)),
        format!("{}1{}", "[1].map(x, ".repeat(20), ")".repeat(20)),
    ];

    for expression in nested {
        let answer = evaluate(&expression);
        assert!(answer.starts_with("T "), "{expression:.40}: {answer:.200}");
    }
}

#[test]
fn costly_loops_are_cut() {
    let costly = [
        "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, true)))",
        "lists.range(100000).map(x, lists.range(100000)).size() > 0",
        "lists.range(20).map(x, 'y').map(a, lists.range(1000000).size()).size() > 0",
        "[self.s].map(a, a+a+a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a+a+a)\
         .map(a, a+a+a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a+a+a).map(a, a+a+a+a+a+a+a+a+a+a).size() > 0",
        "lists.range(1000).map(x, lists.range(1000)).flatten().distinct().size() > 0",
        "lists.range(100000).map(x, self.s.matches('(x+x+)+y')).size() > 0",
    ];

    for expression in costly {
        let answer = evaluate(expression);
        assert!(
            answer.contains("operation cancelled: actual cost limit exceeded"),
            "{expression}: {answer:.200}"
        );
    }
}
