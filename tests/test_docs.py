"""What the documents say is so: commands that exist, configuration that is valid, two guides that say the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from aggregator.cli import cli
from aggregator.cluster.running import Cluster
from aggregator.config.load import Loaded, understood
from aggregator.model import Outcome
from aggregator.service import Service
from tests.test_project import commands
from tests.world import World

ROOT = Path(__file__).parents[1]
GUIDES = ("docs/guide.md", "docs/guide.zh.md")
DOCUMENTS = (
    "README.md",
    *GUIDES,
    "docs/operations.md",
    "docs/capacity.md",
    "docs/performance.md",
    "docs/configuration.md",
)
SITE = {"title": "t", "url": "https://news.example.org/", "tag": "news.example.org,2026"}

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\$\{(\w+)\}")


def text(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def fenced(document: str, language: str) -> list[str]:
    return [body for kind, body in _FENCED.findall(text(document)) if kind == language]


# --- examples of configuration


def examples() -> Iterator[Any]:
    for document in DOCUMENTS:
        for number, body in enumerate(fenced(document, "yaml"), 1):
            yield pytest.param(body, id=f"{document}-{number}")


def completed(body: str) -> Loaded:
    """The example as a whole configuration: with a site, if it shows none."""
    written = yaml.safe_load(body)
    whole = body if "site" in written else f"site: {SITE}\n{body}"
    environ = dict.fromkeys(_VARIABLE.findall(body), "x")
    return understood(Path("config.yaml"), whole, environ)


@pytest.mark.parametrize("body", list(examples()))
def test_every_example_is_a_valid_configuration(body: str) -> None:
    assert completed(body).config.site.title


def test_examples_are_found() -> None:
    assert sum(1 for _ in examples()) > 25


# --- command lines


def called(document: str) -> Iterator[str]:
    """What each command line of ours in the shell blocks of a document gives to the program."""
    for body in fenced(document, "sh"):
        for line in re.sub(r"\\\n\s*", " ", body).splitlines():
            words = shlex.split(line.replace('"$(', "").replace(')"', ""), comments=True)
            begin = next((at + 1 for at in range(len(words)) if _is_program(words, at)), len(words))
            end = next((at for at in range(begin, len(words)) if words[at] in (">", "|", "&&", ";")), len(words))
            if begin < end:
                yield shlex.join(words[begin:end])


def _is_program(words: list[str], at: int) -> bool:
    """And not the name of a user, a unit or a container, which are the same."""
    before = words[at - 1] if at else ""
    first = not before or before in ("eval", "aggregator") or re.match(r"[A-Z]+=", before)
    return words[at].endswith("/bin/aggregator") or (words[at] == "aggregator" and bool(first))


def parse(line: str) -> click.Command:
    """The command that a line names, its options and arguments understood as the program would."""
    context, words = click.Context(cli), shlex.split(line)
    if words[0] in ("-c", "--config"):
        words = words[2:]
    command: click.Command = cli
    while isinstance(command, click.Group):
        inner = command.get_command(context, words[0])
        assert inner is not None, f"no command {words[0]!r}: {line}"
        command, words = inner, words[1:]
    command.make_context(command.name or "", words)
    return command


CALLS = [pytest.param(line, id=f"{document}: {line}") for document in DOCUMENTS for line in called(document)]


@pytest.mark.parametrize("line", CALLS)
def test_every_command_line_is_understood(line: str) -> None:
    if not line.startswith("--"):
        parse(line)


@pytest.mark.parametrize("line", ["onse", "sources ad x", "once --al", "search x --since tomorrow", "sources test"])
def test_a_command_line_that_is_wrong_is_noticed(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parse(line)


def test_command_lines_are_found() -> None:
    assert len(CALLS) > 80
    assert {"completion bash", "publish --all", "story merge ADDRESS ADDRESS"} <= {call.values[0] for call in CALLS}


def test_every_command_stands_in_a_command_line_of_the_guide() -> None:
    for guide in GUIDES:
        shown = {parse(line) for line in called(guide) if not line.startswith("--")}
        missing = [name for name, one in commands() if not isinstance(one, click.Group) and one not in shown]
        assert missing == [], guide


def rows() -> Iterator[tuple[click.Command, str]]:
    """Each command in the README's table, with what stands there behind its name."""
    cells = re.findall(r"^\| (`aggregator .*?) \| ", text("README.md").replace("\\|", "/"), re.MULTILINE)
    for span in (span for cell in cells for span in re.findall(r"`aggregator ([^`]+)`", cell)):
        words = span.split()
        context, command = click.Context(cli), cli.get_command(click.Context(cli), words[0])
        if isinstance(command, click.Group):
            command = command.get_command(context, words[1])
        assert command is not None, span
        yield command, span


def options(command: click.Command) -> dict[str, list[str]]:
    """The options that only some commands have, by their long names: with all their names."""
    own = [one for one in command.params if isinstance(one, click.Option)]
    named = {max(one.opts, key=len): one.opts for one in own}
    return {name: names for name, names in named.items() if name not in ("--config", "--json", "--help")}


def test_the_table_of_commands_is_complete() -> None:
    shown: dict[click.Command, str] = {}
    for command, span in rows():
        shown[command] = shown.get(command, "") + " " + span
    missing = [
        f"{name} {option}"
        for name, command in commands()
        if not isinstance(command, click.Group)
        for option, names in options(command).items()
        if not set(re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", shown[command])) & set(names)
    ]
    assert missing == []


def test_the_table_of_commands_shows_no_option_that_there_is_not() -> None:
    for command, span in rows():
        known = {option for one in command.params for option in one.opts}
        assert set(re.findall(r"(?<![\w-])-{1,2}[a-z][a-z-]*", span)) <= known, span


# --- both guides


def headings(document: str) -> list[int]:
    outside = _FENCED.sub("", text(document))
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, re.MULTILINE)]


def test_both_guides_have_the_same_headings() -> None:
    assert headings("docs/guide.md") == headings("docs/guide.zh.md")
    assert len(headings("docs/guide.md")) > 20


def test_both_guides_show_the_same_commands_in_one_order() -> None:
    # What stands in quotes may be in the language of the guide.
    english, chinese = ([re.sub(r"'.*?'", "''", line) for line in called(guide)] for guide in GUIDES)
    assert english == chinese


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The keys of an example: `sources[].auth.username`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{above}{key}"
            yield from paths(inner, f"{above}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{above}[].")


def test_both_guides_show_the_same_keys() -> None:
    english, chinese = ([list(paths(yaml.safe_load(body))) for body in fenced(guide, "yaml")] for guide in GUIDES)
    assert english == chinese


def test_the_chinese_guide_is_in_chinese() -> None:
    for paragraph in _FENCED.sub("", text("docs/guide.zh.md")).split("\n\n"):
        written = re.sub(r"`[^`]*`|^ {4}.*$|https?://\S+|\[English\]\S*", "", paragraph, flags=re.MULTILINE)
        if len(re.findall(r"[A-Za-z]{2,}", written)) > 3:
            assert len(re.findall(r"[一-鿿]", written)) > 30, paragraph


# --- links and names

#: What only one process of several tells.
SEVERAL = {
    "aggregator_jobs_waiting",
    "aggregator_jobs_running",
    "aggregator_leader",
    "aggregator_process_silent_seconds",
    "aggregator_process_checks_running",
    "aggregator_process_jobs_total",
    "aggregator_process_jobs_failed_total",
    "aggregator_process_memory_bytes",
    "aggregator_process_configuration",
    "aggregator_process_problem",
}


@pytest.mark.parametrize("document", [*DOCUMENTS, "CONTRIBUTING.md", "docs/words.md", "docs/decisions.md"])
def test_links_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", _FENCED.sub("", text(document)))
    missing = [target for target in targets if not (ROOT / document).parent.joinpath(target).exists()]
    assert missing == []


def test_the_metrics_that_are_documented_are_those_that_there_are(world: World) -> None:
    documented = set(re.findall(r"^\| `(aggregator_\w+)", text("docs/operations.md"), re.MULTILINE))
    assert documented == exported(world) | SEVERAL


def test_several_processes_have_metrics_of_their_own_besides(world: World) -> None:
    if world.open().database.sqlite_file:
        pytest.skip("several processes need PostgreSQL")
    known = exported(world)
    cluster = Cluster(world.open().config, world.folder / "config.yaml")
    assert set(re.findall(r"^# TYPE (\w+)", cluster.metrics.text().decode(), re.MULTILINE)) == known | SEVERAL
    cluster.means.database.close()


def exported(world: World) -> set[str]:
    with world.writing() as means:
        shown = Service(means, world.folder / "config.yaml", lambda same: same).metrics.text().decode()
    return set(re.findall(r"^# TYPE (\w+)", shown, re.MULTILINE))


def test_alerts_ask_for_metrics_and_outcomes_that_there_are(world: World) -> None:
    rules = [rule for group in yaml.safe_load(text("deploy/alerts.yaml"))["groups"] for rule in group["rules"]]
    assert all(rule["annotations"]["summary"] and rule["for"] for rule in rules)
    asked = {name for rule in rules for name in re.findall(r"\baggregator_\w+", rule["expr"])}
    assert asked <= exported(world) | SEVERAL
    outcomes = {
        name for rule in rules for found in re.findall(r'outcome!~"([^"]*)"', rule["expr"]) for name in found.split("|")
    }
    assert outcomes <= {str(outcome) for outcome in Outcome}
