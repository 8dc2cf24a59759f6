"""What lies in deploy/ for several processes: by reading it, and by running it where the programs are installed."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import click
import pytest
import yaml

from aggregator import errors
from aggregator.cli import cli
from aggregator.cli.worker import QUEUES
from aggregator.cluster.working import GRACE
from aggregator.config.load import read
from aggregator.store import postgresql
from tests.test_deploy import DEPLOY, caddy, compose, expect_few_rights, free_port, get, needs, pinned, unit

#: A version of PostgreSQL is whole with two numbers.
POSTGRES = re.compile(r"postgres:\d+\.\d+-[a-z]+")


def cluster() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.cluster.yaml").read_text())
    return loaded


SERVICES: dict[str, dict[str, Any]] = cluster()["services"]
OURS = sorted(name for name, one in SERVICES.items() if one["image"].startswith("aggregator:"))


# --- compose


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    expect_few_rights(name, service)
    assert pinned(service["image"]) or POSTGRES.fullmatch(service["image"])
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert service["logging"]["options"]["max-size"]


def test_there_are_the_processes_of_a_cluster() -> None:
    assert set(SERVICES) == {"postgres", "run", "worker", "serve-1", "serve-2", "caddy"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert [name for name, service in SERVICES.items() if "build" in service] == ["run"]


@pytest.mark.parametrize("name", OURS)
def test_ours_are_as_on_one_machine(name: str) -> None:
    service, alone = SERVICES[name], compose()["services"]["aggregator"]
    for key in ("image", "user", "stop_grace_period", "tmpfs"):
        assert service[key] == alone[key], key
    command = cli.get_command(click.Context(cli), service["command"][0])
    assert command is not None
    command.make_context(service["command"][0], service["command"][1:], resilient_parsing=False)


def test_everybody_is_asked_how_it_is_but_for_who_listens_nowhere() -> None:
    alone = compose()["services"]["aggregator"]["healthcheck"]
    assert {name: service["healthcheck"] for name, service in SERVICES.items() if name in OURS} == {
        "run": alone,
        "serve-1": alone,
        "serve-2": alone,
        "worker": {"disable": True},
    }
    for name in ("postgres", "caddy"):
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_only_one_writes_what_is_published() -> None:
    mounts = {name: [str(mount) for mount in service.get("volumes", [])] for name, service in SERVICES.items()}
    assert [name for name, all_ in mounts.items() if "public:/public" in all_] == ["run"]
    assert [name for name, all_ in mounts.items() if "public:/public:ro" in all_] == ["serve-1", "serve-2"]


def test_the_database_is_reached_from_inside_only_and_checks_reach_the_world() -> None:
    document = cluster()
    assert {name for name, options in document["networks"].items() if options.get("internal")} == {"database", "web"}
    assert SERVICES["postgres"]["networks"] == ["database"]
    assert all("outside" in SERVICES[name]["networks"] for name in ("run", "worker", "caddy"))
    assert all("outside" not in SERVICES[name]["networks"] for name in ("serve-1", "serve-2"))
    assert "database" not in SERVICES["caddy"]["networks"]


def test_secrets_are_files_that_git_ignores_and_stand_in_no_environment() -> None:
    document = cluster()
    assert {Path(one["file"]).parent.name for one in document["secrets"].values()} == {"secrets"}
    assert "/secrets/" in (DEPLOY / ".gitignore").read_text().splitlines()
    used = {name for service in SERVICES.values() for name in service.get("secrets", [])}
    assert used == set(document["secrets"])
    for service in SERVICES.values():
        named = [key for key in service.get("environment", {}) if re.search("PASSWORD|TOKEN|SECRET", key)]
        assert all(key.endswith("_FILE") for key in named)


def test_what_compose_mounts_exists() -> None:
    document = cluster()
    mounts = [str(mount).split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    assert {source for source, *_ in mounts if not source.startswith(".")} == set(document["volumes"])
    files = {source for source, *_ in mounts if source.startswith(".")}
    assert files == {"./config", "./cluster.Caddyfile"}  # the first is the operator's
    assert (DEPLOY / "cluster.Caddyfile").is_file()
    assert all(mount[2:] == ["ro"] for mount in mounts if mount[0].startswith("."))


def test_processes_are_given_time_to_stop() -> None:
    for name in OURS:
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) > GRACE
    assert int(unit("aggregator-worker@.service")["TimeoutStopSec"][0]) > GRACE


def test_there_are_connections_for_more_workers_than_there_are() -> None:
    """A pool of SQLAlchemy's in each process, and one of Procrastinate's in those that work; see docs/operations.md."""
    given = {part.partition("=")[0]: part.partition("=")[2] for part in SERVICES["postgres"]["command"][1:]}
    own, queue, leadership = postgresql.POOL + postgresql.MORE, 6, 2
    working = 1 + 2 * SERVICES["worker"]["deploy"]["replicas"]
    assert int(given["--max_connections"]) > working * (own + queue + leadership) + 2 * own


# --- the configuration


def test_the_configuration_is_valid_with_the_secret_that_compose_mounts(tmp_path: Path) -> None:
    secret = tmp_path / "database-url"
    secret.write_text("postgresql+psycopg://aggregator:x@postgres/aggregator")
    text = (DEPLOY / "config.cluster.yaml").read_text()
    assert text.count("/run/secrets/database-url") == 1
    (tmp_path / "config.yaml").write_text(text.replace("/run/secrets/database-url", str(secret)))
    config = read(tmp_path / "config.yaml", {}).config
    assert config.engine == "procrastinate"
    assert config.database.startswith("postgresql+psycopg://aggregator:")
    assert config.output.directory == "/public"
    assert config.server.host == "0.0.0.0"


# --- the systemd unit


def test_the_worker_is_as_hardened_as_the_service() -> None:
    service, worker = unit(), unit("aggregator-worker@.service")
    same = re.compile("Protect|Private|Restrict|Lock|MemoryDeny|SystemCall|NoNew|Capability|Ambient|Keyring|ProcSubset")
    hardened = {
        name: value for name, value in service.items() if same.match(name) and name != "RestartPreventExitStatus"
    }
    assert len(hardened) > 20
    assert {name: worker.get(name) for name in hardened} == hardened
    assert worker["DynamicUser"] == ["yes"]
    assert not {"StateDirectory", "CacheDirectory", "User"} & worker.keys()


def test_the_worker_starts_a_command_that_exists() -> None:
    options = unit("aggregator-worker@.service")
    given = dict(one.split("=", 1) for line in options["Environment"] for one in line.split())
    program, name, *arguments = (
        given.get(word.removeprefix("$"), word) for word in shlex.split(options["ExecStart"][0])
    )
    assert program.endswith("/bin/aggregator")
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    context = command.make_context(name, arguments)
    assert set(context.params["queues"].split(",")) <= set(QUEUES)
    assert options["RestartPreventExitStatus"] == [str(errors.ConfigError.exit_status)]


@needs("systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    # Where the program is not installed under its real name, systemd would complain of that alone.
    text = (DEPLOY / "aggregator-worker@.service").read_text()
    played = tmp_path / "aggregator-worker@.service"
    played.write_text(text.replace("/opt/aggregator/bin/aggregator", sys.executable))
    command = ["systemd-analyze", "verify", "--man=no", played]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "aggregator-worker" not in result.stderr


@needs("systemd-analyze")
def test_systemd_rates_the_exposure_below_two() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=19", "--no-pager"]
    worker = DEPLOY / "aggregator-worker@.service"
    result = subprocess.run([*command, worker], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200:]


# --- several web processes behind one proxy


class Answering(BaseHTTPRequestHandler):
    """One `serve`: all give the same document under the same tag."""

    asked: Counter[str]

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        self.send_response(200)
        self.send_header("ETag", '"same"')
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"same")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[tuple[int, Counter[str]]]:
    asked: Counter[str] = Counter()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("One", (Answering,), {"asked": asked}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port, asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(shutil.which("caddy") is None, reason="caddy is not installed")
def test_requests_go_to_all_and_to_those_that_are_left(tmp_path: Path) -> None:
    with serving() as (first, asked), serving() as (second, also):
        places = {"AGGREGATOR": f"127.0.0.1:{first} 127.0.0.1:{second} 127.0.0.1:{free_port()}"}
        with caddy(tmp_path, "cluster.Caddyfile", places) as port:
            answers = [get(port, f"/{number}") for number in range(40)]
            hidden = [get(port, path).status for path in ("/status", "/metrics", "/healthz", "/readyz")]
    assert {(answer.status, answer.body, answer.headers["etag"]) for answer in answers} == {(200, b"same", '"same"')}
    assert asked.keys() & {f"/{number}" for number in range(40)}
    assert also.keys() & {f"/{number}" for number in range(40)}
    assert hidden == [404] * 4
