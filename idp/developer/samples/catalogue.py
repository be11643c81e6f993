"""Which samples there are, what each is written against, and which applications it serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from idp.clients.auth_method import AuthMethod
from idp.clients.client import Client
from idp.clients.policy import CLIENT_CREDENTIALS

_SECRETS = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})
_ORDINARY = _SECRETS | {AuthMethod.NONE, AuthMethod.PRIVATE_KEY_JWT}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample.

    :ivar written_for: the versions that it was written for, as their projects write them.
    :ivar run: whether our tests run it against the service; otherwise they only read it.
    :ivar files: the names that the developer gives them; each is made from ``files/NAME/FILE.txt``.
    :ivar methods: how applications that it serves prove who they are.
    :ivar people: whether people log in; otherwise it is a service's.
    :ivar high_risk: whether it pushes its requests and binds its tokens to a key (RFC 9126, RFC 9449).
    """

    name: str
    title: str
    written_for: str
    run: bool
    files: tuple[str, ...]
    methods: frozenset[AuthMethod]
    people: bool = True
    high_risk: bool = False


SAMPLES: Mapping[str, Sample] = {
    each.name: each
    for each in (
        Sample(
            name="flask",
            title="Flask",
            written_for="Flask 3.1, Authlib 1.9",
            run=True,
            files=("app.py",),
            methods=_ORDINARY,
        ),
        Sample(
            name="django",
            title="Django",
            written_for="Django 5.2, Authlib 1.9",
            run=True,
            files=("sau_login.py", "sau_settings.py"),
            methods=_ORDINARY,
        ),
        Sample(
            name="express",
            title="Express",
            written_for="Node.js 20, Express 5, openid-client 6",
            run=True,
            files=("app.mjs", "package.json"),
            methods=_ORDINARY,
            high_risk=True,
        ),
        Sample(
            name="spring",
            title="Spring Boot",
            written_for="Java 17, Spring Boot 3.5",
            run=True,
            files=("SecurityConfig.java", "HomeController.java", "application.yml", "pom.xml"),
            methods=_SECRETS,
        ),
        Sample(
            name="php",
            title="PHP",
            written_for="PHP 8.2, Apache 2.4, mod_auth_openidc 2.4.12",
            run=True,
            files=("index.php", "sau.conf", "error.html"),
            methods=_SECRETS,
        ),
        Sample(
            name="php-league",
            title="PHP, league/oauth2-client",
            written_for="PHP 8.2, league/oauth2-client 2.8, firebase/php-jwt 6.11",
            run=False,
            files=("index.php", "composer.json"),
            methods=_SECRETS,
        ),
        Sample(
            name="apache",
            title="Apache",
            written_for="mod_auth_openidc 2.4.12",
            run=True,
            files=("sau.conf", "error.html"),
            methods=_SECRETS,
        ),
        Sample(
            name="curl",
            title="curl",
            written_for="curl 7.88, jq",
            run=True,
            files=("token.sh",),
            methods=_SECRETS,
            people=False,
        ),
        Sample(
            name="python",
            title="Python",
            written_for="Python 3.11, requests 2.32",
            run=True,
            files=("token_client.py",),
            methods=_SECRETS,
            people=False,
        ),
    )
}


def samples_for(client: Client) -> list[Sample]:
    """Return the samples that serve this application as it is registered, in their order."""
    return [each for each in SAMPLES.values() if serves(each, client)]


def serves(sample: Sample, client: Client) -> bool:
    """Tell whether the sample works with what is registered: its kind, its proof, and what its policy demands."""
    fits = bool(client.redirect_uris) if sample.people else CLIENT_CREDENTIALS in client.grant_types
    policy = client.policy
    demanding = policy.pushed_requests or policy.sender_constrained or needs_more(client)
    if policy.signed_requests or policy.signed_responses or client.metadata.require_signed_request_object:
        return False
    return fits and client.auth_method in sample.methods and (sample.high_risk or not demanding)


def needs_more(client: Client) -> bool:
    """Tell whether the application registered what ordinary libraries do not do by themselves."""
    metadata = client.metadata
    return (
        metadata.require_pushed_authorization_requests
        or metadata.dpop_bound_access_tokens
        or metadata.tls_client_certificate_bound_access_tokens
        or metadata.id_token_encrypted_response_alg is not None
    )
