"""Names that people type, passwords that may be sent, and what an entry says about its account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from idp.directories.account_state import AccountState, state_in_refusal, state_of_entry
from idp.directories.directory import parse_attributes, parse_ca, parse_directory_name, parse_servers
from idp.directories.names import (
    fill_bind_name,
    fill_filter,
    parse_institutional_name,
    require_bind_template,
    require_dn,
    require_filter,
    require_password_to_send,
)
from kernel.errors import Rejected
from kernel.secret_text import SecretText

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "typed",
    [
        "*)(uid=*@salud.test",
        "a\x00b@salud.test",
        "@salud.test",
        "a@",
        "a@salud",
        "a b@salud.test",
        "a@*.test",
        "a@b@c.d",
    ],
)
def test_what_is_no_name_asks_no_directory(typed: str) -> None:
    """Refused by its shape, before any question (attacks-and-faults 10)."""
    with pytest.raises(Rejected):
        parse_institutional_name(typed)


def test_a_name_keeps_its_letters_and_lowers_its_domain() -> None:
    """Full-width letters are the ones that they look like."""
    assert str(parse_institutional_name(" MQuispe@Salud.GOB.ec ")) == "MQuispe@salud.gob.ec"
    assert str(parse_institutional_name("mquispe\uff20salud.gob.ec")) == "mquispe@salud.gob.ec"


@pytest.mark.parametrize("password", ["", " ", "\t\n", "\x00", "a\x00b", "\u00ad\u200b", "x" * 513, "\ud800"], ids=repr)
def test_no_bind_with_a_password_that_is_none(password: str) -> None:
    """An empty one makes an unauthenticated bind, which succeeds (RFC 4513 §5.1.2; attacks-and-faults 10)."""
    with pytest.raises(Rejected):
        require_password_to_send(SecretText(password))
    assert require_password_to_send(SecretText("ñandú 7")) == "ñandú 7".encode()


def test_typed_text_is_a_value_and_nothing_else() -> None:
    """In filters and in names (RFC 4515 §3, RFC 4514 §2.4)."""
    assert fill_filter("(uid={username})", username="*)(uid=*\x00") == "(uid=\\2a\\29\\28uid=\\2a\\00)"
    assert fill_bind_name("uid={username},dc=x", username="a,dc=y+b") == "uid=a\\,dc\\=y\\+b,dc=x"
    assert fill_bind_name("{username}@{domain}", username="a", domain="b.c") == "a@b.c"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: require_filter("(uid=x)", needs="username"),
        lambda: require_filter("uid={username}", needs="username"),
        lambda: require_filter("(uid={username})(", needs="username"),
        lambda: require_filter("(uid={username}{password})", needs="username"),
        lambda: require_bind_template("uid=x,dc=y"),
        lambda: require_bind_template("uid={username},,"),
        lambda: require_dn("salud"),
        lambda: require_dn(""),
        lambda: parse_servers([]),
        lambda: parse_servers(["http://x"]),
        lambda: parse_servers(["ldap://u:p@x"]),
        lambda: parse_servers(["ldap://x/dc=a"]),
        lambda: parse_servers(["ldap://x:99999"]),
        lambda: parse_servers([f"ldap://x{number}" for number in range(5)]),
        lambda: parse_ca("-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----"),
        lambda: parse_ca(""),
        lambda: parse_attributes("ldap", {"cedula": ""}),
        lambda: parse_attributes("ldap", {"mail": "a b"}),
        lambda: parse_attributes("ldap", {"password": "userPassword"}),
        lambda: parse_directory_name("Salud Pública"),
    ],
)
def test_what_an_operator_types_is_looked_at(wrong: Callable[[], object]) -> None:
    """Before anything rests on it."""
    with pytest.raises(Rejected):
        wrong()


def test_servers_and_ports() -> None:
    """In order, with the usual ports."""
    servers = parse_servers(["ldaps://ad1.salud.gob.ec", "ldap://[::1]:3389", "ldaps://ad1.salud.gob.ec"])
    assert [str(each) for each in servers] == ["ldaps://ad1.salud.gob.ec:636", "ldap://[::1]:3389"]


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 52e, v3839", None),
        ("80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 525, v3839", None),
        ("80090308: LdapErr: DSID, comment: AcceptSecurityContext, data 533, v1db1", AccountState.DISABLED),
        ("80090308: LdapErr: DSID, comment: AcceptSecurityContext, data 701, v1db1", AccountState.EXPIRED),
        ("80090308: LdapErr: DSID, comment: AcceptSecurityContext, data 775, v1db1", AccountState.LOCKED),
        (
            "80090308: LdapErr: DSID, comment: AcceptSecurityContext, data 773, v1db1",
            AccountState.PASSWORD_EXPIRED,
        ),
        ("80090308: LdapErr: DSID, comment: AcceptSecurityContext, data 530, v1db1", AccountState.NOT_NOW),
        ("", None),
        ("data zzz", None),
    ],
    ids=str,
)
def test_words_of_active_directory(message: str, state: AccountState | None) -> None:
    """The ``data`` code in its diagnostic message ([MS-ADTS])."""
    assert state_in_refusal(message) is state


@pytest.mark.parametrize(
    ("name", "value", "state"),
    [
        ("useraccountcontrol", "512", None),
        ("useraccountcontrol", "66050", AccountState.DISABLED),
        ("useraccountcontrol", "viento", None),
        ("accountexpires", "0", None),
        ("accountexpires", "9223372036854775807", None),
        ("accountexpires", "9223372036854775806", None),
        ("accountexpires", "133000000000000000", AccountState.EXPIRED),
        ("pwdaccountlockedtime", "000001010000Z", AccountState.LOCKED),
        ("pwdreset", "TRUE", AccountState.PASSWORD_EXPIRED),
        ("shadowexpire", "-1", None),
        ("shadowexpire", "10000", AccountState.EXPIRED),
        ("nsaccountlock", "true", AccountState.DISABLED),
    ],
)
def test_attributes_of_a_closed_account(name: str, value: str, state: AccountState | None) -> None:
    """Of Active Directory, OpenLDAP's password policy, shadow accounts and 389 Directory Server."""
    assert state_of_entry({name: (value,)}, now=NOW) is state
