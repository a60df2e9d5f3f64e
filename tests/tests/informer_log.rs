//! What an informer logs; alone in its process, as tracing shares its filters between threads.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use kubehandler_tests::scripted::{Follower, Reply, ScriptedServer};
use tokio::time::Instant;

/// What was logged at `WARN` and `INFO`, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, level: &str) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned();
        text.lines()
            .filter(|line| line.contains(level))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn failure_is_warned_of_once_until_it_is_overcome_and_the_first_list_is_told_of() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_max_level(tracing::Level::INFO)
        .with_writer({
            let log = log.clone();
            move || log.clone()
        })
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let server = ScriptedServer::with_three_pods();
    server.refuse_streaming();
    let until = Instant::now() + Duration::from_secs(300);
    server.rule(move |_, _| (Instant::now() < until).then(|| Reply::status(403, "Forbidden")));
    let follower = Follower::start(&server);

    follower.converges().await;

    let warnings = log.lines("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert!(
        warnings[0].contains("cannot list pods: status 403 Forbidden"),
        "{warnings:#?}"
    );
    let told = log.lines("INFO");
    let [synced, recovered] = &told[..] else {
        panic!("{told:#?}");
    };
    assert!(
        synced.contains("synced informer=pods objects=3"),
        "{synced}"
    );
    assert!(
        recovered.contains("listing and watching again"),
        "{recovered}"
    );
}
