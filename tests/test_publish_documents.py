"""Documents in every format: valid whatever comes in, and the same bytes wherever they are made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator import publish
from aggregator.model import Carrier, Enclosure, Feed, Image, Origin, Person, Story, Term
from aggregator.publish.addresses import feed_path
from aggregator.publish.formats import FORMATS
from tests.published import NOON, OUTPUT, SITE, feed, story

ROOT = Path(__file__).parent.parent
GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).parent / "data" / "atom.rng"))

texts = st.text(st.characters(codec=None), max_size=60)
people = st.builds(Person, texts, st.none() | texts, st.none() | texts)
enclosures = st.builds(
    Enclosure,
    texts | texts.map("https://a.example/{}".format),
    st.none() | texts | st.just("audio/mpeg"),
    st.none() | st.integers(),
)
#: Names of podcasts' elements, as they are parsed.
SAID = ("itunes:duration", "itunes:image", "itunes:explicit", "itunes:episode", "itunes:block", "podcast:person", "x")
moments = st.integers(-30 * 10**9, 200 * 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds))
stories = st.builds(
    story,
    st.integers(0, 10_000),
    title=texts,
    html=texts,
    summary=texts,
    url=st.none() | texts | texts.map("https://a.example/{}".format),
    publisher=texts,
    authors=st.lists(people, max_size=2).map(tuple),
    published=moments,
    paths=st.lists(st.lists(texts, min_size=1, max_size=3).map(tuple), min_size=1, max_size=3).map(tuple),
    terms=st.lists(st.builds(Term, st.tuples(texts), st.none() | texts, st.none() | texts), max_size=3).map(tuple),
    origin=st.builds(Origin, texts, texts, st.none() | texts, st.none() | texts),
    carriers=st.lists(st.builds(Carrier, st.uuids(), texts, texts, st.none() | texts), min_size=1, max_size=3).map(
        tuple
    ),
    image=st.none() | st.builds(Image, texts, st.none() | st.integers(), st.none() | st.integers()),
    enclosures=st.lists(enclosures, max_size=2).map(tuple),
    podcast=st.lists(st.tuples(st.sampled_from(SAID), texts | st.just("https://a.example/路.jpg")), max_size=2).map(
        tuple
    ),
    language=st.none() | texts,
    rights=st.none() | texts,
)


def ids(kind: str, body: bytes) -> list[str]:
    """What a reader takes for the entries, in its order."""
    if kind == "json":
        return [item["id"] for item in json.loads(body)["items"]]
    read = feedparser.parse(body)
    assert not read.bozo
    return [entry.id for entry in read.entries]


@settings(max_examples=60, deadline=None)
@given(st.lists(stories, max_size=4, unique_by=lambda one: one.uuid), texts, texts)
def test_whatever_comes_in_every_document_is_fit_to_be_published(made: list[Story], title: str, description: str):
    made = [replace(one, updated=NOON - timedelta(microseconds=place)) for place, one in enumerate(made)]
    shown = feed(*made, title=title, description=description)
    for kind, format in FORMATS.items():
        body = format.write(shown, SITE, OUTPUT)
        assert publish.faults(feed_path(shown.slug, kind), body, SITE) == []
        assert ids(kind, body) == [f"tag:example.org,2026:{one.uuid}" for one in made]


@settings(max_examples=40, deadline=None)
@given(st.lists(stories, max_size=3, unique_by=lambda one: one.uuid), texts)
def test_atom_follows_the_grammar_of_its_specification(made: list[Story], title: str):
    document = etree.fromstring(FORMATS["atom"].write(feed(*made, title=title), SITE, OUTPUT))
    assert GRAMMAR.validate(document), GRAMMAR.error_log.last_error


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<id>", "<id/><id>"),
        ("<updated>2026", "<updated>noon 2026"),
        ('rel="via"', 'rel=""'),
        ("<name>", "<name/><name>"),
        ('term="', 'name="'),
        ('type="html"', 'type="xhtml"'),
        ("<generator", "<channel/><generator"),
    ],
)
def test_the_grammar_tells_what_is_wrong(old: str, new: str):
    good = FORMATS["atom"].write(feed(story(0, "b")), SITE, OUTPUT).decode()
    assert GRAMMAR.validate(etree.fromstring(good.encode()))
    assert not GRAMMAR.validate(etree.fromstring(good.replace(old, new, 1).encode()))


def sample() -> Feed:
    """Something of everything."""
    return feed(
        story(
            0,
            "b",
            "c",
            image=Image("https://img.example/a.jpg", 640, 480),
            enclosures=(Enclosure("https://cdn.example/1.mp3", "audio/mpeg", 5), Enclosure("https://cdn.example/2")),
            podcast=(("itunes:duration", "12:30"), ("itunes:explicit", "yes")),
        ),
        story(1, enclosures=(Enclosure("https://cdn.example/3.mp3", "audio/mpeg"),), terms=(Term(("a",), "x:y", "z"),)),
        deleted=((story(2).uuid, NOON),),
    )


PRINT = """
from hashlib import sha256
from aggregator.publish.formats import FORMATS
from tests.published import OUTPUT, SITE
from tests.test_publish_documents import sample
for format in FORMATS.values():
    print(sha256(format.write(sample(), SITE, OUTPUT)).hexdigest())
"""


@pytest.mark.parametrize(
    "place", [{"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "1"}, {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"}]
)
def test_the_same_entries_give_the_same_bytes_anywhere(place: dict[str, str]):
    ours = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    digests = {
        subprocess.run([sys.executable, "-c", PRINT], env=ours | more, capture_output=True, check=True).stdout
        for more in (place, {"TZ": "UTC", "PYTHONHASHSEED": "0", "LC_ALL": "C"})
    }
    assert len(digests) == 1
    assert digests.pop().count(b"\n") == len(FORMATS)
