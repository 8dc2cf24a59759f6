"""What keeps a document from replacing the last good one."""

from __future__ import annotations

import pytest

from aggregator.publish.addresses import feed_path, public_url
from aggregator.publish.atom import atom
from aggregator.publish.lint import lint
from tests.published import OUTPUT, SITE, feed, story

URL = public_url(SITE, feed_path("金融/新浪财经"))
GOOD = atom(feed(story(0, "b"), story(1)), SITE, OUTPUT).decode()


def test_our_own_feed_is_faultless():
    assert lint(GOOD.encode(), URL) == []


def test_a_feed_without_entries_is_faultless():
    assert lint(atom(feed(), SITE, OUTPUT), URL) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("</feed>", "", "not well-formed"),
        ("<feed ", "<rss ", "not well-formed"),
        ("http://www.w3.org/2005/Atom", "http://example.org/", "expected an Atom feed"),
        ("<title>新浪财经</title>", "", "expected one title, found 0"),
        ("<title>新浪财经</title>", "<title> </title>", "title is empty"),
        ("<title>第 0 篇</title>", "<title>a</title><title>b</title>", "expected one title, found 2"),
        ("<author><name>汇流</name></author>", "", None),
        ("<name>林若溪</name>", "<name>林若溪</name><uri>/relative</uri>", "<uri> holds no absolute"),
        ("第 0 篇</title><updated>2026", "第 0 篇</title><updated>noon 2026", "no RFC 3339 date"),
        (
            "第 1 篇</title><updated>2026-11-21T11:59:00.000002",
            "第 1 篇</title><updated>2026-11-21T12:00:00.000001",
            "2 entries have the updated",
        ),
        ("第 0 篇</title><updated>2026", "第 0 篇</title><updated>2027", "updated is older"),
        ("第 0 篇</title><updated>2026-11", "第 0 篇</title><updated>2026-13", "no RFC 3339 date"),
        # The same moment, written in another way.
        (
            "第 0 篇</title><updated>2026-11-21T12:00:00.000001+00:00",
            "第 0 篇</title><updated>2026-11-21T20:00:00.000001+08:00",
            None,
        ),
        ('rel="via" href="https://b.example/1"', 'rel="via" href="b.example/路"', "<link> holds no absolute"),
        ('rel="self"', 'rel="related"', "rel=self should be"),
        ('rel="via"', 'rel="alternate"', "two links rel=alternate"),
        ('xml:lang="zh"', 'xml:lang="zh cn"', "xml:lang"),
        ('<category term="风电"/>', '<category term=""/>', "a category without term"),
    ],
)
def test_faults_are_found(old: str, new: str, problem: str | None):
    assert old in GOOD
    problems = lint(GOOD.replace(old, new, 1).encode(), URL)
    if problem is None:
        assert problems == []
    else:
        assert any(problem in found for found in problems), problems


def test_two_entries_of_one_id_are_found():
    doubled = GOOD.replace(str(story(1).uuid), str(story(0).uuid))
    assert any("2 entries have the id" in found for found in lint(doubled.encode(), URL))


def test_an_entry_needs_an_author_somewhere():
    bare = GOOD.replace("<author><name>汇流</name></author>", "").replace("<author><name>林若溪</name></author>", "")
    assert any("no author" in found for found in lint(bare.encode(), URL))


def test_it_never_reads_what_a_document_points_to(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("leaked")
    entity = f'<!DOCTYPE feed [<!ENTITY s SYSTEM "{secret.as_uri()}">]>'
    document = GOOD.replace("?>", f"?>{entity}", 1).replace("<title>新浪财经</title>", "<title>&s;</title>", 1)
    assert "leaked" not in "".join(lint(document.encode(), URL))
    assert any("title is empty" in found for found in lint(document.encode(), URL))
