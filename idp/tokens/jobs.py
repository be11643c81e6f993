"""What the worker does for keys, codes and tokens."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from idp.authorization.code import purge_codes
from idp.authorization.pushed_request import purge_pushed_requests
from idp.clients.assertion_proof import purge_used_assertions
from idp.clients.register import purge_expired_secrets
from idp.services import IdpServices
from idp.tokens.access_token import purge_revoked_access_tokens
from idp.tokens.binding import purge_used_proofs
from idp.tokens.encryption_keys import (
    ensure_encryption_keys,
    remove_retired_encryption_keys,
    rotate_encryption_keys_if_due,
)
from idp.tokens.family import purge_families
from idp.tokens.key_rotation import (
    due_algorithms,
    ensure_signing_keys,
    list_signing_keys,
    remove_retired_keys,
    rotate_signing_keys,
)
from idp.tokens.opaque import purge_opaque_tokens
from kernel.errors import Conflict
from kernel.worker import PeriodicJob


def periodic_jobs(services: IdpServices) -> list[PeriodicJob]:
    """Return the rotation of signing keys and the cleaning of what expired."""

    def rotate() -> None:
        now = services.clock.now()
        with services.database.reading() as session:
            installed = bool(list_signing_keys(session))
            due = due_algorithms(session, now=now)
        if installed:  # an algorithm that a new version brought
            with services.database.transaction() as session:
                ensure_signing_keys(session, services, now=now)
                ensure_encryption_keys(session, services, now=now)
        for algorithm in due:  # one at a time: making an RSA key takes a while
            with services.database.transaction() as session, suppress(Conflict):  # another worker was first
                rotate_signing_keys(session, services, algorithm=algorithm, now=now)
        with services.database.transaction() as session:
            rotate_encryption_keys_if_due(session, services, now=now)
            gone = remove_retired_keys(session, services, now=now)
            gone += remove_retired_encryption_keys(session, services, now=now)
        for kid in gone:
            services.keystore.destroy(kid)

    def clean() -> None:
        with services.database.transaction() as session:
            now = services.clock.now()
            purge_codes(session, now=now)
            purge_pushed_requests(session, now=now)
            purge_used_assertions(session, now=now)
            purge_expired_secrets(session, now=now)
            purge_revoked_access_tokens(session, now=now)
            purge_opaque_tokens(session, now=now)
            purge_used_proofs(session, now=now)
            purge_families(session, now=now)

    return [
        PeriodicJob("idp.signing_keys", timedelta(hours=1), rotate),
        PeriodicJob("idp.expired_tokens", timedelta(minutes=10), clean),
    ]
