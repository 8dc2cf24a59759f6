"""`completion`: what a shell needs to complete commands, and the names of sources in them."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(help="Print what makes bash, zsh or fish complete commands and names of sources.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"nothing is known of {shell}")
    root = context.find_root()
    click.echo(made(root.command, {}, "aggregator", "_AGGREGATOR_COMPLETE").source())


def source_names(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The sources of the configuration that begin so; none where it cannot be read."""
    from aggregator.config import positions

    given = context.params.get("path") or context.find_root().params.get("config") or "config.yaml"
    try:
        tree = positions.parse(Path(given).read_text(encoding="utf-8-sig")).value
    except (OSError, UnicodeDecodeError, positions.MalformedError):
        return []
    sources = tree.get("sources") if isinstance(tree, dict) else None
    names = [str(one.get("name")) for one in sources or () if isinstance(one, dict)]
    return [name for name in names if name.startswith(incomplete)]
