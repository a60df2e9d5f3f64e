//! Callbacks that block their threads are named while they do it, and nobody else is.

use anyhow::Context as _;

use crate::controller::{Controller, LONG, SHORT, WORKERS};

/// Returns the objects in a text that are named as those of callbacks, with what follows.
fn named(text: &str) -> Vec<(&str, &str)> {
    let calls = text.split("add of `").skip(1);
    calls
        .filter_map(|call| call.split_once("` by `pods`"))
        .collect()
}

#[tokio::test]
async fn callback_that_blocks_its_thread_is_named_and_told_what_to_do_until_it_lets_go()
-> anyhow::Result<()> {
    for way in ["main", "run", "current"] {
        let mut controller = Controller::start(way, LONG, "block-a-while").await?;

        let blocks = controller.logs("blocks its thread").await?;
        let over = controller.logs("no longer blocks its thread").await?;
        let running = controller.started(WORKERS).await?;
        let ended = controller.stop().await?;

        for part in ["WARN", "spawn_blocking", "ev.blocking", "has not returned"] {
            assert!(blocks.contains(part), "{way}: no `{part}` in {blocks}");
        }
        assert!(over.contains("INFO"), "{way}: {over}");
        let first = named(&blocks).first().context(blocks.clone())?.0;
        assert_eq!(
            named(&over).first().map(|call| call.0),
            Some(first),
            "{way}"
        );
        // Nobody else is named, although all of them were running.
        let log = ended.log.replace(first, "THE ONE");
        let others = named(&log).into_iter().filter(|call| call.0 != "THE ONE");
        assert_eq!(others.count(), 0, "{way}: {log}");
        assert_eq!(ended.finished.len(), running.len(), "{way}");
        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn predicate_that_blocks_is_named_with_its_handler() -> anyhow::Result<()> {
    for way in ["main", "current"] {
        let mut controller = Controller::start(way, LONG, "block-predicate").await?;

        let blocks = controller.logs("blocks its thread").await?;
        let over = controller.logs("no longer blocks its thread").await?;
        let ended = controller.stop().await?;

        for line in [&blocks, &over] {
            let part = "a predicate of `pods`, for `default/pod-";
            assert!(line.contains(part), "{way}: {line}");
        }
        assert!(
            blocks.contains("predicates must be quick"),
            "{way}: {blocks}"
        );
        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn code_that_may_block_holds_up_nobody() -> anyhow::Result<()> {
    for way in ["main", "current"] {
        let mut controller = Controller::start(way, LONG, "blocking").await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.finished, running, "{way}");
        let is_reported = ended.log.contains("blocks its thread");
        assert!(!is_reported, "{way}: {}", ended.log);
        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn callbacks_that_wait_are_not_blamed_for_those_that_block_every_thread() -> anyhow::Result<()>
{
    let mut controller = Controller::start("main", SHORT, "block-two").await?;
    let running = controller.started(WORKERS).await?;
    controller.logs("blocks its thread").await?;
    controller.logs("blocks its thread").await?;

    let ended = controller.stop().await?;

    let error = ended.log.lines().find(|line| line.starts_with("Error: "));
    let error = error.context(ended.log.clone())?;
    let cut_off = named(error);
    assert_eq!(cut_off.len(), running.len(), "{error}");
    let blamed = cut_off
        .iter()
        .filter(|call| call.1.contains("blocks its thread"));
    let mut blamed: Vec<&str> = blamed.map(|call| call.0).collect();
    let watched = ended
        .log
        .lines()
        .filter(|line| line.contains("has not returned"));
    let mut watched: Vec<&str> = watched.flat_map(named).map(|call| call.0).collect();
    blamed.sort_unstable();
    watched.sort_unstable();
    watched.dedup();
    assert_eq!(blamed.len(), 2, "{error}");
    assert_eq!(blamed, watched, "{}", ended.log);
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    Ok(())
}
