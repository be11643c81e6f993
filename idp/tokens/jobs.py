"""What the worker does for keys, codes and tokens."""

from __future__ import annotations

from datetime import timedelta

from idp.authorization.code import purge_codes
from idp.clients.authentication import purge_used_assertions
from idp.clients.register import purge_expired_secrets
from idp.services import IdpServices
from idp.tokens.access_token import purge_revoked_access_tokens
from idp.tokens.family import purge_families
from idp.tokens.key_rotation import remove_retired_keys, rotate_if_due
from kernel.worker import PeriodicJob


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the rotation of signing keys and the cleaning of what expired."""

    def rotate() -> None:
        with services.database.transaction() as session:
            now = services.clock.now()
            rotate_if_due(session, services, now=now)
            remove_retired_keys(session, services, now=now)

    def clean() -> None:
        with services.database.transaction() as session:
            now = services.clock.now()
            purge_codes(session, now=now)
            purge_used_assertions(session, now=now)
            purge_expired_secrets(session, now=now)
            purge_revoked_access_tokens(session, now=now)
            purge_families(session, now=now)

    return [
        PeriodicJob("idp.signing_keys", timedelta(hours=1), rotate),
        PeriodicJob("idp.expired_tokens", timedelta(minutes=10), clean),
    ]
