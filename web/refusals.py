"""Refusals by the plumbing itself, handed to the composition so that it can put them on record."""

from __future__ import annotations

from typing import Any

import structlog
from flask import request
from limits import parse

from kernel.origin import current_origin
from web.client_address import network_of
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
    details = {"endpoint": request.endpoint or "", "method": request.method, **details}
    _log.warning("request_refused", reason=reason, **details)
    record = web_state().on_refusal
    if record is None or web_state().limits.hit(_RECORDS, "record", reason, network_of(current_origin().address)):
        return
    try:
        record(reason, details)
    except Exception:
        _log.exception("refusal_not_recorded", reason=reason)
