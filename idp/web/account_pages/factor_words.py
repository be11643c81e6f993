"""What kinds of factor are called, and where each is added and removed: a new kind is a value in :data:`WORDS`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_babel.speaklater import LazyString

from idp.authentication.factor_list import HeldFactor
from web.moments import moment_text


@dataclass(frozen=True, kw_only=True)
class FactorWords:
    """The words of one kind.

    :ivar name: of its :class:`idp.authentication.factor_list.FactorKind`.
    :ivar title: what it is called where its owner gave no name.
    :ivar about: why one would want it, for who has none.
    :ivar icon: of ``components.html``.
    :ivar change: endpoint, with ``factor_id`` where ``by_id``; ``change_words``: what the link says.
    :ivar add: endpoint where one is added; none: it cannot be added here.
    :ivar several: more than one can be had, so that adding is offered to who has one.
    :ivar offered_after: kinds of which one must be there before this one is offered.
    """

    name: str
    title: LazyString
    about: LazyString
    icon: str
    change: str = ""
    change_words: LazyString | None = None
    by_id: bool = False
    add: str = ""
    add_words: LazyString | None = None
    several: bool = False
    offered_after: tuple[str, ...] = ()


#: In the order in which they are offered.
WORDS: tuple[FactorWords, ...] = (
    FactorWords(
        name="password",
        title=_l("Contraseña"),
        about=_l("Es lo primero que le pedimos."),
        icon="key",
        change="account.password",
        change_words=_l("Cambiar la contraseña"),
    ),
    FactorWords(
        name="totp",
        title=_l("Celular de códigos"),
        about=_l("Con un código de su celular nadie más puede entrar a su nombre."),
        icon="phone",
        change="second_factor.ask_removal",
        change_words=_l("Quitar"),
        add="second_factor.enroll",
        add_words=_l("Agregar mi celular"),
    ),
    FactorWords(
        name="passkey",
        title=_l("Llave de acceso"),
        about=_l("Ingrese con la huella, el rostro o el PIN de su dispositivo, sin escribir la contraseña."),
        icon="lock",
        change="passkeys.one",
        change_words=_l("Cambiar o quitar"),
        by_id=True,
        add="passkeys.ask",
        add_words=_l("Agregar una llave de acceso"),
        several=True,
    ),
    FactorWords(
        name="sms",
        title=_l("Códigos por mensaje de texto"),
        about=_l("Llegan a cualquier celular, también sin internet."),
        icon="phone",
        change="second_steps.ask_sms_removal",
        change_words=_l("Quitar"),
        add="second_steps.sms",
        add_words=_l("Agregar mensajes de texto"),
    ),
    FactorWords(
        name="grid",
        title=_l("Tarjeta de números"),
        about=_l("Impresa en papel, para quien no tiene celular o no lo lleva consigo."),
        icon="cert",
        change="second_steps.ask_card_removal",
        change_words=_l("Quitar"),
        add="second_steps.card",
        add_words=_l("Imprimir una tarjeta"),
        several=True,
    ),
    FactorWords(
        name="email",
        title=_l("Código por correo en equipos nuevos"),
        about=_l("Para quien no puede usar otra forma."),
        icon="mail",
        change="second_steps.mail",
        change_words=_l("Cambiar"),
        add="second_steps.mail",
        add_words=_l("Pedirlo en equipos nuevos"),
    ),
    FactorWords(
        name="recovery_code",
        title=_l("Códigos de respaldo"),
        about=_l("Sirven una vez cada uno, para el día en que no tenga su celular."),
        icon="key",
        change="second_factor.recovery_codes",
        change_words=_l("Ver o renovar"),
        add="second_factor.recovery_codes",
        add_words=_l("Pedir códigos de respaldo"),
        offered_after=("totp", "passkey", "sms", "grid"),
    ),
)


@dataclass(frozen=True)
class FactorLine:
    """A factor as the page lists it. ``href`` is empty where nothing can be changed here."""

    title: str
    detail: str
    icon: str
    href: str
    href_words: str


@dataclass(frozen=True)
class FactorOffer:
    """A kind that the person could add."""

    title: str
    about: str
    icon: str
    href: str
    href_words: str


def factor_line(factor: HeldFactor) -> FactorLine:
    """Return the factor in the reader's language."""
    words = next(words for words in WORDS if words.name == factor.kind)
    parts = [_("desde el %(when)s", when=moment_text(factor.created_at, "date"))]
    if factor.last_used_at:
        parts.append(_("usado el %(when)s", when=moment_text(factor.last_used_at, "short")))
    elif factor.kind not in ("password", "recovery_code"):
        parts.append(_("todavía no se ha usado"))
    if factor.left is not None:
        parts.append(ngettext("queda %(num)d", "quedan %(num)d", factor.left))
    href = _change_address(words, factor) if words.change else ""
    title = f"{words.title}: {factor.name}" if factor.name else str(words.title)
    return FactorLine(title, " · ".join(parts), words.icon, href, str(words.change_words or ""))


def factor_offers(factors: list[HeldFactor]) -> list[FactorOffer]:
    """Return what the person could add, in the order in which it is offered."""
    held = {factor.kind for factor in factors}
    return [
        FactorOffer(str(words.title), str(words.about), words.icon, url_for(words.add), str(words.add_words or ""))
        for words in WORDS
        if words.add
        and (words.several or words.name not in held)
        and (not words.offered_after or held & set(words.offered_after))
    ]


def _change_address(words: FactorWords, factor: HeldFactor) -> str:
    return url_for(words.change, factor_id=factor.id) if words.by_id else url_for(words.change)
