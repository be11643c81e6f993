"""A ministry and an agency, a tax application with roles, and people who work there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from audit.model import AuditEvent
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.directory.institutions import Institution, add_institution
from idp.rights.approval import decide_assignment
from idp.rights.assignment import Assignment, assign_role, end_assignment
from idp.rights.belonging import Belonging, begin_belonging
from idp.rights.catalog import declare_rights, find_role_by_name
from idp.rights.declaration import parse_declaration
from idp.rights.delegation import Delegation, delegate
from idp.rights.holdings import holdings_of
from idp.rights.leaving import Departure, leave_institution
from idp.web import mount
from keys.sealing import derive_secret
from tests.idp.relying_party import RelyingParty, register
from tests.idp.rights.personnel import Personnel
from tests.idp.signing import make_signing_keys
from web.application import create_app

MINISTRY, AGENCY = "1760001550001", "1760013210001"
CEDULAS = ("0926687856", "0926687864", "0926687872", "0926687880", "0926687898", "0926687906")


def declared(client_id: str, **changes: Any) -> dict[str, Any]:
    """Return the declaration of the tax application."""
    return {
        "application": client_id,
        "institutions": [MINISTRY, AGENCY],
        "permissions": [
            {"name": "invoice:read", "es": "Leer facturas", "en": "Read invoices"},
            {"name": "invoice:void", "es": "Anular facturas", "en": "Void invoices"},
            {"name": "audit", "es": "Auditar", "en": "Audit"},
        ],
        "roles": [
            {"name": "reader", "es": "Lectura", "en": "Reader", "permissions": ["invoice:read"], "max_days": 365},
            {
                "name": "voider",
                "es": "Anulación",
                "en": "Voider",
                "permissions": ["invoice:read", "invoice:void"],
                "needs_approval": True,
                "sensitive": True,
            },
            {"name": "auditor", "es": "Auditoría", "en": "Auditor", "permissions": ["audit"], "excludes": ["voider"]},
        ],
        **changes,
    }


@dataclass
class Office:
    """The whole of it, with short verbs."""

    composition: Composition
    app: RelyingParty
    ministry: Institution
    agency: Institution
    people: list[Person] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The moment of the test's clock."""
        return self.composition.clock.now()

    def person(self, index: int) -> Person:
        """Return the person of that number, adding him when he is first asked for."""
        while len(self.people) <= index:
            cedula = CEDULAS[len(self.people)]
            with self.composition.database.transaction() as session:
                self.people.append(
                    add_person(
                        session,
                        journal=self.composition.journal,
                        cedula=cedula,
                        given_names=f"Persona {len(self.people)}",
                        surnames="Prueba",
                        email=f"p{cedula}@example.test",
                        email_verified=True,
                        level=2,
                        now=self.now,
                    )
                )
        return self.people[index]

    def hire(self, person: Person, institution: Institution | None = None, **more: Any) -> Belonging:
        """Let the person work at the institution (default: the ministry)."""
        with self.composition.database.transaction() as session:
            return begin_belonging(
                session,
                journal=self.composition.journal,
                institution_id=(institution or self.ministry).id,
                person_id=person.id,
                actor="command",
                now=self.now,
                **more,
            )

    def role_id(self, name: str) -> str:
        """Return the id of a role of the tax application."""
        with self.composition.database.reading() as session:
            return find_role_by_name(session, client_id=self.app.client_id, name=name).id

    def delegate(
        self, person: Person, role: str, institution: Institution | None = None, actor: str = "command", **may: bool
    ) -> Delegation:
        """Let the person give the role, or with ``may_approve=True`` approve it."""
        with self.composition.database.transaction() as session:
            return delegate(
                session,
                journal=self.composition.journal,
                institution_id=(institution or self.ministry).id,
                person_id=person.id,
                role_id=self.role_id(role),
                actor=actor,
                now=self.now,
                **{"may_assign": True, "may_approve": False, **may},
            )

    def assign(
        self, person: Person, role: str, institution: Institution | None = None, actor: str = "command", **more: Any
    ) -> Assignment:
        """Give the role."""
        with self.composition.database.transaction() as session:
            return assign_role(
                session,
                journal=self.composition.journal,
                institution_id=(institution or self.ministry).id,
                person_id=person.id,
                role_id=self.role_id(role),
                reason="Para su trabajo",
                actor=actor,
                now=self.now,
                **more,
            )

    def decide(self, assignment: Assignment, actor: str = "command", approved: bool = True, **more: Any) -> Assignment:
        """Approve or refuse what was proposed."""
        with self.composition.database.transaction() as session:
            return decide_assignment(
                session,
                journal=self.composition.journal,
                assignment_id=assignment.id,
                actor=actor,
                approved=approved,
                now=self.now,
                **{"institution_id": None, "seen_sha256": assignment.proposal_sha256, **more},
            )

    def end(self, assignment: Assignment, actor: str = "command", institution_id: str | None = None) -> Assignment:
        """Take the role away."""
        with self.composition.database.transaction() as session:
            return end_assignment(
                session,
                journal=self.composition.journal,
                assignment_id=assignment.id,
                institution_id=institution_id,
                reason="Ya no",
                actor=actor,
                now=self.now,
            )

    def leave(self, belonging: Belonging) -> Departure:
        """Let the person leave."""
        with self.composition.database.transaction() as session:
            return leave_institution(
                session,
                services=self.composition.idp,
                belonging_id=belonging.id,
                institution_id=belonging.institution_id,
                actor="command",
                now=self.now,
            )

    def declare(self, **changes: Any) -> tuple[str, ...]:
        """Declare the application's rights; return what changed."""
        with self.composition.database.transaction() as session:
            return declare_rights(
                session,
                journal=self.composition.journal,
                declaration=parse_declaration(declared(self.app.client_id, **changes)),
                actor=str(changes.pop("actor", "command")),
                now=self.now,
            ).lines

    def roles(self, person: Person, institution: Institution | None = None) -> list[str]:
        """Return the roles that count now."""
        with self.composition.database.reading() as session:
            held = holdings_of(
                session,
                person_id=person.id,
                client_id=self.app.client_id,
                institution_id=institution.id if institution else None,
                now=self.now,
            )
        return [each.role for each in held]

    def events(self, kind: str) -> list[tuple[str, str | None]]:
        """Return outcome and reason of the events of the kind, oldest first."""
        with self.composition.database.reading() as session:
            rows = session.execute(
                select(AuditEvent.outcome, AuditEvent.reason).where(AuditEvent.type == kind).order_by(AuditEvent.id)
            )
            return [(row.outcome, row.reason) for row in rows]


MakeOffice = Callable[..., Office]


@pytest.fixture
def office(composition: Composition) -> Office:
    """The application, declared for both institutions."""
    now = composition.clock.now()
    with composition.database.transaction() as session:
        made = [
            add_institution(session, journal=composition.journal, ruc=ruc, name=name, now=now)
            for ruc, name in ((MINISTRY, "Ministerio de Prueba"), (AGENCY, "Agencia de Prueba"))
        ]
    ready = Office(composition, register(composition), *made)
    ready.declare()
    return ready


@pytest.fixture
def http(composition: Composition, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """The provider, for a program."""
    make_signing_keys(composition, monkeypatch)
    secret = derive_secret(composition.sealing_secret, "flask-session")
    app = create_app(settings=composition.settings, clock=composition.clock, secret_key=secret)
    mount(app, composition.idp)
    return app.test_client(use_cookies=False)


@pytest.fixture
def personnel(office: Office, http: FlaskClient) -> Personnel:
    """The ministry's."""
    return Personnel(office.composition, http, office.ministry)
