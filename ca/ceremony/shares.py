"""The passphrase of a root's store in m-of-n shares: words that a person can write down (SLIP-39).

The sharing is ``shamir-mnemonic``'s. A share is shown to nobody but its holder: it is a file of its own, closed to
others, and never stands in a log, a row, an event or the minutes.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics

from ca.ceremony.plan import Shares
from kernel.errors import Rejected
from kernel.identifiers import b64url
from kernel.secret_text import SecretText
from keys.file_store import write_private

_SECRET_OCTETS = 32
_WORDS_A_LINE = 4


@dataclass(frozen=True)
class HeldShare:
    """One holder's share.

    :ivar set_number: tells the sets of different ceremonies apart; it is no secret.
    """

    holder: str
    number: int
    set_number: int
    words: SecretText


def new_shares(plan: Shares) -> tuple[SecretText, list[HeldShare]]:
    """Return a fresh passphrase and its shares, one for each holder, after trying them."""
    master = secrets.token_bytes(_SECRET_OCTETS)
    (mnemonics,) = generate_mnemonics(1, [(plan.needed, len(plan.holders))], master)
    shares = [
        HeldShare(holder, number, Share.from_mnemonic(words).identifier, SecretText(words))
        for number, (holder, words) in enumerate(zip(plan.holders, mnemonics, strict=True), start=1)
    ]
    passphrase = _passphrase(master)
    for chosen in (shares[: plan.needed], shares[-plan.needed :]):
        if combine([share.words for share in chosen]) != {shares[0].set_number: passphrase}:
            raise Rejected("The shares just made do not give the passphrase back.", code="shares_wrong")
    return passphrase, shares


def combine(shares: Sequence[SecretText]) -> Mapping[int, SecretText]:
    """Return the passphrases that the shares give, by the number of their set. More than enough shares are no error.

    :raises Rejected: (``share_unreadable``) for words that are no share or have a slip of the pen,
        (``shares_missing``) if a set has fewer than it needs, (``shares_wrong``) if they do not belong together.
    """
    sets: dict[int, dict[int, tuple[Share, str]]] = {}
    for position, text in enumerate(shares, start=1):
        try:
            words = " ".join(text.reveal().split()).lower()
            share = Share.from_mnemonic(words)
        except (MnemonicError, KeyError, ValueError):
            # The cause could quote a word.
            raise Rejected(
                f"Share {position} is not one: a word is misspelt, missing or in the wrong place.",
                code="share_unreadable",
            ) from None
        sets.setdefault(share.identifier, {})[share.index] = (share, words)
    if not sets:
        raise Rejected("There are no shares.", code="shares_missing")
    found = {}
    for set_number, members in sets.items():
        needed = next(iter(members.values()))[0].member_threshold
        if len(members) < needed:
            raise Rejected(
                f"Set {set_number} needs {needed} different shares; {len(members)} given.", code="shares_missing"
            )
        chosen = [words for _, words in list(members.values())[:needed]]
        try:
            found[set_number] = _passphrase(combine_mnemonics(chosen))
        except (MnemonicError, ValueError):
            raise Rejected(f"The shares of set {set_number} do not belong together.", code="shares_wrong") from None
    return found


def write_share_files(shares: Sequence[HeldShare], folder: Path, *, root: str, needed: int) -> list[Path]:
    """Write each share to a file of its own that only the operator can read, and return the files, to be printed.

    :raises kernel.errors.Conflict: if one exists.
    """
    written = []
    for share in shares:
        path = folder / f"{root}-share-{share.number}.txt"
        write_private(path, _page(share, root=root, needed=needed, total=len(shares)).encode())
        written.append(path)
    return written


def read_share(text: str) -> SecretText:
    """Return the words of a page that :func:`write_share_files` wrote, or of words alone, with or without numbers."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    words = [word for line in lines for word in line.split() if word.isalpha()]
    return SecretText(" ".join(words))


def _page(share: HeldShare, *, root: str, needed: int, total: int) -> str:
    words = share.words.reveal().split()
    numbered = [f"{number:>2}. {word:<10}" for number, word in enumerate(words, start=1)]
    rows = ["  ".join(numbered[start : start + _WORDS_A_LINE]) for start in range(0, len(numbered), _WORDS_A_LINE)]
    head = [
        f"# SAU · parte {share.number} de {total} · se necesitan {needed}",
        f"# Abre, junto con otras, la clave de la autoridad raíz «{root}» (conjunto {share.set_number}).",
        f"# Para: {share.holder}",
        "#",
        "# Imprima esta hoja, selle el sobre, borre el archivo. No la fotografíe ni la copie en un computador.",
        "",
    ]
    return "\n".join([*head, *(row.rstrip() for row in rows), ""])


def _passphrase(master: bytes) -> SecretText:
    return SecretText(b64url(master))
