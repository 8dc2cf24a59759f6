"""The list of our own feeds."""

from __future__ import annotations

from lxml import etree

from aggregator.publish.opml import opml
from tests.published import ENGLISH, SITE, TREE


def outlines(element: etree._Element) -> list[object]:
    return [(one.get("text"), one.get("xmlUrl"), outlines(one)) for one in element.findall("outline")]


def test_categories_with_narrower_ones_are_folders_that_begin_with_their_own_feed():
    body = etree.fromstring(opml(TREE, SITE)).find("body")
    base = "https://feeds.example.org/news/feeds/"
    assert body is not None
    assert outlines(body) == [
        ("全部文章", f"{base}all.atom", []),
        (
            "金融",
            None,
            [
                ("金融", f"{base}%E9%87%91%E8%9E%8D.atom", []),
                ("新浪财经", f"{base}%E9%87%91%E8%9E%8D/%E6%96%B0%E6%B5%AA%E8%B4%A2%E7%BB%8F.atom", []),
            ],
        ),
        ("科技", f"{base}%E7%A7%91%E6%8A%80.atom", []),
    ]


def test_each_feed_names_its_page_and_the_list_has_no_date():
    made = opml(TREE, ENGLISH)
    assert b'htmlUrl="https://feeds.example.org/c/all/"' in made
    assert b"dateCreated" not in made
    assert made == opml(TREE, ENGLISH)
