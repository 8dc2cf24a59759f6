"""`sources remove`, `enable`, `disable` and `set`: edits of config.yaml that keep everything else in it.

None takes the lock but `remove --entries withdraw`; a running service reads the edited file by itself.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from aggregator.cli import options
from aggregator.cli.completion import source_names
from aggregator.config import edit, positions
from aggregator.config.edit import Change, Step
from aggregator.errors import BusyError, ConfigError

#: A colour for each kind of line of a diff.
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}

named = click.argument("name", shell_complete=source_names)


@click.command(help="Remove a source; what it published stays, or is withdrawn.")
@named
@options.config_file
@click.option("--entries", type=click.Choice(["keep", "withdraw"]), help="What becomes of its published entries.")
def remove(name: str, path: Path, entries: str | None) -> None:
    index = index_of(path, name)
    if entries is None:
        entries = _ask_for_entries(name) if asks() else "keep"
    change = propose(path, [edit.removing(index)])
    if entries == "keep":
        apply(change)
        click.echo(f"{name}: what it published stays, until `retention` ends it")
    else:
        _withdraw(change, name)


@click.command(help="Have a source checked again.")
@named
@options.config_file
def enable(name: str, path: Path) -> None:
    _enabled(name, path, True)


@click.command(help="Have a source checked no more; what it published stays.")
@named
@options.config_file
def disable(name: str, path: Path) -> None:
    _enabled(name, path, False)


@click.command("set", help="Set keys of a source: `interval=15m`, `clean.learn=false`; `interval=` takes a key out.")
@named
@click.argument("settings", nargs=-1, required=True, metavar="KEY=VALUE...")
@options.config_file
def set_(name: str, settings: Sequence[str], path: Path) -> None:
    index = index_of(path, name)
    tree = edit.written(path)
    steps = [step for one in settings if (step := _step(tree, index, one))]
    _apply_if_any(name, propose(path, steps))


def _withdraw(change: Change, name: str) -> None:
    """Take down what a source brought, then remove it; failing half-way, the command can be given again."""
    from aggregator import app, pipeline, withdraw

    means = app.build(change.config)
    try:
        with app.writing(means):
            gone = withdraw.source(means, name)
            apply(change)
            pipeline.group(means)
            done = f"{len(pipeline.publish(means))} files written"
    except BusyError as busy:
        if not busy.service:
            raise
        gone = withdraw.source(means, name)
        apply(change)
        # A check that was under way may have brought more.
        gone += withdraw.source(means, name)
        done = "the running service publishes it"
    click.echo(f"{name}: {gone} entries are withdrawn; {done}")


def _enabled(name: str, path: Path, wanted: bool) -> None:
    index = index_of(path, name)
    source = options.configuration(path).sources[index]
    steps = [] if source.enabled is wanted else [edit.setting(index, ["enabled"], wanted)]
    _apply_if_any(name, propose(path, steps))


def _step(tree: dict[str, Any], index: int, text: str) -> Step | None:
    key, sign, value = text.partition("=")
    steps = key.strip().split(".")
    if not sign or not all(steps):
        raise click.UsageError(f"{text!r}: expected KEY=VALUE, such as interval=15m or clean.learn=false")
    if value.strip():
        return edit.setting(index, steps, _value(key, value.strip()))
    return edit.dropping(index, steps) if edit.is_set(tree, index, steps) else None


def _value(key: str, text: str) -> Any:
    """As YAML where it begins as a list, a mapping or a quoted text does; else the text as it was typed."""
    if text[0] not in "[{'\"":
        return _typed(text)
    try:
        return _typed(positions.parse(text).value)
    except positions.MalformedError as error:
        raise click.UsageError(f"{key}: {error.problems[0].message}") from None


def _typed(value: Any) -> Any:
    """Words that are written without quotes in YAML, and for everybody's parser."""
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    if value in ("true", "false"):
        return value == "true"
    return int(value) if isinstance(value, str) and re.fullmatch(r"0|-?[1-9][0-9]{0,17}", value) else value


# --- what edits have in common -------------------------------------------------------------


def asks() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def index_of(path: Path, name: str) -> int:
    """Which source it is; raises ConfigError, with the nearest name, where there is none."""
    names = [source.name for source in options.configuration(path).sources]
    if name in names:
        return names.index(name)
    near = get_close_matches(name, names, 1, 0.6)
    remedy = f"did you mean {near[0]!r}?" if near else "see `aggregator sources list`"
    raise ConfigError([f"{path}: no source is named {name!r}: {remedy}"])


def propose(path: Path, steps: Sequence[Step]) -> Change:
    return edit.propose(path, os.environ, steps)


def apply(change: Change, *, quiet: bool = False) -> Path:
    """Show what differs, write it, and say where the file before it is."""
    backup = edit.write(change)
    if not quiet:
        show_diff(change)
        click.echo(f"the file before this edit: {backup}", err=True)
    return backup


def show_diff(change: Change) -> None:
    for line in change.diff()[2:]:
        click.secho(line, fg=_COLOURS.get(line[:1]))


def _apply_if_any(name: str, change: Change) -> None:
    if change.after == change.before:
        click.echo(f"{name}: it is so already, nothing was written")
    else:
        apply(change)


def ask(question: str, **how: Any) -> Any:
    """As `click.prompt`, beside what is printed; given up, it ends as SIGINT does."""
    try:
        return click.prompt(question, err=True, **how)
    except click.Abort:
        click.echo("\nnothing was written", err=True)
        sys.exit(128 + signal.SIGINT)


def agreed(question: str) -> bool:
    answer: bool = ask(f"{question} [Y/n]", type=bool, default=True, show_default=False)
    if not answer:
        click.echo("nothing was written", err=True)
    return answer


def _ask_for_entries(name: str) -> str:
    kinds = click.Choice(["keep", "withdraw"])
    chosen: str = ask(f"What becomes of the entries that {name} published", type=kinds, default="keep")
    return chosen
