"""The templates of pages, from web/templates: loaded once."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


@cache
def environment() -> Environment:
    # By name of the package's data: importing aggregator.web would turn the layers round.
    return Environment(
        loader=PackageLoader("aggregator", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@cache
def macros() -> Any:
    """What several pages draw alike, one piece at a time."""
    return environment().get_template("parts.html").module
