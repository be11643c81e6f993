"""Fixtures of the authority's tests."""

from __future__ import annotations

import pytest

from ca.services import CaServices
from composition import Composition
from kernel.clock import ManualClock
from tests.ca.hierarchy import Hierarchy, make_hierarchy


@pytest.fixture
def ca(composition: Composition) -> CaServices:
    """The authority over an empty schema."""
    return composition.ca


@pytest.fixture
def hierarchy(ca: CaServices, clock: ManualClock) -> Hierarchy:
    """A root and an issuing authority."""
    return make_hierarchy(ca, now=clock.now())
