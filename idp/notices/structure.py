"""What the parts of a mail's text are, so that another form can show them as what they are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_INDENT = "    "
_CODE = re.compile(r"[0-9A-Z][0-9A-Z -]{3,}\Z")
_ADDRESS = re.compile(r"https?://[^\s<>\"]+")
_SENTENCE_END = ".,;:)»”"
_SIGNATURE = "SAU · "


@dataclass(frozen=True)
class Piece:
    """A run of text; with ``href``, an address of ours."""

    text: str
    href: str = ""


@dataclass(frozen=True)
class Block:
    """One part of a mail.

    :ivar kind: ``paragraph``, ``code`` (to be typed), ``action`` (one address), ``facts`` (names and values), ``quote``
        (any other indented lines) or ``signature``.
    :ivar lines: its lines, each in pieces; of ``facts``, name and value of each.
    """

    kind: str
    lines: tuple[tuple[Piece, ...], ...]


def blocks(body: str, *, issuer: str) -> list[Block]:
    """Return the parts of ``body``: paragraphs stand between empty lines, what matters is indented by four spaces.

    :param issuer: only addresses at this origin become links.
    """
    return [_block(part, issuer) for part in re.split(r"\n{2,}", body.strip("\n")) if part.strip()]


def _block(part: str, issuer: str) -> Block:
    lines = part.split("\n")
    if lines[0].startswith(_SIGNATURE):
        return Block("signature", tuple(_pieces(line, issuer) for line in lines))
    if not all(line.startswith(_INDENT) for line in lines):
        return Block("paragraph", tuple(_pieces(line, issuer) for line in lines))
    inner = [line.strip() for line in lines]
    if len(inner) == 1 and _CODE.match(inner[0]):
        return Block("code", ((Piece(inner[0]),),))
    if len(inner) == 1 and ours(inner[0], issuer):
        return Block("action", ((Piece(inner[0], inner[0]),),))
    if all(": " in line for line in inner):
        return Block(
            "facts", tuple((Piece(name), Piece(value)) for name, _, value in (x.partition(": ") for x in inner))
        )
    return Block("quote", tuple(_pieces(line, issuer) for line in inner))


def ours(address: str, issuer: str) -> bool:
    """Tell whether ``address`` is at the origin ``issuer``, and all of it is an address."""
    match = _ADDRESS.fullmatch(address)
    return bool(match) and (address == issuer or address.startswith(issuer.rstrip("/") + "/"))


def _pieces(line: str, issuer: str) -> tuple[Piece, ...]:
    found: list[Piece] = []
    at = 0
    for match in _ADDRESS.finditer(line):
        address = match[0].rstrip(_SENTENCE_END)
        if not ours(address, issuer):
            continue
        found += [Piece(line[at : match.start()]), Piece(address, address)]
        at = match.start() + len(address)
    found.append(Piece(line[at:]))
    return tuple(piece for piece in found if piece.text)
