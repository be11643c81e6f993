"""The rehearsal: every step of a ceremony in a throw-away home, with throw-away keys, and nothing left of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.x509.oid import NameOID

from audit.journal import Journal
from audit.privacy import HolderKeys
from ca.ceremony.conduct import Held, Step, hold_ceremony
from ca.ceremony.making import Workbench, make_root
from ca.ceremony.plan import AuthorityName, KeyKind, RootPlan
from ca.ceremony.plan_file import CeremonyFile
from ca.ceremony.root_store import RootKeys
from ca.issuance.authority import AuthorityRecord, load_authority
from ca.services import CaServices
from kernel.database import Base, Database
from kernel.identifiers import new_id, new_secret
from kernel.secret_text import SecretText
from keys.file_store import FileKeyStore
from keys.sealing import Sealer
from keys.signer import Algorithm


def rehearse(
    services: CaServices, file: CeremonyFile, *, actor: str, tell: Callable[[Step], None] = lambda step: None
) -> Held:
    """Do every step of the file where it leaves nothing, and return what was done.

    Roots that the ceremony needs and that stand already are played by throw-away ones of the same name and kind of
    key: the real ones stay closed.

    :raises kernel.errors.ServiceError: what the ceremony itself would raise.
    """
    plan = file.plan
    needed = (plan.root.cross if plan.root else ()) if plan.under is None else (plan.under,)
    with services.database.reading() as session:
        standing = [load_authority(session, name) for name in needed]
    with _throw_away(services) as (stage, folder):
        bench = Workbench(services=stage, roots=RootKeys(stage.settings), actor=actor, now=services.clock.now())
        _try_token(services, tell)
        for record in standing:
            make_root(bench, _as_plan(record))
        return hold_ceremony(bench, file, rehearsal=True, shares_to=folder / "shares", tell=tell)


def _try_token(services: CaServices, tell: Callable[[Step], None]) -> None:
    """Have the real token, if the keys are in one, make a key, sign with it and forget it."""
    if not services.settings.keys_in_token:
        return
    name = f"rehearsal-{new_id()}"
    try:
        services.keystore.create(name, Algorithm.ES256).sign(b"rehearsal")
    finally:
        services.keystore.destroy(name)
    tell(Step(services.clock.now(), "El módulo de seguridad hizo una clave, firmó con ella y la destruyó"))


@contextmanager
def _throw_away(services: CaServices) -> Iterator[tuple[CaServices, Path]]:
    with TemporaryDirectory(prefix="sau-rehearsal-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir(mode=0o700)
        settings = services.settings.model_copy(
            update={
                "home": home,
                "database_url": "",
                "keystore": "",
                "root_keystore": "",
                "keystore_passphrase_file": None,
            }
        )
        keystore = FileKeyStore(home / "keys", SecretText(new_secret()))
        database = Database(settings.effective_database_url)
        Base.metadata.create_all(database.engine)
        try:
            yield (
                replace(
                    services,
                    settings=settings,
                    database=database,
                    keystore=keystore,
                    journal=Journal(HolderKeys(Sealer(keystore.secret("sealing"), "audit-holder")), node="rehearsal"),
                    revocation_listeners=(),
                ),
                folder,
            )
        finally:
            database.dispose()


def _as_plan(record: AuthorityRecord) -> RootPlan:
    certificate = record.certificate

    def part(oid: x509.ObjectIdentifier) -> str:
        return str(certificate.subject.get_attributes_for_oid(oid)[0].value)

    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    return RootPlan(
        name=record.name,
        subject=AuthorityName(
            common_name=part(NameOID.COMMON_NAME),
            organization=part(NameOID.ORGANIZATION_NAME),
            country=part(NameOID.COUNTRY_NAME),
        ),
        key=KeyKind.P384,
        path_length=constraints.path_length,
    )
