"""Prove the tie: one weight, its uses, and its gradient as the sum of theirs. Start at prove_the_tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import state
from app.attention.moves import with_patience
from app.attention.moves_numbers import tie_numbers
from app.attention.pictures import Shown
from app.attention.source import Question, Turned, look_of
from app.attention.tie_figure import shares_figure, use_titles
from app.design.drawn import slot_numbers, stack_title
from app.look.colours import slot_colour, slot_letter
from app.look.figure_table import Figure, Row, figure_table
from app.look.plotted import plotted
from app.look.strategy_names import target_name
from app.look.widget_value import follow_url
from app.services import show_problem
from clps_core.config import sharing_plan
from clps_core.glossary import meaning
from clps_core.numbers import NOTHING
from clps_core.serving import ProveTie
from clps_core.sharing import SharingMap, SharingPlan, Site, Slot
from clps_core.store import Run
from clps_core.tie import TieProof
from clps_core.words import _, listed, ngettext

__all__ = ["prove_the_tie", "tie_sentences"]

MOST_ROWS = 60
"""Uses that are told one by one; all of them count in the sum."""

Rows = Mapping[tuple[str, str], int]
"""(stack, component) -> layers: every place of a weight that at least one of the runs has."""


def prove_the_tie(runs: Sequence[Run], question: Question, turned: Sequence[Turned], shown: Sequence[Shown]) -> None:
    """Choose a weight by one of its uses; what every run has there, side by side."""
    plans = [sharing_plan(run.config.model, run.config.sharing) for run in runs]
    maps = [plan.map for plan in plans]
    site = _choose_site(maps)
    asked = []
    for run, how, mapping in zip(runs, turned, maps, strict=True):
        look = look_of(run, question, how)
        asked.append(ProveTie(look.folder, look.stamp, look, str(site)) if _slot(mapping, site) else None)
    answers = iter(with_patience([one for one in asked if one is not None], _("Taking the gradients ...")))
    for about, one, plan, column in zip(shown, asked, plans, st.columns(len(runs)), strict=True):
        with column:
            if one is None:
                st.info(_absent(plan.map, site), icon=":material/info:")
            else:
                _proof(next(answers), plan, about)
    st.caption(
        _(
            "**Seen:** the gradient of the loss on this input with respect to one stored weight, and what each "
            "of its uses adds to it. For this, each use gets its own copy of the weight, and so its own "
            "gradient. The sum of these is compared with the gradient of the shared weight, in 64-bit numbers "
            "and without dropout. **Not proved:** that a use with a small gradient matters little. Another "
            "input may give it a larger one."
        )
    )


# The choice


def _choose_site(maps: Sequence[SharingMap]) -> Site:
    """One place of a weight: the address's, else the first one whose weight is used most often."""
    layers: dict[tuple[str, str], int] = {}
    for mapping in maps:
        for key, slots in mapping.rows:
            layers[key] = max(layers.get(key, 0), len(slots))
    asked = state.read_text(state.WEIGHT)
    known = {
        f"{stack}.{layer}.{part}": Site(stack, layer, part)
        for (stack, part), count in layers.items()
        for layer in range(count)
    }
    if asked and asked not in known:
        show_problem(
            _("\"weight\" in the address must be a place such as {example}. Got {got!r}. It is ignored.",
              example=str(_telling(maps[0])), got=asked[:40])
        )  # fmt: skip
    site = known.get(asked, _telling(maps[0]))
    keys = list(layers)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        row = "attention.weight.row"
        follow_url(row, keys.index((site.stack, site.component)))
        st.selectbox(
            _("Weight"),
            range(len(keys)),
            format_func=lambda one: _row_title(keys[one], stacks=len({stack for stack, _part in keys})),
            key=row,
            on_change=lambda: _written(keys[st.session_state[row]], site.layer, layers),
            width=260,
            help=meaning("component"),
        )
        layer = "attention.weight.layer"
        last = layers[site.stack, site.component] - 1
        follow_url(layer, site.layer)
        st.number_input(
            _("Layer, 0 to {last}", last=last),
            min_value=0,
            max_value=last,
            key=layer,
            on_change=lambda: _written((site.stack, site.component), st.session_state[layer], layers),
            width=200,
        )
    return site


def _written(key: tuple[str, str], layer: int | None, layers: Rows) -> None:
    stack, component = key
    state.write(**{state.WEIGHT: f"{stack}.{min(layer or 0, layers[key] - 1)}.{component}"})


def _telling(mapping: SharingMap) -> Site:
    """The first use of the weight that is used most often."""
    most = max(mapping.slots, key=lambda slot: len(mapping.sites(slot)))
    return mapping.sites(most)[0]


def _row_title(key: tuple[str, str], *, stacks: int) -> str:
    stack, component = key
    return f"{stack_title(stack)}: {target_name(component)}" if stacks > 1 else target_name(component)


def _slot(mapping: SharingMap, site: Site) -> Slot | None:
    known = (site.stack, site.component) in dict(mapping.rows) and site.layer < mapping.num_layers(site.stack)
    return mapping.slot(*site) if known else None


def _absent(mapping: SharingMap, site: Site) -> str:
    if site.stack in mapping.stacks and site.layer >= mapping.num_layers(site.stack):
        return _("This run has no layer {layer}. Choose an earlier one.", layer=site.layer)
    return _(
        "Layer {layer} of this run has no {component} weight of its own: it reads what another layer computes.",
        layer=site.layer,
        component=target_name(site.component),
    )


# The proof


def _proof(found: TieProof, plan: SharingPlan, about: Shown) -> None:
    mapping = plan.map
    slot = next(one for one in mapping.slots if str(one) == found.slot)
    number = slot_numbers(mapping)[0][slot]
    for sentence in tie_sentences(found, slot_letter(number)):
        st.markdown(sentence)
    if plan.lora_ranks().keys() & set(mapping.sites(slot)):
        st.caption(_("What LoRA adds to this weight in a layer is a separate weight and is not included."))
    shown = found.uses[:MOST_ROWS]
    titles = use_titles(shown)
    if found.summed > 0:
        said = listed(f"{title}: {100 * (use.share or 0):.1f} %" for title, use in zip(titles, shown, strict=True))
        plotted(
            shares_figure(shown, slot_colour(number)),
            key=f"attention.tie.{about.run.id}",
            alt=_("Share of each use in the gradient. {said}.", said=said),
            title=_("{run}: what each use of {slot} adds to its gradient", run=about.label, slot=found.slot),
            about=about.about,
            name=("tie", about.run.id, found.slot),
            numbers=lambda: tie_numbers(found),
        )
    rows = [
        Row(
            title,
            slot_colour(number),
            [
                Figure(_number(use.norm), f"{use.norm:.9g}"),
                NOTHING if use.cosine is None else f"{use.cosine:.3f}",
                NOTHING if use.share is None else f"{100 * use.share:.1f} %",
            ],
        )
        for title, use in zip(titles, shown, strict=True)
    ]
    rows.append(Row(_("Sum of all"), "transparent", [_number(found.summed), "1.000", "100.0 %"], chosen=True))
    columns = [
        (_("Use"), ""),
        (_("Length"), meaning("gradient", _("Here: the Euclidean norm of what this use adds."))),
        (_("Cosine"), meaning("cosine", _("Here: between this gradient and the sum of all."))),
        (_("Share"), _("How much of the sum this use contributes; below 0: it works against the sum")),
    ]
    if found.summed == 0:
        rows[-1] = Row(_("Sum of all"), "transparent", [_number(0.0), NOTHING, NOTHING], chosen=True)
    figure_table(_("The gradient of every use"), columns, rows, tight=True)
    if len(found.uses) > MOST_ROWS:
        st.caption(
            _("The first {shown} of {all} uses. The sum includes all of them.", shown=MOST_ROWS, all=len(found.uses))
        )


def tie_sentences(found: TieProof, letter: str) -> list[str]:
    """What is stored, who uses it, and how the sum and the shared weight's own gradient agree."""
    shapes = ", ".join(f"`{one.name}` ({' × '.join(map(str, one.shape))})" for one in found.tensors)
    stored = _(
        "**Slot {letter}, `{slot}`.** `{file}` holds it once: {tensors}.",
        letter=letter,
        slot=found.slot,
        file=found.file,
        tensors=shapes,
    )
    tensors = len({use.tensor for use in found.uses})
    uses = ngettext("{n} use", "{n} uses", len(found.uses))
    one = (
        _("In memory, its {uses} in this pass read one and the same tensor.", uses=uses)
        if tensors == 1 and len(found.uses) > 1
        else _("It is used once in this pass, so there is nothing to share.")
        if tensors == 1
        else _(
            "In memory, its {uses} read {count} different tensors: the weight is not shared.", uses=uses, count=tensors
        )
    )
    aims = {
        "right": _("correct answers"),
        "typed": _("typed target"),
        "own": _("model's own most probable answers, because the correct ones are unknown"),
    }
    lossed = _(
        "The loss over {count} is {loss}. It is measured against the {aim}.",
        loss=_number(found.loss),
        count=ngettext("{n} token", "{n} tokens", found.labels),
        aim=aims[found.aim],
    )
    agreed = _(
        "The sum of the gradients of all uses has norm {summed}, the gradient of the shared weight {tied}. Number by "
        "number, the two differ by at most **{difference}**; the largest number is {largest}.",
        summed=_number(found.summed),
        tied=_number(found.tied),
        difference=_number(found.difference),
        largest=_number(found.largest),
    )
    return [f"{stored} {one}", f"{lossed} {agreed}"]


def _number(value: float) -> str:
    """Three digits; the very small with an exponent."""
    return "0" if value == 0 else f"{value:.3g}"
