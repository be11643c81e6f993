"""What a person should look at, at the top of the account: a new warning is a function in :data:`WARNINGS`.

Each says what is the matter, why it matters, and where to do something about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from idp.accounts.deletion import Deletion
from idp.accounts.person import Person
from idp.authentication.factor_list import HeldFactor, has_second_kind
from idp.authentication.phone_recovery import PhoneRecovery
from idp.desk.recovery_record import Recovery
from idp.ports import PersonalCertificate
from web.moments import moment_text

FEW_CODES = 3
CERTIFICATE_ENDS_SOON = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What warnings look at."""

    person: Person
    factors: Sequence[HeldFactor]
    now: datetime
    deletion: Deletion | None = None
    certificates: Sequence[PersonalCertificate] = ()
    recheck_due: bool = False
    recovery: Recovery | None = None
    phone_recovery: PhoneRecovery | None = None


@dataclass(frozen=True)
class Warning:
    """A warning in words."""

    text: str
    way_on: str
    href: str
    state: str = "warn"


def only_a_password(situation: Situation) -> Warning | None:
    """One factor: whoever learns the password is in."""
    if has_second_kind(situation.factors):
        return None
    return Warning(
        _("Su cuenta se abre solo con la contraseña."),
        _("Agregue un segundo paso"),
        url_for("account.security"),
    )


def few_codes(situation: Situation) -> Warning | None:
    """The recovery codes run out."""
    left = next((factor.left for factor in situation.factors if factor.kind == "recovery_code"), None)
    if not has_second_kind(situation.factors) or (left is not None and left > FEW_CODES):
        return None
    if not left:
        return Warning(
            _("No le quedan códigos de respaldo: si pierde su celular, no podrá ingresar sin ir a una ventanilla."),
            _("Pida códigos nuevos"),
            url_for("second_factor.recovery_codes"),
        )
    return Warning(
        ngettext("Le queda %(num)d código de respaldo.", "Le quedan %(num)d códigos de respaldo.", left),
        _("Pida códigos nuevos"),
        url_for("second_factor.recovery_codes"),
    )


def unconfirmed_contact(situation: Situation) -> Warning | None:
    """No mailbox that is known to be his: no warning reaches him, and no new password."""
    if situation.person.email_verified or (situation.person.phone_verified and not situation.person.email):
        return None
    if not situation.person.email:
        return Warning(
            _("No tenemos un correo ni un celular suyo: no podemos avisarle si alguien usa su cuenta."),
            _("Agregue su correo"),
            url_for("contact.page"),
        )
    return Warning(
        _("Falta confirmar su correo: hasta entonces no sirve para recuperar su cuenta."),
        _("Confírmelo"),
        url_for("account.profile"),
    )


def password_by_phone(situation: Situation) -> Warning | None:
    """Somebody who reads his messages waits to set another password: a login, or a new password, ends that."""
    if situation.phone_recovery is None:
        return None
    return Warning(
        _(
            "Alguien pidió una contraseña nueva con su celular, y podrá crearla el %(when)s.",
            when=moment_text(situation.phone_recovery.ready_at, "long"),
        ),
        _("Detenerlo: cambiar su contraseña"),
        url_for("account.password"),
        "bad",
    )


def to_be_erased(situation: Situation) -> Warning | None:
    """The account has days to live: whoever did not ask for that must see it."""
    if situation.deletion is None:
        return None
    return Warning(
        _("Su cuenta se borrará el %(when)s.", when=moment_text(situation.deletion.due_at, "long")),
        _("Cancelar el borrado"),
        url_for("account.ask_deletion"),
        "bad",
    )


def certificate_ending(situation: Situation) -> Warning | None:
    """A certificate ends soon, and no later one of its kind is there."""
    alive = [item for item in situation.certificates if item.standing in ("valid", "not_yet_valid")]
    latest = {item.kind: item for item in sorted(alive, key=lambda item: item.not_after)}
    ending = [item for item in latest.values() if item.not_after <= situation.now + CERTIFICATE_ENDS_SOON]
    if not ending:
        return None
    first = min(ending, key=lambda item: item.not_after)
    return Warning(
        _("Su certificado «%(kind)s» vence el %(when)s.", kind=first.kind, when=moment_text(first.not_after, "date")),
        _("Pida otro"),
        url_for("account.certificates"),
    )


def asked_back_at_a_desk(situation: Situation) -> Warning | None:
    """Somebody showed a document and asked for this account: who is logged in says whether it was he."""
    if situation.recovery is None:
        return None
    return Warning(
        _(
            "En una ventanilla pidieron recuperar su cuenta el %(when)s.",
            when=moment_text(situation.recovery.opened_at),
        ),
        _("Si no fue usted, deténgalo"),
        url_for("account.ask_stopping"),
        "bad",
    )


def to_be_rechecked(situation: Situation) -> Warning | None:
    """He said that somebody else was in: the password and all the rest wait to be looked at."""
    if not situation.recheck_due:
        return None
    return Warning(
        _("Nos dijo que alguien usó su cuenta: falta cambiar la contraseña y revisar lo que la abre."),
        _("Siga con su reporte"),
        url_for("account.reports"),
        "bad",
    )


WARNINGS: tuple[Callable[[Situation], Warning | None], ...] = (
    to_be_erased,
    password_by_phone,
    asked_back_at_a_desk,
    to_be_rechecked,
    only_a_password,
    few_codes,
    unconfirmed_contact,
    certificate_ending,
)


def warnings_for(situation: Situation) -> list[Warning]:
    """Return what the person should look at."""
    return [warning for look in WARNINGS if (warning := look(situation)) is not None]
