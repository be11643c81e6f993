"""Fixtures shared by all tests: a clock that stands, an empty database of each kind, keys, the composed service."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import Browser, Page, Playwright

from composition import Composition
from kernel.clock import ManualClock
from kernel.database import Database
from kernel.settings import Settings, load_settings
from tests import made_once, recorded, still, turned
from tests.faults.rounds import Figure, is_long_run, tell_progress, told_figure
from tests.measured import measured
from tests.servers.chromium import run_chromium, run_driver
from tests.servers.mail import MailServer, run_mail_server
from tests.servers.postgresql import PostgreSqlServer, roomy_memory, run_postgresql
from tests.servers.process import RUNNING
from tests.servers.redis import run_redis
from tests.servers.service import LiveService, run_service
from tests.servers.softhsm import SoftHsm, run_softhsm
from tests.servers.sqlite import copy_template, make_template

# TEST_DATABASES=sqlite runs the quick half while one works on something else.
DATABASES = os.environ.get("TEST_DATABASES", "sqlite,postgresql").split(",")


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands at a Monday noon until the test moves it."""
    return ManualClock(datetime(2026, 11, 23, 17, 0, tzinfo=UTC))


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    """Whatever a test makes the service do, it writes the events that were declared, and changes nothing in silence."""
    recorded.take_wrong()
    yield
    assert recorded.take_wrong() == []


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """A command that runs in this process sets the umask, as it must: the next test has the one from before."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSqlServer]:
    """A PostgreSQL server for this test process."""
    with run_postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the schema, to be copied."""
    return make_template(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of an empty database with the schema: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        yield copy_template(request.getfixturevalue("sqlite_template"), tmp_path / "sau.sqlite")
        return
    server: PostgreSqlServer = request.getfixturevalue("postgresql")
    name = server.emptied.take()
    yield server.url(name)
    server.emptied.give_back(name)


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the home stands that tests copy; see :mod:`tests.made_once`."""
    return tmp_path_factory.mktemp("kept") / "home"


@pytest.fixture
def settings(tmp_path: Path, database_url: str, kept_home: Path) -> Settings:
    """Settings of a service at http://localhost:8000 in a fresh home."""
    home = tmp_path / "home"
    made_once.copy_home(home, kept_home)
    return load_settings(
        {"SAU_HOME": str(home), "SAU_DATABASE_URL": database_url, "SAU_ISSUER": "http://localhost:8000"}
    )


@pytest.fixture
def composition(settings: Settings, clock: ManualClock) -> Iterator[Composition]:
    """The whole service over an empty schema."""
    composed = Composition(settings, clock=clock)
    yield composed
    composed.database.dispose()


@pytest.fixture
def database(composition: Composition) -> Database:
    """An empty schema, on each of the databases that we support."""
    return composition.database


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Redis server."""
    with run_redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A security module in software."""
    with run_softhsm(tmp_path_factory.mktemp("softhsm")) as module:
        yield module


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """An SMTP server that keeps what it receives."""
    with run_mail_server() as server:
        yield server


@pytest.fixture(scope="session")
def driver() -> Iterator[Playwright]:
    """Playwright, which browsers are started by."""
    with run_driver() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(driver: Playwright) -> Iterator[Browser]:
    """A Chromium; open a context of its own for each person in a test."""
    with run_chromium(driver) as chromium:
        yield chromium


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a fresh visitor, with Spanish preferred."""
    with browser.new_context(locale="es-EC") as context:
        page = context.new_page()
        page.set_default_timeout(60_000)
        yield page


@pytest.fixture(scope="session")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The demo service, initialised and served over SQLite; shared by a process's tests, so keep your people apart."""
    with run_service(tmp_path_factory.mktemp("live")) as service:
        yield service


@pytest.fixture(scope="session")
def live_service_on_postgresql(
    tmp_path_factory: pytest.TempPathFactory, postgresql: PostgreSqlServer
) -> Iterator[LiveService]:
    """The demo service over PostgreSQL, with two web workers."""
    name = postgresql.create_database(with_schema=False)
    folder = tmp_path_factory.mktemp("live-postgresql")
    with run_service(folder, database_url=postgresql.url(name), more={"SAU_WORKERS": "2"}) as service:
        yield service


@pytest.fixture
def start_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., LiveService]]:
    """Start services of one's own: takes the keywords of :func:`tests.servers.service.run_service`."""
    with ExitStack() as services:
        yield lambda **keywords: services.enter_context(run_service(tmp_path_factory.mktemp("own"), **keywords))


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Figure:
    """Tell a figure that was measured, ``figure(name, value, unit)``: the run's last lines print it."""

    def tell(name: str, value: float, unit: str) -> None:
        line = told_figure(name, value, unit)
        request.node.user_properties.append(("figure", line))
        tell_progress(f"{request.node.name}: {line}")

    return tell


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked ``faults``, unless somebody asked for it by ``make faults`` or ``FAULT_ROUNDS``.

    The files that start servers and browsers come first: begun last, one process would be left alone with them.
    """
    long = {item.path for item in items if any(map(item.get_closest_marker, ("slow", "server", "browser")))}
    items.sort(key=lambda item: item.path not in long)
    if is_long_run():
        return
    left_out = [item for item in items if item.get_closest_marker("faults")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Remember where each server's log stands, so that a failing test shows what was written during it."""
    item.stash[_LOG_STARTS] = {server.log: server.log.stat().st_size for server in RUNNING if server.log.exists()}
    with measured(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the servers' logs to a failing test's report."""
    report = yield
    if report.failed:
        starts = item.stash.get(_LOG_STARTS, {})
        for server in RUNNING:
            if server.log.exists() and (text := server.read_log(starts.get(server.log, 0)).strip()):
                report.sections.append((f"log of {server.name}", text[-8000:]))
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Have failures named when they happen, in the process that prints."""
    made_once.install()
    recorded.install()
    turned.install()
    still.install()
    hypothesis.settings.register_profile(
        "sau",
        deadline=None,
        derandomize=not is_long_run(),  # an example that nobody has seen is looked for where somebody watches
        database=None,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],  # the machine may be
    )
    hypothesis.settings.load_profile("sau")
    memory = roomy_memory()
    if memory and "TMPDIR" not in os.environ:  # thousands of small databases that nobody wants on a disk
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", memory)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_FailureNames(config))


class _FailureNames:
    """Names each failing test at once: a run that is cut short by its time limit has then said what failed."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        printer = self._config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and printer is not None:
            reason = report.longreprtext.strip().splitlines()[-1:] or [""]
            printer.write_line(f"\nFAILED {report.nodeid} ({report.when}): {reason[0][:200]}", red=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last what was measured, and what was skipped for want of a package: nobody takes a part for the whole."""
    _print_figures(terminalreporter)
    reasons: dict[str, int] = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"NOT RUN: {number} tests: {reason}", yellow=True)


def _print_figures(terminalreporter: pytest.TerminalReporter) -> None:
    told = [
        (report.nodeid, text)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.when == "call"
        for name, text in report.user_properties
        if name == "figure"
    ]
    if told:
        terminalreporter.section("figures")
    previous = ""
    for nodeid, text in told:
        if nodeid != previous:
            terminalreporter.write_line(nodeid)
        terminalreporter.write_line(f"    {text}")
        previous = nodeid


_LOG_STARTS = pytest.StashKey[dict[Path, int]]()
