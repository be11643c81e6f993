"""Somebody who has no pointer: everything by Tab, Enter, the space bar and letters."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Page

_MOST_STEPS = 60
_FOCUSED = """selector => {
  const e = document.activeElement, box = e.getBoundingClientRect(), style = getComputedStyle(e);
  return {
    there: e.matches(selector),
    shown: style.outlineStyle === 'auto' || style.boxShadow !== 'none'
      || style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
    within: box.bottom > 0 && box.top < innerHeight,
    what: e.outerHTML.slice(0, 120),
  };
}"""


@dataclass
class Keyboard:
    """A page and the keys."""

    page: Page

    def reach(self, selector: str) -> None:
        """Press Tab until ``selector`` has the focus; on the way the focus can always be seen (WCAG 2.4.7, 2.4.11)."""
        for _ in range(_MOST_STEPS):
            self.page.keyboard.press("Tab")
            focused = self.page.evaluate(_FOCUSED, selector)
            assert focused["what"].startswith("<body") or (focused["shown"] and focused["within"]), focused
            if focused["there"]:
                return
        raise AssertionError(f"{selector} cannot be reached on {self.page.url}: {self.page.title()}")

    def write(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.reach(selector)
        self.page.keyboard.type(text)

    def press(self, selector: str) -> None:
        """Follow a link or press a button, and wait for where it leads."""
        self.reach(selector)
        with self.page.expect_navigation(wait_until="load"):
            self.page.keyboard.press("Enter")
