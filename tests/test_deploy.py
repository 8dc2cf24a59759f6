"""What lies in deploy/: by reading it, and by running it where the programs are installed."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import IO
from urllib.parse import quote

import pytest
import yaml

from aggregator import errors, service
from aggregator.cli import COMMANDS, cli
from aggregator.config.load import read
from aggregator.config.schema import Config
from aggregator.pulse import STUCK
from aggregator.web.folder import FEED_HEADERS, FILE_HEADERS, PAGE_HEADERS, TYPES

TOP = Path(__file__).parents[1]
DEPLOY = TOP / "deploy"

#: A document that is worth compressing.
LONG = b"<feed>" + b"a" * 4000 + b"</feed>"


# --- the container's image


@dataclass(frozen=True)
class Instruction:
    name: str
    rest: str

    @property
    def words(self) -> list[str]:
        """Of a COPY or an exec form, without options."""
        if self.rest.startswith("["):
            return list(json.loads(self.rest))
        return [word for word in self.rest.split() if not word.startswith("--")]


def dockerfile() -> list[list[Instruction]]:
    """The instructions of each stage."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    logical = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    stages: list[list[Instruction]] = []
    for name, _, rest in (line.partition(" ") for line in logical if line.strip()):
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, rest.strip()))
    return stages


def only(stage: list[Instruction], name: str) -> Instruction:
    found = [instruction for instruction in stage if instruction.name == name]
    assert len(found) == 1, name
    return found[0]


def copied_from_the_checkout() -> list[str]:
    copies = [item for stage in dockerfile() for item in stage if item.name == "COPY" and "--from=" not in item.rest]
    return [source for copy in copies for source in copy.words[:-1]]


def pinned(image: str) -> bool:
    """By a whole version: `python:3` would be another program tomorrow."""
    return re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+[\w.-]*(@sha256:[0-9a-f]{64})?", image) is not None


@pytest.mark.parametrize(
    ("image", "expected"),
    [("python:3.13.13-slim-trixie", True), ("python", False), ("python:latest", False), ("python:3", False)],
)
def test_what_counts_as_pinned(image: str, expected: bool) -> None:
    assert pinned(image) is expected


def test_both_stages_start_from_one_pinned_image() -> None:
    images = [stage[0].rest.split(" AS ")[0] for stage in dockerfile()]
    assert len(images) == 2
    assert len(set(images)) == 1, "the venv's interpreter is the image's"
    assert all(map(pinned, images))


def test_every_file_that_the_image_copies_exists() -> None:
    missing = [name for name in copied_from_the_checkout() if not (TOP / name).exists()]
    assert missing == []


def test_only_what_the_image_copies_is_sent_to_the_build() -> None:
    lines = [line for line in (TOP / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied_from_the_checkout())


def test_the_image_holds_what_the_package_is_built_from() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    needed |= {package.split(".")[0] for package in project["tool"]["setuptools"]["packages"]}
    needed |= {folder.split("/")[0] for folder in project["tool"]["setuptools"]["package-dir"].values()}
    assert needed <= set(copied_from_the_checkout())


def test_everything_installed_is_known_by_its_hash() -> None:
    for name in ("build.lock", "../requirements-postgres.lock"):
        requirements = re.sub(r"\\\n\s*", " ", (DEPLOY / name).read_text()).splitlines()
        named = [line for line in requirements if line and not line.startswith("#")]
        assert named
        assert all("==" in line and "--hash=sha256:" in line for line in named), name
    pips = [
        command
        for stage in dockerfile()
        for item in stage
        if item.name == "RUN"
        for command in item.rest.split("&&")
        if "pip" in command.split()[0]
    ]
    assert len(pips) == 4
    for command in pips:
        assert "--require-hashes" in command or "--no-deps" in command
        # Else pip fetches what a source package is built with, outside the lock.
        assert "wheel" not in command.split()[1] or "--no-build-isolation" in command


def test_the_locked_setuptools_is_new_enough_for_the_package() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())
    least = re.fullmatch(r"setuptools>=(\d+)", project["build-system"]["requires"][0])
    locked = re.search(r"^setuptools==(\d+)", (DEPLOY / "build.lock").read_text(), re.MULTILINE)
    assert least
    assert locked
    assert int(locked[1]) >= int(least[1])


def test_the_image_runs_as_a_numbered_user_without_rights() -> None:
    runtime = dockerfile()[-1]
    user = only(runtime, "USER").rest
    assert user == "10001:10001"
    assert not any("apt-get" in item.rest or item.name == "ADD" for stage in dockerfile() for item in stage)


def test_the_image_starts_a_command_that_exists() -> None:
    runtime = dockerfile()[-1]
    program, option, config = only(runtime, "ENTRYPOINT").words
    (command,) = only(runtime, "CMD").words
    assert (program, config) == ("aggregator", "/config/config.yaml")
    assert_is_a_command(option, command)
    assert set(only(runtime, "VOLUME").words) == {"/config", "/data", "/public"}


def test_the_image_asks_for_its_health_with_what_it_copied() -> None:
    runtime = dockerfile()[-1]
    command = json.loads(only(runtime, "HEALTHCHECK").rest.partition("CMD ")[2])
    assert command[0] == "python"
    assert any(item.name == "COPY" and item.words[-1] == command[1] for item in runtime)


def test_the_image_is_labelled_with_the_version() -> None:
    version = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in only(dockerfile()[-1], "LABEL").rest
    assert compose()["services"]["aggregator"]["image"] == f"aggregator:{version}"


def assert_is_a_command(option: str, command: str) -> None:
    assert command in COMMANDS
    assert any(option in parameter.opts for parameter in cli.params)


#: What linters of Dockerfiles fault: by instruction, a pattern, and the reason.
FAULTS = (
    ("ADD", r".", "COPY does not unpack or download"),
    ("MAINTAINER", r".", "a label says it"),
    ("ENV", r"(?i)password|secret|token", "what is set stays in the image"),
    ("ARG", r"(?i)password|secret|token", "the history keeps it"),
    ("WORKDIR", r"(?!/)", "a relative folder depends on what came before"),
    ("RUN", r"\bsudo\b|\bssh\b|\bcd /", "the user is USER's, the folder WORKDIR's"),
    ("RUN", r"\bapt-get (update|upgrade|dist-upgrade)(?!.*apt-get install)", "an index alone goes stale in a layer"),
    ("RUN", r"\bapt-get install(?!.*--no-install-recommends)", "recommended packages are not needed"),
    ("RUN", r"\bapt-get install(?!.*rm -rf /var/lib/apt/lists)", "the index stays in the layer"),
    ("RUN", r"\b(curl|wget)\b.*\|", "what is piped into a shell was checked by nobody"),
    ("RUN", r"chmod (-R )?0?777", "everybody could write"),
    ("CMD", r"(?!\[)", "a shell would take the signals"),
    ("ENTRYPOINT", r"(?!\[)", "a shell would take the signals"),
)


def faults(stages: list[list[Instruction]]) -> list[str]:
    return [
        f"{item.name} {item.rest}: {reason}"
        for stage in stages
        for item in stage
        for name, pattern, reason in FAULTS
        if item.name == name and (re.match if pattern.startswith("(?!") else re.search)(pattern, item.rest)
    ]


def test_the_image_has_none_of_the_common_faults() -> None:
    assert faults(dockerfile()) == []


@pytest.mark.parametrize(
    "faulty",
    [
        Instruction("ADD", "https://example.org/x.tar.gz /"),
        Instruction("ENV", "TOKEN=1"),
        Instruction("WORKDIR", "data"),
        Instruction("RUN", "apt-get update"),
        Instruction("RUN", "apt-get update && apt-get install curl && rm -rf /var/lib/apt/lists/*"),
        Instruction("RUN", "apt-get update && apt-get install --no-install-recommends curl"),
        Instruction("RUN", "curl https://example.org/install | sh"),
        Instruction("CMD", "aggregator run"),
    ],
)
def test_common_faults_of_images_are_noticed(faulty: Instruction) -> None:
    assert len(faults([[faulty]])) == 1


def test_the_image_ends_with_one_command_one_user_and_one_health_check() -> None:
    names = [item.name for item in dockerfile()[-1]]
    for once in ("USER", "WORKDIR", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
        assert names.count(once) == 1
    # What is copied or made after USER would belong to it, and could be changed by it.
    assert not {"RUN", "COPY"} & set(names[names.index("USER") :])


def test_no_image_is_the_newest_whatever_that_is() -> None:
    images = [service["image"] for service in compose()["services"].values()]
    assert all(":" in image and not image.endswith(":latest") for image in images)
    assert all(pinned(image) for image in images)


# --- the health check


class Answering(BaseHTTPRequestHandler):
    """Says what it was asked, as a feed; `/healthz` has the status that the test wants."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 200)
        self.send_header("Content-Type", TYPES[".atom"][0])
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", str(len(LONG)))
        self.end_headers()
        self.wfile.write(LONG)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def answering(status: int = 200) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Playing", (Answering,), {"status": status}))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def healthcheck(port: int) -> subprocess.CompletedProcess[str]:
    environ = {"PORT": str(port), "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(
        [sys.executable, "-I", DEPLOY / "healthcheck.py"], env=environ, capture_output=True, text=True, check=False
    )


def test_a_service_that_answers_is_healthy_whatever_proxy_is_set() -> None:
    with answering() as port:
        assert healthcheck(port).returncode == 0


def test_a_service_that_answers_an_error_is_not_healthy() -> None:
    with answering(503) as port:
        result = healthcheck(port)
    assert (result.returncode, result.stderr) == (1, "/healthz answered 503\n")


def test_a_service_that_does_not_listen_is_not_healthy() -> None:
    with answering() as port:
        pass
    result = healthcheck(port)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


# --- compose


def compose() -> dict[str, dict[str, dict[str, object]]]:
    loaded: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return loaded


def expect_few_rights(name: str, service: Mapping[str, object]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["aggregator", "caddy"])
def test_a_container_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = compose()["services"][name]
    expect_few_rights(name, service)
    assert service["healthcheck"]["test"][0] == "CMD"  # type: ignore[index]  # a mapping
    assert pinned(str(service["image"]))


def test_compose_and_image_agree() -> None:
    service, runtime = compose()["services"]["aggregator"], dockerfile()[-1]
    assert service["user"] == only(runtime, "USER").rest
    assert service["expose"] == [only(runtime, "EXPOSE").rest]
    command = json.loads(only(runtime, "HEALTHCHECK").rest.partition("CMD ")[2])
    assert service["healthcheck"]["test"] == ["CMD", *command]  # type: ignore[index]  # a mapping
    assert (DEPLOY / service["build"]["context"] / service["build"]["dockerfile"]).is_file()  # type: ignore[index]


def test_only_the_proxy_is_reached_from_outside() -> None:
    assert [name for name, service in compose()["services"].items() if "ports" in service] == ["caddy"]


def test_what_compose_mounts_exists() -> None:
    document = compose()
    mounts = [str(mount).split(":") for service in document["services"].values() for mount in service["volumes"]]  # type: ignore[attr-defined]  # a list
    named = {source for source, *_ in mounts if not source.startswith(".")}
    assert named == set(document["volumes"])
    files = {source for source, *_ in mounts if source.startswith(".")}
    assert files == {"./config", "./Caddyfile"}  # the first is the operator's
    assert (DEPLOY / "Caddyfile").is_file()
    assert all(mount[2:] == ["ro"] for mount in mounts if mount[0].startswith("."))


def test_the_program_is_given_time_to_stop() -> None:
    stop = compose()["services"]["aggregator"]["stop_grace_period"]
    assert int(str(stop).removesuffix("s")) > service.GRACE
    assert int(unit()["TimeoutStopSec"][0]) > service.GRACE


# --- the configurations


def configuration(name: str) -> Config:
    return read(DEPLOY / name, {}).config


def test_the_container_writes_only_where_something_is_mounted() -> None:
    config = configuration("config.container.yaml")
    mounts = {str(mount).split(":")[1] for mount in compose()["services"]["aggregator"]["volumes"]}  # type: ignore[attr-defined]
    assert config.database == "sqlite:////data/aggregator.db"
    assert config.output.directory == "/public"
    assert {"/data", "/public", "/config"} <= mounts
    assert config.server.host == "0.0.0.0"


def test_the_service_writes_only_where_the_unit_lets_it() -> None:
    config, options = configuration("config.server.yaml"), unit()
    assert config.database.startswith(f"sqlite:////var/lib/{options['StateDirectory'][0]}/")
    assert config.output.directory == f"/var/cache/{options['CacheDirectory'][0]}/public"
    assert config.server.host == "127.0.0.1"


# --- the systemd unit


def unit(name: str = "aggregator.service") -> dict[str, list[str]]:
    """Every option of [Service], with each of its values."""
    text = (DEPLOY / name).read_text()
    options: dict[str, list[str]] = {}
    for line in text.partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            options.setdefault(name, []).append(value)
    return options


HARDENED = {
    "NoNewPrivileges": "yes",
    "CapabilityBoundingSet": "",
    "ProtectSystem": "strict",
    "ProtectHome": "tmpfs",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "PrivateUsers": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectKernelModules": "yes",
    "ProtectControlGroups": "yes",
    "RestrictNamespaces": "yes",
    "RestrictSUIDSGID": "yes",
    "MemoryDenyWriteExecute": "yes",
    "SystemCallArchitectures": "native",
    "StateDirectoryMode": "0700",
    "User": "aggregator",
    "KillSignal": "SIGTERM",
    "Restart": "on-failure",
}


@pytest.mark.parametrize(("option", "value"), HARDENED.items())
def test_the_unit_is_hardened(option: str, value: str) -> None:
    assert unit()[option] == [value]


def test_the_unit_filters_calls_and_addresses() -> None:
    assert unit()["SystemCallFilter"] == ["@system-service", "~@privileged @resources"]
    assert set(unit()["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"}


def test_the_unit_waits_until_the_service_is_ready_and_notices_when_it_hangs() -> None:
    assert unit()["Type"] == ["notify"]
    # The service must have found out itself before it is killed for it.
    assert int(unit()["WatchdogSec"][0]) > STUCK


def test_the_unit_starts_a_command_that_exists() -> None:
    program, option, config, command = shlex.split(unit()["ExecStart"][0])
    assert program.endswith("/bin/aggregator")
    assert config == "/etc/aggregator/config.yaml"
    assert_is_a_command(option, command)


def test_the_unit_does_not_start_again_what_trying_again_does_not_mend() -> None:
    prevented = {int(status) for status in unit()["RestartPreventExitStatus"][0].split()}
    assert prevented == {errors.ConfigError.exit_status, errors.BusyError.exit_status}


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


@needs("systemd-analyze")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    # Where the program is not installed under its real name, systemd would complain of that alone.
    text = (DEPLOY / "aggregator.service").read_text()
    played = tmp_path / "aggregator.service"
    played.write_text(text.replace("/opt/aggregator/bin/aggregator", sys.executable))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", played], capture_output=True, text=True, check=False
    )
    # Units of this machine that have nothing to do with ours may be faulty.
    assert "aggregator.service" not in result.stderr


@needs("systemd-analyze")
def test_systemd_rates_the_exposure_below_two() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=19", "--no-pager"]
    result = subprocess.run([*command, DEPLOY / "aggregator.service"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout[-200:]


# --- web servers


@pytest.mark.parametrize("name", ["nginx-static.conf", "static.Caddyfile"])
def test_files_are_served_as_the_service_serves_them(name: str) -> None:
    text = (DEPLOY / name).read_text()
    for media_type, _ in TYPES.values():
        essence = media_type.partition(";")[0]
        # Caddy's own table knows these.
        if not (
            name == "static.Caddyfile" and essence in ("text/html", "text/css", "text/javascript", "image/svg+xml")
        ):
            assert essence in text
    assert PAGE_HEADERS["Content-Security-Policy"] in text
    for headers in (FEED_HEADERS, FILE_HEADERS, PAGE_HEADERS):
        assert headers["Cache-Control"] in text


@pytest.mark.parametrize("name", ["nginx-static.conf", "static.Caddyfile"])
def test_the_folder_served_is_the_one_written(name: str) -> None:
    assert configuration("config.server.yaml").output.directory in (DEPLOY / name).read_text()


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_the_proxy_asks_where_the_service_listens(name: str) -> None:
    server = configuration("config.server.yaml").server
    assert f"{server.host}:{server.port}" in (DEPLOY / name).read_text()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


def get(port: int, path: str, **headers: str) -> Answer:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", quote(path), headers={"Host": "feeds.example.org", **given})
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def free_port() -> int:
    with answering() as port:
        return port


@contextmanager
def started(command: list[str | Path], sign: str, environ: Mapping[str, str]) -> Iterator[None]:
    """A program that runs until the block ends; entered when it has said `sign` on standard error."""
    ready, said = Event(), list[str]()

    def listen(errors: IO[str]) -> None:
        for line in errors:
            said.append(line)
            if sign in line:
                ready.set()
        ready.set()  # it ended

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environ}) as process:
        assert process.stderr
        listener = Thread(target=listen, args=[process.stderr])
        listener.start()
        try:
            assert ready.wait(20)
            assert any(sign in line for line in said), "".join(said)
            yield
        finally:
            process.terminate()
            listener.join()


@contextmanager
def nginx(folder: Path, name: str, changes: Mapping[str, str]) -> Iterator[int]:
    port, text = free_port(), (DEPLOY / name).read_text()
    for old, new in {"listen 80;": f"listen 127.0.0.1:{port};", "listen [::]:80;": "", **changes}.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "site.conf").write_text(text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr notice;\nworker_processes 1;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{temporary}include {folder}/site.conf;\n}}\n"
    )
    command: list[str | Path] = ["nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
    subprocess.run([*command, "-q", "-t"], check=True)
    with started(command, "start worker process ", {}):
        yield port


@contextmanager
def caddy(folder: Path, name: str, environ: Mapping[str, str]) -> Iterator[int]:
    port = free_port()
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + (DEPLOY / name).read_text())
    environ = {
        "SITE_ADDRESS": f"http://feeds.example.org:{port}",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        **environ,
    }
    command: list[str | Path] = ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "Caddyfile"]
    with started(command, "serving initial configuration", environ):
        yield port


def published(folder: Path) -> Path:
    """An output folder with one document of each kind, and one that is being written."""
    documents = {
        "index.html": LONG,
        "opml.xml": LONG,
        "c/科技/index.html": LONG,
        "feeds/科技.atom": LONG,
        "feeds/科技.rss": LONG,
        "feeds/科技.json": LONG,
        "static/style.css": LONG,
        "feeds/.科技.atom.0123abcd.tmp": LONG,
        "feeds/left.tmp": LONG,
        ".hidden/secret.html": LONG,
    }
    for name, body in documents.items():
        target = folder / "public" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    return folder / "public"


@contextmanager
def static_site(program: str, folder: Path) -> Iterator[int]:
    root = published(folder)
    if program == "nginx":
        with nginx(folder, "nginx-static.conf", {"/var/cache/aggregator/public": str(root)}) as port:
            yield port
    else:
        with caddy(folder, "static.Caddyfile", {"PUBLIC": str(root)}) as port:
            yield port


@contextmanager
def proxy(program: str, folder: Path, behind: int) -> Iterator[int]:
    if program == "nginx":
        with nginx(
            folder, "nginx.conf", {"proxy_pass http://127.0.0.1:8080;": f"proxy_pass http://127.0.0.1:{behind};"}
        ) as port:
            yield port
    else:
        with caddy(folder, "Caddyfile", {"AGGREGATOR": f"127.0.0.1:{behind}"}) as port:
            yield port


PROGRAMS = [pytest.param(program, marks=needs(program)) for program in ("nginx", "caddy")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_web_server_serves_the_files_as_the_service_would(program: str, tmp_path: Path) -> None:
    paths = ["feeds/科技.atom", "feeds/科技.rss", "feeds/科技.json", "opml.xml", "c/科技/", "", "static/style.css"]
    with static_site(program, tmp_path) as port:
        answers = {path: get(port, f"/{path}") for path in paths}
    for path, answer in answers.items():
        media_type, headers = TYPES[Path(path if "." in path else "index.html").suffix]
        assert (path, answer.status, answer.body) == (path, 200, LONG)
        assert answer.headers["content-type"] == media_type
        for name, value in headers.items():
            assert answer.headers[name.lower()] == value, path
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_web_server_shows_nothing_hidden_or_unfinished(program: str, tmp_path: Path) -> None:
    paths = [
        "/feeds/.科技.atom.0123abcd.tmp",
        "/feeds/left.tmp",
        "/.hidden/secret.html",
        "/feeds/",
        "/c/",
        "/none.html",
    ]
    with static_site(program, tmp_path) as port:
        found = {path: get(port, path).status for path in paths}
    assert all(status in (403, 404) for status in found.values()), found


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_web_server_finds_feeds_and_pages_by_their_slug(program: str, tmp_path: Path) -> None:
    with static_site(program, tmp_path) as port:
        feed, page = get(port, "/feeds/科技"), get(port, "/c/科技")
    assert (feed.status, feed.headers["content-type"]) == (200, TYPES[".atom"][0])
    assert page.status in (301, 308)
    assert page.headers["location"].lower().endswith(quote("/科技/").lower())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_web_server_compresses_and_revalidates(program: str, tmp_path: Path) -> None:
    with static_site(program, tmp_path) as port:
        packed = get(port, "/feeds/科技.atom", Accept_Encoding="gzip")
        again = get(port, "/feeds/科技.atom", Accept_Encoding="gzip", If_None_Match=packed.headers["etag"])
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == LONG
    assert "Accept-Encoding" in packed.headers["vary"]
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_web_server_sends_what_is_compressed_already(program: str, tmp_path: Path) -> None:
    prepared = gzip.compress(LONG, mtime=1)
    (published(tmp_path) / "feeds/科技.atom.gz").write_bytes(prepared)
    with static_site(program, tmp_path) as port:
        packed = get(port, "/feeds/科技.atom", Accept_Encoding="gzip")
    assert packed.body == prepared
    assert packed.headers["content-type"] == TYPES[".atom"][0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_proxy_hands_on_documents_and_compresses_them(program: str, tmp_path: Path) -> None:
    with answering() as behind, proxy(program, tmp_path, behind) as port:
        plain = get(port, "/feeds/科技.atom", Accept_Encoding="identity")
        packed = get(port, "/feeds/科技.atom", Accept_Encoding="gzip")
    assert (plain.status, plain.body, plain.headers["content-type"]) == (200, LONG, TYPES[".atom"][0])
    assert plain.headers["etag"] == '"1"'
    assert gzip.decompress(packed.body) == LONG


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_proxy_keeps_details_to_the_machine(program: str, tmp_path: Path) -> None:
    paths = ["/status", "/status/", "/metrics", "/healthz", "/readyz", "/statuses"]
    with answering() as behind, proxy(program, tmp_path, behind) as port:
        statuses = [get(port, path).status for path in paths]
    assert statuses == [404, 404, 404, 404, 404, 200]


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_proxy_says_that_the_service_is_down(program: str, tmp_path: Path) -> None:
    with proxy(program, tmp_path, free_port()) as port:
        assert get(port, "/").status == 502
