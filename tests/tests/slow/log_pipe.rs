//! A log that nobody reads, that is closed, or that has no room, does no harm.

use std::{fs::File, process::Stdio};

use crate::controller::{Controller, LONG, PATIENCE, SHORT, WORKERS};

#[tokio::test]
async fn closed_pipe_does_not_delay_the_end() -> anyhow::Result<()> {
    for way in ["main", "run", "current"] {
        for (drain, behavior, code) in [(LONG, "finish", 0), (SHORT, "hang-one", 1)] {
            let mut controller = Controller::start(way, drain, behavior).await?;
            let running = controller.started(WORKERS).await?;
            controller.close_log();

            let ended = controller.stop().await?;

            assert_eq!(ended.status.code(), Some(code), "{way} {behavior}");
            let finished = running.len() - usize::from(behavior == "hang-one");
            assert_eq!(ended.finished.len(), finished, "{way} {behavior}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn full_disk_does_not_delay_the_end() -> anyhow::Result<()> {
    for (drain, behavior, code) in [(LONG, "finish", 0), (SHORT, "hang-one", 1)] {
        let full = Stdio::from(File::options().write(true).open("/dev/full")?);
        let mut controller = Controller::start_with_log("main", drain, behavior, full).await?;
        controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(code), "{behavior}");
    }
    Ok(())
}

#[tokio::test]
async fn pipe_that_nobody_reads_holds_up_neither_callbacks_nor_the_end() -> anyhow::Result<()> {
    for (drain, behavior, code) in [(LONG, "chatty", 0), (SHORT, "chatty-hang", 1)] {
        let mut controller = Controller::start("main", drain, behavior).await?;
        let running = controller.started(WORKERS).await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(code), "{behavior}");
        assert!(ended.after < PATIENCE / 2, "{behavior}: {:?}", ended.after);
        if behavior == "chatty" {
            assert_eq!(ended.finished, running);
        }
    }
    Ok(())
}

#[tokio::test]
async fn second_signal_ends_at_once_a_process_whose_log_nobody_reads() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", LONG, "chatty-hang").await?;
    controller.started(WORKERS).await?;
    // Until it ends: two signals may be seen as one.
    let process = controller.terminate_again_and_again();

    let ended = controller.stop().await?;
    process.abort();

    assert_eq!(ended.status.code(), Some(143), "{:?}", ended.after);
    Ok(())
}

#[tokio::test]
async fn lines_that_are_logged_last_are_not_lost() -> anyhow::Result<()> {
    let mut controller = Controller::start("main", LONG, "finish").await?;
    controller.started(WORKERS).await?;

    let ended = controller.stop().await?;

    let last = ended.log.lines().last();
    assert!(
        last.is_some_and(|line| line.contains("stopped")),
        "{}",
        ended.log
    );
    Ok(())
}
