"""What came back from the provider, redeemed in process: the code for an ID token, and the token for who logged in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from admin.services import AdminServices
from admin.sign_in import SignIn
from kernel.errors import Rejected


@dataclass(frozen=True)
class Login:
    """A login that the provider vouches for."""

    person_id: str
    sid: str
    authenticated_at: datetime
    acr: str


def redeem_sign_in(services: AdminServices, *, sign_in: SignIn, code: str, now: datetime) -> Login:
    """Redeem ``code`` for this sign-in."""
    raise Rejected(code="not_yet")
