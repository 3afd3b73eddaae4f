"""What happens if a part of a model is left out, counts less or stands elsewhere. Start at read_changes, then Edits.

A part is named by where it stands in the order of execution: ``decoder.2`` is the third executed layer of the decoder,
``decoder.2.ffn`` its feed-forward branch, ``decoder.2.attention.1`` the second head of its attention. ``*0.5`` behind
it halves what it adds; without a factor it adds nothing. So one execution of shared weights can be left out while the
same weights still run elsewhere.

A layer that is left out hands its input on. It is computed all the same: a later layer that reads its keys or its
attention still can. In a post-norm model a branch that adds nothing leaves its norm in place.

``decoder.1<>decoder.3`` swaps two executions: each runs with the other's weights, and with its LoRA and scales. What
belongs to the place, such as a depth signal, stays there. What another pass put in, ``patches`` says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clps_core.errors import ConfigError
from clps_core.sharing import SharingPlan
from clps_core.sharing.sources import REUSE_KINDS
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.analysis.patches import Patches

__all__ = [
    "MOST_EDITS",
    "Edit",
    "Edits",
    "Swap",
    "is_one_loop_less",
    "is_tied",
    "parts_of",
    "read_changes",
    "read_edits",
]

MOST_EDITS = 200
FORM = re.compile(
    r"(encoder|decoder)\.(\d{1,4})(?:\.(attention|cross_attention|ffn))?(?:\.(\d{1,4}))?(?:\*(\d{1,3}(?:\.\d{1,4})?))?"
)
SWAP = re.compile(r"(encoder|decoder)\.(\d{1,4})<>(encoder|decoder)\.(\d{1,4})")


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


@dataclass(frozen=True)
class Swap:
    """Two executed positions of ``stack``, each of which runs the layer of the other."""

    stack: str
    place: int
    other: int

    def __str__(self) -> str:
        return f"{self.stack}.{self.place}<>{self.stack}.{self.other}"


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
    _check_count(texts)
    return tuple(_read(text.strip(), plan, heads, loops) for text in texts)


def read_changes(
    texts: Sequence[str], plan: SharingPlan, heads: int, loops: int | None = None
) -> tuple[Edit | Swap, ...]:
    """As ``read_edits``, with swaps among them."""
    _check_count(texts)
    return tuple(
        _read_swap(text.strip(), plan, loops) if "<>" in text else _read(text.strip(), plan, heads, loops)
        for text in texts
    )


def is_tied(plan: SharingPlan, swap: Swap, loops: int | None = None) -> bool:
    """Whether both executions use the same weights and have nothing of their own: swapping them changes nothing."""
    order = plan.execution[swap.stack].layers(loops)
    one, other = order[swap.place], order[swap.other]
    if one == other:
        return True
    groups = plan.groups(swap.stack, plan.map.components(swap.stack))
    return groups[one] == groups[other] and not plan.extras.layer_scale


def is_one_loop_less(plan: SharingPlan, edit: Edit, loops: int | None = None) -> bool:
    """Whether leaving out ``edit`` gives what one loop less of its stack gives: one layer repeats, and nothing else."""
    execution = plan.execution[edit.stack]
    if edit.sublayer is not None or edit.factor or execution.core is None or execution.fixed:
        return False
    starts = execution.starts(loops)
    alone = plan.extras.inject == "none" and plan.extras.depth_embedding == "none" and execution.core[1] == 1
    return alone and len(starts) > 1 and edit.place in starts


def _check_count(texts: Sequence[str]) -> None:
    if len(texts) > MOST_EDITS:
        raise ConfigError(
            _("at most {most} parts can be left out at once. Got {got}. Name fewer.", most=MOST_EDITS, got=len(texts))
        )


def _read_swap(text: str, plan: SharingPlan, loops: int | None) -> Swap:
    found = SWAP.fullmatch(text)
    if found is None:
        raise ConfigError(_("a swap must be written like decoder.1<>decoder.3. Got {got!r}.", got=visible(text)[:60]))
    swap = Swap(found[1], int(found[2]), int(found[4]))
    if found[3] != swap.stack:
        raise ConfigError(
            _("{part} must swap two layers of one stack. Got {one} and {other}, which have different parts.",
              part=text, one=swap.stack, other=found[3])
        )  # fmt: skip
    for place in (swap.place, swap.other):
        check_place(text, plan, swap.stack, place, loops)
    order, reuse = plan.execution[swap.stack].layers(loops), plan.reuse[swap.stack]
    bound = frozenset[int]().union(*(reuse.consumers(kind) | reuse.read(kind) for kind in REUSE_KINDS))
    for layer in (order[swap.place], order[swap.other]):
        if layer in bound:
            raise ConfigError(
                _(
                    "{part} must swap layers that share no activations with others. Layer {layer} does, so it must "
                    "stay in its place.",
                  part=text, layer=layer)
            )  # fmt: skip
    return swap


def check_place(text: str, plan: SharingPlan, stack: str, place: int, loops: int | None) -> None:
    """Refuse what names a stack or an executed layer that the model does not have; ``text`` is what was given."""
    if stack not in plan.execution:
        raise ConfigError(
            _("{part} must name a stack of the model: {stacks}. Got {stack}.",
              part=text, stacks=", ".join(plan.execution), stack=stack)
        )  # fmt: skip
    count = len(plan.execution[stack].layers(loops))
    if place >= count:
        raise ConfigError(
            _("{part} must name an executed layer of the {stack}: 0 to {last}. Got {got}.",
              part=text, stack=stack, last=count - 1, got=place)
        )  # fmt: skip


def _read(text: str, plan: SharingPlan, heads: int, loops: int | None) -> Edit:
    found = FORM.fullmatch(text)
    if found is None or (found[4] and found[3] in (None, "ffn")):
        raise ConfigError(
            _(
                "a part must be written like decoder.2, decoder.2.ffn or decoder.2.attention.1; add *0.5 to halve "
                "it. Got {got!r}.",
              got=visible(text)[:60])
        )  # fmt: skip
    head = int(found[4]) if found[4] else None
    edit = Edit(found[1], int(found[2]), found[3], head, float(found[5] or 0))
    check_place(text, plan, edit.stack, edit.place, loops)
    if edit.sublayer == "cross_attention" and not _has_cross(plan, edit.stack):
        raise ConfigError(
            _(
                "{part} must name a branch of the {stack}. This stack has no cross-attention.",
                part=text,
                stack=edit.stack,
            )
        )
    if head is not None and head >= heads:
        raise ConfigError(_("{part} must name a head: 0 to {last}. Got {got}.", part=text, last=heads - 1, got=head))
    return edit


def _has_cross(plan: SharingPlan, stack: str) -> bool:
    return "cross_q" in plan.map.components(stack)


class Edits:
    """Fulfils ``model.layer.Editor``; of two edits of one part the factors are multiplied, swaps go one by one.

    ``patches`` come last: what is put in is not scaled.
    """

    def __init__(self, edits: Iterable[Edit | Swap], heads: int, patches: Patches | None = None) -> None:
        self._heads, self._patches = heads, patches
        self._factors: dict[tuple[str, int, str | None, int | None], float] = {}
        self._swaps: list[Swap] = []
        for one in edits:
            if isinstance(one, Swap):
                self._swaps.append(one)
                continue
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

    def layer(self, stack: str, place: int, before: Tensor, after: Tensor, first: int) -> Tensor:
        """See ``Editor``: what the layer adds is scaled, so that 0 hands its input on."""
        factor = self._factors.get((stack, place, None, None))
        if factor is not None:
            after = before if factor == 0 else before + factor * (after - before)
        return after if self._patches is None else self._patches.state(stack, place, after, first)

    def order(self, stack: str, order: tuple[int, ...]) -> tuple[int, ...]:
        """See ``Editor``."""
        found = list(order)
        for swap in self._swaps:
            if swap.stack == stack:
                found[swap.place], found[swap.other] = found[swap.other], found[swap.place]
        return tuple(found)

    def changes_patterns(self, stack: str) -> bool:
        """See ``Editor``."""
        return self._patches is not None and self._patches.changes_patterns(stack)

    def pattern(self, kind: str, place: int, probabilities: Tensor, first: int) -> Tensor:
        """See ``Editor``."""
        return probabilities if self._patches is None else self._patches.pattern(kind, place, probabilities, first)
