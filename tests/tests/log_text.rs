//! What is logged, and what errors say, where names, messages and objects are as bad as can be.
//!
//! A process of its own: the subscriber is the process's, and what all tests log is looked at.

use std::{
    borrow::Cow,
    fmt, io,
    sync::{Arc, Mutex, Once, PoisonError},
    time::Duration,
};

use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Filter, HandlerError,
    Index, Informer, InformerOptions, Informers, Result, ResultExt, RunError, Settings, WorkQueue,
    k8s::{ConfigMap, Pod},
    kube::{
        Config,
        api::ObjectMeta,
        config::{KubeConfigOptions, Kubeconfig},
    },
};
use kubehandler_tests::scripted::{Asked, Reply, ScriptedServer};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tracing_subscriber::{Layer as _, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _};

/// Ends a line, forges another, commands the terminal, hides text and turns it around.
const BAD: &str = "x\nFORGED a line\r\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{2028}\u{0}";

/// What an object holds, and no log.
const SECRET: &str = "hunter2";

/// Longer than this no line has to be.
const LONGEST: usize = 4096;

fn huge() -> String {
    BAD.repeat(1_200_000 / BAD.len())
}

/// As much of that as an error's body has room for.
fn long() -> String {
    BAD.repeat(20_000 / BAD.len())
}

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

/// All records, each as the subscriber wrote it.
#[derive(Clone, Default)]
struct Records(Arc<Mutex<Vec<String>>>);

impl Records {
    fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl io::Write for Records {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let record = String::from_utf8(bytes.to_vec()).map_err(io::Error::other)?;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Records {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

static TEXT: Mutex<Option<Records>> = Mutex::new(None);
static JSON: Mutex<Option<Records>> = Mutex::new(None);

/// Captures what this crate logs, from here on, as text and as JSON.
fn capture() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (text, json) = (Records::default(), Records::default());
        *TEXT.lock().expect("no panic") = Some(text.clone());
        *JSON.lock().expect("no panic") = Some(json.clone());
        let ours = || Targets::new().with_target("kubehandler", tracing::Level::TRACE);
        let formats = tracing_subscriber::fmt::layer().with_ansi(false);
        let text = formats.with_writer(text).with_filter(ours());
        let json = tracing_subscriber::fmt::layer().json().with_writer(json);
        let subscriber = tracing_subscriber::registry()
            .with(text)
            .with(json.with_filter(ours()));
        tracing::subscriber::set_global_default(subscriber).expect("the only one");
    });
}

/// Checks all that was logged by now; returns the records as text.
fn logged() -> String {
    let records = |of: &Mutex<Option<Records>>| {
        let of = of.lock().expect("no panic").clone();
        of.expect("`capture` comes first").all()
    };
    let text = records(&TEXT);
    assert!(!text.is_empty(), "nothing was logged");
    for record in text.iter().chain(&records(&JSON)) {
        let line = record.strip_suffix('\n').expect("a record is a line");
        assert_fit(line);
    }
    text.concat()
}

/// Checks that a text is one line of a bounded length, and shows what it holds.
fn assert_fit(line: &str) {
    let shown: String = line.escape_debug().take(2_000).collect();
    let is_bad = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert_eq!(line.chars().find(is_bad), None, "{shown}");
    assert!(line.len() <= LONGEST, "{} bytes: {shown}", line.len());
    assert!(!line.contains(SECRET), "{shown}");
}

fn named(name: &str, data: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default", "uid": format!("u-{}", name.len()), "resourceVersion": "5"},
        "data": data,
    })
}

/// A server whose list is these objects.
fn server_of(items: &[Value]) -> ScriptedServer {
    let server = ScriptedServer::new();
    server.refuse_streaming();
    let list = json!({"metadata": {"resourceVersion": "9"}, "items": items});
    server.fault(usize::MAX, Asked::is_list, move || Reply::json(&list));
    server.fault(usize::MAX, Asked::is_watch, || Reply::stream().hang());
    server
}

/// Objects nested in names of 10 KB, with a secret where no number is.
fn deep() -> Value {
    let mut value = json!(SECRET);
    for _ in 0..130 {
        value = json!({ BAD.repeat(10_000 / BAD.len()): value });
    }
    value
}

/// Fails in every way, by the object's name.
struct Fails {
    index: Index<ConfigMap>,
}

impl EventHandler for Fails {
    type Resource = ConfigMap;

    fn name(&self) -> Cow<'_, str> {
        "fails".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<ConfigMap> {
        let options = InformerOptions::default().index(&self.index);
        Informer::with_options(informers.client().clone(), &(), Filter::default(), options)
    }

    fn settings(&self) -> Settings<Self> {
        Settings::default()
            .timeout(seconds(5))
            .when(|map: &ConfigMap| map.metadata.name.as_deref() != Some("dropped\n"))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Caused(String, #[source] io::Error);

impl Callbacks for Fails {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        match ev.name().chars().next() {
            Some('p') => panic!("{}", huge()),
            Some('t') => sleep(seconds(60)).await,
            Some('c') => Err(Caused(huge(), io::Error::other(huge())))?,
            Some('g') => Err(huge()).terminal()?,
            Some('d') => drop(ev.object()?),
            _ => Err(HandlerError::from(BAD))?,
        }
        Ok(Action::DONE)
    }
}

#[tokio::test(start_paused = true)]
async fn names_of_objects_and_errors_of_callbacks_stay_on_their_line() {
    capture();
    let server = server_of(&[
        named(&format!("p{BAD}"), &json!({})),
        named(&format!("t{BAD}"), &json!({})),
        named(&format!("c{BAD}"), &json!({})),
        named(&format!("g{BAD}"), &json!({})),
        named(&format!("d{BAD}"), &json!({"key\u{1b}": {"a": SECRET}})),
        named(&format!("dd{BAD}"), &json!(SECRET)),
        named(&format!("ddd{BAD}"), &deep()),
        named("dropped\n", &json!({})),
        named(&format!("x{}", BAD.repeat(1_000)), &json!({})),
    ]);
    let index = Index::of_metadata(|_: &ObjectMeta| -> Vec<String> { panic!("{}", huge()) });
    let event_loop = EventLoop::new(format!("loop{BAD}"))
        .client(server.client())
        .register(Fails { index });
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    sleep(seconds(10)).await;
    for waiting in handle.waiting() {
        assert_fit(&waiting.to_string());
    }

    stop.cancel();
    let result = running.await.expect("no panic");

    assert!(result.is_ok(), "{result:?}");
    let log = logged();
    for (what, part) in [
        (
            "the callback's error",
            r"callback failed; it is retried error=x\nFORGED a line\r\n\u{1b}[2J",
        ),
        ("the span", r"object=default/px\nFORGED"),
        ("the panic", r"error=callback panicked: x\nFORGED"),
        (
            "the terminal error",
            "callback failed; it is given up error=x",
        ),
        (
            "the decode error",
            "the object is not a valid `ConfigMap`: `data",
        ),
        (
            "the predicate",
            r"not called handler=fails object=default/dropped\n",
        ),
        (
            "the index",
            "the function of an index panicked object=default/",
        ),
        ("the length", "more characters)"),
    ] {
        assert!(log.contains(part), "{what} is not in the log");
    }
}

/// Fails to end, so that it is cut off.
struct Hangs;

impl EventHandler for Hangs {
    type Resource = ConfigMap;

    fn name(&self) -> Cow<'_, str> {
        "hangs".into()
    }

    fn informer(&self, informers: &Informers) -> Informer<ConfigMap> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Hangs {
    async fn reconcile(&self, _: Event<Self>) -> Result<Action> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn callbacks_that_are_cut_off_are_named_on_one_line() {
    capture();
    let server = server_of(&[
        named(&format!("a{BAD}"), &json!({})),
        named(&format!("b{}", BAD.repeat(1_000)), &json!({})),
    ]);
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(Hangs);
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    sleep(seconds(100)).await;
    for running in handle.running() {
        assert_fit(&running.to_string());
    }

    stop.cancel();
    let error = running.await.expect("no panic").expect_err("they hang");

    assert!(matches!(error, RunError::CutOff(_)), "{error}");
    assert_fit(&error.to_string());
    assert!(
        error.to_string().contains(r"add of `default/ax\nFORGED"),
        "{error}"
    );
    let log = logged();
    assert!(log.contains("drain deadline passed"));
    assert!(log.contains("callback is still running"));
}

/// Answers of a server that mean it ill, or are broken, with what must be said of each.
fn bad_answers() -> Vec<(Reply, &'static str)> {
    let status = |code: u16, message: &str| {
        let status = json!({"kind": "Status", "code": code, "reason": BAD, "message": message});
        Reply::code(code).text(&status.to_string())
    };
    let events = |events: &[Value]| {
        let list = [
            json!({"type": "ADDED", "object": {"metadata": {"name": "a", "uid": "u", "resourceVersion": "5"}}}),
        ];
        Reply::stream()
            .lines(&list)
            .closing_bookmark(9)
            .lines(events)
            .hang()
    };
    let items =
        |metadata: Value, items: Value| Reply::json(&json!({"metadata": metadata, "items": items}));
    vec![
        (status(403, &long()), r"status 403 x\nFORGED"),
        (status(410, &huge()), "status 410"),
        (status(422, BAD), "status 422"),
        (Reply::unreachable(&huge()), r"x\nFORGED"),
        (Reply::code(500).text(&huge()), "status 500"),
        (Reply::stream().text(&huge()), "cannot be read"),
        (
            items(json!({"resourceVersion": {"a": SECRET}}), json!([])),
            "`metadata.resourceVersion`",
        ),
        (
            items(
                json!({"resourceVersion": huge()}),
                json!([{"metadata": {"name": "a"}}]),
            ),
            "",
        ),
        (
            items(
                json!({"resourceVersion": "9"}),
                json!([{"metadata": {"name": {"a": SECRET}}}]),
            ),
            "skipped",
        ),
        (
            items(
                json!({"resourceVersion": "9"}),
                json!([{"metadata": {"name": BAD, "uid": [SECRET]}}]),
            ),
            "skipped",
        ),
        (
            items(json!({"resourceVersion": "9"}), json!({"hunter2": 1})),
            "cannot be read",
        ),
        (
            events(&[json!({"type": huge(), "object": {}})]),
            "unknown type",
        ),
        (
            events(&[
                json!({"type": "ERROR", "object": {"kind": "Status", "code": 500, "reason": BAD, "message": huge()}}),
            ]),
            "status 500",
        ),
        (
            events(&[
                json!({"type": "MODIFIED", "object": {"metadata": {"name": BAD, "uid": SECRET.len()}}}),
            ]),
            "cannot be read",
        ),
        (
            events(&[
                json!({"type": "DELETED", "object": {"metadata": {"name": "a", "uid": BAD, "resourceVersion": "10"}}}),
            ]),
            "deleted another",
        ),
        (
            events(&[
                json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": {"a": SECRET}}}}),
            ]),
            "cannot be read",
        ),
        (
            events(&[
                json!({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": BAD}}}),
            ]),
            "",
        ),
        (
            events(&[json!({"type": BAD.repeat(10), "object": SECRET})]),
            "unknown type",
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn whatever_a_server_answers_is_reported_on_one_line() {
    capture();
    for (reply, part) in bad_answers() {
        let server = ScriptedServer::new();
        server.fault(usize::MAX, |_| true, move || reply.clone());
        let filter = Filter::default().labels("a!=b\u{85}");
        let informer: Informer<Pod> = Informer::new(server.client(), filter);
        let stop = CancellationToken::new();
        let running = {
            let (informer, stop) = (informer.clone(), stop.clone());
            tokio::spawn(async move { informer.run(stop).await })
        };

        let mut said = String::new();
        for _ in 0..100 {
            sleep(Duration::from_millis(100)).await;
            if let Some(error) = informer.last_error() {
                assert_fit(&error);
                said.push_str(&error);
            }
        }
        stop.cancel();
        running.await.expect("no panic");

        let log = logged();
        assert!(
            said.contains(part) || log.contains(part),
            "`{part}` is not in: {said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn informers_that_cannot_sync_are_named_on_one_line() {
    capture();
    let server = ScriptedServer::new();
    let status = json!({"kind": "Status", "code": 403, "reason": BAD, "message": long()});
    server.fault(
        usize::MAX,
        |_| true,
        move || Reply::code(403).text(&status.to_string()),
    );
    let event_loop = EventLoop::new("test")
        .client(server.client())
        .register(Hangs);
    let handle = event_loop.handle();
    let running = tokio::spawn(event_loop.run_until(CancellationToken::new()));
    sleep(seconds(10)).await;
    for informer in handle.informers() {
        assert_fit(&informer.informer);
        assert_fit(&informer.last_error.expect("it is forbidden"));
    }

    let error = running.await.expect("no panic").expect_err("not synced");

    assert!(matches!(error, RunError::NotSynced(_)), "{error}");
    assert_fit(&error.to_string());
    assert_fit(&format!("{error:?}"));
    assert!(
        error.to_string().contains(r"status 403 x\nFORGED"),
        "{error}"
    );
    logged();
}

#[tokio::test(start_paused = true)]
async fn work_queue_logs_and_names_its_calls_on_one_line() {
    capture();
    let queue = WorkQueue::new(format!("queue{BAD}")).drain_timeout(seconds(1));
    let kind = format!("pods{BAD}");
    let registered = queue.register_add_handler(kind.clone(), |_, _, name| async move {
        match name.chars().next() {
            Some('e') => Err(HandlerError::from(huge())),
            Some('t') => Err(HandlerError::terminal(huge())),
            Some('p') => panic!("{}", huge()),
            _ => std::future::pending().await,
        }
    });
    registered.expect("the first of its kind");
    for first in ["e", "t", "p", "h"] {
        let mut pod = Pod::default();
        pod.metadata.name = Some(format!("{first}{BAD}"));
        queue.enqueue_add(&kind, &pod).expect("it is registered");
        assert_fit(
            &queue
                .enqueue_delete(&kind, &pod)
                .expect_err("it is not")
                .to_string(),
        );
    }
    let stop = CancellationToken::new();
    let running = {
        let (queue, stop) = (queue.clone(), stop.clone());
        tokio::spawn(async move { queue.run(stop, 4).await })
    };
    sleep(seconds(10)).await;

    stop.cancel();
    let error = running.await.expect("no panic").expect_err("one hangs");

    assert_fit(&error.to_string());
    let log = logged();
    assert!(log.contains("work queue started"));
    assert!(log.contains("callback failed; retrying after backoff error=x"));
}

#[tokio::test]
async fn credentials_plugin_that_prints_a_secret_is_not_quoted() {
    for script in [
        "echo hunter2; echo hunter2 >&2; exit 1",
        "echo '{\"status\":{\"token\":[\"hunter2\"]}}'",
        "echo 'token: hunter2'",
    ] {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1",
                "command": "sh",
                "args": ["-c", script],
                "interactiveMode": "Never",
            }}}],
        });
        let kubeconfig = Kubeconfig::from_yaml(&kubeconfig.to_string()).expect("a kubeconfig");
        let event_loop = EventLoop::new("test")
            .config_from(async {
                Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await
            })
            .register(Hangs);

        let run = event_loop.run_until(CancellationToken::new());
        let error = timeout(seconds(60), run).await.expect("it ends");

        let error = error.expect_err("there are no credentials");
        let printed = [
            format!("{error}"),
            format!("{error:?}"),
            HandlerError::from(error).to_string(),
        ];
        for text in printed {
            assert_fit(&text);
        }
    }
}

impl fmt::Debug for Fails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fails")
    }
}
