//! The span of a callback; alone in its process, since tracing's subscriber is the process's.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};

use kubehandler::EventLoop;
use kubehandler_tests::{
    pod,
    recorder::{Does, Log, Recorder},
    scripted::ScriptedServer,
};
use tokio_util::sync::CancellationToken;
use tracing::{Subscriber, field::Visit, span};
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// Keeps the fields of every span named `callback`.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<BTreeMap<&'static str, String>>>>);

impl<S: Subscriber> Layer<S> for Spans {
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        _: &span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        struct Fields(BTreeMap<&'static str, String>);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
                self.0.insert(field.name(), format!("{value:?}"));
            }
        }
        if attributes.metadata().name() == "callback" {
            let mut fields = Fields(BTreeMap::new());
            attributes.record(&mut fields);
            self.0.lock().expect("not poisoned").push(fields.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_callback_has_one_span_with_handler_event_type_object_and_attempt() {
    let spans = Spans::default();
    let registry = tracing_subscriber::registry().with(spans.clone());
    tracing::subscriber::set_global_default(registry).expect("the only one");
    let (server, log) = (ScriptedServer::new(), Log::new());
    server.put(pod("default/a"));
    let handler = Recorder::new("pods", &log).does(|seen| match seen.attempt {
        0 => Does::Fail,
        _ => Does::Succeed,
    });

    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(handler);
    let handle = event_loop.handle();
    let _running = tokio::spawn(event_loop.run_until(CancellationToken::new()));
    assert!(handle.idle().await);

    let spans = spans.0.lock().expect("not poisoned");
    let shown: Vec<String> = spans
        .iter()
        .map(|span| {
            format!(
                "{} {} {} {}",
                span["handler"], span["event_type"], span["object"], span["attempt"]
            )
        })
        .collect();
    assert_eq!(shown, ["pods add default/a 0", "pods add default/a 1"]);
}
