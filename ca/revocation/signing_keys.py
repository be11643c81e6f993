"""The responder keys that a process has open: which one signs for an authority, read again every minute."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509
from sqlalchemy.orm import Session

from ca.revocation.model import OcspSigner
from ca.revocation.ocsp_answer import OcspSigningKey
from ca.revocation.ocsp_signer import find_ocsp_signer, find_unrevoked_signer
from keys.store import KeyStore

_READ_AGAIN = timedelta(minutes=1)  # a new one is made days before the old one ends


class SigningKeys:
    """Keys by authority and by serial. One a process; threads that open the same key at once do so twice, no more."""

    def __init__(self, keystore: KeyStore) -> None:
        self._keystore = keystore
        self._by_serial: dict[str, OcspSigningKey] = {}
        self._chosen: dict[str, tuple[OcspSigningKey, datetime]] = {}

    def choose(self, session: Session, *, authority_id: str, now: datetime) -> OcspSigningKey:
        """Return the key that signs for the authority now.

        :raises kernel.errors.NotFound: (``no_ocsp_signer``) if there is none.
        """
        known = self.known(authority_id, now=now)
        if known is not None:
            return known
        key = self._open(find_ocsp_signer(session, authority_id=authority_id, now=now))
        self._chosen[authority_id] = key, now
        return key

    def known(self, authority_id: str, *, now: datetime) -> OcspSigningKey | None:
        """Return the key that signs for the authority as far as that need not be read, else None."""
        key, read_at = self._chosen.get(authority_id, (None, now))
        return key if key is not None and key.is_valid(now) and timedelta(0) <= now - read_at < _READ_AGAIN else None

    def open(self, session: Session, serial: str) -> OcspSigningKey:
        """Return the key whose certificate has this serial number, which may be one that signs no more.

        :raises NotFound: (``no_ocsp_signer``) if there is none, or it is revoked.
        """
        known = self._by_serial.get(serial)
        return known or self._open(find_unrevoked_signer(session, serial=serial))

    def have(self, serials: frozenset[str]) -> bool:
        """Tell whether one of the certificates is that of an open key."""
        return not serials.isdisjoint(self._by_serial)

    def forget(self) -> None:
        """Have all of them read again: one of them may be revoked."""
        self._by_serial, self._chosen = {}, {}

    def _open(self, row: OcspSigner) -> OcspSigningKey:
        key = self._by_serial.get(row.serial)
        if key is None:
            assert row.certificate_der is not None
            certificate = x509.load_der_x509_certificate(row.certificate_der)
            key = OcspSigningKey(row.serial, certificate, self._keystore.open(row.key_name))
            self._by_serial[row.serial] = key
        return key
