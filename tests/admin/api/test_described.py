"""The API keeps to its description: made from the same declarations, gone through by schemathesis."""

from __future__ import annotations

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import Draft202012Validator
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from admin.api.description import describe_api
from admin.api.examples import example_of
from admin.api.operations import OPERATIONS, PREFIX
from admin.permissions import Role
from idp.directory.institutions import Institution
from tests.admin.api.conftest import MakePerson

HOST = {"Host": "localhost:8000"}


def test_every_example_is_a_document_of_its_kind() -> None:
    """What readers copy is what the model takes."""
    for each in OPERATIONS:
        assert each.item.model_validate(example_of(each.item)).model_dump(mode="json") == example_of(each.item)
    document = describe_api(OPERATIONS, issuer="http://localhost:8000", prefix=PREFIX)
    shown = 0
    for item in document["paths"].values():
        for operation in item.values():
            parts = [operation.get("requestBody", {}), *operation["responses"].values()]
            for media in (each for part in parts for each in part.get("content", {}).values() if "example" in each):
                schema = {**media["schema"], "components": document["components"]}
                Draft202012Validator(schema, validate_formats=True).validate(media["example"])
                shown += 1
            for parameter in operation["parameters"]:
                if "example" in parameter:
                    Draft202012Validator(parameter["schema"]).validate(parameter["example"])
    assert shown > len(OPERATIONS)


def test_what_is_put_in_place_of_something_is_held_before_it_is_compared() -> None:
    """``If-Match`` of two who saw the same: on PostgreSQL only a lock lets the second one see what the first wrote.

    What is deleted is deleted by one conditional statement: one wins by itself.
    """
    assert [each.name for each in OPERATIONS if each.method in ("PUT", "PATCH") and each.lock is None] == []


def test_the_description_is_there_for_anyone(app: Flask) -> None:
    """OpenAPI 3.1, every operation with its scope."""
    document = app.test_client().get(f"{PREFIX}/openapi.json").get_json()
    assert document == describe_api(OPERATIONS, issuer="http://localhost:8000", prefix=PREFIX)
    assert document["openapi"] == "3.1.0"
    assert {(path, method.upper()) for path, item in document["paths"].items() for method in item} == {
        (each.path, each.method) for each in OPERATIONS
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("examples", [1, pytest.param(60, marks=pytest.mark.faults)])
def test_answers_are_as_described_whatever_is_asked(
    app: Flask, make_person: MakePerson, institution: Institution, authority: None, examples: int
) -> None:
    """Generated calls, right and wrong ones: no 5xx, and status, type and body as the description says."""
    token = make_person(*Role).token()  # no call ends at the door
    schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", app, headers=HOST)
    called: set[tuple[str, str]] = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        def call(case: schemathesis.Case) -> None:
            answer = case.call(headers={**HOST, "Authorization": f"Bearer {token}"})
            # Which cursors a list gave, no description says; what opens without a token, the matrix of roles asks.
            case.validate_response(answer, excluded_checks=[ignored_auth, positive_data_acceptance])
            called.add((case.operation.path, case.operation.method.upper()))

        call()
    assert called == {(each.path, each.method) for each in OPERATIONS}
