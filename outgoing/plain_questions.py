"""Questions to one name server in one exchange by UDP, for the answers that nearly all questions get.

A library reads every message that a name server may send, and takes longer for one than a proof takes for all else.
What is told here is an answer that is plain: records of the very name and type that were asked for, or none. Whatever
is not (an alias, a cut message, a failure, silence) is not read, and whoever asked asks the library.
"""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic

A, AAAA, CAA = 1, 28, 257
_IN = 1
_HEAD = struct.Struct("!6H")
_RECORD = struct.Struct("!2HIH")  # after the owner's name
_TIMEVAL = struct.Struct("@ll")
_ASKED_RECURSION, _ANSWER, _OF_OTHER_KINDS, _TRUNCATED, _RCODE = 0x0100, 0x8000, 0x7800, 0x0200, 0x000F
_NO_ERROR, _NO_SUCH_NAME = 0, 3
_THE_NAME_ASKED = b"\xc0\x0c"  # RFC 1035 §4.1.4: as it stands after the head
_MOST_OCTETS = 4096
_MOST_STRAY = 64  # messages that answer no question of ours
_MOST_LABEL, _MOST_NAME = 63, 253

Records = Sequence[bytes]
"""The values of an answer's records, each as it is on the wire; none if there is no such name or record."""


def ask_plainly(
    where: tuple[str, int], questions: Sequence[tuple[str, int]], *, seconds: float
) -> list[Records | None]:
    """Return what a name server answers to each question, all asked at once; None where the answer is not plain.

    As the library does it, a question is known by a number and a port that nobody can guess, and an answer counts if it
    comes from the address that was asked, has the number, and repeats the question to the octet.

    :param where: address and port. :param questions: name and type each.
    :param seconds: for all of them.
    """
    found: list[Records | None] = [None] * len(questions)
    waiting: dict[bytes, tuple[int, bytes, int]] = {}
    for place, (name, kind) in enumerate(questions):
        encoded = _encoded(name)
        if encoded is None:
            continue
        number = secrets.token_bytes(2)
        while number in waiting:
            number = secrets.token_bytes(2)
        waiting[number] = place, encoded + struct.pack("!2H", kind, _IN), kind
    family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
        asking.connect(where)  # what others send does not come in
        _exchange(asking, waiting, found, until=monotonic() + seconds)
    return found


def _exchange(
    asking: socket.socket, waiting: dict[bytes, tuple[int, bytes, int]], found: list[Records | None], *, until: float
) -> None:
    head = _HEAD.pack(0, _ASKED_RECURSION, 1, 0, 0, 0)[2:]
    _wait_no_longer(asking, until)
    for number, (_, question, _) in waiting.items():
        asking.send(number + head + question)
    for _ in range(len(waiting) + _MOST_STRAY):
        if not waiting or monotonic() >= until:
            return
        message = asking.recv(_MOST_OCTETS)
        asked = waiting.get(message[:2])
        if asked is None or not _answers(message, asked[1]):
            _wait_no_longer(asking, until)
            continue
        place, question, kind = asked
        del waiting[message[:2]]
        found[place] = _records(message, question, kind)


def _wait_no_longer(asking: socket.socket, until: float) -> None:
    # By the system, not by the interpreter, which would ask before each step whether it may be taken.
    left = max(until - monotonic(), 0.001)
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(int(left), int(left % 1 * 1_000_000)))


def _encoded(name: str) -> bytes | None:
    """Return a name as it is on the wire; None for one that is not written plainly."""
    labels = name.rstrip(".").split(".")
    if not name.isascii() or "\\" in name or len(name) > _MOST_NAME:
        return None
    if not all(0 < len(label) <= _MOST_LABEL for label in labels):
        return None
    return b"".join(bytes((len(label),)) + label.encode("ascii") for label in labels) + b"\0"


def _answers(message: bytes, question: bytes) -> bool:
    if len(message) < _HEAD.size:
        return False
    _, flags, questions, *_ = _HEAD.unpack_from(message)
    is_answer = flags & _ANSWER and not flags & _OF_OTHER_KINDS
    return bool(is_answer and questions == 1 and message.startswith(question, _HEAD.size))


def _records(message: bytes, question: bytes, kind: int) -> Records | None:
    _, flags, _, answers, _, _ = _HEAD.unpack_from(message)
    code = flags & _RCODE
    if flags & _TRUNCATED or code not in (_NO_ERROR, _NO_SUCH_NAME) or (code == _NO_SUCH_NAME and answers):
        return None
    values: list[bytes] = []
    place = _HEAD.size + len(question)
    for _ in range(answers):
        if not message.startswith(_THE_NAME_ASKED, place) or len(message) < place + 2 + _RECORD.size:
            return None
        its_kind, its_class, _, length = _RECORD.unpack_from(message, place + 2)
        place += 2 + _RECORD.size + length
        if (its_kind, its_class) != (kind, _IN) or place > len(message):
            return None
        values.append(message[place - length : place])
    return values
