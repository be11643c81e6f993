"""Valid messages made wrong: octets, DER values and JSON members changed, so that what lies deeper is met, too."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kernel.identifiers import b64url
from tests.faults.rounds import is_long_run, rounds

T = TypeVar("T")
_TAGS = (1, 2, 3, 4, 5, 6, 12, 19, 23, 24, 48, 49, 128, 160, 161, 163)
_LENGTHS = (0, 1, 0x7F, 0x80, 0x81, 0x84, 0xFF)
_OCTETS = (b"\0", b"\xff", b"\x80", b"\r\n", b"\x30\x80", b"\x00\x00", b"\x02\x84\xff\xff\xff\xff", b"%00", b'"', b"'")
ODD: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**63, -(2**63) - 1, 2**300, 1.5, 1e308, "", " ", "\0", "\ud800", "\u202e",
    "a\r\nb: c", "á" * 300, "a" * 5000, "none", "../../etc/passwd", "9999-99-99T99:99:99Z", "0001-01-01T00:00:00Z",
    "https://[::1", "http://a:99999/", "data:,x", [], {}, [[]], [None], [{}], {"": ""}, [1, "a"], ["a"] * 300,
    {"a": {"a": {"a": [{}]}}},
)  # fmt: skip


@dataclass(frozen=True)
class Edit:
    """One change, to whatever is there: the message is another in each example, with its nonces and signatures."""

    at: int
    kind: int
    width: int
    odd: int
    octets: bytes


EDITS = st.lists(
    st.builds(
        Edit,
        at=st.integers(0, 2000),
        kind=st.integers(0, 59),
        width=st.integers(1, 8),
        odd=st.integers(0, len(ODD) - 1),
        octets=st.binary(max_size=12),
    ),
    min_size=1,
    max_size=3,
)


def try_all(targets: Sequence[T], send: Callable[[T, list[Edit]], int], *, short: int, long: int) -> int:
    """Have ``send`` change and send the message of each target so many times; 500 is a crash.

    The changes are the same in every run of the tests, and others in each long run.

    :returns: how many messages were sent.
    """
    statuses: Counter[tuple[str, int]] = Counter()
    for target in targets:
        _try_one(target, send, rounds(short, long), statuses)
    print(sorted(statuses.items()))
    return statuses.total()


def _try_one(target: T, send: Callable[[T, list[Edit]], int], times: int, statuses: Counter[tuple[str, int]]) -> None:
    name = getattr(target, "__name__", str(target))

    @settings(
        max_examples=times,
        deadline=None,
        derandomize=not is_long_run(),
        database=None,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(edits=EDITS)
    def ask(edits: list[Edit]) -> None:
        status = send(target, edits)
        statuses[name, status] += 1
        assert status != 500, name

    ask()


def change_octets(valid: bytes, edits: list[Edit]) -> bytes:
    """Some octets of ``valid`` set, cut, repeated or put in; or its end missing."""
    octets = bytearray(valid)
    for edit in edits:
        at = edit.at % (len(octets) + 1)
        match edit.kind % 6:
            case 0:
                octets[at : at + 1] = edit.octets[:1] or bytes([_LENGTHS[edit.odd % len(_LENGTHS)]])
            case 1:
                del octets[at : at + edit.width]
            case 2:
                octets[at:at] = octets[at : at + edit.width * 4]
            case 3:
                octets[at:at] = edit.octets
            case 4:
                octets[at : at + edit.width] = _OCTETS[edit.odd % len(_OCTETS)]
            case _:
                del octets[at:]
    return bytes(octets)


Node = tuple[int, "bytes | list[Node]"]


def change_der(valid: bytes, edits: list[Edit]) -> bytes:
    """Some values of a DER structure changed, with all lengths around them right again."""
    tree = _read(valid)
    for edit in edits:
        places = [(holder, at) for holder in _holders(tree) for at in range(len(holder))]
        if not places:
            break
        holder, at = places[edit.at % len(places)]
        tag, content = holder[at]
        match edit.kind % 6:
            case 0:
                holder[at] = (_TAGS[edit.odd % len(_TAGS)], content)
            case 1:
                holder[at] = (tag, edit.octets)
            case 2:
                holder[at] = (tag, b"")
            case 3:
                del holder[at]
            case 4:
                holder.insert(at, copy.deepcopy(holder[at]))
            case _ if isinstance(content, bytes):
                holder[at] = (tag, change_octets(content, [edit]))
    return _write(tree)


def change_json(valid: Any, edits: list[Edit]) -> Any:
    """Some members of a JSON document replaced by odd ones, removed, or wrapped."""
    document = copy.deepcopy(valid)
    for edit in edits:
        places = [(holder, name) for holder in _containers(document) for name in _names(holder)]
        if not places:
            break
        holder, name = places[edit.at % len(places)]
        match edit.kind % 5:
            case 0:
                del holder[name]
            case 1:
                holder[name] = [holder[name]]
            case _:
                holder[name] = copy.deepcopy(ODD[edit.odd])
    return document


def signed(header: Any, payload: Any, key: ec.EllipticCurvePrivateKey) -> str:
    """A compact JWS with a right ES256 signature over whatever is given."""
    parts = [b64url(each if isinstance(each, bytes) else json.dumps(each).encode()) for each in (header, payload)]
    r, s = decode_dss_signature(key.sign(".".join(parts).encode(), ec.ECDSA(hashes.SHA256())))
    return ".".join([*parts, b64url(r.to_bytes(32) + s.to_bytes(32))])


def _containers(document: Any) -> list[Any]:
    if not isinstance(document, dict | list):
        return []
    inner = document.values() if isinstance(document, dict) else document
    return [document, *(found for each in inner for found in _containers(each))]


def _names(holder: Any) -> list[Any]:
    return list(holder) if isinstance(holder, dict) else list(range(len(holder)))


def _read(octets: bytes) -> list[Node]:
    """The values that stand one after the other; what does not read as constructed stays as octets."""
    nodes: list[Node] = []
    at = 0
    while at < len(octets):
        if at + 2 > len(octets):
            raise ValueError("cut short")
        tag, length, start = octets[at], octets[at + 1], at + 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(octets[at + 2 : start])
        content = octets[start : start + length]
        if len(content) != length:
            raise ValueError("cut short")
        nodes.append((tag, _read(content) if tag & 0x20 else content))
        at = start + length
    return nodes


def _write(nodes: list[Node]) -> bytes:
    written = b""
    for tag, content in nodes:
        inner = content if isinstance(content, bytes) else _write(content)
        size = len(inner)
        width = (size.bit_length() + 7) // 8
        length = bytes([size]) if size < 0x80 else bytes([0x80 | width]) + size.to_bytes(width)
        written += bytes([tag]) + length + inner
    return written


def _holders(nodes: list[Node]) -> list[list[Node]]:
    found = [nodes]
    for _, content in nodes:
        if isinstance(content, list):
            found += _holders(content)
    return found
