"""What every page of the console shows around its own matter: sections by permission, who is there."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, g

from admin.console_session import IDLE_LIFETIME, WARNING, seconds_until_warning
from admin.web import words
from admin.web.accessor import services
from admin.web.counters import counters_of
from admin.web.gate import Operator
from admin.web.navigation import open_sections


def install_frame(app: Flask) -> None:
    """Give templates the frame's values: nothing where nobody is logged in to the console."""

    @app.before_request
    def _count() -> None:
        found: Operator | None = g.get("console_operator")
        if found is not None:
            g.console_counters = counters_of(found)

    app.jinja_env.globals["translated"] = words.translated
    app.jinja_env.globals["console_idle_minutes"] = int(IDLE_LIFETIME.total_seconds()) // 60

    @app.context_processor
    def _frame() -> dict[str, object]:
        found: Operator | None = g.get("console_operator")
        if found is None:
            return {"console_operator": None, "console_roles": [], "console_sections": []}
        service = services()
        login_idle = timedelta(minutes=service.settings.session_idle_minutes)
        return {
            "console_warn_after": seconds_until_warning(found.opened, login_idle=login_idle, now=service.clock.now()),
            "console_warn_left": int(WARNING.total_seconds()),
            "console_operator": found,
            "console_roles": [words.ROLES[role] for role in found.powers.roles],
            "console_sections": open_sections(found, g.get("console_counters")),
        }
