# ruff: noqa: PLC0415 - Django is imported after it was configured
"""django-ca issuing certificates from requests, each with its database row: run in an environment of its own.

usage: issue_with_django_ca.py FOLDER prepare            make the database and the authority (P-256)
       issue_with_django_ca.py FOLDER issue FILE FROM TO  sign the requests in FILE (JSON list of PEM), print how many
"""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

FOLDER = Path(sys.argv[1])


def configure() -> None:
    """A project with the application alone; SQLite with the same durability as ours."""
    import django
    from django.conf import settings

    database: dict[str, object] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(FOLDER / "peer.sqlite"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
    }
    settings.configure(
        SECRET_KEY="of-a-benchmark",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_ca"],
        DATABASES={"default": database},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "django-ca": {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": str(FOLDER / "keys")},
            },
        },
        CA_DEFAULT_HOSTNAME="localhost:8000",
        CA_DEFAULT_SUBJECT=[{"oid": "C", "value": "EC"}],
        ROOT_URLCONF=__name__,
    )
    django.setup()
    from django.urls import include, path

    globals()["urlpatterns"] = [path("django_ca/", include("django_ca.urls"))]


def prepare() -> None:
    """Migrate and make the authority."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID
    from django.core.management import call_command
    from django_ca.key_backends import key_backends
    from django_ca.key_backends.storages.models import StoragesCreatePrivateKeyOptions
    from django_ca.models import CertificateAuthority

    call_command("migrate", verbosity=0)
    backend = key_backends["default"]
    options = StoragesCreatePrivateKeyOptions(
        key_type="EC", path=Path("peer"), password=None, elliptic_curve="secp256r1"
    )
    CertificateAuthority.objects.init(
        "peer",
        backend,
        options,
        subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Peer")]),
        not_after=datetime.now(tz=UTC) + timedelta(days=3000),
        key_type="EC",
    )


def issue(file: str, first: int, last: int) -> None:
    """Sign requests, a certificate and its row at a time."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID
    from django_ca.models import Certificate, CertificateAuthority
    from django_ca.profiles import profiles

    authority = CertificateAuthority.objects.get(name="peer")
    options = authority.key_backend.get_use_private_key_options(authority, {"password": None})
    requests = json.loads(Path(file).read_text())[first:last]
    print("ready", flush=True)
    sys.stdin.readline()
    for number, pem in enumerate(requests, first):
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"portal-{number}.example.com")])
        Certificate.objects.create_cert(
            authority, options, x509.load_pem_x509_csr(pem.encode()), profile=profiles["client"], subject=subject
        )
    print(len(requests), flush=True)


if __name__ == "__main__":
    os.umask(0o077)
    (FOLDER / "keys").mkdir(exist_ok=True)
    configure()
    if sys.argv[2] == "prepare":
        prepare()
    else:
        issue(sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
