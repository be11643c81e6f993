"""The ministry's provider, and a visitor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from composition import Composition
from idp.authentication.browser_session import BrowserSession, find_browser_session
from tests.idp.web_people.broker.upstream import (
    Upstream,
    Way,
    register,
)
from tests.idp.web_people.conftest import Walker


@pytest.fixture
def upstream(composition: Composition) -> Iterator[Upstream]:
    """The ministry's provider, registered with its cédula believed."""
    made = Upstream(composition)
    composition.idp.__dict__["outgoing"] = made
    composition.idp.remote_keys.__dict__["_outgoing"] = made
    register(composition)
    yield made


@pytest.fixture
def way(walker: Walker, upstream: Upstream) -> Way:
    """A visitor."""
    return Way(walker, upstream)


@pytest.fixture
def session_of(composition: Composition) -> Callable[[Walker], BrowserSession | None]:
    """The live session of a browser."""

    def find(walker: Walker) -> BrowserSession | None:
        with composition.database.reading() as session:
            return find_browser_session(session, secret=walker.cookie("sau_session"), now=composition.clock.now())

    return find
