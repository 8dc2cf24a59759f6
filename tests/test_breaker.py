"""When a document is an accident of its publisher, and when it is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

import pytest

from aggregator.dedupe.breaker import Breaker, Look, Past, Seen, State, Verdict, accepted, after, judge
from aggregator.dedupe.identity import Changed, Decision, New, Same
from aggregator.model import Entry, Key, ParsedEntry, Prepared, Signature

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = Key("guid", "1")


def named(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=16).digest()


def prepared(text: str | None, link: str | None = None, published: datetime | None = None) -> Prepared:
    entry = Entry(
        title="t",
        html="",
        text="",
        summary="",
        publisher="Blog",
        url=None,
        authors=(),
        published=published,
        published_claimed=published,
        updated=None,
        paths=(("a",),),
        terms=(),
    )
    signature = Signature(b"", named(text) if text else None, named(link) if link else None, 0)
    return Prepared(ParsedEntry(), entry, signature, (KEY,))


def new(text: str | None, link: str | None = None, published: datetime | None = None) -> New:
    return New(prepared(text, link, published), KEY, (), (), "")


def same(entry_id: int, text: str | None, link: str | None = None) -> Same:
    return Same(prepared(text, link), entry_id, (), (), "")


def changed(entry_id: int, text: str | None, link: str | None = None) -> Changed:
    return Changed(prepared(text, link), entry_id, True, (), (), "")


def past(count: int = 40, checks: int = 5, fewest: int | None = 20) -> Past:
    """Entries that came one an hour, each an hour after it was published."""
    entries = [
        Seen(NOW - timedelta(hours=n), NOW - timedelta(hours=n + 1), named(f"text {n}"), named(f"link {n}"))
        for n in range(count)
    ]
    owners = {named(f"{kind} {n}"): frozenset({n}) for kind in ("text", "link") for n in range(count)}
    return Past(checks, entries, fewest, owners)


def breaker(decisions: Sequence[Decision], of: Past | None = None, shown: int | None = 20) -> Breaker | None:
    verdict = judge(Look(decisions, of or past(), NOW, shown))
    return verdict.breaker if verdict else None


# --- re-identified -------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "expected"), [(16, Breaker.IDS), (15, None)])
def test_known_texts_under_new_ids_trip_at_four_fifths(known: int, expected: Breaker | None) -> None:
    document = [new(f"text {n}") for n in range(known)] + [new(f"news {n}") for n in range(20 - known)]
    assert breaker(document) is expected


def test_new_texts_are_news_however_many_and_whatever_their_links() -> None:
    assert breaker([new(f"news {n}", f"link {n}") for n in range(20)]) is None


def test_links_stand_for_texts_that_are_too_short() -> None:
    assert breaker([new(None, f"link {n}") for n in range(20)]) is Breaker.IDS


def test_texts_that_moved_to_the_ids_of_others_trip() -> None:
    assert breaker([changed(n + 1, f"text {n}") for n in range(20)]) is Breaker.IDS


def test_changes_under_their_own_ids_do_not_trip() -> None:
    assert breaker([changed(n, f"text {n}") for n in range(20)]) is None


def test_a_few_articles_that_come_again_do_not_trip() -> None:
    assert breaker([new(f"text {n}") for n in range(4)], shown=None) is None


def test_one_text_in_all_entries_says_nothing() -> None:
    assert breaker([new("text 1", f"new {n}") for n in range(20)]) is None


def test_a_publisher_that_always_repeats_itself_does_not_trip() -> None:
    of = past()
    repeating = replace(of, entries=[replace(seen, text=named(f"text {n % 20}")) for n, seen in enumerate(of.entries)])
    assert breaker([new(f"text {n}") for n in range(20)], repeating) is None


def test_what_is_kept_back_still_counts_as_new() -> None:
    document = [same(100 + n, f"text {n}") for n in range(20)]
    assert breaker(document) is None
    assert breaker(document, replace(past(), held=frozenset(range(100, 120)))) is Breaker.IDS


# --- links equal ---------------------------------------------------------------------------


@pytest.mark.parametrize(("equal", "expected"), [(16, Breaker.LINKS), (15, None)])
def test_one_link_trips_at_four_fifths(equal: int, expected: Breaker | None) -> None:
    document = [new(f"news {n}", "home" if n < equal else f"new link {n}") for n in range(20)]
    assert breaker(document) is expected


def test_one_link_for_all_is_normal_where_it_always_was() -> None:
    of = past()
    habit = replace(of, entries=[replace(seen, link=named("home")) for seen in of.entries])
    assert breaker([new(f"news {n}", "home") for n in range(20)], habit) is None


def test_entries_without_links_have_no_link_in_common() -> None:
    assert breaker([new(f"news {n}") for n in range(20)]) is None


def test_equal_links_trip_where_they_only_change_what_is_known() -> None:
    assert breaker([changed(n, f"text {n}", "home") for n in range(20)]) is Breaker.LINKS
    assert breaker([same(n, f"text {n}", "home") for n in range(20)]) is None


# --- count collapsed -----------------------------------------------------------------------


@pytest.mark.parametrize(("shown", "expected"), [(4, Breaker.COUNT), (5, None)])
def test_a_document_that_lost_four_fifths_trips(shown: int, expected: Breaker | None) -> None:
    assert breaker([new("news")], shown=shown) is expected


def test_a_collapse_without_news_keeps_nothing_back() -> None:
    assert breaker([same(1, "text 1")], shown=1) is None


def test_files_come_one_by_one() -> None:
    assert breaker([new("news")], shown=None) is None


def test_a_feed_that_once_showed_as_few_may_do_so_again() -> None:
    assert breaker([new("news")], past(fewest=2), shown=1) is None


# --- dates now -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "expected"), [(0, Breaker.DATES), (-5, Breaker.DATES), (5, Breaker.DATES), (6, None)]
)
def test_new_entries_of_this_very_moment_trip(minutes: int, expected: Breaker | None) -> None:
    date = NOW + timedelta(minutes=minutes)
    assert breaker([new(f"news {n}", published=date) for n in range(5)]) is expected


@pytest.mark.parametrize(("current", "expected"), [(8, Breaker.DATES), (7, None)])
def test_dates_trip_at_four_fifths(current: int, expected: Breaker | None) -> None:
    old = NOW - timedelta(days=2)
    document = [new(f"news {n}", published=NOW if n < current else old) for n in range(10)]
    assert breaker(document) is expected


def test_undated_entries_claim_nothing() -> None:
    assert breaker([new(f"news {n}") for n in range(10)]) is None


def test_a_publisher_that_is_often_seen_within_minutes_does_not_trip() -> None:
    of = past()
    entries = [replace(seen, published=seen.first_seen) if n % 4 == 0 else seen for n, seen in enumerate(of.entries)]
    assert breaker([new(f"news {n}", published=NOW) for n in range(10)], replace(of, entries=entries)) is None


def test_what_piled_up_before_the_first_check_says_nothing_of_dates() -> None:
    of = past()
    together = replace(of, entries=[replace(seen, first_seen=NOW - timedelta(days=1)) for seen in of.entries])
    assert breaker([new(f"news {n}", published=NOW) for n in range(10)], together) is None


# --- the past that is needed ---------------------------------------------------------------


@pytest.mark.parametrize(("count", "checks", "judged"), [(20, 3, True), (19, 3, False), (20, 2, False)])
def test_only_a_publisher_with_a_past_is_judged(count: int, checks: int, judged: bool) -> None:
    document = [new(f"text {n}") for n in range(15)]
    assert (breaker(document, past(count, checks)) is not None) is judged


def test_a_document_without_entries_is_normal() -> None:
    assert breaker([], shown=0) is None


# --- from check to check -------------------------------------------------------------------

TRIP = Verdict(Breaker.COUNT, "it shows 2 entries")


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


def checked(state: State, at: float, verdict: Verdict | None = None, shown: int | None = 20) -> State:
    """The state after a check; the one before ended an hour earlier."""
    return after(state, verdict, shown, hours(at - 1), hours(at))


def test_three_normal_checks_close_a_breaker() -> None:
    state = checked(State(), 0, TRIP)
    state = checked(checked(state, 1), 2)
    assert (state.tripped, state.normal) == ("count-collapsed", 2)
    assert checked(state, 3).tripped is None


def test_batches_of_one_check_count_once() -> None:
    state = checked(State(), 0, TRIP, None)
    for minute in range(3):
        state = after(state, None, None, hours(-1), hours(minute / 60))
    assert state.normal == 0


def test_an_abnormal_check_starts_the_count_again() -> None:
    state = checked(checked(State(), 0, TRIP), 1)
    assert checked(state, 2, TRIP).normal == 0


def test_the_fewest_items_are_remembered_for_a_month() -> None:
    state = checked(checked(State(), 0, shown=5), 1, shown=20)
    assert state.fewest == 5
    assert checked(state, 24 * 29).fewest == 5
    assert checked(state, 24 * 31).fewest == 20


def test_a_tripped_breaker_does_not_learn_from_the_accident() -> None:
    state = checked(checked(State(), 0), 1, TRIP, 2)
    assert state.fewest == 20
    assert checked(state, 2, shown=1).fewest == 20


def test_a_collapse_that_was_released_counts_as_the_feeds_own_doing() -> None:
    state = checked(checked(State(), 0), 1, TRIP, 2)
    for at in (2, 3, 4):
        state = checked(state, at)
    assert (state.tripped, state.fewest) == (None, 2)


def test_accepting_starts_a_new_past() -> None:
    assert accepted(NOW) == State(accepted=NOW)
