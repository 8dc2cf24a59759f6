"""The command line. Each group of commands is a module; it is imported when one of them is called.

Exit status: 0 done; 1 only with --strict and a failed source; 2 config or usage; 3 another instance
has the database; 4 storing or publishing failed; 130 and 143 stopped by a signal (0 for the services).
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from aggregator import __version__
from aggregator.errors import AggregatorError

#: Where each command lives: a new command is a line here and a function there.
COMMANDS = {
    "run": "aggregator.cli.running:run",
    "serve": "aggregator.cli.running:serve",
    "worker": "aggregator.cli.worker:worker",
    "once": "aggregator.cli.once:once",
    "init": "aggregator.cli.init:init",
    "check": "aggregator.cli.checking:check",
    "schema": "aggregator.cli.checking:schema",
    "publish": "aggregator.cli.publish:publish",
    "sources": "aggregator.cli.sources:sources",
    "opml": "aggregator.cli.opml:opml",
    "status": "aggregator.cli.status:status",
    "explain": "aggregator.cli.explain:explain",
    "search": "aggregator.cli.search:search",
    "story": "aggregator.cli.story:story",
    "withdraw": "aggregator.cli.withdraw:withdraw",
    "preview": "aggregator.cli.preview:preview",
    "replay": "aggregator.cli.replay:replay",
    "db": "aggregator.cli.database:db",
    "completion": "aggregator.cli.completion:completion",
}


class Lazy(click.Group):
    """Imports a command when it is called: `--help` must not load the whole program."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP[name]) for name in COMMANDS])


#: One line each, said here so that `--help` need not import what it describes; a test compares them.
HELP = {
    "run": "Run the service: check sources, publish, serve.",
    "serve": "Serve what is published, without checking sources.",
    "worker": "Check sources for `run`, as one of several processes.",
    "once": "Check sources once, publish, and print what came of it.",
    "init": "Write a first configuration by five questions.",
    "check": "Check the configuration, the database and the folders.",
    "schema": "Print the JSON schema of config.yaml.",
    "publish": "Write every document that differs or is missing.",
    "sources": "Show, try, add, change and remove sources.",
    "opml": "Bring sources in from an OPML file, or out into one.",
    "status": "Show how the sources are.",
    "explain": "Show what was decided of one entry, and why.",
    "search": "Find articles by their words, Chinese ones included.",
    "story": "Correct which entries are one article.",
    "withdraw": "Take articles down: out of feeds, archives, pages and search, for good.",
    "preview": "Show what the configuration would change of what is stored, and store nothing.",
    "replay": "Apply today's rules to everything that is stored, and publish.",
    "db": "Look after the database.",
    "completion": "Print what makes bash, zsh or fish complete commands and names of sources.",
}


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from aggregator.store.engine import newest_revision

        click.echo(f"aggregator {__version__}, schema {newest_revision()}")
        context.exit()


@click.group(cls=Lazy, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-c", "--config", metavar="FILE", help="Configuration file (default: ./config.yaml).")
@click.option(
    "--version", is_flag=True, callback=_version, is_eager=True, expose_value=False, help="Show the version and exit."
)
@click.pass_context
def cli(context: click.Context, config: str | None) -> None:
    """Turns many feeds and folders of articles into few feeds worth subscribing to."""
    context.obj = {"config": config}
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: list[str] | None = None) -> Any:
    """Run one command and leave the process with its exit status; no traceback for what is foreseen."""
    try:
        cli.main(arguments, prog_name="aggregator", standalone_mode=True)
    except AggregatorError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_status)
