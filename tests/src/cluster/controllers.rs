//! kube-controller-manager with the two controllers that finish what a delete began.

use std::{
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::Context as _;

use super::Cluster;

/// Kills the program once its standard input closes, however this process ends.
const SUPERVISOR: &str = r#"
exec 3<&0
"$PROGRAM" --kubeconfig="$KUBECONFIG" --leader-elect=false --secure-port=0 \
    --controllers=garbage-collector-controller,namespace-controller \
    --service-account-private-key-file="$KEY" >"$LOG" 2>&1 3<&- &
read -r _ <&3
kill -9 $!
"#;

/// Running controllers; dropping them stops them.
#[derive(Debug)]
pub struct Controllers {
    /// Its standard input must stay open for as long as the controllers are to live.
    supervisor: Child,
}

impl Cluster {
    /// Starts garbage collection and the end of deleted namespaces.
    ///
    /// # Errors
    ///
    /// Fails if the assets have no `kube-controller-manager`.
    pub fn start_controllers(&self) -> anyhow::Result<Controllers> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let program = self.assets.join("kube-controller-manager");
        anyhow::ensure!(
            program.is_file(),
            "`{}` is missing: build it with `tests/cluster/build`",
            program.display()
        );
        let directory = self.servers.directory();
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR])
            .env("PROGRAM", program)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KEY", directory.join("accounts.key"))
            .env("LOG", directory.join(format!("controllers-{count}.log")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("failed to start `sh`")?;
        Ok(Controllers { supervisor })
    }
}

impl Drop for Controllers {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
