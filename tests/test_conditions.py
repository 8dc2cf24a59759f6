"""What is wrong with a source after a check: decided by what the check showed, and by nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from aggregator.conditions import (
    LEAST_SILENCE,
    PATIENCE,
    Look,
    Wrong,
    judge,
    of_configuration,
    of_document,
    public_uuid,
    silence,
)
from aggregator.model import Outcome, Trouble

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def arrived(*hours_ago: float) -> tuple[datetime, ...]:
    return tuple(NOW - timedelta(hours=hours) for hours in hours_ago)


def failing(times: int, outcome: Outcome = Outcome.HTTP_ERROR) -> Look:
    return Look(outcome, "no answer", failed=True, failures=times)


def test_one_or_two_failures_are_no_news():
    for times in range(1, PATIENCE):
        assert judge(failing(times), (), NOW) == {}


def test_the_third_failure_in_a_row_is_told_with_its_class():
    assert judge(failing(PATIENCE), (), NOW) == {Trouble.FAILING: Wrong("http-error", "no answer")}


def test_while_a_source_is_failing_any_failure_tells_its_class():
    """A source that was given a new address starts to count anew; it is failing all the same."""
    judged = judge(failing(1, Outcome.UNREACHABLE), {Trouble.FAILING}, NOW)
    assert judged == {Trouble.FAILING: Wrong("unreachable", "no answer")}


@pytest.mark.parametrize("standing", [(), (Trouble.FAILING,), (Trouble.SILENT, Trouble.HELD)])
def test_a_failure_that_is_not_the_sources_own_says_nothing(standing: tuple[Trouble, ...]):
    look = Look(Outcome.UNREACHABLE, "no network", failed=True, failures=5, counted=False)
    assert judge(look, standing, NOW) == {}


def test_what_is_gone_is_told_at_once_and_is_not_failing_besides():
    look = Look(Outcome.GONE, "410", failed=True, failures=1, gone=True)
    assert judge(look, (), NOW) == {Trouble.GONE: Wrong("", "410"), Trouble.FAILING: None}


def test_a_good_check_says_of_everything_that_it_is_fine():
    judged = judge(Look(Outcome.OK), (), NOW)
    kinds = {"failing", "gone", "moved", "silent", "degraded", "held"}
    assert {str(kind): wrong for kind, wrong in judged.items()} == dict.fromkeys(kinds)


def test_a_good_check_tells_what_else_is_wrong():
    look = Look(
        Outcome.UNCHANGED,
        moved="https://reader:secret@new.example/feed?key=secret#top",
        degraded="broken XML",
        held="kept back",
        arrivals=arrived(400, 395, 390, 385, 380),
    )
    judged = {kind: wrong for kind, wrong in judge(look, (), NOW).items() if wrong}
    assert set(judged) == {Trouble.MOVED, Trouble.SILENT, Trouble.DEGRADED, Trouble.HELD}
    assert judged[Trouble.MOVED].detail == "https://new.example/feed"
    assert judged[Trouble.SILENT].detail == "2026-02-13T16:00:00+00:00"
    assert "every 5 h" in judged[Trouble.SILENT].message
    assert judged[Trouble.HELD] == Wrong("", "kept back")


# --- silence -------------------------------------------------------------------------------

WEEK = LEAST_SILENCE / timedelta(hours=1)


@pytest.mark.parametrize(
    ("hours_ago", "silent"),
    [
        ((), False),
        ((500,), False),
        ((1000, 900, 800), False),  # two gaps are no habit
        ((WEEK + 4, WEEK + 3, WEEK + 2, WEEK + 1), True),
        ((WEEK + 3, WEEK + 2, WEEK + 1, WEEK - 1), False),  # a week at least, however lively it was
        ((24 * 50, 24 * 45, 24 * 40, 24 * 35), True),  # every five days, nothing for thirty-five
        ((24 * 30, 24 * 25, 24 * 20, 24 * 15), False),  # three of its gaps
        ((24 * 51, 24 * 50, 24 * 49, 24 * 20, 24 * 19, 24 * 18), False),  # it was away that long before
    ],
)
def test_silent_is_who_has_nothing_new_for_far_longer_than_usual(hours_ago: tuple[float, ...], silent: bool):
    assert (silence(arrived(*hours_ago), NOW) is not None) == silent


def test_a_clock_that_was_set_back_makes_nobody_silent():
    assert silence(arrived(1, -200, -400, -600), NOW) is None


# --- documents, configuration, ids -----------------------------------------------------------


def test_a_document_is_told_by_its_first_fault_and_the_number_of_the_others():
    wrong = of_document(["error: link holds 'https://user:pw@a.example/x?key=secret' [bad-address]", "b", "c"])
    assert wrong.detail == "error: link holds 'https://a.example/x' [bad-address]"
    assert wrong.message.endswith("(and 2 more)")
    assert "secret" not in wrong.message


def test_a_configuration_is_told_by_where_its_mistakes_are_and_not_by_what_stands_there():
    problem = "config.yaml:12:5: sources: unknown key 'hunter2'\nconfig.yaml:14:1: site: tag: required\nno place"
    assert of_configuration(problem) == Wrong("12:5, 14:1", problem)


def test_an_id_depends_on_whom_it_concerns_and_on_when_it_began():
    ids = {
        public_uuid(source, kind, path, since)
        for source in (None, "a", "b")
        for kind in (Trouble.FAILING, Trouble.FAULT)
        for path in (None, "feeds/a.atom")
        for since in (NOW, NOW + timedelta(microseconds=1))
    }
    assert len(ids) == 24
    assert public_uuid("a", Trouble.FAILING, None, NOW) == public_uuid("a", Trouble.FAILING, None, NOW)
