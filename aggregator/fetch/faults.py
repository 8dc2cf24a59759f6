"""Translate every exception of a request into an outcome. Nothing foreign leaves `fetch`.

The texts of foreign exceptions hold whole addresses, with the secrets in them; they are never
passed on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
from aiohttp.http import HttpProcessingError

from aggregator.fetch.guard import Refused
from aggregator.fetch.inflate import Damaged, TooLarge
from aggregator.model import Failed, Outcome


@dataclass(frozen=True, slots=True)
class Asked:
    """What messages may say of the request."""

    #: Without user info and query.
    shown: str
    host: str
    #: Seconds.
    timeout: float
    #: Seconds for the whole.
    whole: float


class BadRedirect(Exception):  # noqa: N818 - names what happened
    """A redirect that is not followed, and why."""


#: What a request can raise. Anything else is a fault of ours.
FOREIGN = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError, TooLarge, Damaged, BadRedirect)

Rule = Callable[[BaseException, Asked], Failed]

_LATER = "Nothing to do: it is asked again, less often while this lasts."
_CHECK = "Check `url`, and whether this machine reaches it."


def failed(error: BaseException, asked: Asked) -> Failed:
    """What an exception of `FOREIGN` comes to; one that no rule knows is a fault of ours."""
    rule = rule_for(type(error))
    if rule is None:
        return Failed(Outcome.INTERNAL, f"{asked.shown}: unexpected {type(error).__name__}", "Please report this.")
    return rule(error, asked)


def rule_for(kind: type[BaseException]) -> Rule | None:
    """The rule of that class or of the nearest class above it."""
    return next((RULES[base] for base in kind.__mro__ if base in RULES), None)


def _says(outcome: Outcome, sentence: str, remedy: str) -> Rule:
    def rule(_: BaseException, asked: Asked) -> Failed:
        values = {"shown": asked.shown, "host": asked.host, "timeout": asked.timeout, "whole": asked.whole}
        return Failed(outcome, sentence.format(**values), remedy)

    return rule


def _not_connected(error: BaseException, asked: Asked) -> Failed:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, Refused):
        return _refused(cause, asked)
    return Failed(Outcome.UNREACHABLE, f"No connection to {asked.host}: {_in_words(cause)}", _CHECK)


def _in_words(error: BaseException) -> str:
    code = getattr(error, "errno", None)
    return os.strerror(code).lower() if isinstance(code, int) and code > 0 else "none of its addresses answers"


def _refused(error: BaseException, asked: Asked) -> Failed:
    address = getattr(error, "address", "")
    remedy = f"If it is yours, set `allow_private: true` for the source, or add {asked.host} to `network.allow`."
    if address.startswith(("198.18.", "198.19.")):  # what Clash and the like answer to every name
        remedy = "A proxy on this machine answers for all names: add 198.18.0.0/15 to `network.allow`."
    return Failed(Outcome.REFUSED_ADDRESS, f"{asked.host} is at {address}, which is a private address", remedy)


def _too_large(error: BaseException, asked: Asked) -> Failed:
    limit = error.limit if isinstance(error, TooLarge) else 0
    message = f"{asked.shown} is larger than {limit:,} bytes"
    return Failed(Outcome.TOO_LARGE, message, "If such a feed is really meant, raise `network.max_bytes`.")


def _damaged(error: BaseException, asked: Asked) -> Failed:
    return Failed(Outcome.HTTP_ERROR, f"The answer of {asked.shown} cannot be unpacked: {error}", _LATER)


def _redirected(error: BaseException, asked: Asked) -> Failed:
    remedy = "Check `url` in a browser; if the site wants to see cookies, set `cookies`."
    return Failed(Outcome.HTTP_ERROR, f"{asked.shown} {error}", remedy)


_TLS = _says(
    Outcome.UNREACHABLE,
    "{host} has no valid certificate, or no TLS",
    "Tell the site. `tls_verify: false` reads it all the same, and anybody on the way can alter it.",
)
_CUT = _says(Outcome.UNREACHABLE, "{host} closed the connection without an answer", _LATER)
# A body that breaks off is here, too: aiohttp reports a bad chunk as the one or the other,
# depending on whether it came together with the header.
_GARBLED = _says(
    Outcome.HTTP_ERROR, "The answer of {host} broke off, is no valid HTTP, or has too large a header", _LATER
)
_ADDRESS = _says(Outcome.UNREACHABLE, "{shown} is no address that can be asked", "Correct `url`.")
_PROXY = "Check `proxy` of the source or of `network`."

#: By exception; of several that fit the most special one.
RULES: dict[type[BaseException], Rule] = {
    aiohttp.ClientConnectorDNSError: _says(Outcome.UNREACHABLE, "The host name {host} is not known", _CHECK),
    aiohttp.ClientProxyConnectionError: _says(Outcome.UNREACHABLE, "The proxy for {host} cannot be reached", _PROXY),
    aiohttp.ClientHttpProxyError: _says(Outcome.UNREACHABLE, "The proxy refuses to connect to {host}", _PROXY),
    aiohttp.ClientSSLError: _TLS,
    aiohttp.ServerFingerprintMismatch: _TLS,
    aiohttp.ClientConnectorError: _not_connected,
    aiohttp.ConnectionTimeoutError: _says(Outcome.UNREACHABLE, "No connection to {host} within {timeout:g} s", _CHECK),
    aiohttp.ServerTimeoutError: _says(Outcome.UNREACHABLE, "{host} was silent for {timeout:g} s", _LATER),
    aiohttp.ClientConnectionError: _CUT,
    aiohttp.ClientPayloadError: _GARBLED,
    aiohttp.UploadAbortedError: _CUT,
    aiohttp.ClientResponseError: _GARBLED,
    HttpProcessingError: _GARBLED,
    aiohttp.InvalidURL: _ADDRESS,
    aiohttp.NonHttpUrlClientError: _ADDRESS,
    aiohttp.RedirectClientError: _ADDRESS,
    TimeoutError: _says(Outcome.UNREACHABLE, "{host} did not finish its answer within {whole:g} s", _LATER),
    Refused: _refused,
    TooLarge: _too_large,
    Damaged: _damaged,
    BadRedirect: _redirected,
    OSError: _not_connected,
    ValueError: _says(
        Outcome.UNREACHABLE,
        "{shown} cannot be asked: its address, the proxy, a header or a cookie is not valid",
        "Correct `url`, `proxy`, `headers`, `cookies` or `auth` of the source.",
    ),
}
