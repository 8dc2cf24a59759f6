"""One fetch under way: where it may go, what it may tell whom, and what its redirects come to. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from yarl import URL

from aggregator.config.schema import Source
from aggregator.fetch.addresses import as_url, credentials, joined, same_site
from aggregator.fetch.guard import host_name
from aggregator.model import Validators

MAX_REDIRECTS = 10
PERMANENT = frozenset({301, 308})
#: Of a whole answer, times the timeout: what keeps dripping is not silent.
WHOLE = 4
#: Seconds, of a whole answer with a long timeout, and of waiting for places. Both together are
#: shorter than the time for which a check is claimed.
WHOLE_AT_MOST = 300.0
PATIENCE = 240.0


class BadRedirect(Exception):  # noqa: N818 - names what happened
    """A redirect that is not followed, and why."""


@dataclass(slots=True)
class Trip:
    """The way so far, and the time that is left.

    What a source trusts is its own address in the configuration, however the trip began: the
    pages of its articles may be anywhere.
    """

    source: Source
    now: datetime
    validators: Validators
    start: URL
    #: The configured address; None where the source has none.
    home: URL | None
    login: tuple[str, str] | None
    #: Seconds, of connecting and of each silence.
    timeout: float
    #: Seconds for all requests together: waiting for a place is not counted.
    whole: float
    url: URL
    left: float
    #: Seconds of waiting that are left.
    patience: float = PATIENCE
    #: Status and target of each redirect.
    hops: list[tuple[int, URL]] = field(default_factory=list)
    #: What the last request was made conditional by.
    sent: Validators = field(default_factory=Validators)

    @property
    def trusted(self) -> bool:
        """Whether the next host may be told the secrets of the source."""
        return self.home is not None and same_site(self.url, self.home)

    @property
    def private(self) -> bool:
        """Whether the next host may be a private one for this source."""
        return self.source.allow_private and self.home is not None and host_name(self.url) == host_name(self.home)


def begin(source: Source, url: str, validators: Validators, now: datetime, timeout: float) -> Trip:
    """Raises ValueError where an address is none of http or https."""
    own = source.url or source.page
    login = (source.auth.username, source.auth.password) if source.auth else credentials(own or "")
    start = as_url(url)
    whole = min(WHOLE * timeout, WHOLE_AT_MOST)
    home = start if own == url else as_url(own) if own else None
    return Trip(source, now, validators, start, home, login, timeout, whole, start, whole)


def redirect(trip: Trip, status: int, location: str) -> None:
    """Turn the trip to where an answer points. Raises BadRedirect where it must not go on."""
    try:
        target = joined(trip.url, location)
    except ValueError:
        raise BadRedirect("redirects to what is no http or https address") from None
    if _loses_tls(trip.url, target) and _has_secrets(trip):
        raise BadRedirect("redirects from https to http, where others could read the login of this source")
    if len(trip.hops) == MAX_REDIRECTS:
        raise BadRedirect(f"redirects more than {MAX_REDIRECTS} times")
    # To itself, too: what waits for a cookie that we do not keep would go on for ever.
    if target == trip.start or any(target == url for _, url in trip.hops):
        raise BadRedirect("redirects in a circle")
    trip.hops.append((status, target))
    trip.url = target


def moved(trip: Trip) -> str | None:
    """Where the leading permanent redirects led, for the source to be asked there from now on.

    A step that gives up TLS ends them. So does one to another host where the source has secrets:
    that host is not told them, so what it gives may be less than what they are the key to.
    """
    target = None
    at = trip.start
    for status, url in trip.hops:
        if status not in PERMANENT or _loses_tls(at, url) or (_has_secrets(trip) and not same_site(url, at)):
            break
        target, at = str(url), url
    return target


def _loses_tls(before: URL, after: URL) -> bool:
    return before.scheme == "https" and after.scheme == "http"


def _has_secrets(trip: Trip) -> bool:
    return bool(trip.login or trip.source.cookies or trip.source.headers)
