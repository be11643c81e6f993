"""The Flask application that houses are mounted on: everything around a view, nothing of any domain."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, has_request_context, request
from jinja2 import StrictUndefined
from werkzeug.exceptions import MisdirectedRequest

from kernel.clock import Clock
from kernel.identifiers import new_id
from kernel.origin import Origin, begin_work, current_origin, end_work
from kernel.settings import Settings, is_loopback, is_test_name
from web import component_sheet, shell_pages, start_page, template_cache
from web.client_address import BadForwardedAddressError, ClientAddresses
from web.client_certificate import (
    BadClientCertificateError,
    ClientCertificateNotBelievedError,
    on_mtls_host,
    presented_certificate,
)
from web.cookies import cookie_name
from web.csrf import init_csrf
from web.error_pages import init_error_pages
from web.error_texts import OWN_TEXTS, describe_errors
from web.form_session import FormSessions
from web.headers import apply_headers, plain_headers
from web.in_progress import ShortCall, begin_short_call, end_short_call
from web.locale import init_locale
from web.moments import init_moments
from web.operations import PATHS as OPERATION_PATHS
from web.operations import Metrics, init_operations
from web.pages import use_icon, used_icons
from web.rate_limit import RateLimits
from web.ready_answer import ReadyAnswer
from web.refusals import report_refusal
from web.request_bounds import MAX_BODY, MAX_FORM_MEMORY, ascii_query, bound_body, check_bounds, check_form
from web.short_way import PlainDocument, ShortWay, ShortWays
from web.state import OnRefusal, WebState, install_state, web_state
from web.static_files import StaticFiles, init_static_files

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_LOG_NAME = "web.requests"
_log = structlog.get_logger(_LOG_NAME)
_log_level = logging.getLogger(_LOG_NAME)
LONG_WAY = "sau.long_way"  # in the environment of a request that no short way answers
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def create_app(
    *, settings: Settings, clock: Clock, secret_key: bytes | Callable[[], bytes], on_refusal: OnRefusal | None = None
) -> Flask:
    """Return an application without views of any house: headers, CSRF, errors, languages, limits, operations.

    :param secret_key: at least 32 octets, the same in every process; signs the form session (CSRF token, language).
        Or what returns them; while it raises ``Unavailable`` pages with forms are answered so, and others are served.
    :param on_refusal: called with a reason and public details when the plumbing refuses a request.
    :raises ValueError: if ``secret_key`` is too short.
    """
    if isinstance(secret_key, bytes) and len(secret_key) < 32:
        raise ValueError("secret_key: at least 32 octets")
    app = SauFlask(__name__, static_folder=None, template_folder="templates")
    _configure(app, settings, secret_key)
    install_state(
        app,
        WebState(
            settings=settings,
            clock=clock,
            on_refusal=on_refusal,
            limits=RateLimits.from_settings(settings),
            static_files=StaticFiles(),
            any_host_prefixes=[*OPERATION_PATHS],
            mtls_prefixes=[*OPERATION_PATHS, "/static"],
        ),
    )
    app.before_request(_check_request)
    init_error_pages(app)
    init_csrf(app)
    init_locale(app)
    init_moments(app)
    init_static_files(app)
    app.metrics = init_operations(app)
    app.after_request(_finish)
    describe_errors(app, OWN_TEXTS)
    app.register_blueprint(start_page.blueprint)
    app.register_blueprint(shell_pages.blueprint)
    if is_loopback(settings.issuer) or is_test_name(settings.issuer):
        app.register_blueprint(component_sheet.blueprint)
    return app


class SauFlask(Flask):
    """Flask that declares, before anything else runs, where each request comes from, and answers on short ways."""

    settings: Settings
    form_key: Callable[[], bytes]
    session_interface = FormSessions()
    short_ways: ShortWays
    metrics: Metrics
    addresses: ClientAddresses
    scheme: str
    _documents: dict[str, tuple[ReadyAnswer | None, list[tuple[str, str]]]]

    @property
    def secret_key(self) -> bytes:  # type: ignore[override]
        """What signs the form session. :raises Unavailable: while it is away."""
        return self.form_key()

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request under its own request id and origin."""
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = ascii_query(query)
        way = None if LONG_WAY in environ else self.short_ways.find(environ)
        answer = None if way is None else self.answer_shortly(way, environ)
        if answer is not None:
            start_response(answer.status, answer.headers)
            return [answer.body]
        work = begin_work(self._origin_of(environ))
        try:
            # The scheme is what browsers use for this host, whatever reached us through a proxy: links go by it.
            environ["wsgi.url_scheme"] = self.scheme
            environ["sau.settings"] = self.settings
            return super().wsgi_app(environ, start_response)
        finally:
            end_work(work)

    def answer_shortly(self, way: ShortWay, environ: WSGIEnvironment) -> ReadyAnswer | None:
        """Return the whole answer of a short way, None if the request has to go the long way after all.

        On an event loop it may be left with :class:`kernel.loop_call.NeedsThreadError`, before it has done anything.
        """
        origin = self._origin_of(environ)
        if "sau.bad_address" in environ:
            return None
        work = begin_work(origin)
        call = begin_short_call(ShortCall(self, way.endpoint, environ["REQUEST_METHOD"]))
        try:
            answer = self.short_ways.answer(way, environ)
            return None if answer is None else self._completed(answer, environ, way, origin)
        except Exception as error:
            environ["sau.failed"] = error  # told like any other mistake of ours; nothing is done again
            return None
        finally:
            end_short_call(call)
            end_work(work)

    def answer_at_hand(self, asked: PlainDocument, peer: str) -> ReadyAnswer | None:
        """Return the whole answer to whoever asked for a document, None if it is not at hand: then as any request.

        :param peer: the address that the connection comes from.
        """
        started, way = time.perf_counter(), asked.way
        try:
            address = self.addresses.find(peer, asked.forwarded_for)
        except BadForwardedAddressError:
            return None
        origin = Origin(request_id=new_id(), address=address, user_agent=asked.agent[:512], channel="web")
        work = begin_work(origin)
        call = begin_short_call(ShortCall(self, way.endpoint, "GET"))
        try:
            assert way.at_hand is not None
            answer = way.at_hand()
            if answer is None:
                return None
            known, headers = self._documents.get(way.endpoint, (None, []))
            if known is not answer:
                missing = plain_headers(
                    tuple([name for name, _ in answer.headers]), secure=self.settings.secure_cookies
                )
                headers = [*answer.headers, *missing]
                self._documents[way.endpoint] = answer, headers
            self._note(way.endpoint, "GET", int(answer.status[:3]), time.perf_counter() - started)
            return ReadyAnswer(answer.status, [*headers, ("X-Request-Id", origin.request_id)], answer.body)
        except Exception:
            return None  # whoever answers any request will meet the same mistake, and tell it
        finally:
            end_short_call(call)
            end_work(work)

    def refuse_early(
        self, environ: WSGIEnvironment, status: int, text: str, more: Sequence[tuple[str, str]]
    ) -> ReadyAnswer:
        """Return, counted and with the headers of every answer, one to a request that no way was taken for.

        :param text: one line for who sent it. :param more: headers of its own.
        """
        origin = self._origin_of(environ)
        answer = ReadyAnswer.made(
            status,
            "text/plain; charset=utf-8",
            f"{text}\n".encode(),
            [("Cache-Control", "no-store"), *more, ("X-Request-Id", origin.request_id)],
        )
        missing = plain_headers(tuple([name for name, _ in answer.headers]), secure=self.settings.secure_cookies)
        self.note(environ, endpoint="none", status=status)
        return answer._replace(headers=[*answer.headers, *missing])

    def note(self, environ: Mapping[str, Any], *, endpoint: str, status: int) -> None:
        """Count one answered request, and log it where the log is so detailed."""
        self._note(endpoint, environ["REQUEST_METHOD"], status, time.perf_counter() - environ["sau.started"])

    def _note(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        self.metrics.observe(endpoint=endpoint, method=method, status=status, seconds=seconds)
        if _log_level.isEnabledFor(logging.INFO):
            _log.info("request", method=method, endpoint=endpoint, status=status, ms=round(seconds * 1000, 1))

    def _completed(self, answer: ReadyAnswer, environ: WSGIEnvironment, way: ShortWay, origin: Origin) -> ReadyAnswer:
        """Return an answer of the short way with all that :func:`_finish` adds to one of Flask's."""
        status, headers, body = answer
        missing = plain_headers(tuple([name for name, _ in headers]), secure=self.settings.secure_cookies)
        self.note(environ, endpoint=way.endpoint, status=int(status[:3]))
        return ReadyAnswer(status, [*headers, *missing, ("X-Request-Id", origin.request_id)], body)

    def _origin_of(self, environ: WSGIEnvironment) -> Origin:
        """Return the request's origin, the same on both ways."""
        if "sau.origin" not in environ:
            environ["sau.started"] = time.perf_counter()
            environ["sau.origin"] = self._read_origin(environ)
        origin: Origin = environ["sau.origin"]
        return origin

    def _read_origin(self, environ: WSGIEnvironment) -> Origin:
        try:
            address = self.addresses.find(environ.get("REMOTE_ADDR", ""), environ.get("HTTP_X_FORWARDED_FOR"))
        except BadForwardedAddressError as error:
            environ["sau.bad_address"] = error
            address = ""
        agent = environ.get("HTTP_USER_AGENT", "")[:512]
        return Origin(request_id=new_id(), address=address, user_agent=agent, channel="web")


def _configure(app: SauFlask, settings: Settings, secret_key: bytes | Callable[[], bytes]) -> None:
    issuer = urlsplit(settings.issuer)
    app.settings = settings
    app.form_key = (lambda: secret_key) if isinstance(secret_key, bytes) else secret_key
    app.short_ways = ShortWays(settings)
    app.scheme = issuer.scheme
    app._documents = {}
    app.addresses = ClientAddresses(settings.trusted_proxies)
    app.config.update(
        SERVER_NAME=issuer.netloc,
        PREFERRED_URL_SCHEME=issuer.scheme,
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_MEMORY_SIZE=MAX_FORM_MEMORY,
        MAX_FORM_PARTS=200,
        SESSION_COOKIE_NAME=cookie_name(settings, "sau_form"),
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.bytecode_cache = template_cache.SHARED
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        use_icon=use_icon,
        used_icons=used_icons,
        issuer=settings.issuer,
        main_site=lambda: _main_site(settings),
        this_site=lambda: settings.mtls_origin if _main_site(settings) else settings.issuer,
        test_environment=settings.demo or is_loopback(settings.issuer) or is_test_name(settings.issuer),
    )


def _main_site(settings: Settings) -> str:
    """Return what goes before a local path in a link, so that it leads to the main host: nothing where we are there."""
    return settings.issuer if has_request_context() and on_mtls_host(request.environ, settings) else ""


def _check_request() -> None:
    """Refuse, in this order: a host that is not ours, an address or certificate that is none, what is beyond bounds."""
    state = web_state()
    if "sau.failed" in request.environ:
        raise request.environ["sau.failed"]
    if not state.answers_any_host(request.path) and request.host.lower() not in state.hosts:
        raise MisdirectedRequest
    if on_mtls_host(request.environ, state.settings) and not state.answers_on_mtls_host(request.path):
        raise MisdirectedRequest
    bad_address = request.environ.get("sau.bad_address")
    if bad_address is not None:
        report_refusal("bad_forwarded_address", {})
        raise bad_address
    check_bounds(request.environ)
    try:
        presented_certificate()
    except (BadClientCertificateError, ClientCertificateNotBelievedError) as error:
        report_refusal(error.code, {"cause": error.public_detail})
        raise
    bound_body(request.environ)
    if request.mimetype in _FORMS:
        check_form(request.form)


def _finish(response: Response) -> Response:
    response.headers.setdefault("X-Request-Id", current_origin().request_id)
    apply_headers(response, web_state().settings)
    app = cast(SauFlask, current_app)
    app.note(request.environ, endpoint=request.endpoint or "none", status=response.status_code)
    return response
