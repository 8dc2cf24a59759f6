"""Addresses as people wrote them -> absolute, safe and without what only trackers read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin

from aggregator.clean.allowed import names
from aggregator.clean.hosts import secured

#: Always unwrapped: the dead image proxy of the generator that made most article folders.
KNOWN_PROXIES = ("https://cors.zfour.workers.dev/?",)

#: Of an inline image, in characters; larger ones bloat every copy of every feed.
MOST_DATA = 64_000

#: Query parameters that tell who shared a link, never what it shows.
_TRACKERS = names("""
    fbclid gclid gclsrc dclid gbraid wbraid yclid ysclid twclid msclkid igshid igsh ttclid li_fat_id srsltid
    mc_cid mc_eid mc_tc mkt_tok _hsenc _hsmi __hstc __hssc __hsfp hsctatracking hsa_cam hsa_grp hsa_ad
    vero_conv vero_id oly_anon_id oly_enc_id _bhlid _branch_match_id _branch_referrer _openstat wickedid rb_clickid
    sc_cid s_cid ml_subscriber ml_subscriber_hash ncid cmpid __twitter_impression
    spm spm_id_from scm pvid algo_expid ali_trackid ali_refid aff_trace_key sudaref vd_source bbid buvid unique_k
    share_source share_medium share_token share_from share_tag share_session_id share_plat share_times share_code
    share_app_id share_iid share_did share_uid share_device isappinstalled wxshare_count weixin_share_id
    share_channel share_type shareto sharefrom share_btn share_page_id share_apply sharer_token shared_by shareuid
    share_sns share_crt_v share_tmpl_type share_sharer_id share_times_count share_url_from is_from_webapp
    weibo_ref luicode lfid featurecode launchid wfr forceh5
    from_source_share from_wecom wx_share wxfrom wx_from wechatshare from_wx_share wxwork_userid nsukey wxshare
    group_share_id upstream_biz gd_label_share tt_group_id toutiao_ref ug_source ug_medium ug_campaign
    ucshare uc_param_str mibextid zanpid ref_src ref_url share_by
    tt_from hmsr hmpl hmcu hmkw hmci bd_vid qz_gdt jtss xhsshare
    """)
_TRACKER_PREFIXES = ("utm_", "mtm_", "pk_", "itm_", "campaign_", "fb_action_", "fb_comment_")
#: Words that are parameters of their own elsewhere, and trackers with these values.
_TRACKER_VALUES = {
    "from": names("timeline singlemessage groupmessage appmsg weixin wechat rss feed weibo qq qzone sharetowechat"),
    "f": frozenset(("rss",)),
    "source": frozenset(("rss", "feed")),
    "ref": frozenset(("rss", "feed", "share")),
}
#: Of these hosts (and those below them) also these.
_TRACKERS_OF_HOST = {
    "mp.weixin.qq.com": names(
        """chksm scene subscene clicktime enterid ascene sessionid mpshare srcid sharer_shareid sharer_sharetime
        sharer_shareinfo sharer_shareinfo_first devicetype version nettype abtest_cookie lang exportkey pass_ticket
        wx_header key uin poc_token click_id countrycode fontscale xtrack realreporttime"""
    ),
    "toutiao.com": names(
        "app timestamp use_new_style req_id log_from category_new article_category module_name share_uid"
    ),
    "weibo.com": names("refer_flag wvr sudaref ssl_rnd from"),
    "weibo.cn": names("refer_flag wm sourcetype featurecode luicode lfid launchid from"),
    "zhihu.com": names("utm_id utm_oi utm_psn hybrid_search_source hybrid_search_extra"),
    "xiaohongshu.com": names("xsec_source app_platform app_version author_share apptime shareredid appuid"),
    "taobao.com": names("abbucket ns ut_sk sourcetype suid short_name un share_crt_v cpp sp_tk"),
    "tmall.com": names("abbucket ns ut_sk sourcetype suid short_name un share_crt_v cpp sp_tk"),
    "jd.com": names("cu utm_user ad_od gx gxd jd_pop"),
    "163.com": names("spss spsf spsw spssid clickfrom f"),
    "ifeng.com": names("aman gud"),
    "sina.com.cn": names("cre mod loc r rfunc tj tr wm vt doct"),
    "sina.cn": names("cre mod loc r rfunc tj tr wm vt doct"),
    "bilibili.com": names("timestamp plat_id up_id from_spmid is_story_h5 -arouter"),
}

#: What WeChat, Weibo, Toutiao and web analytics put behind the `#`; pages have no such places.
_TRACKER_FRAGMENT = re.compile(
    r"#.*utm_|#(?:wechat_redirect|wechat_webview_type=\d+|wechat_pay|rd|_loginLayer_\d+|rnd=?\d+|xtor=.*"
    r"|tt_from=.*|ref=rss|from=(?:timeline|groupmessage|singlemessage|weibo|share)|scene=\d+|\?from=.*|at_.*=.*)$",
    re.IGNORECASE,
)
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffe\uffff]")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_WEB = re.compile(r"(https?)://([^/?#]+)([^?#]*)(\?[^#]*)?(#.*)?", re.IGNORECASE | re.DOTALL)
#: Absolute and without anything to mend but trackers: most addresses.
_GOOD = re.compile(
    r"https?://((?=[a-z0-9])[a-z0-9.-]+)/[A-Za-z0-9!$'()*+,./:;=@_~-]*+(?:%[0-9A-Fa-f]{2}[A-Za-z0-9!$'()*+,./:;=@_~-]*+)*+"
    r"(?:\?((?:[A-Za-z0-9!$'()*+,./:;=@_~?&-]|%[0-9A-Fa-f]{2})++))?"
)
_HOST = re.compile(r"[\w.~!$&'()*+,;=:@%-]+|(?:[^@\[\]]*@)?\[[0-9a-f:.]+\](?::\d*)?", re.IGNORECASE)
_ODD = re.compile(r"[^\w!$&'()*+,\-./:;=?@~%#]|[^\x00-\x7f]|%(?![0-9A-Fa-f]{2})")
_MAIL = re.compile(r"mailto:[^\s<>\"]+@[^\s<>\"]+", re.IGNORECASE)
_DATA = re.compile(r"data:image/(?:png|jpe?g|gif|webp|avif|bmp);base64,[A-Za-z0-9+/=]+", re.IGNORECASE)
_DOUBLED = re.compile(r"https?:(?://[^?#]*[^?#/=:]|/*)(https?://[^/].*)", re.IGNORECASE | re.DOTALL)
#: A proxy in front of an address takes it as the rest of its path, or as its whole query.
_PROXIED = re.compile(r"https?://(?!web\.archive\.org/)[^?#]*?\??(https?://[^/].*)", re.IGNORECASE | re.DOTALL)
_BARE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?:/|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Links:
    """How the links of one entry are read."""

    #: Absolute, or None where nothing says what relative links are relative to.
    base: str | None = None
    #: Prefixes of proxies in front of the true addresses.
    unwrap: tuple[str, ...] = KNOWN_PROXIES

    def link(self, url: str) -> str | None:
        """Absolute http, https or mailto address, or a fragment as it stands; None for all else."""
        if good := self._good(url):
            return good
        url = _visible(url)
        if url.startswith("#"):
            return "#" + _escaped(url[1:])
        if _SCHEME.match(url) and url[:4].lower() != "http":
            return url if _MAIL.fullmatch(url) else None
        return self._web(url, _DOUBLED)

    def web(self, url: str) -> str | None:
        """Absolute http or https address, or None."""
        return self._good(url) or self._web(_visible(url), _DOUBLED)

    def media(self, url: str) -> str | None:
        """As `web`, for pictures and sounds, where an address within an address is always the true one.

        So any proxy's prefix goes, without being named in the config. With https where the host is
        known to serve it.
        """
        found = self._good(url) or self._web(_visible(url), _PROXIED)
        return secured(found) if found else None

    def image(self, url: str) -> str | None:
        """As `media`; also a small `data:` image."""
        if url[:5].lower() == "data:":
            return url if len(url) <= MOST_DATA and _DATA.fullmatch(url) else None
        return self.media(url)

    def _good(self, url: str) -> str | None:
        """The address without trackers, where nothing else can be wrong with it; else None."""
        match = _GOOD.fullmatch(url)
        if match is None or "http" in url[4:] or url.startswith(self.unwrap):
            return None
        return url if match[2] is None else url[: match.start(2) - 1] + _untracked(match[2], match[1])

    def _web(self, url: str, doubled: re.Pattern[str]) -> str | None:
        url = _bare(url, self.unwrap, doubled)
        if url[:8].lower().startswith(("http://", "https://")):
            return normal(url)
        if not url or _SCHEME.match(url):
            return None
        try:
            joined = urljoin(self.base or "https:", url) if url.startswith("//") or self.base else ""
        except ValueError:
            return None
        return normal(_bare(joined, self.unwrap, doubled))


def base_of(*candidates: str | None) -> str | None:
    """The first absolute address, relative ones before it resolved against it (xml:base may be relative)."""
    relative: list[str] = []
    for candidate in candidates:
        if not candidate or not (text := _visible(candidate)):
            continue
        if not _WEB.fullmatch(text):
            relative.append(text)
            continue
        for part in reversed(relative):
            text = Links(text, ()).web(part) or text
        return text
    return None


def normal(url: str) -> str | None:
    """One spelling of an absolute http(s) address: lower-case host, escapes, no trackers, no default port."""
    match = _WEB.fullmatch(url)
    host = _host(match[2]) if match else None
    if not match or not host:
        return None
    scheme = match[1].lower()
    host = host.removesuffix(":80" if scheme == "http" else ":443")
    query, fragment = match[4] or "", match[5] or ""
    if query:
        query = _untracked(query[1:], host)
    if fragment and _TRACKER_FRAGMENT.match(fragment):
        fragment = ""
    rest = (match[3] or "/") + query + fragment
    return f"{scheme}://{host}{_escaped(rest)}"


def _host(text: str) -> str | None:
    if not _HOST.fullmatch(text):
        return None
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    user, at, host = text.rpartition("@")
    return f"{user}{at}{host.lower()}" if host.strip(".:") else None


def _untracked(query: str, host: str) -> str:
    """The query with its `?` and without trackers; what stays keeps its order and spelling."""
    own = _trackers_of(host)
    kept = [part for part in query.split("&") if not _is_tracker(part, own)]
    return "?" + "&".join(kept) if any(kept) else ""


@lru_cache(maxsize=1024)
def _trackers_of(host: str) -> frozenset[str]:
    return next((listed for end, listed in _TRACKERS_OF_HOST.items() if f".{host}".endswith(f".{end}")), frozenset())


def _is_tracker(part: str, own: frozenset[str]) -> bool:
    name, _, value = part.partition("=")
    # `&amp;` written twice leaves its letters in front of the name.
    name = name.lower().removeprefix("amp;")
    if name in _TRACKERS or name in own or name.startswith(_TRACKER_PREFIXES):
        return True
    return value.lower() in _TRACKER_VALUES.get(name, ())


def _escaped(text: str) -> str:
    return _ODD.sub(lambda match: quote(match[0], safe=""), text)


def _visible(url: str) -> str:
    """Without the characters that browsers skip and people do not see: `java\\tscript:` is one word."""
    # Nothing invisible is printable.
    url = (url if url.isprintable() else _INVISIBLE.sub("", url)).strip()
    if "\\" in url:
        head = re.split(r"[?#]", url, maxsplit=1)[0]
        url = head.replace("\\", "/") + url[len(head) :]
    return url


def _bare(url: str, prefixes: tuple[str, ...], doubled: re.Pattern[str]) -> str:
    """Without proxies in front of it, and the second of two addresses written as one."""
    for _ in range(3):
        before = url
        for prefix in prefixes:
            if url.startswith(prefix):
                url = _target(url[len(prefix) :]) or url
        if url.find("http", 4) > 0 and (match := doubled.fullmatch(url)):
            url = match[1]
        if url == before:
            break
    return url


def _target(rest: str) -> str | None:
    """What a proxy's prefix stands in front of: an address, plain or percent-encoded."""
    if re.match(r"(?:https?%3A|%2F%2F)", rest, re.IGNORECASE):
        rest = unquote(rest.split("&", 1)[0])
    if re.match(r"https?://", rest, re.IGNORECASE):
        return rest
    if rest.startswith("//"):
        return "https:" + rest
    return "https://" + rest if _BARE.match(rest) else None
