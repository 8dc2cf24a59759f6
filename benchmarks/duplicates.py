"""How well duplicates are told from look-alikes, beside what others do, and how fast.

    python -m benchmarks.duplicates [pairs of each kind]

The pairs are made by `tests/labelled.py`. Where the folder of sample articles lies beside the
repository, its labelled pairs are decided too. lemon24/reader takes part where it is installed
(benchmarks/requirements.txt).
"""

from __future__ import annotations

import re
import sys
import time
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from hashlib import blake2b
from pathlib import Path
from statistics import median
from uuid import NAMESPACE_URL, uuid5

import yaml
from selectolax.lexbor import LexborHTMLParser

from aggregator.config.schema import Duplicates
from aggregator.dedupe.conflict import article, conflict
from aggregator.dedupe.fingerprint import ENOUGH, bands
from aggregator.dedupe.fold import fold
from aggregator.dedupe.stories import compare
from aggregator.model import Member, digest
from tests.labelled import Case, duplicates, member, negatives, piece, truncated

SAMPLES = Path(__file__).parent.parent.parent / "shared" / "samples"
SEED = 100

#: Decides whether two articles are one.
Method = Callable[[Member, Member], bool]


# --- methods -------------------------------------------------------------------------------


def ours(one: Member, other: Member) -> bool:
    return compare(one, other, Duplicates()) is not None


def same_title(one: Member, other: Member) -> bool:
    return one.title.strip().lower() == other.title.strip().lower()


def same_address(one: Member, other: Member) -> bool:
    return one.link is not None and one.link == other.link


def simhash(one: Member, other: Member) -> bool:
    return (_simhash(one.text) ^ _simhash(other.text)).bit_count() <= 3


def _simhash(text: str) -> int:
    """64 bits over words, and over pairs of characters where a script has no spaces."""
    plain = unicodedata.normalize("NFKC", text).lower()
    words = re.findall(r"[a-z0-9]+|[^\W\da-z_]{2}", plain)
    weights = [0] * 64
    for word in words:
        bits = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
        for place in range(64):
            weights[place] += 1 if bits >> place & 1 else -1
    return sum(1 << place for place, weight in enumerate(weights) if weight > 0)


def reader_dedupe() -> Method | None:
    """The test of two entries' content in lemon24/reader's plugin, where it can be imported.

    Asked about every pair, which is generous: by itself it compares only entries of one feed
    that share a title, a link or a date.
    """
    try:
        from reader import Content, Entry, Feed  # type: ignore[import-not-found]  # a peer, seldom installed
        from reader.plugins.entry_dedupe import is_duplicate_entry  # type: ignore[import-not-found]  # as above
    except ImportError:
        return None

    def entry(one: Member) -> object:
        feed = Feed("http://a.example/feed")
        return Entry(str(one.id), title=one.title, content=(Content(one.text, "text/plain"),), feed=feed)

    return lambda one, other: bool(is_duplicate_entry(entry(one), entry(other)))


def methods() -> dict[str, Method]:
    found: dict[str, Method] = {"ours": ours, "title": same_title, "URL": same_address, "simhash": simhash}
    other = reader_dedupe()
    return found | ({"reader": other} if other else {})


# --- tables --------------------------------------------------------------------------------


def quality(each: int) -> None:
    """Of every kind, the share of pairs that each method takes for one article."""
    rows = {
        "duplicates (found)": duplicates(SEED, each),
        "truncated copies (found)": truncated(SEED + 1, each),
        "look-alikes (wrongly joined)": negatives(SEED + 2, each),
    }
    for name, cases in rows.items():
        _table(name, list(cases))


def _table(name: str, cases: list[Case]) -> None:
    tested = methods()
    kinds: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        kinds[case.kind].append(case)
    print(f"\n{name:34}{'pairs':>7}" + "".join(f"{method:>10}" for method in tested))
    for kind, of_kind in kinds.items():
        _row(kind, of_kind, tested)
    _row("all", cases, tested)


def _row(kind: str, cases: list[Case], tested: dict[str, Method]) -> None:
    pairs = [(member(case.one, 1), member(case.other, 2)) for case in cases]
    shares = (sum(method(*pair) for pair in pairs) / len(pairs) for method in tested.values())
    print(f"{kind:34}{len(pairs):7}" + "".join(f"{share:10.1%}" for share in shares))


# --- real pairs ----------------------------------------------------------------------------


def samples() -> None:
    """The labelled pairs of real articles, decided by every method."""
    listing = SAMPLES / "articles-pairs.tsv"
    if not listing.exists():
        print("\nno sample articles beside the repository")
        return
    tested = methods()
    print(f"\n{'real pairs':34}" + "".join(f"{method:>10}" for method in tested) + "  fact that differs")
    for line in listing.read_text("utf-8").splitlines()[1:]:
        one, other, label, _ = line.split("\t")
        a, b = _sample(one, 1), _sample(other, 2)
        verdicts = "".join(f"{'one' if method(a, b) else '-':>10}" for method in tested.values())
        print(f"{label:34}{verdicts}  {conflict(article(a.title, a.text), article(b.title, b.text)) or ''}")


def _sample(path: str, number: int) -> Member:
    """An article file, read well enough for this purpose; the service has its own parser."""
    _, front, body = (SAMPLES / "articles" / path).read_text("utf-8").split("---\n", 2)
    try:
        fields = yaml.load(front, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        fields = dict(re.findall(r"^(\w+): *(.*)$", front, re.MULTILINE))
    page = LexborHTMLParser(body)
    page.strip_tags(["style", "script"])
    for block in page.css("p, div, br, li"):
        block.insert_after("\n")
    text = re.sub(r"\s*\n\s*", "\n", page.body.text() if page.body else "").strip()
    title, codes = str(fields["title"]).strip("'\""), fold(text)
    when = _moment(str(fields["date"]))
    mark = digest(codes.tobytes()) if codes.size >= ENOUGH else None
    publisher = str(fields["author"])
    return Member(number, uuid5(NAMESPACE_URL, path), publisher, publisher, when, when, title, text, 0, mark, None)


def _moment(text: str) -> datetime:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- speed ---------------------------------------------------------------------------------


def speed() -> None:
    """Signing, and deciding about one pair, on one processor."""
    import random

    luck = random.Random(SEED)
    texts = ["".join(piece(luck, "zh", 80).lines)[:2500] for _ in range(200)]
    fold("warm")
    print(f"\nfold                  {len(texts) / _seconds(lambda: [fold(text) for text in texts]):10,.0f} texts/s")
    signing = _seconds(lambda: [bands(fold(text)) for text in texts])
    print(f"fold, grams, sketch   {len(texts) / signing:10,.0f} texts/s of 2,500 characters")
    for name, cases in {"duplicates": duplicates(SEED, 2), "look-alikes": negatives(SEED, 8)}.items():
        spent = list(_each(cases))
        print(f"decide, {name:13} {1000 * median(spent):10.2f} ms median, {1000 * max(spent):.1f} ms most")


def _each(cases: Iterable[Case]) -> Iterable[float]:
    for case in cases:
        pair = member(case.one, 1), member(case.other, 2)
        yield _seconds(partial(compare, *pair, Duplicates()), times=1)


def _seconds(work: Callable[[], object], times: int = 3) -> float:
    """Of the best of a few runs: the machine is shared."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    each = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    quality(each)
    samples()
    speed()


if __name__ == "__main__":
    main()
