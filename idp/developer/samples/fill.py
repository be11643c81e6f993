"""Filling in a sample: each value as the language at hand writes a text, so that no value can be code."""

from __future__ import annotations

import json
import shlex
from html import escape
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from idp.clients.client import Client
from idp.developer.samples.catalogue import Sample
from idp.developer.samples.values import Values
from kernel.errors import NotFound


def fill(sample: Sample, file: str, *, client: Client, values: Values) -> str:
    """Return the text of one file of the sample.

    :raises NotFound: ``unknown_sample``, if it has no such file.
    """
    if file not in sample.files:
        raise NotFound("There is no such sample.", code="unknown_sample")
    policy, metadata = client.policy, client.metadata
    text = _TEMPLATES.get_template(f"{sample.name}/{file}.txt").render(
        v=values,
        pushed=policy.pushed_requests or metadata.require_pushed_authorization_requests,
        bound=policy.sender_constrained or metadata.dpop_bound_access_tokens,
        versions=sample.written_for,
    )
    return text.rstrip() + "\n"


def _json(text: str) -> str:
    """As JSON, JavaScript, Python, YAML and Java write a text: all ASCII, so nothing depends on an encoding."""
    return json.dumps(text)


def _php(text: str) -> str:
    """As PHP writes a text in which nothing is replaced."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _apache(text: str) -> str:
    """As Apache reads one argument; ``${`` would name a variable there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "$\\{").replace("\n", " ") + '"'


# Code, not pages: each value goes through the filter of its language.
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("files")),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701  # nosec B701
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_TEMPLATES.filters |= {"js": _json, "php": _php, "apache": _apache, "sh": shlex.quote, "xml": escape}
