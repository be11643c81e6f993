"""The body of ``add-checkpoint``: the size that the witness saw last, a consistency proof, a checkpoint."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from audit.checkpoint import is_decimal
from audit.merkle import HASH_SIZE
from kernel.errors import Rejected

MOST_HASHES = 63
MOST_OCTETS = 64 * 1024
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True)
class AddCheckpoint:
    """A request, taken apart. ``note`` is the signed checkpoint as it came; nothing is verified."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a body. :raises Rejected: (``bad_request``) if it is not of the form."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _bad() from error
        head, separator, note = text.partition("\n\n")
        first, *lines = head.split("\n")
        old, _, size = first.partition(" ")
        if not separator or old != "old" or not is_decimal(size) or len(lines) > MOST_HASHES:
            raise _bad()
        try:
            proof = tuple(base64.b64decode(line, validate=True) for line in lines)
        except binascii.Error as error:
            raise _bad() from error
        if any(len(each) != HASH_SIZE for each in proof):
            raise _bad()
        return cls(int(size), proof, note)

    def body(self) -> bytes:
        """Return the body of the request."""
        return add_checkpoint_body(self.old_size, self.proof, self.note)


def add_checkpoint_body(old_size: int, proof: Sequence[bytes], note: str) -> bytes:
    """Return the body that submits ``note`` with the proof that its tree begins with the one of ``old_size``."""
    lines = [f"old {old_size}", *(base64.b64encode(each).decode() for each in proof)]
    return ("\n".join(lines) + f"\n\n{note}").encode()


def _bad() -> Rejected:
    return Rejected("The body is not that of add-checkpoint.", code="bad_request")
