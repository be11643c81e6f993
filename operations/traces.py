"""Traces by OpenTelemetry. This module needs the extra ``traces``: :mod:`operations.tracing` imports it where wanted.

A span a request, job and task, with the statements below it. It carries names of ours, never an address, a parameter
or a value: what happened to whom is the journal's to say, and the request's id leads there.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flask import Flask
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span, Tracer
from sqlalchemy import event
from sqlalchemy.engine import Engine

from kernel.origin import current_origin
from kernel.outbox import Handler, Task
from kernel.settings import Settings
from kernel.worker import PeriodicJob

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_FLUSH_SECONDS = 2.0


class Tracing:
    """The tracer of one process. Make it after the process was forked: it sends from a thread of its own."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer: Tracer = provider.get_tracer("sau")

    def span(self, name: str) -> AbstractContextManager[Span]:
        """Open a span below the one in progress."""
        return self._tracer.start_as_current_span(name)

    def around_app(self, app: Flask) -> None:
        """Have every request of ``app`` in a span, named as metrics name it."""
        answer, note = app.wsgi_app, app.note  # type: ignore[attr-defined]

        def traced(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            with self.span("request"):
                return answer(environ, start_response)

        def named(environ: Mapping[str, Any], *, endpoint: str, status: int) -> None:
            span = trace.get_current_span()
            late = not span.get_span_context().is_valid
            if late:  # answered on the event loop, which nothing is wrapped around
                span = self._tracer.start_span(endpoint, start_time=_moment_of(environ["sau.started"]))
            span.update_name(endpoint)
            span.set_attribute("http.request.method", environ["REQUEST_METHOD"])
            span.set_attribute("http.response.status_code", status)
            span.set_attribute("sau.request_id", current_origin().request_id)
            if status >= 500:
                span.set_status(trace.StatusCode.ERROR)
            if late:
                span.end()
            note(environ, endpoint=endpoint, status=status)

        app.wsgi_app = traced  # type: ignore[method-assign]
        app.note = named  # type: ignore[attr-defined]

    def around_engine(self, engine: Engine) -> None:
        """Have every statement of ``engine`` that goes through SQLAlchemy in a span: its verb, never its values."""

        def before(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
            if context is not None:
                context.sau_span = self._tracer.start_span(f"db {statement.split(None, 1)[0]}")

        def after(_connection: Any, _cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
            span = vars(context).pop("sau_span", None) if context is not None else None
            if span is not None:
                span.end()

        event.listen(engine, "before_cursor_execute", before)
        event.listen(engine, "after_cursor_execute", after)

    def around_job(self, job: PeriodicJob) -> PeriodicJob:
        """Return the job with each run in a span."""

        def run() -> None:
            with self.span(f"job {job.name}"):
                job.run()

        return replace(job, run=run)

    def around_handler(self, kind: str, handler: Handler) -> Handler:
        """Return the handler with each task in a span."""

        def handle(task: Task) -> None:
            with self.span(f"task {kind}") as span:
                span.set_attribute("sau.attempt", task.attempts)
                handler(task)

        return handle


def _moment_of(started: float) -> int:
    """Return nanoseconds since 1970 of a reading of ``perf_counter``."""
    return time.time_ns() - int((time.perf_counter() - started) * 1e9)


def begin_tracing(settings: Settings) -> Tracing:
    """Return what traces this process and sends to the collector that the settings name."""
    resource = Resource.create({"service.name": "sau", "service.instance.id": f"{socket.gethostname()}:{os.getpid()}"})
    provider = TracerProvider(sampler=TraceIdRatioBased(settings.traces_share), resource=resource)
    exporter = OTLPSpanExporter(endpoint=f"{settings.traces_url}/v1/traces", timeout=_FLUSH_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)
