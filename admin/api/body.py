"""The body of a change: JSON of the operation's form, and what is wrong with each member that is not."""

from __future__ import annotations

import json

from pydantic import ValidationError

from admin.api.operation import Document
from kernel.errors import Rejected
from web.json_body import read_json

_MOST_TOLD = 20


class BadBodyError(Rejected):
    """The body is not of its form. :ivar errors: a JSON pointer (RFC 6901) and words for each member that is wrong."""

    default_code = "bad_body"

    def __init__(self, errors: list[dict[str, str]]) -> None:
        super().__init__("Members of the body do not fit: see errors.")
        self.errors = errors


def parse_body(octets: bytes, form: type[Document]) -> tuple[Document, str]:
    """Return the document and its canonical text (what a repetition is known by). Nothing at all is an empty object.

    :raises Rejected: (``bad_json``) this is no JSON object of Unicode text. :raises BadBodyError: naming each member.
    """
    try:
        found = read_json(octets or b"{}")
        if not isinstance(found, dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise Rejected("Send a JSON object, in UTF-8.", code="bad_json") from error
    text = json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    try:
        return form.model_validate_json(text, strict=True), text
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False, include_context=False)
        raise BadBodyError(
            [{"pointer": _pointer(each["loc"]), "detail": each["msg"]} for each in told[:_MOST_TOLD]]
        ) from error


def _pointer(location: tuple[int | str, ...]) -> str:
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1")[:80] for step in location)
