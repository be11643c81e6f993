"""YAML as configuration is written in it: plain values, each with its line, and none that is not what it looks like.

Read from nodes and not by a loader: a number with a leading zero stays the text that it is (YAML 1.1 makes an octal
number of a RUC), ``no`` is a text, a key that stands there twice is refused, and so are aliases and tags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import yaml

from kernel.errors import Rejected

Path = tuple[str, ...]
SIZE_LIMIT, DEPTH_LIMIT = 5_000_000, 20
_CONSTANTS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_WHOLE, _FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,17})"), re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_SCALARS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp"))


@dataclass(frozen=True)
class Lines:
    """Where in the text each value stands, by its path."""

    by_path: dict[Path, int]

    def place(self, path: Path) -> str:
        """Return the line and the path in words; of what stands nowhere, its nearest surroundings' line."""
        line = next((self.by_path[path[:size]] for size in range(len(path), -1, -1) if path[:size] in self.by_path), 1)
        return f"line {line}, {dotted(path)}" if path else f"line {line}"

    def wrong(self, path: Path, what: str, *, code: str = "bad_configuration") -> Rejected:
        """Return the error for what is wrong at ``path``."""
        return Rejected(f"{self.place(path)}: {what}", code=code)


def dotted(path: Path) -> str:
    """Return a path as people write it."""
    return ".".join(path)


def read_yaml(text: str) -> tuple[Any, Lines]:
    """Return the values of one document and their lines. JSON is read as well: it is YAML.

    :raises Rejected: (``bad_configuration``) with the line.
    """
    lines = Lines({})
    if len(text) > SIZE_LIMIT:
        raise Rejected("The file is too long.", code="bad_configuration")
    try:
        _refuse_aliases(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or "it cannot be read as YAML"
        raise Rejected(f"line {mark.line + 1 if mark else 1}: {what}", code="bad_configuration") from error
    return (None if node is None else _value(node, (), lines)), lines


def _refuse_aliases(text: str) -> None:
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise Rejected(f"line {line}: write it out; anchors and aliases are not read", code="bad_configuration")


def _value(node: yaml.Node, path: Path, lines: Lines) -> Any:
    lines.by_path.setdefault(path, node.start_mark.line + 1)
    if len(path) > DEPTH_LIMIT:
        _wrong(node, "too deep")
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        return _mapping(node, path, lines)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_value(each, (*path, str(index)), lines) for index, each in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return _scalar(node)
    return _wrong(node, f"{node.tag} is not read")


def _mapping(node: yaml.MappingNode, path: Path, lines: Lines) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _wrong(key, "a name is a text")
        if key.value in values:
            _wrong(key, f"{dotted((*path, key.value))} stands there twice")
        inner = (*path, key.value)
        lines.by_path[inner] = key.start_mark.line + 1
        values[key.value] = _value(value, inner, lines)
    return values


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style is not None:  # quoted, or a block of text
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text


def _wrong(node: yaml.Node, what: str) -> NoReturn:
    raise Rejected(f"line {node.start_mark.line + 1}: {what}", code="bad_configuration")


def write_yaml(document: Any) -> str:
    """Return the document as YAML that :func:`read_yaml` reads as the same."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    """Writes equal lists twice: an alias would not be read again."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
