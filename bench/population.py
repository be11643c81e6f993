"""People, applications, sessions and consents of a benchmark, made by the service's own use cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stdnum.ec import ci

from bench.workload import OFFLINE, OFFLINE_SCOPE, SCOPE, Client
from composition import Composition
from idp.accounts.person import add_person
from idp.authentication.assurance import AMR_PASSWORD
from idp.authentication.browser_session import start_browser_session
from idp.clients.register import RegisteredClient, register_client
from idp.clients.registration.client_registration import ClientRegistration
from idp.consent.consent import grant_consent
from web.cookies import cookie_name

_PORTALS = {"ES256": "ES256", "RS256": "RS256", OFFLINE: "ES256"}


@dataclass(frozen=True)
class Population:
    """What the load generator presents."""

    cookies: list[str]
    portals: dict[str, Client]
    services: dict[str, tuple[Client, str]]


def populate(composition: Composition, *, people: int, redirect_uri: str, api: str) -> Population:
    """Register the applications; add ``people`` with a live session each, who have allowed all to every portal."""
    now = composition.clock.now()
    with composition.database.transaction() as session:

        def register(**metadata: Any) -> RegisteredClient:
            return register_client(
                session, journal=composition.journal, registration=ClientRegistration.parse(metadata), now=now
            )

        portals = {
            name: register(
                client_name=f"Portal {name}",
                redirect_uris=[redirect_uri],
                grant_types=["authorization_code"] + ["refresh_token"] * (name == OFFLINE),
                scope=OFFLINE_SCOPE if name == OFFLINE else SCOPE,
                id_token_signed_response_alg=algorithm,
            )
            for name, algorithm in _PORTALS.items()
        }
        services = {
            algorithm: register(
                client_name=f"Servicio {algorithm}",
                grant_types=["client_credentials"],
                scope="read",
                resources=[f"{api}{algorithm}"],
                access_token_signed_response_alg=algorithm,
            )
            for algorithm in ("ES256", "RS256")
        }
        cookies = []
        for number in range(people):
            person = add_person(
                session,
                journal=composition.journal,
                cedula=_cedula(number),
                given_names="María Fernanda",
                surnames="Quishpe",
                email=f"person-{number}@correo.test",
                email_verified=True,
                now=now,
            )
            _, secret = start_browser_session(
                session, journal=composition.journal, person_id=person.id, amr=[AMR_PASSWORD], now=now
            )
            cookies.append(f"{cookie_name(composition.settings, 'sau_session')}={secret}")
            for portal in portals.values():
                grant_consent(
                    session,
                    journal=composition.journal,
                    person_id=person.id,
                    client=portal.client,
                    requested=portal.client.scopes,
                    chosen=[],
                    now=now,
                )
    return Population(
        cookies=cookies,
        portals={name: _shown(portal, _PORTALS[name]) for name, portal in portals.items()},
        services={
            algorithm: (_shown(service, algorithm), "grant_type=client_credentials&scope=read")
            for algorithm, service in services.items()
        },
    )


def _shown(registered: RegisteredClient, algorithm: str) -> Client:
    assert registered.secret is not None
    return Client(registered.client.client_id, registered.secret.reveal(), algorithm)


def _cedula(number: int) -> str:
    return next(text for digit in range(10) if ci.is_valid(text := f"17{1_000_000 + number:07d}{digit}"))
