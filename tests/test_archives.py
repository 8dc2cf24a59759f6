"""Archives of feeds (RFC 5005): nothing that was published is out of reach, and nothing sealed changes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from aggregator.errors import StoreError
from aggregator.publish.archive import only
from tests.subscriber import ARCHIVE, Subscriber, chain, ids, link, read, titles
from tests.world import World, item, rss

FEED = "https://blog.example/feed"


def dated(number: int, **changes: str) -> str:
    return item(number, date=f"Sun, 01 Mar 2026 {number // 60:02d}:{number % 60:02d}:00 GMT", **changes)


@pytest.fixture
def blog(world: World) -> World:
    """A feed of ours holds three entries, an archive too."""
    world.config["output"] = {"entries": 3}
    world.source("Blog", url=FEED, category="技术")
    return world


def bring(blog: World, *items: str) -> None:
    blog.network.answers[FEED] = rss(*items)
    blog.once()


def public(blog: World) -> Path:
    return blog.folder / "public"


def sealed(blog: World) -> dict[str, bytes]:
    return {path: data for path, data in blog.published().items() if "/archive/" in path}


def test_archives_hold_what_the_feed_no_longer_does(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    feeds = chain(public(blog), "feeds/技术.atom")
    assert [titles(feed) for feed in feeds] == [
        ["Item 10", "Item 9", "Item 8", "Item 7", "Item 6"],
        ["Item 5", "Item 4", "Item 3"],
        ["Item 2", "Item 1", "Item 0"],
    ]


def test_an_archive_says_that_it_is_one_and_leads_to_the_older_and_the_current(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    archive = read(public(blog), "feeds/技术/archive/2.atom")
    assert archive.find(ARCHIVE) is not None
    assert link(archive, "self") == "feeds/技术/archive/2.atom"
    assert link(archive, "current") == "feeds/技术.atom"
    assert link(archive, "prev-archive") == "feeds/技术/archive/1.atom"
    assert link(archive, "next-archive") is None
    assert link(read(public(blog), "feeds/技术/archive/1.atom"), "prev-archive") is None
    current = read(public(blog), "feeds/技术.atom")
    assert current.find(ARCHIVE) is None
    assert archive.findtext("{*}id") == current.findtext("{*}id")


def test_nothing_is_sealed_before_more_than_twice_the_entries_wait(blog: World) -> None:
    bring(blog, *map(dated, range(6)))
    assert sealed(blog) == {}
    assert len(ids(read(public(blog), "feeds/技术.atom"))) == 6
    bring(blog, *map(dated, range(7)))
    assert len(ids(read(public(blog), "feeds/技术.atom"))) == 4
    assert len(sealed(blog)) == 3  # of the category, of all, and of the publisher


def test_what_arrives_late_with_an_old_date_is_in_the_feed(blog: World) -> None:
    bring(blog, *map(dated, range(10, 21)))
    before = sealed(blog)
    bring(blog, *map(dated, range(10, 21)), item(1, date="Wed, 05 Feb 2020 08:00:00 GMT"))
    assert "Item 1" in titles(read(public(blog), "feeds/技术.atom"))
    assert sealed(blog) == before


def test_a_sealed_file_does_not_change_when_an_entry_in_it_does(blog: World) -> None:
    items = [dated(n) for n in range(11)]
    bring(blog, *items)
    before = sealed(blog)
    blog.clock.forward(days=1)
    items[0] = dated(0, title="Quite another title than before", body="<p>And quite another text, which is news.</p>")
    bring(blog, *items)
    assert titles(read(public(blog), "feeds/技术.atom"))[0] == "Quite another title than before"
    assert sealed(blog) == before


def test_who_was_away_finds_an_edit_of_what_was_sealed_in_a_later_archive(blog: World) -> None:
    items = [dated(n) for n in range(11)]
    bring(blog, *items)
    sleeper = Subscriber(public(blog), "feeds/技术.atom")
    sleeper.poll()
    blog.clock.forward(days=1)
    items[0] = dated(0, title="Quite another title than before", body="<p>And quite another text, which is news.</p>")
    bring(blog, *items)
    bring(blog, *items, *(item(n, date=f"Tue, 03 Mar 2026 08:{n}:00 GMT") for n in range(20, 40)))
    assert "Quite another title than before" not in titles(read(public(blog), "feeds/技术.atom"))
    sleeper.poll()
    assert "Quite another title than before" in {title for _, title in sleeper.entries.values()}
    assert len(sleeper.entries) == 31


def test_publishing_everything_anew_changes_no_byte(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    before = blog.published()
    assert blog.publish(everything=True) == []
    assert blog.published() == before


def test_a_lost_archive_is_written_again(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    before = blog.published()
    shutil.rmtree(public(blog) / "feeds" / "技术" / "archive")
    assert sorted(blog.publish()) == ["feeds/技术/archive/1.atom", "feeds/技术/archive/2.atom"]
    assert blog.published() == before


def test_an_altered_archive_is_put_right(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    before = blog.published()
    file = public(blog) / "feeds" / "技术" / "archive" / "1.atom"
    file.write_bytes(file.read_bytes().replace(b"Item 1", b"Item 9"))
    blog.publish()
    assert blog.published() == before


def test_without_archives_the_feed_holds_the_newest_alone(blog: World) -> None:
    blog.config["output"]["archive"] = False
    bring(blog, *map(dated, range(11)))
    current = read(public(blog), "feeds/技术.atom")
    assert titles(current) == ["Item 10", "Item 9", "Item 8"]
    assert link(current, "prev-archive") is None
    assert sealed(blog) == {}


def test_archives_begun_late_hold_everything(blog: World) -> None:
    blog.config["output"]["archive"] = False
    bring(blog, *map(dated, range(11)))
    blog.config["output"]["archive"] = True
    blog.publish()
    assert {one for feed in chain(public(blog), "feeds/技术.atom") for one in titles(feed)} == {
        f"Item {n}" for n in range(11)
    }


def test_another_number_of_entries_counts_for_later_archives_alone(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    before = sealed(blog)
    blog.config["output"]["entries"] = 2
    bring(blog, *map(dated, range(12)))
    assert {path: data for path, data in sealed(blog).items() if path in before} == before
    assert [len(ids(feed)) for feed in chain(public(blog), "feeds/技术.atom")] == [4, 2, 3, 3]


def test_archives_follow_the_site_to_another_address(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    blog.config["site"] = {**blog.config["site"], "url": "https://moved.example/"}
    blog.publish()
    archive = read(public(blog), "feeds/技术/archive/2.atom")
    assert link(archive, "prev-archive", "https://moved.example/") == "feeds/技术/archive/1.atom"


def test_what_a_full_disk_kept_from_being_written_is_written_later(blog: World) -> None:
    blocked = public(blog) / "feeds" / "技术"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder belongs")
    with pytest.raises(StoreError):
        bring(blog, *map(dated, range(11)))
    assert "feeds/技术.atom" not in blog.published()  # it would link to an archive that is not there
    blocked.unlink()
    blog.publish()
    assert [len(ids(feed)) for feed in chain(public(blog), "feeds/技术.atom")] == [5, 3, 3]


def test_the_archives_of_a_category_that_moved_stay_reachable(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    before = sealed(blog)
    blog.config["sources"][0]["category"] = "计算机"
    blog.config["categories"] = [{"path": "计算机", "was": ["技术"]}]
    blog.once()
    feeds = chain(public(blog), "feeds/技术.atom")
    assert [len(ids(feed)) for feed in feeds] == [1, 3, 3]
    assert {path: data for path, data in sealed(blog).items() if path in before} == before


def test_most_entries_of_one_publisher_leave_room_for_others_and_lose_nothing(blog: World) -> None:
    blog.config["output"] = {"entries": 3, "per_source": 2}
    blog.source("Quiet", url="https://quiet.example/feed", category="技术")
    blog.network.answers["https://quiet.example/feed"] = rss(item(100, date="Sat, 28 Feb 2026 08:00:00 GMT"))
    bring(blog, *map(dated, range(20)))
    current = read(public(blog), "feeds/技术.atom")
    assert titles(current) == ["Item 19", "Item 18", "Item 100"]  # the oldest of all, and sealed long ago
    blog.network.answers["https://quiet.example/feed"] = rss(item(101, date="Sat, 28 Feb 2026 09:00:00 GMT"))
    blog.once()
    assert titles(read(public(blog), "feeds/技术.atom")) == ["Item 19", "Item 18", "Item 101"]
    bring(blog, *map(dated, range(30)))
    reached = {one for feed in chain(public(blog), "feeds/技术.atom")[1:] for one in titles(feed)}
    assert {f"Item {n}" for n in range(24)} <= reached
    assert len(titles(read(public(blog), "s/Blog.atom"))) > 2  # its own feed is not thinned


def test_taking_entries_out_leaves_every_other_byte(blog: World) -> None:
    bring(blog, *map(dated, range(11)))
    data = (public(blog) / "feeds/技术/archive/1.atom").read_bytes()
    assert only(data, ids(read(public(blog), "feeds/技术/archive/1.atom"))) == data
    assert only(b"<feed", []) is None
