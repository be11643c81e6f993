"""Which second step: all kinds in words, with what each is worth."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as AnyResponse

from idp.authentication.factor_list import KINDS, list_factors
from idp.web.access import services
from idp.web.account_pages.factor_words import WORDS, FactorWords
from idp.web.guard import admit
from idp.web.login import interaction_context
from idp.web.second_steps.blueprint import address, blueprint, waiting, way_on
from web.pages import render

#: What a kind is worth, beside what it is: a kind without an entry is as good as any.
_WORTH = {
    "totp": _l("Sirve para todos los servicios que piden un segundo paso."),
    "sms": _l("Sirve para esos servicios. Quien le robe la línea también recibe el código: si puede, prefiera otra."),
    "grid": _l("Sirve para esos servicios. No necesita celular; guárdela como su cédula."),
    "email": _l("Solo protege de equipos desconocidos. Los servicios que piden un segundo paso pedirán otra forma."),
}


@dataclass(frozen=True)
class StepOffer:
    """A kind on the page."""

    name: str
    title: str
    about: str
    worth: str
    icon: str
    href: str


@blueprint.get("")
def choose() -> AnyResponse:
    """List what can be added: what would not be enough for the login that waits is left out."""
    visitor = admit(back_to=address("second_steps.choose"))
    if isinstance(visitor, AnyResponse):
        return visitor
    found = waiting()
    with services().database.reading() as session:
        held = {factor.kind for factor in list_factors(session, visitor.person.id)}
    enough = {kind.name for kind in KINDS if kind.second}
    required = found is not None and found.required_acr is not None
    offers = [
        _offer(words)
        for words in WORDS
        if words.add
        and (words.several or words.name not in held)
        and (words.name in enough or (words.name == "email" and not required and not held & enough))
    ]
    return render(
        "idp/steps/choose.html",
        200,
        visitor=visitor,
        offers=offers,
        required=required,
        waiting=found,
        way_on=way_on() if found else url_for("account.home"),
        way_on_words=_("Seguir sin segundo paso") if found else _("Ahora no"),
        **interaction_context(found),
    )


def _offer(words: FactorWords) -> StepOffer:
    worth = _WORTH.get(words.name)
    return StepOffer(
        name=words.name,
        title=str(words.title),
        about=str(words.about),
        worth=str(worth) if worth else str(_WORTH["totp"]),
        icon=words.icon,
        href=address(words.add),
    )
