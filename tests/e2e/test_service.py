"""The service from outside: started, subscribed to, fed, killed, stopped."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import feedparser
import pytest

from tests.e2e.service import Service, command, configure, eventually, running
from tests.world import article

LONG = "　　市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"
OTHER = (
    "　　省气象台预计，未来三天北部山区将有小到中雪，累计降水量五至八毫米，农业部门提醒菜农及时加固大棚并注意夜间保温。"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "a.md").write_text(article("第一篇", f"<p>{LONG}</p>"), encoding="utf-8")
    configure(tmp_path, [{"name": "文章", "path": "articles"}])
    return tmp_path


def titles(service: Service) -> list[str]:
    status, _, body = service.get("feeds/all.atom")
    return [entry.title for entry in feedparser.parse(body).entries] if status == 200 else []


def test_a_new_file_is_in_the_feed_within_seconds(folder: Path) -> None:
    with running(folder) as service:
        eventually(lambda: titles(service) == ["第一篇"])
        (folder / "articles" / "b.md").write_text(article("第二篇", f"<p>{LONG}{LONG[:9]}</p>"), encoding="utf-8")
        eventually(lambda: len(titles(service)) == 2)
        assert service.stop() == 0
    assert "Traceback" not in (folder / "log.txt").read_text()


def test_a_subscriber_is_told_when_nothing_changed(folder: Path) -> None:
    with running(folder) as service:
        eventually(lambda: titles(service))
        status, headers, _ = service.get("feeds/all.atom")
        assert (status, headers["content-type"]) == (200, "application/atom+xml; charset=utf-8")
        assert service.get("feeds/all.atom", **{"If-None-Match": headers["etag"]})[0] == 304
        assert service.get("feeds/all.atom", **{"If-Modified-Since": headers["last-modified"]})[0] == 304


def test_every_entry_without_an_address_has_a_page(folder: Path) -> None:
    with running(folder) as service:
        eventually(lambda: titles(service))
        entry = feedparser.parse(service.get("feeds/all.atom")[2]).entries[0]
        page = service.get(entry.link.removeprefix("https://news.example.org/"))
        assert page[0] == 200
        assert "东湖二期管网" in page[2].decode()


def test_a_second_writer_is_refused_by_name_of_the_first(folder: Path) -> None:
    with running(folder) as service:
        second = command(folder, "once")
        assert second.returncode == 3
        assert str(service.process.pid) in second.stderr
        assert "Traceback" not in second.stderr
        assert command(folder, "status").returncode == 0


def test_a_source_named_beside_the_service_is_checked_by_it(folder: Path) -> None:
    configure(folder, [{"name": "文章", "path": "articles", "interval": "1h"}, {"name": "无", "path": "nowhere"}])
    with running(folder):
        eventually(lambda: json.loads(command(folder, "status", "--json").stdout)["sources"][1]["outcome"])
        asked = command(folder, "once", "--source", "无", "--json")
    assert asked.returncode == 0, asked.stderr
    assert [row["outcome"] for row in json.loads(asked.stdout)["sources"]] == ["no-folder"]


def test_a_busy_port_is_named_and_one_from_the_environment_taken(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = command(folder, "run", PORT=port)
    assert refused.returncode == 2
    assert port in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_feed_that_was_deleted_is_back_after_a_restart(folder: Path) -> None:
    assert command(folder, "once").returncode == 0
    feed = folder / "public" / "feeds" / "all.atom"
    before = feed.read_bytes()
    feed.unlink()
    (feed.parent / ".all.atom.01234567.tmp").write_bytes(b"left by a crash")
    with running(folder):
        eventually(feed.exists)
    assert feed.read_bytes() == before
    assert not list(feed.parent.glob(".*"))


def test_serve_sees_new_files_without_a_restart(folder: Path) -> None:
    assert command(folder, "once").returncode == 0
    with running(folder, "serve") as service:
        assert titles(service) == ["第一篇"]
        (folder / "articles" / "b.md").write_text(article("第二篇", f"<p>9{LONG}</p>"), encoding="utf-8")
        assert command(folder, "once", "--all").returncode == 0
        assert len(titles(service)) == 2
        assert service.stop() == 0


def test_what_is_published_is_served_without_a_database(folder: Path) -> None:
    assert command(folder, "once").returncode == 0
    shutil.rmtree(folder / "data")
    with running(folder, "serve") as service:
        assert titles(service) == ["第一篇"]


def test_an_output_folder_that_cannot_be_written_ends_with_the_systems_words(folder: Path) -> None:
    (folder / "public").write_text("a file where a folder belongs")
    failed = command(folder, "once")
    assert failed.returncode == 4
    assert "public" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_an_edit_of_the_config_is_in_force_within_seconds_and_a_mistake_is_told(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "c.md").write_text(article("第三篇", f"<p>{OTHER}</p>"), encoding="utf-8")
    with running(folder) as service:
        eventually(lambda: len(titles(service)) == 1)
        (folder / "config.yaml").write_text("site: {titel: x}\n")
        eventually(lambda: "did you mean" in (folder / "log.txt").read_text())
        sources = [{"name": "文章", "path": "articles"}, {"name": "更多", "path": "more"}]
        configure(folder, sources)
        eventually(lambda: len(titles(service)) == 2)
        assert service.stop() == 0
