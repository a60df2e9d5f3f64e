//! How long a task of the library keeps its thread: while it lists, lists again, learns and resyncs.
#![cfg(target_os = "linux")] // The kernel tells the time that a thread has computed.

use std::{
    borrow::Cow,
    collections::VecDeque,
    convert::Infallible,
    fmt::Write as _,
    future::poll_fn,
    num::NonZeroUsize,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, EventLoopHandle, Filter,
    Informer, Informers, Result, Settings,
    k8s::ConfigMap,
    kube::{self, Client},
};
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{sleep, timeout};

/// The most that a task may compute before it lets others run.
const MOST: Duration = Duration::from_millis(10);

/// A machine that is busy with other things only adds to what is measured: the least of these counts.
const TRIES: usize = 3;

/// Longer than any step takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Bytes that come in one piece.
const PIECE: usize = 128 * 1024;

#[test]
fn no_task_keeps_its_thread_for_long_with_objects_of_1_kb() {
    measure(20_000, 1_000);
}

#[test]
fn no_task_keeps_its_thread_for_long_with_objects_of_30_kb() {
    measure(2_000, 30_000);
}

#[test]
fn no_task_keeps_its_thread_for_long_with_objects_of_1_mb() {
    measure(150, 1_000_000);
}

/// Plays all that a loop does with so many objects of such a size, listed in both ways.
fn measure(objects: usize, size: usize) {
    for streams in [true, false] {
        let server = Server::new(objects, size, streams);
        let mut tries = vec![play(&server)];
        while tries.len() < TRIES && !tries.iter().any(|longest| longest.is_short()) {
            tries.push(play(&server));
        }
        for step in Step::ALL {
            let longest = tries.iter().map(|longest| longest.of(step)).min();
            let longest = longest.expect("there are tries");
            assert!(
                longest < MOST,
                "{step:?} of {objects} objects of {size} B, streams: {streams}: a task computed for \
                 {longest:?} at a time"
            );
        }
    }
}

/// What the loop does meanwhile.
#[derive(Clone, Copy, Debug)]
enum Step {
    FirstList,
    Handling,
    Relist,
    Resync,
}

impl Step {
    const ALL: [Self; 4] = [Self::FirstList, Self::Handling, Self::Relist, Self::Resync];
}

/// The longest time, in nanoseconds, that the tasks of a thread have computed in one round of them.
#[derive(Default)]
struct Longest {
    step: AtomicUsize,
    steps: [AtomicU64; Step::ALL.len()],
}

impl Longest {
    fn enter(&self, step: Step) {
        self.step.store(step as usize, Ordering::Relaxed);
    }

    fn of(&self, step: Step) -> Duration {
        Duration::from_nanos(self.steps[step as usize].load(Ordering::Relaxed))
    }

    fn is_short(&self) -> bool {
        Step::ALL.iter().all(|&step| self.of(step) < MOST)
    }

    /// Lets the others run again and again. This task goes to the end of the thread's queue each
    /// time, so that each of the others is polled once, or not at all, between two of its turns.
    async fn watch(&self) {
        let mut last = computed();
        loop {
            let mut was_polled = false;
            poll_fn(|context| {
                if was_polled {
                    return Poll::Ready(());
                }
                was_polled = true;
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            let now = computed();
            let step = self.step.load(Ordering::Relaxed);
            let nanos =
                u64::try_from(now.saturating_sub(last).as_nanos()).expect("less than centuries");
            self.steps[step].fetch_max(nanos, Ordering::Relaxed);
            last = now;
        }
    }
}

/// Returns for how long this thread has computed.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("not negative");
    Duration::new(
        seconds,
        u32::try_from(time.tv_nsec).expect("less than a second"),
    )
}

/// Runs a loop on one thread, with nothing else on it.
fn play(server: &Server) -> Arc<Longest> {
    let longest = Arc::new(Longest::default());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.spawn({
        let longest = longest.clone();
        async move { longest.watch().await }
    });
    runtime.block_on(async {
        let within = timeout(PATIENCE, steps(server, &longest)).await;
        within.expect("every step ends in time");
    });
    longest
}

async fn steps(server: &Server, longest: &Longest) {
    let server = server.restarted();
    let handled = Arc::new(AtomicUsize::new(0));
    // With more workers, a round of tasks would be many polls.
    let event_loop = EventLoop::new("polls")
        .client(server.client())
        .workers(NonZeroUsize::MIN)
        .register(Maps(handled.clone()));
    let handle = event_loop.handle();
    let stop = CancellationToken::new();
    longest.enter(Step::FirstList);
    let running = tokio::spawn(event_loop.run_until(stop.clone()));
    until(|| {
        handle
            .informers()
            .iter()
            .any(|informer| informer.has_synced)
    })
    .await;
    longest.enter(Step::Handling);
    assert!(handle.idle().await, "the loop runs");
    // On a slow machine the first resync comes before the end.
    assert!(handled.load(Ordering::Relaxed) >= server.objects());

    longest.enter(Step::Relist);
    server.expire();
    until(|| server.lists() == 2).await;
    until(|| is_quiet(&handle)).await;

    longest.enter(Step::Resync);
    let before = handled.load(Ordering::Relaxed);
    until(|| handled.load(Ordering::Relaxed) >= before + server.objects_after()).await;

    stop.cancel();
    running.await.expect("no panic").expect("no error");
}

fn is_quiet(handle: &EventLoopHandle) -> bool {
    handle.is_idle()
        && handle
            .informers()
            .iter()
            .all(|informer| informer.is_watching)
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(5)).await;
    }
}

/// A handler that reads each object.
struct Maps(Arc<AtomicUsize>);

impl EventHandler for Maps {
    type Resource = ConfigMap;

    fn name(&self) -> Cow<'_, str> {
        "maps".into()
    }

    fn settings(&self) -> Settings<Self> {
        Settings::default().resync(Duration::from_secs(2))
    }

    fn informer(&self, informers: &Informers) -> Informer<ConfigMap> {
        informers.informer(Filter::default())
    }
}

impl Callbacks for Maps {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        assert!(ev.object()?.data.is_some());
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Action::DONE)
    }
}

/// A server within the process, whose answers were made before.
#[derive(Clone)]
struct Server {
    answers: Arc<Answers>,
    state: Arc<Mutex<State>>,
}

/// The first list and the second one, in pieces: of these objects, then of fewer and others.
struct Answers {
    streams: bool,
    objects: usize,
    lists: [Vec<Bytes>; 2],
}

#[derive(Default)]
struct State {
    lists: usize,
    expired: bool,
    waiting: Option<Waker>,
}

impl Server {
    fn new(objects: usize, size: usize, streams: bool) -> Self {
        let answers = Answers {
            streams,
            objects,
            // The second lacks half of the objects, and has the others in other versions.
            lists: [(1, 1), (2, 2)].map(|(step, version)| {
                let numbers = (0..objects).step_by(step);
                let objects = numbers.map(|number| object(number, version, size));
                if streams {
                    stream(objects)
                } else {
                    page(objects)
                }
            }),
        };
        Self {
            answers: Arc::new(answers),
            state: Arc::default(),
        }
    }

    /// Returns the same server, as nobody has asked it.
    fn restarted(&self) -> Self {
        Self {
            answers: self.answers.clone(),
            state: Arc::default(),
        }
    }

    fn objects(&self) -> usize {
        self.answers.objects
    }

    fn objects_after(&self) -> usize {
        self.answers.objects.div_ceil(2)
    }

    fn lists(&self) -> usize {
        self.state().lists
    }

    /// Ends the watch: its version is gone.
    fn expire(&self) {
        let mut state = self.state();
        state.expired = true;
        state.waiting.take().expect("a watch").wake();
    }

    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            let answer = server.answer(request.uri().query().unwrap_or_default());
            async move { Ok::<_, Infallible>(answer) }
        });
        Client::new(service, "default")
    }

    fn answer(&self, query: &str) -> Response<Sent> {
        let is_watch = query.contains("watch=true");
        let is_list = !is_watch || query.contains("sendInitialEvents=true");
        let mut sent = Sent {
            pieces: VecDeque::new(),
            stays_open: is_watch.then(|| self.clone()),
        };
        if is_list && is_watch != self.answers.streams {
            sent.stays_open = None;
            let mut refused = Response::new(sent);
            *refused.status_mut() = http::StatusCode::BAD_REQUEST;
            return refused;
        }
        if is_list {
            let mut state = self.state();
            sent.pieces = self.answers.lists[state.lists].iter().cloned().collect();
            state.lists += 1;
            state.expired = false;
        }
        Response::new(sent)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an object of this size; most of it is like others, and some is not.
fn object(number: usize, version: usize, size: usize) -> String {
    let mut json = format!(
        r#"{{"kind":"ConfigMap","apiVersion":"v1","metadata":{{"name":"settings-{number}","namespace":"team-{}","uid":"{:08x}-0000-4000-8000-000000000000","resourceVersion":"{}","labels":{{"app":"web","tier":"front"}}}},"data":{{"first":"{number}""#,
        number % 40,
        number * 7919,
        version * 1_000_000 + number,
    );
    let mut key = 0_u32;
    while json.len() < size {
        let hash = key.wrapping_mul(2_654_435_761) ^ u32::try_from(number).expect("few");
        let value = format!("an option with some text that comes again {hash:08x}\\n").repeat(4);
        write!(json, r#","option.{key}.example.com":"{value}""#).expect("text");
        key += 1;
    }
    json + "}}"
}

fn stream(objects: impl Iterator<Item = String>) -> Vec<Bytes> {
    let mut text = String::new();
    for object in objects {
        writeln!(text, r#"{{"type":"ADDED","object":{object}}}"#).expect("text");
    }
    text += r#"{"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"5000000","annotations":{"k8s.io/initial-events-end":"true"}}}}"#;
    pieces(text + "\n")
}

fn page(objects: impl Iterator<Item = String>) -> Vec<Bytes> {
    let objects: Vec<_> = objects.collect();
    pieces(format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"5000000"}},"items":[{}]}}"#,
        objects.join(",")
    ))
}

fn pieces(text: String) -> Vec<Bytes> {
    let text = Bytes::from(text);
    let starts = (0..text.len()).step_by(PIECE);
    starts
        .map(|start| text.slice(start..text.len().min(start + PIECE)))
        .collect()
}

/// The body of an answer; that of a watch stays open until its version expires.
struct Sent {
    pieces: VecDeque<Bytes>,
    stays_open: Option<Server>,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(piece) = self.pieces.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Some(server) = self.stays_open.clone() else {
            return Poll::Ready(None);
        };
        let mut state = server.state();
        if !state.expired {
            state.waiting = Some(context.waker().clone());
            return Poll::Pending;
        }
        self.stays_open = None;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(
            br#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}
"#,
        )))))
    }
}
