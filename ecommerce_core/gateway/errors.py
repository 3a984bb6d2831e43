"""Convert lower-level errors into errors of the peer, at one point."""

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

# The errors by which the standard library reports a lost connection.
_LOST = (ConnectionError, ssl.SSLError, http.client.IncompleteRead)


@contextmanager
def peer_errors(call: Call) -> Iterator[None]:
    """Convert lower-level errors of the block into errors of the peer. Raises PeerError."""
    outer = sys.exception()
    try:
        yield
    # All of requests' errors are OSError; ValueError is an invalid address or a header that cannot
    # be encoded.
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        raise _meaning(_causes(error, outer), call) from error
    # A connection that the deadline cut can look like an answer that ended.
    if call.watch.expired:
        raise _late(call)


def _meaning(causes: tuple[BaseException, ...], call: Call) -> PeerError:
    """Return the PeerError for an error, judged by its root causes."""

    def caused_by(*kinds: type[BaseException]) -> bool:
        return any(isinstance(cause, kinds) for cause in causes)

    # requests' own errors are all OSError: only those of the system have a number.
    by_system = any(isinstance(cause, OSError) and cause.errno for cause in causes)
    if call.watch.expired:
        return _late(call)
    if not call.watch.connected:
        return _no_connection(call, caused_by, by_system=by_system)
    if caused_by(TimeoutError):
        code = "peer_fell_silent" if call.watch.begun else "peer_silent"
        return PeerTimedOut(code, peer=call.peer, seconds=call.timeout_s)
    if caused_by(DecodeError):
        return PeerContractError("answer_not_unpacked", peer=call.peer)
    if by_system or caused_by(*_LOST):
        return PeerDisconnected("answer_cut" if call.watch.begun else "no_answer", peer=call.peer)
    return PeerContractError("not_http", peer=call.peer)


def _no_connection(
    call: Call, caused_by: Callable[..., bool], *, by_system: bool
) -> PeerUnreachable:
    if caused_by(socket.gaierror):
        code = "gateway_name_unknown"
    elif caused_by(TimeoutError):
        code = "gateway_timed_out"
    elif caused_by(ssl.SSLError):
        code = "gateway_untrusted"
        call.may_try_again = False
    elif by_system or caused_by(ConnectionError):
        code = "gateway_refuses"
    else:
        code = "address_invalid"
        call.may_try_again = False
    return PeerUnreachable(code, peer=call.peer, seconds=call.connect_timeout_s)


def _late(call: Call) -> PeerTimedOut:
    return PeerTimedOut("peer_too_slow", peer=call.peer, seconds=call.watch.seconds)


def _causes(error: BaseException, outer: BaseException | None) -> tuple[BaseException, ...]:
    """Return ``error`` and its causes, up to ``outer``, which the caller was handling already."""
    causes: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current is not outer:
        causes.append(current)
        current = current.__cause__ or current.__context__
    return tuple(causes)
