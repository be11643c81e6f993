"""The public pages in a real browser: accessible in both schemes, 320 pixels wide, inside the policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from kernel.settings import Settings
from tests.ca.hierarchy import Hierarchy, serial_of
from tests.ca.revocation.steps import issue, publish, revoke
from tests.servers.sqlite import copy_template
from tests.web.accessibility import violations

pytestmark = pytest.mark.browser


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Pages look alike on every database."""
    return copy_template(sqlite_template, tmp_path / "sau.sqlite")


@pytest.fixture
def settings(settings: Settings, port: int) -> Settings:
    """The service's address is where it is served."""
    return settings.model_copy(update={"issuer": f"http://localhost:{port}"})


@pytest.fixture
def pages(hierarchy: Hierarchy, served: str) -> list[str]:
    """Every kind of page, with something to show."""
    good, bad = issue(hierarchy), issue(hierarchy, name="revocado.ejemplo.gob.ec")
    revoke(hierarchy, bad, "keyCompromise")
    publish(hierarchy)
    paths = (
        "/pki/",
        "/pki/cps",
        "/pki/certificates",
        "/pki/certificates?q=ejemplo.gob.ec",
        "/pki/certificates?q=nadie",
        "/pki/certificates?q=x",
        f"/pki/certificates/{serial_of(good)}",
        f"/pki/certificates/{serial_of(bad)}",
        "/pki/certificates/00",
    )
    return [served + path for path in paths]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, pages: list[str], scheme: str) -> None:
    """WCAG 2.2 AA as far as a machine can tell; the policy is lifted for axe's own script."""
    with browser.new_context(bypass_csp=True, color_scheme=scheme, reduced_motion="reduce") as context:  # type: ignore[arg-type]
        page = context.new_page()
        for address in pages:
            page.goto(address)
            assert violations(page) == [], address


def test_pages_fit_320_pixels_and_stay_inside_the_policy(browser: Browser, pages: list[str]) -> None:
    """WCAG 1.4.10 reflow; nothing of ours is blocked by the policy."""
    with browser.new_context(viewport={"width": 320, "height": 640}) as context:
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        for address in pages:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, address
        assert [text for text in said if "Failed to load resource" not in text] == []
