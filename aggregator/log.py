"""Logging: one line an event, for people on the console or as JSON for machines."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

#: Libraries that tell at INFO what only concerns their own makers.
QUIET = ("alembic", "apscheduler", "watchfiles", "uvicorn", "aiohttp", "asyncio", "procrastinate")

#: Tells of each attempt to reach a database that is away, which we tell of once, and of each transaction that is
#: broken off, which is begun again.
SILENT = "psycopg"

SHARED: tuple[Processor, ...] = (
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def configure(*, as_json: bool, level: str = "INFO") -> None:
    """Send every log record of this process to standard error. Call it once, from the command line."""
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_concerns_somebody)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger(SILENT).setLevel(logging.ERROR)


def _concerns_somebody(record: logging.LogRecord) -> bool:
    """Not what Procrastinate tells, with all its calls, whenever it finds the database away: that is told once."""
    lost = record.exc_info and record.exc_info[0] and record.exc_info[0].__name__ == "ConnectorException"
    return not (lost and record.name.startswith(("procrastinate", "asyncio")))
