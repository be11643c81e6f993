"""Pages of those who help people: looking somebody up, and what is done for him at a desk."""

from __future__ import annotations

from admin.web.desk import identity, people, recoveries, rectifications, reports

BLUEPRINTS = (people.blueprint, identity.blueprint, recoveries.blueprint, rectifications.blueprint, reports.blueprint)
