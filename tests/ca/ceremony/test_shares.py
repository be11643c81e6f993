"""m-of-n shares of a root's passphrase (certificate authority 21)."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from ca.ceremony.plan import Shares
from ca.ceremony.shares import combine, new_shares, read_share, write_share_files
from kernel.errors import Rejected
from kernel.secret_text import SecretText

PLAN = Shares(needed=2, holders=("Ana", "Beto", "Caro"))


def test_any_m_of_n_give_the_passphrase_and_fewer_do_not() -> None:
    """Every pair of three opens; one alone does not; all three are no error."""
    passphrase, shares = new_shares(PLAN)
    words = [share.words for share in shares]
    for pair in combinations(words, 2):
        assert list(combine(pair).values()) == [passphrase]
    assert list(combine(words).values()) == [passphrase]
    with pytest.raises(Rejected) as caught:
        combine(words[:1])
    assert caught.value.code == "shares_missing" and "needs 2" in caught.value.public_detail


def test_the_same_share_twice_is_one_share() -> None:
    """One holder does not become two."""
    _, shares = new_shares(PLAN)
    with pytest.raises(Rejected) as caught:
        combine([shares[0].words, shares[0].words])
    assert caught.value.code == "shares_missing"


def test_a_slip_of_the_pen_is_noticed_and_no_word_is_repeated() -> None:
    """SLIP-39's checksum finds it; the error names the position, never a word of the share."""
    _, shares = new_shares(PLAN)
    words = shares[1].words.reveal().split()
    words[7] = "academic" if words[7] != "academic" else "acid"
    with pytest.raises(Rejected) as caught:
        combine([shares[0].words, SecretText(" ".join(words))])
    assert caught.value.code == "share_unreadable" and "Share 2" in caught.value.public_detail
    assert not set(words) - {"share", "is"} & set(caught.value.public_detail.lower().split())


def test_shares_of_two_sets_do_not_mix() -> None:
    """Two ceremonies, two sets: one of each opens nothing."""
    _, first = new_shares(PLAN)
    _, second = new_shares(PLAN)
    with pytest.raises(Rejected) as caught:
        combine([first[0].words, second[1].words])
    assert caught.value.code == "shares_missing"


def test_pages_are_closed_to_others_and_read_back(tmp_path: Path) -> None:
    """A page for each holder, mode 0600, with numbered words that the program reads again."""
    passphrase, shares = new_shares(PLAN)
    files = write_share_files(shares, tmp_path / "shares", root="root", needed=2)
    assert [path.stat().st_mode & 0o077 for path in files] == [0, 0, 0]
    assert [("Beto" in path.read_text("utf-8")) for path in files] == [False, True, False]
    read = [read_share(path.read_text("utf-8")) for path in files[:2]]
    assert list(combine(read).values()) == [passphrase]


def test_a_share_does_not_print_itself() -> None:
    """What a log or a traceback shows of it is nothing."""
    _, shares = new_shares(PLAN)
    assert shares[0].words.reveal() not in repr(shares[0])
