"""Recognise what stands in a feed's place: challenges to browsers, and login pages. Pure.

Only what names itself is recognised; a page that is merely no feed is for `parse` to judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Where challenges come; an ordinary page of any other status may well mention them.
STATUSES = frozenset({200, 202, 401, 403, 405, 429, 468, 493, 503, 521})

#: Header, value pattern, whose wall.
_HEADERS = (
    ("cf-mitigated", re.compile("challenge|block", re.IGNORECASE), "Cloudflare"),
    ("x-amzn-waf-action", re.compile("challenge|captcha", re.IGNORECASE), "AWS WAF"),
    ("x-datadome", re.compile("protected", re.IGNORECASE), "DataDome"),
    ("x-sucuri-block", re.compile("."), "Sucuri"),
    ("x-vercel-mitigated", re.compile("challenge|deny", re.IGNORECASE), "Vercel"),
)

#: What only that wall's own pages hold, lower case.
_MARKS = (
    # Not its script below /cdn-cgi/, which pages that were let through load, too.
    (b"_cf_chl_opt", "Cloudflare"),
    (b"<title>just a moment...", "Cloudflare"),
    (b"cf-browser-verification", "Cloudflare"),
    (b"<title>attention required! | cloudflare", "Cloudflare"),
    (b"_incapsula_resource", "Imperva"),
    (b"captcha-delivery.com", "DataDome"),
    (b'id="px-captcha"', "HUMAN"),
    (b"anubis_challenge", "Anubis"),
    (b"<title>ddos-guard", "DDoS-Guard"),
    (b"awswafcookiedomainlist", "AWS WAF"),
    (b"__jsl_clearance", "加速乐"),
    (b"acw_sc__v2", "阿里云 WAF"),
    (b"<title>sina visitor system", "Sina Visitor System"),
)
_HTML = re.compile(
    rb"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE | re.DOTALL
)
_TITLE = re.compile(rb"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)
_PASSWORD = re.compile(rb"<input\b[^>]*\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_LOGIN_TITLE = re.compile(r"\blog ?in\b|\bsign ?in\b|登录|登入|登錄", re.IGNORECASE)
_LOGIN_PATH = re.compile(r"(?:^|[/._-])(?:log-?in|sign-?in|sso|cas|passport|oauth2?)(?:$|[/._?-])", re.IGNORECASE)
_LOOKED_AT = 65536


def is_html(body: bytes) -> bool:
    """Whether a body begins as a web page, whatever its media type says."""
    return _HTML.match(body[:4096].removeprefix(b"\xef\xbb\xbf")) is not None


def bot_wall(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """Whose challenge this answer is, or None. `body` may be only its beginning."""
    for header, value, name in _HEADERS:
        if value.search(headers.get(header, "")):
            return name
    if status not in STATUSES or not is_html(body):
        return None
    page = body[:_LOOKED_AT].lower()
    return next((name for mark, name in _MARKS if mark in page), None)


def login_page(path: str, body: bytes) -> bool:
    """Whether a page asks for a password and calls itself, by title or address, a login."""
    page = body[:_LOOKED_AT]
    if not is_html(page) or not _PASSWORD.search(page):
        return False
    title = _TITLE.search(page)
    words = title[1].decode("utf-8", "replace") if title else ""
    return bool(_LOGIN_TITLE.search(words) or _LOGIN_PATH.search(path))
