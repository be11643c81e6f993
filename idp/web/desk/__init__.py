"""Pages for people who are helped in person: where the desks are, using the code from a desk, and stopping it."""

from __future__ import annotations

from idp.web.desk import offices, recovery, stop

BLUEPRINTS = (offices.blueprint, recovery.blueprint, stop.blueprint)
