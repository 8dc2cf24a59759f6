"""Every hostile and odd case at once, as sources of one installation, beside five good sources.

The program runs as its user starts it, in a process of its own; servers, certificates and the name
server are real, on the loopback. The cases themselves are the tables in tests/hostile.py and
tests/hostile_documents.py.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import ssl
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.parse.draft import MOST_ITEMS
from tests import hostile, hostile_documents
from tests.e2e.service import configure
from tests.hostile import FEED, MAX_BYTES, SECRET, ZONE, Case
from tests.played import TLS, Server, context, redirect, reply
from tests.played_names import Names
from tests.world import item, rss


def _listens(address: str) -> bool:
    with socket.socket(socket.AF_INET6) as listening:
        try:
            listening.bind((address, 0))
        except OSError:
            return False
    return True


#: Containers may have no IPv6.
IPV6 = _listens("::1")
CASES = [case for case in (*hostile.CASES, *hostile_documents.CASES) if IPV6 or "{six}" not in case.url]
GOOD = [f"good {number}" for number in range(5)]
ROOT = Path(__file__).parents[1]

#: Megabytes by which all cases at once may make the process larger than the five good sources do.
GROWTH = 300


@dataclass(frozen=True)
class Installation:
    """One folder with its configuration, whose program asks the played name server."""

    folder: Path
    names: Names

    def start(self, *arguments: str) -> tuple[str, float]:
        """Run one command to its end: what it printed, and the largest size of the process in megabytes."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "SSL_CERT_FILE": str(TLS / "authority.pem")}
        printed = self.folder / f"{arguments[0]}.txt"
        with printed.open("w") as file:
            process = subprocess.Popen(
                self.names.command(*arguments), cwd=self.folder, env=environment, stdout=file, stderr=file
            )
            _, code, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
        assert process.returncode == 0, printed.read_text()
        return printed.read_text(), usage.ru_maxrss / 1024

    def status(self) -> dict[str, dict[str, Any]]:
        printed, _ = self.start("status", "--json")
        return {row["name"]: row for row in json.loads(printed)["sources"]}

    def titles(self) -> dict[str, list[str]]:
        """What each source brought, as a person's own query of the database gives it."""
        found: dict[str, list[str]] = {}
        query = "SELECT source.name, entry.title FROM entry JOIN source ON source.id = entry.source_id"
        with closing(sqlite3.connect(self.folder / "data" / "aggregator.db")) as database:
            for name, title in database.execute(query):
                found.setdefault(name, []).append(title)
        return found


@dataclass(frozen=True)
class Played:
    """The servers by name, and what came of everything at once."""

    servers: dict[str, Server]
    names: Names
    installation: Installation
    #: As `status` says after `once --all`.
    status: dict[str, dict[str, Any]]
    titles: dict[str, list[str]]
    printed: str
    #: Megabytes.
    size: float
    #: Of the five good sources without the others.
    titles_alone: dict[str, list[str]]
    size_alone: float


def _aged() -> ssl.SSLContext:
    """TLS 1.1, as servers spoke it that are not looked after."""
    made = context(TLS / "good.pem")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.maximum_version = ssl.TLSVersion.TLSv1_1
    made.set_ciphers("ALL:@SECLEVEL=0")
    return made


def _servers() -> dict[str, Server]:
    feed = reply(FEED)
    plain: dict[str, Any] = {f"/good/{n}": reply(rss(item(n, title=f"Good {n}")).encode()) for n in range(5)}
    plain |= {f"/chain/{n}": redirect(f"/chain/{n + 1}") for n in range(20)}
    plain |= dict.fromkeys(("/with%20blanks", "/%E6%96%B0%E9%97%BB", "/%D6%D0"), feed)
    plain["/portal"] = reply(b"<html><head><title>Welcome to our Wi-Fi</title>")
    plain["/pinned"] = [redirect("/pinned?2"), feed]
    secure = {"/feed": feed}
    return {
        "plain": Server(plain),
        "other": Server({"/told": feed}),
        "trap": Server({}, host="127.0.0.66"),
        "six": Server({"/feed": feed}, host="::1" if IPV6 else "127.0.0.1"),
        "secure": Server(secure, tls=context(TLS / "good.pem")),
        "expired": Server(secure, tls=context(TLS / "expired.pem")),
        "elsewhere": Server(secure, tls=context(TLS / "elsewhere.pem")),
        "unknown": Server(secure, tls=True),
        "aged": Server(secure, tls=_aged()),
        "greeter": Server({}, greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        # The alert that says that no version of TLS is common to both.
        "alarmed": Server({}, greeting=b"\x15\x03\x01\x00\x02\x02\x46"),
        "proxy": Server({"http://far.test/feed": feed, "http://far.test/locked": reply(b"who?", 407)}),
    }


def _answer(case: Case, ports: dict[str, int]) -> Any:
    if case.to is not None:
        return reply(status=302, headers={"Location": case.to.format(**ports)})
    if case.body is not None:
        return reply(case.body.replace(b"{plain}", str(ports["plain"]).encode()), headers=dict(case.headers))
    return case.script


def _source(case: Case, ports: dict[str, int]) -> dict[str, Any]:
    more = {name: value.format(**ports) if isinstance(value, str) else value for name, value in case.more.items()}
    url = (case.url or f"http://127.0.0.1:{{plain}}{case.path}").format(**ports)
    return {"name": case.name, "url": url, **more}


def _install(folder: Path, names: Names, sources: list[dict[str, Any]]) -> Installation:
    folder.mkdir()
    # Only what is slow on purpose is hurried: a busy machine must not make the others fail.
    network = {
        "allow": ["127.0.0.1", "::1"],
        "max_bytes": MAX_BYTES,
        "timeout": "30s",
        "concurrency": 1000,
        "per_host": 100,
    }
    configure(folder, sources, network=network)
    return Installation(folder, names)


def _closed_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with play(tmp_path_factory.mktemp("hostile")) as everything:
        yield everything


@contextmanager
def play(folder: Path) -> Iterator[Played]:
    """Play everything; the servers go on until the end."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(server) for name, server in _servers().items()}
        names = stack.enter_context(Names(ZONE))
        ports = {"closed": _closed_port(), **{name: server.port for name, server in servers.items()}}
        servers["plain"].scripts |= {case.path: _answer(case, ports) for case in CASES if not case.url}
        servers["plain"].scripts["/secrets-in-the-address"] = reply(FEED)
        servers["secure"].scripts["/to-plain"] = redirect(servers["plain"].url("/good/0"))
        good = [{"name": name, "url": servers["plain"].url(f"/good/{n}")} for n, name in enumerate(GOOD)]

        first = _install(folder / "alone", names, good)
        _, size_alone = first.start("once", "--all")
        whole = _install(folder / "together", names, [*good, *(_source(case, ports) for case in CASES)])
        printed, size = whole.start("once", "--all")
        yield Played(servers, names, whole, whole.status(), whole.titles(), printed, size, first.titles(), size_alone)


def test_there_are_many_cases_each_of_its_own() -> None:
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


def test_status_says_what_happened(played: Played, subtests: pytest.Subtests) -> None:
    # One test: spread over processes, each of them would play everything.
    for case in CASES:
        with subtests.test(case.name):
            row = played.status[case.name]
            assert (row["outcome"], row["message"]) == (str(case.outcome), _saying(case, row["message"]))
            if case.titles:
                assert sorted(played.titles[case.name]) == sorted(case.titles)


def _saying(case: Case, said: str | None) -> str | None:
    """The message itself where it says what it must, else that."""
    return said if said and case.says is not None and case.says.lower() in said.lower() else case.says


def test_good_sources_do_not_notice(played: Played) -> None:
    for number, name in enumerate(GOOD):
        row = played.status[name]
        assert (row["outcome"], row["message"], row["failures"]) == ("ok", None, 0)
        assert played.titles[name] == played.titles_alone[name] == [f"Good {number}"]


def test_memory_is_bounded_while_all_run_at_once(played: Played) -> None:
    assert played.size - played.size_alone < GROWTH


def test_nothing_that_a_document_names_is_fetched_or_read(played: Played) -> None:
    assert not played.servers["plain"].asked("/leak")
    assert "root:" not in _everything(played)


def test_no_private_address_is_dialled(played: Played) -> None:
    assert played.servers["trap"].connections == 0


def test_a_name_is_looked_up_once_for_a_visit_that_goes_on(played: Played) -> None:
    assert len(played.servers["plain"].asked("/pinned")) == 2
    assert played.names.asked.count("pinned.test") == 1


def test_the_next_time_moved_names_are_refused_and_broken_feeds_still_called_broken(played: Played) -> None:
    played.installation.start("once", "--source", "name that moves later", "--source", "cut short")
    status = played.installation.status()
    moved, broken = status["name that moves later"], status["cut short"]

    assert (moved["outcome"], moved["entries"]) == ("refused-address", 1)
    assert "127.0.0.66" in moved["message"]
    assert played.servers["trap"].connections == 0
    assert (broken["outcome"], broken["failures"]) == ("unchanged", 0)
    assert "broken XML" in broken["message"]


def test_of_one_document_only_so_many_items_are_taken(played: Played) -> None:
    for name in ("280,000 empty items", "600,000 empty items in JSON"):
        assert played.status[name]["refused"] == MOST_ITEMS + 1


def test_other_hosts_are_told_no_secret_and_people_neither(played: Played) -> None:
    [told] = played.servers["other"].asked("/told")
    assert not {"x-key", "cookie", "authorization"} & told.headers.keys()
    [trusted] = played.servers["plain"].asked("/secrets-to-another-host")
    assert {"x-key", "cookie", "authorization"} <= trusted.headers.keys()
    assert SECRET not in _everything(played)


def test_waits_that_servers_ask_for_are_kept_and_bounded(played: Played) -> None:
    pauses = {name: _pause(row) for name, row in played.status.items() if name.startswith("status 429")}

    assert pauses["status 429 with seconds"] >= timedelta(hours=2)
    assert pauses["status 429 with a date"] == pauses["status 429 for ever"] <= timedelta(days=30)
    for name in ("status 429", "status 429 with garbage", "status 429 with less than nothing"):
        assert timedelta(minutes=30) <= pauses[name] < pauses["status 429 with a date"], name


def _pause(row: dict[str, Any]) -> timedelta:
    last, following = (datetime.fromisoformat(row[name]).astimezone(UTC) for name in ("last_check", "next_check"))
    return following - last


def _everything(played: Played) -> str:
    """All that people can come to see."""
    files = (file for file in (played.installation.folder / "public").rglob("*") if file.is_file())
    pages = "\n".join(file.read_text("utf-8", "replace") for file in files)
    return "\n".join((pages, played.printed, json.dumps(played.status, ensure_ascii=False)))
