"""Errors of peers, of the gateway and of the scheduler."""

from __future__ import annotations

from ecommerce_core.domain.labels import N_

PEERS = {
    "gateway_name_unknown": N_("the gateway's name is not known, so {peer} cannot be reached"),
    "gateway_timed_out": N_("the gateway accepted no connection for {peer} within {seconds:g} s"),
    "gateway_untrusted": N_("the gateway cannot be trusted, so {peer} was not asked: TLS failed"),
    "gateway_refuses": N_("the gateway refuses connections, so {peer} cannot be reached"),
    "address_invalid": N_("the address of {peer} is not valid"),
    "no_route": N_("the gateway has no route for {peer}"),
    "peer_down": N_("the gateway reports that {peer} is down ({status})"),
    "peer_silent": N_("{peer} did not answer within {seconds:g} s"),
    "peer_fell_silent": N_("{peer} fell silent for {seconds:g} s in the middle of its answer"),
    "peer_too_slow": N_("{peer} did not finish within {seconds:g} s"),
    "answer_not_read_in_time": N_("the answer of {peer} could not be read before the deadline"),
    "no_answer": N_("{peer} closed the connection without an answer"),
    "answer_cut": N_("{peer} closed the connection in the middle of its answer"),
    "redirect_not_sent_again": N_("{peer} redirects a {method} to {target}: it was not sent again"),
    "redirect_without_address": N_("{peer} redirects to {target}, which is not an address"),
    "redirect_away": N_("{peer} redirects away from the gateway, to {target}: not followed"),
    "too_many_redirects": N_("{peer} redirected more than {count} times"),
    "answer_too_large": N_("{peer} sent more than {limit_mb:.4g} MB, the most that is accepted"),
    "too_many_records": N_("{peer} sent more than {limit} records, the most that are accepted"),
    "status_unexpected": N_("{peer} answered with status {status}, which was not asked for"),
    "encoding_unexpected": N_(
        "{peer} compressed its answer as {encoding}, which was not asked for"
    ),
    "answer_not_unpacked": N_("{peer} sent an answer that cannot be decompressed"),
    "not_http": N_("{peer} did not send a valid HTTP answer"),
    "answer_not_json": N_(
        "{peer} sent something that is not JSON: {reason}; it begins with {start}"
    ),
    "answer_of_another_shape": N_("{peer} sent JSON of another shape: {reason}"),
    "no_record_taken": N_(
        "none of the {count} records from {peer} could be accepted; the first: {reason}"
    ),
    "routes_without_end": N_("{peer} lists routes without end"),
    "not_an_administration": N_("{peer} does not answer as a gateway's administration does"),
    "answered_by_another": N_("{peer} is answered for by something else"),
    "peer_refused": N_("{peer} answered {status}"),
    "peer_refused_with_reason": N_("{peer} answered {status}: {reason}"),
    "peer_failed": N_("{peer} answered {status}"),
    "peer_failed_with_reason": N_("{peer} answered {status}: {reason}"),
}
