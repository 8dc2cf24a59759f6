"""config.yaml: what is understood, and what is said of what is not."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from aggregator.config import reference
from aggregator.config.load import MOST_BYTES, Loaded, load, read
from aggregator.config.schema import Config, Rule, Source
from aggregator.config.section import keys, section_of
from aggregator.errors import ConfigError

ROOT = Path(__file__).parent.parent
SITE = "site: {title: t, url: 'https://news.example.org', tag: 'news.example.org,2026'}\n"


class Folder:
    """A folder with a config.yaml, read with an environment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "config.yaml"

    def read(self, text: str | bytes, **environ: str) -> Loaded:
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(self.file, environ)

    def config(self, text: str, **environ: str) -> Config:
        return self.read(SITE + text, **environ).config

    def problems(self, text: str | bytes, **environ: str) -> list[str]:
        """Without the name of the file, which each line begins with."""
        with pytest.raises(ConfigError) as caught:
            self.read(text, **environ)
        lines = caught.value.problems
        assert all(line.startswith(f"{self.file}:") for line in lines)
        return [line.removeprefix(f"{self.file}:") for line in lines]

    def problem(self, text: str, **environ: str) -> str:
        """The only one, behind a valid site."""
        (line,) = self.problems(SITE + text, **environ)
        return line


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# --- what is understood ------------------------------------------------------------------------


def test_site_is_enough(folder: Folder) -> None:
    config = folder.config("")
    assert config.site.url == "https://news.example.org/"
    assert config.schedule.interval == timedelta(minutes=30)
    assert config.sources == ()


def test_a_section_without_content_has_its_defaults(folder: Folder) -> None:
    config = folder.config("clean:\nnetwork: ~\nsources:\noutput: {entries: null, formats: }\n")
    assert config.clean.learn
    assert config.network.per_host == 2
    assert config.output.entries == 50
    assert config.output.formats == ("atom", "rss", "json")


@pytest.mark.parametrize(
    "written", ["2048", "010", "1e3", "12:30:00", "2026-01-01", "yes", "on", "0x10", "1_000", "财经"]
)
def test_a_name_stays_what_was_written(folder: Folder, written: str) -> None:
    assert folder.config(f"sources: [{{name: {written}, path: a}}]").sources[0].name == written


def test_quoted_null_is_text(folder: Folder) -> None:
    assert folder.config("sources: [{name: 'null', path: '~'}]").sources[0].name == "null"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("yes", True), ("on", True), ("true", True), ("True", True), ("no", False), ("off", False), ("FALSE", False)],
)
def test_yes_and_no_where_they_are_expected(folder: Folder, written: str, meant: bool) -> None:
    assert folder.config(f"output: {{pages: {written}}}").output.pages is meant


@pytest.mark.parametrize(("written", "meant"), [("no", False), ("yes", True), ("article > p", "article > p")])
def test_full_text_is_yes_no_or_a_selector(folder: Folder, written: str, meant: bool | str) -> None:
    config = folder.config(f"sources: [{{name: a, url: 'https://a.example/', full_text: {written}}}]")
    assert config.sources[0].full_text == meant


def test_leading_zeros_do_not_make_octal_numbers(folder: Folder) -> None:
    assert folder.config("output: {entries: 010}").output.entries == 10


def test_a_category_may_be_named_like_a_boolean(folder: Folder) -> None:
    config = folder.config(
        "rules:\n  - {when: {title: on}, category: off}\nsources:\n  - {name: a, path: b, headers: {}}\n"
    )
    assert config.rules[0].when == {"title": "on"}
    assert config.rules[0].category == "off"


def test_two_sources_may_read_the_same(folder: Folder) -> None:
    assert len(folder.config("sources: [{name: a, path: x}, {name: b, path: x}]").sources) == 2


def test_a_byte_order_mark_is_skipped(folder: Folder) -> None:
    assert folder.read(b"\xef\xbb\xbf" + SITE.encode()).config.site.title == "t"


def test_a_source_knows_its_kind() -> None:
    kinds = [Source(name="a", url="https://a.example/"), Source(name="a", path="b")]
    assert [source.kind for source in kinds] == ["feed", "folder"]
    page = Source.model_validate({"name": "a", "page": "https://a.example/", "select": {"item": "li"}})
    assert page.kind == "page"


# --- paths -------------------------------------------------------------------------------------


def test_relative_paths_start_at_the_file(folder: Folder) -> None:
    config = folder.config(
        "output: {directory: ../out}\ndatabase: sqlite:///d/a.db\nsources: [{name: a, path: ./articles}]"
    )
    assert config.output.directory == str(folder.path.parent / "out")
    assert config.database == f"sqlite:///{folder.path}/d/a.db"
    assert config.sources[0].path == str(folder.path / "articles")


def test_paths_are_absolute_when_the_file_was_named_relatively(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.file.write_text(SITE)
    monkeypatch.chdir(folder.path)
    assert load(Path("config.yaml"), {}).output.directory == str(folder.path / "public")


@pytest.mark.parametrize(
    ("written", "resolved"),
    [
        ("sqlite:////var/lib/a.db", "sqlite:////var/lib/a.db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+psycopg://u@h/d?sslmode=require", "postgresql+psycopg://u@h/d?sslmode=require"),
    ],
)
def test_databases_that_have_no_relative_path(folder: Folder, written: str, resolved: str) -> None:
    assert folder.config(f"database: '{written}'").database == resolved


def test_the_default_database_is_beside_the_file(folder: Folder) -> None:
    assert folder.config("").database == f"sqlite:///{folder.path}/data/aggregator.db"


def test_options_of_a_sqlite_database_stay(folder: Folder) -> None:
    assert folder.config("database: sqlite:///a.db?timeout=5").database == f"sqlite:///{folder.path}/a.db?timeout=5"


# --- secrets -----------------------------------------------------------------------------------

SECRETS = """
database: postgresql://u:${PW}@h/d
server: {token: '${TOKEN}'}
network: {proxy: 'http://u:${PW}@proxy.example:3128'}
sources:
  - name: a
    url: https://a.example/
    headers: {Authorization: 'Bearer ${TOKEN}'}
    cookies: {session: '${PW}'}
    auth: {username: me, password: '${PW}'}
    proxy: http://${PW}@p.example
"""


def test_the_environment_is_read_where_secrets_stand(folder: Folder) -> None:
    config = folder.config(SECRETS, PW="pw", TOKEN="tok")
    source = config.sources[0]
    assert config.database == "postgresql+psycopg://u:pw@h/d"
    assert (config.server.token, config.network.proxy) == ("tok", "http://u:pw@proxy.example:3128")
    assert (source.headers, source.cookies) == ({"Authorization": "Bearer tok"}, {"session": "pw"})
    assert source.auth is not None
    assert (source.auth.password, source.proxy) == ("pw", "http://pw@p.example")


def test_no_secret_is_shown_by_repr(folder: Folder) -> None:
    shown = repr(folder.config(SECRETS, PW="hunter2", TOKEN="tok-9"))
    assert "hunter2" not in shown
    assert "tok-9" not in shown


def test_what_the_environment_holds_is_not_expanded_again(folder: Folder) -> None:
    assert folder.config("server: {token: '${A}'}", A="${B}", B="b").server.token == "${B}"


def test_every_secret_may_stand_in_a_file(folder: Folder) -> None:
    (folder.path / "secret").write_text("s3cret\n")
    (folder.path / "proxy").write_text("http://proxy.example")
    (folder.path / "database").write_text("sqlite:///x.db\r\n")
    config = folder.config(
        "database_file: database\nserver: {token_file: ./secret}\nnetwork: {proxy_file: proxy}\n"
        "sources:\n  - name: a\n    url: https://a.example/\n    headers: {X-Key_file: '${DIR}/secret'}\n"
        "    cookies: {c_file: secret}\n    auth: {username_file: secret, password_file: secret}\n    proxy_file: proxy\n",
        DIR=str(folder.path),
    )
    source = config.sources[0]
    assert config.database == f"sqlite:///{folder.path}/x.db"
    assert (config.server.token, config.network.proxy, source.proxy) == ("s3cret", *["http://proxy.example"] * 2)
    assert (source.headers, source.cookies) == ({"X-Key": "s3cret"}, {"c": "s3cret"})
    assert source.auth is not None
    assert (source.auth.username, source.auth.password) == ("s3cret", "s3cret")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server: {token: '${NOPE}'}", "2:10: server.token: the environment variable NOPE is not set"),
        ("server: {token: '${a-b}'}", "2:10: server.token: expected ${NAME}"),
        ("server: {token_file: nope}", "/nope': No such file or directory"),
        ("server: {token_file: .}", "Is a directory"),
        ("server: {token: a, token_file: b}", "2:20: server.token_file: expected token or token_file, found both"),
        ("site_file: a", "unknown key 'site_file'"),
        ("output: {directory: '${HOME}/x'}", "2:10: output.directory: ${HOME} is not replaced here"),
        ("rules: [{when: {title: '${HOME}'}, drop: yes}]", "2:17: rules[1].when.title: ${HOME} is not replaced here"),
        ("sources: [{name: a, url: '${HOME}'}]", "source 'a' (feed): url: ${HOME} is not replaced here"),
        ("clean: {remove: ['${HOME}']}", "clean.remove[1]: ${HOME} is not replaced here"),
    ],
)
def test_a_secret_that_cannot_be_had(folder: Folder, text: str, said: str) -> None:
    assert said in folder.problem(text, HOME="/home/me")


@pytest.mark.parametrize(
    "text",
    [
        "database: 'mysql://u:${PW}@h/d'",
        "network: {proxy: 'socks5://u:${PW}@h'}",
        "sources: [{name: a, url: 'https://a.example/', headers: {X: '${PW}'}}]",
        "sources: [{name: a, url: 'https://a.example/', auth: '${PW}'}]",
    ],
)
def test_no_message_shows_a_secret(folder: Folder, text: str) -> None:
    assert "hunter2" not in folder.problem(text, PW="hunter2\x01")


def test_a_secret_file_that_is_not_text(folder: Folder) -> None:
    (folder.path / "secret").write_bytes(b"\xff\xfe")
    assert "expected UTF-8 text" in folder.problem("server: {token_file: secret}")


# --- the file as a whole -----------------------------------------------------------------------


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "config.yaml", {})
    assert str(caught.value).startswith(f"{tmp_path}/config.yaml: no such file")
    assert "aggregator init" in str(caught.value)
    assert "-c" in str(caught.value)


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n", "~"])
def test_an_empty_file(folder: Folder, text: str) -> None:
    assert folder.problems(text) == ["1:1: the file is empty: expected site and sources at least"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("site:\n\ttitle: x\n", ["2:1: a tab in the indentation: expected spaces"]),
        ("site:\n  \ttitle: x\n\turl: y\n", ["2:3: a tab in the indentation", "3:1: a tab in the indentation"]),
        ("site: a: b", ["1:8: not valid YAML: mapping values are not allowed in this context (put values"]),
        ("site: @x", ["1:7: not valid YAML: found character that cannot start any token (put values"]),
        ("site: 'x\n", ["1:7: not valid YAML: found unexpected end of stream (a quote or bracket"]),
        ("server: {token: ${X}}", ["not valid YAML: did not find expected ',' or '}' (within { }"]),
        ("site: \x07\nx: \x00", ["1:7: the control character U+0007", "2:4: the control character U+0000"]),
        ("a: &x {b: 1}\nc: *x\nd: [*x]", ["2:4: the alias *x is not supported", "3:5: the alias *x"]),
        ("a: &x [*x]", ["1:8: the alias *x is not supported"]),
        ("<<: *x", ["1:5: the alias *x"]),
        ("a: !!python/object:os.system x", ["1:4: the tag tag:yaml.org,2002:python/object:os.system"]),
        ("a: 1\n---\nb: 2", ["2:1: a second document"]),
        ("? [a, b]\n: c", ["1:3: expected a key"]),
        ("[" * 5000, ["1:22: nested deeper than 20 levels"]),
        ("? " * 5000, ["1:43: nested deeper than 20 levels"]),
        ("a:\na: " + "[" * 5000, ["2:24: nested deeper than 20 levels"]),
        ("- a\n- b\n", ["1:1: expected keys with values, found a list"]),
        ("hello", ["1:1: expected keys with values, found 'hello'"]),
    ],
)
def test_a_file_that_is_not_a_configuration(folder: Folder, text: str, said: list[str]) -> None:
    problems = folder.problems(text)
    assert len(problems) == len(said)
    assert all(part in line for part, line in zip(said, problems, strict=True))


def test_another_encoding(folder: Folder) -> None:
    written = "site:\n  title: 财经".encode("gbk")
    assert folder.problems(written) == ["2:10: not UTF-8: save the file with that encoding"]


def test_a_file_that_nobody_wrote(folder: Folder) -> None:
    assert "larger than 64 MB" in folder.problems(SITE + "#" * MOST_BYTES)[0]


# --- single mistakes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("servr: {}", "2:1: unknown key 'servr': did you mean 'server'?"),
        ("zzz: 1", "2:1: unknown key 'zzz': expected one of site, database, engine"),
        ("servr:", "2:1: unknown key 'servr'"),
        ("server:\n  prot: 1", "3:3: server: unknown key 'prot': did you mean 'port'?"),
        ("server: {tokn_file: x}", "did you mean 'token_file'?"),
        ("server: {PORT: 1}", "did you mean 'port'?"),
        ("on: 1", "2:1: unknown key 'on'"),
        ("clean: {replace: [{pattern: a, wiht: b}]}", "clean.replace[1]: unknown key 'wiht': did you mean 'with'?"),
        ("rules: [{when: {titel: a}, drop: on}]", "2:17: rules[1].when: unknown key 'titel': did you mean 'title'?"),
        ("sources: [{name: a, feed: x, path: y}]", "source 'a' (folder): unknown key 'feed': did you mean 'url'?"),
        ("output: public", "2:1: output: expected keys with values, found 'public'"),
        ("output: {formats: atom}", "2:10: output.formats: expected a list: items on lines of their own"),
        ("output: {formats: [atom, pdf]}", "2:26: output.formats[2]: expected atom, rss or json, found 'pdf'"),
        ("output: {formats: []}", "expected at least 1 of them"),
        ("output: {entries: 0}", "output.entries: expected at least 1, found '0'"),
        ("output: {entries: many}", "expected a whole number, found 'many'"),
        ("output: {entries: 1.5}", "expected a whole number, found '1.5'"),
        ("output: {pages: maybe}", "expected yes or no, found 'maybe'"),
        ("output: {directory: ''}", "expected text"),
        ("output: {hub: ftp://x}", "expected an address that begins with http:// or https://"),
        ("server: {port: 99999}", "expected at most 65535, found '99999'"),
        (
            "schedule: {interval: 30}",
            "2:12: schedule.interval: expected a duration such as 30s, 15m, 2h or 7d, found '30'",
        ),
        ("schedule: {interval: 1:30}", "expected a duration such as 30s, 15m, 2h or 7d, found '1:30'"),
        ("schedule: {interval: 0s}", "expected more than 0 seconds"),
        ("schedule: {interval: 5 parsecs}", "unknown unit 'parsecs': expected s, m, h, d or w"),
        ("schedule: {min: 2h, max: 1h}", "2:12: schedule.min: expected at most max, which is 1h"),
        ("schedule: {min: 48h}", "expected at most max, which is 24h"),
        ("network: {max_bytes: big}", "expected a size such as 500KB, 16MB or 1GiB, found 'big'"),
        ("network: {allow: [10.0.0.1/8]}", "10.0.0.1/8 is an address within a block: did you mean 10.0.0.0/8?"),
        ("network: {allow: [10.0.0.0/33]}", "expected a host name, an address or a block"),
        ("network: {allow: [300.1.1.1]}", "expected a host name, an address or a block"),
        ("clean: {remove: ['div[']}", "clean.remove[1]: invalid CSS selector: expected one such as"),
        ("clean: {replace: [{pattern: '('}]}", "clean.replace[1].pattern: invalid pattern: missing ) at position 1"),
        ("rules: [{when: {title: '['}, drop: on}]", "2:17: rules[1].when.title: invalid pattern: unterminated"),
        ("rules: [{when: {title: a}}]", "2:9: rules[1]: expected what to do: one of drop, category, tag and title"),
        ("rules: [{when: {url: a}, title: b}]", "rules[1].title: expected when.title beside it"),
        ("categories: [{path: a, from: ['*']}]", "categories[1].from[1]: invalid pattern: nothing to repeat"),
        ("categories: [{path: a//b}]", "expected levels separated by one '/', none of them empty, found 'a//b'"),
        (f"categories: [{{path: {'/'.join('abcdefghi')}}}]", "expected at most 8 levels"),
        ("categories: [{path: a, slug: ../b}]", "expected a name that is safe in addresses and files"),
        ("categories: [{path: a, slug: all}]", "such as 'all_', found 'all'"),
        ("categories: [{path: b, slug: a}, {path: a}]", "2:34: categories[2]: 'a' and 'b' have the same address"),
        ("categories: [{path: A}, {path: a}]", "2:25: categories[2]: 'a' is the same category as 'A'"),
        (
            "sources: [{name: a, path: b}, {name: a, path: c}]",
            "2:31: source 'a' (folder): two sources of one name, 'a'",
        ),
        ("sources: [{name: a}]", "2:11: source 'a': expected one of url (a feed), path (a folder) and page"),
        (
            "sources: [{name: a, url: 'https://a.example', path: b}]",
            "expected one of url, path and page, found url too",
        ),
        ("sources: [{name: a, page: 'https://a.example'}]", "source 'a' (page): page: a page needs select"),
        ("sources: [{name: a, path: b, select: {item: li}}]", "select is for page only"),
        ("sources: [{path: b}]", "2:11: source 1 (folder): 'name' is missing"),
        ("sources: [{name: '  ', path: b}]", "expected a name, not only blanks"),
        ('sources: [{name: "a\\nb", path: b}]', "expected a name without line breaks"),
        ("sources: [{name: [a], path: b}]", "source 1 (folder): name: expected text, found a list"),
        (
            "sources: [{name: a, url: sspai.com/feed}]",
            "source 'a' (feed): url: expected an address that begins with http://",
        ),
        ("sources: [{name: a, path: b, cron: '0 7 31 2 *'}]", "source 'a' (folder): cron: this time never comes"),
        ("sources: [{name: a, path: b, cron: daily}]", "cron: expected five fields"),
        ("sources: [{name: a, path: b, cron: 0 7 * * *, interval: 1h}]", "cron: expected interval or cron, found both"),
        ("sources: [{name: a, path: b, timezone: Asia/Shangai}]", "'Asia/Shangai': did you mean Asia/Shanghai?"),
        ("sources: [{name: a, path: b, dates: never}]", "dates: expected trust or crawl, found 'never'"),
        ("sources: [{name: a, url: 'https://a.example/', full_text: 'p['}]", "full_text: invalid CSS selector"),
        (
            "sources: [{name: a, url: 'https://a.example/', full_text: [p]}]",
            "full_text: expected yes, no or a CSS selector",
        ),
        ("sources: [{name: a, path: b, headers: {'b c': d}}]", "headers.b c: expected a name of letters, digits"),
        ("sources: [{name: a, path: b, language: 中文}]", "expected a language such as zh, zh-CN or en, found '中文'"),
        ("sources: [~]", "2:11: source 1: expected keys with values, found nothing"),
        ("sources: {a: b}", "2:1: sources: expected a list"),
    ],
)
def test_one_mistake_is_one_line(folder: Folder, text: str, said: str) -> None:
    assert said in folder.problem(text)


@pytest.mark.parametrize(
    ("site", "said"),
    [
        ("url: 'https://a.example/?x', tag: 'a,2026', title: t", "1:8: site.url: expected an address without ? and #"),
        (
            "url: 'https://a.example/', tag: 'a', title: t",
            "site.tag: expected a domain or mail address of yours and a year",
        ),
        ("url: 'https://a.example/', tag: 'a,2026', title: ", "site: 'title' is missing"),
        ("url: 'https://a.example/', tag: 'a,2026'", "1:1: site: 'title' is missing"),
    ],
)
def test_a_mistake_in_site(folder: Folder, site: str, said: str) -> None:
    (line,) = folder.problems(f"site: {{{site}}}")
    assert said in line


def test_a_key_for_the_second_time(folder: Folder) -> None:
    said = folder.problems(SITE + "server:\n  port: 1\n  port: 2\nserver: {}\n")
    assert said == [
        "4:3: the key 'port' stands here for the second time, after line 3",
        "5:1: the key 'server' stands here for the second time, after line 2",
    ]


def test_every_mistake_is_said_at_once_in_the_order_of_the_file(folder: Folder) -> None:
    lines = folder.problems(
        "site:\n  titel: x\n  url: localhost\nserver: {token: '${NOPE}'}\nserver: {}\n"
        "categories: [{path: a, from: ['(']}]\n"
        "sources:\n  - {name: a, interval: 5}\n  - {name: a, path: b, prefer: high}\n"
    )
    assert [line.split(": ")[0] for line in lines] == [
        "1:1",
        "1:1",
        "2:3",
        "3:3",
        "4:10",
        "5:1",
        "6:31",
        "8:5",
        "8:15",
        "9:5",
        "9:24",
    ]


def test_a_long_value_is_cut_in_the_message(folder: Folder) -> None:
    assert len(folder.problem(f"output: {{entries: {'x' * 5000}}}")) < 200


# --- keys that go together ---------------------------------------------------------------------


def test_several_processes_need_a_server(folder: Folder) -> None:
    problem = folder.problem("engine: procrastinate")
    assert problem.endswith(
        "2:1: engine: procrastinate needs a PostgreSQL database, such as `database: postgresql+psycopg://…`"
    )
    assert (
        folder.read(SITE + "engine: procrastinate\ndatabase: postgresql+psycopg:///news\n").config.engine
        == "procrastinate"
    )


# --- used from Python --------------------------------------------------------------------------


def test_sections_check_themselves_without_a_file() -> None:
    with pytest.raises(ValidationError, match="expected one of url"):
        Source(name="a")
    with pytest.raises(ValidationError, match="expected what to do"):
        Rule(when={"title": "a"})


def test_nothing_changes_once_it_was_read(folder: Folder) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        folder.config("").site.title = "x"  # type: ignore[misc]  # that is the test


# --- what is generated and bundled -------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "made"), [("config.schema.json", reference.json_schema), ("docs/configuration.md", reference.markdown)]
)
def test_what_is_generated_is_committed(file: str, made: object) -> None:
    assert callable(made)
    assert (ROOT / file).read_text(encoding="utf-8") == made(), "run: python -m aggregator.config.reference"


def test_the_schema_for_editors_knows_every_key() -> None:
    made = json.loads(reference.json_schema())
    source = made["$defs"]["Source"]["properties"]
    assert source.keys() == {*keys(Source), "proxy_file"}
    assert made["properties"].keys() == {*keys(Config), "database_file"}
    assert {"with", "pattern"} == made["$defs"]["Replace"]["properties"].keys()
    assert "from" in made["$defs"]["Category"]["properties"]
    assert made["$defs"]["Schedule"]["properties"]["interval"]["default"] == "30m"


def test_every_section_is_in_the_reference() -> None:
    found, waiting = set(), [Config]
    while waiting:
        section = waiting.pop()
        for field in keys(section).values():
            inner = section_of(field.annotation)
            if inner and inner not in found:
                found.add(inner)
                waiting.append(inner)
            assert field.description
    assert found == {section for section, _, _ in reference.SECTIONS}


@pytest.mark.parametrize("example", [example for _, _, example in reference.SECTIONS])
def test_every_example_of_the_reference_is_valid(folder: Folder, example: str) -> None:
    text = example if example.startswith("site:") else SITE + example
    assert folder.read(text, FEED_PASSWORD="x").config.site.tag == "news.example.org,2026"
    assert example in (ROOT / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_bundled_configuration_is_valid() -> None:
    loaded = read(ROOT / "config.yaml", {})
    assert loaded.config.sources[0].path == str(ROOT / "examples" / "articles")
    assert (
        (ROOT / "config.yaml")
        .read_text(encoding="utf-8")
        .startswith("# yaml-language-server: $schema=config.schema.json\n")
    )


def test_defaults_shown_in_the_bundled_configuration_are_the_defaults(folder: Folder) -> None:
    lines = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines()
    shown = [line[1:] for line in lines if re.match("#(  )?[a-z_]+:", line) and "默认没有" not in line]
    assert len(shown) > 12
    assert folder.config("\n".join(shown)) == folder.config("")


def test_loading_needs_none_of_the_heavy_libraries() -> None:
    heavy = "{'aiohttp', 'sqlalchemy', 'apscheduler', 'lxml', 'bs4', 'numpy'}"
    code = f"import sys, aggregator.config.load; print({heavy} & sys.modules.keys())"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout == "set()\n"
