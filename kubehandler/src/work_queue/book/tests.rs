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
        book.enqueue(key(&format!("web-{number}")), EventKind::Add);
        book.enqueue(key(&format!("web-{number}")), EventKind::Delete);
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
        book.enqueue(key("web"), EventKind::Add);
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
    book.enqueue(key("web"), EventKind::Add);
    let held = book.queue().get().await.expect("open");
    book.enqueue(key("web"), EventKind::Delete);

    assert!(book.start(&held).is_none());
    drop(held);

    assert_eq!(book.remembers(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn closed_book_keeps_running_calls_only() {
    let book = Book::default();
    book.enqueue(key("running"), EventKind::Add);
    let held = book.queue().get().await.expect("open");
    book.start(&held);
    book.enqueue(key("running"), EventKind::Update);
    book.enqueue(key("queued"), EventKind::Add);

    book.close();
    book.enqueue(key("late"), EventKind::Add);

    assert_eq!(book.remembers(), (1, 0));
    assert_eq!(book.running()[0].to_string(), "pods add default/running");
    assert_eq!(book.finish(&held, &Err("down".into())), Ended::Closed);
    assert_eq!(book.remembers(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn success_forgets_the_failures_though_another_call_is_pending() {
    let book = Book::default();
    book.enqueue(key("web"), EventKind::Add);
    let mut attempts = Vec::new();

    for result in [Err("down".into()), Ok(()), Ok(())] {
        let held = book.queue().get().await.expect("open");
        attempts.push(book.start(&held).expect("pending").attempt);
        book.enqueue(key("web"), EventKind::Update);
        book.finish(&held, &result);
    }

    assert_eq!(attempts, [0, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn delete_that_overtakes_a_failed_add_is_due_at_once() {
    let book = Book::default();
    book.enqueue(key("web"), EventKind::Add);
    let held = book.queue().get().await.expect("open");
    book.start(&held);
    book.enqueue(key("web"), EventKind::Delete);

    assert_eq!(book.finish(&held, &Err("down".into())), Ended::Overtaken);
    drop(held);

    assert_eq!(book.remembers(), (1, 1));
}
