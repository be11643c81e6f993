"""Settings are validated once, name what is wrong, and never repeat a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from kernel.errors import Rejected
from kernel.settings import Settings, is_loopback, is_test_name, load_settings


def _refused(**values: str) -> str:
    with pytest.raises(Rejected) as caught:
        load_settings({f"SAU_{name}": value for name, value in values.items()})
    assert caught.value.code == "bad_settings"
    return caught.value.public_detail


def test_needs_nothing() -> None:
    """The embedded default works without one variable."""
    settings = load_settings({})
    assert settings.issuer == "http://localhost:8000"
    assert settings.effective_database_url == f"sqlite:///{Path('var').resolve() / 'sau.sqlite'}"
    assert settings.rate_limits == "on"
    assert not settings.demo


def test_refuses_an_unknown_setting_by_name() -> None:
    """A key that is misspelt must not be taken for one that is absent."""
    assert _refused(ISUER="https://sau.gob.ec") == "SAU_ISUER: unknown setting"


def test_names_every_wrong_setting_at_once() -> None:
    """An operator mends all in one go."""
    detail = _refused(WORKERS="many", ROLES="idp,root", BINDING="x")
    assert all(name in detail for name in ("SAU_WORKERS", "SAU_ROLES", "SAU_BINDING"))


@pytest.mark.parametrize(
    "name", ["WORKERS", "TRUSTED_PROXIES", "RATE_LIMITS", "ISSUER", "DEMO", "DATABASE_URL", "ROLES"]
)
def test_never_repeats_a_wrong_value(name: str) -> None:
    """A value put under the wrong key may be a password."""
    assert "Contraseña-2026" not in _refused(**{name: "Contraseña-2026"})


@pytest.mark.parametrize(
    "issuer", ["http://sau.gob.ec", "http://10.0.0.1:8000", "http://localhost.gob.ec", "http://sau.test"]
)
def test_refuses_an_http_issuer_that_is_not_loopback(issuer: str) -> None:
    """Without TLS, tokens would travel in clear (RFC 9700 §2.6)."""
    assert "loopback only" in _refused(ISSUER=issuer)


@pytest.mark.parametrize(
    "issuer", ["http://localhost:8000", "http://127.0.0.1", "http://[::1]:9", "http://sau.localhost"]
)
def test_takes_an_http_issuer_on_loopback(issuer: str) -> None:
    """RFC 8252 §7.3: what stays on the machine needs no TLS."""
    assert load_settings({"SAU_ISSUER": issuer}).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        "sau.gob.ec",
        "ftp://sau.gob.ec",
        "https://",
        "https://sau.gob.ec/realm",
        "https://sau.gob.ec?x=1",
        "https://sau.gob.ec#x",
        "https://user@sau.gob.ec",
        "https://localhost@evil.example",
        "https://sau.gob.ec:0",
        "https://sau.gob.ec:99999",
        "https://sau.gob.ec:port",
    ],
)
def test_refuses_an_issuer_that_is_no_origin(issuer: str) -> None:
    """OpenID Connect Discovery §3: an https URL without query and fragment; ours has no path either."""
    assert "SAU_ISSUER" in _refused(ISSUER=issuer)


def test_takes_the_slash_off_the_issuer() -> None:
    """The issuer is compared as text everywhere (RFC 8414 §3.3)."""
    assert load_settings({"SAU_ISSUER": "https://sau.gob.ec/"}).issuer == "https://sau.gob.ec"


@pytest.mark.parametrize(("name", "value"), [("RATE_LIMITS", "off"), ("DEMO", "1")])
def test_refuses_what_weakens_a_real_service(name: str, value: str) -> None:
    """Benchmarks and demonstrations run on names that no citizen can reach."""
    assert "refused" in _refused(ISSUER="https://sau.gob.ec", **{name: value})
    for issuer in ("https://sau.test", "http://localhost:8000"):
        load_settings({"SAU_ISSUER": issuer, f"SAU_{name}": value})


def test_lists_are_separated_by_commas() -> None:
    """One variable, several values."""
    settings = load_settings({"SAU_ROLES": "idp, pki", "SAU_TRUSTED_PROXIES": "10.0.0.0/8,::1/128"})
    assert settings.roles == ("idp", "pki")
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


@pytest.mark.parametrize("url", ["mysql://sau@db/sau", "sqlite+aiosqlite:///x", "postgresql+asyncpg://db/sau"])
def test_refuses_a_database_that_we_do_not_test_on(url: str) -> None:
    """SQLite and PostgreSQL by psycopg are what the suite runs on."""
    assert "SAU_DATABASE_URL" in _refused(DATABASE_URL=url)


def test_refuses_a_key_store_that_it_has_no_code_for() -> None:
    """A mistyped kind must not become a folder of that name."""
    assert "SAU_KEYSTORE" in _refused(KEYSTORE="pkcs12:/etc/sau")
    assert load_settings({"SAU_KEYSTORE": "file:/etc/sau/keys"}).keystore_folder == Path("/etc/sau/keys")


def test_addresses_with_passwords_do_not_print() -> None:
    """Settings end up in logs and tracebacks."""
    settings = load_settings(
        {
            "SAU_DATABASE_URL": "postgresql+psycopg://sau:hunter2@db/sau",
            "SAU_SMTP_URL": "smtp://sau:hunter2@mail",
            "SAU_REDIS_URL": "redis://:hunter2@cache",
        }
    )
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in str(settings)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """A file for the machine, a variable for the exception."""
    file = tmp_path / "sau.conf"
    file.write_text('# a comment\n\nSAU_ISSUER="https://sau.gob.ec"\nSAU_WORKERS=4\n')
    settings = load_settings({"SAU_CONFIG": str(file), "SAU_WORKERS": "8"})
    assert (settings.issuer, settings.workers) == ("https://sau.gob.ec", 8)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"SAU_ISSUER\n", ":1: expected"),
        (b"\nHOME=/\n", ":2: expected"),
        (b"SAU_NONSENSE=1\n", "SAU_NONSENSE: unknown"),
        (b"SAU_BIND=\xff\n", "UTF-8"),
    ],
)
def test_says_where_a_file_is_wrong(tmp_path: Path, content: bytes, complaint: str) -> None:
    """The line's number, or the key."""
    file = tmp_path / "sau.conf"
    file.write_bytes(content)
    assert complaint in _refused(CONFIG=str(file))


def test_says_which_file_is_absent(tmp_path: Path) -> None:
    """A typing mistake in SAU_CONFIG must not start a service with defaults."""
    assert "cannot read" in _refused(CONFIG=str(tmp_path / "absent"))


def test_settings_cannot_be_changed() -> None:
    """Validated once: nobody alters them later."""
    with pytest.raises(ValueError, match="frozen"):
        load_settings({}).workers = 3  # type: ignore[misc]


def test_derived_values() -> None:
    """Cookies, sender and files follow from issuer and home."""
    settings = load_settings({"SAU_ISSUER": "https://sau.gob.ec", "SAU_HOME": "/srv/sau"})
    assert settings.secure_cookies
    assert settings.sender == "no-responder@sau.gob.ec"
    assert settings.passphrase_file == Path("/srv/sau/passphrase")
    assert settings.keystore_folder == Path("/srv/sau/keys")
    assert not load_settings({}).secure_cookies
    assert isinstance(settings, Settings)


@pytest.mark.parametrize(
    ("origin", "loopback", "test_name"),
    [
        ("https://127.8.9.1", True, False),
        ("https://sau.test:8443", False, True),
        ("https://test", False, True),
        ("https://sautest", False, False),
        ("https://localhost.evil.example", False, False),
        ("nonsense", False, False),
    ],
)
def test_tells_names_that_no_citizen_reaches(origin: str, loopback: bool, test_name: bool) -> None:
    """RFC 6761 §6.2, §6.3."""
    assert is_loopback(origin) is loopback
    assert is_test_name(origin) is test_name


@pytest.mark.parametrize("origin", ["http://mtls.sau.test", "https://sau.test", "https://SAU.test", "https://m.test/x"])
def test_the_mutual_tls_host_is_an_https_host_of_its_own(origin: str) -> None:
    """On the issuer's host the proxy asks nobody for a certificate; without TLS there is none."""
    _refused(ISSUER="https://sau.test", MTLS_ORIGIN=origin)
