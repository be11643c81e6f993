"""What is wrong with a page as a browser shows it: for whoever walks pages."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page

from tests.web.accessibility import COLOURS, violations

#: Set to a folder to look at the pages.
SHOTS = os.environ.get("SAU_SHOTS")
#: What a finger must hit (WCAG 2.5.8 asks for 24 px; we keep 44). Links within a sentence are exempt.
TARGETS = "button, .btn, input:not([type=hidden]), select, textarea, summary, nav a, .ways a, .pick label"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 640}
_LOOK = """selector => ({
  headings: document.querySelectorAll('h1').length,
  title: document.title,
  language: document.documentElement.lang,
  refused: document.querySelectorAll('.sum').length,
  wide: document.documentElement.scrollWidth - innerWidth,
  small: [...document.querySelectorAll(selector)]
    .filter(e => e.getClientRects().length && !['checkbox', 'radio', 'file'].includes(e.type))
    .filter(e => (e.matches('.pick label') ? e.closest('.pick').offsetHeight : e.getBoundingClientRect().height) < 43.9)
    .map(e => e.outerHTML),
  unnamed: [...document.querySelectorAll('input:not([type=hidden]), select, textarea')]
    .filter(e => !e.labels.length && !e.getAttribute('aria-label')).map(e => e.outerHTML),
})"""


def problems_of(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page that ``page`` shows, each line beginning with ``name``.

    Axe finds nothing (WCAG 2.2 AA as far as a machine can tell), in the dark no pair of colours; one heading of the
    first level; a title that says an error first; at 320 px, which is 1280 px at 400 %, nothing to scroll to the side
    (1.4.10) and nothing too small for a finger. The page's policy must be lifted for axe's own script.
    """
    found = [f"{rule}: {'; '.join(nodes)}" for rule, nodes in violations(page)]
    _picture(page, f"{name}-1280-light")
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark: {rule}: {'; '.join(nodes)}" for rule, nodes in violations(page, only=COLOURS)]
    _picture(page, f"{name}-1280-dark")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    page.wait_for_function("innerWidth == 320")
    seen = page.evaluate(_LOOK, TARGETS)
    _picture(page, f"{name}-320")
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    if seen["headings"] != 1:
        found.append(f"{seen['headings']} headings of the first level")
    if not seen["title"] or seen["title"].startswith("·"):
        found.append("no title")
    if bool(seen["refused"]) != seen["title"].startswith(("Error:", "Pantay:")):
        found.append(f"the title does not say what happened: {seen['title']}")
    if seen["wide"] > 0:
        found.append(f"{seen['wide']} px wider than 320")
    found += [f"too small for a finger: {each}" for each in seen["small"]]
    found += [f"without a name: {each}" for each in seen["unnamed"]]
    return [f"{name}: {each}" for each in found]


def _picture(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)
