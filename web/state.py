"""What the plumbing keeps for one application: settings, clock, registered texts and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flask import Flask

from kernel.clock import Clock
from kernel.settings import Settings
from web.in_progress import application

if TYPE_CHECKING:
    from web.error_texts import ErrorText
    from web.rate_limit import RateLimits
    from web.static_files import StaticFiles

OnRefusal = Callable[[str, dict[str, Any]], None]


@dataclass
class WebState:
    """One application's plumbing.

    :ivar on_refusal: called when a request is refused before any house saw it, so that it can be put on record; gets
        a reason in ``snake_case`` and public details (never a form value, a header or a query string).
    :ivar error_texts: sentences by error code, registered by the houses.
    :ivar error_layouts: what error pages below a path look like: see ``web.error_pages.lay_out_errors``.
    :ivar languages_below: languages of the pages below a path, where not all: see ``web.locale.speak_only``.
    :ivar any_host_prefixes: beginnings of paths that are answered under whatever ``Host``: see :func:`accept_any_host`.
    :ivar mtls_prefixes: beginnings of the paths that are answered on the mutual-TLS host: see
        :func:`answer_on_mtls_host`.
    """

    settings: Settings
    clock: Clock
    on_refusal: OnRefusal | None
    limits: RateLimits
    static_files: StaticFiles
    error_texts: dict[str, ErrorText] = field(default_factory=dict)
    any_host_prefixes: list[str] = field(default_factory=list)
    mtls_prefixes: list[str] = field(default_factory=list)
    error_layouts: dict[str, str] = field(default_factory=dict)
    languages_below: dict[str, frozenset[str]] = field(default_factory=dict)

    def answers_any_host(self, path: str) -> bool:
        """Tell whether ``path`` stands at or below one of the prefixes that need no ``Host`` of ours."""
        return _is_below(path, self.any_host_prefixes)

    def answers_on_mtls_host(self, path: str) -> bool:
        """Tell whether ``path`` is served on the host on which the proxy asks for certificates."""
        return _is_below(path, self.mtls_prefixes)

    @property
    def hosts(self) -> Mapping[str, str]:
        """The ``Host`` values that this service answers to, each with the scheme that browsers use for it."""
        origins = (self.settings.issuer, self.settings.mtls_origin)
        return {urlsplit(origin).netloc.lower(): urlsplit(origin).scheme for origin in origins if origin}


def _is_below(path: str, prefixes: Sequence[str]) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def install_state(app: Flask, state: WebState) -> None:
    """Attach ``state`` to ``app``."""
    app.extensions["web"] = state


def web_state(app: Flask | None = None) -> WebState:
    """Return the plumbing of ``app`` (of the application in progress by default)."""
    return cast(WebState, (app or application()).extensions["web"])


def accept_any_host(app: Flask, *prefixes: str) -> None:
    """Answer paths at or below each of ``prefixes`` whatever ``Host`` the client sends, or none.

    Only for answers that depend on no host and no cookie: signed objects such as revocation lists and OCSP answers,
    whose clients send a bare name without the port (OpenSSL) or an address.
    """
    web_state(app).any_host_prefixes.extend(prefixes)


def answer_on_mtls_host(app: Flask, *prefixes: str) -> None:
    """Answer paths at or below each of ``prefixes`` on the mutual-TLS host too; everything else is not found there.

    That host shares no cookie with the other one, so a page of people on it could only confuse them.
    """
    web_state(app).mtls_prefixes.extend(prefixes)
