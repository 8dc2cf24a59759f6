"""PgBouncer between us and the server: what works through it, and what is refused before it does harm."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url, text

from aggregator.cli import cli
from aggregator.errors import StoreError
from aggregator.store.engine import Database
from tests import postgres
from tests.e2e.service import configure, eventually
from tests.world import item, rss

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
MISSING = postgres.MISSING or (None if PGBOUNCER else "needs pgbouncer")

pytestmark = [pytest.mark.postgres, pytest.mark.skipif(MISSING is not None, reason=str(MISSING))]

SETTINGS = """
[databases]
* = host={host} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 60
"""


@contextmanager
def pooled(url: str, mode: str) -> Iterator[str]:
    """The address of that database through a pooler."""
    direct = make_url(url)
    host = str(direct.query["host"])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings = Path(folder) / "pgbouncer.ini"
        settings.write_text(SETTINGS.format(host=host, port=port, mode=mode))
        process = subprocess.Popen(
            [str(PGBOUNCER), "-q", str(settings)],
            stderr=subprocess.DEVNULL,
            user=Path(host).stat().st_uid
            if os.getuid() == 0
            else None,  # it refuses to be root, and so does the server
        )
        try:
            eventually(lambda: _answers(port))
            yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/{direct.database}"
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.fixture
def address() -> Iterator[str]:
    with postgres.database() as url:
        yield url


def test_a_cluster_works_through_a_pooler_of_sessions(tmp_path: Path, address: str) -> None:
    from tests.clustered import opened, work

    with pooled(address, "session") as url, opened(tmp_path, url) as cluster:
        cluster.source("f", url="https://f.example/")
        cluster.network.answers["https://f.example/"] = rss(item(1), item(2))
        means = cluster.distribute()
        with means.database.only_writer("cluster"):
            cluster.tick(means)
            asyncio.run(work(cluster.worker(), ["checks", "feeds"], cluster))
            cluster.tick(means)
            asyncio.run(work(cluster.worker(), ["feeds", "publish"], cluster))
        assert cluster.rows("SELECT count(*) FROM entry") == [(2,)]
        assert (tmp_path / "public" / "feeds" / "all.atom").read_text().count("</entry>") == 2
        database = cluster.database()
        with database.read() as connection:
            shown = [connection.scalar(text(f"SHOW {name}")) for name in ("timezone", "lock_timeout", "jit")]
        assert shown == ["UTC", "30s", "off"]


def test_a_pooler_of_transactions_is_refused_before_anything_is_locked(tmp_path: Path, address: str) -> None:
    with pooled(address, "transaction") as url:
        database = Database(url)
        with pytest.raises(StoreError, match="pool_mode = session") as told, database.only_writer():
            pass
        database.close()
        assert told.value.lasting
        direct = Database(address)
        with direct.only_writer():
            assert direct.held()
        direct.close()
        (tmp_path / "articles").mkdir()
        configure(tmp_path, [{"name": "文章", "path": "articles"}], database=url)
        checked = CliRunner().invoke(cli, ["-c", str(tmp_path / "config.yaml"), "check"])
        assert (checked.exit_code, "pool_mode = session" in checked.output) == (2, True)


def test_a_pooler_of_statements_is_refused_with_what_to_do(address: str) -> None:
    with pooled(address, "statement") as url:
        database = Database(url)
        with pytest.raises(StoreError, match="pool_mode = session"):
            database.expect_usable()
        database.close()


def test_options_in_the_address_are_said_to_be_in_the_way(address: str) -> None:
    with pooled(address, "session") as url:
        database = Database(f"{url}?options=-c%20lock_timeout%3D100")
        with pytest.raises(StoreError, match="take `options` out of `database`"):
            database.expect_usable()
        database.close()
