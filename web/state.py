"""What the plumbing keeps for one application: settings, clock, registered texts and hooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from flask import Flask, current_app

from kernel.clock import Clock
from kernel.settings import Settings

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
    """

    settings: Settings
    clock: Clock
    on_refusal: OnRefusal | None
    limits: RateLimits
    static_files: StaticFiles
    error_texts: dict[str, ErrorText] = field(default_factory=dict)

    @property
    def hosts(self) -> Mapping[str, str]:
        """The ``Host`` values that this service answers to, each with the scheme that browsers use for it."""
        origins = (self.settings.issuer, self.settings.mtls_origin)
        return {urlsplit(origin).netloc.lower(): urlsplit(origin).scheme for origin in origins if origin}


def install_state(app: Flask, state: WebState) -> None:
    """Attach ``state`` to ``app``."""
    app.extensions["web"] = state


def web_state(app: Flask | None = None) -> WebState:
    """Return the plumbing of ``app`` (of the application in progress by default)."""
    return cast(WebState, (app or current_app).extensions["web"])
