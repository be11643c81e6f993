"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.servers.names import DOMAIN, can_resolve, resolving_environ
from tests.servers.process import find_program

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


@contextmanager
def run_driver() -> Iterator[Playwright]:
    """Start Playwright's own process; there can be one in a thread."""
    with TemporaryDirectory() as folder, ExitStack() as driver:
        # Contexts with a client certificate are led through it, and it looks names up itself.
        with patch.dict(os.environ, resolving_environ(Path(folder)) if can_resolve() else {}):
            playwright = driver.enter_context(sync_playwright())
        expect.set_options(timeout=60_000)  # five seconds else, whatever a page is told
        yield playwright


@contextmanager
def run_chromium(driver: Playwright) -> Iterator[Browser]:
    """Start a browser; each test opens contexts of its own in it."""
    program = find_program(
        "chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", package="chromium"
    )
    browser = driver.chromium.launch(executable_path=program, headless=True, args=_ARGUMENTS, env=dict(os.environ))
    try:
        yield browser
    finally:
        browser.close()
