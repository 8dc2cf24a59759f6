"""`db copy`: an installation that has lived moves to another database, and nobody outside notices."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import make_url, select, text

from aggregator import indexing, pipeline, retention, withdraw
from aggregator.cli import cli
from aggregator.errors import AggregatorError, StoreError
from aggregator.store import copying
from aggregator.store.engine import Database
from aggregator.store.lock import only_writer
from aggregator.store.tables import entry, metadata
from tests import postgres
from tests.world import World, article, item, rss

FEED, WIRE = "https://blog.example/feed", "https://wire.example/feed"

NOTICE = "本报微信公众号已开通，欢迎扫码关注获取更多本地消息。"
STREETS = ("东湖", "西山", "南屿", "北渡", "石埕", "柳塘", "新桥", "旧港", "云台", "青石", "白塔", "河口")
SHARED = (
    "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，"
    "水压较去年同期提高两成，夜间施工未影响沿线公交，余下路段将在汛期之前全部完工。"
)


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Edits, a duplicate, archives, learned blocks, something withdrawn, something purged, a saved search."""
    world = World(tmp_path_factory.mktemp("life"))
    world.config["retention"] = {"days": 30}
    world.config["output"] = {"entries": 3}
    world.config["categories"] = [{"path": "水务", "query": "东湖"}]
    world.source("Blog", url=FEED, category="技术")
    world.source("Wire", url=WIRE)
    world.source("文章", path="articles")
    for number, street in enumerate(STREETS):
        own = f"<p>{street}街道第{number}号工程于本周动工，居民盼了{number + 3}年的改造终于有了时间表。</p><p>{NOTICE}</p>"
        world.article(f"{number:02}.md", article(f"{street}第{number}期", own))
    bring(world, range(9))
    bring(world, range(1, 11))
    world.clock.forward(days=40)
    bring(world, range(5, 12), changed=7)
    with world.writing() as means:
        assert sum(retention.steps(means))
        with means.database.write() as connection:
            number = connection.scalar(select(entry.c.id).where(entry.c.title == "Item 9"))
            assert number is not None
            withdraw.article(connection, means, number)
        pipeline.group(means)
        indexing.index(means)
        pipeline.publish(means)
    held = "source entry_version entry_alias story_gone tombstone archive block story_pair document event condition"
    assert all(world.rows(f"SELECT 1 FROM {table} LIMIT 1") for table in held.split() if table != "condition")
    assert "水务" in {title for (title,) in world.rows("SELECT title FROM category WHERE kind = 'query'")}
    world.open().database.close()
    return world


@pytest.fixture
def lived(life: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """That installation for each test, at its one place: where it lies is a part of what is stored."""
    kept = tmp_path_factory.mktemp("kept") / "life"
    shutil.copytree(life.folder, kept)
    now = life.clock.now
    yield life
    life.clock.now = now
    life.open().database.close()
    shutil.rmtree(life.folder)
    shutil.copytree(kept, life.folder)


def bring(world: World, numbers: range, changed: int | None = None) -> None:
    """The blog shows these, one of them edited; the wire carries what the first of the blog's said."""
    bodies = {changed: "<p>Corrected: the bridge opens on 14 May and not on 3 April, the ministry said on Monday.</p>"}
    items = [item(n, body=bodies.get(n, ""), date=f"Sun, 01 Mar 2026 08:{n:02d}:00 GMT") for n in numbers]
    shared = item(90, title="东湖管网切换完成", body=f"<p>{SHARED}</p>", link="https://blog.example/90")
    world.network.answers[FEED] = rss(*items, shared)
    world.network.answers[WIRE] = rss(item(91, title="东湖管网切换完成", body=f"<p>{SHARED}</p>"))
    world.once()


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.skipif(bool(postgres.MISSING), reason=str(postgres.MISSING))),
    ]
)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/moved/new.db"
    else:
        with postgres.database("template0") as url:
            yield url


def copied(world: World, target: str, *more: str) -> tuple[int, str]:
    """Exit status and message of the command, as `main` gives them."""
    world.open().database.close()
    result: Result = CliRunner().invoke(
        cli, ["-c", str(world.folder / "config.yaml"), "db", "copy", "--to", target, *more]
    )
    if isinstance(result.exception, AggregatorError):
        return result.exception.exit_status, str(result.exception)
    return result.exit_code, result.output


def moved(world: World, target: str) -> World:
    """The same folder, clock and network, with the other database in its configuration."""
    other = World(world.folder)
    other.network, other.clock.now = world.network, world.clock.now
    other.config = {**world.config, "database": target}
    return other


def rows(world: World) -> dict[str, list[str]]:
    """Everything that is stored, as it is stored, but for what only one side's search index knows."""
    found, database = {}, world.open().database
    with database.read() as connection:
        for table in metadata.sorted_tables:
            plain = copying.as_stored(table)
            columns = [column for column in plain.columns if column.name != "searched"]
            found[table.name] = sorted(repr(tuple(row)) for row in connection.execute(select(*columns)))
    database.close()
    return found


def test_every_row_is_as_it_was(lived: World, target: str) -> None:
    before = rows(lived)
    status, said = copied(lived, target)
    assert status == 0, said
    assert f"database: {make_url(target).render_as_string()}" in said
    assert rows(moved(lived, target)) == before
    assert rows(lived) == before


def test_the_copy_publishes_the_same_bytes_and_knows_everything(lived: World, target: str) -> None:
    before = lived.published()
    assert copied(lived, target)[0] == 0
    new = moved(lived, target)
    new.clock.forward(days=1)
    results = new.once()
    assert {result.tally.new + result.tally.changed for result in results.values()} == {0}
    assert new.publish(everything=True) == []
    assert new.published() == before


def test_everything_can_be_written_again_from_the_copy(lived: World, target: str) -> None:
    written = lived.published().keys()
    assert copied(lived, target)[0] == 0
    anew = []
    for one in (lived, moved(lived, target)):
        for path in written:
            (one.folder / "public" / path).unlink()
        one.publish()
        anew.append(one.published())
    assert anew[0].keys() == written
    assert anew[0] == anew[1]


def test_the_copy_is_sound_and_finds_words(lived: World, target: str) -> None:
    assert copied(lived, target)[0] == 0
    new = moved(lived, target)
    new.once()
    arguments = ["-c", str(new.folder / "config.yaml")]
    checked = CliRunner().invoke(cli, [*arguments, "db", "check"])
    assert (checked.exit_code, checked.output) == (0, "no damage found\n")
    found = CliRunner().invoke(cli, [*arguments, "search", "管网"])
    assert "东湖[管网]切换完成" in found.output


def test_a_number_that_was_given_is_never_given_again(lived: World, target: str) -> None:
    with lived.writing() as means, means.database.write() as connection:
        last = connection.scalar(text("SELECT max(id) FROM event"))
        connection.execute(text("DELETE FROM event WHERE id = :last"), {"last": last})
    assert copied(lived, target)[0] == 0
    new = moved(lived, target)
    with new.writing() as means, means.database.write() as connection:
        connection.execute(text("INSERT INTO event (at, kind, message) VALUES (0, 'test', 'x')"))
        assert connection.scalar(text("SELECT max(id) FROM event")) > last


def test_there_and_back_again_is_the_same_installation(lived: World, target: str, tmp_path: Path) -> None:
    before = rows(lived)
    assert copied(lived, target)[0] == 0
    new = moved(lived, target)
    back = f"sqlite:///{tmp_path}/back.db"
    assert copied(new, back)[0] == 0
    assert rows(moved(lived, back)) == before


def test_a_target_with_something_in_it_is_refused_and_left_as_it_is(lived: World, target: str) -> None:
    assert copied(lived, target)[0] == 0
    new = moved(lived, target)
    before = rows(new)
    status, said = copied(lived, target)
    assert status == 4
    assert "not empty" in said
    assert rows(new) == before


def test_a_target_of_another_program_is_refused(lived: World, tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE entry (x INTEGER)")
    connection.close()
    status, said = copied(lived, f"sqlite:///{file}")
    assert status == 4
    assert "another program" in said


def test_nothing_is_copied_beside_a_writer(lived: World, target: str) -> None:
    file = lived.open().database.sqlite_file
    assert file is not None
    with only_writer(file):
        status, said = copied(lived, target)
    assert status == 3
    assert "stop it first" in said


def test_damage_of_the_source_is_refused_and_nothing_is_left(lived: World, target: str) -> None:
    file = lived.open().database.sqlite_file
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO entry_alias VALUES (999, 'link', x'00', 'x', 1)")
    connection.close()
    status, said = copied(lived, target)
    assert status == 4
    assert "db check" in said
    assert not any(rows(moved(lived, target)).values())


@pytest.mark.skipif(bool(postgres.MISSING), reason=str(postgres.MISSING))
def test_what_only_sqlite_takes_is_named(lived: World) -> None:
    file = lived.open().database.sqlite_file
    assert file is not None
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO event (at, kind, message) VALUES (0, 'test', 'a' || char(0) || 'b')")
    connection.close()
    with postgres.database("template0") as target:
        status, said = copied(lived, target)
        assert status == 4
        assert "table event" in said
        assert not any(rows(moved(lived, target)).values())


def test_stopped_in_between_it_leaves_nothing(lived: World, target: str) -> None:
    seen: list[tuple[int, int]] = []
    source, empty = lived.open().database, Database(target)
    with pytest.raises(StoreError, match="stopped"):
        copying.copy(source, empty, lambda done, total: seen.append((done, total)), stopped=lambda: len(seen) > 5)
    assert len(seen) == 6
    done = copying.copy(source, empty, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (2 * done.rows, 2 * done.rows)
    source.close()
    empty.close()
