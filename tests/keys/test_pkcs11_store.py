"""Keys in a security module (certificate authority 23), seen from outside with SoftHSM2."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pkcs11
import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kernel.errors import Conflict, Fault, NotFound, Rejected, Unavailable
from kernel.identifiers import new_id
from keys.decrypter import EncryptionKind
from keys.pkcs11_store import Pkcs11KeyStore
from keys.signer import Algorithm, Signer
from keys.token import open_token_store
from keys.token_address import parse_token_address
from keys.token_connection import TokenConnection
from tests.servers.softhsm import SoftHsm

pytestmark = [
    pytest.mark.server,
    # python-pkcs11 ends a search of a session that is gone when its object is collected, and says so to nobody.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
DATA = b"what is signed"


@pytest.fixture(scope="module")
def address(softhsm: SoftHsm) -> str:
    """A token of this module's tests."""
    return softhsm.new_token(f"keys{new_id()[:8]}")


@pytest.fixture
def store(address: str, tmp_path: Path) -> Pkcs11KeyStore:
    """The key store in it."""
    opened = open_token_store(address, tmp_path / "beside")
    assert isinstance(opened, Pkcs11KeyStore)
    return opened


@pytest.fixture
def name() -> str:
    """A name of one's own in the shared token."""
    return f"key-{new_id()}"


def _verify(signer: Signer, signature: bytes, data: bytes = DATA) -> None:
    """By ``cryptography`` and the public half alone."""
    chosen = signer.algorithm.hash
    match signer.public_key:
        case ec.EllipticCurvePublicKey() as key:
            assert chosen is not None
            key.verify(signature, data, ec.ECDSA(chosen))
        case ed25519.Ed25519PublicKey() as key:
            key.verify(signature, data)
        case rsa.RSAPublicKey() as key:
            assert chosen is not None
            pss = padding.PSS(padding.MGF1(chosen), chosen.digest_size)
            scheme = pss if signer.algorithm is Algorithm.PS256 else padding.PKCS1v15()
            key.verify(signature, data, scheme, chosen)
        case _:
            raise AssertionError


@pytest.mark.parametrize("algorithm", [a for a in Algorithm if "ML-DSA" not in a.value], ids=lambda a: a.value)
def test_a_key_signs_in_the_token_what_others_verify(
    store: Pkcs11KeyStore, address: str, tmp_path: Path, name: str, algorithm: Algorithm
) -> None:
    """Every algorithm that we sign with; a second store opens the same key and knows its one algorithm."""
    made = store.create(name, algorithm, rsa_bits=2048)
    _verify(made, made.sign(DATA))
    opened = open_token_store(address, tmp_path / "beside").open(name)
    assert opened.algorithm is algorithm and opened.public_key == made.public_key
    _verify(opened, opened.sign(DATA))
    assert name in store.names() and name in store.names_in_token()
    store.require_readable(name)


def test_the_key_cannot_leave(store: Pkcs11KeyStore, address: str, name: str) -> None:
    """Sensitive, not extractable, never was; the token refuses its value, and the object in memory has none."""
    signer = store.create(name, Algorithm.ES384)

    def look(session: pkcs11.Session) -> None:
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=name)
        attribute = pkcs11.Attribute
        assert key[attribute.SENSITIVE] and key[attribute.ALWAYS_SENSITIVE]
        assert not key[attribute.EXTRACTABLE] and key[attribute.NEVER_EXTRACTABLE] and key[attribute.LOCAL]
        with pytest.raises(pkcs11.exceptions.AttributeSensitive):
            key[attribute.VALUE]

    TokenConnection(parse_token_address(address)).run(look)
    key = signer.private_key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    for leave in (key.private_numbers, lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        with pytest.raises(UnsupportedAlgorithm):
            leave()


@pytest.mark.parametrize("algorithm", [Algorithm.ES256, Algorithm.RS384], ids=lambda a: a.value)
def test_builders_take_a_token_s_key(store: Pkcs11KeyStore, name: str, algorithm: Algorithm) -> None:
    """Lists and OCSP answers are built by ``cryptography``, which calls the token for the signature."""
    signer = store.create(name, algorithm, rsa_bits=2048)
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Emisora")])
    at = datetime(2026, 11, 23, tzinfo=UTC)
    built = x509.CertificateRevocationListBuilder(issuer, at, at).sign(signer.private_key, signer.algorithm.hash)  # type: ignore[arg-type]
    assert built.is_signature_valid(signer.public_key)
    with pytest.raises(UnsupportedAlgorithm):
        signer.private_key.sign(DATA, *_foreign_scheme(algorithm))  # type: ignore[call-arg,arg-type]


def _foreign_scheme(algorithm: Algorithm) -> tuple[object, ...]:
    if algorithm is Algorithm.ES256:
        return (ec.ECDSA(hashes.SHA1()),)
    return (padding.PKCS1v15(), hashes.SHA1())


def test_names_are_taken_once_and_gone_when_destroyed(store: Pkcs11KeyStore, name: str) -> None:
    """The port's own rules: conflict, not found, destroying what is absent."""
    store.create(name, Algorithm.ES256)
    with pytest.raises(Conflict):
        store.create(name, Algorithm.ES256)
    signer = store.open(name)
    store.destroy(name)
    store.destroy(name)
    for use in (lambda: store.open(name), lambda: signer.sign(DATA)):
        with pytest.raises(NotFound) as caught:
            use()
        assert caught.value.code == "key_not_found"
    with pytest.raises(Rejected):
        store.open("../etc")


def test_what_the_token_has_no_keys_for_is_said(store: Pkcs11KeyStore, name: str) -> None:
    """An authority's key never goes elsewhere silently."""
    with pytest.raises(Rejected) as caught:
        store.create(name, Algorithm.ML_DSA_65)
    assert caught.value.code == "token_cannot"


def test_secrets_come_out_of_the_token_the_same_each_time(store: Pkcs11KeyStore, address: str, tmp_path: Path) -> None:
    """What seals the database needs no passphrase file: without the token it cannot be had."""
    first = store.secret("sealing")
    assert len(first) == 32 and store.secret("other") != first
    assert open_token_store(address, tmp_path / "elsewhere").secret("sealing") == first


@pytest.mark.parametrize("kind", list(EncryptionKind), ids=lambda kind: kind.value)
def test_keys_to_which_others_encrypt_are_files_that_the_token_opens(
    store: Pkcs11KeyStore, address: str, softhsm: SoftHsm, tmp_path: Path, name: str, kind: EncryptionKind
) -> None:
    """They work, are encrypted on disk, and another token does not open them."""
    made = store.create_decrypter(name, kind)
    folder = tmp_path / "beside"
    assert b"ENCRYPTED" in (folder / f"{name}.key").read_bytes()
    assert open_token_store(address, folder).open_decrypter(name).public_key == made.public_key
    assert name not in store.names_in_token() and name in store.names()
    store.require_readable(name)
    with pytest.raises(Fault):
        open_token_store(softhsm.new_token(f"other{new_id()[:8]}"), folder).open_decrypter(name)


def test_threads_share_one_session(store: Pkcs11KeyStore, name: str) -> None:
    """Many threads sign at once; every signature is good."""
    signer = store.create(name, Algorithm.ES256)
    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(lambda number: (number, signer.sign(b"%d" % number)), range(64)))
    for number, signature in done:
        _verify(signer, signature, b"%d" % number)


def test_a_forked_process_has_a_session_of_its_own(store: Pkcs11KeyStore, name: str) -> None:
    """PKCS#11 §6.7.1: the child begins anew; parent and child both go on signing."""
    signer = store.create(name, Algorithm.ES256)
    signer.sign(DATA)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        try:
            os.write(writing, signer.sign(DATA))
        finally:
            os._exit(0)
    os.close(writing)
    from_child = b"".join(iter(lambda: os.read(reading, 4096), b""))
    os.close(reading)
    os.waitpid(child, 0)
    _verify(signer, from_child)
    _verify(signer, signer.sign(DATA))


def test_a_lost_session_is_opened_again(store: Pkcs11KeyStore, address: str, name: str) -> None:
    """Certificate authority 23: nobody notices that the module was restarted under the program."""
    signer = store.create(name, Algorithm.ES256)
    module = parse_token_address(address).module
    pkcs11.lib(str(module)).reinitialize()
    _verify(signer, signer.sign(DATA))
    other = TokenConnection(parse_token_address(address))
    other.run(lambda session: None)
    _verify(signer, signer.sign(DATA))


def test_a_token_that_is_gone_is_503_and_comes_back_by_itself(softhsm: SoftHsm, tmp_path: Path, name: str) -> None:
    """Certificate authority 23: Unavailable while it is away, and then the same objects sign again."""
    label = f"gone{new_id()[:8]}"
    store = open_token_store(softhsm.new_token(label), tmp_path / "beside")
    signer = store.create(name, Algorithm.ES256)
    away = softhsm.folder / f"away-{label}"
    softhsm.tokens.rename(away)
    softhsm.tokens.mkdir()
    try:
        pkcs11.lib(str(softhsm.module)).reinitialize()
        for use in (lambda: signer.sign(DATA), lambda: store.open(name), store.names):
            with pytest.raises(Unavailable) as caught:
                use()
            assert caught.value.code == "token_unavailable"
    finally:
        softhsm.tokens.rmdir()
        away.rename(softhsm.tokens)
    _verify(signer, _when_back(lambda: signer.sign(DATA)))


def test_a_refused_pin_is_not_tried_again(softhsm: SoftHsm, tmp_path: Path, name: str) -> None:
    """Tokens lock themselves after a few wrong PINs: one try for each content of the file, then it is mended."""
    label = f"pin{new_id()[:8]}"
    address = softhsm.new_token(label)
    pin = softhsm.folder / f"{label}.pin"
    right = pin.read_text()
    pin.write_text("wrong")
    store = open_token_store(address, tmp_path / "beside")
    for _ in range(2):
        with pytest.raises(Unavailable) as caught:
            store.create(name, Algorithm.ES256)
        assert caught.value.code in ("token_pin_refused", "token_unavailable")
        assert "wrong" not in str(caught.value)
    pin.unlink()
    pin.write_text(right)
    pin.chmod(0o600)
    signer = _when_back(lambda: store.create(name, Algorithm.ES256))
    _verify(signer, signer.sign(DATA))
    pin.chmod(0o644)
    with pytest.raises(Fault) as readable:
        open_token_store(address, tmp_path / "x").names()
    assert readable.value.code == "key_readable_by_others"


def _when_back(use: Callable[[], object]) -> object:
    deadline = time.monotonic() + 60
    while True:
        try:
            return use()
        except Unavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@pytest.mark.parametrize(
    "text",
    [
        "file:/keys",
        "pkcs11:token=SAU",
        "pkcs11:token=SAU?module-path=/m.so",
        "pkcs11:?module-path=/m.so&pin-source=/pin",
        "pkcs11:token=SAU?module-path=/m.so&pin-source=/pin&pin-value=1234",
        "pkcs11:token=SAU;token=B?module-path=/m.so&pin-source=/pin",
        "pkcs11:object=x;token=SAU?module-path=/m.so&pin-source=/pin",
    ],
)
def test_addresses_that_are_none(text: str) -> None:
    """RFC 7512, of which only what names a token is taken; a PIN in the address is refused."""
    with pytest.raises(Rejected) as caught:
        parse_token_address(text)
    assert caught.value.code == "bad_token_address" and "1234" not in caught.value.public_detail


def test_an_address_is_percent_encoded() -> None:
    """RFC 7512 §2.3."""
    parsed = parse_token_address("pkcs11:token=SAU%20en%20l%C3%ADnea;serial=1f?module-path=/m.so&pin-source=file:/p")
    assert (parsed.label, parsed.serial, str(parsed.pin_file)) == ("SAU en línea", "1f", "/p")


def test_a_module_that_does_not_load_is_unavailable(tmp_path: Path) -> None:
    """A wrong path is an error with words, not a crash."""
    store = open_token_store(f"pkcs11:token=A?module-path={tmp_path}/none.so&pin-source=/p", tmp_path)
    with pytest.raises(Unavailable) as caught:
        store.names()
    assert caught.value.code == "token_module_missing"
