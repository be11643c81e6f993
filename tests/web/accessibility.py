"""What axe, the engine that finds what keeps people out of a page, finds in the page that a browser shows."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: The rules that look at colours: what else there is to find does not depend on the scheme.
COLOURS = ("color-contrast", "link-in-text-block")

Found = list[tuple[str, list[str]]]


def violations(page: Page, *, only: tuple[str, ...] = ()) -> Found:
    """Return the rules that the page breaks (WCAG 2.2 AA as far as a machine can tell), and where.

    The page's policy must be lifted for axe's own script (``bypass_csp``), which a document is given once.

    :param only: these rules; all without.
    """
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    options: dict[str, object] = {"resultTypes": ["violations"]}
    if only:
        options["runOnly"] = {"type": "rule", "values": list(only)}
    found = page.evaluate(
        "options => axe.run(options)"
        ".then(run => run.violations.map(rule => [rule.id, rule.nodes.map(node => node.html)]))",
        options,
    )
    return [(rule, nodes) for rule, nodes in found]


def violations_in_both_schemes(page: Page) -> Found:
    """Return what is wrong in the light, and then with the colours in the dark; it is light again afterwards."""
    page.emulate_media(color_scheme="light")
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [(f"{rule} in the dark", nodes) for rule, nodes in violations(page, only=COLOURS)]
    page.emulate_media(color_scheme="light")
    return found
