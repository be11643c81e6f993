"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, expect, sync_playwright

from tests.servers.names import DOMAIN
from tests.servers.process import find_program
from tests.servers.slow_pages import PAUSE, run_slow_network

#: How long a page may take before a test gives it up, in milliseconds: a busy machine is no fault of the page.
PATIENCE = 60_000
# The first is the engine without the parts that show a window: the same pages for two thirds of the processor time.
_PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP *.{DOMAIN} 127.0.0.1",
]

# Every name of the tests' domain, and this machine's own, is 127.0.0.1 for whoever looks it up in this process.
_NAMES = f"""\
const dns = require("node:dns");
const here = (name) => name === "localhost" || name.endsWith(".{DOMAIN}");
const machine = {{ address: "127.0.0.1", family: 4 }};
const found = (options) => (options.all ? [machine] : machine);
const {{ lookup }} = dns, later = dns.promises.lookup;
dns.promises.lookup = async (name, options) => {{
  const asked = typeof options === "object" && options !== null ? options : {{}};
  return here(name) ? found(asked) : later.call(dns.promises, name, options);
}};
dns.lookup = (name, options, callback) => {{
  const told = callback ?? options, asked = typeof options === "object" && options !== null ? options : {{}};
  if (!here(name)) return callback ? lookup(name, options, callback) : lookup(name, options);
  process.nextTick(() => (asked.all ? told(null, found(asked)) : told(null, "127.0.0.1", 4)));
}};
"""


@contextmanager
def run_driver() -> Iterator[Playwright]:
    """Start Playwright's own process; there can be one in a thread."""
    with TemporaryDirectory() as folder, ExitStack() as driver:
        # Contexts with a client certificate are led through it, and it looks names up itself: told in its own language,
        # for a library put before the system's own has ended it in the middle of a look-up.
        names = Path(folder) / "names.cjs"
        names.write_text(_NAMES)
        with patch.dict(os.environ, {"NODE_OPTIONS": f"--require={names}"}):
            playwright = driver.enter_context(sync_playwright())
        expect.set_options(timeout=PATIENCE)  # five seconds else, whatever a page is told
        with ExitStack() as patient:
            for kind in (Page, Locator):
                for action in ("click", "press"):
                    patient.enter_context(patch.object(kind, action, _arriving(getattr(kind, action))))
            patient.enter_context(patch.object(Browser, "new_context", _patient(Browser.new_context)))
            yield playwright


def _arriving(act: Callable[..., None]) -> Callable[..., None]:
    """Have an action return when the page that it leads to is all there.

    Playwright's own returns at that page's first octet: whoever counts or reads at once sees half of it, at times.
    """

    @functools.wraps(act)
    def arriving(self: Page | Locator, *arguments: Any, **keywords: Any) -> None:
        act(self, *arguments, **keywords)
        if not keywords.get("no_wait_after"):
            (self.page if isinstance(self, Locator) else self).wait_for_load_state()

    return arriving


def _patient(make: Callable[..., BrowserContext]) -> Callable[..., BrowserContext]:
    @functools.wraps(make)
    def patient(self: Browser, **keywords: Any) -> BrowserContext:
        context = make(self, **keywords)
        context.set_default_timeout(PATIENCE)
        return context

    return patient


@contextmanager
def run_chromium(driver: Playwright) -> Iterator[Browser]:
    """Start a browser; each test opens contexts of its own in it."""
    program = find_program(*_PROGRAMS, package="chromium")
    with ExitStack() as running:
        more: dict[str, Any] = {}
        if PAUSE:
            more["proxy"] = {"server": running.enter_context(run_slow_network(PAUSE)), "bypass": "<-loopback>"}
        environ = dict(os.environ)
        yield running.enter_context(
            driver.chromium.launch(executable_path=program, headless=True, args=_ARGUMENTS, env=environ, **more)
        )
