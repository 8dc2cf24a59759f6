"""The web application over a real output folder: validators, negotiation, and what is not served."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin
from uuid import UUID

import brotli
import pytest
import zstandard
from starlette.requests import Request
from starlette.types import ASGIApp

from aggregator import publish
from aggregator.model import Story
from aggregator.web.accept import preferred
from aggregator.web.access import may_see
from aggregator.web.app import Web, make_app
from aggregator.web.coding import Codings, accepted
from aggregator.web.folder import Folder
from tests.published import ENGLISH, OUTPUT, SITE, TREE, feed, story

HERE, ELSEWHERE = story(0, url=None), story(1)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(app: ASGIApp, path: str, *, method: str = "GET", query: str = "", **headers: str) -> Answer:
    """One request, handed to the application as a server would: `path` is decoded already."""
    sent: list[dict[str, object]] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    start = sent[0]
    fields = {name.decode(): value.decode() for name, value in start["headers"]}  # type: ignore[attr-defined]
    body = b"".join(message.get("body", b"") for message in sent[1:])  # type: ignore[misc]
    return Answer(start["status"], fields, body)  # type: ignore[arg-type]


def stored(uuid: UUID) -> Story | None:
    return {one.uuid: one for one in (HERE, ELSEWHERE)}.get(uuid)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    everything = feed(HERE, ELSEWHERE, slug="all", path=())
    nodes = publish.index(TREE)
    documents = [
        *publish.feed_documents(everything, ENGLISH, OUTPUT, nodes),
        *publish.feed_documents(feed(HERE, ELSEWHERE), ENGLISH, OUTPUT, nodes),
        *publish.feed_documents(feed(slug="金融", path=("金融",)), ENGLISH, OUTPUT, nodes),
        *publish.site_documents(publish.Home(everything, TREE, 1), ENGLISH, OUTPUT),
        *publish.home_documents(publish.Home(everything, TREE, 1), ENGLISH, OUTPUT),
        *publish.entry_documents([HERE], ENGLISH, OUTPUT, nodes),
    ]
    for path, data in documents:
        publish.put(folder, path, data, sync=False)
    (tmp_path / "secret.html").write_text("classified")
    return folder


@pytest.fixture
def app(root: Path) -> ASGIApp:
    return make_app(Web(Folder(root), ENGLISH, stored, lambda: publish.index(TREE)))


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/feeds/all.atom", "application/atom+xml; charset=utf-8"),
        ("/feeds/金融/新浪财经.atom", "application/atom+xml; charset=utf-8"),
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/c/金融/新浪财经/", "text/html; charset=utf-8"),
        ("/c/金融/新浪财经/index.html", "text/html; charset=utf-8"),
        (f"/e/{HERE.uuid}.html", "text/html; charset=utf-8"),
        ("/opml.xml", "text/x-opml; charset=utf-8"),
        ("/static/style.css", "text/css; charset=utf-8"),
        ("/static/copy.js", "text/javascript; charset=utf-8"),
        ("/static/icon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_files_are_served_at_the_paths_they_are_written_to(app: ASGIApp, root: Path, path: str, media_type: str):
    answer = ask(app, path)
    file = root / (path.removeprefix("/") + ("index.html" if path.endswith("/") else ""))
    assert (answer.status, answer.headers["content-type"]) == (200, media_type)
    assert answer.body == file.read_bytes()
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/", f"/e/{ELSEWHERE.uuid}.html"])
def test_who_has_the_bytes_is_told_so(app: ASGIApp, path: str):
    first = ask(app, path)
    for tag in (first.headers["etag"], f"W/{first.headers['etag']}", f'"other", {first.headers["etag"]}', "*"):
        again = ask(app, path, if_none_match=tag)
        assert (again.status, again.body) == (304, b"")
        repeated = ("etag", "vary", "cache-control")
        assert [again.headers[name] for name in repeated] == [first.headers[name] for name in repeated]
    assert ask(app, path, if_none_match='"other"').status == 200


def test_dates_count_only_where_there_is_no_tag(app: ASGIApp):
    modified = ask(app, "/feeds/all.atom").headers["last-modified"]
    assert ask(app, "/feeds/all.atom", if_modified_since=modified).status == 304
    assert ask(app, "/feeds/all.atom", if_modified_since="Thu, 01 Jan 1970 00:00:01 GMT").status == 200
    assert ask(app, "/feeds/all.atom", if_modified_since="soon").status == 200
    assert ask(app, "/feeds/all.atom", if_modified_since=modified, if_none_match='"other"').status == 200


def test_the_tag_is_of_the_bytes_and_nothing_else(app: ASGIApp, root: Path):
    first = ask(app, "/feeds/all.atom").headers["etag"]
    data = (root / "feeds/all.atom").read_bytes()
    publish.put(root, "feeds/all.atom", data + b"\n", sync=False)
    changed = ask(app, "/feeds/all.atom").headers["etag"]
    publish.put(root, "feeds/all.atom", data, sync=False)
    assert ask(app, "/feeds/all.atom").headers["etag"] == first != changed


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/", "/c/none/", "/healthz"])
def test_head_says_what_get_would(app: ASGIApp, path: str):
    assert ask(app, path, method="HEAD").headers == ask(app, path).headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/feeds/all.atom", "/feeds/all", "/healthz"])
def test_nothing_can_be_changed(app: ASGIApp, path: str, method: str):
    assert ask(app, path, method=method).status == 405


def test_feeds_may_be_read_by_any_page_and_pages_may_load_nothing_foreign(app: ASGIApp):
    assert ask(app, "/feeds/all.atom").headers["access-control-allow-origin"] == "*"
    page = ask(app, "/").headers
    assert page["content-security-policy"].startswith("default-src 'none'; style-src 'self'; script-src 'self';")
    assert page["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in page


# --- negotiation ----------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [None, "*/*", "application/atom+xml", "image/png"])
def test_a_feed_without_a_format_is_atom_where_nothing_else_is_wished(app: ASGIApp, accept: str | None):
    answer = ask(app, "/feeds/金融/新浪财经", **({"accept": accept} if accept else {}))
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/atom+xml; charset=utf-8"
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    there = urljoin("/feeds/%E9%87%91%E8%9E%8D/x", answer.headers["content-location"])
    assert there == quote("/feeds/金融/新浪财经.atom")


@pytest.mark.parametrize(
    ("accept", "kind", "media_type"),
    [
        ("application/rss+xml, */*;q=0.1", "rss", "application/rss+xml"),
        ("application/feed+json", "json", "application/feed+json"),
        ("application/json", "json", "application/feed+json"),
        ("application/rss+xml;q=0.5, application/feed+json;q=0.9", "json", "application/feed+json"),
    ],
)
def test_a_feed_without_a_format_comes_in_the_one_that_is_wished(app: ASGIApp, accept: str, kind: str, media_type: str):
    answer = ask(app, "/feeds/金融/新浪财经", accept=accept)
    assert (answer.status, answer.headers["content-type"]) == (200, f"{media_type}; charset=utf-8")
    assert urljoin("/feeds/%E9%87%91%E8%9E%8D/x", answer.headers["content-location"]) == quote(
        f"/feeds/金融/新浪财经.{kind}"
    )


@pytest.mark.parametrize("path", ["/feeds/all", "/feeds/金融", "/feeds/金融/新浪财经"])
def test_a_browser_is_sent_to_the_page_beside_the_feed(app: ASGIApp, path: str):
    answer = ask(app, path, accept=BROWSER)
    assert answer.status == 303
    assert urljoin(quote(path), answer.headers["location"]) == quote(path.replace("/feeds/", "/c/") + "/")
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


def test_a_feed_that_is_not_there_is_404_for_everyone(app: ASGIApp):
    assert ask(app, "/feeds/none").status == ask(app, "/feeds/none", accept=BROWSER).status == 404


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "a/atom"),
        ("*/*", "a/atom"),
        ("text/*", "text/html"),
        ("a/*;q=0.5, text/html;q=0.4", "a/atom"),
        ("a/atom;q=0.5, */*", "a/rss"),
        ("text/html, a/atom", "text/html"),
        ("a/atom, text/html", "a/atom"),
        ("a/rss", "a/rss"),
        ("A/RSS ; Q=1", "a/rss"),
        ("a/atom;q=0, a/rss;q=0.1", "a/rss"),
        ("a/atom;q=x, text/html;q=0.1", "text/html"),
        ("*/*;q=0", "a/atom"),
        ("nonsense;;,", "a/atom"),
    ],
)
def test_what_a_client_would_rather_have(accept: str, expected: str):
    assert preferred(accept, ["a/atom", "a/rss", "text/html"]) == expected


# --- entries --------------------------------------------------------------------------------


def test_an_entry_that_is_not_on_the_disk_is_rendered(app: ASGIApp, root: Path):
    answer = ask(app, f"/e/{ELSEWHERE.uuid}.html")
    assert answer.status == 200
    assert ELSEWHERE.title in answer.body.decode()
    assert "c/%E9%87%91%E8%9E%8D/" in answer.body.decode()
    assert not (root / f"e/{ELSEWHERE.uuid}.html").exists()


@pytest.mark.parametrize(
    "path",
    [
        f"/e/{story(9).uuid}.html",
        f"/e/{str(ELSEWHERE.uuid).upper()}.html",
        f"/e/{ELSEWHERE.uuid.hex}.html",
        f"/e/{ELSEWHERE.uuid}",
        f"/{ELSEWHERE.uuid}.html",
        "/e/.html",
        "/e/",
    ],
)
def test_an_entry_has_one_address_and_unknown_ones_are_404(app: ASGIApp, path: str):
    assert ask(app, path).status == 404


# --- what is not served ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.html",
        "/c/../../secret.html",
        "/feeds/../../secret.html",
        "/feeds/../../secret",
        "//secret.html",
        "/c//all/index.html",
        "/./index.html",
        "/c/..\\..\\secret.html",
        "/\0.html",
        "/link.html",
        "/folder/secret.html",
        "/.hidden.html",
        "/.git/index.html",
        "/feeds/.all.atom.0123abcd.tmp",
        "/feeds/all.atom.bak",
        "/feeds",
        "/feeds/",
        "/" + "long" * 100 + ".html",
    ],
)
def test_nothing_hidden_temporary_or_outside_is_served(app: ASGIApp, root: Path, path: str):
    (root / "link.html").symlink_to(root.parent / "secret.html")
    (root / "folder").symlink_to(root.parent)
    (root / ".git").mkdir()
    for name in (".hidden.html", ".git/index.html", "feeds/.all.atom.0123abcd.tmp", "feeds/all.atom.bak"):
        (root / name).write_text("classified")
    answer = ask(app, path)
    assert answer.status == 404
    assert b"classified" not in answer.body


def test_what_is_missing_is_a_page_with_the_way_home(app: ASGIApp):
    answer = ask(app, "/c/科技/量子/")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert 'href="../../../index.html"' in answer.body.decode()


def test_a_page_without_its_final_slash_redirects_to_the_one_with_it(app: ASGIApp):
    answer = ask(app, "/c/金融/新浪财经")
    assert answer.status == 308
    assert urljoin(quote("/c/金融/新浪财经"), answer.headers["location"]) == quote("/c/金融/新浪财经/")


# --- below a prefix, and health -------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/news"])
def test_a_prefix_is_taken_off_unless_a_proxy_has_done_so(root: Path, prefix: str):
    app = make_app(Web(Folder(root), SITE, stored))
    assert ask(app, f"{prefix}/feeds/all.atom").status == 200
    assert ask(app, f"{prefix}/").status == 200


def test_the_prefix_alone_redirects_below_it_and_others_are_not_taken_off(root: Path):
    app = make_app(Web(Folder(root), SITE, stored))
    assert ask(app, "/news").headers["location"] == "/news/"
    assert ask(app, "/newsroom/feeds/all.atom").status == 404


def test_health_is_json_and_never_cached(root: Path):
    app = make_app(
        Web(
            Folder(root),
            SITE,
            stored,
            unready=lambda: () if (root / "index.html").exists() else ("nothing is published yet",),
        )
    )
    answers = [ask(app, path) for path in ("/healthz", "/readyz")]
    assert [(one.status, one.body, one.headers["cache-control"]) for one in answers] == [
        (200, b'{"status":"ok"}', "no-store")
    ] * 2
    publish.remove(root, "index.html")
    assert (ask(app, "/healthz").status, ask(app, "/readyz").status) == (200, 503)


# --- compressed, in part, and kept ----------------------------------------------------------


UNPACKED = {
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


@pytest.mark.parametrize("path", ["/feeds/all.atom", "/", "/static/style.css", f"/e/{ELSEWHERE.uuid}.html"])
@pytest.mark.parametrize("coding", UNPACKED)
def test_text_is_compressed_for_who_takes_it_under_a_tag_of_its_own(app: ASGIApp, path: str, coding: str):
    plain, packed = ask(app, path), ask(app, path, accept_encoding=coding)
    assert packed.headers["content-encoding"] == coding
    assert UNPACKED[coding](packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]
    assert ask(app, path, accept_encoding=coding, if_none_match=packed.headers["etag"]).status == 304
    assert ask(app, path, accept_encoding=coding) == packed


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("GZIP ; Q=0.5", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1, br;q=0.5", "gzip"),
        ("*", "br"),
        ("br;q=0, *", "zstd"),
        ("gzip;q=0", None),
        ("gzip;q=x", None),
        ("deflate, compress", None),
        ("identity, gzip;q=0.5", None),
    ],
)
def test_which_coding_a_client_takes(header: str, expected: str | None):
    assert accepted(header) == expected


def test_what_is_small_is_sent_as_it_is(app: ASGIApp, root: Path):
    publish.put(root, "small.html", b"<p>small</p>", sync=False)
    assert "content-encoding" not in ask(app, "/small.html", accept_encoding="gzip").headers


def test_compressed_bodies_are_kept_up_to_a_size():
    codings = Codings(kept=100)
    first = codings.coded(b"a" * 5000, "a", "gzip")
    assert codings.has("a", "gzip")
    for name in "bcdefgh":
        codings.coded(name.encode() * 5000, name, "gzip")
    assert not codings.has("a", "gzip")
    assert codings.coded(b"a" * 5000, "a", "gzip") == first


@pytest.mark.parametrize(
    ("header", "status", "content_range", "body"),
    [
        ("bytes=0-3", 206, "bytes 0-3/10", b"0123"),
        ("bytes=7-", 206, "bytes 7-9/10", b"789"),
        ("bytes=-2", 206, "bytes 8-9/10", b"89"),
        ("bytes=8-99", 206, "bytes 8-9/10", b"89"),
        ("bytes=10-", 416, "bytes */10", b""),
        ("bytes=-0", 416, "bytes */10", b""),
        ("bytes=3-1", 200, None, b"0123456789"),
        ("bytes=0-1,4-5", 200, None, b"0123456789"),
        ("lines=0-3", 200, None, b"0123456789"),
        ("bytes=", 200, None, b"0123456789"),
    ],
)
def test_a_part_of_a_document(
    app: ASGIApp, root: Path, header: str, status: int, content_range: str | None, body: bytes
):
    publish.put(root, "ten.html", b"0123456789", sync=False)
    answer = ask(app, "/ten.html", range=header, accept_encoding="gzip")
    assert (answer.status, answer.headers.get("content-range"), answer.body) == (status, content_range, body)


def test_a_part_goes_on_only_with_the_same_bytes(app: ASGIApp, root: Path):
    publish.put(root, "ten.html", b"0123456789", sync=False)
    whole = ask(app, "/ten.html").headers
    for condition in (whole["etag"], whole["last-modified"]):
        assert ask(app, "/ten.html", range="bytes=5-", if_range=condition).status == 206
    for condition in ('"other"', f"W/{whole['etag']}", "Thu, 01 Jan 1970 00:00:01 GMT"):
        assert ask(app, "/ten.html", range="bytes=5-", if_range=condition).status == 200


def test_files_are_kept_in_memory_until_they_change_and_up_to_a_size(root: Path):
    folder = Folder(root, kept=11_000)
    for name in ("a", "b", "c"):
        publish.put(root, f"{name}.html", name.encode() * 5000, sync=False)
        folder.read(f"{name}.html")
    assert [folder.fresh(f"{name}.html") is not None for name in ("a", "b", "c")] == [False, False, True]
    publish.put(root, "c.html", b"d" * 5000, sync=False)
    assert folder.fresh("c.html") is None
    kept = folder.read("c.html")
    assert kept is not None
    assert kept.body == b"d" * 5000
    publish.remove(root, "c.html")
    assert folder.fresh("c.html") is folder.read("c.html") is None


@pytest.mark.parametrize(("age", "expected"), [(0, 60), (3600, 360), (86400, 900), (-86400, 60)])
def test_caches_keep_a_feed_for_a_tenth_of_the_time_that_it_has_stood(root: Path, age: int, expected: int):
    modified = (root / "feeds/all.atom").stat().st_mtime
    app = make_app(Web(Folder(root), SITE, stored, clock=lambda: int(modified) + age))
    assert ask(app, "/feeds/all.atom").headers["cache-control"] == f"public, max-age={expected}"


# --- who may see details --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "headers", "query", "expected"),
    [
        ("127.0.0.1", {}, "", True),
        ("::1", {"host": "[::1]:8080"}, "", True),
        ("::ffff:127.0.0.1", {}, "", True),
        ("192.0.2.7", {}, "", False),
        ("127.0.0.1", {"x-forwarded-for": "192.0.2.7"}, "", False),
        ("127.0.0.1", {"forwarded": "for=192.0.2.7"}, "", False),
        ("127.0.0.1", {"host": "rebound.example"}, "", False),
        ("192.0.2.7", {"authorization": "Bearer secret"}, "", True),
        ("192.0.2.7", {"authorization": "bearer  secret"}, "", True),
        ("192.0.2.7", {}, "token=secret", True),
        ("192.0.2.7", {"authorization": "Bearer wrong"}, "", False),
        ("127.0.0.1", {"authorization": "Bearer wrong"}, "", False),
        ("192.0.2.7", {"authorization": "Basic secret"}, "", False),
        ("192.0.2.7", {}, "token=", False),
        ("192.0.2.7", {}, "token=%C3%A9", False),
    ],
)
def test_details_are_for_this_machine_and_who_has_the_token(
    client: str, headers: dict[str, str], query: str, expected: bool
):
    fields = {"host": "localhost:8080", **headers}
    scope = {
        "type": "http",
        "path": "/status",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": (client, 1),
        "scheme": "http",
        "server": ("127.0.0.1", 8080),
    }
    assert may_see(Request(scope), "secret") is expected


def test_without_a_token_nothing_but_this_machine_sees_details():
    scope = {"type": "http", "path": "/", "query_string": b"token=", "headers": [], "client": ("192.0.2.7", 1)}
    assert not may_see(Request(scope), None)
