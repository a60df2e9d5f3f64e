//! Real processes get real signals, while callbacks run and a thousand objects wait.

use std::collections::BTreeSet;

use crate::controller::{Controller, Ended, LONG, SHORT, WORKERS};

/// Checks that the end came at the drain deadline, not before, and names the one callback that was cut off.
fn assert_cut_off(ended: &Ended, running: &BTreeSet<String>, ending: &str) {
    let cut_off: Vec<&String> = running.difference(&ended.finished).collect();
    let [name] = cut_off[..] else {
        panic!("not one was cut off, but {cut_off:?}\n{}", ended.log);
    };
    let named = format!("add of `default/{name}` by `pods`{ending}");
    assert!(ended.log.contains(&named), "{named} in {}", ended.log);
    assert!(ended.started.is_empty(), "started: {:?}", ended.started);
    assert!(ended.after >= SHORT, "before the drain deadline");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
}

#[tokio::test]
async fn running_callbacks_finish_and_none_of_a_thousand_waiting_ones_starts() -> anyhow::Result<()>
{
    for way in ["main", "run"] {
        let mut controller = Controller::start(way, LONG, "finish").await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.finished, running, "{way}");
        assert!(ended.started.is_empty(), "{way}: {:?}", ended.started);
        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn hanging_callback_is_named_at_the_drain_deadline() -> anyhow::Result<()> {
    for way in ["main", "run"] {
        let mut controller = Controller::start(way, SHORT, "hang-one").await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_cut_off(&ended, &running, "");
        assert!(!ended.log.contains("blocks its thread"), "{}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn callback_that_blocks_its_thread_is_named_and_left_behind() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", SHORT, "block-one").await?;
    let running = controller.started(WORKERS).await?;

    let ended = controller.stop().await?;

    assert_cut_off(&ended, &running, " (it blocks its thread)");
    Ok(())
}

#[tokio::test]
async fn process_ends_even_if_callbacks_block_every_thread() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", SHORT, "block-all").await?;
    let running = controller.started(2).await?;

    let ended = controller.stop().await?;

    for name in running {
        let named = format!("add of `default/{name}` by `pods` (it blocks its thread)");
        assert!(ended.log.contains(&named), "{named} in {}", ended.log);
    }
    assert!(ended.started.is_empty(), "{:?}", ended.started);
    assert!(ended.after >= SHORT, "before the drain deadline");
    assert_eq!(ended.status.code(), Some(1), "{}", ended.log);
    Ok(())
}

#[tokio::test]
async fn second_signal_ends_the_process_at_once() -> anyhow::Result<()> {
    for (way, behavior, running) in [
        ("main", "hang-one", WORKERS),
        ("run", "hang-one", WORKERS),
        ("main", "block-all", 2),
    ] {
        let mut controller = Controller::start(way, LONG, behavior).await?;
        controller.started(running).await?;
        controller.terminate().await?;
        controller.logs("a second signal ends at once").await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(143), "{way} {behavior}");
    }
    Ok(())
}
