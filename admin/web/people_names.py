"""What people are called on the screen: name and masked cédula, each looked up once a page."""

from __future__ import annotations

from flask_babel import gettext as _
from sqlalchemy.orm import Session

from admin.masking import mask_document
from idp.accounts.person import find_person
from kernel.errors import ServiceError


class PeopleNames:
    """Looks names up by person id; ``command:LOGIN`` and ``worker`` have words of their own."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._known: dict[str, str] = {}

    def __call__(self, person_id: str | None) -> str:
        """Return what to call ``person_id``; empty for nobody."""
        if not person_id:
            return ""
        if person_id not in self._known:
            self._known[person_id] = self._find(person_id)
        return self._known[person_id]

    def _find(self, person_id: str) -> str:
        channel, _colon, login = person_id.partition(":")
        if channel == "command":
            name = str(_("Línea de comandos"))
            return f"{name} ({login})" if login else name
        if channel == "worker":
            return str(_("Sistema"))
        try:
            person = find_person(self._session, person_id)
        except ServiceError:
            return person_id
        return f"{person.name} {mask_document(person.document)}".strip()
