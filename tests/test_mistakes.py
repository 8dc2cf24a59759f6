"""Mistakes that people make in config.yaml, each with every word that `aggregator check` answers.

A good answer names the line, what was expected, what was found, and what to do; it never shows a secret.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from aggregator.cli import main

SITE = "site:\n  title: News\n  url: https://news.example.org/\n  tag: news.example.org,2026\n"
FEED = SITE + "sources:\n  - name: sspai\n    url: https://sspai.com/feed\n"
SHOWN_NEVER = "hunter2"


@dataclass(frozen=True)
class Mistake:
    """What is written, and the answer; FOLDER in it stands for the folder of the file."""

    name: str
    text: str | bytes
    answer: tuple[str, ...]


def mistake(name: str, text: str | bytes, *answer: str) -> Mistake:
    return Mistake(name, text, answer)


MISTAKES = (
    # What YAML itself cannot read.
    mistake(
        "tabs",
        SITE + "sources:\n\t- name: sspai\n\t  url: https://sspai.com/feed\n",
        "6:1: a tab in the indentation: expected spaces",
        "7:1: a tab in the indentation: expected spaces",
    ),
    mistake("a tab behind a dash", SITE + "sources:\n  -\tname: sspai\n", "6:4: a tab: expected blanks"),
    mistake(
        "a key indented too deep",
        SITE + "sources:\n  - name: sspai\n      url: https://sspai.com/feed\n",
        "7:10: not valid YAML: mapping values are not allowed in this context (check the indentation of this line, "
        "and that the key above it has ': ' behind it)",
    ),
    mistake(
        "a key indented too little",
        SITE + "sources:\n  - name: sspai\n   url: https://sspai.com/feed\n",
        "7:4: not valid YAML: did not find expected '-' indicator (check the indentation of this line and of those "
        "above)",
    ),
    mistake(
        "no blank behind a colon",
        SITE + "sources:\n  - name:sspai\n    url: https://sspai.com/feed\n",
        "7:8: not valid YAML: mapping values are not allowed in this context (check the indentation of this line, "
        "and that the key above it has ': ' behind it)",
    ),
    mistake(
        "no colon",
        SITE + "sources:\n  - name: sspai\n    url https://sspai.com/feed\n",
        "7:5: not valid YAML: could not find expected ':' (a key needs ': ' behind it)",
    ),
    mistake(
        "the colon of a Chinese keyboard",
        SITE + "sources:\n  - name： 少数派\n    url: https://sspai.com/feed\n",
        "7:8: not valid YAML: mapping values are not allowed in this context (write ':' and a blank in place of the "
        "full-width '：')",
    ),
    mistake(
        "a colon within a value",
        SITE.replace("News", "News: today"),
        "2:14: not valid YAML: mapping values are not allowed in this context (put values that contain ': ' in quotes)",
    ),
    mistake(
        "a value that begins with a bracket",
        SITE.replace("News", "[新闻] 日报"),
        "2:15: not valid YAML: did not find expected key (check the indentation of this line and of those above, "
        "and put values that begin with [ or { in quotes)",
    ),
    mistake(
        "a crontab line without quotes",
        FEED + "    cron: */5 * * * *\n",
        "8:12: not valid YAML: did not find expected alphabetic or numeric character (put values that begin with * "
        "or & in quotes)",
    ),
    mistake(
        "a value taken for an anchor",
        SITE.replace("News", "&news"),
        "2:10: &news has a meaning of its own: put values that begin with & in quotes",
    ),
    mistake(
        "a quote that is not closed",
        SITE.replace("News", "'News"),
        "2:10: not valid YAML: found unexpected end of stream (a quote or bracket is not closed)",
    ),
    mistake(
        "a backslash in double quotes",
        SITE + 'rules:\n  - when: {title: "\\d+"}\n    drop: true\n',
        "6:20: not valid YAML: found unknown escape character (in double quotes \\ has a meaning of its own: take "
        "single ones)",
    ),
    mistake(
        "a key for the second time",
        SITE + "server:\n  port: 1\nserver:\n  port: 2\n",
        "7:1: the key 'server' stands here for the second time, after line 5",
    ),
    # The file as a whole.
    mistake("an empty file", "", "1:1: the file is empty: expected site and sources at least"),
    mistake("UTF-16", SITE.encode("utf-16"), "1:1: not UTF-8 but UTF-16: save the file as UTF-8"),
    mistake("UTF-16 without a mark", SITE.encode("utf-16-be"), "1:1: not UTF-8 but UTF-16: save the file as UTF-8"),
    mistake("GBK", SITE.replace("News", "财经").encode("gbk"), "2:10: not UTF-8: save the file with that encoding"),
    mistake("a web page", "<!DOCTYPE html>", "1:1: expected keys with values, found '<!DOCTYPE html>'"),
    # Keys.
    mistake(
        "a typo in a key",
        FEED + "    intervall: 1h\n",
        "8:5: source 'sspai' (feed): unknown key 'intervall': did you mean 'interval'?",
    ),
    mistake(
        "a typo in a section",
        SITE + "sorces:\n  - name: a\n    path: .\n",
        "5:1: unknown key 'sorces': did you mean 'sources'?",
    ),
    mistake(
        "a key of another section",
        FEED + "    entries: 30\n",
        "8:5: source 'sspai' (feed): unknown key 'entries': its place is output",
    ),
    mistake(
        "a section within a section",
        SITE + "  sources: []\n",
        "5:3: site: unknown key 'sources': its place is the beginning of a line, in no section",
    ),
    mistake(
        "no site", "sources:\n  - name: a\n    path: .\n", "1:1: 'site' is missing: expected it with title, url, tag"
    ),
    mistake(
        "no address",
        SITE.replace("  url: https://news.example.org/\n", ""),
        "1:1: site: 'url' is missing: public address of the output; feeds link to it",
    ),
    # Values.
    mistake(
        "wrong types",
        SITE + "output:\n  entries: many\n  pages: maybe\n  formats: atom\n",
        "6:3: output.entries: expected a whole number, found 'many'",
        "7:3: output.pages: expected yes or no, found 'maybe'",
        "8:3: output.formats: expected a list: items on lines of their own behind '- ', or [a, b], found 'atom'",
    ),
    mistake(
        "sources without dashes",
        SITE + "sources:\n  name: a\n  path: .\n",
        "5:1: sources: expected a list: items on lines of their own behind '- ', or [a, b], found keys",
    ),
    mistake(
        "an address without https",
        SITE.replace("https://", ""),
        "3:3: site.url: expected an address that begins with http:// or https:// and has no blanks, found 'news.example.org/'",
    ),
    mistake(
        "curly quotes",
        SITE + "sources:\n  - name: a\n    url: “https://a.example/”\n",
        "7:5: source 'a' (feed): url: expected an address that begins with http:// or https:// and has no blanks, "
        "found '“https://a.example/”' (write quotes as ' or \")",
    ),
    mistake(
        "an address as authority of ids",
        SITE.replace("tag: news.example.org,2026", "tag: https://news.example.org"),
        "4:3: site.tag: expected a domain or mail address of yours and a year, such as news.example.org,2026, found "
        "'https://news.example.org'",
    ),
    mistake(
        "a bad pattern",
        SITE + "rules:\n  - when: {title: '(广告'}\n    drop: true\n",
        "6:12: rules[1].when.title: invalid pattern: missing ) at position 3, found '(广告'",
    ),
    mistake(
        "a rule without action",
        SITE + "rules:\n  - when: {title: 广告}\n",
        "6:5: rules[1]: expected what to do: one of drop, category, tag and title",
    ),
    mistake(
        "a rule that would drop everything",
        SITE + "rules:\n  - when: {}\n    drop: true\n",
        "6:5: rules[1].when: expected a field and its pattern, for this would be every entry; `title: .` says so",
    ),
    mistake(
        "a bad selector",
        SITE + "clean:\n  remove: ['div[']\n",
        "6:12: clean.remove[1]: invalid CSS selector: expected one such as div.ad or .post > h1, found 'div['",
    ),
    mistake(
        "a time zone that is none",
        SITE + "  timezone: Asia/Beijing\n",
        "5:3: site.timezone: unknown time zone 'Asia/Beijing': did you mean Asia/Shanghai?",
    ),
    mistake(
        "a language that is none",
        SITE + "  language: 中文\n",
        "5:3: site.language: expected a language such as zh, zh-CN or en, found '中文'",
    ),
    mistake(
        "a cron line that is none",
        FEED + "    cron: every morning\n",
        "8:5: source 'sspai' (feed): cron: expected five fields, such as \"0 7 * * *\" (minute hour day month weekday), "
        "found 'every morning'",
    ),
    mistake(
        "an hour that is none",
        FEED + "    cron: 0 25 * * *\n",
        "8:5: source 'sspai' (feed): cron: expected a crontab line such as \"0 7 * * *\": '25': the last value (25) is "
        "higher than the maximum value (23), found '0 25 * * *'",
    ),
    mistake(
        "interval and cron",
        FEED + "    interval: 1h\n    cron: 0 7 * * *\n",
        "9:5: source 'sspai' (feed): cron: expected interval or cron, found both",
    ),
    mistake(
        "a negative interval",
        SITE + "schedule:\n  interval: -5m\n",
        "6:3: schedule.interval: expected a duration such as 30s, 15m, 2h or 7d, found '-5m'",
    ),
    mistake(
        "an interval without unit",
        SITE + "schedule:\n  interval: 30\n",
        "6:3: schedule.interval: expected a duration such as 30s, 15m, 2h or 7d, found '30'",
    ),
    mistake(
        "min above max",
        SITE + "schedule:\n  min: 2h\n  max: 1h\n",
        "6:3: schedule.min: expected at most max, which is 1h",
    ),
    mistake(
        "a port out of range",
        SITE + "server:\n  port: 99999\n",
        "6:3: server.port: expected at most 65535, found '99999'",
    ),
    mistake(
        "a host with a scheme",
        SITE + "server:\n  host: http://0.0.0.0\n",
        "6:3: server.host: expected an address or a host name alone, such as 127.0.0.1, 0.0.0.0 or ::1, found "
        "'http://0.0.0.0'",
    ),
    mistake(
        "a database of another kind",
        SITE + "database: mysql://u:hunter2@h/d\n",
        "5:1: database: expected sqlite:///file.db or postgresql+psycopg://user:password@host/name",
    ),
    mistake(
        "a database in short",
        SITE + "database: postgres://u:hunter2@h/d\n",
        "5:1: database: unknown kind of database postgres: did you mean postgresql://?",
    ),
    mistake(
        "two slashes",
        SITE + "database: sqlite://data/a.db\n",
        "5:1: database: expected three slashes, as in sqlite:///data/file.db, and four for /data/file.db",
    ),
    # Things that clash, or lack something.
    mistake(
        "two sources of one name",
        FEED + "  - name: sspai\n    url: https://b.example/\n",
        "8:5: source 'sspai' (feed): two sources of one name, 'sspai': give this or source 1 another",
    ),
    mistake(
        "two categories at one address",
        SITE + "categories:\n  - path: 科技\n    slug: tech\n  - path: Technology\n    slug: tech\n",
        "8:5: categories[2]: 'Technology' and '科技' have the same address: give one a slug",
    ),
    mistake(
        "two kinds",
        FEED + "    path: ./articles\n",
        "8:5: source 'sspai' (feed): path: expected one of url, path and page, found url too",
    ),
    mistake(
        "a page without select",
        SITE + "sources:\n  - name: a\n    page: https://a.example/\n",
        "7:5: source 'a' (page): page: a page needs select, which says where its entries are",
    ),
    # What is there, and what is not.
    mistake(
        "a variable that is not set",
        SITE + "server:\n  token: ${AGGREGATOR_NOT_SET}\n",
        "6:3: server.token: the environment variable AGGREGATOR_NOT_SET is not set",
    ),
    mistake(
        "a variable where none may be",
        SITE + "output:\n  directory: ${HOME}/public\n",
        "6:3: output.directory: ${HOME} is not replaced here: only database, token, headers, cookies, auth and proxy "
        "may hold it",
    ),
    mistake(
        "a folder that is misspelled",
        SITE + "sources:\n  - name: a\n    path: ./artikles\n",
        "7:5: source 'a' (folder): path: there is no folder FOLDER/artikles: did you mean FOLDER/articles?",
    ),
    mistake(
        "a folder that is missing",
        SITE + "sources:\n  - name: a\n    path: ./nothing\n",
        "7:5: source 'a' (folder): path: there is no folder FOLDER/nothing: create it, or set `enabled: false`",
    ),
    mistake(
        "a file in place of a folder",
        SITE + "sources:\n  - name: a\n    path: config.yaml\n",
        "7:5: source 'a' (folder): path: expected a folder, found the file FOLDER/config.yaml",
    ),
    mistake(
        "an output folder that is a file",
        SITE + "output:\n  directory: config.yaml\n",
        "6:3: output.directory: FOLDER/config.yaml is not a folder that can be written to",
    ),
    mistake(
        "a database that is a folder",
        SITE + "database: sqlite:///articles\n",
        "5:1: database: expected a file, found the folder FOLDER/articles",
    ),
    # Secrets.
    mistake(
        "a password as text",
        FEED + "    auth: me:hunter2\n",
        "8:5: source 'sspai' (feed): auth: expected keys with values",
    ),
    mistake(
        "a header as text",
        FEED + "    headers: 'Authorization: hunter2'\n",
        "8:5: source 'sspai' (feed): headers: expected keys with values",
    ),
    mistake("a token as a list", SITE + "server:\n  token: [hunter2]\n", "6:3: server.token: expected text"),
    mistake(
        "a password in an address",
        SITE + "sources:\n  - name: a\n    url: ftp://me:hunter2@a.example/\n",
        "7:5: source 'a' (feed): url: expected an address that begins with http:// or https:// and has no blanks, found "
        "'ftp://…@a.example/'",
    ),
)


@pytest.mark.parametrize("made", MISTAKES, ids=lambda made: made.name)
def test_check_answers(
    made: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "articles").mkdir()
    (tmp_path / "config.yaml").write_bytes(made.text if isinstance(made.text, bytes) else made.text.encode())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["check"])
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"config.yaml:{line.replace('FOLDER', str(tmp_path))}" for line in made.answer]
    assert (shown.out, ended.value.code) == ("", 2)


@pytest.mark.parametrize("made", MISTAKES, ids=lambda made: made.name)
def test_each_answer_says_where_and_shows_no_secret(made: Mistake) -> None:
    for line in made.answer:
        assert re.match(r"\d+:\d+: ", line)
        assert SHOWN_NEVER not in line


def test_a_folder_that_this_user_may_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "articles").mkdir(mode=0)
    if os.access(tmp_path / "articles", os.R_OK):
        pytest.skip("this user may read everything")
    (tmp_path / "config.yaml").write_text(SITE + "sources:\n  - name: a\n    path: articles\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["check"])
    assert "7:5: source 'a' (folder): path: the folder" in capsys.readouterr().err
