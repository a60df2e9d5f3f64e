use std::{convert::Infallible, sync::mpsc};

use futures::{Stream as Frames, StreamExt, stream};
use http_body_util::StreamBody;
use tokio::time::sleep;

use super::*;

fn request() -> Request<Body> {
    Request::new(Body::empty())
}

/// A body of these pieces, as a client gives it.
async fn body(pieces: impl Frames<Item = Bytes> + Send + 'static) -> Body {
    let frames = pieces.map(|piece| Ok::<_, Infallible>(http_body::Frame::data(piece)));
    let body = Arc::new(parking_lot::Mutex::new(Some(StreamBody::new(
        frames.boxed(),
    ))));
    let answer = move |_: Request<Body>| {
        let body = body.lock().take().expect("asked once");
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    };
    let client = Client::new(tower::service_fn(answer), "default");
    let sent = send(&client, request(), &Limits::default()).await;
    sent.expect("it answers")
}

fn slowly(pieces: Vec<(u64, Bytes)>) -> impl Frames<Item = Bytes> {
    stream::iter(pieces).then(|(wait, piece)| async move {
        sleep(Duration::from_secs(wait)).await;
        piece
    })
}

async fn page(body: Body, limits: Limits) -> Result<Bytes, Failure> {
    let whole = read_whole(body, &limits, |_| {}).await?;
    Ok(Bytes::copy_from_slice(&whole))
}

fn is_too_long<T>(result: &Result<T, Failure>) -> bool {
    matches!(result, Err(Failure::TooLong { .. }))
}

fn stream_of(body: Body, limits: Limits) -> WatchStream {
    WatchStream {
        pieces: Pieces::new(body),
        lines: Lines::new(limits.event_bytes),
        opened: Instant::now(),
        last_call: Instant::now() + limits.watch,
        limits,
        pace: limits.pace(),
        is_over: false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn client_that_blocks_its_thread_is_given_up_and_blamed() {
    let (release, blocked) = mpsc::channel::<()>();
    let blocked = Arc::new(parking_lot::Mutex::new(blocked));
    let service = tower::service_fn(move |_: Request<Body>| {
        let blocked = blocked.clone();
        async move {
            let _ = blocked.lock().recv();
            Ok::<_, Infallible>(Response::new(http_body_util::Empty::<Bytes>::new()))
        }
    });
    let client = Client::new(service, "default");
    let limits = Limits {
        start: Duration::from_millis(20),
        ..Limits::default()
    };

    // As this test's own thread is none of the runtime's, another one is there to go on with.
    let sent = tokio::spawn(async move { send(&client, request(), &limits).await });
    let sent = sent.await.expect("no panic");

    drop(release);
    let failure = sent.expect_err("no answer");
    assert_eq!(
        failure.to_string(),
        "a credentials plugin, or a layer of the client, did not answer within 20ms"
    );
}

#[tokio::test]
async fn frames_without_bytes_are_silence_and_keep_no_thread() {
    let endless = || body(stream::repeat(Bytes::new()));
    let limits = Limits::default().max_silence(Duration::from_millis(20));

    let whole = page(endless().await, limits).await;
    let mut list = stream_of(endless().await, limits);
    let listed = list.read_list(Duration::MAX).await;
    let watched = stream_of(endless().await, limits)
        .next(Instant::now() + Duration::from_millis(20))
        .await;

    assert!(matches!(whole, Err(Failure::Stalled(Text::List, _))));
    assert!(matches!(listed, Err(Failure::Stalled(Text::List, _))));
    assert!(matches!(watched, Ok(NextFrame::Late)));
}

#[tokio::test]
async fn page_of_its_longest_is_read_and_a_byte_more_is_too_long_however_it_is_cut() {
    let limits = Limits::default().max_page(100);
    for cut in 0..=100 {
        let pieces = [cut, 100 - cut].map(|length| Bytes::from(vec![b'x'; length]));
        let one = Bytes::from_static(b"x");

        let longest = page(body(stream::iter(pieces.clone())).await, limits).await;
        let longer = pieces.into_iter().chain([one]);
        let longer = page(body(stream::iter(longer)).await, limits).await;

        assert_eq!(longest.expect("it fits").len(), 100);
        assert!(is_too_long(&longer), "{longer:?}");
    }
    let at_once = page(
        body(stream::iter([Bytes::from(vec![b'x'; 101])])).await,
        limits,
    )
    .await;
    assert!(is_too_long(&at_once), "{at_once:?}");
}

#[tokio::test(start_paused = true)]
async fn event_that_keeps_coming_is_waited_for_beyond_the_end_of_the_watch() {
    // 200 bytes a second, after a long silence.
    let event = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}},"x":""#;
    let mut pieces = vec![(280, Bytes::from_static(event.as_bytes()))];
    pieces.extend((0..300).map(|_| (1, Bytes::from(vec![b'x'; 200]))));
    pieces.push((1, Bytes::from_static(b"\"}\n")));
    let body = body(slowly(pieces).chain(stream::pending())).await;
    let mut stream = stream_of(body, Limits::default());
    let deadline = stream.last_call();

    let event = stream.next(deadline).await;
    let is_whole = stream.frame(&Fields::default()).is_ok();
    let after = stream.next(deadline).await;

    assert!(matches!(event, Ok(NextFrame::Frame)), "{event:?}");
    assert!(is_whole);
    assert!(matches!(after, Ok(NextFrame::Late)), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn event_that_stops_is_waited_for_no_longer_than_the_silence() {
    let pieces = slowly(vec![(100, Bytes::from_static(b"{\"type\":"))]);
    let body = body(pieces.chain(stream::pending())).await;
    let mut stream = stream_of(body, Limits::default());
    let start = Instant::now();

    let event = stream.next(stream.last_call()).await;

    let failure = event.expect_err("it stopped");
    assert_eq!(start.elapsed().as_secs(), 160);
    assert_eq!(
        failure.to_string(),
        "the server sent nothing of an event of the watch for 60s; `Limits::max_silence` allows more"
    );
}

#[tokio::test(start_paused = true)]
async fn last_line_counts_if_it_lacks_its_end_and_not_if_it_is_cut() {
    let event = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"9"}}}"#;
    for (text, is_event) in [(event, true), (&event[..event.len() - 1], false)] {
        let pieces = || body(stream::iter([Bytes::copy_from_slice(text.as_bytes())]));
        let mut watch = stream_of(pieces().await, Limits::default());
        let mut list = stream_of(pieces().await, Limits::default());

        let next = watch.next(watch.last_call()).await;
        while !list.is_over() {
            list.read_list(Duration::MAX).await.expect("it comes");
        }
        let lines = list.take_lines().expect("short");

        let expected = if is_event {
            NextFrame::Frame
        } else {
            NextFrame::End
        };
        assert_eq!(next.ok(), Some(expected));
        assert_eq!(lines.is_some(), is_event);
    }
}

#[tokio::test]
async fn what_comes_at_once_is_taken_whole_and_in_small_buffers() {
    let lines = (10_000..30_000)
        .flat_map(|n| format!("{{\"type\":\"ADDED\",\"object\":{n}}}\n").into_bytes());
    let text: Bytes = lines.collect();
    assert!(text.len() > 8 * MAX_PIECE);
    for at_once in [MAX_PIECE - 1, MAX_PIECE, MAX_PIECE + 1, text.len()] {
        let pieces = || {
            let pieces: Vec<_> = text
                .chunks(at_once)
                .map(|piece| text.slice_ref(piece))
                .collect();
            body(stream::iter(pieces))
        };
        let mut list = stream_of(pieces().await, Limits::default());
        let mut watch = stream_of(pieces().await, Limits::default());
        let mut listed = Vec::new();
        let mut watched = Vec::new();

        while !list.is_over() {
            list.read_list(Duration::MAX).await.expect("it comes");
            if let Some(lines) = list.take_lines().expect("short") {
                assert!(lines.capacity() <= 2 * MAX_PIECE, "{}", lines.capacity());
                listed.extend_from_slice(&lines);
            }
        }
        while watch.next(watch.last_call()).await.expect("it comes") == NextFrame::Frame {
            let capacity = watch.lines.capacity();
            assert!(capacity <= 2 * MAX_PIECE, "{capacity}");
            watched.extend_from_slice(watch.lines.line());
            watched.push(b'\n');
        }

        assert!(listed == text, "{} bytes of {}", listed.len(), text.len());
        assert!(watched == text, "{} bytes of {}", watched.len(), text.len());
    }
}
