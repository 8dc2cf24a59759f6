"""The article on its own web page: what is found, and what takes the place of the feed's words."""

from __future__ import annotations

import pytest

from aggregator.clean import Rules, clean
from aggregator.dedupe.fuller import shortfall
from aggregator.model import Document, Entry, ParsedEntry, ParsedFeed, Text
from aggregator.parse.fulltext import LARGEST, Page, read
from tests.world import Clock

TITLE = "东湖二期供水切换完成"
ONE = "市水务局介绍，东湖二期管网于三月一日清晨完成切换，共更换阀门四十七处，惠及沿线居民约两万户，水压较去年同期提高两成。"
TWO = "工程部负责人说，此次切换用时六小时，比原计划提前了一个小时，期间没有发生爆管，夜间值守的八十名工人分三班巡查了全部接口。"
THREE = "居民张女士告诉记者，早上打开水龙头，水比以前大了不少，洗菜做饭都方便多了，楼上的邻居也不再需要储水。"
ADDRESS = "https://news.example/2026/water.html"

NAVIGATION = '<div class="nav"><ul><li><a href="/">首页</a></li><li><a href="/city">城市</a></li></ul></div>'
ASIDE = '<div class="side"><h3>热门</h3><ul><li><a href="/3">北山水厂扩建</a></li><li><a href="/4">南河清淤</a></li></ul></div>'
COOKIES = '<div class="cookie-banner">本站使用 Cookie，继续浏览即表示您同意我们的隐私政策。<button>同意</button></div>'
FOOT = '<div class="footer">Copyright 2026 晨报网</div>'


def page(body: str, *, title: str = TITLE, head: str = "") -> str:
    """A page as news sites have it around `body`."""
    return (
        f"<!doctype html><html><head><title>{title}_晨报网</title>{head}<script>var cookie = 1</script></head><body>{COOKIES}"
        f'{NAVIGATION}<div class="main"><h1>{title}</h1><div class="info">2026-03-01 来源：晨报</div>'
        f'<div class="article-content" id="content">{body}</div>{ASIDE}</div>{FOOT}</body></html>'
    )


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def document(html: str | bytes, charset: str | None = None) -> Document:
    return Document(html if isinstance(html, bytes) else html.encode(), url=ADDRESS, charset=charset)


def found(html: str | bytes, selector: str | None = None, charset: str | None = None) -> Page:
    answer = read(document(html, charset), selector)
    assert isinstance(answer, Page), answer
    return answer


def cleaned(text: Text, title: str = TITLE) -> Entry:
    parsed = ParsedEntry(title=Text(title), url=ADDRESS, content=text)
    entry = clean(parsed, ParsedFeed(), None, Rules("晨报", "feed"), Clock().now)
    assert isinstance(entry, Entry)
    return entry


# --- what is found on a page ---------------------------------------------------------------


def test_the_extractor_finds_the_article_and_nothing_around_it() -> None:
    text = cleaned(found(page(paragraphs(ONE, TWO, THREE))).text).text
    assert text.split("\n") == [ONE, TWO, THREE]


def test_the_page_s_own_element_is_taken_with_all_that_is_in_it() -> None:
    rich = (
        f'<p>{ONE}</p><figure><img src="/blank.gif" data-original="/img/a.jpg"><figcaption>施工现场</figcaption></figure>'
        f"<p>{TWO}</p><table><tr><th>区</th><th>户数</th></tr><tr><td>东</td><td>8000</td></tr></table>"
        f'<ul><li>第一阶段</li><li>第二阶段</li></ul><pre><code>x &lt; 1\n  y</code></pre><p>{THREE}<a href="more.html">详情</a></p>'
    )
    html = cleaned(found(page(rich)).text).html
    for part in (
        'src="https://news.example/img/a.jpg"',
        "<figcaption>施工现场</figcaption>",
        "<td>8000</td>",
        "<li>第一阶段</li>",
        "x &lt; 1\n  y",
        'href="https://news.example/2026/more.html"',
    ):
        assert part in html


def test_an_element_that_holds_much_else_is_not_taken_for_the_article() -> None:
    others = "".join(f"<li><a href='/{n}'>另一条新闻的标题，编号 {n}，与本文无关</a></li>" for n in range(20))
    flat = f"<!doctype html><html><body><div>{paragraphs(ONE, TWO, THREE)}<ul>{others}</ul></div></body></html>"
    text = cleaned(found(flat).text).text
    assert TWO in text
    assert "另一条新闻" not in text


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("#content", [ONE, TWO]),
        (".article-content p:first-child", [ONE]),
        (".info, #content p + p", ["2026-03-01 来源：晨报", TWO]),
        ("#content, #content p", [ONE, TWO]),
    ],
)
def test_everything_that_a_selector_finds_is_the_article_and_counts_once(selector: str, expected: list[str]) -> None:
    text = cleaned(found(page(paragraphs(ONE, TWO)), selector).text).text
    assert text.split("\n") == expected


@pytest.mark.parametrize(
    ("html", "selector", "reason"),
    [
        ("", None, "no web page"),
        ('{"error": "not found"}', None, "no web page"),
        ("%PDF-1.7 ...", None, "no web page"),
        ("<html><body></body></html>", None, "no article"),
        (page(paragraphs(ONE)), ".post", "'.post' finds nothing"),
        (page(paragraphs(ONE)), "p:nonsense(1)", "no selector"),
        ("<html>" + "<p>a</p>" * (LARGEST // 8), None, "larger than 2 MB"),
    ],
)
def test_why_there_is_no_article(html: str, selector: str | None, reason: str) -> None:
    answer = read(document(html), selector)
    assert isinstance(answer, str)
    assert reason in answer


@pytest.mark.parametrize(
    ("end", "walled"),
    [
        ("登录后阅读全文", True),
        ("本文剩余 80% 需付费阅读", True),
        ("Subscribe now to continue reading.", True),
        ("扫码下载客户端，继续阅读", True),
        ("Already a subscriber?", True),
        ("更多精彩内容，请关注晨报公众号。", False),
        ("多家报纸今年推出付费订阅。" + TWO * 5, False),
    ],
)
def test_words_at_the_end_tell_that_this_is_not_all(end: str, walled: bool) -> None:
    assert found(page(paragraphs(ONE, end)), "#content").walled is walled


@pytest.mark.parametrize(
    ("declared", "head"),
    [("gbk", ""), (None, '<meta charset="gbk">'), (None, "")],
    ids=["header", "meta", "none"],
)
def test_a_page_in_gbk_is_read_as_such(declared: str | None, head: str) -> None:
    body = page(paragraphs(ONE, TWO, THREE), head=head).encode("gb18030")
    assert TWO in cleaned(found(body, charset=declared).text).text


def test_links_are_relative_to_the_page_or_to_what_it_names() -> None:
    link = f'<p>{ONE}<a href="a.html">甲</a></p>'
    assert found(page(link), "#content").text.base == ADDRESS
    based = found(page(link, head='<base href="/archive/">'), "#content")
    assert based.text.base == "https://news.example/archive/"


@pytest.mark.parametrize(
    "html",
    [
        "<p>" + "<div>" * 20000 + ONE,
        "<html><frameset><frame src=a>",
        "<p>\0\x01\ud800" + ONE,
        "<html xmlns='http://www.w3.org/1999/xhtml'><svg><p></svg><math><p></math>" + ONE,
        "<p><table><tr><td><table><p>" * 500,
        "<!doctype html><p>" + "&#0;&#xd800;&nosuch;" * 100,
    ],
    ids=["deep", "frames", "illegal", "foreign", "tables", "references"],
)
@pytest.mark.parametrize("selector", [None, "p"])
def test_no_page_raises(html: str, selector: str | None) -> None:
    assert isinstance(read(document(html.encode("utf-8", "surrogatepass")), selector), (Page, str))


# --- what takes the place of the feed's words ----------------------------------------------


def entry(text: str, title: str = TITLE) -> Entry:
    return cleaned(Text(text), title)


ENGLISH = (
    "The lake district finished its new mains on Sunday morning, after forty-seven valves were replaced in one night. "
)
MORE_ENGLISH = (
    "Engineers said the work took six hours and that no pipe burst, while eighty people checked every joint twice. "
)


@pytest.mark.parametrize(
    ("feed", "text", "headline"),
    [
        (ONE, ONE + TWO, ""),
        (ONE[:50] + "……", ONE + TWO, ""),
        ("", ONE + TWO, f"{TITLE}_晨报网"),
        ("阅读更多", ONE + TWO, TITLE),
        (
            "东湖二期供水工程切换完成，用时六小时，四十七处阀门换新，沿线居民家中水压提高，夜间有八十名工人值守。",
            ONE + TWO + THREE,
            TITLE,
        ),
    ],
    ids=["teaser", "cut", "nothing", "label", "summary"],
)
def test_a_page_with_more_of_the_article_takes_its_place(feed: str, text: str, headline: str) -> None:
    assert shortfall(entry(feed), entry(text), headline) is None


def test_so_does_one_in_english() -> None:
    assert shortfall(entry(ENGLISH, "Lake mains"), entry(ENGLISH + MORE_ENGLISH, "Lake mains"), "") is None


LOGIN = "请先登录。用户名 密码 记住我 忘记密码？还没有账号？立即注册，注册即表示同意用户协议与隐私政策。第三方登录：微信、微博、手机验证码。"
MISSING = "您访问的页面不存在，可能已经被删除，或者地址有误。请检查您输入的网址是否正确，或者返回首页查看最新的内容，五秒后自动跳转。"
CONSENT = (
    "本网站使用 Cookie 与类似技术来改善您的体验、分析流量并提供个性化的广告。您可以随时在设置中更改您的选择。"
    "点击全部接受即表示您同意我们与合作伙伴存储和读取您设备上的信息，详情请见隐私政策与合作伙伴名单。"
)


@pytest.mark.parametrize(
    ("feed", "text", "headline", "reason"),
    [
        (ONE, LOGIN + LOGIN, "登录", "something else"),
        (ONE, MISSING + MISSING, "404", "something else"),
        (ONE, CONSENT + CONSENT, TITLE, "something else"),
        ("", CONSENT, TITLE, "something else"),
        ("", LOGIN, "登录", "something else"),
        ("", ONE + TWO, "晨报网 首页", "something else"),
        (ONE, ONE, TITLE, "no more text"),
        (ONE + TWO, ONE, TITLE, "no more text"),
        (ONE + TWO + THREE, ONE + TWO + THREE + "（责任编辑：王五）", TITLE, "no more text"),
        ("", "请稍候", TITLE, "hardly any text"),
    ],
    ids=["login", "missing", "consent", "consent-alone", "login-alone", "home", "equal", "shorter", "credit", "empty"],
)
def test_nothing_else_does(feed: str, text: str, headline: str, reason: str) -> None:
    said = shortfall(entry(feed), entry(text), headline)
    assert said is not None
    assert reason in said


def test_a_beginning_for_visitors_does_not_and_a_long_text_that_is_only_folded_up_does() -> None:
    short, long = entry(ONE + TWO), entry(ONE + "".join(f"第{n}段，{TWO}" for n in range(20)))
    reason = shortfall(entry(ONE), short, TITLE, walled=True)
    assert reason is not None
    assert "only the beginning" in reason
    assert shortfall(entry(ONE), long, TITLE, walled=True) is None
