"""How many readers the built-in server bears, beside nginx serving the same file.

    python -m benchmarks.serving [seconds]

A category feed of 50 entries of 5 KB, asked for by 100 connections: whole, compressed, and by
readers that have it already (304). Then once more while 200 slow clients take a byte now and then.
Needs wrk and nginx (Debian packages of these names).
"""

from __future__ import annotations

import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from aggregator import publish
from tests.e2e.service import running
from tests.published import SITE, feed, story

RUNS = 3
FEED = "/feeds/all.atom"
WAYS = {
    "200, plain": {},
    "200, gzip": {"Accept-Encoding": "gzip"},
    "304": {"If-None-Match": None},
}
FOUND = re.compile(r"99%\s+([\d.]+)(us|ms|s)\b.*?Requests/sec:\s+([\d.]+)", re.DOTALL)
MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def main(seconds: int = 5) -> None:
    for tool in ("wrk", "nginx"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is needed: install the package of this name")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        fill(folder / "public")
        with ours(folder) as own, nginx(folder) as peer:
            print(f"{'':14}{'aggregator':>24}{'nginx':>24}   ratio")
            for title, headers in WAYS.items():
                pairs = [(load(own, headers, seconds), load(peer, headers, seconds)) for _ in range(RUNS)]
                report(title, pairs)
            with slow_clients(own, 200):
                report("200 slow ones", [(load(own, {}, seconds), load(peer, {}, seconds))])


def fill(public: Path) -> None:
    stories = [story(number, html="<p>" + "这是一篇文章的正文。" * 170 + "</p>") for number in range(50)]
    shown = feed(*stories, slug="all", path=())
    from aggregator.config.schema import Output

    for path, data in publish.feed_documents(shown, SITE, Output()):
        publish.put(public, path, data, sync=False)


@contextmanager
def ours(folder: Path) -> Iterator[str]:
    (folder / "config.yaml").write_text(
        "site: {title: Bench, url: http://127.0.0.1/, tag: 'bench.example,2026'}\nserver: {port: 0}\n"
    )
    with running(folder, "serve") as service:
        yield service.url.rstrip("/") + FEED


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    conf = folder / "nginx.conf"
    conf.write_text(
        f"worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr; events {{ worker_connections 1024; }}\n"
        f"http {{ access_log off; gzip on; gzip_types application/atom+xml; types {{ application/atom+xml atom; }}\n"
        f"client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;\n"
        f"uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;\n"
        f"server {{ listen 127.0.0.1:{port}; root {folder}/public; keepalive_requests 1000000; }} }}\n"
    )
    process = subprocess.Popen(["nginx", "-c", str(conf), "-p", str(folder)], stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield f"http://127.0.0.1:{port}{FEED}"
    finally:
        process.terminate()
        process.wait()


def load(url: str, headers: dict[str, str | None], seconds: int) -> tuple[float, float, int]:
    """Requests a second, 99th percentile in milliseconds, errors."""
    given = []
    for name, value in headers.items():
        given += ["-H", f"{name}: {value or urlopen(url).headers['ETag']}"]
    command = ["wrk", "-t1", "-c100", f"-d{seconds}s", "--latency", *given, url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = FOUND.search(text)
    assert found, text
    errors = sum(int(number) for number in re.findall(r"(?:connect|read|write|timeout) (\d+)", text))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return float(found[3]), float(found[1]) * MILLISECONDS[found[2]], errors + int(refused[1] if refused else 0)


def report(title: str, pairs: list[tuple[tuple[float, float, int], tuple[float, float, int]]]) -> None:
    own, peer = ([pair[side] for pair in pairs] for side in (0, 1))
    rates = [statistics.median(one[0] for one in side) for side in (own, peer)]
    late = [statistics.median(one[1] for one in side) for side in (own, peer)]
    errors = sum(one[2] for one in own)
    cells = "".join(f"{rate:>10,.0f}/s p99 {p99:>6.1f} ms" for rate, p99 in zip(rates, late, strict=True))
    print(f"{title:14}{cells}   {rates[0] / rates[1]:.2f}   errors {errors}")


@contextmanager
def slow_clients(url: str, number: int) -> Iterator[None]:
    """Connections that ask for the feed and read a few bytes of it a second."""
    host, port = url.split("/")[2].split(":")
    ended = threading.Event()
    connections = [socket.create_connection((host, int(port))) for _ in range(number)]
    for one in connections:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.sendall(f"GET {FEED} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    def sip() -> None:
        while not ended.wait(1):
            for one in connections:
                one.recv(16)

    thread = threading.Thread(target=sip)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for one in connections:
            one.close()


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
