"""What a source showed before is known again without being cleaned, and the outcome is what cleaning it gave."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import ingest
from aggregator.clean import rules_for
from aggregator.config.schema import Config, Site, Source
from aggregator.dedupe.fingerprint import fingerprint
from aggregator.dedupe.identity import Trust
from aggregator.dedupe.recognition import recognize, recognized
from aggregator.model import (
    Document,
    Fetched,
    Key,
    KnownEntry,
    ParsedEntry,
    Prepared,
    Recognized,
    Tally,
    Text,
    Validators,
)
from aggregator.prepare import Read, Recipe, complete, prepare
from aggregator.store import sources
from tests.world import World, item, rss

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEED = Source(name="feed", url="https://example.com/feed")
RECIPE = Recipe(
    FEED, "UTC", rules_for(Config(site=Site(title="s", url="https://s.example/", tag="s.example,2026")), FEED)
)


def read(text: str, known: dict[bytes, str] | None = None) -> Read:
    found = prepare(Document(text.encode(), url=FEED.url), RECIPE, NOW, known or {})
    assert isinstance(found, Read)
    return found


def titles(found: Read) -> dict[bytes, str]:
    """What the store would say of it."""
    return {one.signature.fingerprint: one.title for one in found.prepared}


# --- reading -------------------------------------------------------------------------------


def test_of_a_feed_with_one_new_entry_that_one_is_cleaned() -> None:
    before = read(rss(*(item(number) for number in range(50))))
    after = read(rss(*(item(number) for number in range(1, 51))), titles(before))
    assert [one.title for one in after.prepared] == ["Item 50"]
    assert len(after.recognized) == 49


def test_an_entry_that_its_publisher_edited_is_cleaned() -> None:
    known = titles(read(rss(item(1), item(2))))
    after = read(rss(item(1, body="<p>Quite another body than before.</p>"), item(2)), known)
    assert [one.title for one in after.prepared] == ["Item 1"]


def test_what_is_recognized_has_the_names_that_cleaning_gives_it() -> None:
    whole = read(rss(item(1, link="/news/1?utm_source=rss"), item(2, title="  Two &amp;amp;  "), item(3, guid=" a ")))
    again = read(
        rss(item(1, link="/news/1?utm_source=rss"), item(2, title="  Two &amp;amp;  "), item(3, guid=" a ")),
        titles(whole),
    )
    assert again.prepared == ()
    for one, cleaned in zip(again.recognized, whole.prepared, strict=True):
        assert one.keys == cleaned.keys[:-1]
        assert (one.title, one.publisher) == (cleaned.title, cleaned.publisher)
        assert one.signature.link == cleaned.signature.link
        assert complete(one, again.feed, FEED.url, RECIPE, NOW) == cleaned


# --- deciding ------------------------------------------------------------------------------


def entry(number: int, *, id: str | None = "", url: str | None = "", title: str = "") -> Recognized:
    """`id` and `url` of its own unless said otherwise."""
    url = f"https://example.com/{number}" if url == "" else url
    parsed = ParsedEntry(id=f"id-{number}" if id == "" else id, url=url, title=Text(title or f"Item {number}"))
    return recognized(parsed, 0, fingerprint(parsed), title or f"Item {number}", "p", url)


def stored(*entries: Recognized) -> dict[Key, KnownEntry]:
    return {
        key: KnownEntry(number, one.signature.fingerprint, one.title)
        for number, one in enumerate(entries, 1)
        for key in one.keys
    }


ONE, TWO = entry(1), entry(2)

#: What was recognized, what else is in the document, what the store knows, what is believed.
Case = tuple[list[Recognized], list[Prepared], dict[Key, KnownEntry], Trust]
Situation = Callable[[], Case]


def its_entry_was_purged_meanwhile() -> Case:
    return [ONE], [], {}, Trust()


def its_id_belongs_to_another_entry_now() -> Case:
    moved = entry(2, id="id-1")
    return [ONE], [], stored(ONE) | {ONE.keys[0]: KnownEntry(7, moved.signature.fingerprint, "Item 2")}, Trust()


def it_is_listed_twice() -> Case:
    return [ONE, ONE], [], stored(ONE), Trust()


def two_of_them_share_an_id() -> Case:
    return [ONE, entry(2, id="id-1")], [], stored(ONE, TWO), Trust()


def nothing_that_names_it_is_believed() -> Case:
    nameless = entry(1, title="!")
    return [nameless], [], stored(nameless), Trust(guid=False, link=False)


def a_new_entry_leads_to_its_entry_too() -> Case:
    [new] = read(rss(item(9, link="https://example.com/1", guid="id-9", title="Item 9"))).prepared
    return [entry(1, url=None)], [new], stored(ONE), Trust()


@pytest.mark.parametrize(
    "situation",
    [
        its_entry_was_purged_meanwhile,
        its_id_belongs_to_another_entry_now,
        it_is_listed_twice,
        two_of_them_share_an_id,
        nothing_that_names_it_is_believed,
        a_new_entry_leads_to_its_entry_too,
    ],
)
def test_it_is_in_doubt_where(situation: Situation) -> None:
    seen, others, known, trust = situation()
    same, doubtful = recognize(seen, others, known, trust)
    assert (same, doubtful) == ([], seen)


def test_it_is_certain_by_its_title_where_a_source_names_nothing_else() -> None:
    one = entry(1, id=None, url=None)
    [same], doubtful = recognize([one], [], stored(one), Trust())
    assert (same.entry_id, doubtful) == (1, [])


def test_a_name_that_it_got_since_is_added() -> None:
    known = {key: hit for key, hit in stored(ONE).items() if key.kind != "link"}
    [same], _ = recognize([ONE], [], known, Trust())
    assert [key.kind for key in same.add] == ["link"]


# --- the whole path ------------------------------------------------------------------------


def documents(chance: random.Random) -> Iterator[str]:
    """A feed as it goes on, with all that publishers do to their items."""
    items: list[dict[str, str]] = []
    for number in range(14):
        items.insert(0, {"number": str(number), "body": _body(chance, number)})
        one = chance.choice(items)
        match chance.randrange(9):
            case 0:
                one["body"] += _body(chance, 100 + number)
            case 1:
                one["guid"] = f"new-{number}"
            case 2:
                one["link"] = f"https://example.com/{chance.randrange(14)}"
            case 3:
                items.append(dict(one))
            case 4:
                one["title"] = f"Item {chance.randrange(14)}"
            case 5:
                one["guid"] = f"id-{chance.randrange(14)}"
            case 6:
                one["body"] += f"?utm_source={number}"
            case 7:
                one["date"] = ""
        if chance.random() < 0.3:
            chance.shuffle(items)
        del items[12:]
        yield rss(*(item(**one) for one in items))


def _body(chance: random.Random, number: int) -> str:
    words = " ".join(chance.choices(("rain", "council", "bridge", "tram", "harbour", "school", "vote", "night"), k=30))
    return f"<p>Of {number}: {words}.</p>"


@pytest.mark.parametrize("seed", range(6))
def test_the_outcome_is_that_of_cleaning_everything(tmp_path: Path, seed: int) -> None:
    one, other = World(tmp_path / "one"), World(tmp_path / "other")
    for world in (one, other):
        world.folder.mkdir()
        world.source("Blog", url="https://example.com/feed")
    # Rules about age are judged with each check, so that nothing is recognized here.
    other.config["rules"] = [{"when": {"age": "> 9000d"}, "drop": True}]
    for text in documents(random.Random(seed)):
        for world in (one, other):
            world.network.answers["https://example.com/feed"] = text
            world.once()
            world.clock.now += timedelta(hours=1)
    assert one.published() == other.published()
    for query in TABLES:
        assert one.rows(query) == other.rows(query)


TABLES = (
    "SELECT id, uuid, title, url, changes, last_seen FROM entry ORDER BY id",
    "SELECT kind, text, entry_id FROM entry_alias ORDER BY kind, text",
    "SELECT at, kind, message, entry_id FROM event ORDER BY id",
    "SELECT new, changed, refused FROM source_check ORDER BY id",
)


def test_what_was_purged_while_its_feed_was_read_is_cleaned_after_all(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.source("feed", url=FEED.url)
    text = rss(item(1), item(2))
    again = read(text, titles(read(text)))
    assert len(again.recognized) == 2
    with world.writing() as means:
        with means.database.read() as connection:
            [state] = sources.by_name(connection, ["feed"])
        answer = Fetched(Document(b"", url=FEED.url), Validators())
        result = ingest.feed(means, state, means.recipes["feed"], answer, again)
        assert result.tally == Tally(new=2)
    world.publish()
    assert sorted(world.titles()) == ["Item 1", "Item 2"]
