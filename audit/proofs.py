"""Proofs that anyone can check: "this event is in the log whose head is signed here"."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.checkpoint import LogKey, verify_checkpoint
from audit.cosigned import PublishedCheckpoint, checkpoint_note, published_checkpoint
from audit.merkle import HASH_SIZE, ProofError, hash_leaf, inclusion_proof, verify_inclusion
from audit.model import AUDIT_TABLES, LogTables
from audit.receipt import Receipt
from audit.tiles import subtree_from
from audit.tree_store import tile_reader
from kernel.errors import NotFound

FORMAT = "sau-inclusion-proof/1"
RECEIPT_FORMAT = "sau-receipt-proof/1"


@dataclass(frozen=True)
class EntryProof:
    """An entry's leaf and the way from it to a signed root.

    :ivar hashes: siblings, nearest the leaf first (RFC 6962 §2.1.1).
    :ivar checkpoint: the signed note.
    :ivar log_key: the key that it is signed with, for comparison with one that was got elsewhere.
    """

    leaf: bytes
    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    log_key: str

    def as_document(self) -> dict[str, object]:
        """Return the proof as plain JSON values. The leaf is ASCII and stands as text."""
        return {
            "format": FORMAT,
            "leaf": self.leaf.decode("ascii"),
            "index": self.index,
            "hashes": [base64.b64encode(each).decode() for each in self.hashes],
            "checkpoint": self.checkpoint,
            "log_key": self.log_key,
        }


@dataclass(frozen=True)
class ReceiptProof:
    """The way from the leaf hash that a receipt names to a signed root; the leaf itself is not shown."""

    receipt: str
    entry: EntryProof

    def as_document(self) -> dict[str, object]:
        """Return the proof as plain JSON values."""
        document = self.entry.as_document()
        del document["leaf"]
        return {**document, "format": RECEIPT_FORMAT, "receipt": self.receipt}


def prove_receipt(session: Session, receipt: str, *, log_key: LogKey) -> ReceiptProof:
    """Return the proof that the event of a receipt is in the log, for whoever holds the receipt.

    It shows a place in the tree and hashes that are public, nothing of the record. The event's name alone, or with
    another hash, finds nothing.

    :raises Rejected: (``bad_receipt``). :raises NotFound: as :func:`prove_event` does.
    """
    wanted = Receipt.parse(receipt)
    found = prove_event(session, wanted.event_id, log_key=log_key)
    if not hmac.compare_digest(hash_leaf(found.leaf), wanted.leaf_hash):
        raise NotFound("There is no such event.", code="event_not_found")
    return ReceiptProof(str(wanted), found)


def prove_event(session: Session, event_id: str, *, log_key: LogKey, size: int | None = None) -> EntryProof:
    """Return the proof of an event against the newest checkpoint, or the one of ``size``.

    :raises NotFound: (``event_not_found``, ``event_not_sequenced``, ``no_checkpoint``).
    """
    return prove_entry(session, event_id, tables=AUDIT_TABLES, what="event", log_key=log_key, size=size)


def prove_entry(
    session: Session, entry_id: str, *, tables: LogTables, what: str, log_key: LogKey, size: int | None = None
) -> EntryProof:
    """Return the proof of an entry of any log against the newest checkpoint, or the one of ``size``.

    :param what: an entry's name in errors, ``event`` for example.
    :raises NotFound: (``event_not_found``, ``event_not_sequenced``, each beginning with ``what``; ``no_checkpoint``).
    """
    entry = tables.entry
    row = session.execute(select(entry.leaf, entry.log_index).where(entry.id == entry_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no such {what}.", code=f"{what}_not_found")
    if row.log_index is None:
        raise NotFound(f"The {what} is not in the log yet; ask again in a second.", code=f"{what}_not_sequenced")
    if size is None:
        checkpoint = published_checkpoint(session, origin=log_key.name, tables=tables, above=row.log_index)
    elif session.get(tables.checkpoint, size) is None:
        raise NotFound("There is no such checkpoint.", code="no_checkpoint")
    else:
        note = checkpoint_note(session, size, origin=log_key.name, tables=tables)
        checkpoint = PublishedCheckpoint(size, note)
    if checkpoint.size <= row.log_index:
        raise NotFound(f"The checkpoint is older than the {what}.", code="no_checkpoint")
    hashes = inclusion_proof(row.log_index, checkpoint.size, subtree_from(tile_reader(session, tables)))
    return EntryProof(row.leaf, row.log_index, tuple(hashes), checkpoint.note, str(log_key))


def verify_event_proof(document: Mapping[str, object], *, expected_key: LogKey) -> None:
    """Check a proof as :meth:`EntryProof.as_document` gives it, with nothing else at hand.

    :param expected_key: got elsewhere than from the proof.
    :raises ProofError: if it does not prove the leaf. :raises CheckpointError: if its checkpoint is not signed.
    """
    leaf = document.get("leaf")
    if document.get("format") != FORMAT or not isinstance(leaf, str) or not leaf.isascii():
        raise ProofError("This is no proof of an event.")
    _verify_path(document, hash_leaf(leaf.encode()), expected_key)


def verify_receipt_proof(document: Mapping[str, object], *, expected_receipt: str, expected_key: LogKey) -> None:
    """Check a proof as :meth:`ReceiptProof.as_document` gives it.

    :param expected_receipt: what the verifier holds, the ``txn`` of an ID token for example.
    :raises ProofError: if it does not prove that receipt. :raises CheckpointError: if its checkpoint is not signed.
    :raises Rejected: (``bad_receipt``) if what is held is no receipt.
    """
    held = Receipt.parse(expected_receipt)
    if document.get("format") != RECEIPT_FORMAT or document.get("receipt") != str(held):
        raise ProofError("This is no proof of this receipt.")
    _verify_path(document, held.leaf_hash, expected_key)


def _verify_path(document: Mapping[str, object], leaf_hash: bytes, expected_key: LogKey) -> None:
    index, hashes, note = (document.get(name) for name in ("index", "hashes", "checkpoint"))
    if type(index) is not int or not isinstance(hashes, list) or not isinstance(note, str):
        raise ProofError("This is no proof of an event.")
    try:
        path = [base64.b64decode(str(each), validate=True) for each in hashes]
    except binascii.Error as error:
        raise ProofError("This is no proof of an event.") from error
    if any(len(each) != HASH_SIZE for each in path):
        raise ProofError("A hash of the proof is not 32 octets.")
    checkpoint = verify_checkpoint(note, expected_key=expected_key)
    verify_inclusion(leaf_hash=leaf_hash, index=index, size=checkpoint.size, proof=path, expected_root=checkpoint.root)
