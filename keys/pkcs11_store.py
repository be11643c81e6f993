"""Keys in a security module (PKCS#11): made there, used there, and never seen outside.

What the token cannot do stands in files beside it that only the token opens: their passphrase is what an HMAC key of
the token makes of their name. So it is for keys to which others encrypt (OAEP with SHA-256, ECDH), which are rarely in
a token's reach, and for Ed25519 where the token has none. An authority's key is never among them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from asn1crypto.algos import DSASignature
from asn1crypto.core import ObjectIdentifier, OctetString
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from pkcs11 import (
    MGF,
    Attribute,
    KeyType,
    Mechanism,
    MechanismFlag,
    ObjectClass,
    PrivateKey,
    PublicKey,
    Session,
    exceptions,
)
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from kernel.errors import Conflict, Fault, NotFound, Rejected
from kernel.identifiers import b64url
from kernel.secret_text import SecretText
from keys.decrypter import Decrypter, EncryptionKind
from keys.file_store import FileKeyStore, require_key_name
from keys.signer import RSA_BITS, Algorithm, Signer
from keys.token_connection import TokenConnection, explain
from keys.token_signer import TokenSigner

_MARK = b"SAU "  # begins CKA_ID of what is ours; the algorithm follows
_CURVES = {Algorithm.ES256: "secp256r1", Algorithm.ES384: "secp384r1", Algorithm.ES512: "secp521r1"}
_RSA = {
    Algorithm.RS256: (Mechanism.SHA256_RSA_PKCS, None),
    Algorithm.RS384: (Mechanism.SHA384_RSA_PKCS, None),
    Algorithm.PS256: (Mechanism.SHA256_RSA_PKCS_PSS, (Mechanism.SHA256, MGF.SHA256, 32)),
}
_STAYS_IN = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.PRIVATE: True}


class Pkcs11KeyStore:
    """A token as a :class:`keys.store.KeyStore`.

    :param folder: of what the token cannot hold, see the module's head.
    """

    def __init__(self, connection: TokenConnection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder
        self._beside: FileKeyStore | None = None

    @property
    def token(self) -> str:
        """The token for people."""
        return self._connection.address.name

    def create(self, name: str, algorithm: Algorithm, *, rsa_bits: int = RSA_BITS) -> Signer:
        """See :meth:`keys.store.KeyStore.create`.

        :raises Rejected: (``token_cannot``) if the token has no keys of this kind. :raises Unavailable: if it is away.
        """
        require_key_name(name)
        if algorithm is Algorithm.EDDSA and not self._has(Mechanism.EDDSA):
            return self._files().create(name, algorithm)
        if algorithm in (Algorithm.ML_DSA_44, Algorithm.ML_DSA_65):
            raise Rejected(f"The token {self.token} has no ML-DSA keys here.", code="token_cannot")

        def make(session: Session) -> CertificateIssuerPublicKeyTypes:
            if _private_keys(session, name):
                raise Conflict(f"{name} exists already.", code="key_exists")
            try:
                public, private = _generate(session, name, algorithm, rsa_bits)
            except (exceptions.MechanismInvalid, exceptions.KeySizeRange) as error:
                raise Rejected(
                    f"The token {self.token} makes no keys for {algorithm.value}.", code="token_cannot"
                ) from error
            made = _public_key(public, algorithm)
            rivals = [_order(_public_key(key, algorithm)) for key in _public_keys(session, name)]
            if len(rivals) > 1 and _order(made) != min(rivals):
                # Made by another node in the same moment: all keep the same one.
                private.destroy()
                public.destroy()
                raise Conflict(f"{name} exists already.", code="key_exists")
            return made

        return self._signer(name, algorithm, self._connection.run(make))

    def open(self, name: str) -> Signer:
        """See :meth:`keys.store.KeyStore.open`. :raises Unavailable: if the token does not answer."""
        require_key_name(name)

        def find(session: Session) -> tuple[Algorithm, CertificateIssuerPublicKeyTypes] | None:
            found = _private_keys(session, name)
            if not found:
                return None
            algorithm = _algorithm(found[0])
            public = _public_keys(session, name)
            if not public:
                raise Fault(f"Key {name} has no public half in the token.", code="key_unreadable")
            return algorithm, _public_key(public[0], algorithm)

        found = self._connection.run(find)
        if found is None:
            return self._files().open(name)
        return self._signer(name, *found)

    def create_decrypter(self, name: str, kind: EncryptionKind) -> Decrypter:
        """See :meth:`keys.store.KeyStore.create_decrypter`: in a file beside the token."""
        return self._files().create_decrypter(name, kind)

    def open_decrypter(self, name: str) -> Decrypter:
        """See :meth:`keys.store.KeyStore.open_decrypter`."""
        return self._files().open_decrypter(name)

    def require_readable(self, name: str) -> None:
        """See :meth:`keys.store.KeyStore.require_readable`; a key of the token must also be unable to leave it."""
        require_key_name(name)

        def check(session: Session) -> bool:
            for key in _private_keys(session, name):
                if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
                    raise Fault(f"Key {name} can be taken out of the token {self.token}.", code="key_extractable")
                return True
            return False

        if not self._connection.run(check):
            self._files().require_readable(name)

    def place(self, name: str) -> str:
        """See :meth:`keys.store.KeyStore.place`."""
        require_key_name(name)
        if self._connection.run(lambda session: bool(_private_keys(session, name))):
            return f"token {self.token}"
        beside = self._files().place(name)
        return f"{beside}, opened by token {self.token}" if beside != "-" else beside

    def names(self) -> list[str]:
        """See :meth:`keys.store.KeyStore.names`."""
        return sorted({*self.names_in_token(), *self._files().names()})

    def names_in_token(self) -> list[str]:
        """Return the names of the keys that are in the token itself, sorted."""

        def list_them(session: Session) -> list[str]:
            wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
            return [
                str(key[Attribute.LABEL])
                for key in list(session.get_objects(wanted))
                if bytes(key[Attribute.ID]).startswith(_MARK)
            ]

        return sorted(self._connection.run(list_them))

    def destroy(self, name: str) -> None:
        """See :meth:`keys.store.KeyStore.destroy`."""
        require_key_name(name)

        def remove(session: Session) -> None:
            for key in (*_private_keys(session, name), *_public_keys(session, name)):
                key.destroy()
            self._connection.kept.pop(name, None)

        self._connection.run(remove)
        self._files().destroy(name)

    def secret(self, name: str) -> bytes:
        """See :meth:`keys.store.KeyStore.secret`: what a key of the token makes of the name (HMAC-SHA256)."""
        require_key_name(name)
        label = f"secret-{name}"

        def derive(session: Session) -> bytes:
            wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}
            found = list(session.get_objects(wanted))
            if not found:
                session.generate_key(
                    KeyType.GENERIC_SECRET,
                    256,
                    id=_MARK + label.encode(),
                    label=label,
                    store=True,
                    capabilities=MechanismFlag.SIGN,
                    template=_STAYS_IN,
                )
                found = list(session.get_objects(wanted))
            # Two nodes may have made one each in the same moment: all use the one that gives the least value.
            message = b"SAU secret: " + name.encode()
            return min(bytes(key.sign(message, mechanism=Mechanism.SHA256_HMAC)) for key in found)  # type: ignore[attr-defined]

        return self._connection.run(derive)

    def _signer(self, name: str, algorithm: Algorithm, public_key: CertificateIssuerPublicKeyTypes) -> Signer:
        def sign(data: bytes, chosen: Algorithm) -> bytes:
            return self._connection.run(lambda session: _sign(self._key(session, name), name, data, chosen))

        return TokenSigner(name, algorithm, public_key, sign)

    def _key(self, session: Session, name: str) -> PrivateKey:
        kept = self._connection.kept
        if name not in kept:
            found = _private_keys(session, name)
            if not found:
                raise NotFound(f"There is no key {name} in the token.", code="key_not_found")
            kept[name] = found[0]
        return kept[name]

    def _files(self) -> FileKeyStore:
        if self._beside is None:
            self._beside = FileKeyStore(self._folder, SecretText(b64url(self.secret("files"))))
        return self._beside

    def _has(self, mechanism: Mechanism) -> bool:
        return self._connection.run(lambda session: mechanism in session.token.slot.get_mechanisms())

    def __repr__(self) -> str:
        return f"Pkcs11KeyStore({self.token!r})"


def _generate(session: Session, name: str, algorithm: Algorithm, rsa_bits: int) -> tuple[PublicKey, PrivateKey]:
    about: dict[str, Any] = {"id": _MARK + algorithm.value.encode(), "label": name, "store": True}
    if algorithm in _RSA:
        return session.generate_keypair(
            KeyType.RSA, rsa_bits, capabilities=MechanismFlag.SIGN, private_template=_STAYS_IN, **about
        )
    if algorithm is Algorithm.EDDSA:
        kind, parameters = KeyType.EC_EDWARDS, ObjectIdentifier("1.3.101.112").dump()
    else:
        kind, parameters = KeyType.EC, encode_named_curve_parameters(_CURVES[algorithm])
    domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
    mechanism = Mechanism.EC_EDWARDS_KEY_PAIR_GEN if kind is KeyType.EC_EDWARDS else None
    return domain.generate_keypair(
        capabilities=MechanismFlag.SIGN, mechanism=mechanism, private_template=_STAYS_IN, **about
    )


def _sign(key: Any, name: str, data: bytes, algorithm: Algorithm) -> bytes:
    try:
        if algorithm in _CURVES:
            digest = hashlib.new(f"sha{algorithm.value[-3:]}", data).digest()
            der: bytes = DSASignature.from_p1363(key.sign(digest, mechanism=Mechanism.ECDSA)).dump()
            return der
        if algorithm is Algorithm.EDDSA:
            return bytes(key.sign(data, mechanism=Mechanism.EDDSA))
        mechanism, parameter = _RSA[algorithm]
        return bytes(key.sign(data, mechanism=mechanism, mechanism_param=parameter))
    except (exceptions.MechanismInvalid, exceptions.KeySizeRange) as error:
        raise explain(error, f"to sign with {name}") from error


def _private_keys(session: Session, name: str) -> list[PrivateKey]:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: name}
    return list(session.get_objects(wanted))  # type: ignore[arg-type]


def _public_keys(session: Session, name: str) -> list[PublicKey]:
    wanted = {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.LABEL: name}
    return list(session.get_objects(wanted))  # type: ignore[arg-type]


def _algorithm(key: PrivateKey) -> Algorithm:
    identifier = bytes(key[Attribute.ID])
    try:
        return Algorithm(identifier.removeprefix(_MARK).decode())
    except ValueError:
        name = key[Attribute.LABEL]
        raise Fault(f"Key {name} of the token was not made by this program.", code="key_unreadable") from None


def _public_key(key: PublicKey, algorithm: Algorithm) -> CertificateIssuerPublicKeyTypes:
    if algorithm in _RSA:
        exponent, modulus = (
            int.from_bytes(key[part], "big") for part in (Attribute.PUBLIC_EXPONENT, Attribute.MODULUS)
        )
        return rsa.RSAPublicNumbers(exponent, modulus).public_key()
    if algorithm is Algorithm.EDDSA:
        return ed25519.Ed25519PublicKey.from_public_bytes(bytes(OctetString.load(key[Attribute.EC_POINT])))
    return load_der_public_key(encode_ec_public_key(key))  # type: ignore[return-value]


def _order(key: CertificateIssuerPublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
