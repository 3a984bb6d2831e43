"""The one place where errors from below become errors of the peer."""

from __future__ import annotations

import http.client
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from urllib3.exceptions import DecodeError, HTTPError

from ecommerce_core.domain import (
    PeerContractError,
    PeerDisconnected,
    PeerError,
    PeerTimedOut,
    PeerUnreachable,
)
from ecommerce_core.gateway.deadline import Call

# A lost connection, as the standard library tells it.
_LOST = (ConnectionError, ssl.SSLError, http.client.IncompleteRead)


@contextmanager
def peer_errors(call: Call) -> Iterator[None]:
    """The one place where errors from below become errors of the peer."""
    outer = sys.exception()
    try:
        yield
    # All of requests' errors are OSError; ValueError is an address or a header that
    # cannot be encoded.
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise _meaning(_causes(error, outer), call) from error
    # A connection that the watch cut can look like an answer that ended.
    if call.watch.expired:
        raise _late(call)


def _meaning(causes: tuple[BaseException, ...], call: Call) -> PeerError:
    """What an error says about the peer, told by what lies at its root."""

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # requests' own errors are all OSError: the system's have a number.
    by_system = any(isinstance(cause, OSError) and cause.errno for cause in causes)
    if call.watch.expired:
        return _late(call)
    if not call.watch.connected:
        return _no_connection(call, caused_by, by_system=by_system)
    seconds = f"{call.timeout_s:g}"
    if caused_by(TimeoutError):
        silent = "{peer} fell silent for {seconds} s in the middle of its answer"
        template = silent if call.watch.begun else "{peer} did not answer within {seconds} s"
        return PeerTimedOut(template, peer=call.peer, seconds=seconds)
    if caused_by(DecodeError):
        return PeerContractError("{peer} sent an answer that does not unpack", peer=call.peer)
    if by_system or caused_by(*_LOST):
        middle = "{peer} closed the connection in the middle of its answer"
        nothing = "{peer} closed the connection without an answer"
        return PeerDisconnected(middle if call.watch.begun else nothing, peer=call.peer)
    return PeerContractError("{peer} did not answer in proper HTTP", peer=call.peer)


def _no_connection(
    call: Call, caused_by: Callable[..., bool], *, by_system: bool
) -> PeerUnreachable:
    seconds = f"{call.connect_timeout_s:g}"
    if caused_by(socket.gaierror):
        template = "the gateway's name is not known, so {peer} cannot be reached"
    elif caused_by(TimeoutError):
        template = "the gateway took no connection for {peer} within {seconds} s"
    elif caused_by(ssl.SSLError):
        template = "the gateway cannot be trusted, so {peer} was not asked: TLS failed"
        call.may_try_again = False
    elif by_system or caused_by(ConnectionError):
        template = "the gateway refuses connections, so {peer} cannot be reached"
    else:
        template = "the address of {peer} makes no sense"
        call.may_try_again = False
    return PeerUnreachable(template, peer=call.peer, seconds=seconds)


def _late(call: Call) -> PeerTimedOut:
    return PeerTimedOut(
        "{peer} was not done within {seconds} s",
        peer=call.peer,
        seconds=f"{call.watch.seconds:g}",
    )


def _causes(error: BaseException, outer: BaseException | None) -> tuple[BaseException, ...]:
    """``error`` and what led to it, short of ``outer``, which the caller was handling anyway."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current is not outer:
        causes.append(current)
        current = current.__cause__ or current.__context__
    return tuple(causes)
