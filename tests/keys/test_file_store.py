"""Keys in files: private to their owner, opened by one passphrase, bound to their name and algorithm."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, padding, rsa

from kernel.errors import Conflict, Fault, NotFound, Rejected
from kernel.secret_text import SecretText
from keys.decrypter import EncryptionKind
from keys.file_store import FileKeyStore, read_passphrase, write_private
from keys.signer import Algorithm, PrivateKeySigner, generate_private_key, sign_with

PASSPHRASE = SecretText("una frase larga para pruebas")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the keys go."""
    return tmp_path / "keys"


@pytest.fixture
def store(folder: Path) -> FileKeyStore:
    """An empty store."""
    return FileKeyStore(folder, PASSPHRASE)


def test_a_key_comes_back_with_its_algorithm(store: FileKeyStore) -> None:
    """And signs the same way."""
    made = store.create("issuing-1", Algorithm.ES384)
    opened = store.open("issuing-1")
    assert opened.algorithm is Algorithm.ES384
    assert opened.public_key == made.public_key
    assert isinstance(opened.public_key, ec.EllipticCurvePublicKey)
    opened.public_key.verify(opened.sign(b"data"), b"data", ec.ECDSA(hashes.SHA384()))


def test_folder_and_files_are_the_owners_alone(store: FileKeyStore, folder: Path) -> None:
    """0700 and 0600, whatever the umask; no draft stays behind."""
    store.create("token", Algorithm.ES256)
    store.secret("sealing")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"token.key": 0o600, "sealing.secret": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_in_the_folder_is_readable_without_the_passphrase(store: FileKeyStore, folder: Path) -> None:
    """PKCS#8 under PBES2; the secret's octets and the passphrase stand nowhere."""
    store.create("token", Algorithm.ES256)
    secret = store.secret("sealing")
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (folder / "token.key").read_bytes()
    for path in folder.iterdir():
        content = path.read_bytes()
        assert secret not in content
        assert secret.hex().encode() not in content
        assert PASSPHRASE.reveal().encode() not in content


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_file_open_to_others_is_refused(store: FileKeyStore, folder: Path, mode: int) -> None:
    """The service does not start, and says which command mends it."""
    store.create("token", Algorithm.ES256)
    (folder / "token.key").chmod(mode)
    with pytest.raises(Fault, match="chmod 600") as caught:
        FileKeyStore(folder, PASSPHRASE)
    assert caught.value.code == "key_readable_by_others"
    with pytest.raises(Fault):
        store.open("token")


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o755])
def test_a_folder_open_to_others_is_refused(store: FileKeyStore, folder: Path, mode: int) -> None:
    """Names of keys are nobody's business either, and a writable folder lets files be swapped."""
    folder.chmod(mode)
    with pytest.raises(Fault, match="chmod 700"):
        FileKeyStore(folder, PASSPHRASE)


def test_the_wrong_passphrase_opens_nothing(store: FileKeyStore, folder: Path) -> None:
    """And says so without quoting either passphrase."""
    store.create("token", Algorithm.ES256)
    store.secret("sealing")
    wrong = FileKeyStore(folder, SecretText("otra frase"))
    for attempt in (lambda: wrong.open("token"), lambda: wrong.secret("sealing")):
        with pytest.raises(Fault) as caught:
            attempt()
        assert caught.value.code == "key_unreadable"
        assert "frase" not in str(caught.value)


def test_no_passphrase_makes_no_store(folder: Path) -> None:
    """An empty file must not leave keys in clear."""
    with pytest.raises(Rejected):
        FileKeyStore(folder, SecretText(""))


def test_a_key_is_made_once(store: FileKeyStore) -> None:
    """A second one of the name would orphan what the first signed."""
    first = store.create("token", Algorithm.ES256)
    with pytest.raises(Conflict):
        store.create("token", Algorithm.ES256)
    assert store.open("token").public_key == first.public_key


def test_an_absent_key_is_not_found(store: FileKeyStore) -> None:
    """Removing it is no error."""
    with pytest.raises(NotFound):
        store.open("absent")
    store.destroy("absent")


def test_names_are_listed_and_destroyed(store: FileKeyStore) -> None:
    """Secrets are not keys."""
    for name in ("b", "a.2026", "c-1"):
        store.create(name, Algorithm.ES256)
    store.secret("sealing")
    assert store.names() == ["a.2026", "b", "c-1"]
    store.destroy("b")
    assert store.names() == ["a.2026", "c-1"]


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "Ñ", "A", "a b", "a\x00", "a" * 81, "a\n"])
def test_a_name_cannot_leave_the_folder(store: FileKeyStore, name: str) -> None:
    """Letters, digits, dash and dot; no path."""
    for attempt in (lambda: store.create(name, Algorithm.ES256), lambda: store.open(name), lambda: store.secret(name)):
        with pytest.raises(Rejected):
            attempt()


def test_a_secret_is_made_once_even_by_eight_at_a_time(folder: Path) -> None:
    """Two processes that start together seal with the same secret."""
    values: list[bytes] = []
    start = threading.Barrier(8)

    def take() -> None:
        store = FileKeyStore(folder, PASSPHRASE)
        start.wait()
        values.append(store.secret("sealing"))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(values) == 8
    assert len(set(values)) == 1
    assert len(values[0]) == 32


def test_secrets_differ_by_name_and_are_bound_to_it(store: FileKeyStore, folder: Path) -> None:
    """A file renamed does not open as another secret."""
    assert store.secret("sealing") != store.secret("index")
    (folder / "index.secret").write_bytes((folder / "sealing.secret").read_bytes())
    with pytest.raises(Fault):
        store.secret("index")


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"{}", b'{"salt": 1}', b'{"salt":"zz","nonce":"","sealed":""}', b"[]"]
)
def test_a_damaged_secret_is_a_fault(store: FileKeyStore, folder: Path, content: bytes) -> None:
    """Not a traceback, and not a new secret in its place: what the old one sealed would be lost."""
    store.secret("sealing")
    (folder / "sealing.secret").write_bytes(content)
    with pytest.raises(Fault):
        store.secret("sealing")


def _plain(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SAU-Algorithm: ES256\n",
        b"SAU-Algorithm: HS256\nx",
        b"\xff\xfe\n",
        b"SAU-Algorithm: ES256\n" + _plain(ec.generate_private_key(ec.SECP256R1())),
    ],
)
def test_a_damaged_or_unencrypted_key_is_a_fault(store: FileKeyStore, folder: Path, content: bytes) -> None:
    """A key that lay in clear may have been copied: it is not used."""
    write_private(folder / "token.key", content)
    with pytest.raises(Fault):
        store.open("token")


def test_a_changed_header_does_not_change_the_algorithm(store: FileKeyStore, folder: Path) -> None:
    """The header stands outside the encryption; the curve inside decides."""
    store.create("token", Algorithm.ES256)
    path = folder / "token.key"
    path.write_bytes(path.read_bytes().replace(b"ES256", b"ES384"))
    with pytest.raises(Fault):
        store.open("token")


def test_a_signer_does_not_print_its_key(store: FileKeyStore) -> None:
    """Its name and algorithm."""
    assert repr(store.create("token", Algorithm.ES256)) == "PrivateKeySigner('token', ES256)"


def test_the_passphrase_is_made_once_and_private(tmp_path: Path) -> None:
    """256 random bits in a file of the owner's."""
    path = tmp_path / "home" / "passphrase"
    with pytest.raises(NotFound):
        read_passphrase(path)
    made = read_passphrase(path, create=True)
    assert len(made.reveal()) == 43
    assert read_passphrase(path, create=True) == made
    path.chmod(0o644)
    with pytest.raises(Fault):
        read_passphrase(path)


def test_a_private_file_is_whole_or_absent(tmp_path: Path) -> None:
    """An existing one is never replaced, and a failure leaves no draft."""
    write_private(tmp_path / "a", b"one")
    with pytest.raises(Conflict):
        write_private(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_each_algorithm_signs_what_verifies(algorithm: Algorithm) -> None:
    """RFC 7518 §3.1, RFC 8037; RSA keys have 3072 bits."""
    key = generate_private_key(algorithm)
    signer = PrivateKeySigner("k", key, algorithm)
    signature, public = signer.sign(b"data"), signer.public_key
    if isinstance(public, rsa.RSAPublicKey):
        assert public.key_size == 3072
        assert algorithm.hash is not None
        pss = padding.PSS(padding.MGF1(algorithm.hash), algorithm.hash.digest_size)
        scheme = pss if algorithm is Algorithm.PS256 else padding.PKCS1v15()
        public.verify(signature, b"data", scheme, algorithm.hash)
    elif isinstance(public, ec.EllipticCurvePublicKey):
        assert algorithm.hash is not None
        public.verify(signature, b"data", ec.ECDSA(algorithm.hash))
    else:
        assert isinstance(public, ed25519.Ed25519PublicKey | mldsa.MLDSA44PublicKey | mldsa.MLDSA65PublicKey)
        public.verify(signature, b"data")


@pytest.mark.parametrize(
    ("made_for", "used_for"),
    [
        (Algorithm.ES256, Algorithm.ES384),
        (Algorithm.ES384, Algorithm.ES256),
        (Algorithm.ES256, Algorithm.RS256),
        (Algorithm.ES256, Algorithm.EDDSA),
        (Algorithm.EDDSA, Algorithm.ES256),
        (Algorithm.RS256, Algorithm.ES256),
    ],
)
def test_a_key_signs_only_its_own_algorithm(made_for: Algorithm, used_for: Algorithm) -> None:
    """ES256 is P-256 and nothing else (RFC 7518 §3.4)."""
    with pytest.raises(Rejected):
        sign_with(generate_private_key(made_for, rsa_bits=2048), used_for, b"data")


@pytest.mark.parametrize("kind", list(EncryptionKind))
def test_a_decryption_key_comes_back_with_its_kind(store: FileKeyStore, kind: EncryptionKind) -> None:
    """The private half is kept like a signing key's, and is not taken for one."""
    made = store.create_decrypter("letters", kind)
    found = store.open_decrypter("letters")
    assert (found.key_id, found.kind, found.public_key) == ("letters", kind, made.public_key)
    assert "PRIVATE" in (store.folder / "letters.key").read_text()
    assert repr(found) == f"PrivateKeyDecrypter('letters', {kind.value})"
    store.require_readable("letters")
    with pytest.raises(Fault):
        store.open("letters")


def test_a_signing_key_opens_no_letters(store: FileKeyStore) -> None:
    """RFC 8725 §3.1: a key has one use."""
    store.create("signs", Algorithm.ES256)
    store.require_readable("signs")
    with pytest.raises(Fault):
        store.open_decrypter("signs")


def test_a_key_with_another_keys_header_is_not_readable(store: FileKeyStore, folder: Path) -> None:
    """The header stands outside the encryption."""
    store.create("signs", Algorithm.EDDSA)
    path = folder / "signs.key"
    path.write_bytes(path.read_bytes().replace(b"EdDSA", b"ECDH-ES"))
    with pytest.raises(Fault):
        store.require_readable("signs")
