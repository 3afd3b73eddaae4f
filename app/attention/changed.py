"""What is changed inside a run, in words. Start at change_title and changed_sentence."""

from __future__ import annotations

from collections.abc import Sequence

from app.attention.source import Turned
from app.look.formatting import percent
from app.services import escape_markdown
from clps_core.analysis.edits import Edit, Swap, is_one_loop_less, is_tied, read_changes
from clps_core.analysis.patches import LAST, Patch, Side, parse_patch
from clps_core.config import sharing_plan
from clps_core.inspection import Inspection
from clps_core.patching import Effect, Patching
from clps_core.sharing import SharingPlan
from clps_core.shown import visible
from clps_core.store import Run
from clps_core.words import _, sentences

__all__ = ["change_title", "changed_caption", "changed_sentence", "layer_title", "side_of"]

LONGEST_SHOWN = 160
"""Of an answer or an input within a sentence."""
NEVER = 0.00005
"""A smaller probability is told as less than 0.01 %."""


def layer_title(stack: str, place: int, *, stacks: int) -> str:
    """An executed layer: Layer 2; with its stack where there are two."""
    if stacks == 1:
        return _("Layer {layer}", layer=place)
    if stack == "encoder":
        return _("Encoder layer {layer}", layer=place)
    return _("Decoder layer {layer}", layer=place)


def change_title(change: Edit | Swap | Patch, *, stacks: int) -> str:
    """A change as people read it. What is left out is named alone: Layer 2, FFN."""
    if isinstance(change, Patch):
        return _patch_title(change, stacks)
    here = layer_title(change.stack, change.place, stacks=stacks)
    if isinstance(change, Swap):
        return f"{here} ⇄ {layer_title(change.stack, change.other, stacks=stacks)}"
    names = [here]
    if change.sublayer is not None:
        names.append(_sublayer(change.sublayer))
    if change.head is not None:
        names.append(_("head {head}", head=change.head))
    part = ", ".join(names)
    return f"{part} × {change.factor:g}" if change.factor else part


def _sublayer(name: str) -> str:
    return {"attention": _("attention"), "cross_attention": _("cross-attention"), "ffn": _("FFN")}[name]


def _patch_title(patch: Patch, stacks: int) -> str:
    here = layer_title(patch.stack, patch.place, stacks=stacks)
    there = layer_title(patch.from_stack, patch.from_place, stacks=stacks)
    if patch.sublayer is None:
        if not patch.positions:
            return _("{here}, state ← {there}", here=here, there=there)
        at = ", ".join(_pair(pair) for pair in patch.positions)
        return _("{here}, state at {positions} ← {there}", here=here, positions=at, there=there)
    what = _sublayer(patch.sublayer)
    if patch.head is None:
        return f"{here}, {what} ← {there}"
    return _(
        "{here}, {attention}, head {head} ← {there}, head {other}",
        here=here, attention=what, head=patch.head, there=there, other=patch.from_head,
    )  # fmt: skip


def _pair(pair: tuple[int, int]) -> str:
    here, there = (_("last") if one == LAST else str(one) for one in pair)
    return here if here == there else f"{here}:{there}"


def side_of(run: Run, loops: int | None) -> Side:
    """What of ``run`` a patch can name."""
    return Side(sharing_plan(run.config.model, run.config.sharing), run.config.model.num_heads, loops)


def changed_caption() -> str:
    """What changes show, and what they do not."""
    return _(
        "Seen: how the answer to this one input changes when parts are changed and all other parts run on "
        "the result. Not proved: what the part is for. The other parts were not trained on such states, "
        "and another part may replace one that is left out."
    )


def changed_sentence(run: Run, turned: Turned, answer: Inspection) -> str:
    """What is changed inside ``run``, and what it does to the answer; nothing where nothing is changed."""
    missing = (
        [_("This run does not have these parts: {parts}.", parts="; ".join(turned.missing))] if turned.missing else []
    )
    if not turned.changes:
        return sentences(missing)
    plan = sharing_plan(run.config.model, run.config.sharing)
    stacks = len(plan.execution)
    changes = read_changes(turned.left_out, plan, run.config.model.num_heads, turned.loops)
    parts = [one for one in changes if isinstance(one, Edit) and not one.factor]
    others = [one for one in changes if one not in parts]
    said = missing
    if parts:
        said.append(_("Without {parts}.", parts="; ".join(change_title(one, stacks=stacks) for one in parts)))
    if others:
        said.append(_("Changed: {changes}.", changes="; ".join(change_title(one, stacks=stacks) for one in others)))
    if turned.patching is not None:
        said += _patched(turned.patching, stacks)
    said += _always(plan, changes, turned)
    if answer.effect is not None:
        said += _effect(answer.effect, answer.prediction)
    return sentences(said)


def _patched(patching: Patching, stacks: int) -> list[str]:
    """Which patches, and where they come from."""
    patches = "; ".join(change_title(parse_patch(one), stacks=stacks) for one in patching.patches)
    typed = escape_markdown(visible(patching.text)[:LONGEST_SHOWN])
    if patching.folder is not None and typed:
        return [_("Patched from the other run, with the input “{text}”: {patches}.", text=typed, patches=patches)]
    if patching.folder is not None:
        return [_("Patched from the other run, with the same input: {patches}.", patches=patches)]
    if typed:
        return [_("Patched from the same run, with the input “{text}”: {patches}.", text=typed, patches=patches)]
    return [_("Patched from the same run and input, without changes: {patches}.", patches=patches)]


def _always(plan: SharingPlan, changes: Sequence[Edit | Swap], turned: Turned) -> list[str]:
    """What holds of such changes for every input."""
    said = []
    swaps = [one for one in changes if isinstance(one, Swap)]
    if len(swaps) == 1 and is_tied(plan, swaps[0], turned.loops):
        said.append(_("The swapped layers use the same weights, so swapping them changes nothing for any input."))
    if len(changes) == 1 and turned.patching is None and len(plan.execution) == 1:
        (only,) = changes
        if isinstance(only, Edit) and is_one_loop_less(plan, only, turned.loops):
            said.append(
                _("One layer repeats here without a depth signal, so leaving out any one of its loops has the same "
"effect as one loop less.")
            )  # fmt: skip
    return said


def _effect(effect: Effect, answer: str) -> list[str]:
    """Before and after, in probability."""
    whole = escape_markdown(visible(effect.answer)[:LONGEST_SHOWN]) or _("(nothing)")
    before, after = _probability(effect.before), _probability(effect.after)
    said = [escape_markdown(note) for note in effect.notes]
    if effect.token:
        token = escape_markdown(visible(effect.token))
        goes_on = _("The whole model continues with **{answer}**.", answer=whole)
        said.append(_("The text continues as before.") if answer == effect.answer else goes_on)
        said.append(
            _("Its next token **{token}** has a probability of {before} in the whole model; now {after}.",
              token=token, before=before, after=after)
        )  # fmt: skip
        return said
    same, answers = answer == effect.answer, _("The whole model answers **{answer}**.", answer=whole)
    if effect.typed:
        said.append(_("The whole model gives the same answer.") if same else answers)
        said.append(
            _("The target that you typed has a probability of {before} in the whole model; now {after}.",
              before=before, after=after)
        )  # fmt: skip
    elif effect.positions > 1:
        said.append(_("The whole model gives the same answer.") if same else answers)
        said.append(
            _("Its {all} tokens together have a probability of {before} in the whole model; now {after}.",
              all=effect.positions, before=before, after=after)
        )  # fmt: skip
        if effect.others:
            said.append(
                _("At {others} of {all} positions, another token is now the most probable.",
                  others=effect.others, all=effect.positions)
            )  # fmt: skip
    elif same:
        said.append(
            _("The whole model gives the same answer, with a probability of {before}; now {after}.",
              before=before, after=after)
        )  # fmt: skip
    else:
        said.append(
            _("The whole model answers **{answer}**, with a probability of {before}; that answer now has {after}.",
              answer=whole, before=before, after=after)
        )  # fmt: skip
    return said


def _probability(value: float) -> str:
    return _("less than 0.01 %") if value < NEVER else percent(value, 1 if value >= 0.01 else 2)
