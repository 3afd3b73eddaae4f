"""YAML from anybody as plain data, bounded in time and memory. Nothing else reads YAML. Start at plain_from_yaml.

A few hundred bytes of YAML can stand for gigabytes: an alias stands for all it names, and a merge key (``<<``)
copies it. So a file is measured while it is read, before a value is made: every alias counts as much as what it
stands for, and merge keys are refused.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import yaml

from clps_core.errors import ConfigError
from clps_core.words import _

__all__ = ["MAX_LEVELS", "MAX_NODES", "MAX_YAML_BYTES", "plain_from_yaml"]

MAX_YAML_BYTES = 200_000
MAX_NODES = 10_000
"""Values, names and groups of one file. The largest comparison and sweep need some hundreds."""
MAX_LEVELS = 20
"""Groups and lists inside each other; a sweep has four."""
MAX_NUMBER = 64
"""Characters of one number. Python's own limit, 4300 digits, is reached only after costly arithmetic."""

_YAML = "tag:yaml.org,2002:"
_MERGE = f"{_YAML}merge"
_PLAIN = {f"{_YAML}{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "seq", "map")}


def plain_from_yaml(text: str) -> dict[str, Any]:
    """The fields of a YAML file as plain data; raises ``ConfigError`` where it holds anything else.

    What is returned has at most ``MAX_NODES`` values and ``MAX_LEVELS`` levels, also for who walks through it
    without knowing that two of its parts are one object.
    """
    size = len(text) if len(text) > MAX_YAML_BYTES else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_YAML_BYTES:
        raise ConfigError(
            _("a config file must have at most {limit} bytes. Got {got}.", limit=MAX_YAML_BYTES, got=size)
        )
    try:
        data = yaml.load(text, _PlainLoader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError) as error:
        raise ConfigError(_("the config file must be YAML. Got: {problem}.", problem=_problem(error))) from None
    if not isinstance(data, dict):
        got = {type(None): _("nothing"), list: _("a list"), str: _("a text")}.get(type(data), type(data).__name__)
        raise ConfigError(
            _("a config file must have lines of the form 'name: value', such as 'seed: 0'. Got {got}.", got=got)
        )
    return data


class _Extent(NamedTuple):
    """What an anchor stands for: its nodes, aliases inside counted in full, and the levels below it."""

    nodes: int
    levels: int


class _PlainLoader(yaml.SafeLoader):
    """YAML's plain data, measured as it is composed; no field twice, no merge key, no odd tag, no endless number."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes = self._level = self._deepest = 0
        self._extents: dict[yaml.Node, _Extent] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            if (named := self.anchors.get(event.anchor)) is not None:
                extent = self._extents.get(named)
                if extent is None:
                    raise ConfigError(
                        _(
                            "an alias must not be inside the value it refers to. *{name} is, in line {line}.",
                            name=str(event.anchor)[:60],
                            line=line,
                        )
                    )
                self._count(extent, line)
            return super().compose_node(parent, index)
        self._count(_Extent(1, 0), line)
        nodes, deepest = self._nodes, self._deepest
        self._level, self._deepest = self._level + 1, self._level
        node = super().compose_node(parent, index)
        self._level -= 1
        if node is not None:
            _check_tag(node, line)
            if event.anchor is not None:
                self._extents[node] = _Extent(1 + self._nodes - nodes, self._deepest - self._level)
        self._deepest = max(deepest, self._deepest)
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        first: dict[str, int] = {}
        for key, _value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                raise ValueError(
                    _(
                        "{name} appears twice, in lines {first} and {line}",
                        name=key.value[:60],
                        first=first[key.value],
                        line=line,
                    )
                )
            first[key.value] = line
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        _check_length(node)
        value: int = super().construct_yaml_int(node)
        if abs(value) >= 2**63:
            line = node.start_mark.line + 1
            raise ValueError(_("a whole number in line {line} that does not fit into 64 bits", line=line))
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        _check_length(node)
        value: float = super().construct_yaml_float(node)
        return value

    def _count(self, extent: _Extent, line: int) -> None:
        self._nodes += extent.nodes
        self._deepest = max(self._deepest, self._level + extent.levels)
        if self._nodes > MAX_NODES:
            raise ConfigError(
                _(
                    "a config file must have at most {limit:,} values, where an alias counts as many as the value it "
                    "refers to. This file exceeds that in line {line}. Use fewer.",
                    limit=MAX_NODES,
                    line=line,
                )
            )
        if self._deepest >= MAX_LEVELS:
            raise ConfigError(
                _(
                    "groups and lists must be nested at most {limit} levels deep. Line {line} is deeper.",
                    limit=MAX_LEVELS,
                    line=line,
                )
            )


_PlainLoader.add_constructor(f"{_YAML}int", _PlainLoader.construct_yaml_int)
_PlainLoader.add_constructor(f"{_YAML}float", _PlainLoader.construct_yaml_float)


def _check_tag(node: yaml.Node, line: int) -> None:
    if node.tag == _MERGE:
        raise ConfigError(
            _(
                "a config file must not merge groups with '<<', because a short file could then expand to gigabytes. "
                "Got one in line {line}. Write the fields out.",
                line=line,
            )
        )
    if node.tag not in _PLAIN:
        tag = "!!" + node.tag.removeprefix(_YAML) if node.tag.startswith(_YAML) else node.tag
        raise ValueError(_("the tag {tag} in line {line}, which is not a plain value", tag=tag[:60], line=line))


def _check_length(node: yaml.ScalarNode) -> None:
    if len(node.value) > MAX_NUMBER:
        raise ValueError(
            _(
                "a number of {got} characters in line {line}; at most {limit} are allowed",
                got=len(node.value),
                line=node.start_mark.line + 1,
                limit=MAX_NUMBER,
            )
        )


def _problem(error: Exception) -> str:
    """What is wrong, and in which line where YAML knows it."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        return _("{problem} in line {line}", problem=error.problem, line=error.problem_mark.line + 1)
    if isinstance(error, LookupError | AttributeError):  # PyYAML's own, of !!bool maybe or an empty !!int
        return _("a value that does not have the type its tag says")
    # ValueError: dates and numbers that YAML's types cannot hold, such as 2024-99-99.
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
