"""The documents say what is true: what they name exists, and what is made from the code is current."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

import sau
from idp.web.error_dictionary.oauth import MEANINGS
from kernel.settings import Settings
from scripts import reference, site
from tests.architecture.source import ROOT, defined_tests, modules

_PLACES = ("*.md", "docs/**/*.md", "deploy/**/*", "Makefile")
_DOCUMENTS = sorted(
    # What docs/requirements asks for may not be there yet; everything else must be true today.
    {file for place in _PLACES for file in ROOT.glob(place) if file.is_file() and file.parent.name != "requirements"},
    key=lambda file: file.as_posix(),
)
_PAGES = [file for file in _DOCUMENTS if file.suffix == ".md"]
# Read by the program before there are settings, or by the tests.
_OTHER_VARIABLES = {"SAU_CONFIG", "SAU_SHOTS", "SAU_TEST_DATABASES"}


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("file", _PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    """Files and pictures exist, and so does the heading that a link points at."""
    text = re.sub(r"```.*?```", "", file.read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = (file.parent / path).resolve() if path else file
        assert place.exists(), target
        if anchor:
            assert anchor in _anchors(place.read_text("utf-8")), target


@pytest.mark.parametrize("file", _DOCUMENTS, ids=_name)
def test_every_command_that_is_named_exists(file: Path) -> None:
    """``sau GROUP COMMAND --option``, in running text and in examples, is in the program's tree."""
    for words in _commands(file.read_text("utf-8")):
        _follow(words)


@pytest.mark.parametrize("file", _DOCUMENTS, ids=_name)
def test_every_setting_that_is_named_exists(file: Path) -> None:
    """No ``SAU_…`` that the service would refuse."""
    known = {f"SAU_{name.upper()}" for name in Settings.model_fields} | _OTHER_VARIABLES
    named = set(re.findall(r"\bSAU_[A-Z][A-Z_]*[A-Z]\b", file.read_text("utf-8"))) - {"SAU_KEY"}
    assert named <= known


@pytest.mark.parametrize("file", _DOCUMENTS, ids=_name)
def test_every_make_target_that_is_named_exists(file: Path) -> None:
    """``make TARGET`` is in the Makefile."""
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    text = file.read_text("utf-8")
    named = re.findall(r"(?:`|^|=\d+ |&& )make ([a-z]+)", text, re.M)
    assert set(named) <= targets


@pytest.mark.parametrize("file", _PAGES, ids=_name)
def test_every_source_file_that_is_named_exists(file: Path) -> None:
    """A path in code letters is in this tree, or is named as something that comes (``docs/architecture.md``)."""
    if file.parent.name == "decisions" or file.name == "CHANGELOG.md":
        return  # history may name what has gone
    for path in re.findall(
        r"`((?:[a-z_]+/)+[a-zA-Z_.-]+\.(?:py|md|css|conf|service|example))`", file.read_text("utf-8")
    ):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(("place", "page"), reference.pages().items(), ids=lambda value: getattr(value, "name", ""))
def test_pages_made_from_the_code_are_current(place: Path, page: str) -> None:
    """Run ``make docs``."""
    assert place.read_text("utf-8") == page


def test_every_error_that_applications_can_meet_is_explained() -> None:
    """Each code that the provider sends to an application or shows in its place stands in the guide.

    And in the dictionary, but for those that only a page of ours shows: those have people's words.
    """
    guide = (ROOT / "docs" / "relying-applications.md").read_text("utf-8")
    sent = {"invalid_client", "server_error", "temporarily_unavailable"}
    for path, tree in modules().items():
        if path.parts[0] == "idp":
            sent |= set(_protocol_codes(tree))
    assert {"invalid_grant", "login_required", "insufficient_scope"} < sent
    assert sorted(code for code in sent if f"`{code}`" not in guide) == []
    of_pages = {"client_disabled", "invalid_client_id", "invalid_id_token_hint", "invalid_post_logout_redirect_uri"}
    assert sorted(sent - set(MEANINGS) - of_pages - {"client_mismatch"}) == []


def test_the_threat_model_names_tests_that_exist() -> None:
    """A promise without a test is a wish."""
    defined = {name.removeprefix("test_") for name in defined_tests()}
    text = (ROOT / "docs" / "threat-model.md").read_text("utf-8")
    named = re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+){2,})`", text)
    assert len(named) > 40
    assert [name for name in named if name not in defined] == []


def test_the_certification_page_names_tests_that_exist() -> None:
    """Who looks for what a profile asks finds it."""
    there = {file.name for file in (ROOT / "tests").rglob("test_*.py")}
    named = re.findall(r"\b(test_\w+\.py)`", (ROOT / "docs" / "certification.md").read_text("utf-8"))
    assert len(named) > 30
    assert [name for name in named if name not in there] == []


def test_the_index_lists_every_page_and_every_decision() -> None:
    """docs/README.md is the way in; decisions have numbers of their own."""
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    folders = ("docs", "docs/decisions", "docs/requirements")
    pages = [file.relative_to(ROOT / "docs").as_posix() for folder in folders for file in (ROOT / folder).glob("*.md")]
    assert [page for page in pages if f"({page})" not in index and page != "README.md"] == []
    numbers = [page.partition("/")[2][:4] for page in pages if page.startswith("decisions/")]
    assert len(set(numbers)) == len(numbers) > 10


def test_every_page_stands_in_one_chapter_of_the_site() -> None:
    """A page that ``docs/site/navigation.yaml`` forgets is not built: give it a line there."""
    assert site.unplaced(yaml.safe_load(site.NAVIGATION.read_text("utf-8"))) == []


def test_every_command_and_option_explains_itself() -> None:
    """``--help`` and ``docs/commands.md`` have no gap."""
    for path, command in reference.leaves(sau.every_command(), ("sau",)):
        assert command.help, path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, (path, option.opts)


def test_the_entrance_knows_every_page() -> None:
    """``docs/README.md`` links every page of ``docs/`` and every decision."""
    entrance = (ROOT / "docs" / "README.md").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        if page.name != "README.md":
            assert f"]({page.relative_to(ROOT / 'docs').as_posix()})" in entrance, page


def _protocol_codes(tree: ast.Module) -> Iterator[str]:
    """Yield the error codes with which a module makes errors of the protocol."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in ("RedirectableError", "NotRedirectableError", "TokenError"):
            yield from (each.value for each in node.args[:1] if isinstance(each, ast.Constant))
        if node.func.id == "BearerTokenError":
            yield from (
                each.value.value
                for each in node.keywords
                if each.arg == "code" and isinstance(each.value, ast.Constant)
            )


def _anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words after ``sau`` of every command in code letters or in an example."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.S)
    inline = re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.S))
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + inline
    lines += [line for line in text.splitlines() if line.startswith(("ExecStart", "\t"))]
    for line in lines:
        found = re.search(r"(?:^|bin/|&& )sau ((?:[a-z-]+|--[a-z]).*)$", line.split("#")[0])
        if found and not re.match(r"\S+\.\w+", found[1]):
            yield found[1].split()


def _follow(words: list[str]) -> None:
    command: click.Command = sau.every_command()
    rest = list(words)
    while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        name = rest.pop(0)
        assert name in command.commands, words
        command = command.commands[name]
    options = {name for option in command.params for name in option.opts} | {"--help"}
    for word in rest:
        if word.startswith("--"):
            option = re.split(r"[=\]\s]", word)[0].rstrip(",.;:")
            assert option in options, words
