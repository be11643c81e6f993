"""A ministry whose directory answers as a test wants, and how its people log in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from composition import Composition
from idp.authentication.browser_session import BrowserSession, find_browser_session
from idp.directories.directory import Directory
from tests.idp.directories.fake import FakeDirectories, add_salud
from tests.idp.web_people.conftest import Walker


@pytest.fixture
def fake(composition: Composition) -> FakeDirectories:
    """Directories that answer as the test wants."""
    made = FakeDirectories()
    composition.idp.__dict__["directories"] = made
    return made


@pytest.fixture
def salud(composition: Composition, fake: FakeDirectories) -> Directory:
    """The ministry's directory, which makes people and vouches for level 2."""
    return add_salud(composition)


@pytest.fixture
def session_of(composition: Composition) -> Callable[[Walker], BrowserSession | None]:
    """The live session of a browser."""

    def find(walker: Walker) -> BrowserSession | None:
        with composition.database.reading() as session:
            return find_browser_session(session, secret=walker.cookie("sau_session"), now=composition.clock.now())

    return find
