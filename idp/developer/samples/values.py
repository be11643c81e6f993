"""What of an application stands in its sample code. A secret does not: the code reads it from the environment."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from idp.authentication.assurance import ACR_1FA, ACR_LEVELS, ACR_VALUES
from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.protocol.scope import OPENID
from kernel.errors import Rejected

_LOCAL_PORT = 8010


@dataclass(frozen=True, kw_only=True)
class Values:
    """What is filled in.

    :ivar scope: what is asked for, with spaces between; ``resource``: the API of a service's tokens, if it has one.
    :ivar acr: what a login must reach, and ``accepted`` what reaches it, weakest first.
    """

    issuer: str
    client_id: str
    method: AuthMethod
    redirect_uri: str
    post_logout_redirect_uri: str
    scope: str
    resource: str
    acr: str
    accepted: tuple[str, ...]
    id_token_alg: str

    @property
    def callback_path(self) -> str:
        """The path at which the application is called back."""
        return urlsplit(self.redirect_uri).path or "/"

    @property
    def home(self) -> str:
        """Where the application itself stands."""
        address = urlsplit(self.redirect_uri)
        return f"{address.scheme}://{address.netloc}/"

    @property
    def port(self) -> int:
        """Where it listens: the port of its address, or one to try it on behind a proxy."""
        return urlsplit(self.redirect_uri).port or _LOCAL_PORT

    @property
    def secure(self) -> bool:
        """Whether its cookies may demand https."""
        return self.redirect_uri.startswith("https:")

    @property
    def has_secret(self) -> bool:
        """Whether the code needs a secret."""
        return self.method in (AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST)

    @property
    def has_key(self) -> bool:
        """Whether the code signs with a private key."""
        return self.method is AuthMethod.PRIVATE_KEY_JWT


def sample_values(client: Client, *, issuer: str, redirect_uri: str = "", acr: str = "") -> Values:
    """Return the values of ``client``.

    :param redirect_uri: one of the registered ones; empty: the first.
    :param acr: what its logins must reach; empty: what it registered, or a password. Never less than it registered.
    :raises Rejected: ``unknown_redirect_uri``, ``unknown_acr``.
    """
    if redirect_uri and redirect_uri not in client.redirect_uris:
        raise Rejected("This address is not registered.", code="unknown_redirect_uri")
    wanted = acr or client.minimum_acr or ACR_1FA
    known = tuple(ACR_LEVELS) if wanted in ACR_LEVELS else ACR_VALUES
    if wanted not in known:
        raise Rejected("There is no such assurance.", code="unknown_acr")
    scopes = [each for each in client.scopes if each != OPENID]
    return Values(
        issuer=issuer,
        client_id=client.client_id,
        method=client.auth_method,
        redirect_uri=redirect_uri or next(iter(client.redirect_uris), ""),
        post_logout_redirect_uri=next(iter(client.post_logout_redirect_uris), ""),
        scope=" ".join((OPENID, *scopes) if client.redirect_uris else scopes),
        resource=next(iter(client.metadata.resources), ""),
        acr=wanted,
        accepted=known[known.index(wanted) :],
        id_token_alg=client.id_token_alg,
    )
