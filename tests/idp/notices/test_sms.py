"""Short messages through the outbox to gateways, what they hold, what they cost."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import idp.jobs
from audit.model import AuditEvent
from audit.vocabulary import EventType
from composition import Composition
from idp.accounts.person import Person, add_person
from idp.accounts.phone import mask_phone, parse_phone, shown_phone
from idp.authentication.sms_limits import SMS_BY_RECIPIENT_AND_ADDRESS, count_sms
from idp.notices.gsm import PLACES, places_of, written_in_gsm
from idp.notices.mail import list_stored_mails
from idp.notices.model import StoredSmsRow
from idp.notices.notify import notify_everywhere
from idp.notices.sms import list_stored_sms, send_sms
from idp.notices.sms_texts import compose_sms, sms_templates
from kernel.clock import ManualClock
from kernel.errors import Rejected, Throttled
from kernel.outbox import OutboxTask, run_due
from kernel.settings import Settings, load_settings
from tests.servers.sms import INVALID_DESTINATION, run_http_gateway, run_smpp_gateway
from tests.servers.tls import write_localhost_certificate

PHONE = "+593991234567"
_OPEN = {"outgoing_networks": ("127.0.0.0/8", "::1/128")}


def _composed(settings: Settings, clock: ManualClock, **changed: Any) -> Composition:
    return Composition(Settings.model_validate(settings.model_dump() | _OPEN | changed), clock=clock)


def _send(composition: Composition, template: str = "sign_up_code") -> None:
    with composition.database.transaction() as session:
        send_sms(
            session,
            services=composition.idp,
            to=PHONE,
            locale="es",
            template=template,
            context={"code": "12345678"},
            person_id=None,
            now=composition.clock.now(),
        )


def _work(composition: Composition) -> int:
    return run_due(composition.database, idp.jobs.letters(composition.idp), now=composition.clock.now())


def _reasons(composition: Composition, kind: EventType) -> list[str | None]:
    with composition.database.reading() as session:
        found = (
            session.query(AuditEvent)
            .where(AuditEvent.type == kind.value)
            .order_by(AuditEvent.occurred_at, AuditEvent.id)
        )
        return [event.reason for event in found]


def test_a_message_goes_through_the_outbox_by_http_sealed_on_the_way(settings: Settings, clock: ManualClock) -> None:
    """Nothing readable waits in the table; a failure is tried again with the same id; both are events."""
    with run_http_gateway() as gateway:
        composition = _composed(settings, clock, sms_url=gateway.url)
        _send(composition)
        with composition.database.reading() as session:
            payload = str(session.query(OutboxTask).one().payload)
        assert "12345678" not in payload
        assert "99123" not in payload
        gateway.answer = 503
        assert _work(composition) == 0
        gateway.answer = 202
        clock.advance(timedelta(minutes=1))
        assert _work(composition) == 1
        first, second = gateway.messages
        assert second["to"] == PHONE
        assert second["from"] == "SAU"
        assert "12345678" in second["text"]
        assert second["headers"]["Authorization"] == "Basic c2F1OmNsQHZl"
        assert first["id"] == second["id"] == second["headers"]["Idempotency-Key"]
        assert _reasons(composition, EventType.SMS_FAILED) == ["sms_status_503"]
        assert _reasons(composition, EventType.SMS_SENT) == [None]
        composition.database.dispose()


def test_what_the_gateway_refuses_for_good_is_not_sent_again(settings: Settings, clock: ManualClock) -> None:
    """A number that does not exist; and a code that would come after it has died only costs."""
    with run_http_gateway() as gateway:
        composition = _composed(settings, clock, sms_url=gateway.url)
        gateway.answer = 422
        _send(composition)
        _work(composition)
        with composition.database.reading() as session:
            assert session.query(OutboxTask).one().last_error == "sms_status_422"
        _send(composition)
        clock.advance(timedelta(minutes=16))
        assert _work(composition) == 0
        assert len(gateway.messages) == 1
        assert _reasons(composition, EventType.SMS_FAILED) == ["sms_status_422", "sms_too_late"]
        composition.database.dispose()


def _tls(folder: Path) -> tuple[ssl.SSLContext, Path]:
    certificate, key = write_localhost_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate


@pytest.mark.parametrize("run", [run_http_gateway, run_smpp_gateway], ids=["http", "smpp"])
def test_a_gateway_is_believed_by_its_certificate_only(
    settings: Settings, clock: ManualClock, tmp_path: Path, run: Callable[..., Any]
) -> None:
    """TLS verifies chain and name, for both adapters; credentials may stand in a file."""
    context, certificate = _tls(tmp_path)
    with run(context) as gateway:
        trusting = _composed(settings, clock, sms_url=gateway.url, outgoing_ca_file=certificate)
        _send(trusting)
        assert _work(trusting) == 1
        assert len(gateway.messages) == 1
        trusting.database.dispose()
        doubting = _composed(settings, clock, sms_url=gateway.url)
        _send(doubting)
        assert _work(doubting) == 0
        assert _reasons(doubting, EventType.SMS_FAILED) == ["sms_bad_certificate"]
        assert len(gateway.messages) == 1
        doubting.database.dispose()


def test_a_message_goes_by_smpp(settings: Settings, clock: ManualClock, tmp_path: Path) -> None:
    """Bind, submit, unbind; a wrong password is tried again, a wrong destination is not."""
    with run_smpp_gateway() as gateway:
        address = gateway.url.replace("sau:secreto@", "")
        (tmp_path / "known").write_text("sau:otro")
        composition = _composed(settings, clock, sms_url=address, sms_credentials_file=tmp_path / "known")
        _send(composition)
        assert _work(composition) == 0
        (tmp_path / "known").write_text("sau:secreto\n")
        clock.advance(timedelta(minutes=1))
        assert _work(composition) == 1
        assert gateway.messages[0]["to"] == "593991234567"
        assert gateway.messages[0]["from"] == "SAU"
        assert "12345678" in gateway.messages[0]["text"]
        gateway.answer = INVALID_DESTINATION
        _send(composition)
        _work(composition)
        assert _reasons(composition, EventType.SMS_FAILED) == ["sms_smpp_0e", "sms_smpp_0b"]
        with composition.database.reading() as session:
            assert session.query(OutboxTask).one().given_up_at is not None
        composition.database.dispose()


def test_a_password_goes_in_clear_only_inside_the_operators_networks(settings: Settings, clock: ManualClock) -> None:
    """Plain SMPP and plain HTTP are for a tunnel that the operator names."""
    with run_smpp_gateway() as smpp, run_http_gateway() as http:
        for gateway, reason in ((smpp, "sms_plain_smpp"), (http, "sms_plain_http")):
            composition = _composed(settings, clock, sms_url=gateway.url, outgoing_networks=())
            _send(composition)
            assert _work(composition) == 0
            assert _reasons(composition, EventType.SMS_FAILED)[-1] == reason
            assert gateway.messages == []
            clock.advance(timedelta(minutes=20))
            composition.database.dispose()


def test_without_a_gateway_messages_stay_sealed_in_the_database(composition: Composition) -> None:
    """The demo shows them; the table does not."""
    _send(composition)
    with composition.database.reading() as session:
        assert b"12345678" not in session.query(StoredSmsRow).one().sealed
        [sms] = list_stored_sms(session, services=composition.idp)
    assert "12345678" in sms.text
    assert sms.to == PHONE


@pytest.mark.parametrize("locale", ["es", "en", "qu"])
@pytest.mark.parametrize("template", sorted(sms_templates()))
def test_every_message_is_one_of_160_places_without_a_link(template: str, locale: str, clock: ManualClock) -> None:
    """One message costs once and arrives once; who is used to links in messages follows a thief's."""
    longest = {"code": "12345678", "name": "ç" * 100, "phone": "••••••567", "stop": "7K2M-94QX-7K2M-94QX"}
    longest |= {"due": "24/11/2026 10:15", "ready": "24/11/2026 10:15", "days": "90", "number": "4827-1935"}
    longest |= {"change": "flagged", "level": "2", "dial": "*7234*1#"}
    text = compose_sms(template, locale=locale, context=longest, now=clock.now())
    assert places_of(text) <= PLACES
    assert text.startswith("SAU: ")
    assert not any(sign in text.lower() for sign in ("http", "www", ".ec", "://"))


def test_letters_that_the_alphabet_lacks_are_written_as_they_look() -> None:
    """GSM 7-bit has é, ñ and ¿, but neither á nor í; the extension's signs take two places."""
    assert written_in_gsm("Quishpe Ñáñez «él»") == 'Quishpe Ñañez "él"'
    assert places_of("{}") == 4
    with pytest.raises(ValueError, match="alphabet"):
        places_of("á")


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("099 123 4567", PHONE),
        ("+593 99-123-4567", PHONE),
        ("593991234567", PHONE),
        ("", "phone_missing"),
        ("hola", "phone_invalid"),
        ("0991", "phone_invalid"),
        ("02 234 5678", "phone_not_mobile"),
        ("+51 912 345 678", "phone_country"),
        ("+1 900 555 0100", "phone_country"),
        ("+44 7911 123456", "phone_country"),
    ],
)
def test_a_telephone_is_a_mobile_one_of_a_country_that_is_written_to(typed: str, wanted: str) -> None:
    """Messages to other countries and to numbers that charge are how money is pumped out of such a service."""
    try:
        assert parse_phone(typed, countries=("593",)) == wanted
    except Rejected as error:
        assert error.code == wanted


def test_a_telephone_is_shown_as_its_owner_reads_it() -> None:
    """At home without the country; masked, three digits are enough to know it by."""
    assert shown_phone(PHONE) == "099 123 4567"
    assert shown_phone("+51912345678") == "+51 912 345 678"
    assert mask_phone(PHONE) == "••••••567"
    assert load_settings({"SAU_SMS_COUNTRIES": "593,51"}).sms_countries == ("593", "51")


def test_messages_are_counted_by_telephone_network_and_day(settings: Settings, clock: ManualClock) -> None:
    """A stranger uses up his own share, not the owner's; the day's sum is exact and a fifth of it is the owners'."""
    composition = _composed(settings, clock, sms_per_day=10)
    services = composition.idp

    def count(to: str, owner: str | None = None) -> str:
        try:
            with composition.database.transaction() as session:
                count_sms(session, services, to, owner=owner, now=clock.now())
        except Throttled as error:
            return error.code
        return "counted"

    allowed = SMS_BY_RECIPIENT_AND_ADDRESS.tries
    assert [count(PHONE) for _ in range(allowed + 1)] == ["counted"] * allowed + ["too_many_tries"]
    assert [count(f"+59399000000{digit}") for digit in range(5)] == ["counted"] * 4 + ["sms_day_used_up"]
    assert [count(PHONE, "owner") for _ in range(3)] == ["counted"] * 2 + ["sms_day_used_up"]
    clock.advance(timedelta(days=1))
    assert count(PHONE) == "counted"
    assert _reasons(composition, EventType.LOGIN_THROTTLED) == ["too_many_tries", *["sms_day_used_up"] * 2]
    composition.database.dispose()


@pytest.mark.parametrize(
    ("email", "phone", "mails", "messages"),
    [("a@b.test", PHONE, 1, 1), ("", PHONE, 0, 1), ("a@b.test", "", 1, 0), ("", "", 0, 0)],
    ids=["both", "phone", "mail", "neither"],
)
def test_a_notice_reaches_every_confirmed_contact_once(
    composition: Composition, email: str, phone: str, mails: int, messages: int
) -> None:
    """Nobody is worse off for lacking an e-mail address."""
    now, services = composition.clock.now(), composition.idp
    with composition.database.transaction() as session:
        person: Person = add_person(
            session,
            journal=services.journal,
            cedula="1710034065",
            given_names="Ana",
            surnames="Quispe",
            email=email,
            phone=phone,
            phone_verified=bool(phone),
            now=now,
        )
        notify_everywhere(session, services=services, person=person, template="password_changed", context={}, now=now)
    with composition.database.reading() as session:
        assert len(list_stored_mails(session, services=services)) == mails
        assert len(list_stored_sms(session, services=services)) == messages
