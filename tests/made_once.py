"""What every test would otherwise make anew, at the cost of seconds for ten tests: made once in a test process.

None of it is what a test is about; what it replaces has tests of its own, which do not go through here.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

import kernel.database
from keys.file_store import FileKeyStore, read_passphrase


def install() -> None:
    """Let key derivation, hashes of passwords, the code of URL rules and SQL be made once for equal inputs."""
    _derive_once()
    _hash_passwords_once()
    _compile_rules_once()
    _compile_sql_once()


def _derive_once() -> None:
    derive: Callable[[FileKeyStore, bytes], bytes] = FileKeyStore._derive
    derived: dict[tuple[str, bytes], bytes] = {}

    def derive_once(self: FileKeyStore, salt: bytes) -> bytes:
        asked = (self._passphrase.reveal(), salt)
        if asked not in derived:
            derived[asked] = derive(self, salt)
        return derived[asked]

    FileKeyStore._derive = derive_once  # type: ignore[method-assign]


def _hash_passwords_once() -> None:
    """Look at a password once: people of tests have the same few, and each look takes 40 ms of a core.

    Each has two hashes, in turn: a new hash of an old password is another one.
    """
    make: Callable[..., str] = PasswordHasher.hash
    verify: Callable[..., bool] = PasswordHasher.verify
    made: dict[tuple[object, ...], list[str]] = {}
    verified: dict[tuple[object, object], bool] = {}

    def make_once(self: PasswordHasher, password: str | bytes, *, salt: bytes | None = None) -> str:
        asked = (repr(self._parameters), password, salt)
        hashes = made.setdefault(asked, [])
        hashes.insert(0, make(self, password, salt=salt) if len(hashes) < 2 else hashes.pop())
        return hashes[0]

    def verify_once(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:
        asked = (hash, password)
        if asked not in verified:
            try:
                verified[asked] = verify(self, hash, password)
            except VerifyMismatchError:
                verified[asked] = False
        if not verified[asked]:
            raise VerifyMismatchError
        return True

    PasswordHasher.hash = make_once  # type: ignore[method-assign]
    PasswordHasher.verify = verify_once  # type: ignore[method-assign]


def _compile_rules_once() -> None:
    compile_rule: Callable[[Rule], None] = Rule.compile
    made = ("_parts", "_trace", "_converters", "_build", "_build_unknown")
    compiled: dict[tuple[object, ...], tuple[dict[str, Any], set[str]]] = {}

    def compile_once(self: Rule) -> None:
        defaults = tuple(sorted((self.defaults or {}).items()))
        converters = tuple(self.map.converters.values())
        asked = (self.rule, self.subdomain, self.host, self.map.host_matching, self.merge_slashes, defaults, converters)
        known = compiled.get(asked)
        if known is None:
            compile_rule(self)
            # The functions that build addresses are bound to the rule and use nothing of it.
            compiled[asked] = ({name: getattr(self, name) for name in made}, set(self.arguments))
        else:
            self.__dict__.update(known[0])
            self.arguments = set(known[1])

    Rule.compile = compile_once  # type: ignore[method-assign]


def _compile_sql_once() -> None:
    """Share what SQLAlchemy compiled between the engines of one kind, which are set up alike."""
    for kind, dialect in (("_sqlite_engine", SQLiteDialect_pysqlite), ("_postgresql_engine", PGDialect_psycopg)):
        # Equal dialects are one in the keys of those caches, and in those that mappers keep.
        dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign, assignment]
        dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign, assignment]
        setattr(kernel.database, kind, _sharing(getattr(kernel.database, kind), LRUCache(5000)))


def _sharing(make: Callable[..., Engine], cache: Any) -> Callable[..., Engine]:
    def make_sharing(*arguments: Any) -> Engine:
        engine = make(*arguments)
        engine._compiled_cache = cache
        return engine

    return make_sharing


def copy_home(home: Path, kept: Path) -> None:
    """Make ``home`` with a passphrase and the sealing secret, which are the same for all tests of a process.

    :param kept: where the first one stands.
    """
    _make_home(kept)
    shutil.copytree(kept, home)


@lru_cache(maxsize=4)
def _make_home(kept: Path) -> None:
    passphrase = read_passphrase(kept / "passphrase", create=True)
    kept.chmod(0o700)
    FileKeyStore(kept / "keys", passphrase).secret("sealing")


@lru_cache(maxsize=8)
def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    """Return an RSA key of that size, the same one for all tests of a process."""
    return rsa.generate_private_key(65537, bits)
