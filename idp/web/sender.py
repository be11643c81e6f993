"""What came beside a request's parameters: DPoP proofs and the client certificate."""

from __future__ import annotations

from flask import request

from idp.protocol.sender import Sender
from idp.tokens.binding import current_nonce
from idp.web.access import services
from web.client_certificate import on_mtls_host, presented_certificate

PROOF_HEADER, NONCE_HEADER = "DPoP", "DPoP-Nonce"


def request_sender() -> Sender:
    """Return who sent this request, as far as it shows: on the mutual-TLS host that host is part of its address.

    :raises ServiceError: if a certificate came that is not to be believed.
    """
    settings = services().settings
    origin = settings.mtls_origin if on_mtls_host(request.environ, settings) else settings.issuer
    return Sender(
        method=request.method,
        url=f"{origin}{request.path}",
        dpop=tuple(request.headers.getlist(PROOF_HEADER)),
        certificate_der=presented_certificate(),
    )


def add_nonce(headers: list[tuple[str, str]], sender: Sender) -> None:
    """Give whoever uses DPoP the nonce for his next proof, with errors and with answers (RFC 9449 §8, §8.2)."""
    if sender.dpop:
        provider = services()
        headers.append((NONCE_HEADER, current_nonce(provider, now=provider.clock.now())))
