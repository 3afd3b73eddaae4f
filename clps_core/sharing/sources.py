"""Which layer's activations a layer reads. Start at SOURCE_RULES, then Reuse.

Sharing *activations* is not sharing weights: a layer that reads another's keys and values (or its
attention probabilities) has no weights for them at all. A source map names, for every layer, the
layer whose activations it reads; a layer that names itself computes its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from clps_core.errors import ConfigError
from clps_core.words import N_, Worded, _

__all__ = ["REUSE_KINDS", "SOURCE_RULES", "Reuse", "SourceRule", "SourceUse"]

REUSE_KINDS: dict[str, tuple[str, ...]] = {"kv_source": ("k", "v"), "attention_source": ("q", "k")}
"""Kind of reuse -> the components that a consuming layer does not have."""


@dataclass(frozen=True)
class SourceRule:
    """One named rule ``(num_layers, number) -> source of each layer``."""

    name: str
    source: str
    function: Callable[[int, int], tuple[int, ...]]
    title: Worded = Worded()
    summary: Worded = Worded()

    def default_number(self, num_layers: int) -> int:
        """The number used when none is given."""
        return 2 if self.name == "every" else num_layers // 2 + 1


def _every(num_layers: int, number: int) -> tuple[int, ...]:
    return tuple(number * (layer // number) for layer in range(num_layers))


def _upper(num_layers: int, number: int) -> tuple[int, ...]:
    return tuple(min(layer, number - 1) for layer in range(num_layers))


SOURCE_RULES: dict[str, SourceRule] = {
    rule.name: rule
    for rule in (
        SourceRule(
            "every",
            "Brandon et al. 2024 (Cross-Layer Attention), arXiv 2405.12981",
            _every,
            N_("Every n-th layer"),
            N_("In each group of n layers, all read the activations of the group's first layer."),
        ),
        SourceRule(
            "upper",
            "Sun et al. 2024 (YOCO), arXiv 2405.05254",
            _upper,
            N_("Upper layers"),
            N_("The first layers compute their own activations; all later layers read those of the last of them."),
        ),
    )
}


@dataclass(frozen=True)
class SourceUse:
    """A source rule with its number, or plain integers (``name`` is then ``custom``)."""

    name: str
    number: int | None = None
    integers: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The notation that parses back to this."""
        if self.name == "custom":
            return "-".join(map(str, self.integers))
        return self.name if self.number is None else f"{self.name}:{self.number}"

    def sources(self, num_layers: int) -> tuple[int, ...]:
        """The source of each layer; raises ``ConfigError`` for a number the rule cannot use."""
        if self.name == "custom":
            return self.integers
        rule = SOURCE_RULES[self.name]
        number = rule.default_number(num_layers) if self.number is None else self.number
        if not 1 <= number <= num_layers:
            raise ConfigError(
                _(
                    "the number after '{name}:' must be between 1 and the number of layers ({layers}). Got "
                    "{number}. Lower it or add layers.",
                    name=self.name,
                    layers=num_layers,
                    number=number,
                )
            )
        return rule.function(num_layers, number)


@dataclass(frozen=True)
class Reuse:
    """What the layers of one stack read from earlier ones: per layer the source, or nothing (``()``).

    Raises ``ConfigError`` where a source does not exist, points forward or at a consumer, or where a
    layer would read both keys and values and probabilities, or the keys of a layer that has none.
    """

    stack: str
    num_layers: int
    kv_source: tuple[int, ...] = ()
    attention_source: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for kind in REUSE_KINDS:
            self._check(kind)
        both = self.consumers("kv_source") & self.consumers("attention_source")
        if both:
            raise ConfigError(
                _(
                    "a layer must reuse either keys and values or attention probabilities. Got both for {stack} "
                    "layer {layer}. Remove one of them.",
                    stack=self.stack,
                    layer=min(both),
                )
            )

        keyless = self.read("kv_source") & self.consumers("attention_source")
        if keyless:
            raise ConfigError(
                _(
                    "a layer whose keys and values are read must compute keys. {stack} layer {layer} reuses "
                    "attention probabilities and computes none. Read another layer, or let this one compute its own.",
                    stack=self.stack,
                    layer=min(keyless),
                )
            )

    def source(self, kind: str, layer: int) -> int:
        """The layer that ``layer`` reads; itself where it computes its own."""
        found: tuple[int, ...] = getattr(self, kind)
        return found[layer] if found else layer

    def consumers(self, kind: str) -> frozenset[int]:
        """The layers that read another's."""
        return frozenset(layer for layer in range(self.num_layers) if self.source(kind, layer) != layer)

    def read(self, kind: str) -> frozenset[int]:
        """The layers that others read."""
        return frozenset(self.source(kind, layer) for layer in self.consumers(kind))

    def __bool__(self) -> bool:
        return any(self.consumers(kind) for kind in REUSE_KINDS)

    def _check(self, kind: str) -> None:
        sources: tuple[int, ...] = getattr(self, kind)
        if sources and len(sources) != self.num_layers:
            raise ConfigError(
                _(
                    "{kind} of {stack} must name one layer for each of the {layers} layers. Got {got}. "
                    "Give {layers} integers.",
                    kind=kind,
                    stack=self.stack,
                    layers=self.num_layers,
                    got=len(sources),
                )
            )
        for layer, source in enumerate(sources):
            if source > layer:
                problem = _("it points forward")
            elif sources[source] != source:
                problem = _("layer {source} itself reads layer {other}", source=source, other=sources[source])
            else:
                continue
            raise ConfigError(
                _(
                    "{kind} of {stack} layer {layer} must be an earlier layer that computes its own, or {layer} "
                    "itself. Got {source}: {problem}. Change that number.",
                    kind=kind,
                    stack=self.stack,
                    layer=layer,
                    source=source,
                    problem=problem,
                )
            )
