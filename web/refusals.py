"""Refusals by the plumbing itself, handed to the composition so that it can put them on record."""

from __future__ import annotations

from typing import Any

import structlog
from flask import g
from limits import parse

from kernel.origin import current_origin
from web.client_address import network_of
from web.in_progress import endpoint_and_method, on_short_way
from web.state import web_state

# A flood of bad requests must not become a flood of records; the log still counts each one.
_RECORDS = parse("30 per minute")
_log = structlog.get_logger("web.refusals")


def report_refusal(reason: str, details: dict[str, Any]) -> None:
    """Tell the log and the composition that a request is refused for ``reason``.

    One network gets at most 30 records a minute for each reason.
    A recorder that fails never turns the refusal into an acceptance: its failure is logged and the refusal goes on.

    :param details: public values only; the endpoint and method are added.
    """
    if not on_short_way():
        g.refusal_reported = True
    endpoint, method = endpoint_and_method()
    details = {"endpoint": endpoint, "method": method, **details}
    _log.warning("request_refused", reason=reason, **details)
    record = web_state().on_refusal
    if record is None or not may_record(reason):
        return
    try:
        record(reason, details)
    except Exception:
        _log.exception("refusal_not_recorded", reason=reason)


def may_record(kind: str) -> bool:
    """Count one record of ``kind`` caused by the caller's network; tell whether it is within the 30 of a minute.

    For houses that put refusals on record which cost the caller nothing.
    """
    return web_state().limits.hit(_RECORDS, "record", kind, network_of(current_origin().address)) is None


def is_reported() -> bool:
    """Tell whether the plumbing has reported the refusal that this request ends in."""
    return bool(g.get("refusal_reported", False))
