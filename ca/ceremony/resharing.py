"""New shares of a root's passphrase, made from enough of the old ones.

Shares cannot be taken back: whoever kept a copy of enough old ones could open the key for as long as its passphrase is
the same. So the key is encrypted anew, under a new passphrase, and that is what goes into the new shares. The key
itself, and with it every certificate, stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.event import Event
from audit.model import AuditEvent
from audit.vocabulary import EventType
from ca.ceremony.conduct import Step, spaced
from ca.ceremony.plan import Shares, Witness
from ca.ceremony.root_store import RootKeys, root_folder, root_passphrase_file
from ca.ceremony.shares import combine, new_shares, read_share, write_share_files
from ca.issuance.authority import AuthorityRecord, load_authority
from ca.services import CaServices
from kernel.errors import Denied, Fault, Rejected
from kernel.identifiers import new_secret, sha256_hex
from kernel.secret_text import SecretText
from keys.file_store import FileKeyStore
from keys.signer import Algorithm


@dataclass(frozen=True)
class Resharing:
    """What is going to be done. :ivar root: whose passphrase. :ivar witnesses: who is in the room."""

    root: str
    shares: Shares
    witnesses: tuple[Witness, ...]

    @property
    def sha256(self) -> str:
        """Digest of the plan, hex: what is rehearsed is what is held."""
        document = {
            "root": self.root,
            "needed": self.shares.needed,
            "holders": list(self.shares.holders),
            "witnesses": [[witness.name, witness.role] for witness in self.witnesses],
        }
        return sha256_hex(json.dumps(document, ensure_ascii=False, sort_keys=True).encode())


@dataclass
class Reshared:
    """What was done, for the minutes.

    :ivar set_number: of the new shares. :ivar share_files: the holders' pages; none of a rehearsal is left.
    :ivar discard: destroys the file under the new passphrase that has not taken the old one's place; else does nothing.
    """

    plan: Resharing
    rehearsal: bool
    began_at: datetime
    ended_at: datetime
    steps: list[Step] = field(default_factory=list)
    set_number: int = 0
    share_files: tuple[Path, ...] = ()
    discard: Callable[[], None] = field(default=lambda: None, repr=False)
    replace: Callable[[], None] = field(default=lambda: None, repr=False)


Tell = Callable[[Step], None]


def rehearse_resharing(services: CaServices, plan: Resharing, *, tell: Tell) -> Reshared:
    """Do every step with a throw-away key and throw-away shares; the root's key and its shares stay closed.

    :raises ServiceError: what the real one would raise.
    """
    with services.database.reading() as session:
        load_authority(session, plan.root)
    _require_no_token(services)
    with TemporaryDirectory(prefix="sau-reshare-") as folder:
        place = Path(folder)
        old, held = new_shares(plan.shares)
        store = FileKeyStore(place / "root", old)
        public = _public(store, plan.root, create=True)
        pages = write_share_files(held, place / "old", root=plan.root, needed=plan.shares.needed)
        opened = combine([read_share(page.read_text("utf-8")) for page in pages])[held[0].set_number]
        done = _reshare(
            services, plan, FileKeyStore(place / "root", opened), public, place / "shares", tell=tell, rehearsal=True
        )
        done.replace()
        _require_changed(place / "root", plan.root, old=old)
        done.share_files = ()
        return done


def reshare(services: CaServices, plan: Resharing, *, roots: RootKeys, shares_to: Path, tell: Tell) -> Reshared:
    """Encrypt the root's key under a new passphrase, beside the old file, and make the pages of its shares.

    Nothing counts until :func:`record_resharing` has put it on record and the new file in the place of the old.

    :param roots: opens the root by enough of the old shares, or by the file of its passphrase.
    :raises NotFound: (``root_key_away``). :raises Rejected: ``shares_wrong``, ``shares_of_token``,
        ``not_a_root``. :raises Conflict: if a page exists.
    """
    _require_no_token(services)
    with services.database.reading() as session:
        root = load_authority(session, plan.root)
    _require_root(root)
    store = roots.store(plan.root)
    assert isinstance(store, FileKeyStore)
    public = root.certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if _public(store, plan.root) != public:
        raise Fault(f"The key of {plan.root} is not that of its certificate.", code="root_key_foreign")
    return _reshare(services, plan, store, public, shares_to, tell=tell, rehearsal=False)


def record_resharing(session: Session, *, services: CaServices, done: Reshared, minutes: bytes, actor: str) -> str:
    """Put it on record and, as the last of it, put the key's new file in the place of the old one.

    Call it last in its transaction: what is on record is then what is on disk. Returns the minutes' SHA-256, hex.
    """
    digest, plan = sha256_hex(minutes), done.plan
    event = Event(
        type=EventType.ROOT_KEY_RESHARE_REHEARSED if done.rehearsal else EventType.ROOT_KEY_RESHARED,
        actor=actor,
        object_id=plan.sha256 if done.rehearsal else plan.root,
        details={
            "root": plan.root,
            "plan_sha256": plan.sha256,
            "shares_needed": plan.shares.needed,
            "shares_made": len(plan.shares.holders),
            "share_set": done.set_number,
            "minutes_sha256": digest,
        },
    )
    services.journal.record(session, event, now=done.ended_at)
    session.flush()
    if not done.rehearsal:
        done.replace()
    return digest


def require_resharing_rehearsed(session: Session, plan: Resharing) -> datetime:
    """Return when exactly this was rehearsed. :raises Denied: (``not_rehearsed``) if it was not."""
    found = session.scalar(
        select(AuditEvent.occurred_at)
        .where(
            AuditEvent.type == EventType.ROOT_KEY_RESHARE_REHEARSED.value,
            AuditEvent.object_id == plan.sha256,
        )
        .order_by(AuditEvent.occurred_at.desc())
        .limit(1)
    )
    if found is None:
        raise Denied(
            "Exactly this (root, holders in this order, number, witnesses) was not rehearsed: run the same command "
            "with --rehearse first.",
            code="not_rehearsed",
        )
    return found


def _reshare(
    services: CaServices,
    plan: Resharing,
    store: FileKeyStore,
    public: bytes,
    shares_to: Path,
    *,
    tell: Tell,
    rehearsal: bool,
) -> Reshared:
    now = services.clock.now
    done = Reshared(plan, rehearsal, began_at=now(), ended_at=now())

    def note(what: str, *facts: tuple[str, str]) -> None:
        done.steps.append(Step(now(), what, facts))
        tell(done.steps[-1])

    note(f"Se abrió la clave de {plan.root}", ("Huella SHA-256 de la clave", spaced(sha256_hex(public))))
    passphrase, shares = new_shares(plan.shares)
    done.set_number = shares[0].set_number
    files = write_share_files(shares, shares_to, root=plan.root, needed=plan.shares.needed)
    # By the pages and not by what is in memory: they are what will open it.
    read_back = combine([read_share(file.read_text("utf-8")) for file in files])
    if read_back != {done.set_number: passphrase}:
        raise Fault("The pages of the shares do not give the passphrase back.", code="shares_wrong")
    done.share_files = tuple(files)
    note(
        f"Una frase nueva se repartió: {plan.shares.needed} de {len(shares)} la abren",
        ("Conjunto", str(done.set_number)),
        *((f"Parte {share.number}", share.holder) for share in shares),
    )
    for left in store.folder.parent.glob(f".{store.folder.name}.*"):
        _destroy(left, plan.root)  # of a resharing that was killed: it never counted
    draft = store.folder.with_name(f".{store.folder.name}.{new_secret(6)}")
    done.discard = partial(_destroy, draft, plan.root)
    anew = FileKeyStore(draft, read_back[done.set_number])
    store.copy(plan.root, anew)
    if _public(anew, plan.root) != public:
        raise Fault("The key encrypted anew is another.", code="key_unreadable")
    note("La clave se cifró con la frase nueva, y las hojas nuevas la abren")
    done.ended_at = now()

    def replace() -> None:
        store.replace(plan.root, anew)
        draft.rmdir()
        if not rehearsal:
            root_passphrase_file(services.settings, plan.root).unlink(missing_ok=True)

    done.replace = replace
    return done


def _destroy(draft: Path, root: str) -> None:
    for file in (*draft.glob(f"{root}.key"), *draft.glob(f".{root}.key.*")):
        file.unlink()
    with suppress(OSError):  # it is not there, or is another root's
        draft.rmdir()


def require_opened_by_pages(services: CaServices, done: Reshared) -> None:
    """Check, when all is done, that the pages open the key where it lies. :raises ServiceError: if they do not."""
    words = [read_share(file.read_text("utf-8")) for file in done.share_files]
    passphrase = combine(words[-done.plan.shares.needed :])[done.set_number]
    FileKeyStore(root_folder(services.settings, done.plan.root), passphrase).require_readable(done.plan.root)


def _require_changed(folder: Path, name: str, *, old: SecretText) -> None:
    try:
        FileKeyStore(folder, old).require_readable(name)
    except Fault:
        return
    raise Fault("The old shares open the key still.", code="shares_wrong")


def _require_no_token(services: CaServices) -> None:
    if services.settings.root_keystore:
        raise Rejected(
            "The roots' keys are in a token: change its PIN, or its cards, as its maker says, not here.",
            code="shares_of_token",
        )


def _require_root(record: AuthorityRecord) -> None:
    if not record.is_root:
        raise Rejected(f"{record.name} is no root: only a root's passphrase is in shares.", code="not_a_root")


def _public(store: FileKeyStore, name: str, *, create: bool = False) -> bytes:
    signer = store.create(name, Algorithm.ES384) if create else store.open(name)
    return signer.public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


__all__ = [
    "Reshared",
    "Resharing",
    "record_resharing",
    "rehearse_resharing",
    "require_opened_by_pages",
    "require_resharing_rehearsed",
    "reshare",
]
