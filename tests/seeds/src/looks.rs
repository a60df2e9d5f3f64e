//! What only shows at a moment that has to be made: an object that changes while a predicate looks
//! at it, and a list that brings nothing new.

use std::{
    borrow::Cow,
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Waker},
    time::Duration,
};

use futures::FutureExt as _;
use http::{Request, header};
use http_body_util::Full;
use kubehandler::{
    Action, Callbacks, CancellationToken, Event, EventHandler, EventLoop, Filter, Informer,
    Informers, Result, Settings,
};
use kubehandler_testing::{
    Run,
    kubehandler_apiserver::{ApiServer, When},
};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use crate::{laws::requests, run::Play, thing::Thing};

const KEY: &str = "default/racy";
const PATH: &str = "/api/v1/namespaces/default/pods/racy";

/// An informer that anybody can drive by hand.
#[derive(Clone)]
struct Driven {
    informer: Informer<Thing>,
    runs: Arc<Mutex<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    looked: Arc<Notify>,
}

impl Driven {
    fn new(server: &ApiServer, stop: &CancellationToken) -> Self {
        let filter = Filter::default().namespace("default").labels("racy=yes");
        let informer = Informer::new(server.client_named("racy"), filter);
        let runs = {
            let (informer, stop) = (informer.clone(), stop.clone());
            async move { informer.run(stop).await }
        };
        Self {
            informer,
            runs: Arc::new(Mutex::new(Box::pin(runs))),
            looked: Arc::default(),
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> std::task::Poll<()> {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.as_mut().poll(context)
    }

    /// Runs the informer, but for what [`drive`](Self::drive) does.
    async fn run(self) {
        loop {
            tokio::select! {
                () = poll_fn(|context| self.poll(context)) => return,
                // It is woken no more where it was polled by another.
                () = self.looked.notified() => {}
            }
        }
    }

    /// Lets the informer take what there is, now.
    fn drive(&self) {
        let _ = self.poll(&mut Context::from_waker(Waker::noop()));
        self.looked.notify_one();
    }
}

/// A handler whose predicate sees the object change before its eyes.
struct Racy {
    driven: Driven,
    server: ApiServer,
    seen: Arc<Mutex<Vec<(u64, u64)>>>,
}

impl Racy {
    /// Changes the object, and lets the informer see that, in the middle of everything.
    fn interfere(driven: &Driven, server: &ApiServer) {
        let patch = r#"{"metadata":{"labels":{"touched":"yes"}}}"#;
        let request = Request::patch(PATH)
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(Full::<bytes::Bytes>::from(patch))
            .expect("valid");
        let answer = server.service_named("writer").oneshot(request);
        let answer = answer.now_or_never().expect("the server does not wait");
        assert!(answer.expect("no faults").status().is_success());
        driven.drive();
    }
}

impl EventHandler for Racy {
    type Resource = Thing;

    fn name(&self) -> Cow<'_, str> {
        "racy".into()
    }

    fn informer(&self, _: &Informers) -> Informer<Thing> {
        self.driven.informer.clone()
    }

    fn settings(&self) -> Settings<Self> {
        let (driven, server) = (self.driven.clone(), self.server.clone());
        Settings::default().when(move |thing: &Thing| {
            if thing.label("touched").is_empty() {
                Self::interfere(&driven, &server);
            }
            true
        })
    }
}

impl Callbacks for Racy {
    async fn reconcile(&self, ev: Event<Self>) -> Result<Action> {
        let there = self.driven.informer.get(ev.key())?;
        let there = there.map_or(0, |thing| thing.version());
        let version = ev.resource_version().parse()?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push((version, there));
        Ok(Action::DONE)
    }
}

impl Play {
    /// A call starts only with the state that is current, also if that came while a predicate ran.
    pub(crate) async fn changed_while_looked_at(&mut self) -> std::result::Result<(), String> {
        let stop = CancellationToken::new();
        let driven = Driven::new(&self.stage.server, &stop);
        tokio::spawn(driven.clone().run());
        let seen = Arc::default();
        let handler = Racy {
            driven: driven.clone(),
            server: self.stage.server.clone(),
            seen: Arc::clone(&seen),
        };
        let run = self.kit.run(EventLoop::new("racy").register(handler));
        driven.informer.synced().await;
        self.world.create(KEY, "db").await;
        self.world.label(KEY, "racy", "yes").await;
        self.world.sleep(Duration::from_secs(1)).await;
        run.stop()
            .await
            .map_err(|error| format!("law 9: {error}"))?;
        stop.cancel();
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_current = |(version, there): &(u64, u64)| version == there;
        if seen.is_empty() || !seen.iter().all(is_current) {
            return Err(format!("law 4: a call saw what was out of date: {seen:?}"));
        }
        Ok(())
    }

    /// A list that brings nothing new changes nothing, and costs no second copy.
    pub(crate) async fn relisted(&mut self, run: &Run) -> std::result::Result<(), String> {
        let things = |play: &Self| -> Vec<Option<Arc<Thing>>> {
            // What was decoded a moment ago is shared, if the store still has the same object.
            let things = play.informers.values().flat_map(|informer| {
                let keys = informer.keys().into_iter();
                keys.map(|key| informer.get(&key).ok().flatten())
            });
            things.collect()
        };
        let (before, from) = (things(self), self.stage.log.len());
        let asked = self.stage.server.asked().len();
        let faults = self.world.server.faults();
        self.world.truth.read().await;
        // A version that no informer has seen: none can go on from its own.
        self.world.make_namespace("elsewhere").await;
        faults.compact();
        faults.break_watches(&When::any().client(run.client_name()));
        run.idle()
            .await
            .map_err(|error| format!("law 10: {error}"))?;
        let asked = self.stage.server.asked().split_off(asked);
        requests::lists_follow(&asked, run.client_name())?;
        let after = things(self);
        let is_same = before.len() == after.len()
            && before.iter().zip(&after).all(|pair| match pair {
                (Some(before), Some(after)) => Arc::ptr_eq(before, after),
                (before, after) => before.is_none() && after.is_none(),
            });
        if !is_same || self.stage.log.len() != from {
            return Err("law 5: a list that brought nothing new has changed objects".to_owned());
        }
        Ok(())
    }
}
