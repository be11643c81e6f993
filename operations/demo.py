"""``sau init --demo``: invented institutions, people with their roles, and two portals that may log them in."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from admin.permissions import Role
from admin.roles import grant_role
from composition import Composition
from idp.clients.demo import TAX_CLIENT_ID, VENTANILLA_CLIENT_ID, create_demo_clients, renew_demo_secret
from idp.clients.register import RegisteredClient
from idp.demo import DemoAccount, create_demo_people
from idp.directory.institutions import add_institution, find_institution_by_ruc
from kernel.errors import Conflict, NotFound
from keys.file_store import write_private

# RUCs of public bodies in shape (third digit 6, check digit right), of no body that exists.
_INSTITUTIONS = (
    ("1768150060001", "Secretaría de Trámites Ciudadanos", "tramites-demo.gob.ec"),
    ("1768260020001", "Administración Tributaria de Prueba", "tributos-demo.gob.ec"),
    ("1768370040001", "Ministerio de Salud de Prueba", "salud-demo.gob.ec"),
)


@dataclass(frozen=True)
class DemoReport:
    """What the demonstration holds.

    :ivar portals_file: registrations of the portals, with their secrets: readable by the owner alone.
    """

    people: tuple[dict[str, str], ...]
    institutions: tuple[dict[str, str], ...]
    portals_file: str

    def as_lines(self) -> list[str]:
        """Return the report as lines for a terminal."""
        password = self.people[0]["password"]
        lines = [f"Test people (password: {password})"]
        lines += [f"  {person['cedula']}  {person['name']:<32} {person['what']}" for person in self.people]
        return lines


def install_demo(composition: Composition, *, now: datetime) -> DemoReport:
    """Make what is missing of the demonstration, in one transaction with its events; repeating it changes nothing."""
    services = composition.idp
    portals_file = composition.settings.home / "demo" / "portals.json"
    origins = _portal_origins(composition.settings.issuer)
    with composition.database.transaction() as session:
        institutions = [_institution(session, composition, *described, now=now) for described in _INSTITUTIONS]
        accounts = create_demo_people(session, services, now)
        for account in accounts:
            _grant(session, composition, account, now=now)
        registered = create_demo_clients(
            session,
            services,
            ventanilla_origin=origins[VENTANILLA_CLIENT_ID],
            tax_origin=origins[TAX_CLIENT_ID],
            ventanilla_institution_id=institutions[0],
            tax_institution_id=institutions[1],
            now=now,
        )
        _write_portals(session, composition, portals_file, origins, registered, now=now)
    return DemoReport(
        people=tuple(_shown(account) for account in accounts),
        institutions=tuple({"ruc": ruc, "name": name, "domain": domain} for ruc, name, domain in _INSTITUTIONS),
        portals_file=str(portals_file),
    )


def _portal_origins(issuer: str) -> dict[str, str]:
    """The portals take the two ports after the service's."""
    parts = urlsplit(issuer)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {
        client_id: f"http://localhost:{port + step}"
        for step, client_id in enumerate((VENTANILLA_CLIENT_ID, TAX_CLIENT_ID), 1)
    }


def _institution(session: Session, composition: Composition, ruc: str, name: str, domain: str, *, now: datetime) -> str:
    try:
        return find_institution_by_ruc(session, ruc).id
    except NotFound:
        return add_institution(
            session, journal=composition.journal, ruc=ruc, name=name, domains=[domain], actor="command", now=now
        ).id


def _grant(session: Session, composition: Composition, account: DemoAccount, *, now: datetime) -> None:
    if account.role == "citizen":
        return
    with suppress(Conflict):  # held already
        grant_role(
            session,
            journal=composition.journal,
            person_id=account.person.id,
            role=Role(account.role),
            actor="command",
            now=now,
        )


def _write_portals(
    session: Session,
    composition: Composition,
    file: Path,
    origins: dict[str, str],
    registered: list[RegisteredClient],
    *,
    now: datetime,
) -> None:
    """Keep the portals' registrations beside them; a lost file brings about a further secret, not a second portal."""
    known = {portal["client_id"]: portal for portal in json.loads(file.read_text())} if file.exists() else {}
    fresh = {entry.client.client_id: entry for entry in registered}
    portals = []
    for client_id, origin in origins.items():
        secret = known.get(client_id, {}).get("client_secret")
        entry = fresh.get(client_id)
        if entry is None and secret is None:
            entry = renew_demo_secret(session, client_id=client_id, now=now)
        if entry is not None and entry.secret is not None:
            secret = entry.secret.reveal()
        name = "Ventanilla Única" if client_id == VENTANILLA_CLIENT_ID else "Portal Tributario"
        portals.append(
            {
                "name": name,
                "port": urlsplit(origin).port,
                "issuer": composition.settings.issuer,
                "client_id": client_id,
                "client_secret": secret,
            }
        )
    file.unlink(missing_ok=True)
    write_private(file, json.dumps(portals, ensure_ascii=False, indent=2).encode())


def _shown(account: DemoAccount) -> dict[str, str]:
    return {
        "cedula": account.person.cedula or "",
        "name": f"{account.person.given_names} {account.person.surnames}",
        "role": account.role,
        "what": account.what,
        "password": account.password,
        "totp_key": account.totp_key,
    }
