//! What stays in memory, and that the queue and the ledger agree.

use super::*;

fn key(name: &str) -> WorkKey {
    WorkKey {
        kind: "pods".into(),
        object: ObjectKey::namespaced("default", name),
    }
}

impl Book {
    fn remembers(&self) -> (usize, usize) {
        (self.ledger().owed.len(), self.queue.len())
    }
}

#[test]
fn adds_that_their_deletes_cancel_leave_nothing_behind() {
    let book = Book::default();

    for number in 0..1000 {
        book.enqueue(key(&format!("web-{number}")), EventType::Add);
        book.enqueue(key(&format!("web-{number}")), EventType::Delete);
    }

    assert_eq!(book.remembers(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_done_leave_nothing_behind() {
    let book = Book::default();
    for result in [
        Err("down".into()),
        Err(HandlerError::terminal("wrong")),
        Ok(()),
    ] {
        book.enqueue(key("web"), EventType::Add);
        let held = book.queue().get().await.expect("open");
        assert!(book.start(&held).is_some());
        book.finish(&held, &result);
    }

    assert_eq!(book.remembers(), (0, 0));
    assert_eq!(book.queue().num_requeues(&key("web")), 0);
}

#[tokio::test(start_paused = true)]
async fn name_whose_add_was_cancelled_while_held_starts_nothing() {
    let book = Book::default();
    book.enqueue(key("web"), EventType::Add);
    let held = book.queue().get().await.expect("open");
    book.enqueue(key("web"), EventType::Delete);

    assert!(book.start(&held).is_none());
    drop(held);

    assert_eq!(book.remembers(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn closed_book_keeps_running_calls_only() {
    let book = Book::default();
    book.enqueue(key("running"), EventType::Add);
    let held = book.queue().get().await.expect("open");
    book.start(&held);
    book.enqueue(key("running"), EventType::Update);
    book.enqueue(key("queued"), EventType::Add);

    book.close();
    book.enqueue(key("late"), EventType::Add);

    assert_eq!(book.remembers(), (1, 0));
    assert_eq!(book.running()[0].to_string(), "pods add default/running");
    assert_eq!(book.finish(&held, &Err("down".into())), AfterCall::Closed);
    assert_eq!(book.remembers(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn success_forgets_the_failures_though_another_call_is_pending() {
    let book = Book::default();
    book.enqueue(key("web"), EventType::Add);
    let mut attempts = Vec::new();

    for result in [Err("down".into()), Ok(()), Ok(())] {
        let held = book.queue().get().await.expect("open");
        attempts.push(book.start(&held).expect("pending").attempt);
        book.enqueue(key("web"), EventType::Update);
        book.finish(&held, &result);
    }

    assert_eq!(attempts, [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn delete_that_overtakes_a_failed_add_is_due_at_once() {
    let book = Book::default();
    book.enqueue(key("web"), EventType::Add);
    let held = book.queue().get().await.expect("open");
    book.start(&held);
    book.enqueue(key("web"), EventType::Delete);

    assert_eq!(
        book.finish(&held, &Err("down".into())),
        AfterCall::Overtaken
    );
    drop(held);

    assert_eq!(book.remembers(), (1, 1));
}

/// Starts and fails the call whose turn it is; returns its attempt and what becomes of it.
async fn fail_next(book: &Book, error: HandlerError) -> (u32, AfterCall) {
    let held = book.queue().get().await.expect("open");
    let attempt = book.start(&held).expect("pending").attempt;
    (attempt, book.finish(&held, &Err(error)))
}

#[tokio::test(start_paused = true)]
async fn stream_of_events_neither_counts_nor_stretches_the_backoff() {
    let book = Book::default();
    let ms = Duration::from_millis;
    book.enqueue(key("web"), EventType::Add);
    assert_eq!(
        fail_next(&book, "down".into()).await,
        (0, AfterCall::Retry(ms(5)))
    );

    for millis in 1..5 {
        tokio::time::sleep(ms(1)).await;
        book.enqueue(key("web"), EventType::Update);
        let early = fail_next(&book, "down".into()).await;
        assert_eq!(early, (1, AfterCall::Retry(ms(5 - millis))));
    }

    let zero = Instant::now();
    assert_eq!(
        fail_next(&book, "down".into()).await,
        (1, AfterCall::Retry(ms(10)))
    );
    assert_eq!(zero.elapsed(), ms(1));
}

#[tokio::test(start_paused = true)]
async fn early_call_brings_the_retry_forward_if_it_asks_for_that() {
    let book = Book::default();
    let sec = Duration::from_secs;
    let asks = |seconds| HandlerError::from("down").retry_after(sec(seconds));
    book.enqueue(key("web"), EventType::Add);
    assert_eq!(
        fail_next(&book, asks(60)).await,
        (0, AfterCall::Retry(sec(60)))
    );

    for (asked, given) in [(1000, 60), (10, 10), (20, 10)] {
        book.enqueue(key("web"), EventType::Update);
        let early = fail_next(&book, asks(asked)).await;
        assert_eq!(early, (1, AfterCall::Retry(sec(given))));
    }
}

#[tokio::test(start_paused = true)]
async fn delete_that_never_succeeds_is_given_up_after_a_day() {
    let book = Book::default();
    book.enqueue(key("web"), EventType::Delete);
    let since = Instant::now();

    let expired = loop {
        match fail_next(&book, "down".into()).await.1 {
            AfterCall::Retry(_) => {}
            ended => break ended,
        }
    };

    let day = Duration::from_secs(24 * 60 * 60);
    assert_eq!(expired, AfterCall::Expired(since.elapsed()));
    assert!((day..day + Duration::from_secs(1000)).contains(&since.elapsed()));
    assert_eq!(book.remembers(), (0, 0));
    assert_eq!(book.ledger().failing_deletes, 0);
}

#[tokio::test(start_paused = true)]
async fn deletes_that_never_succeed_are_given_up_sooner_where_they_are_many() {
    let book = Book::default();
    for number in 0..1100 {
        book.enqueue(key(&number.to_string()), EventType::Delete);
    }
    let since = Instant::now();

    while since.elapsed() < Duration::from_secs(2 * 60 * 60) {
        fail_next(&book, "down".into()).await;
    }

    assert_eq!(book.ledger().failing_deletes, 1000);
}
