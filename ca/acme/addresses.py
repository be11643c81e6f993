"""Addresses of the protocol's resources. Clients get them from the directory and from answers, and build none."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIX = "/acme"
_ID = re.compile(r"[0-9a-z]{26}")


@dataclass(frozen=True)
class Addresses:
    """Absolute addresses under the service's origin ``issuer``."""

    issuer: str

    def _at(self, *parts: str) -> str:
        return "/".join((self.issuer + PREFIX, *parts))

    @property
    def directory(self) -> str:
        """Where a client begins."""
        return self._at("directory")

    @property
    def new_nonce(self) -> str:
        """Where a nonce is fetched."""
        return self._at("new-nonce")

    @property
    def new_account(self) -> str:
        """Where accounts are opened; an external account binding names it."""
        return self._at("new-account")

    @property
    def new_order(self) -> str:
        """Where certificates are ordered."""
        return self._at("new-order")

    @property
    def revoke_certificate(self) -> str:
        """Where certificates are revoked."""
        return self._at("revoke-cert")

    @property
    def key_change(self) -> str:
        """Where an account gets another key."""
        return self._at("key-change")

    @property
    def renewal_info(self) -> str:
        """Where the time to renew is asked, with the certificate's identifier behind it."""
        return self._at("renewal-info")

    def account(self, account_id: str) -> str:
        """Return an account's address: the ``kid`` of its requests."""
        return self._at("account", account_id)

    def orders(self, account_id: str) -> str:
        """Return the address of an account's list of orders."""
        return self._at("account", account_id, "orders")

    def order(self, order_id: str) -> str:
        """Return an order's address."""
        return self._at("order", order_id)

    def finalize(self, order_id: str) -> str:
        """Return the address that takes an order's CSR."""
        return self._at("order", order_id, "finalize")

    def authorization(self, authorization_id: str) -> str:
        """Return the address of one name's authorization."""
        return self._at("authorization", authorization_id)

    def challenge(self, authorization_id: str, challenge_type: str) -> str:
        """Return a challenge's address."""
        return self._at("challenge", authorization_id, challenge_type)

    def certificate(self, serial: str, chain: int = 0) -> str:
        """Return a certificate's address; ``chain`` counts the alternative chains, 0 being the first."""
        return self._at("certificate", serial, *([str(chain)] if chain else []))

    def account_id(self, address: str) -> str | None:
        """Return the id in an account's address, None if it is no such address."""
        begin = self.account("")
        rest = address.removeprefix(begin)
        return rest if address.startswith(begin) and _ID.fullmatch(rest) else None
