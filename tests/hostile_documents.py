"""Hostile and odd documents, a table like that of tests/hostile.py: correct answers, whose bodies are not."""

from __future__ import annotations

import io
import zipfile

from aggregator.model import Outcome
from tests.hostile import FEED, MAX_BYTES, ONE, Case
from tests.played import reply
from tests.world import item, rss

XML = {"Content-Type": "application/rss+xml"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed.xml", FEED)
    return file.getvalue()


PAGES = [
    Case("page with a feed", Outcome.NOT_A_FEED, "/the/feed.xml", headers=HTML,
         body=b"<!doctype html><html><head><link rel=alternate type=application/rss+xml href=/the/feed.xml></head>"),
    Case("page without a feed", Outcome.NOT_A_FEED, "names none", headers=HTML, body=b"<!doctype html><title>Hello</title>"),
    Case("page that says it is XML", Outcome.NOT_A_FEED, "web page", headers=XML, body=b"<html><body>404 not found"),
    Case("Cloudflare challenge", Outcome.BOT_WALL, "Cloudflare",
         reply(b"<!DOCTYPE html><html><head><title>Just a moment...</title>", 403, {"cf-mitigated": "challenge"})),
    Case("Chinese wall", Outcome.BOT_WALL, "WAF", headers=HTML, body=b"<html><script>var arg1='x';acw_sc__v2;</script>"),
    Case("login page", Outcome.BOT_WALL, "login page", headers=HTML,
         body="<html><title>用户登录</title><form><input type=password></form>".encode()),
    Case("captive portal", Outcome.NOT_A_FEED, "web page", to="/portal?then=feed"),
    Case("empty body", Outcome.NOT_A_FEED, "empty", headers=XML, body=b""),
    Case("blanks only", Outcome.NOT_A_FEED, "empty", headers=XML, body=b" \r\n\t \n" * 50),
    Case("byte order mark only", Outcome.NOT_A_FEED, "empty", headers=XML, body=b"\xef\xbb\xbf"),
    Case("text", Outcome.NOT_A_FEED, "no feed", headers=XML, body=b"Service temporarily unavailable"),
    Case("JSON of an API", Outcome.NOT_A_FEED, "not a JSON Feed", body=b'{"error": {"code": 17}}'),
    Case("JSON Feed cut short", Outcome.UNPARSABLE, "broken JSON", body=b'{"version":"https://jsonfeed.org/version/1","items":['),
    Case("JSON of deep lists", Outcome.UNPARSABLE, "broken JSON", body=b"[" * 200_000),
    Case("JSON Feed of odd types", Outcome.UNCHANGED, None,
         body=b'{"version":"https://jsonfeed.org/version/1","items":[[],1,null,{"id":{}}],"title":[]}'),
    Case("picture", Outcome.NOT_A_FEED, "no feed", headers=XML, body=b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))),
    Case("PDF", Outcome.NOT_A_FEED, "no feed", headers=XML, body=b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256))),
    Case("zip archive", Outcome.NOT_A_FEED, "no feed", headers=XML, body=zipped()),
    Case("random bytes", Outcome.NOT_A_FEED, "no feed", headers=XML, body=bytes(range(256)) * 200),
]  # fmt: skip


def dtd(declarations: str, title: str = "&x;") -> bytes:
    """A feed with a document type of its own; `&x;` in a title and in a text."""
    feed = rss(item(1, title=f"One {title}", body=f"<p>text {title}</p>").replace("<![CDATA[", "").replace("]]>", ""))
    return feed.replace("?>", f"?><!DOCTYPE rss {declarations}>", 1).encode()


LAUGHS = "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(10))
LEAK = "http://127.0.0.1:{plain}/leak"

TYPES = [
    Case("billion laughs", Outcome.OK, "broken", body=dtd(f'[<!ENTITY a "lol">{LAUGHS}<!ENTITY x "&k;">]')),
    Case("quadratic blowup", Outcome.OK, "broken", body=dtd(f'[<!ENTITY x "{"A" * 50_000}">]', "&x;" * 20_000)),
    Case("entity of itself", Outcome.OK, "broken", body=dtd('[<!ENTITY x "&y;"><!ENTITY y "&x;">]')),
    Case("external entity", Outcome.OK, "broken", body=dtd('[<!ENTITY x SYSTEM "file:///etc/passwd">]')),
    Case("external entity of the web", Outcome.OK, "broken", body=dtd(f'[<!ENTITY x SYSTEM "{LEAK}">]')),
    Case("parameter entity", Outcome.OK, "broken", body=dtd(f'[<!ENTITY % p SYSTEM "{LEAK}"> %p;]')),
    Case("external document type", Outcome.OK, None, body=dtd(f'SYSTEM "{LEAK}"', ""), titles=ONE),
    Case("XInclude", Outcome.OK, None, titles=ONE, body=rss(
         '<item><title>One</title><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
         '<description><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'
         "</description></item>").encode()),
    Case("stylesheets", Outcome.OK, None, titles=ONE, body=FEED.replace(
         b"?>", b'?><?xml-stylesheet type="text/xsl" href="' + LEAK.encode() + b'"?><?php system("id") ?>', 1)),
]  # fmt: skip

NESTED = "<p>{}</p>".format("<b>" * 100_000 + "deep" + "</b>" * 100_000)
MANY = " ".join(f'a{number}="1"' for number in range(150_000))

SHAPES = [
    Case("100,000 levels", Outcome.OK, "broken", body=rss(item(1, title="One").replace("<![CDATA[<p>", NESTED).replace("]]>", "")).encode()),
    Case("20,000 levels never closed", Outcome.OK, "broken", body=FEED.replace(b"</channel>", b"<a>" * 20_000), titles=ONE),
    Case("150,000 attributes", Outcome.OK, None, body=rss(item(1, title="One").replace("<item>", f"<item {MANY}>")).encode(), titles=ONE),
    Case("280,000 empty items", Outcome.UNCHANGED, None, body=rss("<item/>" * 280_000).encode()),
    Case("600,000 empty items in JSON", Outcome.UNCHANGED, None,
         body=b'{"version":"https://jsonfeed.org/version/1","items":[' + b"{}," * 600_000 + b"{}]}"),
    Case("attribute twice", Outcome.OK, "broken", body=FEED.replace(b"<item>", b'<item a="1" a="2">'), titles=ONE),
    Case("cut short", Outcome.OK, "broken", body=rss(item(1, title="One"), item(2))[:-300].encode(), titles=ONE),
    Case("never closed", Outcome.OK, "broken", body=FEED.replace(b"</channel></rss>", b""), titles=ONE),
    Case("garbage after the end", Outcome.OK, "broken", body=FEED + b"<script>track()</script> & more", titles=ONE),
    Case("PHP warning before", Outcome.OK, "broken", body=b"<br />\nWarning: x in /var/www/a.php\n" + FEED, titles=ONE),
    Case("bare ampersands", Outcome.OK, "broken", body=rss(item(1, title="Ask & tell <3")).encode(), titles=("Ask & tell <3",)),
    Case("NUL bytes", Outcome.OK, None, body=FEED.replace(b"One", b"O\0n\0e\0"), titles=ONE),
    Case("control characters", Outcome.OK, None, body=FEED.replace(b"One", b"\x08O&#11;ne\x1b"), titles=ONE),
    Case("a heap of brackets", Outcome.OK, "broken", body=FEED.replace(b"</channel>", b"<" * 100_000), titles=ONE),
    Case("CDATA never closed", Outcome.UNPARSABLE, "broken", body=b"<rss><channel><item><title><![CDATA[" + b"<" * 200_000),
    Case("RSS in RSS", Outcome.OK, None, titles=ONE,
         body=rss(item(1, title="One").replace("</item>", rss(item(2, title="Inner"))[38:] + "</item>")).encode()),
    Case("no items", Outcome.UNCHANGED, None, body=rss().encode()),
    Case("items of nothing", Outcome.UNCHANGED, None, body=rss("<item/>", "<item></item>").encode()),
    Case("one guid for all", Outcome.OK, None, titles=("Item 1", "Item 2", "Item 3"),
         body=rss(*(item(n, guid="same") for n in (1, 2, 3))).encode()),
    Case("no dates, no ids", Outcome.OK, None, body=rss("<item><title>One</title></item>").encode(), titles=ONE),
    Case("dates of another age", Outcome.OK, None, titles=ONE,
         body=rss(item(1, title="One", date="Tue, 99 Foo 99999 25:61:61 +9999")).encode()),
    Case("title of a megabyte", Outcome.OK, None, body=rss(item(1, title="很长 " * 150_000)).encode()),
    Case("larger than allowed", Outcome.TOO_LARGE, "max_bytes", body=FEED + b" " * MAX_BYTES),
    Case("a namespace of nobody", Outcome.NOT_A_FEED, "no feed", body=b'<a xmlns="urn:x"><b/></a>'),
]  # fmt: skip

SIMPLIFIED = "中国人民银行今天在北京宣布，新的规定将于下个月开始实行"
TRADITIONAL = "中央銀行今天在臺北宣布，新的規定將於下個月開始實行"
JAPANESE = "日本銀行は今日、新しいルールを来月から始めると発表しました"
KOREAN = "한국은행은 오늘 새로운 규정을 다음 달부터 시행한다고 발표했다"
FRENCH = "L’été dernier, la société a annoncé de nouvelles règles déjà créées"
RUSSIAN = "Центральный банк сегодня объявил о новых правилах"


def charset(name: str, title: str, written: str, prolog: str | None, header: str | None, mark: bytes = b"") -> Case:
    """A feed in the charset `written`, with what its XML declaration and its Content-Type say."""
    text = rss(item(1, title=title))
    said = f'<?xml version="1.0" encoding="{prolog}"?>' if prolog else ""
    body = mark + (said + text[text.index("?>") + 2 :]).encode(written)
    declared = f"; charset={header}" if header else ""
    return Case(name, Outcome.OK, None, body=body, headers={"Content-Type": f"text/xml{declared}"}, titles=(title,))


CHARSETS = [
    charset("GB2312", SIMPLIFIED, "gb2312", "gb2312", None),
    charset("GBK called GB2312", SIMPLIFIED + "镕", "gbk", "gb2312", "gb2312"),
    charset("GB18030 called GBK", SIMPLIFIED + "𠮷", "gb18030", "gbk", None),
    charset("GBK by the header only", SIMPLIFIED, "gbk", None, "gbk"),
    charset("GBK called UTF-8", SIMPLIFIED, "gbk", "utf-8", "utf-8"),
    charset("GBK called Latin-1", SIMPLIFIED, "gbk", None, "iso-8859-1"),
    charset("GBK of which nothing is said", SIMPLIFIED, "gbk", None, None),
    charset("Big5", TRADITIONAL, "big5", "big5", None),
    charset("Big5 of which nothing is said", TRADITIONAL, "big5", None, None),
    charset("Shift_JIS", JAPANESE, "shift_jis", "Shift_JIS", "utf-8"),
    charset("EUC-JP", JAPANESE, "euc_jp", None, "euc-jp"),
    charset("ISO-2022-JP", JAPANESE, "iso2022_jp", "iso-2022-jp", None),
    charset("EUC-KR", KOREAN, "euc_kr", "euc-kr", None),
    charset("EUC-KR by Microsoft's name", KOREAN, "cp949", "ks_c_5601-1987", None),
    charset("Windows-1252 called Latin-1", FRENCH, "cp1252", "iso-8859-1", None),
    charset("Windows-1251", RUSSIAN, "cp1251", None, "windows-1251"),
    charset("UTF-8 called Latin-1", SIMPLIFIED, "utf-8", "iso-8859-1", "iso-8859-1"),
    charset("UTF-8 called GBK", SIMPLIFIED, "utf-8", "gbk", "gb2312"),
    charset("prolog against header", SIMPLIFIED, "gbk", "gbk", "utf-8"),
    charset("mark against prolog and header", SIMPLIFIED, "utf-8", "gbk", "gbk", b"\xef\xbb\xbf"),
    charset("UTF-16 without a mark", SIMPLIFIED, "utf-16-le", "utf-16", None),
    charset("UTF-16 called UTF-8", SIMPLIFIED, "utf-16", "utf-8", "utf-8"),
    charset("UTF-32", SIMPLIFIED, "utf-32", None, None),
    charset("UTF-32 without a mark", SIMPLIFIED, "utf-32-be", "utf-32", None),
    charset("charset of no name", SIMPLIFIED, "gbk", "no-such", "base64"),
]

CASES = [*PAGES, *TYPES, *SHAPES, *CHARSETS]
