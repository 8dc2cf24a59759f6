"""Documents in every charset that feeds come in, rightly and wrongly declared."""

from __future__ import annotations

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse import characters, charset, feed, tree

CHINESE = "中国人民银行今天在北京宣布，新的规定将于下个月开始实行。市场人士认为这是一个重要的信号。"
TRADITIONAL = "中央銀行今天在臺北宣布，新的規定將於下個月開始實行。市場人士認為這是一個重要的訊號。"
JAPANESE = "日本銀行は今日、新しいルールを来月から始めると発表しました。これは大切なことです。"
KOREAN = "한국은행은 오늘 새로운 규정을 다음 달부터 시행한다고 발표했다. 시장에서는 중요한 신호로 보고 있다."
FRENCH = "L’été dernier, la société a annoncé de nouvelles règles : déjà créées, bientôt appliquées."
RUSSIAN = "Центральный банк сегодня объявил о новых правилах, которые вступят в силу в следующем месяце."
POLISH = "Dziś w Łodzi ogłoszono nowe zasady; zażółć gęślą jaźń."
GREEK = "Η κεντρική τράπεζα ανακοίνωσε σήμερα νέους κανόνες."
TURKISH = "Merkez bankası bugün yeni kuralları açıkladı: ığüşöç."
HEBREW = "הבנק המרכזי הודיע היום על כללים חדשים."
ARABIC = "أعلن البنك المركزي اليوم عن قواعد جديدة."


def document(text: str, written: str, prolog: str | None = None) -> bytes:
    declaration = f'<?xml version="1.0" encoding="{prolog}"?>\n' if prolog else ""
    return f"{declaration}<rss>{text}</rss>".encode(written)


@pytest.mark.parametrize(
    ("text", "written", "prolog", "header"),
    [
        # rightly declared
        (CHINESE, "utf-8", "UTF-8", "utf-8"),
        (CHINESE, "gb2312", "gb2312", None),
        (CHINESE, "gbk", "GBK", None),
        (CHINESE, "gb18030", None, "gb18030"),
        (CHINESE + "镕𠮷", "gb18030", "gb2312", None),
        (TRADITIONAL, "big5", "Big5", None),
        (JAPANESE, "shift_jis", "Shift_JIS", None),
        (JAPANESE, "euc_jp", "EUC-JP", None),
        (JAPANESE, "iso2022_jp", "ISO-2022-JP", None),
        (KOREAN, "euc_kr", "ks_c_5601-1987", None),
        (FRENCH, "cp1252", "iso-8859-1", None),
        (RUSSIAN, "cp1251", "windows-1251", None),
        (RUSSIAN, "koi8_r", None, "koi8-r"),
        (CHINESE, "utf-16", "UTF-16", None),
        (CHINESE, "utf-16-le", "utf-16", None),
        (CHINESE, "utf-16-be", None, None),
        (CHINESE, "utf-16-le", None, None),
        (CHINESE, "utf-32", None, None),
        (CHINESE, "utf-32-le", "utf-32", None),
        (CHINESE, "utf-32-be", None, None),
        (TRADITIONAL, "big5", None, "big5-hkscs"),
        (JAPANESE, "cp932", None, "windows-31j"),
        (JAPANESE, "euc_jp", None, "x-euc-jp"),
        (KOREAN, "cp949", "euc-kr", None),
        (KOREAN + "똠방각하", "cp949", "euc-kr", "euc-kr"),  # of which EUC-KR proper has no syllable "똠"
        (FRENCH, "cp1252", "windows-1252", None),
        (POLISH, "cp1250", "windows-1250", None),
        (RUSSIAN, "cp1251", None, "cp1251"),
        (GREEK, "cp1253", None, "windows-1253"),
        (TURKISH, "cp1254", "iso-8859-9", None),
        (HEBREW, "cp1255", None, "windows-1255"),
        (ARABIC, "cp1256", "windows-1256", None),
        # declared wrongly
        (CHINESE, "utf-8", "gb2312", None),
        ("中文", "utf-8", "gb2312", "gbk"),  # whose bytes are valid GBK too
        (CHINESE, "utf-8", None, "iso-8859-1"),
        (CHINESE, "utf-8", "utf-16", "gbk"),
        (FRENCH, "utf-8", "iso-8859-1", "iso-8859-1"),
        (CHINESE, "gbk", "utf-8", "utf-8"),
        (CHINESE, "gbk", "utf-8", "gbk"),
        (CHINESE, "gbk", "gbk", "utf-8"),
        (CHINESE, "gbk", None, "iso-8859-1"),
        (CHINESE, "gbk", "no-such-charset", "base64"),
        (CHINESE, "utf-8-sig", "gbk", "gbk"),
        (CHINESE, "utf-16", "utf-8", "gbk"),  # the mark says more than any word
        (CHINESE, "utf-32", "utf-16", "utf-8"),
        (CHINESE, "utf-16-le", "utf-8", "utf-8"),  # and so do the zeros
        (CHINESE, "gbk", "gbk", "big5"),  # the document says more than the server
        (TRADITIONAL, "big5", "big5", "gb2312"),
        (JAPANESE, "shift_jis", "shift_jis", "euc-jp"),
        (JAPANESE, "euc_jp", "utf-8", "iso-8859-1"),
        (KOREAN, "euc_kr", "utf-8", "iso-8859-1"),
        (RUSSIAN, "cp1251", "utf-8", "windows-1251"),
        (RUSSIAN, "cp1251", "windows-1251", "utf-8"),
        # not declared
        (CHINESE, "utf-8", None, None),
        (CHINESE, "gbk", None, None),
        (TRADITIONAL, "big5", None, None),
        (JAPANESE, "shift_jis", None, None),
        (JAPANESE, "euc_jp", None, None),
        (KOREAN, "euc_kr", None, None),
        (FRENCH, "cp1252", None, None),
        (TRADITIONAL[:20], "big5", None, None),
        (CHINESE[:12], "gbk", None, None),
        ("plain", "ascii", None, None),
        ("", "ascii", None, None),
    ],
)
def test_text_is_recovered(text: str, written: str, prolog: str | None, header: str | None) -> None:
    assert charset.decode(document(text, written, prolog), header) == f"<rss>{text}</rss>"


@pytest.mark.parametrize(
    ("text", "written", "meta"),
    [
        (CHINESE, "gbk", '<meta charset="gb2312">'),
        (CHINESE[:4], "gbk", "<META CHARSET=gbk />"),
        (TRADITIONAL, "big5", "<meta http-equiv='Content-Type' content='text/html; charset=big5'>"),
        (JAPANESE, "shift_jis", '<meta name=x><meta content="text/html;charset=Shift_JIS" http-equiv=content-type>'),
        (KOREAN, "cp949", "<meta charset=euc-kr>"),
        (RUSSIAN, "cp1251", "<meta charset=windows-1251>"),
        (CHINESE, "utf-8", "<meta charset=gbk>"),
    ],
)
def test_pages_say_it_themselves(text: str, written: str, meta: str) -> None:
    page = f"<!DOCTYPE html><html><head>{meta}<title>{text}</title>"
    assert charset.decode(page.encode(written), None) == page


def test_the_server_is_believed_before_the_page() -> None:
    page = f"<html><meta charset=euc-kr><p>{CHINESE}"
    assert charset.decode(page.encode("gbk"), "gbk") == page


def test_what_an_article_quotes_of_a_page_says_nothing_of_the_feed() -> None:
    feed = f"<rss><item><title>{RUSSIAN}</title><description>&lt;meta charset=koi8-r&gt;<meta charset='koi8-r'/>"
    assert charset.decode(feed.encode("cp1251"), "windows-1251") == feed
    assert "koi8" in charset.decode(feed.encode("cp1251"), None)


@pytest.mark.parametrize("declared", ["gb2312", "gbk"])
def test_few_characters_that_are_also_valid_utf8_are_what_is_declared(declared: str) -> None:
    body = document("隆垄", "gbk", declared)
    body.decode("utf-8")  # else the situation is another
    assert charset.decode(body, None) == "<rss>隆垄</rss>"


def test_utf8_with_characters_cut_apart_stays_utf8() -> None:
    body = document(CHINESE, "utf-8") + "新".encode()[:2] + CHINESE.encode()
    assert charset.decode(body, "gbk") == f"<rss>{CHINESE}</rss>\ufffd{CHINESE}"


def test_gbk_with_a_broken_byte_stays_gbk() -> None:
    body = document(CHINESE * 30, "gbk") + b"\xff" + document(CHINESE, "gbk")
    assert charset.decode(body, "gbk") == f"<rss>{CHINESE * 30}</rss>\ufffd<rss>{CHINESE}</rss>"


@pytest.mark.parametrize("start", [b"\r\n  ", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b"\0"])
def test_declaration_goes_with_all_before_it(start: bytes) -> None:
    assert charset.decode(start + b'<?xml version="1.1" standalone="yes"?>\n<rss/>', None) == "<rss/>"


@given(
    st.binary(max_size=300), st.one_of(st.none(), st.text(max_size=12), st.sampled_from(["hz", "utf-7", "idna", "hex"]))
)
def test_any_bytes_are_some_text(body: bytes, declared: str | None) -> None:
    assert isinstance(charset.decode(body, declared), str)


# --- without making a text first -------------------------------------------------------------


@given(
    st.sampled_from([b"", b"\xef\xbb\xbf", b" \r\n", b"\0", b"\xff\xfe"]),
    st.sampled_from(
        ["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="GBK"?>\n', "<?xml-stylesheet href='a'?>"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.sampled_from([None, "utf-8", "iso-8859-1", "gbk", "utf-7"]),
)
def test_what_is_read_at_once_is_the_text(start: bytes, declaration: str, text: str, declared: str | None) -> None:
    body = start + f"{declaration}<rss>{text}</rss>".encode()
    found = charset.undisputed(body, declared)
    assert found is None or found.decode() == charset.decode(body, declared)


def test_most_documents_are_read_at_once() -> None:
    assert charset.undisputed(b'<?xml version="1.0" encoding="UTF-8"?>\n<rss/>', "utf-8") == b"<rss/>"


@pytest.mark.parametrize("declared", ["gbk", "hz", "utf-7", "iso-2022-jp"])
def test_what_is_declared_to_be_something_else_is_looked_at(declared: str) -> None:
    assert charset.undisputed(b"<rss/>", declared) is None


@pytest.mark.parametrize(
    "wrong",
    [
        *(b"\x80", b"\xc0\xaf", b"\xc1\xbf", b"\xc3", b"\xe0\x80\xaf", b"\xe4\xb8", b"\xed\xa0\x80", b"\xff"),
        *(b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80", "中".encode("gbk")),
    ],
)
@pytest.mark.parametrize("place", ["<title>{}</title>", "<title><![CDATA[{}]]></title>", '<link href="{}"/>'])
def test_a_reader_that_is_given_bytes_takes_valid_utf8_only(wrong: bytes, place: str) -> None:
    def item(held: bytes) -> bytes:
        return (
            b"<rss><channel><item><title>a</title>" + place.encode().replace(b"{}", held) + b"</item></channel></rss>"
        )

    assert feed.read(item("é中😀".encode()), None, "UTC") is not None
    assert feed.read(item(wrong), None, "UTC") is None


# --- characters ----------------------------------------------------------------------------


def test_forbidden_characters_go_and_others_stay() -> None:
    assert (
        characters.clean("a\0b\x0b\x1fc\ud800d\ufffee\uffff\t\n\r é中😀\ue000\ufffd") == "abcde\t\n\r é中😀\ue000\ufffd"
    )


def test_controls_are_read_as_windows_1252() -> None:
    assert characters.clean("it\x92s \x93so\x94\x85 \x81") == "it’s “so”… "


@given(st.text(st.characters()))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = characters.clean(text)
    assert characters.clean(once) == once
    once.encode()


@given(
    st.lists(
        st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=5)
        | st.sampled_from(["中文", "😀", "\N{NO-BREAK SPACE}"])
        | st.integers(0, 0x200).map(lambda code: f"&#{code};")
        | st.integers(0, 0x200).map(lambda code: f"&#x{code:x};"),
        max_size=6,
    )
)
def test_what_was_read_from_xml_is_cleaned_alike(pieces: list[str]) -> None:
    document = "".join(piece if piece.startswith("&#") else escape(piece) for piece in pieces)
    found = tree.read(f"<a>{document}</a>".encode())
    if found is not None:
        read = found.root.text or ""
        assert characters.clean_parsed(read) == characters.clean(read)
