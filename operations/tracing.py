"""Whether this process is traced: only where ``SAU_TRACES_URL`` names a collector is anything of it imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from kernel.errors import Rejected
from kernel.outbox import Handler
from kernel.settings import Settings

if TYPE_CHECKING:
    from operations.traces import Tracing


def tracing_of(settings: Settings) -> Tracing | None:
    """Return what traces this process, None where no collector is named. Call it after the process was forked.

    :raises Rejected: (``no_opentelemetry``) if one is named and the packages are not installed.
    """
    if not settings.traces_url:
        return None
    try:
        traces = import_module("operations.traces")
    except ImportError as error:
        raise Rejected("SAU_TRACES_URL needs the extra 'traces' (OpenTelemetry).", code="no_opentelemetry") from error
    begun: Tracing = traces.begin_tracing(settings)
    return begun


def traced(tracing: Tracing | None, handlers: Mapping[str, Handler]) -> Mapping[str, Handler]:
    """Return the handlers, in spans where there is tracing."""
    if tracing is None:
        return handlers
    return {kind: tracing.around_handler(kind, handler) for kind, handler in handlers.items()}
