"""Who the person is to one application: its ``sub`` (OpenID Connect Core §8)."""

from __future__ import annotations

from idp.clients.client import Client
from idp.services import IdpServices


def subject_for(services: IdpServices, client: Client, person_id: str) -> str:
    """Return the ``sub`` by which ``client`` knows the person.

    The one way to it: every token, answer and notice that names a person to an application asks here.
    """
    return person_id
