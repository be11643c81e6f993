"""Passwords that others use or that leaked: refused, with the person's own words and the country's."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask

from idp.authentication.common_passwords import FILE, is_common
from idp.authentication.leaked_passwords import LOOKUPS, holds, require_not_leaked
from idp.authentication.password_rules import require_acceptable_password
from idp.services import IdpServices
from kernel.errors import Rejected
from kernel.secret_text import SecretText
from outgoing.errors import OutgoingError, OutgoingReason
from web.operations import add_counter, init_operations

_GOOD = "mandarina-tren-lluvia-31"


@pytest.mark.parametrize(
    ("password", "common"),
    [
        ("qwertyuiop", True),
        ("QWERTYUIOP", True),
        ("qwertyuiop!1", True),
        ("1qaz2wsx3edc", True),
        (_GOOD, False),
        ("colibri-quinua-lago-47", False),
    ],
)
def test_what_many_use_is_known(password: str, common: bool) -> None:
    """NIST SP 800-63B-4 §3.1.1.2: a blocklist, compared without regard to capitals or a tail of digits."""
    assert is_common(password) is common


def test_the_list_is_compact_and_in_order() -> None:
    """Sorted, so that it can be searched; no password in clear."""
    octets = FILE.read_bytes()
    each = [octets[start : start + 6] for start in range(0, len(octets), 6)]
    assert each == sorted(set(each))
    assert 20_000 < len(each) < 60_000
    assert b"password" not in octets


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("1qaz2wsx3edc", "password_common"),
        ("guayaquil2024", "password_weak"),
        ("quishpe-tren-lluvia-31", "password_personal"),
        ("x" * 129, "password_long"),
        (" ".join([_GOOD, "colibri quinua lago ventana tuerca pincel sabana corcho nube farol verso gato"]), None),
    ],
)
def test_each_reason_has_its_own_word(password: str, code: str | None) -> None:
    """Longer than zxcvbn takes (72) is judged by its beginning, and refused for no length below 129."""
    try:
        require_acceptable_password(
            SecretText(password), cedula="1710034065", names=["María Quishpe"], email="maria@correo.test"
        )
    except Rejected as error:
        assert error.code == code
    else:
        assert code is None


class _Range:
    """A list of leaked passwords that answers, or does not."""

    def __init__(self, body: bytes | None) -> None:
        self.body, self.asked = body, ""

    def fetch(self, url: str, *, headers: dict[str, str], most_octets: int, seconds: float) -> Any:
        self.asked = url
        assert headers == {"Add-Padding": "true"}
        if self.body is None:
            raise OutgoingError(OutgoingReason.TIMED_OUT)
        return SimpleNamespace(body=self.body)


def _services(outgoing: _Range, url: str = "https://leaked.example/range") -> IdpServices:
    return cast(IdpServices, SimpleNamespace(settings=SimpleNamespace(leaked_passwords_url=url), outgoing=outgoing))


def _lines(suffixes: Sequence[str]) -> bytes:
    return "\r\n".join(suffixes).encode()


def test_a_leaked_password_is_refused_and_only_its_prefix_is_said() -> None:
    """k-anonymity: five letters of forty leave this house."""
    digest = hashlib.sha1(_GOOD.encode()).hexdigest().upper()
    asked = _Range(_lines([f"{'0' * 35}:3", f"{digest[5:]}:12"]))
    with pytest.raises(Rejected, match="password_leaked"):
        require_not_leaked(_services(asked), SecretText(_GOOD))
    assert asked.asked == f"https://leaked.example/range/{digest[:5]}"
    require_not_leaked(_services(_Range(_lines([f"{digest[5:]}:0"]))), SecretText(_GOOD))  # padding
    require_not_leaked(_services(_Range(b"\xff\x00" * 100)), SecretText(_GOOD))


def test_a_list_that_does_not_answer_keeps_nobody_from_a_password() -> None:
    """Fails open; off by default, and then nothing is asked."""
    require_not_leaked(_services(_Range(None)), SecretText(_GOOD))
    silent = _Range(None)
    require_not_leaked(_services(silent, url=""), SecretText(_GOOD))
    assert silent.asked == ""
    assert holds(b"", "A" * 35) is False


def test_how_lookups_went_is_shown_with_the_other_numbers() -> None:
    """In the application's own registry: Prometheus's default one is not shown by a process that stands alone."""
    app = Flask(__name__)
    metrics = init_operations(app)
    add_counter(app, LOOKUPS)
    require_not_leaked(_services(_Range(None)), SecretText(_GOOD))
    assert b'sau_leaked_password_lookups_total{outcome="unanswered"}' in metrics.text()
