use std::time::Duration;

use super::*;
use crate::informer::wire::{
    failure::{ApiStatus, Text},
    pace::Stall,
};

fn status(code: u16) -> Failure {
    Failure::Status(ApiStatus::of_answer(code, b""))
}

fn too_large() -> Failure {
    Failure::Status(ApiStatus {
        code: 504,
        too_large: true,
        ..ApiStatus::default()
    })
}

fn at(version: &str) -> Plan {
    let mut plan = Plan::default();
    plan.listed(version, "");
    plan
}

fn not_older(version: &str) -> Read {
    Read::NotOlderThan(version.to_owned())
}

/// Fails the next step in this way and returns what is asked for then.
fn after(plan: &mut Plan, failure: &Failure) -> Step {
    let step = plan.next();
    plan.failed(&step, failure);
    plan.next()
}

fn paged(read: Read) -> Step {
    Step::PagedList { read, whole: false }
}

#[test]
fn first_list_is_a_consistent_stream() {
    assert_eq!(
        Plan::default().next(),
        Step::StreamingList(Read::Consistent)
    );
}

#[test]
fn watch_goes_on_from_the_last_version_seen() {
    let mut plan = at("5");
    plan.saw("7");
    plan.saw("");

    assert_eq!(plan.next(), Step::Watch("7".to_owned()));
    assert_eq!(after(&mut plan, &status(500)), Step::Watch("7".to_owned()));
}

#[test]
fn watch_that_panics_again_and_again_needs_a_list() {
    let mut plan = at("5");

    let steps = [(); 3].map(|()| after(&mut plan, &Failure::Panicked));

    let watch = Step::Watch("5".to_owned());
    let list = Step::StreamingList(not_older("5"));
    assert_eq!(steps, [watch.clone(), watch, list]);
}

#[test]
fn expired_watch_needs_a_consistent_list() {
    assert_eq!(
        after(&mut at("5"), &status(410)),
        Step::StreamingList(Read::Consistent)
    );
}

#[test]
fn lost_watch_needs_a_list_not_older_than_the_last_version() {
    let lost = [
        Failure::UnreadableEvent(String::new()),
        Failure::Backwards {
            got: "4".to_owned(),
            seen: "5".to_owned(),
        },
        Failure::OtherUid(String::new()),
        status(404),
    ];
    for failure in lost {
        assert_eq!(
            after(&mut at("5"), &failure),
            Step::StreamingList(not_older("5")),
            "{failure}"
        );
    }
}

#[test]
fn version_that_is_too_large_needs_a_consistent_list() {
    let mut plan = at("5");
    after(&mut plan, &status(404));

    assert_eq!(after(&mut plan, &too_large()), paged(Read::Consistent));
}

#[test]
fn refused_streaming_is_not_asked_for_again() {
    for failure in [status(422), status(400), Failure::NoBookmark] {
        let mut plan = Plan::default();

        assert_eq!(after(&mut plan, &failure), paged(Read::Consistent));
        plan.listed("5", "");
        assert_eq!(after(&mut plan, &status(404)), paged(not_older("5")));
    }
}

#[test]
fn streaming_list_that_failed_is_followed_by_a_paged_one_and_then_tried_again() {
    let mut plan = Plan::default();

    assert_eq!(after(&mut plan, &Failure::CutList), paged(Read::Consistent));
    assert_eq!(
        after(&mut plan, &status(500)),
        Step::StreamingList(Read::Consistent)
    );
}

#[test]
fn expired_pages_are_followed_by_a_list_in_one_piece() {
    let mut plan = Plan::default();
    after(&mut plan, &status(422));

    let whole = Step::PagedList {
        read: Read::Consistent,
        whole: true,
    };
    assert_eq!(after(&mut plan, &status(410)), whole);
}

#[test]
fn list_that_must_not_be_older_is_refused_when_it_is() {
    assert!(Plan::accepts(&not_older("10"), "9").is_err());
    assert!(Plan::accepts(&not_older("10"), "10").is_ok());
    assert!(Plan::accepts(&not_older("10"), "opaque").is_ok());
    assert!(Plan::accepts(&Read::Consistent, "9").is_ok());
}

#[test]
fn five_refused_lists_are_followed_by_a_consistent_one() {
    let mut plan = at("5");
    after(&mut plan, &status(404));
    let older = Failure::Older {
        got: "4".to_owned(),
        seen: "5".to_owned(),
    };
    for _ in 0..4 {
        let step = after(&mut plan, &older);
        assert!(matches!(
            step,
            Step::StreamingList(Read::NotOlderThan(_))
                | Step::PagedList {
                    read: Read::NotOlderThan(_),
                    ..
                }
        ));
    }

    let step = after(&mut plan, &older);

    assert!(matches!(
        step,
        Step::StreamingList(Read::Consistent)
            | Step::PagedList {
                read: Read::Consistent,
                ..
            }
    ));
}

#[test]
fn three_watches_closed_at_once_and_empty_are_followed_by_a_list() {
    let early = Failure::ClosedEarly(Duration::ZERO);
    let mut plan = at("5");
    assert_eq!(after(&mut plan, &early), Step::Watch("5".to_owned()));
    assert_eq!(after(&mut plan, &early), Step::Watch("5".to_owned()));
    plan.saw("6");
    assert_eq!(after(&mut plan, &early), Step::Watch("6".to_owned()));
    assert_eq!(after(&mut plan, &early), Step::Watch("6".to_owned()));

    assert_eq!(
        after(&mut plan, &early),
        Step::StreamingList(not_older("6"))
    );
}

#[test]
fn three_watches_that_the_server_refuses_are_followed_by_a_list_in_pages() {
    for code in [403, 500] {
        let mut plan = at("5");
        assert_eq!(after(&mut plan, &status(code)), Step::Watch("5".to_owned()));
        assert_eq!(after(&mut plan, &status(code)), Step::Watch("5".to_owned()));

        assert_eq!(after(&mut plan, &status(code)), paged(not_older("5")));
    }
}

#[test]
fn event_that_is_too_long_is_followed_by_a_list_in_pages_and_then_by_streams_again() {
    let mut plan = at("5");
    let too_long = Failure::TooLong {
        text: Text::Event,
        max: 1,
    };

    let next = after(&mut plan, &too_long);
    assert_eq!(next, paged(not_older("5")));

    plan.listed("6", "");
    plan.failed(&Step::Watch("6".to_owned()), &status(410));
    assert_eq!(plan.next(), Step::StreamingList(Read::Consistent));
}

#[test]
fn streaming_list_that_stalls_is_not_given_up_for_good() {
    let mut plan = Plan::default();
    let stalled = Failure::Stalled(Text::List, Stall::Silent(Duration::from_secs(60)));

    assert_eq!(after(&mut plan, &stalled), paged(Read::Consistent));
    plan.listed("5", "");
    plan.failed(&Step::Watch("5".to_owned()), &status(410));

    assert_eq!(plan.next(), Step::StreamingList(Read::Consistent));
}

#[test]
fn overloaded_server_is_not_asked_for_a_list() {
    let mut plan = at("5");
    for code in [429, 503, 429, 503] {
        assert_eq!(after(&mut plan, &status(code)), Step::Watch("5".to_owned()));
    }
}

#[test]
fn server_without_versions_is_listed_after_each_watch() {
    for version in ["", "0"] {
        let mut plan = at(version);
        assert_eq!(plan.next(), Step::Watch(version.to_owned()));

        plan.closed(false);

        assert_eq!(plan.next(), Step::StreamingList(Read::Consistent));
    }
}

#[test]
fn version_that_goes_backwards_is_refused() {
    assert!(at("10").checks("9").is_err());
    assert!(at("10").checks("10").is_ok());
    assert!(at("10").checks("11").is_ok());
    assert!(at("10").checks("").is_ok());
}

#[test]
fn consistent_list_takes_the_version_back() {
    let mut plan = at("100");

    plan.listed("3", "");

    assert_eq!(plan.next(), Step::Watch("3".to_owned()));
}

#[test]
fn silent_watch_after_one_that_ended_early_needs_a_question_and_no_other_does() {
    let mut plan = at("5");
    plan.opened();
    plan.closed(false);
    assert_eq!(plan.next(), Step::Watch("5".to_owned()), "a quiet resource");

    plan.opened();
    plan.closed(true);
    assert_eq!(plan.next(), Step::Watch("5".to_owned()));
    plan.opened();
    plan.saw("5");
    plan.closed(true);
    assert_eq!(plan.next(), Step::Watch("5".to_owned()), "it was heard");

    plan.opened();
    plan.closed(false);
    assert_eq!(plan.next(), Step::Probe(not_older("5")));
    plan.probed();
    assert_eq!(plan.next(), Step::Watch("5".to_owned()));
}

#[test]
fn server_that_is_behind_is_asked_for_a_list_and_one_that_may_not_be_listed_is_watched() {
    let away = Failure::Transport("connection refused".to_owned());
    let older = || Failure::Older {
        got: "4".to_owned(),
        seen: "5".to_owned(),
    };
    for (failure, next) in [
        (too_large(), Step::StreamingList(Read::Consistent)),
        (older(), Step::StreamingList(not_older("5"))),
        (status(403), Step::Watch("5".to_owned())),
        (status(503), Step::Probe(not_older("5"))),
    ] {
        let mut plan = at("5");
        assert_eq!(after(&mut plan, &away), Step::Probe(not_older("5")));

        assert_eq!(after(&mut plan, &failure), next, "{failure}");
    }
}

#[test]
fn list_is_asked_for_not_older_than_what_was_shown() {
    let mut plan = at("9");
    plan.shows("12");
    plan.shows("11");
    plan.shows("");

    let next = after(&mut plan, &Failure::OtherUid("a".to_owned()));

    assert_eq!(next, Step::StreamingList(not_older("12")));
    plan.listed("13", "12");
    let next = after(&mut plan, &Failure::OtherUid("a".to_owned()));
    assert_eq!(next, Step::StreamingList(not_older("13")));
}
