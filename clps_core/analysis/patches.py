"""States and attention patterns of one pass put into another. Start at read_patches, then Patches.

``decoder.2=decoder.1`` replaces the state after the third executed layer by the other pass's state after its second
one, at every position that both passes have. ``decoder.2[3:5,last]=decoder.1`` does so at position 3, which gets that
of position 5, and at the last one, which gets that of the last. ``decoder.2.attention=decoder.1.attention`` replaces
the attention of all heads, ``decoder.2.attention.0=decoder.1.attention.3`` that of one. The other pass may be of
another input, of another model, or the same one as it was before any change (Vig et al. 2020, arXiv 2004.12265;
Meng et al. 2022, arXiv 2202.05262).

Shape letters: B examples, T positions, S keys, D d_model, H heads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clps_core.analysis.edits import check_place
from clps_core.errors import ConfigError, DataError
from clps_core.sharing import SharingPlan
from clps_core.shown import visible
from clps_core.words import _

if TYPE_CHECKING:
    from torch import Tensor

    from clps_core.analysis.capture import Capture

__all__ = ["LAST", "MOST_PATCHES", "Patch", "Patches", "Side", "parse_patch", "read_patches"]

MOST_PATCHES = 50
LONGEST_PATCH = 400
LAST = -1
"""Stands for the last position of a pass."""
POSITION = r"(?:\d{1,5}|last)"
PAIR = rf"{POSITION}(?::{POSITION})?"
FORM = re.compile(
    rf"(encoder|decoder)\.(\d{{1,4}})(?:\[({PAIR}(?:,{PAIR})*)\])?(?:\.(attention|cross_attention)(?:\.(\d{{1,4}}))?)?"
    rf"=(encoder|decoder)\.(\d{{1,4}})(?:\.(attention|cross_attention)(?:\.(\d{{1,4}}))?)?"
)


@dataclass(frozen=True)
class Patch:
    """What is replaced and by what; places are executed positions.

    ``positions``: pairs (of this pass, of the other), ``LAST`` for the last one; empty: every position that both have.
    ``sublayer``: ``None`` for the state after the layer, else whose attention is replaced; ``head`` and ``from_head``:
    of it, or all heads.
    """

    stack: str
    place: int
    from_stack: str
    from_place: int
    positions: tuple[tuple[int, int], ...] = ()
    sublayer: str | None = None
    head: int | None = None
    from_head: int | None = None

    def __str__(self) -> str:
        at = ",".join(_written(pair) for pair in self.positions)
        to = _name(self.stack, self.place, f"[{at}]" if at else "", self.sublayer, self.head)
        return f"{to}={_name(self.from_stack, self.from_place, '', self.sublayer, self.from_head)}"

    @property
    def kind(self) -> str:
        """The attention that is replaced, as ``Recorder.attention`` names it."""
        return "cross" if self.sublayer == "cross_attention" else self.stack

    @property
    def from_kind(self) -> str:
        """The attention that replaces it."""
        return "cross" if self.sublayer == "cross_attention" else self.from_stack


def _name(stack: str, place: int, at: str, sublayer: str | None, head: int | None) -> str:
    return f"{stack}.{place}{at}{'' if sublayer is None else f'.{sublayer}'}{'' if head is None else f'.{head}'}"


def _written(pair: tuple[int, int]) -> str:
    here, there = ("last" if one == LAST else str(one) for one in pair)
    return here if here == there else f"{here}:{there}"


@dataclass(frozen=True)
class Side:
    """One of the two passes, as far as it is known before it runs."""

    plan: SharingPlan
    heads: int
    loops: int | None = None


def read_patches(texts: Sequence[str], here: Side, there: Side) -> tuple[Patch, ...]:
    """The patches that ``texts`` name; raises ``ConfigError`` for what one of the two passes does not have."""
    if len(texts) > MOST_PATCHES:
        raise ConfigError(
            _("at most {most} patches can be made at once. Got {got}. Name fewer.", most=MOST_PATCHES, got=len(texts))
        )
    return tuple(_read(text.strip(), here, there) for text in texts)


def parse_patch(text: str) -> Patch:
    """What ``text`` says, whether or not there is such a layer; raises ``ConfigError`` where it says nothing."""
    found = FORM.fullmatch(text.strip()) if len(text) <= LONGEST_PATCH else None
    if found is None or (found[3] and found[4]):
        raise ConfigError(
            _(
                "a patch must be written like decoder.2=decoder.1, decoder.2[3:5,last]=decoder.1 or "
                "decoder.2.attention=decoder.1.attention. Got {got!r}.",
              got=visible(text)[:60])
        )  # fmt: skip
    patch = Patch(
        stack=found[1],
        place=int(found[2]),
        from_stack=found[6],
        from_place=int(found[7]),
        positions=tuple(_pair(one) for one in found[3].split(",")) if found[3] else (),
        sublayer=found[4],
        head=int(found[5]) if found[5] else None,
        from_head=int(found[9]) if found[9] else None,
    )
    same_kind = found[4] == found[8] and (found[4] is None or patch.kind == patch.from_kind)
    if not same_kind or (patch.head is None) != (patch.from_head is None):
        raise ConfigError(
            _(
                "{part} must name the same kind of thing on both sides: a layer's state, attention of one kind, or "
                "one of its heads.",
              part=text)
        )  # fmt: skip
    return patch


def _read(text: str, here: Side, there: Side) -> Patch:
    patch = parse_patch(text)
    check_place(text, here.plan, patch.stack, patch.place, here.loops)
    check_place(text, there.plan, patch.from_stack, patch.from_place, there.loops)
    if patch.sublayer is not None:
        _check_heads(text, patch, here, there)
    return patch


def _pair(text: str) -> tuple[int, int]:
    here, _colon, there = text.partition(":")
    first, second = (LAST if one == "last" else int(one) for one in (here, there or here))
    return first, second


def _check_heads(text: str, patch: Patch, here: Side, there: Side) -> None:
    for side, stack, head in ((here, patch.stack, patch.head), (there, patch.from_stack, patch.from_head)):
        if patch.sublayer == "cross_attention" and "cross_q" not in side.plan.map.components(stack):
            raise ConfigError(
                _(
                    "{part} must name a branch of the {stack}. This stack has no cross-attention.",
                    part=text,
                    stack=stack,
                )
            )
        if head is not None and head >= side.heads:
            raise ConfigError(
                _("{part} must name a head: 0 to {last}. Got {got}.", part=text, last=side.heads - 1, got=head)
            )
    if patch.head is None and here.heads != there.heads:
        raise ConfigError(
            _(
                "{part} must connect models with the same number of heads. Got {here} and {there}. Name one head on "
                "each side.",
              part=text, here=here.heads, there=there.heads)
        )  # fmt: skip


class Patches:
    """What ``edits.Edits`` puts into a pass, found once and looked up by place."""

    def __init__(
        self, patches: Sequence[Patch], source: Capture, width: int, lengths: Mapping[str, int | None], longest: int
    ) -> None:
        """``source``: the other pass. ``width``: d_model of this one.

        ``lengths``: stack -> its positions in this pass, ``None`` where it writes them itself: at most ``longest``.
        Raises ``ConfigError`` for other widths, ``DataError`` for positions and lengths that do not fit.
        """
        self.notes: list[str] = []
        self._states: dict[tuple[str, int], list[tuple[Tensor, Tensor]]] = {}
        self._patterns: dict[tuple[str, int], list[tuple[Patch, Tensor]]] = {}
        for patch in patches:
            if patch.sublayer is None:
                self._add_state(patch, source, width, lengths[patch.stack], longest)
            else:
                self._add_pattern(patch, source, lengths)

    def _add_state(self, patch: Patch, source: Capture, width: int, length: int | None, longest: int) -> None:
        import torch

        states = torch.from_numpy(source.outputs[patch.from_stack][patch.from_place])  # [positions, D]
        if states.shape[1] != width:
            raise ConfigError(
                _(
                    "a state of width {got} cannot be patched into a model of width {width}. Choose runs with the "
                    "same d_model.",
                  got=states.shape[1], width=width)
            )  # fmt: skip
        pairs = _resolved(patch, length, len(states), longest)
        if not patch.positions and length is not None and length != len(states):
            self.notes.append(
                _(
                    "{patch} changes only the first {both} positions: this input has {here}, the other has {there}.",
                  patch=str(patch), both=len(pairs), here=length, there=len(states))
            )  # fmt: skip
        at = torch.tensor(list(pairs), dtype=torch.int64)
        self._states.setdefault((patch.stack, patch.place), []).append((at, states[list(pairs.values())]))

    def _add_pattern(self, patch: Patch, source: Capture, lengths: Mapping[str, int | None]) -> None:
        import torch

        found = torch.from_numpy(source.attention[patch.from_kind][patch.from_place])  # [H, T, S]
        queries, keys = found.shape[1:]
        wanted = (lengths[patch.stack], lengths["encoder" if patch.kind == "cross" else patch.stack])
        for got, must in zip((queries, keys), wanted, strict=True):
            if must is not None and got != must:
                raise DataError(
                    _(
                        "{patch}: attention can only be patched between inputs of the same length. This one has "
                        "{must} positions, the other has {got}. Patch states instead: you can choose their positions.",
                      patch=str(patch), must=must, got=got)
                )  # fmt: skip
        self._patterns.setdefault((patch.kind, patch.place), []).append((patch, found))

    def changes_patterns(self, stack: str) -> bool:
        """See ``model.layer.Editor``."""
        return any(patch.stack == stack for found in self._patterns.values() for patch, _of in found)

    def state(self, stack: str, place: int, states: Tensor, first: int) -> Tensor:
        """``states`` [B, T, D] with what is put in; ``first``: the position of state 0."""
        for at, values in self._states.get((stack, place), []):
            inside = (at >= first) & (at < first + states.shape[1])
            if bool(inside.any()):
                states = states.clone()
                states[:, at[inside] - first] = values[inside].to(states)
        return states

    def pattern(self, kind: str, place: int, probabilities: Tensor, first: int) -> Tensor:
        """``probabilities`` [B, H, T, S] with what is put in: rows that the other pass does not have stay."""
        for patch, source in self._patterns.get((kind, place), []):
            rows = min(source.shape[1] - first, probabilities.shape[2])
            if rows <= 0:
                continue
            keys = min(source.shape[2], probabilities.shape[3])
            here = slice(None) if patch.head is None else slice(patch.head, patch.head + 1)
            there = slice(None) if patch.from_head is None else slice(patch.from_head, patch.from_head + 1)
            probabilities = probabilities.clone()
            probabilities[:, here, :rows] = 0
            probabilities[:, here, :rows, :keys] = source[there, first : first + rows, :keys].to(probabilities)
        return probabilities


def _resolved(patch: Patch, length: int | None, source_length: int, longest: int) -> dict[int, int]:
    """Position of this pass -> of the other."""
    if not patch.positions:
        both = min(source_length, longest if length is None else length)
        return {position: position for position in range(both)}
    found: dict[int, int] = {}
    for here, there in patch.positions:
        if here == LAST and length is None:
            raise DataError(
                _("{patch}: the last position is not known before the answer is complete. Give its number.",
                  patch=str(patch))
            )  # fmt: skip
        most = longest if length is None else length
        if here >= most:
            raise DataError(
                _("{patch}: positions of this input must be from 0 to {last}. Got {got}.",
                  patch=str(patch), last=most - 1, got=here)
            )  # fmt: skip
        if there >= source_length:
            raise DataError(
                _("{patch}: positions of the other input must be from 0 to {last}. Got {got}.",
                  patch=str(patch), last=source_length - 1, got=there)
            )  # fmt: skip
        found[most - 1 if here == LAST else here] = source_length - 1 if there == LAST else there
    return found
