use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::StreamBody;
use kube::{Client, client::Body};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    informer::{
        InformerOptions,
        source::Source,
        wire::{filter::Filter, target::Target},
    },
    k8s::ConfigMap,
};

/// An informer whose server answers every request with these pieces, and then with nothing more.
fn informer(pieces: Vec<Bytes>) -> Source {
    let answer = move |_: Request<Body>| {
        let frames = stream::iter(pieces.clone()).map(|piece| Ok(http_body::Frame::data(piece)));
        let body = StreamBody::new(frames.chain(stream::pending::<Result<_, Infallible>>()));
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    };
    let client = Client::new(tower::service_fn(answer), "default");
    let options = InformerOptions::<ConfigMap>::default().read();
    let target = Target::new::<ConfigMap>(&(), Filter::default());
    Source::new(client, target, options)
}

fn event(kind: &str, name: &str, version: u64) -> String {
    format!(
        r#"{{"type":"{kind}","object":{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"{version}"}},"data":{{"text":"the same for all {name}"}}}}}}"#
    ) + "\n"
}

fn bookmark(version: u64) -> String {
    format!(
        r#"{{"type":"BOOKMARK","object":{{"metadata":{{"resourceVersion":"{version}","annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}}"#
    ) + "\n"
}

/// What the store has, as `name=version`, once it has this.
async fn settled(informer: &Source, expected: &[&str]) {
    let content = || {
        let mut content = informer.cache().read(|store| {
            let objects = store.iter();
            let texts =
                objects.map(|object| format!("{}={}", object.key(), object.resource_version()));
            texts.collect::<Vec<_>>()
        });
        content.sort();
        content
    };
    let stop = CancellationToken::new();
    let settles = async {
        while content() != expected {
            sleep(Duration::from_millis(1)).await;
        }
        stop.cancel();
    };
    // The clock stands still, so that the limit only ends a test that fails.
    let both = async { tokio::join!(informer.run(stop.clone()), settles) };
    let done = timeout(Duration::from_secs(5), both).await;
    assert!(
        done.is_ok(),
        "{:?} {:?}",
        content(),
        informer.upstream().last_error()
    );
    assert!(informer.cache().has_synced());
}

#[tokio::test(start_paused = true)]
async fn what_follows_the_list_in_one_piece_with_it_is_a_watch_wherever_the_bytes_are_cut() {
    let text = [
        event("ADDED", "a", 1),
        event("ADDED", "b", 2),
        bookmark(3),
        event("MODIFIED", "a", 4),
        event("DELETED", "b", 5),
        event("ADDED", "c", 6),
    ]
    .concat();
    let text = Bytes::from(text);

    for cut in 0..text.len() {
        let pieces = vec![text.slice(..cut), text.slice(cut..)];
        settled(&informer(pieces), &["a=4", "c=6"]).await;
    }
}

/// With as many threads as have the most batches on their way.
#[tokio::test(flavor = "multi_thread", worker_threads = 6)]
async fn batches_are_taken_in_the_order_of_their_lines() {
    const OBJECTS: u64 = 400;
    const VERSIONS: u64 = 4;
    // Several states of an object, one after the other; the last one counts.
    let name = |object: u64| format!("object-{object:03}");
    let mut pieces: Vec<_> = (0..OBJECTS * VERSIONS)
        .map(|version| Bytes::from(event("ADDED", &name(version / VERSIONS), version + 1)))
        .collect();
    pieces.push(Bytes::from(bookmark(OBJECTS * VERSIONS + 1)));
    let informer = informer(pieces);
    let expected: Vec<_> = (0..OBJECTS)
        .map(|object| format!("{}={}", name(object), (object + 1) * VERSIONS))
        .collect();

    settled(
        &informer,
        &expected.iter().map(String::as_str).collect::<Vec<_>>(),
    )
    .await;
}
