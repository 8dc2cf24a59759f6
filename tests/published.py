"""Stories and feeds as the database would hand them to publishing, made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from aggregator.config.schema import Output, Site
from aggregator.model import Carrier, Feed, Node, Origin, Path, Person, Story, Term

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SITE = Site(
    title="汇流", url="https://feeds.example.org/news", tag="example.org,2026", language="zh", timezone="Asia/Shanghai"
)
ENGLISH = Site(title="Tributary", url="https://feeds.example.org/", tag="example.org,2026")
OUTPUT = Output()
PATH: Path = ("金融", "新浪财经")


def uuid(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, name)


def carrier(name: str, *, title: str = "标题", url: str | None = "") -> Carrier:
    return Carrier(uuid(name), name, title, f"https://{name}.example/1" if url == "" else url)


def story(number: int = 0, *others: str, **changes: Any) -> Story:
    """The `number`th story, that many minutes before noon, carried by `others` as well."""
    when = NOON - timedelta(minutes=number)
    url = changes.get("url", f"https://news.example.com/{number}")
    made = Story(
        uuid=uuid(f"story {number}"),
        title=f"第 {number} 篇",
        html="<p>近海风电首次承担三成负荷。</p>",
        summary="近海风电首次承担三成负荷。",
        url=url,
        publisher="新浪财经",
        authors=(Person("林若溪"),),
        published=when,
        updated=when + timedelta(microseconds=number + 1),
        paths=(PATH,),
        terms=(Term(("风电",)),),
        origin=Origin(
            "新浪财经", "https://sina.example/feed", "https://sina.example/", "https://sina.example/feed.xml"
        ),
        carriers=(Carrier(uuid(f"story {number}"), "新浪财经", f"第 {number} 篇", url), *map(carrier, others)),
        language="zh",
    )
    return replace(made, **changes)


def feed(*stories: Story, slug: str = "金融/新浪财经", path: Path = PATH, **changes: Any) -> Feed:
    ordered = tuple(sorted(stories, key=lambda one: (one.updated, one.uuid.int), reverse=True))
    made = Feed(
        uuid=uuid(f"feed {slug}"),
        slug=slug,
        title=path[-1] if path else "全部",
        description="",
        path=path,
        updated=ordered[0].updated if ordered else NOON,
        stories=ordered,
        count=len(stories),
    )
    return replace(made, **changes)


TREE = (
    Node(("金融",), "金融", "金融", 1284, children=(Node(PATH, "金融/新浪财经", "新浪财经", 1),)),
    Node(("科技",), "科技", "科技", 0),
)
