"""The ground of hand-overs: a hierarchy, an institution, and the authority's pages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from ca.ceremony.hierarchy import Hierarchy
from ca.services import CaServices
from ca.web import mount
from composition import Composition
from tests.ca.ground import FakeInstitutions, hierarchy, institutions, now
from web.application import create_app

__all__ = ["hierarchy", "institutions", "now"]


@pytest.fixture
def services(composition: Composition, institutions: FakeInstitutions) -> CaServices:
    """What the authority is given, with the real register of people."""
    return replace(composition.ca, institutions=institutions)


@pytest.fixture
def browser_of_holder(services: CaServices, hierarchy: Hierarchy, now: datetime) -> FlaskClient:
    """A browser without a past."""
    app = create_app(settings=services.settings, clock=services.clock, secret_key=b"k" * 32)
    mount(app, services)
    app.config["WTF_CSRF_ENABLED"] = False
    return app.test_client()
