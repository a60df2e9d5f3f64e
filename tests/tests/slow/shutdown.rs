//! Real processes get real signals, while callbacks run and a thousand objects wait.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use anyhow::Context as _;

use crate::controller::{Controller, Ended, LONG, PATIENCE, SHORT, WORKERS};

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
        tokio::time::sleep(Duration::from_millis(1_100)).await; // Sooner, it is still the first.

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(143), "{way} {behavior}");
    }
    Ok(())
}

#[tokio::test]
async fn same_signal_twice_within_a_second_counts_once() -> anyhow::Result<()> {
    for way in ["main", "run"] {
        let mut controller = Controller::start(way, LONG, "finish").await?;
        controller.started(WORKERS).await?;
        controller.terminate().await?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
    }
    Ok(())
}

#[tokio::test]
async fn signal_ends_a_program_whose_credentials_plugin_hangs() -> anyhow::Result<()> {
    for way in ["main", "run", "current"] {
        let plugin = HangingPlugin::new()?;
        let controller = Controller::with_kubeconfig(way, &plugin.kubeconfig())?;
        plugin.runs().await.context(way)?;

        let ended = controller.stop().await?;

        assert_eq!(ended.status.code(), Some(0), "{way}: {}", ended.log);
        assert!(ended.after < PATIENCE / 4, "{way}: {:?}", ended.after);
        assert!(ended.log.contains("told to stop"), "{way}: {}", ended.log);
    }
    Ok(())
}

/// A folder with a kubeconfig whose credentials plugin says that it runs, and never ends.
struct HangingPlugin(PathBuf);

impl HangingPlugin {
    fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("kubehandler-plugin-{}", fastrand::u64(..)));
        std::fs::create_dir(&folder)?;
        let script = format!("touch {}; exec sleep 300", folder.join("runs").display());
        let kubeconfig = serde_json::json!({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
            "users": [{"name": "u", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "sh",
                "args": ["-c", script],
                "interactiveMode": "Never",
            }}}],
        });
        std::fs::write(folder.join("config"), kubeconfig.to_string())?;
        Ok(Self(folder))
    }

    fn kubeconfig(&self) -> PathBuf {
        self.0.join("config")
    }

    /// Waits until the plugin runs.
    async fn runs(&self) -> anyhow::Result<()> {
        let runs = async {
            while !self.0.join("runs").exists() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let runs = tokio::time::timeout(PATIENCE, runs).await;
        runs.context("the plugin was not run")
    }
}

impl Drop for HangingPlugin {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
