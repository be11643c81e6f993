"""The estate is made once for the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ca.verified_by_others.estate import Estate, make_estate


@pytest.fixture(scope="session")
def estate(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, kept_home: Path) -> Iterator[Estate]:
    """A whole authority with certificates of every profile, served on a port."""
    with make_estate(tmp_path_factory.mktemp("estate"), template=sqlite_template, kept_home=kept_home) as made:
        yield made
