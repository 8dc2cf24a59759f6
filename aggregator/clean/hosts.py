"""What is known of single hosts: each line with its evidence. A host's name covers those below it."""

from __future__ import annotations

from functools import cache

#: Where a picture's http address may be written as https: seen with both in one collection of 100 feeds and 50
#: articles (addresses with http and with https), or, where that says so, serving https alone by its own word.
SECURE = (
    "i.imgur.com",  # 25 and 138
    "causality.cs.ucla.edu",  # 18 and 31
    "googleusercontent.com",  # 1 and 507
    "media.tumblr.com",  # 2 and 140
    "staticflickr.com",  # 1 and 6
    "www.morningtempo.com",  # 14 and 83
    "files.wordpress.com",  # 1 and 1; WordPress.com redirects all of http
    "upload.wikimedia.org",  # 10 with http; Wikimedia redirects all of http (HSTS, preloaded)
    "sinaimg.cn",  # 0 and 27; older articles have it with http
    "cnbetacdn.com",  # 0 and 32; older articles have it with http
)

#: What a browser is to tell a picture's host of the page, where that is not nothing.
#: Nothing is right for most: sinaimg.cn, and many more in China, refuse requests that name another site.
REFERRER = {
    # Refuses a request that names no page, takes one that names any (papr, issue 21, measured).
    "sspai.com": "strict-origin",
}

#: Pages that do nothing but post the page they are told of.
SHARES = (
    "addthis.com/bookmark",
    "connect.qq.com/widget/shareqq",
    "facebook.com/share.php",
    "facebook.com/sharer",
    "linkedin.com/shareArticle",
    "pinterest.com/pin/create",
    "reddit.com/submit",
    "service.weibo.com/share",
    "share.flipboard.com/",
    "share.v.t.qq.com/",
    "sns.qzone.qq.com/cgi-bin/qzshare",
    "t.me/share/",
    "telegram.me/share/",
    "tumblr.com/share",
    "twitter.com/intent/tweet",
    "twitter.com/share",
    "v.t.sina.com.cn/share",
    "widget.renren.com/dialog/share",
    "x.com/intent/",
)


def host_of(url: str) -> str:
    """Of an absolute address, as it is written there."""
    return url.partition("://")[2].split("/", 1)[0]


def is_below(host: str, known: tuple[str, ...]) -> bool:
    """Whether the host is one of these or below one of them."""
    return f".{host}".endswith(_endings(known))


@cache
def _endings(known: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f".{name}" for name in known)


def secured(url: str) -> str:
    """With https where the host is known to serve it."""
    if url.startswith("http://") and is_below(host_of(url), SECURE):
        return f"https://{url[7:]}"
    return url


def referrer_policy(url: str) -> str:
    """What `referrerpolicy` a picture of this address needs to be shown on other sites."""
    host = host_of(url)
    return next((policy for name, policy in REFERRER.items() if is_below(host, (name,))), "no-referrer")


def is_share(url: str) -> bool:
    """Whether following the link would only post the article somewhere."""
    if "share" not in url and "/intent/" not in url and "submit" not in url and "/pin/create" not in url:
        return False
    place = url.partition("://")[2].removeprefix("www.").removeprefix("m.")
    return "?" in place and place.startswith(SHARES)
