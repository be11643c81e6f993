"""Pages for people who are helped in person: where the desks are."""

from __future__ import annotations

from idp.web.desk import offices

BLUEPRINTS = (offices.blueprint,)
