"""The quality of the decision over labelled pairs: no false pair, hardly a duplicate missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest

from aggregator.config.schema import Duplicates
from aggregator.dedupe.fingerprint import bands
from aggregator.dedupe.fold import fold
from aggregator.dedupe.stories import compare
from aggregator.model import Member
from tests.labelled import DUPLICATES, NEGATIVES, Case, duplicates, member, negatives, truncated

#: Pairs of each kind, language and size. `benchmarks/duplicates.py` takes many more.
EACH = 8

LEAST_RECALL = 0.97


def _members(case: Case) -> tuple[Member, Member]:
    return member(case.one, 1), member(case.other, 2)


def _found(cases: Iterable[Case]) -> dict[str, list[bool]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for case in cases:
        found[case.kind.partition(",")[0]].append(compare(*_members(case), Duplicates()) is not None)
    return found


def test_every_kind_of_duplicate_is_found() -> None:
    found = _found(duplicates(1, EACH))
    assert set(found) == {*DUPLICATES, "new lead an hour later"}
    assert {kind: sum(hits) / len(hits) for kind, hits in found.items() if sum(hits) < LEAST_RECALL * len(hits)} == {}


def test_truncated_copies_are_found() -> None:
    for kind, hits in _found(truncated(2, EACH)).items():
        assert sum(hits) >= LEAST_RECALL * len(hits), kind


@pytest.mark.parametrize("seed", [3, 4])
def test_no_article_vanishes_behind_one_that_only_looks_like_it(seed: int) -> None:
    cases = list(negatives(seed, EACH))
    assert {case.kind for case in cases} == set(NEGATIVES)
    wrong = [(case.kind, case.one, case.other) for case in cases if compare(*_members(case), Duplicates())]
    assert wrong == []


def test_duplicates_meet_as_candidates() -> None:
    met, total = 0, 0
    for case in (*duplicates(5, 3), *truncated(6, 3)):
        one, other = _members(case)
        met += one.digest == other.digest or bool({*bands(fold(one.text))} & {*bands(fold(other.text))})
        total += 1
    assert met >= 0.99 * total


def test_articles_of_one_topic_rarely_meet_as_candidates() -> None:
    """A look-up that returned everything would find everything too."""
    sketches = [set(bands(fold(member(case.one, 1).text))) for case in duplicates(7, 1)]
    met = sum(bool(a & b) for n, a in enumerate(sketches) for b in sketches[:n])
    assert met <= 0.05 * len(sketches) * (len(sketches) - 1) / 2
