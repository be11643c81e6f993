"""What a new password must be: long, hard to guess, not one's own name; no rules of composition (NIST SP 800-63B)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from zxcvbn import zxcvbn

from idp.authentication.common_passwords import is_common
from kernel.errors import Rejected
from kernel.secret_text import SecretText

MIN_LENGTH = 10
MAX_LENGTH = 128
# 3 of 4: "safely unguessable, moderate protection from offline slow-hash" in the measure's own words.
MIN_SCORE = 3
_ESTIMATED_LENGTH = 72  # zxcvbn refuses more
# zxcvbn's own lists are English: what people here take first.
_COMMON_WORDS = tuple(
    """
    sau ecuador cedula ventanilla gobierno contraseña contrasena clave secreto secreta password quito guayaquil cuenca
    manta loja ambato machala riobamba esmeraldas galapagos barcelona emelec liga aucas familia teamo amor corazon
    jesus cristo dios virgen maria jose juan carlos luis jorge diego daniel david andres fernando gabriel alejandro
    sofia valentina camila isabella daniela andrea paola karla princesa hermosa bonita mihijo mihija futbol campeon
    mundial chocolate estrella hola adios qwertyuiop enero febrero marzo abril mayo junio julio agosto septiembre
    octubre noviembre diciembre lunes martes miercoles jueves viernes sabado domingo uno dos tres cuatro cinco
    """.split()  # noqa: SIM905 - a list of eighty quoted words hides its words
)


def require_acceptable_password(
    password: SecretText, *, cedula: str, names: Sequence[str], email: str, phone: str = ""
) -> None:
    """Refuse a new password that others would guess.

    :param cedula: the person's document in normal form: the number of a passport is looked for without its state.
    :param phone: E.164, or empty; its last eight digits are looked for, however it is written.
    :raises Rejected: ``password_missing``, ``password_short``, ``password_long``, ``password_personal``,
        ``password_common``, ``password_weak``.
    """
    text = unicodedata.normalize("NFKC", password.reveal())
    if not text.strip():
        raise Rejected("Type a password.", code="password_missing")
    if len(text) < MIN_LENGTH:
        raise Rejected("The password is too short.", code="password_short")
    if len(text) > MAX_LENGTH:
        raise Rejected("The password is too long.", code="password_long")
    words = [word for name in names for word in _fold(name).split() if len(word) > 3]
    mailbox = _fold(email.partition("@")[0])
    personal = [_fold(cedula.rpartition("-")[2]), *words, *([mailbox] if len(mailbox) > 3 else [])]
    if any(word and word in _fold(text) for word in personal):
        raise Rejected("The password holds your name, cédula or e-mail.", code="password_personal")
    if phone and phone[-8:] in "".join(letter for letter in text if letter.isdecimal()):
        raise Rejected("The password holds your telephone.", code="password_personal")
    if is_common(text):
        raise Rejected("Many people have used this password.", code="password_common")
    estimate = zxcvbn(text[:_ESTIMATED_LENGTH], user_inputs=[*personal, *_COMMON_WORDS])
    if estimate["score"] < MIN_SCORE:
        raise Rejected("The password is easy to guess.", code="password_weak")


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
