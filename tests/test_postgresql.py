"""What only PostgreSQL brings: many who write at once, a right to write that can be lost, a server that can be away."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID

import feedparser
import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from aggregator import indexing, pipeline, withdraw
from aggregator.cli import cli
from aggregator.config.schema import Source
from aggregator.errors import BusyError, CrossedError, StoreError
from aggregator.means import Means
from aggregator.model import Failed, Fetched, NotModified, Outcome, Result, SourceState, Validators
from aggregator.store import categories, lock, search, settings, sources, stories
from aggregator.store.engine import Database
from aggregator.store.failures import ATTEMPTS, again
from aggregator.store.tables import category, entry, source, story
from tests import postgres
from tests.e2e.service import command, configure, eventually, running
from tests.world import PlayedNetwork, World, article, item, rss

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(postgres.MISSING is not None, reason=str(postgres.MISSING))]


@pytest.fixture
def address() -> Iterator[str]:
    with postgres.database() as url:
        yield url


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    made = Database(address)
    yield made
    made.close()


@pytest.fixture
def other(address: str) -> Iterator[Database]:
    """As another process has it."""
    made = Database(address)
    yield made
    made.close()


@pytest.fixture
def blog(tmp_path: Path, address: str) -> Iterator[World]:
    made = World(tmp_path, iter([address]))
    yield made
    made.close()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """What somebody else does at the same time; it has ended at the end of the block."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(work)


def until_blocked(database: Database, waiting: Future[Any]) -> bool:
    """Whether it comes to wait for a lock; it may also end without."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while not waiting.done():
            if connection.scalar(text("SELECT count(*), pg_sleep(0.01) FROM pg_locks WHERE NOT granted")):
                return True
    return False


def end_sessions(database: Database, role: str) -> None:
    """As a server that is started again: the connections in this role are gone."""
    with database.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name LIKE :role AND pid <> pg_backend_pid()"
            ),
            {"role": f"aggregator {role} %"},
        )


# --- the right to write ---------------------------------------------------------------------------


def test_a_second_writer_is_told_who_has_it(database: Database, other: Database) -> None:
    with database.only_writer(), pytest.raises(BusyError) as told, other.only_writer():
        pass
    assert f"process {os.getpid()} on {socket.gethostname()} is using postgresql" in str(told.value)
    assert not told.value.service
    with other.only_writer():
        assert other.held()


def test_a_service_is_known_as_one(database: Database, other: Database) -> None:
    with database.only_writer(lock.SERVICE), pytest.raises(BusyError) as told, other.only_writer():
        pass
    assert told.value.service


def test_processes_of_a_cluster_write_together_and_keep_others_out(database: Database, other: Database) -> None:
    with database.only_writer(lock.CLUSTER), other.only_writer(lock.CLUSTER):
        third = Database(database.url.render_as_string(hide_password=False))
        with pytest.raises(BusyError, match="2 processes of a cluster") as told, third.only_writer():
            pass
        third.close()
    assert told.value.service
    with database.only_writer(), pytest.raises(BusyError, match="process"), other.only_writer(lock.CLUSTER):
        pass


def test_a_right_that_is_lost_with_its_connection_is_taken_again(database: Database, other: Database) -> None:
    with database.only_writer(lock.SERVICE):
        end_sessions(other, lock.SERVICE)
        assert not database.held()
        with database.write() as connection:
            settings.put(connection, "key", "value")
        assert database.held()
        with pytest.raises(BusyError), other.only_writer():
            pass


def test_nobody_writes_whose_right_somebody_else_has_by_now(database: Database, other: Database) -> None:
    with database.only_writer(lock.SERVICE):
        end_sessions(other, lock.SERVICE)
        assert not database.held()
        with other.only_writer(), pytest.raises(StoreError, match="was lost: process") as told, database.write():
            pass
    assert told.value.lasting


def test_a_connection_that_breaks_has_the_right_looked_at(database: Database, other: Database) -> None:
    """It is not waited for until the lock's own connection is doubted."""
    with database.only_writer(lock.SERVICE):
        with pytest.raises(StoreError), database.write() as connection:  # noqa: PT012 - it breaks in the middle
            end_sessions(other, "%")
            connection.execute(text("SELECT 1"))
        with other.only_writer(), pytest.raises(StoreError, match="was lost"), database.write():
            pass


def test_commands_are_refused_beside_a_service(blog: World, other: Database) -> None:
    with other.only_writer(lock.SERVICE), pytest.raises(BusyError, match="stop it first"):
        blog.once()


# --- one of a kind --------------------------------------------------------------------------------


def test_one_of_a_kind_keeps_others_of_that_kind_away(database: Database, other: Database) -> None:
    with database.alone("stories") as mine:
        assert mine
        with other.alone("stories", wait=False) as theirs, other.alone("publishing", wait=False) as unrelated:
            assert (theirs, unrelated) == (False, True)
    with other.alone("stories", wait=False) as theirs:
        assert theirs


def test_who_waits_is_let_in_when_the_other_ends(database: Database, other: Database) -> None:
    def wait() -> bool:
        with other.alone("stories") as mine:
            return mine

    with ExitStack() as held:
        held.enter_context(database.alone("stories"))
        with meanwhile(wait) as waiting:
            assert until_blocked(database, waiting)
            held.close()
            assert waiting.result() is True


# --- many who write at once -----------------------------------------------------------------------


def row(number: int, updated: datetime) -> dict[str, Any]:
    """An entry, of which only what is unique matters."""
    return {
        "source_id": 1,
        "publisher": "p",
        "uuid": UUID(int=number),
        "title": "t",
        "published": updated,
        "first_seen": updated,
        "last_seen": updated,
        "updated": updated,
        "fingerprint": bytes(16),
        "grouped": False,
        "original": b"",
        "cleaned": b"",
    }


@pytest.fixture
def stored(database: Database) -> Database:
    """With a source and an entry of it."""
    with database.write() as connection:
        connection.execute(insert(source).values(id=1, name="s", kind="feed", location="x", configured=True))
        connection.execute(insert(entry).values(row(1, NOON)))
    return database


def test_new_categories_that_two_checks_bring_at_once_are_one(blog: World, database: Database, other: Database) -> None:
    means = blog.open()
    paths = [("科技", "編程"), ("财经",)], [("财经",), ("科技", "编程")]

    def ensure(at: Database, wanted: list[tuple[str, ...]]) -> set[int]:
        with at.write(beside=True) as connection:
            return set(categories.ensure(connection, wanted, means.naming, NOON).values())

    with ExitStack() as before:
        connection = before.enter_context(database.write(beside=True))
        first = set(categories.ensure(connection, paths[0], means.naming, NOON).values())
        with meanwhile(partial(ensure, other, paths[1])) as second:
            assert until_blocked(database, second)
            before.close()
            assert second.result() == first


def test_a_moment_that_two_entries_claim_at_once_goes_to_the_first(stored: Database, other: Database) -> None:
    later = NOON + timedelta(hours=1)

    @again
    def add(at: Database, number: int) -> datetime:
        with at.write(beside=True) as connection:
            taken = connection.scalar(select(func.count()).where(entry.c.updated == later).select_from(entry))
            stamp = later + timedelta(microseconds=taken or 0)
            connection.execute(insert(entry).values(row(number, stamp)))
        return stamp

    with ExitStack() as before:
        connection = before.enter_context(stored.write(beside=True))
        connection.execute(insert(entry).values(row(2, later)))
        with meanwhile(partial(add, other, 3)) as second:
            assert until_blocked(stored, second)
            before.close()
            assert second.result() == later + timedelta(microseconds=1)


def test_who_decided_from_what_has_changed_since_begins_again(stored: Database, other: Database) -> None:
    """Grouping must not call an entry grouped that a check wrote anew after grouping had read it."""
    grouped = update(entry).where(entry.c.id == 1).values(grouped=True)
    with pytest.raises(CrossedError, match="it is tried again"), stored.write() as one:  # noqa: PT012
        assert one.scalar(select(entry.c.title)) == "t"
        with other.write(beside=True) as two:
            two.execute(update(entry).values(title="new"))
        one.execute(grouped)


def test_two_that_wait_for_each_other_both_get_done(stored: Database, other: Database) -> None:
    with stored.write() as connection:
        connection.execute(insert(entry).values(row(2, NOON + timedelta(seconds=1))))
    met = Barrier(2)

    def write(at: Database, order: tuple[int, int]) -> int:
        tries = 0

        @again
        def both() -> None:
            nonlocal tries
            tries += 1
            with at.write(beside=True) as connection:
                for number in order:
                    connection.execute(update(entry).where(entry.c.id == number).values(changes=entry.c.changes + 1))
                    if tries == 1 and number == order[0]:
                        met.wait()

        both()
        return tries

    with meanwhile(partial(write, stored, (1, 2))) as one, meanwhile(partial(write, other, (2, 1))) as two:
        # One has to begin anew; where it overtakes the other, who was about to go on, so has that one.
        assert max(one.result(), two.result()) > 1
    with stored.read() as connection:
        assert list(connection.scalars(select(entry.c.changes))) == [2, 2]


def test_a_fault_of_ours_is_not_tried_for_ever(stored: Database) -> None:
    tries = []

    @again
    def broken() -> None:
        tries.append(1)
        with stored.write() as connection:
            connection.execute(insert(entry).values(row(1, NOON)))

    with pytest.raises(IntegrityError):
        broken()
    assert len(tries) == ATTEMPTS


class Together(PlayedNetwork):
    """Answers only once all are asked, so that what they bring is stored at the same time."""

    def __init__(self, many: int) -> None:
        super().__init__()
        self._barrier = asyncio.Barrier(many)

    async def fetch(
        self, source: Source, url: str, validators: Validators, now: datetime
    ) -> Fetched | NotModified | Failed:
        await self._barrier.wait()
        return await super().fetch(source, url, validators, now)


ROUNDS = 50


async def check_all(means: Means, states: Sequence[SourceState], network: PlayedNetwork) -> list[Result]:
    means = replace(means, make_fetcher=lambda: network)
    return list(await asyncio.gather(*(pipeline.check(means, state) for state in states)))


def bring_kinds(network: PlayedNetwork, number: int) -> None:
    """The same new categories from both, in either order, and in spellings that are one."""
    for turn, name in enumerate(("One", "Two")):
        terms = [(f"類別{number}甲", f"类别{number}甲")[turn], f"Kind{number}"]
        listed = [
            item(f"{name}{number}{one}").replace("<title>", f"<category>{one}</category><title>")
            for one in (terms if (number + turn) % 2 else reversed(terms))
        ]
        network.answers[f"https://{name.lower()}.example/feed"] = rss(*listed)


def test_two_sources_bring_the_same_new_categories_round_after_round(blog: World) -> None:
    """And of the same second, so that their stamps meet, too."""
    for name in ("One", "Two"):
        blog.source(name, url=f"https://{name.lower()}.example/feed", category="own")
    with blog.writing() as means:
        for number in range(ROUNDS):
            together = Together(2)
            bring_kinds(together, number)
            with means.database.read() as connection:
                states = sources.checkable(connection, blog.clock())
            results = asyncio.run(check_all(means, states, together))
            assert [(one.outcome, one.tally.new) for one in results] == [(Outcome.OK, 2)] * 2
    assert blog.rows("SELECT count(*) FROM category WHERE kind = 'category'") == [(1 + 2 * ROUNDS,)]
    assert blog.rows("SELECT count(*), count(DISTINCT updated) FROM entry") == [(4 * ROUNDS, 4 * ROUNDS)]


def test_what_is_withdrawn_while_a_check_brings_an_edit_stays_withdrawn(blog: World, other: Database) -> None:
    blog.source("Blog", url="https://blog.example/feed", category="own")
    blog.network.answers["https://blog.example/feed"] = rss(item(1), item(2))
    blog.once()
    blog.network.answers["https://blog.example/feed"] = rss(item(1, body="<p>Quite another text by now.</p>"), item(2))
    with blog.writing() as means:
        with means.database.read() as connection:
            states = sources.checkable(connection, blog.clock())
        with ExitStack() as before:
            taking_down = before.enter_context(other.write())
            assert withdraw.article(taking_down, means, 1) == [1]
            with meanwhile(lambda: asyncio.run(check_all(means, states, blog.network))) as check:
                assert until_blocked(other, check)
                before.close()
                assert check.result()[0].outcome is Outcome.OK
    blog.once()
    assert blog.titles() == ["Item 2"]


def test_what_publishing_crosses_whenever_there_is_much_of_it_comes_to_an_end_all_the_same(
    blog: World, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds that are published one after the other leave grouping and indexing no gap for a long transaction."""
    blog.source("Blog", url="https://blog.example/feed", category="own")
    blog.network.answers["https://blog.example/feed"] = rss(*(item(f"word{number}") for number in range(70)))
    sizes: dict[str, list[int]] = {"grouped": [], "indexed": []}

    def publish_where_many(what: str, count: int) -> None:
        sizes[what].append(count)
        if count > 10:
            with other.write(beside=True) as connection:
                connection.execute(update(category).values(published=category.c.changed))
                connection.execute(update(story).values(shown=story.c.changed))

    settle, count = stories.settle, search.settle
    monkeypatch.setattr(
        stories, "settle", lambda *told: [publish_where_many("grouped", len(told[1])), settle(*told)][1]
    )
    monkeypatch.setattr(search, "settle", lambda *told: [publish_where_many("indexed", len(told[1])), count(*told)][1])
    with blog.writing() as means:
        with means.database.read() as connection:
            (state,) = sources.checkable(connection, blog.clock())
        asyncio.run(pipeline.check(replace(means, make_fetcher=lambda: blog.network), state))
        assert pipeline.group(means) == 70
        assert indexing.index(means) == 70
    for told in sizes.values():
        assert told[:2] == [70, 70]
        assert sum(one for one in told if one <= 10) == 70
    assert blog.rows("SELECT count(*) FROM story WHERE searched = changed") == [(70,)]


# --- a server that is away, or another than was meant ---------------------------------------------


def refused(url: str) -> StoreError:
    database = Database(url)
    with pytest.raises(StoreError) as told, database.read():
        pass
    database.close()
    assert "secret" not in str(told.value)
    return told.value


def test_a_server_that_is_not_there() -> None:
    error = refused("postgresql+psycopg://me:secret@127.0.0.1:1/news")
    assert "postgresql+psycopg://me:***@127.0.0.1:1/news" in str(error)
    assert "(start the database server)" in str(error)
    assert not error.lasting


def test_a_password_that_is_wrong(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guarded"))
        connection.execute(text("CREATE ROLE guarded LOGIN PASSWORD 'right'"))
    url = database.url.set(username="guarded", password="secret")
    error = refused(url.render_as_string(hide_password=False))
    assert "look at user and password in `database`" in str(error)


def test_a_database_that_is_not_there(database: Database) -> None:
    error = refused(database.url.set(database="elsewhere").render_as_string(hide_password=False))
    assert 'database "elsewhere" does not exist' in str(error)
    assert "create the database" in str(error)


def test_a_host_that_nobody_knows() -> None:
    assert "look at the host in `database`" in str(refused("postgresql+psycopg://me:secret@nowhere.invalid/news"))


@pytest.mark.parametrize(
    ("state", "remedy", "lasting"),
    [
        ("53100", "make room on the server's disk", False),
        ("25006", "name the primary", False),
        ("53300", "max_connections", False),
        ("57P01", "it is waited for", False),
        ("55P03", "another program holds a lock", False),
        ("58030", "look at the server's log", False),
        ("XX001", "restore a backup", True),
    ],
)
def test_what_a_server_says_comes_with_a_remedy(database: Database, state: str, remedy: str, lasting: bool) -> None:
    said = f"DO $$ BEGIN RAISE EXCEPTION 'no luck' USING ERRCODE = '{state}'; END $$"
    with pytest.raises(StoreError, match=f"no luck .*{remedy}") as told, database.write() as connection:
        connection.exec_driver_sql(said)
    assert told.value.lasting is lasting


def test_a_standby_is_read_and_not_written(database: Database, address: str) -> None:
    with database.engine.begin() as connection:
        name = database.url.database
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    standby = Database(address)
    with standby.read() as connection:
        assert settings.get(connection, "key") is None
    with pytest.raises(StoreError, match="name the primary"), standby.write() as connection:
        settings.put(connection, "key", "value")
    standby.close()


def test_it_goes_on_after_the_server_was_away(database: Database, other: Database) -> None:
    with database.read() as connection:
        assert settings.get(connection, "key") is None
    with pytest.raises(StoreError, match="it is waited for"), database.write() as connection:  # noqa: PT012
        settings.put(connection, "key", "lost")
        end_sessions(other, "process")
        settings.put(connection, "key", "value")
    with database.write() as connection:
        assert settings.get(connection, "key") is None
        settings.put(connection, "key", "value")


def test_a_session_has_our_settings_unless_the_address_says_otherwise(database: Database, address: str) -> None:
    def shown(one: Database) -> list[str]:
        with one.read() as connection:
            return [connection.scalar(text(f"SHOW {name}")) or "" for name in ("timezone", "lock_timeout", "jit")]

    with database.alone("something"):  # which waits for its lock without a limit
        pass
    assert shown(database) == ["UTC", "30s", "off"]
    other = Database(f"{address}&options=-c%20lock_timeout%3D100")
    assert shown(other) == ["UTC", "100ms", "off"]
    other.close()


def test_a_database_that_cannot_hold_every_script_is_told_apart() -> None:
    with postgres.database("template0", "ENCODING 'SQL_ASCII' LOCALE 'C'") as url:
        database = Database(url)
        with pytest.raises(StoreError, match="encoded in SQL_ASCII") as told:
            database.upgrade()
        assert told.value.lasting
        assert database.revision() is None
        database.close()


def test_a_driver_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'aggregator\[postgres\]'"):
        Database("postgresql+psycopg://localhost/news")


def test_the_check_of_a_configuration_reaches_for_the_server(tmp_path: Path, address: str) -> None:
    (tmp_path / "articles").mkdir()
    configure(tmp_path, [{"name": "文章", "path": "articles"}], database=address)
    assert CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "check"]).exit_code == 0
    configure(tmp_path, [{"name": "文章", "path": "articles"}], database="postgresql+psycopg://me:secret@127.0.0.1:1/a")
    told = CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "check"])
    assert told.exit_code == 2
    assert "start the database server" in told.output
    assert "secret" not in told.output


def test_tables_that_are_missing_are_told_how_to_be_made() -> None:
    with postgres.database("template0") as url:
        database = Database(url)
        with pytest.raises(StoreError, match="run `aggregator db upgrade`") as told, database.read() as connection:
            connection.execute(select(entry.c.id))
        assert told.value.lasting
        database.close()


def test_commands_that_need_a_schema_say_how_to_make_one(tmp_path: Path) -> None:
    with postgres.database("template0") as url:
        world = World(tmp_path, iter([url]))
        world.open()
        told = CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "search", "储能"])
        assert told.exit_code == 2
        assert "aggregator once" in told.stderr


# --- the service ----------------------------------------------------------------------------------


def test_commands_beside_a_service_and_a_server_that_drops_everybody(
    tmp_path: Path, address: str, database: Database
) -> None:
    def titles() -> list[str]:
        status, _, body = service.get("feeds/all.atom")
        return sorted(entry.title for entry in feedparser.parse(body).entries) if status == 200 else []

    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "a.md").write_text(article("第一篇", "<p>东湖二期管网完成切换，居民用水恢复正常。</p>"), encoding="utf-8")
    configure(tmp_path, [{"name": "文章", "path": "articles"}], database=address)
    with running(tmp_path) as service:
        eventually(lambda: titles() == ["第一篇"])
        asked = command(tmp_path, "once", "--source", "文章")
        assert asked.returncode == 0, asked.stderr
        refused = command(tmp_path, "publish")
        assert (refused.returncode, "is using postgresql" in refused.stderr) == (3, True), refused.stderr
        end_sessions(database, "%")
        (folder / "b.md").write_text(article("第二篇", "<p>周末的降雨使水库的蓄水量恢复。</p>"), encoding="utf-8")
        eventually(lambda: titles() == ["第一篇", "第二篇"])
        refused = command(tmp_path, "publish")
        assert refused.returncode == 3, refused.stderr
        withdrawn = command(tmp_path, "withdraw", "1")
        assert (withdrawn.returncode, "the running service" in withdrawn.stdout) == (0, True), withdrawn.stderr
        eventually(lambda: titles() == ["第二篇"])
        assert service.stop() == 0
    assert "Traceback" not in (tmp_path / "log.txt").read_text()
