//! Law 8 where the program's own logging panics: it costs no worker, no informer and no turn.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use kubehandler::{EventType, WorkQueue, k8s::Pod};
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::{Reply, ScriptedServer},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{Event, Subscriber, field::Visit, span};
use tracing_subscriber::{Layer, layer, layer::SubscriberExt};

use super::{Running, event_loop, seconds, workers};

/// Logging that panics the first time that something of this name is logged.
struct BrokenLog {
    name: &'static str,
    is_broken: AtomicBool,
}

impl BrokenLog {
    /// Breaks the logging of this thread, on which everything runs.
    fn of(name: &'static str) -> impl Drop {
        let log = Self {
            name,
            is_broken: AtomicBool::new(true),
        };
        tracing::subscriber::set_default(tracing_subscriber::registry().with(log))
    }

    fn log(&self, name: &str) {
        let is_it = name.contains(self.name);
        assert!(
            !is_it || !self.is_broken.swap(false, Ordering::Relaxed),
            "told to panic"
        );
    }
}

impl<S: Subscriber> Layer<S> for BrokenLog {
    fn on_new_span(&self, span: &span::Attributes<'_>, _: &span::Id, _: layer::Context<'_, S>) {
        self.log(span.metadata().name());
    }

    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        self.log(&text.0);
    }
}

/// The text of an event.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn fmt::Debug) {
        let _ = std::fmt::Write::write_fmt(&mut self.0, format_args!("{value:?} "));
    }
}

#[tokio::test(start_paused = true)]
async fn law_8_worker_outlives_broken_logging() {
    for name in ["callback", "it is retried", "not called"] {
        let _broken = BrokenLog::of(name);
        let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
        let handler = Recorder::new("logs", &log)
            .does(|seen| match seen.attempt {
                0 => Does::Fail,
                _ => Does::Succeed,
            })
            .settings(|settings| {
                settings.when(|pod: &Pod| pod.metadata.name.as_deref() != Some("c"))
            });
        let event_loop = event_loop().workers(workers(1)).register(handler);
        let running = Running::start(&server, event_loop);

        running.settle().await;
        server.put(pod("default/a"));
        running.settle().await;

        let mut succeeded = log.succeeded();
        let last = succeeded.pop().expect("some");
        assert_eq!(
            (last.event_type, &*last.object),
            (EventType::Update, "default/a")
        );
        let mut added: Vec<_> = succeeded.iter().map(|seen| &*seen.object).collect();
        added.sort_unstable();
        assert_eq!(added, ["default/a", "default/b"], "{name}");
        assert!(running.stop().await.is_ok(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn law_8_informer_outlives_broken_logging() {
    let _broken = BrokenLog::of("trying again");
    let (server, log) = (ScriptedServer::with_three_pods(), Log::new());
    server.fault(2, |_| true, || Reply::status(500, "InternalError"));
    let event_loop = event_loop().register(Recorder::new("logs", &log));
    let running = Running::start(&server, event_loop);

    running.settle().await;

    assert_eq!(log.succeeded().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn law_8_work_queue_outlives_broken_logging() {
    for name in ["handle", "retrying after backoff", "callback succeeded"] {
        let _broken = BrokenLog::of(name);
        let queue = WorkQueue::new("test");
        let registered = queue.register_add_handler("pods", |context, _, _| async move {
            match context.attempt() {
                0 => Err("told to fail".into()),
                _ => Ok(()),
            }
        });
        assert_eq!(registered, Ok(()));
        for name in ["a", "b"] {
            let mut pod = Pod::default();
            pod.metadata.name = Some(name.to_owned());
            queue.enqueue_add("pods", &pod).expect("registered");
        }
        let token = CancellationToken::new();
        let run = tokio::spawn({
            let (queue, stop) = (queue.clone(), token.clone());
            async move { queue.run(stop, 1).await }
        });

        sleep(seconds(100)).await;
        token.cancel();

        assert_eq!(run.await.expect("no panic"), Ok(()));
        assert!(format!("{queue:?}").contains("len: 0"), "{name}: {queue:?}");
    }
}
