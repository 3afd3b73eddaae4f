"""What happens in a model if a part of it is left out, or counts less. Start at read_edits, then Edits.

A part is named by where it stands in the order of execution: ``decoder.2`` is the third executed layer of the decoder,
``decoder.2.ffn`` its feed-forward branch, ``decoder.2.attention.1`` the second head of its attention. ``*0.5`` behind
it halves what it adds; without a factor it adds nothing. So one execution of shared weights can be left out while the
same weights still run elsewhere.

A layer that is left out hands its input on. It is computed all the same: a later layer that reads its keys or its
attention still can. In a post-norm model a branch that adds nothing leaves its norm in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clps_core.errors import ConfigError
from clps_core.sharing import SharingPlan
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MOST_EDITS", "Edit", "Edits", "parts_of", "read_edits"]

MOST_EDITS = 200
FORM = re.compile(
    r"(encoder|decoder)\.(\d{1,4})(?:\.(attention|cross_attention|ffn))?(?:\.(\d{1,4}))?(?:\*(\d{1,3}(?:\.\d{1,4})?))?"
)


@dataclass(frozen=True)
class Edit:
    """One part and what its contribution is multiplied with (0: left out).

    ``place``: executed position in ``stack``. ``sublayer``: ``attention``, ``cross_attention`` or ``ffn``; ``None``:
    the whole layer. ``head``: of that attention; ``None``: all of it.
    """

    stack: str
    place: int
    sublayer: str | None = None
    head: int | None = None
    factor: float = 0.0

    def __str__(self) -> str:
        parts = [self.stack, str(self.place), self.sublayer, None if self.head is None else str(self.head)]
        name = ".".join(part for part in parts if part is not None)
        return f"{name}*{self.factor:g}" if self.factor else name


def parts_of(plan: SharingPlan, heads: int, loops: int | None = None) -> list[Edit]:
    """Every part that can be left out, in order of execution: each layer, its branches, the heads of its attention."""
    found = []
    for stack, execution in plan.execution.items():
        sublayers = ["attention", *(["cross_attention"] if _has_cross(plan, stack) else []), "ffn"]
        for place in range(len(execution.layers(loops))):
            found.append(Edit(stack, place))
            for sublayer in sublayers:
                found.append(Edit(stack, place, sublayer))
                found += [Edit(stack, place, sublayer, head) for head in range(heads) if sublayer != "ffn"]
    return found


def read_edits(texts: Sequence[str], plan: SharingPlan, heads: int, loops: int | None = None) -> tuple[Edit, ...]:
    """The parts that ``texts`` name; raises ``ConfigError`` for one that the model does not have."""
    if len(texts) > MOST_EDITS:
        raise ConfigError(
            _("at most {most} parts can be left out at once. Got {got}. Name fewer.", most=MOST_EDITS, got=len(texts))
        )
    return tuple(_read(text.strip(), plan, heads, loops) for text in texts)


def _read(text: str, plan: SharingPlan, heads: int, loops: int | None) -> Edit:
    found = FORM.fullmatch(text)
    if found is None or (found[4] and found[3] in (None, "ffn")):
        raise ConfigError(
            _("a part must read as decoder.2, decoder.2.ffn or decoder.2.attention.1, with *0.5 behind it to halve "
              "it. Got {got!r}.",
              got=visible(text)[:60])
        )  # fmt: skip
    head = int(found[4]) if found[4] else None
    edit = Edit(found[1], int(found[2]), found[3], head, float(found[5] or 0))
    if edit.stack not in plan.execution:
        raise ConfigError(
            _("{part} must name a stack of the model: {stacks}. Got {stack}.",
              part=text, stacks=", ".join(plan.execution), stack=edit.stack)
        )  # fmt: skip
    count = len(plan.execution[edit.stack].layers(loops))
    if edit.place >= count:
        raise ConfigError(
            _("{part} must name an executed layer of the {stack}: 0 to {last}. Got {got}.",
              part=text, stack=edit.stack, last=count - 1, got=edit.place)
        )  # fmt: skip
    if edit.sublayer == "cross_attention" and not _has_cross(plan, edit.stack):
        raise ConfigError(
            _("{part} must name a branch of the {stack}: it has no cross-attention.", part=text, stack=edit.stack)
        )
    if head is not None and head >= heads:
        raise ConfigError(_("{part} must name a head: 0 to {last}. Got {got}.", part=text, last=heads - 1, got=head))
    return edit


def _has_cross(plan: SharingPlan, stack: str) -> bool:
    return "cross_q" in plan.map.components(stack)


class Edits:
    """Fulfils ``model.layer.Editor``; of two edits of one part the factors are multiplied."""

    def __init__(self, edits: Iterable[Edit], heads: int) -> None:
        self._heads = heads
        self._factors: dict[tuple[str, int, str | None, int | None], float] = {}
        for one in edits:
            key = one.stack, one.place, one.sublayer, one.head
            self._factors[key] = self._factors.get(key, 1.0) * one.factor

    def heads(self, kind: str, place: int, mixed: Tensor) -> Tensor:
        """See ``Editor``."""
        stack, sublayer = ("decoder", "cross_attention") if kind == "cross" else (kind, "attention")
        scales = {
            head: factor
            for head in range(self._heads)
            if (factor := self._factors.get((stack, place, sublayer, head))) is not None
        }
        return self._scaled(mixed, scales) if scales else mixed

    def _scaled(self, mixed: Tensor, scales: Mapping[int, float]) -> Tensor:
        by_head = mixed.clone().view(*mixed.shape[:-1], self._heads, -1)
        for head, factor in scales.items():
            by_head[..., head, :] *= factor
        return by_head.view(mixed.shape)

    def branch(self, stack: str, place: int, sublayer: str, change: Tensor) -> Tensor:
        """See ``Editor``."""
        factor = self._factors.get((stack, place, sublayer, None))
        return change if factor is None else change * factor

    def layer(self, stack: str, place: int, before: Tensor, after: Tensor) -> Tensor:
        """See ``Editor``: what the layer adds is scaled, so that 0 hands its input on."""
        factor = self._factors.get((stack, place, None, None))
        if factor is None:
            return after
        return before if factor == 0 else before + factor * (after - before)
