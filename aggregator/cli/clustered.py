"""What only the commands of several processes need: the extra that brings it, and where the database is."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from aggregator.errors import ConfigError

#: Names the database to a worker, which needs to know nothing else.
DATABASE = "AGGREGATOR_DATABASE"


def needed() -> None:
    """Raise ConfigError where what several processes need is not installed."""
    missing = [name for name in ("psycopg", "psycopg_pool", "procrastinate") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            [f"{' and '.join(missing)} not installed: install it with `pip install 'aggregator[postgres]'`"]
        )


def database(given: str | None, path: Path) -> str:
    """Where the database is: as given, by the environment, or by the file at `path`, in this order."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    url = given or os.environ.get(DATABASE) or _configured(path)
    try:
        name = make_url(url).get_backend_name()
    except ArgumentError as error:
        raise ConfigError([f"{url!r} is no database: expected postgresql+psycopg://…"]) from error
    if name != "postgresql":
        raise ConfigError([f"a worker needs a PostgreSQL database, found {name}: expected postgresql+psycopg://…"])
    return url


def _configured(path: Path) -> str:
    from aggregator.cli.options import configuration

    if not path.exists():
        raise ConfigError([f"a worker needs --database URL, {DATABASE} in its environment, or a file with -c"])
    return configuration(path).database
