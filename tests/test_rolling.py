"""A program beside a newer one on the same database: what the newer one's migrations leave to it.

Several machines are not upgraded at one moment. A migration that only adds something is no trouble for programs of
before; one that takes away says so in the schema, and keeps them out.
"""

from __future__ import annotations

import logging

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, text

from aggregator.cli import cli
from aggregator.errors import StoreError
from aggregator.store.engine import newest_revision
from tests.world import World, item, rss

FEED = "https://example.com/feed"


@pytest.fixture
def blog(world: World) -> World:
    world.source("Blog", url=FEED, category="own")
    world.network.answers[FEED] = rss(item(1))
    world.once()
    return world


def expand(connection: Connection) -> None:
    """As a newer program begins to keep something more."""
    connection.execute(text("ALTER TABLE entry ADD COLUMN mood TEXT"))
    connection.execute(text("ALTER TABLE category ADD COLUMN colour INTEGER DEFAULT 0 NOT NULL"))
    connection.execute(text("CREATE TABLE reader (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"))
    connection.execute(text("UPDATE alembic_version SET version_num = '9998'"))


def contract(connection: Connection) -> None:
    """As it then does without what the older one needs."""
    connection.execute(text("ALTER TABLE entry DROP COLUMN changes"))
    connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    connection.execute(text("UPDATE schema_oldest SET revision = '9999'"))


def test_what_a_newer_program_added_is_no_trouble(blog: World, caplog: pytest.LogCaptureFixture) -> None:
    with blog.writing() as means, means.database.write() as connection:
        expand(connection)
    blog.network.answers[FEED] = rss(item(1, body="<p>It says something else altogether by now.</p>"), item(2))
    with caplog.at_level(logging.INFO):
        tally = blog.once()["Blog"].tally
    assert (tally.new, tally.changed) == (1, 1)
    assert f"the schema is of a newer version, 9998; this one, {newest_revision()}, works with it" in caplog.messages
    assert sorted(blog.titles()) == ["Item 1", "Item 2"]
    blog.source("Other", url="https://other.example/feed", category="新闻")
    blog.network.answers["https://other.example/feed"] = rss(item(7, title="Seventh"))
    blog.once()
    assert blog.titles("新闻") == ["Seventh"]
    assert blog.rows("SELECT version_num FROM alembic_version") == [("9998",)]
    before = blog.published()
    blog.replay()
    blog.once()
    assert blog.published() == before


def test_what_a_newer_program_took_away_keeps_this_one_out(blog: World) -> None:
    with blog.writing() as means, means.database.write() as connection:
        expand(connection)
        contract(connection)
    before = blog.published()
    with pytest.raises(StoreError, match="install the version that made it") as told:
        blog.once()
    assert told.value.lasting
    assert blog.published() == before
    result = CliRunner().invoke(cli, ["-c", str(blog.folder / "config.yaml"), "publish"])
    assert isinstance(result.exception, StoreError)


def test_the_schema_of_today_lets_today_s_program_in(blog: World) -> None:
    [(oldest,)] = blog.rows("SELECT revision FROM schema_oldest")
    assert oldest <= newest_revision()
