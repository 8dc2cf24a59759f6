"""Translate every exception of a request into an outcome. Nothing foreign leaves `fetch`.

The texts of foreign exceptions hold whole addresses, with the secrets in them; they are never
passed on.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import aiohttp
from aiohttp.http import HttpProcessingError
from aiohttp.http_exceptions import PayloadEncodingError

from aggregator.fetch.guard import Refused
from aggregator.fetch.inflate import Damaged, TooLarge
from aggregator.fetch.manners import Held, NoPlace
from aggregator.fetch.trip import BadRedirect
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
    #: Other hosts answered of late, so that what looks like a network that is down concerns one host.
    online: bool = False
    #: The proxy is the one of `network`, so that all requests go through it.
    shared_proxy: bool = False


#: What a request can raise. Anything else is a fault of ours.
FOREIGN = (aiohttp.ClientError, HttpProcessingError, OSError, ValueError, TooLarge, Damaged, BadRedirect, Held, NoPlace)

#: Seconds after which a source that found no place is asked again; told so, it counts as no failure.
COME_AGAIN = 60.0

Rule = Callable[[BaseException, Asked], Failed]
Scope = Literal["url", "host", "everybody"]

#: No way out of this machine. Also what one host gets that has only addresses of a kind that we have no way to.
_NO_NETWORK = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})
#: This machine has no more to give; no host can help that.
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
#: Where the addresses of a host fail differently, their errors are only to be had from the text.
_NUMBER = re.compile(r"\[Errno (\d+)\]")

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


def no_network(error: BaseException) -> bool:
    """Whether it is what every request fails with while the network is down."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN  # no answer; a name that does not exist has one
    if not isinstance(cause, OSError):
        return False
    numbers = {cause.errno} if cause.errno else {int(number) for number in _NUMBER.findall(str(cause))}
    return bool(numbers) and numbers <= _NO_NETWORK


def _cause(error: BaseException) -> BaseException:
    return error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error


def _says(outcome: Outcome, sentence: str, remedy: str, scope: Scope = "url") -> Rule:
    def rule(_: BaseException, asked: Asked) -> Failed:
        values = {"shown": asked.shown, "host": asked.host, "timeout": asked.timeout, "whole": asked.whole}
        return Failed(outcome, sentence.format(**values), remedy, scope=scope)

    return rule


def _not_connected(error: BaseException, asked: Asked) -> Failed:
    cause = _cause(error)
    if isinstance(cause, Refused):
        return _refused(cause, asked)
    message = f"No connection to {asked.host}: {_in_words(cause)}"
    if getattr(cause, "errno", None) in _EXHAUSTED:
        return Failed(Outcome.UNREACHABLE, message, "Lower `network.concurrency`, or allow more.", scope="everybody")
    return Failed(Outcome.UNREACHABLE, message, _CHECK, scope=_scope(cause, asked))


def _not_resolved(error: BaseException, asked: Asked) -> Failed:
    scope = _scope(error, asked)
    if no_network(error):
        return Failed(Outcome.UNREACHABLE, f"No name server tells where {asked.host} is", _CHECK, scope=scope)
    return Failed(Outcome.UNREACHABLE, f"The host name {asked.host} is not known", _CHECK, scope=scope)


def _scope(error: BaseException, asked: Asked) -> Scope:
    return "everybody" if no_network(error) and not asked.online else "host"


def _no_proxy(_: BaseException, asked: Asked) -> Failed:
    message = f"The proxy for {asked.host} cannot be reached"
    return Failed(Outcome.UNREACHABLE, message, _PROXY, scope="everybody" if asked.shared_proxy else "url")


def _no_place(_: BaseException, asked: Asked) -> Failed:
    message = f"Not asked: others that were asked at {asked.host} took all the time there was"
    remedy = "Nothing to do: it is asked again. A higher `network.per_host` helps where the host does not mind."
    return Failed(Outcome.RATE_LIMITED, message, remedy, COME_AGAIN, "host")


def _held(error: BaseException, asked: Asked) -> Failed:
    wait = error.seconds if isinstance(error, Held) else 0.0
    message = f"Not asked: {asked.host} answered 429 Too Many Requests and wants no request for another {wait:.0f} s"
    return Failed(Outcome.RATE_LIMITED, message, _LATER, wait, "host")


def _in_words(error: BaseException) -> str:
    if isinstance(error, ConnectionError) and error.errno is None:  # in the middle of the handshake of TLS
        return "it was closed at once"
    code = getattr(error, "errno", None)
    return os.strerror(code).lower() if isinstance(code, int) and code > 0 else "none of its addresses answers"


def _refused(error: BaseException, asked: Asked) -> Failed:
    address = getattr(error, "address", "")
    remedy = f"If it is yours, set `allow_private: true` for the source, or add {asked.host} to `network.allow`."
    if address.startswith(("198.18.", "198.19.")):  # what Clash and the like answer to every name
        remedy = "A proxy on this machine answers for all names: add 198.18.0.0/15 to `network.allow`."
    message = f"{asked.host} is at {address}, which is a private address"
    return Failed(Outcome.REFUSED_ADDRESS, message, remedy, scope="host")


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
    "host",
)
#: By OpenSSL's number of the fault (X509_V_ERR_…).
_CERTIFICATES = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "is signed by an authority that nobody knows",
    20: "is signed by an authority that nobody knows",
    62: "is for another host",
    64: "is for another host",
}


def _not_certified(error: BaseException, asked: Asked) -> Failed:
    number = getattr(getattr(error, "certificate_error", None), "verify_code", 0)
    message = f"The certificate of {asked.host} {_CERTIFICATES.get(number, 'is not valid')}"
    return replace(_TLS(error, asked), message=message)


_CUT = _says(Outcome.UNREACHABLE, "{host} closed the connection without an answer", _LATER, "host")
_GARBLED = _says(Outcome.HTTP_ERROR, "The answer of {host} is no valid HTTP", _LATER)
# A bad chunk is here, too, unless it came together with the header.
_BROKEN_OFF = _says(Outcome.HTTP_ERROR, "The answer of {host} broke off, or is no valid HTTP", _LATER)
_LONG_HEADER = _says(Outcome.HTTP_ERROR, "The answer of {host} has too large a header", _LATER)


def _garbled(error: BaseException, asked: Asked) -> Failed:
    # The same class for everything that is wrong with a header; the text alone tells which.
    too_large = str(getattr(error, "message", "")).startswith(("Got more than", "Too many headers"))
    return (_LONG_HEADER if too_large else _GARBLED)(error, asked)


_ADDRESS = _says(Outcome.UNREACHABLE, "{shown} is no address that can be asked", "Correct `url`.")
_PROXY = "Check `proxy` of the source or of `network`."

#: By exception; of several that fit the most special one.
RULES: dict[type[BaseException], Rule] = {
    aiohttp.ClientConnectorDNSError: _not_resolved,
    aiohttp.ClientProxyConnectionError: _no_proxy,
    aiohttp.ClientHttpProxyError: _says(Outcome.UNREACHABLE, "The proxy refuses to connect to {host}", _PROXY, "host"),
    aiohttp.ClientConnectorCertificateError: _not_certified,
    aiohttp.ClientSSLError: _TLS,
    aiohttp.ServerFingerprintMismatch: _TLS,
    aiohttp.ClientConnectorError: _not_connected,
    aiohttp.ConnectionTimeoutError: _says(
        Outcome.UNREACHABLE, "No connection to {host} within {timeout:g} s", _CHECK, "host"
    ),
    aiohttp.ServerTimeoutError: _says(Outcome.UNREACHABLE, "{host} was silent for {timeout:g} s", _LATER, "host"),
    aiohttp.ClientConnectionError: _CUT,
    aiohttp.ClientPayloadError: _BROKEN_OFF,
    aiohttp.UploadAbortedError: _CUT,
    aiohttp.ClientResponseError: _garbled,
    PayloadEncodingError: _BROKEN_OFF,
    HttpProcessingError: _garbled,
    aiohttp.InvalidURL: _ADDRESS,
    aiohttp.NonHttpUrlClientError: _ADDRESS,
    aiohttp.RedirectClientError: _ADDRESS,
    TimeoutError: _says(Outcome.UNREACHABLE, "{host} did not finish its answer within {whole:g} s", _LATER, "host"),
    Held: _held,
    NoPlace: _no_place,
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
