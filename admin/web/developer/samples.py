"""Sample code with an application's own values: to read, to copy, to download. The secret is not in it."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from admin.permissions import Permission
from admin.web.accessor import services
from admin.web.developer.acr_words import ACR
from admin.web.developer.place import blueprint, reached
from admin.web.forms import Typed, typed_query
from admin.web.gate import requires
from admin.web.problems import problem
from idp.authentication.assurance import served_acr_values, served_levels
from idp.clients.client import Client
from idp.developer.samples.catalogue import SAMPLES, Sample, samples_for
from idp.developer.samples.fill import fill
from idp.developer.samples.values import Values, sample_values
from kernel.errors import NotFound, Rejected
from web.pages import render


@blueprint.get("/<client_id>/samples")
@requires(Permission.CLIENTS_READ)
def samples(client_id: str) -> Response:
    """The samples that serve this application, one of them open."""
    client, typed = reached(client_id), _typed()
    fitting = samples_for(client)
    chosen = next((each for each in fitting if each.name == typed["stack"]), None) or next(iter(fitting), None)
    errors: dict[str, str] = {}
    try:
        values = _values(client, typed)
    except Rejected as error:
        errors["acr" if error.code == "unknown_acr" else "redirect_uri"] = problem(error)
        typed = Typed(stack=typed["stack"], acr="", redirect_uri="")
        values = _values(client, typed)
    return render(
        "admin/developer/samples.html",
        422 if errors else 200,
        client=client,
        missing=[each for each in SAMPLES.values() if each not in fitting],
        chosen=chosen,
        values=values,
        files=[(file, fill(chosen, file, client=client, values=values)) for file in chosen.files] if chosen else [],
        stacks=[(each.name, each.title) for each in fitting],
        addresses=[(each, each) for each in client.redirect_uris],
        acrs=_acrs(),
        typed=typed,
        errors=errors,
    )


@blueprint.get("/<client_id>/samples/<stack>/<file>")
@requires(Permission.CLIENTS_READ)
def sample_file(client_id: str, stack: str, file: str) -> Response:
    """One file of a sample, to keep."""
    client = reached(client_id)
    sample = _sample(client, stack)
    text = fill(sample, file, client=client, values=_values(client, _typed()))
    answer = FlaskResponse(text, mimetype="text/plain")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return answer


def _sample(client: Client, name: str) -> Sample:
    found = next((each for each in samples_for(client) if each.name == name), None)
    if found is None:
        raise NotFound("There is no such sample.", code="unknown_sample")
    return found


def _typed() -> Typed:
    return typed_query(("stack", "acr", "redirect_uri"), limit=2000)


def _values(client: Client, typed: Typed) -> Values:
    issuer = services().idp.settings.issuer
    return sample_values(client, issuer=issuer, redirect_uri=typed["redirect_uri"], acr=typed["acr"])


def _acrs() -> list[tuple[str, str]]:
    with_certificates = bool(services().idp.settings.mtls_origin)
    served = (
        *served_acr_values(with_certificates=with_certificates),
        *served_levels(with_certificates=with_certificates),
    )
    return [("", _("Lo registrado, o contraseña")), *((each, str(ACR[each])) for each in served)]
