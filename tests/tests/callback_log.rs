//! What is logged of failed callbacks; alone in its process, as tracing shares its filters between threads.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use kubehandler::{EventLoop, EventType, Retry};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What was logged, a line each.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn with(&self, words: &[&str]) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().expect("no panic")).into_owned();
        let lines = text.lines();
        lines
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_logged_as_an_error_with_its_object() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer({
            let lines = lines.clone();
            move || lines.clone()
        })
        .finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/gone"));
    let handler = Recorder::new("stuck", &log)
        .does(|seen| match (seen.event_type, &*seen.object) {
            (EventType::Delete, _) => Does::FailFor(Duration::from_secs(60)),
            (_, "default/last") => Does::Fail,
            _ => Does::Succeed,
        })
        .settings(|settings| {
            let retry = Retry::default().base(Duration::from_secs(100));
            settings.retry(retry.delete_deadline(Duration::from_secs(600)))
        });
    let stop = CancellationToken::new();
    let event_loop = EventLoop::new("test").client(server.client());
    let running = tokio::spawn(event_loop.register(handler).run_until(stop.clone()));
    sleep(Duration::from_secs(1)).await;

    server.delete_pod("default/gone");
    sleep(Duration::from_secs(1000)).await;

    let errors = lines.with(&["ERROR"]);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    for word in [
        "object=default/gone",
        "attempt=10",
        "seconds=600",
        "given up",
        "told to fail",
    ] {
        assert!(errors[0].contains(word), "{word}: {errors:#?}");
    }

    server.put(pod("default/last"));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(lines.with(&["default/last", "it is retried"]).len(), 1);
    stop.cancel();
    running.await.expect("no panic").expect("it drains");
}
