"""A browser without a screen: follows redirects, reads forms, sends them back with what one types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import requests

from tests.flows.citizens import Citizen


@dataclass
class Form:
    """A form of a page.

    :ivar fields: what it would send if its main button were pressed now.
    :ivar buttons: name and value that each button adds, by the button's id.
    """

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str] | None] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(values.get("action", ""), values.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and "name" in values:
            ticked = "checked" in values or values.get("type") not in ("checkbox", "radio")
            if ticked:
                self._open.fields[values["name"]] = values.get("value", "")
        elif tag == "button":
            pair = (values["name"], values.get("value", "")) if "name" in values else None
            self._open.buttons[values.get("id", "")] = pair

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


class FormBrowser:
    """One visitor with cookies of his own.

    :ivar stop_at: an address that begins with this is not opened: where the relying application would take over.
    :ivar page: the last answer.
    :param trust: PEM file of the authority to trust, in place of the public ones.
    """

    def __init__(self, *, stop_at: str = "\0", trust: Path | None = None) -> None:
        self.session = requests.Session()
        self.session.verify = str(trust) if trust else True
        self.session.trust_env = False  # no proxy and no trust but what a test sets
        self.stop_at = stop_at
        self.page = requests.Response()
        self.stopped_at = ""

    def open(self, address: str) -> None:
        """Open an address and follow where it leads."""
        self._follow("get", address, None)

    def submit(self, button: str, typed: Mapping[str, str] | None = None) -> None:
        """Fill and send the form that has the button with this id."""
        form = next((form for form in self.forms() if button in form.buttons), None)
        assert form is not None, f"no button #{button} at {self.page.url}:\n{self.page.text[:3000]}"
        values = form.fields | dict(typed or {})
        if pair := form.buttons[button]:
            values[pair[0]] = pair[1]
        self._follow(form.method, urljoin(self.page.url, form.action), values)

    def forms(self) -> list[Form]:
        """Return the forms of the page."""
        reader = _Reader()
        reader.feed(self.page.text)
        return reader.forms

    def has_button(self, button: str) -> bool:
        """Tell whether a form of the page has a button with this id."""
        return any(button in form.buttons for form in self.forms())

    def has_field(self, name: str) -> bool:
        """Tell whether a form of the page has a field of this name."""
        return any(name in form.fields for form in self.forms())

    def log_in(self, citizen: Citizen) -> None:
        """Go through password, second factor and consent, each if it is asked."""
        if self.has_field("password"):
            self.submit("submit", {"username": citizen.cedula, "password": citizen.password})
        if not self.stopped_at and self.has_field("code"):
            self.submit("submit", {"code": citizen.next_code()})
        if not self.stopped_at and self.has_button("allow"):
            self.submit("allow")

    def _follow(self, method: str, address: str, values: Mapping[str, str] | None) -> None:
        self.stopped_at = ""
        for _ in range(20):
            if address.startswith(self.stop_at):
                self.stopped_at = address
                return
            payload = {"data" if method == "post" else "params": values} if values else {}
            self.page = self.session.request(method, address, allow_redirects=False, timeout=60, **payload)  # type: ignore[arg-type]
            if not self.page.is_redirect:
                return
            address, method, values = urljoin(address, self.page.headers["Location"]), "get", None
        raise AssertionError(f"redirects without end at {address}")
