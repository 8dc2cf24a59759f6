"""One article file in, one entry out: the layouts of the generator our users come from, and of Hexo, Jekyll, Hugo."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aggregator.config.schema import Source
from aggregator.model import Document, Failed, Image, Outcome, ParsedEntry, ParsedFeed, Person, Term, Text
from aggregator.parse.article import parse_article

DATA = Path(__file__).parent / "data" / "articles"
CASES = sorted(DATA.rglob("*.json"))


def read(text: str | bytes, path: str = "post.md", **source: object) -> ParsedFeed | Failed:
    body = text if isinstance(text, bytes) else text.encode()
    return parse_article(
        Document(body, path=path), Source.model_validate({"name": "s", "path": "p", **source}), "Asia/Shanghai"
    )


def entry(text: str | bytes, path: str = "post.md", **source: object) -> ParsedEntry:
    feed = read(text, path, **source)
    assert isinstance(feed, ParsedFeed)
    assert len(feed.entries) == 1
    return feed.entries[0]


def titled(line: str) -> str | None:
    title = entry(f"\n---\ntitle: {line}\ncategories:\n - 金融\ndate: Fri, 09 Jan 2026 03:00:00 GMT\n---\n\n文").title
    return title.value if title else None


# --- whole files, each beside what must come of it --------------------------------------------


def told(feed: ParsedFeed) -> dict[str, object]:
    found = feed.entries[0]
    return {
        "title": found.title.value if found.title else None,
        "published": found.published.isoformat() if found.published else None,
        "crawled": found.crawled,
        "categories": [list(term.path) for term in found.terms if term.scheme == "category"],
        "tags": [list(term.path) for term in found.terms if term.scheme == "tag"],
        "authors": [person.name for person in found.authors],
        "images": [image.url for image in found.images],
        "url": found.url,
        "degraded": feed.degraded,
        "html": found.content.value if found.content else None,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.relative_to(DATA).with_suffix("").as_posix())
def test_files_come_out_as_written_beside_them(case: Path) -> None:
    file = case.with_suffix("")
    feed = read(file.read_bytes(), file.relative_to(DATA).as_posix())
    assert isinstance(feed, ParsedFeed)
    assert told(feed) == json.loads(case.read_text("utf-8"))


def test_there_are_cases() -> None:
    assert len(CASES) >= 8


def test_every_bundled_post_is_read() -> None:
    root = Path(__file__).parents[1] / "examples" / "articles"
    posts = sorted(root.rglob("*.md"))
    assert len(posts) >= 30
    for post in posts:
        found = entry(post.read_bytes(), post.relative_to(root).as_posix())
        assert found.title, post
        assert found.authors, post
        assert len(found.terms[0].path) in (2, 3), post
        assert found.content, post
        assert "&#123;" not in found.content.value, post


# --- titles ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    [
        *("222222", "12:00", "1936", "2026.01.17", "0x1F", "true", "#", "# 晨读 # 第三期", "F # 入门"),
        *(
            "@张三 关注了 某股",
            "%秘密%热点",
            "价格: 三年最低: 还会再跌吗",
            "*重磅* 通知",
            "&更多",
            "!急 通知",
            "`ls` 的用法",
        ),
        *("[快讯]", "[快讯] 三号线今天恢复", "{模板}", "- 破折号开头", "'甲' 与 '乙'", '"甲" 与 "乙"', "城市早报🎂💕"),
    ],
)
def test_a_title_without_quotes_is_its_line(title: str) -> None:
    assert titled(title) == title


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("'股价跌 18.0%：怎么看'", "股价跌 18.0%：怎么看"),
        ("\"'旧书店'\"", "'旧书店'"),
        ("\"''包裹已被扣留''？别信\"", "''包裹已被扣留''？别信"),
        ("'It''s here'", "It's here"),
        ("'It's here'", "It's here"),
        ('"He said "no" twice"', 'He said "no" twice'),
        ('"' * 11 + "'经济学社'" + '"' * 11, "经济学社"),
        ('"' * 9 + "The clerk's day" + '"' * 9, "The clerk's day"),
        ("'@路人 \"\n三号馆见😢\n\"'", '@路人 " 三号馆见😢 "'),
        ("'&#123;&#123; 模板 &#125;&#125; 入门'", "{{ 模板 }} 入门"),
        ("第一行\n  第二行", "第一行 第二行"),
        (">-\n  折叠的\n  标题", "折叠的 标题"),
        ("'null'", "null"),
    ],
)
def test_quotes_around_a_title_go_and_those_in_it_stay(written: str, title: str) -> None:
    assert titled(written) == title


@pytest.mark.parametrize("written", ["", "null", "~", "' '", '""', "'　'"])
def test_a_blank_title_is_none(written: str) -> None:
    assert titled(written) is None


@pytest.mark.parametrize(
    ("text", "path", "title"),
    [
        ("# 路由器怎么选\n\n先看网口。", "a.md", "路由器怎么选"),
        ("先看网口。\n\n## 第 `2` 步 **联网**\n", "a.md", "第 2 步 联网"),
        ("没有标题的一段话。", "新媒体/路由器怎么选.md", "路由器怎么选"),
        ("没有标题的一段话。", "2026-01-09-choosing-a-router.md", "choosing-a-router"),
        ("---\ndate: 2026-01-09\n---\n\n一段话。", "晨读.md", "晨读"),
        (
            "<html><head><title>路由器 怎么选</title></head><body><p>先看网口。</p></body></html>",
            "a.html",
            "路由器 怎么选",
        ),
        ("<h1>路由器怎么选</h1><p>先看网口。</p>", "a.htm", "路由器怎么选"),
    ],
)
def test_without_a_title_field_the_heading_or_the_name_is_it(text: str, path: str, title: str) -> None:
    assert entry(text, path).title == Text(title)


def test_a_heading_that_became_the_title_is_not_repeated() -> None:
    assert entry("# 标题\n\n正文。").content == Text("<p>正文。</p>", "html")
    assert entry("---\ntitle: 另一个\n---\n# 标题\n").content == Text("<h1>标题</h1>", "html")


# --- front matter --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "---\ntitle: 题\ndate: 2026-01-09 11:00:00 +0800\n---\n文",
        "\n \n---\ntitle: 题\ndate: 2026-01-09 11:00:00 +0800\n---\n文",
        "---\r\ntitle: 题\r\ndate: 2026-01-09 11:00:00 +0800\r\n---\r\n文",
        "title: 题\ndate: 2026-01-09 11:00:00 +0800\n---\n文",
        "---\nTitle: 题\nDate: 2026-01-09T03:00:00Z\n...\n文",
        '+++\ntitle = "题"\ndate = 2026-01-09T11:00:00+08:00\n+++\n文',
        '{\n  "title": "题",\n  "date": "2026-01-09T11:00:00+08:00"\n}\n文',
        ';;;\n"title": "题",\n"date": "2026-01-09T11:00:00+08:00"\n;;;\n文',
    ],
    ids=["yaml", "blank-lines", "crlf", "hexo-short", "dots", "toml", "json", "hexo-json"],
)
def test_every_notation_says_the_same(text: str) -> None:
    found = entry(text)
    assert found.title == Text("题")
    assert found.published == datetime(2026, 1, 9, 3, tzinfo=UTC)
    assert found.content == Text("<p>文</p>", "html")


@pytest.mark.parametrize(
    "text", ["---\n\n一条线下面的话。", "说明:\n---\n一行话。", "{这不是 JSON}\n", "---\n只有一句\n---\n又一句"]
)
def test_what_only_begins_like_a_front_matter_is_text(text: str) -> None:
    content = entry(text).content
    assert content is not None
    assert text.strip("\n")[-3:] in content.value


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\xff\xd8\x00\x01", "not a text"),
        (b"---\ntitle: x\n", "closing `---`"),
        (b"+++\ntitle = \n+++\n", "TOML"),
        (b"+++\ntitle = 'x'\n", "closing `+++`"),
        (b'{"title": }', "JSON"),
        (b'{"a":' + b"[" * 100_000, "brackets"),
        (b';;;\n"title": "x"\n', "closing `;;;`"),
    ],
)
def test_what_nobody_can_read_fails_with_a_remedy(body: bytes, says: str) -> None:
    failed = read(body)
    assert isinstance(failed, Failed)
    assert failed.outcome is Outcome.UNPARSABLE
    assert says in failed.message
    assert failed.remedy


def test_anchors_and_depth_do_not_multiply() -> None:
    bomb = "---\ntitle: 题\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n---\n文"
    assert entry(bomb).title == Text("题")
    assert entry("---\ntitle: 题\ntags: " + "[" * 30_000 + "\n---\n文").title == Text("题")


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030", "gbk"]
)
def test_charsets_are_told_apart(charset: str) -> None:
    text = "---\ntitle: 老城区的面馆\n---\n\n开了四十年的面馆，今天最后一次生火。"
    found = entry(text.encode(charset))
    assert found.title == Text("老城区的面馆")
    assert found.content == Text("<p>开了四十年的面馆，今天最后一次生火。</p>", "html")


def test_one_broken_character_does_not_make_it_another_charset() -> None:
    body = "---\ntitle: 老城区的面馆\n---\n\n开了四十年的面馆，今天最后一次生火。".encode()[:-1]
    assert entry(body).title == Text("老城区的面馆")


def test_what_databases_refuse_is_left_out() -> None:
    assert entry('{"title": "老\\ud800城\\u0000区"}\n文').title == Text("老城区")


# --- fields ----------------------------------------------------------------------------------------

CRAWLED = "---\ntitle: 'x'\n{}date: {}\nthumbnail: ''\n---\n\n<div>   \n文  \n</div>"


@pytest.mark.parametrize(
    ("text", "source", "crawled"),
    [
        (CRAWLED.format("comments: false\n", "2026-01-09 11:00:00"), {}, True),
        (CRAWLED.format("comments: false\n", "2026-01-09 11:00:00").replace("thumbnail", "headimg"), {}, True),
        (CRAWLED.format("comments: false\n", "2026-01-09 11:00:00").replace("thumbnail", "subtitle"), {}, False),
        (CRAWLED.format("comments: false\n", "Fri, 09 Jan 2026 03:00:00 GMT"), {}, False),
        (CRAWLED.format("comments: false\n", "2026-01-09 11:00:00 +0800"), {}, False),
        (CRAWLED.format("comments: true\n", "2026-01-09 11:00:00"), {}, False),
        (CRAWLED.format("", "2026-01-09 11:00:00"), {}, False),
        (CRAWLED.format("comments: false\n", "2026-01-09 11:00:00"), {"dates": "trust"}, False),
        (CRAWLED.format("", "2026-01-09 11:00:00"), {"dates": "crawl"}, True),
    ],
)
def test_crawl_times_are_told_from_dates(text: str, source: dict[str, str], crawled: bool) -> None:
    found = entry(text, **source)
    assert found.published == datetime(2026, 1, 9, 3, tzinfo=UTC)
    assert found.crawled is crawled


def test_a_date_without_zone_is_in_the_sources_own_first() -> None:
    text = "---\ntitle: x\ndate: 2026-01-09 11:00:00\nupdated: 2026-01-10\n---\n"
    assert entry(text).published == datetime(2026, 1, 9, 3, tzinfo=UTC)
    found = entry(text, timezone="Asia/Tokyo")
    assert found.published == datetime(2026, 1, 9, 2, tzinfo=UTC)
    assert found.updated == datetime(2026, 1, 9, 15, tzinfo=UTC)


def test_an_impossible_date_is_none() -> None:
    found = entry(CRAWLED.format("comments: false\n", "Invalid Date"))
    assert (found.published, found.crawled) == (None, False)


def test_jekyll_dates_an_article_by_its_name() -> None:
    assert entry("文", "_posts/2026-01-09-x.md").published == datetime(2026, 1, 8, 16, tzinfo=UTC)
    assert entry("---\ndate: 2026-02-01\n---\n文", "2026-01-09-x.md").published == datetime(2026, 1, 31, 16, tzinfo=UTC)


HEXO = "---\ntitle: x\n{}\n---\n"


@pytest.mark.parametrize(
    ("fields", "path", "paths"),
    [
        ("categories:\n - 金融\n - 证券", "x.md", [("金融", "证券")]),
        ("categories:\n    - 金融\n    - 证券", "x.md", [("金融", "证券")]),
        ("categories: [金融, 证券]", "x.md", [("金融", "证券")]),
        ("categories:\n - [金融, 证券]\n - [新媒体]\n - 编程", "x.md", [("金融", "证券"), ("新媒体",), ("编程",)]),
        ("categories: Web Design", "x.md", [("Web Design",)]),
        ("categories: AC/DC", "x.md", [("AC/DC",)]),
        ("categories: web design", "2026-01-09-x.md", [("web", "design")]),
        ("categories: [web, design]", "2026-01-09-x.md", [("web", "design")]),
        ("category: 编程", "x.md", [("编程",)]),
        ("categories: [编程]\ncategory: 编程", "x.md", [("编程",)]),
        ("categories: 2026", "x.md", [("2026",)]),
        ("categories: []", "x.md", []),
        ("categories:", "x.md", []),
        ("categories: {a: b}", "x.md", []),
    ],
)
def test_categories_as_each_generator_means_them(fields: str, path: str, paths: list[tuple[str, ...]]) -> None:
    assert entry(HEXO.format(fields), path).terms == tuple(Term(path, "category") for path in paths)


@pytest.mark.parametrize(
    "text",
    ['+++\ntitle = "x"\ncategories = ["编程", "随笔"]\n+++\n', '{"title": "x", "categories": ["编程", "随笔"]}\n'],
)
def test_hugo_has_no_levels(text: str) -> None:
    assert [term.path for term in entry(text).terms] == [("编程",), ("随笔",)]


def test_tags_are_not_categories() -> None:
    terms = entry(HEXO.format("tags: [路由器, 网络, 路由器]\ncategories: [编程]")).terms
    assert terms == (Term(("编程",), "category"), Term(("路由器",), "tag"), Term(("网络",), "tag"))
    assert [term.path for term in entry(HEXO.format("tags: a b"), "2026-01-09-x.md").terms] == [("a",), ("b",)]


def test_the_other_fields() -> None:
    found = entry(
        HEXO.format(
            "author: [{name: 阿青, email: qing@example.org}, 小满]\nlink: https://example.org/a?b=1\nguid: g-1\n"
            "lang: zh-TW\nexcerpt: 一段<b>摘要</b>\nheadimg: https://example.org/h.png\ncover: false\nbanner:\n"
            "thumbnail: https://example.org/h.png\nphotos: [{url: /p.jpg}, https://example.org/q.jpg]"
        )
    )
    assert found.authors == (Person("阿青", None, "qing@example.org"), Person("小满"))
    assert (found.url, found.id, found.language) == ("https://example.org/a?b=1", "g-1", "zh-TW")
    assert found.summary == Text("一段<b>摘要</b>", "html")
    assert found.images == (Image("https://example.org/h.png"), Image("/p.jpg"), Image("https://example.org/q.jpg"))


@pytest.mark.parametrize("field", ["link: /about", "url: javascript:alert(1)", "link: https://a b"])
def test_only_web_addresses_are_an_url(field: str) -> None:
    assert entry(HEXO.format(field)).url is None


def test_an_address_in_a_later_field_is_found_behind_a_useless_one() -> None:
    assert entry(HEXO.format("url: /a.html\ncanonical: https://example.org/a")).url == "https://example.org/a"


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        (HEXO.format("draft: true"), "x.md", "`draft`"),
        (HEXO.format("published: false"), "x.md", "`published`"),
        ("文", "_drafts/x.md", "`_drafts`"),
        ('+++\ntitle = "x"\ndraft = true\n+++\n', "x.md", "`draft`"),
    ],
)
def test_drafts_are_refused_with_the_reason(text: str, path: str, says: str) -> None:
    feed = read(text, path)
    assert isinstance(feed, ParsedFeed)
    assert feed.entries == ()
    assert feed.refused[0].path == path
    assert says in feed.refused[0].reason


@pytest.mark.parametrize("fields", ["draft: false", "published: true", "published: 2026-01-09"])
def test_what_is_no_draft_is_taken(fields: str) -> None:
    assert entry(HEXO.format(fields)).title == Text("x")


# --- body ------------------------------------------------------------------------------------------

WRAPPED = "<div>   \n<p>一</p>\n\n\n        <p>二</p>\n\n    三 **不是** 粗体\n</div>"


def body(text: str, path: str = "x.md") -> str:
    content = entry(f"---\ntitle: x\n---\n\n{text}", path).content
    assert content is not None
    return content.value


@pytest.mark.parametrize("html", [WRAPPED, "<div><div>一</div>\n\n    二</div>", "<table>\n\n    <tr></table>"])
def test_a_body_in_one_element_is_html_as_it_is(html: str) -> None:
    assert body(html + "\n            ") == html


def test_the_generators_body_is_html_however_broken() -> None:
    html = "<div>   \n<p>一</div></div>\n\n    二  \n</div>"
    generated = f"---\ntitle: x\ncomments: false\nthumbnail: \n---\n\n{html}\n            "
    assert entry(generated).content == Text(html, "html")


def test_html_blocks_between_markdown_do_not_make_it_html() -> None:
    assert (
        body("<div>一</div>\n\n**二**\n\n<div>三</div>") == "<div>一</div>\n<p><strong>二</strong></p>\n<div>三</div>"
    )


def test_html_files_are_never_markdown() -> None:
    assert body("<p>一</p>\n\n    二 *三*", "x.html") == "<p>一</p>\n\n    二 *三*"
    assert entry(
        "<html><head><title>t</title></head>\n<body class=a><p>一</p></body></html>", "x.HTML"
    ).content == Text("<p>一</p>", "html")


def test_escaped_braces_are_undone_everywhere() -> None:
    assert body("<div>a &#123;b&#125;</div>") == "<div>a {b}</div>"
    assert body("`f(&#123;x&#125;)` &#123;% raw %&#125;") == "<p><code>f({x})</code> {% raw %}</p>"


def test_markdown_has_tables_and_html_in_it() -> None:
    html = body("| a | b |\n|---|---|\n| 1 | ~~2~~ |\n\n<!-- more -->\n\n后面 <kbd>Q</kbd>")
    assert "<td><s>2</s></td>" in html
    assert "<kbd>Q</kbd>" in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("{% raw %}留下{% endraw %}", "<p>留下</p>"),
        ("{% note info %}\n留下\n{% endnote %}", "<p>留下</p>"),
        (
            "{% codeblock lang:python %}\nx = 1\n{% endcodeblock %}",
            '<pre><code class="language-python">x = 1\n</code></pre>',
        ),
        ("{% highlight ruby %}\nx\n{% endhighlight %}", '<pre><code class="language-ruby">x\n</code></pre>'),
        ("{% blockquote 某人 %}\n话\n{% endblockquote %}", "<blockquote>\n<p>话</p>\n</blockquote>"),
        ("看 {% post_link other 另一篇 %} 吧", "<p>看 另一篇 吧</p>"),
        ("{% img left https://example.org/a.png 640 %}", '<img src="https://example.org/a.png">'),
        ("{% asset_img a.png %}文", "<p>文</p>"),
        ("写作 `{% raw %}` 即可", "<p>写作 <code>{% raw %}</code> 即可</p>"),
        ("```\n{% raw %}\n```", "<pre><code>{% raw %}\n</code></pre>"),
        ("没有结束 {% raw", "<p>没有结束 {% raw</p>"),
    ],
)
def test_template_tags_go_and_what_they_hold_stays(text: str, html: str) -> None:
    assert body(text) == html
