"""Settings: variables ``SAU_…``, or a file of ``KEY=value`` lines named by ``SAU_CONFIG``, validated once."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from kernel import setting_forms
from kernel.addresses import NameServerAddress as NameServerAddress
from kernel.addresses import is_loopback as is_loopback
from kernel.addresses import is_test_name as is_test_name
from kernel.addresses import name_server
from kernel.errors import NotFound, Rejected
from kernel.setting_forms import read_file

Role = Literal["idp", "pki", "admin"]
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(BaseModel):
    """What the operator chose. One field is one variable: ``home`` is ``SAU_HOME``."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    home: Path = Field(default=Path("var"), description="Folder of database, keys and secrets, mode 0700.")
    issuer: str = Field(default="http://localhost:8000", description="The service's own address, as browsers see it.")
    database_url: str = Field(
        default="",
        repr=False,
        description="`sqlite:///PATH` or `postgresql+psycopg://USER@HOST/NAME`; none: `sau.sqlite` in the home.",
    )
    redis_url: str = Field(
        default="", repr=False, description="Rate limits shared by all processes; none: each process counts alone."
    )
    keystore: str = Field(
        default="",
        description=(
            "`file:FOLDER`, keys as encrypted PKCS#8, or a token, "
            "`pkcs11:token=LABEL?module-path=FILE&pin-source=FILE`; none: `keys` in the home."
        ),
    )
    root_keystore: str = Field(
        default="", description="Token of the roots' keys, in the same form; none: a folder for each in the home."
    )
    keystore_passphrase_file: Path | None = Field(
        default=None, description="File with the key store's passphrase; none: `passphrase` in the home."
    )
    bind: str = Field(default="127.0.0.1:8000", description="HOST:PORT that `sau serve` listens on.")
    workers: int = Field(default=2, ge=1, le=64, description="Web worker processes.")
    roles: tuple[Role, ...] = Field(
        default=("idp", "pki", "admin"), description="What this process serves: `idp`, `pki`, `admin`."
    )
    trusted_proxies: tuple[IpNetwork, ...] = Field(
        default=(),
        description=(
            "Networks (`10.0.0.0/8,::1`) whose X-Forwarded-For and client certificates are believed, "
            "and who may read `/metrics`."
        ),
    )
    mtls_origin: str = Field(
        default="",
        description="A second origin that is answered: the host name on which the proxy asks for certificates.",
    )
    pki_arc: str = Field(
        default="1.3.6.1.4.1.32473.1",
        pattern=r"^[0-2](\.(0|[1-9]\d*)){2,20}$",
        description="Arc of our own OIDs (policies .2.x, country fields .3.x); the default is RFC 5612's for examples.",
    )
    mass_revocation_people: Literal[1, 2] = Field(
        default=1, description="How many people must agree before many certificates are revoked at once: `1` or `2`."
    )
    hold_release_people: Literal[1, 2] = Field(
        default=1,
        description="How many officers must agree before a certificate that the authority suspended counts again.",
    )
    desk_people: Literal[1, 2] = Field(
        default=1, description="How many officers must agree to what is done for a person at a desk: `1` or `2`."
    )
    recovery_delay_hours: int = Field(
        default=24,
        ge=0,
        le=240,
        description=(
            "Hours before an account of level 2 or 3 is given back after a desk opened its recovery: "
            "its owner is told at once and can stop it. `0` takes that from him."
        ),
    )
    pki_domicile: str = Field(
        default="Quito, Ecuador",
        min_length=2,
        max_length=60,
        description="Legal domicile of the authority, as certificates name it (Law 67 Art. 22).",
    )
    pki_practices_file: Path | None = Field(
        default=None,
        description="YAML of what is declared in the practice statement ('sau ca practices example').",
    )
    pki_backdating_hours: int = Field(
        default=1, ge=0, le=23, description="Hours by which certificates begin before they are built, for slow clocks."
    )
    pki_notice_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = Field(
        default=(60, 30, 14, 7, 1),
        description="Days before a certificate ends on which its holder or institution is written to; empty: never.",
    )
    smtp_url: str = Field(
        default="",
        repr=False,
        description="`smtp://` or `smtps://USER:PASSWORD@HOST:PORT`; none: mails stay here, unsent.",
    )
    mail_from: str = Field(default="", description="Sender of mails; none: `no-responder@` and the issuer's host.")
    email_code_on_new_device: bool = Field(
        default=False,
        description="Whether a login from an unknown device asks for a code by mail of who has no second step.",
    )
    sms_url: str = Field(
        default="",
        repr=False,
        description=(
            "Gateway of short messages: `https://USER:PASSWORD@HOST/PATH` (JSON) or `smpps://USER:PASSWORD@HOST:PORT`; "
            "`http` and `smpp` within SAU_OUTGOING_NETWORKS only. None: messages stay here, unsent."
        ),
    )
    sms_credentials_file: Path | None = Field(
        default=None,
        description="File with `USER:PASSWORD` of the gateway, or a bearer token, instead of in SAU_SMS_URL.",
    )
    sms_sender: str = Field(
        default="SAU",
        pattern=r"^([A-Za-z0-9 ]{1,11}|\+?[0-9]{3,15})$",
        description="Whom short messages come from: up to 11 letters and digits, or a number, as the operator allows.",
    )
    sms_countries: tuple[Annotated[str, Field(pattern=r"^[1-9]\d{0,2}$")], ...] = Field(
        default=("593",), description="Calling codes that short messages are sent to (`593,51`)."
    )
    sms_per_day: int = Field(
        default=50_000,
        ge=1,
        description="Most short messages in a day: each costs. A fifth is kept for people who have logged in.",
    )
    sms_per_block_per_day: int = Field(
        default=500,
        ge=1,
        description="Most codes in a day to unconfirmed numbers of one block of 10,000, which somebody may earn by.",
    )
    phone_recovery_rest_days: int = Field(
        default=7,
        ge=0,
        le=90,
        description="Days in which a mobile that was added or changed cannot give a new password (SIM swap).",
    )
    ussd_code: str = Field(
        default="",
        pattern=r"^(\*[0-9]{1,5}(\*[0-9]{1,5})?#)?$",
        description="What people dial to approve by USSD (`*723#`), told in messages; none: no approvals by USSD.",
    )
    ussd_secret_file: Path | None = Field(
        default=None,
        description="File with the secret (32 characters at least) that the USSD gateway sends as a bearer token.",
    )
    ussd_networks: tuple[IpNetwork, ...] = Field(
        default=(), description="Networks that the USSD gateway calls from; needed for approvals by USSD."
    )
    ldap_ca_file: Path | None = Field(default=None, description="PEM of directories' authorities; none: the system's.")
    ldap_seconds: float = Field(default=8, gt=0, le=20, description="Seconds in which a directory must answer.")
    ldap_check_hours: int = Field(default=12, ge=1, le=168, description="Hours between looks for directories' people.")
    group_rights_days: int = Field(default=30, ge=1, le=365, description="Days that rights by groups outlast a login.")
    provider_belonging_days: int = Field(
        default=90, ge=1, le=730, description="Days that work outlasts a login by the institution's provider."
    )
    registry_url: str = Field(
        default="",
        pattern=r"^(https?://[^@/?#\s]+(/[^@?#\s]*)?)?$",
        description="Civil registry, `https://HOST/PATH` (docs/levels.md); `http` within SAU_OUTGOING_NETWORKS only.",
    )
    registry_credentials_file: Path | None = Field(
        default=None, description="File with `USER:PASSWORD` for the civil registry, or a bearer token."
    )
    registry_file: Path | None = Field(default=None, description="CSV file with an extract of the civil registry.")
    outgoing_networks: tuple[IpNetwork, ...] = Field(
        default=(),
        description="Networks that applications' addresses may lie in although they are not public; by http, too.",
    )
    outgoing_ca_file: Path | None = Field(
        default=None,
        description="PEM file of trust anchors for connections to applications, beside the system's own.",
    )
    acme_resolvers: tuple[NameServerAddress, ...] = Field(
        default=(),
        description=(
            "Recursive name servers (`192.0.2.53,[2001:db8::53]:5353`) that proofs of control are looked at from, "
            "each on its own; none: the system's."
        ),
    )
    acme_quorum: int = Field(
        default=0,
        ge=0,
        le=16,
        description="How many of them must see a proof; 0: all, or all but one where there are three or more.",
    )
    acme_caa_identities: tuple[str, ...] = Field(
        default=(), description="Names by which CAA records may name this authority; none: the issuer's host."
    )
    acme_http_port: int = Field(
        default=80, ge=1, le=65535, description="Port of http-01; another than 80 on loopback and .test only."
    )
    acme_tls_port: int = Field(
        default=443, ge=1, le=65535, description="Port of tls-alpn-01; another than 443 on loopback and .test only."
    )
    backup_keys: tuple[str, ...] = Field(
        default=(), description="Recovery keys (`age1…,age1…`) that every backup is sealed to."
    )
    audit_witnesses: tuple[str, ...] = Field(
        default=(),
        description=(
            "Witnesses that co-sign the logs' checkpoints, each `KEY URL` (as `sau witness init` prints the key), "
            "with commas between."
        ),
    )
    audit_witness_quorum: int = Field(
        default=0,
        ge=0,
        le=16,
        description="How many of them must have co-signed before `sau audit verify` is content; 0: more than half.",
    )
    session_idle_minutes: int = Field(
        default=30, ge=5, le=30, description="Minutes after which a session that is not used ends; people are warned."
    )
    session_hours: int = Field(default=12, ge=1, le=12, description="Hours that a session lasts at most.")
    geoip_file: Path | None = Field(
        default=None,
        description=(
            "File in MaxMind's format (`GeoLite2-City.mmdb`) that says where addresses are, for logins that cannot "
            "both be one person's; needs the extra `geoip`. None: judged by network and device."
        ),
    )
    leaked_passwords_url: str = Field(
        default="",
        description=(
            "Range service of leaked passwords (`https://HOST/range`), asked by the first 5 of a SHA-1's 40 letters "
            "when somebody sets a password; none: off."
        ),
    )
    rate_limits: Literal["on", "off"] = Field(
        default="on", description="`on`, or `off`: for benchmarks, on loopback and .test only."
    )
    demo: bool = Field(
        default=False, description="Serves `/demo` with test people, codes and mails; loopback and .test only."
    )
    traces_url: str = Field(
        default="",
        description="OpenTelemetry collector (`http://HOST:4318`) that traces go to, OTLP over HTTP; none: off.",
    )
    traces_share: float = Field(default=0.05, ge=0, le=1, description="Share of requests that are traced, 0 to 1.")
    deletion_days: int = Field(
        default=7,
        ge=0,
        le=30,
        description="Days in which a person who asked for the account to be erased may think better of it.",
    )
    unattributed_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="Days after a month in which addresses of its events about nobody known can still be read.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level logged: `debug`, `info`, `warning`, `error`."
    )
    log_format: Literal["json", "text"] = Field(
        default="json", description="Form of log lines: `json`, or `text` for people."
    )

    @field_validator(
        "roles",
        "trusted_proxies",
        "ussd_networks",
        "outgoing_networks",
        "sms_countries",
        "acme_caa_identities",
        "pki_notice_days",
        "backup_keys",
        "audit_witnesses",
        mode="before",
    )
    @classmethod
    def _split_list(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    _origin_without_slash = field_validator("issuer", "mtls_origin", "traces_url")(setting_forms.origin_without_slash)

    @field_validator("acme_resolvers", mode="before")
    @classmethod
    def _name_servers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(name_server(part.strip()) for part in value.split(",") if part.strip())

    _names = field_validator("acme_caa_identities")(setting_forms.names)

    _witnesses = field_validator("audit_witnesses")(setting_forms.witnesses)

    _known_keystore = field_validator("keystore")(setting_forms.known_keystore)

    _known_root_keystore = field_validator("root_keystore")(setting_forms.known_root_keystore)

    _known_gateway = field_validator("sms_url")(setting_forms.known_gateway)

    _known_database = field_validator("database_url")(setting_forms.known_database)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        loopback = is_loopback(self.issuer)
        if urlsplit(self.issuer).scheme == "http" and not loopback:
            raise ValueError("an http issuer is accepted on loopback only; use https")
        if self.mtls_origin:
            if not self.mtls_origin.startswith("https://"):
                raise ValueError("SAU_MTLS_ORIGIN: a certificate is presented in TLS; use https")
            if urlsplit(self.mtls_origin).netloc.lower() == urlsplit(self.issuer).netloc.lower():
                raise ValueError("SAU_MTLS_ORIGIN: needs a host name or port of its own, not the issuer's")
        if self.audit_witness_quorum > len(self.audit_witnesses):
            raise ValueError("SAU_AUDIT_WITNESS_QUORUM: more than there are witnesses")
        if not (loopback or is_test_name(self.issuer)):
            if self.rate_limits == "off":
                raise ValueError("SAU_RATE_LIMITS=off is refused unless the issuer is loopback or under .test")
            if self.demo:
                raise ValueError("SAU_DEMO is refused unless the issuer is loopback or under .test")
            if (self.acme_http_port, self.acme_tls_port) != (80, 443):
                raise ValueError("SAU_ACME_HTTP_PORT, SAU_ACME_TLS_PORT: others only for an issuer of tests")
        return self

    @property
    def effective_database_url(self) -> str:
        """The database address with the default filled in."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'sau.sqlite'}"

    @property
    def keystore_folder(self) -> Path:
        """Folder of the encrypted key files."""
        if self.keystore.startswith("file:"):
            return Path(self.keystore.removeprefix("file:"))
        return self.home / "keys"

    @property
    def keys_in_token(self) -> bool:
        """Whether the online keys are in a token."""
        return self.keystore.startswith("pkcs11:")

    @property
    def passphrase_file(self) -> Path:
        """File that holds the key store's passphrase."""
        return self.keystore_passphrase_file or self.home / "passphrase"

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies carry ``Secure`` and the ``__Host-`` prefix: everywhere but on a loopback http issuer."""
        return self.issuer.startswith("https://")

    @property
    def sender(self) -> str:
        """The address that mails come from."""
        return self.mail_from or f"no-responder@{urlsplit(self.issuer).hostname}"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read settings from ``environ`` (the process environment by default) and the file named by ``SAU_CONFIG``.

    The environment wins over the file.

    :raises Rejected: (``bad_settings``) naming each key that is unknown or has a wrong value; values are not repeated,
        for they may be secret.
    """
    environ = os.environ if environ is None else environ
    values = read_file(Path(environ["SAU_CONFIG"])) if environ.get("SAU_CONFIG") else {}
    values |= {key: value for key, value in environ.items() if key.startswith("SAU_") and key != "SAU_CONFIG"}
    try:
        return Settings.model_validate({key.removeprefix("SAU_").lower(): value for key, value in values.items()})
    except ValidationError as error:
        raise Rejected("; ".join(_describe(item) for item in error.errors()), code="bad_settings") from None


def _describe(item: object) -> str:
    assert isinstance(item, dict)
    key = f"SAU_{str(item['loc'][0]).upper()}" if item["loc"] else "settings"
    return f"{key}: unknown setting" if item["type"] == "extra_forbidden" else f"{key}: {item['msg']}"


def require_home() -> None:
    """Check that there is an installation: asking about one that is not there makes no folder for it.

    :raises NotFound: (``not_installed``).
    """
    home = load_settings().home
    if not home.exists():
        raise NotFound(f"There is no installation in {home} yet: run 'sau init' first.", code="not_installed")
