"""From parsed entries to clean ones."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from aggregator.clean import Rules, clean, plain, rules_for
from aggregator.clean.language import by_script, tag
from aggregator.config.schema import Category, Clean, Config, Replace, Rule, Site, Source
from aggregator.model import Dropped, Enclosure, Entry, Image, ParsedEntry, ParsedFeed, Person, Term, Text

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FEED = ParsedFeed(title="Blog", url="https://site.example/", language="en")
DOCUMENT = "https://site.example/feed.xml"
RULES = Rules("某博客", "feed", site_language="zh", timezone="Asia/Shanghai")
FOLDER = replace(RULES, name="文章", kind="folder")
BASIC = ParsedEntry(url="https://site.example/1", title=Text("Title"), content=Text("<p>Words of it.</p>", "html"))


def entry(rules: Rules = RULES, feed: ParsedFeed = FEED, base: str | None = DOCUMENT, **fields: object) -> Entry:
    cleaned = clean(replace(BASIC, **fields), feed, base, rules, NOW)  # type: ignore[arg-type]
    assert isinstance(cleaned, Entry)
    return cleaned


def test_an_ordinary_entry() -> None:
    made = entry(published=NOW, terms=(Term(("a",)),))
    assert made.title == "Title"
    assert made.html == "<p>Words of it.</p>"
    assert made.text == plain(made.html) == made.summary == "Words of it."
    assert made.url == "https://site.example/1"
    assert made.publisher == "某博客"
    assert made.authors == (Person("某博客"),)
    assert made.published == made.published_claimed == NOW
    assert made.paths == (("未分类",),)
    assert made.language == "en"


# --- titles and summaries


def test_a_missing_title_is_made_of_the_text() -> None:
    assert entry(title=None, content=Text("<p>第一句话在这里。第二句。</p>", "html")).title == "第一句话在这里"
    assert entry(title=Text(" \u200b ")).title == "Words of it"


def test_or_of_publisher_and_date_but_never_of_the_clock() -> None:
    late = datetime(2026, 2, 1, 20, tzinfo=UTC)
    assert entry(title=None, content=None, published=late).title == "某博客 2026-02-02"
    assert entry(title=None, content=None).title == "某博客"
    assert entry(title=None, content=None, published=late, crawled=True).title == "某博客"


def test_a_real_summary_is_kept() -> None:
    own = "An account of what happened, in other words than the text."
    assert entry(summary=Text(f"<p>{own}</p>", "html")).summary == own


@pytest.mark.parametrize("given", ["Title", "Comments", "Words of it", "Words…"])
def test_a_summary_that_says_nothing_new_is_not(given: str) -> None:
    assert entry(summary=Text(given)).summary == "Words of it."


def test_a_summary_that_is_all_there_is_becomes_the_text() -> None:
    made = entry(content=Text("  "), summary=Text("<p>Only <b>this</b>.</p>", "html"))
    assert made.html == "<p>Only <b>this</b>.</p>"


def test_plain_text_keeps_its_lines() -> None:
    made = entry(content=Text("a < b\nc & d\n\ne"))
    assert made.html == "a &lt; b<br>c &amp; d<p>e</p>"
    assert made.text == "a < b\nc & d\ne"


# --- addresses


def test_links_are_relative_to_the_text_then_the_entry_then_the_document_then_the_site() -> None:
    link = '<a href="x">a</a>'

    def href(content: Text, **fields: Any) -> str:
        return entry(content=content, **fields).html.split('"')[1]

    assert href(Text(link, "html", base="https://base.example/d/")) == "https://base.example/d/x"
    assert href(Text(link, "html", base="d/"), url="https://site.example/p/1") == "https://site.example/p/d/x"
    assert href(Text(link, "html"), url="https://site.example/p/1") == "https://site.example/p/x"
    assert href(Text(link, "html"), url=None, base="https://site.example/f/feed.xml") == "https://site.example/f/x"
    assert href(Text(link, "html"), url=None, base=None) == "https://site.example/x"


def test_an_address_of_its_own_or_none() -> None:
    assert entry(url="/1?utm_source=rss").url == "https://site.example/1"
    assert entry(url="javascript:alert(1)").url is None
    assert entry(url=None).url is None


# --- publisher and authors


def test_the_publisher_of_a_file() -> None:
    def of(*authors: str, path: str = "新媒体/cnBeta/最新/a.md") -> str:
        return entry(FOLDER, authors=tuple(map(Person, authors)), path=path).publisher

    assert of(" <b>cnBeta</b> ") == "cnBeta"
    assert of() == "新媒体/cnBeta/最新"
    assert of(" ") == "新媒体/cnBeta/最新"
    assert of(path="a.md") == "文章"


def test_a_feed_is_its_own_publisher_whoever_wrote() -> None:
    made = entry(authors=(Person("甲 "), Person("甲"), Person("", email="b@c.example")))
    assert made.publisher == "某博客"
    assert made.authors == (Person("甲"), Person("b", email="b@c.example"))


def test_authors_fall_back_to_the_feed() -> None:
    feed = replace(FEED, authors=(Person("Editor", uri="javascript:x"),))
    assert entry(feed=feed).authors == (Person("Editor"),)


# --- dates

IMPLAUSIBLE = {
    "missing": None,
    "before the epoch": datetime(1936, 12, 31, tzinfo=UTC),
    "the epoch": datetime(1970, 1, 1, tzinfo=UTC),
    "two days ahead": NOW + timedelta(days=2),
    "without a zone": datetime(2026, 1, 1),  # noqa: DTZ001 - that is the situation
    "out of range": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8))),
}


@pytest.mark.parametrize("name", IMPLAUSIBLE)
def test_dates_that_cannot_be_believed(name: str) -> None:
    assert entry(published=IMPLAUSIBLE[name]).published is None


def test_dates_that_can() -> None:
    ahead = NOW + timedelta(hours=23)
    assert entry(published=ahead).published == ahead
    eastern = datetime(2026, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))
    assert entry(published=eastern).published == datetime(2026, 1, 1, tzinfo=UTC)
    assert str(entry(published=eastern).published).endswith("+00:00")


def test_a_claim_is_kept_though_not_believed() -> None:
    claimed = datetime(1936, 12, 31, tzinfo=UTC)
    assert entry(published=claimed).published_claimed == claimed


def test_crawl_times_are_not_publication_times_unless_the_source_says_so() -> None:
    assert entry(published=NOW, crawled=True).published is None
    assert entry(replace(RULES, dates="trust"), published=NOW, crawled=True).published == NOW
    assert entry(replace(RULES, dates="crawl"), published=NOW).published is None


def test_updated_is_never_before_published() -> None:
    earlier = NOW - timedelta(days=3)
    assert entry(published=NOW, updated=earlier).updated is None
    assert entry(published=earlier, updated=NOW).updated == NOW
    assert entry(published=None, updated=earlier).updated == earlier
    assert entry(updated=NOW + timedelta(days=9)).updated is None


# --- categories


def own(*paths: tuple[str, ...], scheme: str = "category") -> tuple[Term, ...]:
    return tuple(Term(path, scheme) for path in paths)


def test_a_file_is_published_under_its_own_categories() -> None:
    terms = (*own(("新媒体", "cnBeta", "最新"), ("a/b",)), *own(("x",), scheme="tag"))
    made = entry(FOLDER, terms=terms)
    assert made.paths == (("新媒体", "cnBeta", "最新"), ("a/b",))
    assert [term.path for term in made.terms] == [("新媒体", "cnBeta", "最新"), ("a/b",), ("x",)]


def test_without_any_it_is_unsorted_in_the_language_of_the_site() -> None:
    assert entry(FOLDER, terms=own(("x",), scheme="tag")).paths == (("未分类",),)
    assert entry(replace(FOLDER, site_language="en")).paths == (("unsorted",),)


def test_category_of_the_source_replaces_all() -> None:
    rules = replace(FOLDER, category="科技/ Python /")
    assert entry(rules, terms=own(("a",))).paths == (("科技", "Python"),)


def test_feeds_publish_only_what_is_mapped() -> None:
    mapped = ((("科技",), ("^tech$", "linux")), (("生活",), ("life",)), (("科技", "Linux"), ("linux",)))
    rules = replace(RULES, mapped=mapped)
    assert entry(rules, terms=own(("GNU/Linux",), scheme="https://x.example/")).paths == (("科技",), ("科技", "Linux"))
    assert entry(rules, terms=own(("biotech",))).paths == (("未分类",),)


def test_feeds_may_publish_their_own() -> None:
    rules = replace(RULES, category="own")
    assert entry(rules, terms=(Term(("b",)), Term(("<i>a</i> &amp; c",)))).paths == (("b",), ("a & c",))


def test_variants_of_one_name_are_one_path_in_the_first_spelling() -> None:
    assert entry(FOLDER, terms=own(("ＡＩ",), ("ai",), ("AI",), (" ",))).paths == (("ＡＩ",),)


def test_paths_are_limited() -> None:
    terms = own(*((f"{number}", *"abcdefghij") for number in range(30)))
    made = entry(FOLDER, terms=terms)
    assert len(made.paths) == 16
    assert {len(path) for path in made.paths} == {8}
    assert len(made.terms) == 30


def test_names_are_composed() -> None:
    assert entry(FOLDER, terms=own(("e\u0301",))).paths == (("é",),)


# --- pictures and enclosures


def test_the_marked_picture_leads_unless_it_is_a_random_one() -> None:
    body = Text('<p><img src="/emoji.png" width="16"><img src="/t" width=1 height=1><img src="/first.jpg"></p>', "html")
    random = Image("https://picsum.photos/400/300?random=7")
    marked = Image("https://cors.zfour.workers.dev/?http://c.example/i.jpg", 640)
    assert entry(content=body, images=(random, marked)).image == Image("http://c.example/i.jpg", 640)
    assert entry(content=body, images=(random,)).image == Image("https://site.example/first.jpg")
    assert entry(images=(random, Image("data:image/png;base64,AAAA"))).image is None


CODE_BOX = """<p>正文</p><!-- 文末二维码 start --><style>.appendQr_wrap{}</style><div class="appendQr_wrap">
<div class="appendQr_normal"><img src="https://pic.example/finance/343.png"></div></div>"""


@pytest.mark.parametrize(
    "body",
    [
        CODE_BOX,
        '<p>正文</p><div class="app-kaihu-qr"><span>点击查看</span><img src="https://pic.example/finance/343.png"></div>',
        '<p>正文</p><img src="https://pic.example/qrcode_for_gh_1.jpg">',
        '<p>正文</p><img src="https://pic.example/1.jpg" alt="扫码关注我们">',
    ],
)
def test_a_code_to_be_scanned_does_not_lead(body: str) -> None:
    marked = (Image("https://pic.example/finance/343.png"),) if "343" in body else ()
    assert entry(content=Text(body, "html"), images=marked).image is None
    picture = '<img src="https://pic.example/true.jpg">'
    assert entry(content=Text(picture + body, "html"), images=marked).image == Image("https://pic.example/true.jpg")
    assert entry(content=Text(body + picture, "html"), images=marked).image == Image("https://pic.example/true.jpg")


def test_a_picture_in_a_text_about_codes_leads() -> None:
    body = Text('<p class="quote">二维码的历史</p><img src="https://pic.example/square.jpg" alt="历史">', "html")
    assert entry(content=body).image == Image("https://pic.example/square.jpg")


def test_enclosures_are_absolute_and_distinct() -> None:
    made = entry(
        enclosures=(
            Enclosure("/a.mp3", "audio/mpeg; codecs=x", 0, " <b>t</b> "),
            Enclosure("https://site.example/a.mp3", "x"),
            Enclosure("javascript:x"),
            Enclosure("https://b.example/c.pdf", "application/pdf", 9),
        )
    )
    assert made.enclosures == (
        Enclosure("https://site.example/a.mp3", "audio/mpeg", None, "t"),
        Enclosure("https://b.example/c.pdf", "application/pdf", 9),
    )


# --- language


def test_language_is_what_is_said_else_the_script() -> None:
    silent = replace(FEED, language=None)
    chinese = Text("<p>今天天气很好。</p>", "html")
    assert entry(language="zh_hans_cn", feed=FEED).language == "zh-Hans-CN"
    assert entry(feed=FEED).language == "en"
    assert entry(replace(RULES, language="fr"), feed=silent).language == "fr"
    assert entry(feed=silent, content=chinese).language == "zh"
    assert entry(feed=silent).language is None


def test_language_tags() -> None:
    assert [tag(value) for value in ("EN-us", "zh-hant", "english", "", None, "x", "en-")] == [
        "en-US",
        "zh-Hant",
        None,
        None,
        None,
        None,
        None,
    ]


def test_scripts() -> None:
    assert by_script("これはペンです") == "ja"
    assert by_script("한국어 기사") == "ko"
    assert by_script("iPhone 15 发布") == "zh"
    assert by_script("The word 中 in an English text about much else") is None
    assert by_script("关于日语单词“の”的一篇很长的中文文章，讲的是语法和用法，没有别的") == "zh"


# --- refused


def test_only_what_holds_nothing_at_all_is_refused() -> None:
    nothing = ParsedEntry(
        content=Text("<p> <script>x</script></p>", "html"), images=(Image("https://picsum.photos/1"),)
    )
    refused = clean(nothing, FEED, DOCUMENT, RULES, NOW)
    assert isinstance(refused, Dropped)
    assert "neither title nor text" in refused.reason
    for one in (
        replace(nothing, title=Text("t")),
        replace(nothing, url="https://a.example/"),
        replace(nothing, images=(Image("https://a.example/i.png"),)),
        replace(nothing, content=Text("x")),
        replace(nothing, enclosures=(Enclosure("https://a.example/a.mp3"),)),
    ):
        assert isinstance(clean(one, FEED, DOCUMENT, RULES, NOW), Entry)


# --- what people ask for


def test_rules_come_from_the_source_before_those_for_all() -> None:
    source = Source(
        name="s",
        url="https://a.example/",
        language="zh",
        category="own",
        clean=Clean(unwrap=("https://p.example/?",), remove=(".ad",)),
        rules=(Rule(when={"title": "a"}, drop=True),),
    )
    config = Config(
        site=Site(title="t", url="https://t.example", tag="t.example,2026", timezone="Asia/Tokyo"),
        clean=Clean(remove=("nav",), replace=(Replace.model_validate({"pattern": "x", "with": "y"}),)),
        categories=(
            Category.model_validate({"path": "科技 / AI", "from": ["ai"]}),
            Category.model_validate({"path": "空"}),
        ),
        rules=(Rule(when={"title": "b"}, drop=True),),
        sources=(source,),
    )
    rules = rules_for(config, source)
    assert (rules.name, rules.kind, rules.site_language, rules.language) == ("s", "feed", "en", "zh")
    assert (rules.timezone, rules.category) == ("Asia/Tokyo", "own")
    assert rules.mapped == ((("科技", "AI"), ("ai",)),)
    assert rules.unwrap[0] == "https://p.example/?"
    assert rules.remove == (".ad", "nav")
    assert rules.replace == (("x", "y"),)
    assert [rule.when["title"] for rule in rules.people] == ["a", "b"]
    assert pickle.loads(pickle.dumps(rules)) == rules


def ruled(*rules: Rule, **fields: object) -> Entry | Dropped:
    return clean(replace(BASIC, **fields), FEED, DOCUMENT, replace(RULES, people=rules), NOW)  # type: ignore[arg-type]


def rule(when: dict[str, str]) -> Rule:
    return Rule.model_validate({"when": when, "drop": True})


MATCHING = [
    {"title": "^TIT"},
    {"url": r"site\.example"},
    {"author": "某博客"},
    {"content": "words"},
    {"category": "^x$"},
    {"language": "^en"},
    {"age": "> 7d"},
    {"length": "< 100"},
    {"title": "title", "content": "words"},
]
NOT_MATCHING = [
    {"title": "^x"},
    {"category": "y"},
    {"age": "< 7d"},
    {"length": "> 100"},
    {"title": "title", "content": "none of it"},
]


@pytest.mark.parametrize("when", MATCHING, ids=str)
def test_rules_that_match_drop(when: dict[str, str]) -> None:
    made = ruled(rule(when), terms=(Term(("x",)),), published=NOW - timedelta(days=8))
    assert isinstance(made, Dropped)
    assert made.title == "Title"
    assert str(next(iter(when.values()))) in made.reason


@pytest.mark.parametrize("when", NOT_MATCHING, ids=str)
def test_rules_that_do_not_match_do_nothing(when: dict[str, str]) -> None:
    assert isinstance(ruled(rule(when), terms=(Term(("x",)),), published=NOW - timedelta(days=8)), Entry)


def test_rules_route_tag_and_retitle_in_their_order() -> None:
    made = ruled(
        Rule(when={"title": r"^\[ad\]\s*"}, title=""),
        Rule(when={"title": "^(T)itle$"}, category="a/b", tag="new", title=r"\1 of it"),
        Rule(when={"category": "new", "title": "T of it"}, tag="second"),
        Rule(when={"title": ".*"}, title=""),
        title=Text("[ad] Title"),
    )
    assert isinstance(made, Entry)
    assert made.title == "T of it"
    assert made.paths == (("a", "b"),)
    assert [term.path for term in made.terms] == [("new",), ("second",)]


def test_a_rule_that_takes_too_long_does_not_match() -> None:
    assert isinstance(ruled(Rule(when={"title": "(a|aa)+$"}, drop=True), title=Text("a" * 60 + "!")), Entry)


def test_selectors_and_replacements_reach_the_html() -> None:
    rules = replace(RULES, remove=(".ad",), keep=("article",), replace=(("words", "Sentences"),))
    made = entry(rules, content=Text("<nav>n</nav><article><p>Words</p><p class=ad>b</p></article>", "html"))
    assert made.html == "<p>Sentences</p>"


# --- what was broken on its way


def test_a_page_within_an_entry_has_its_own_base() -> None:
    page = '<head><base target=_blank href="https://own.example/d/"></head><body><a href="x">y</a></body>'
    assert 'href="https://own.example/d/x"' in entry(content=Text(page, "html", base="https://base.example/")).html
    relative = page.replace("https://own.example/d/", "javascript:x//")
    assert 'href="https://base.example/x"' in entry(content=Text(relative, "html", base="https://base.example/")).html


def test_a_body_read_in_the_wrong_encoding_is_read_again() -> None:
    meant = "<p>上海房价——“稳定”</p>"
    assert entry(content=Text(meant.encode().decode("latin-1"), "html")).html == meant


def test_plain_text_with_entities_is_decoded_once() -> None:
    made = entry(content=None, summary=Text("Smell &amp; Tell,&nbsp;part 2 &lt;b&gt;", "text"))
    assert made.text == "Smell & Tell, part 2 <b>"
    assert made.html == "Smell &amp; Tell,&nbsp;part 2 &lt;b&gt;"
