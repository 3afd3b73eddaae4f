"""One input in a shipped run whose layers have the same weights: two of its layers side by side. Start at look_inside.

The model process reads the run where it ships, so nothing has to be imported before.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import streamlit as st

from app import navigation, state
from app.attention.layers import LayersView, asked_head, layers_view
from app.attention.moves import with_patience
from app.attention.tie import tie_sentences
from app.attention.tie_figure import use_titles
from app.attention.views import similarity_sentence
from app.design.drawn import slot_numbers
from app.design.sharing_sentences import compared_sentence
from app.look.colours import slot_colour, slot_letter
from app.look.figure_table import Row, figure_table
from app.look.strategy_names import target_name
from app.services import escape_markdown, show_problem, store
from clps_core.config import sharing_plan
from clps_core.errors import ClpsError
from clps_core.inspection import Inspection
from clps_core.layer_maps import RunLayers
from clps_core.moves import RunMoves
from clps_core.numbers import NOTHING
from clps_core.samples.ready import ready_named
from clps_core.samples.shipped import figures_of, sample_folder
from clps_core.samples.stories import design_name
from clps_core.serving import InspectRun, ProveTie, ReadLayers, ReadMoves
from clps_core.sharing import SharingPlan
from clps_core.sharing.shared_with import AttentionSharing
from clps_core.shown import visible
from clps_core.tasks import TaskFacts, get_task
from clps_core.training.saved import weights_stamp
from clps_core.words import _, together

__all__ = ["LOOKED", "Looked", "look_inside"]

RUN, PAIR, WEIGHT, TEXT = "learn.inputs.run", "learn.inputs.pair", "learn.inputs.weight", "learn.inputs.text"
LONGEST = 200
STACK = "decoder"


@dataclass(frozen=True)
class Looked:
    """A run that ships, with one stack whose layers all have the same weights."""

    key: str
    design: str

    @property
    def id(self) -> str:
        """The id of its first seed."""
        ready = ready_named(self.key)
        return ready.run_id(next(one for one in ready.designs if one.key == self.design), ready.seeds[0])

    @property
    def facts(self) -> TaskFacts:
        """Its task."""
        return get_task(str(ready_named(self.key).base["data"]["task"]))

    @property
    def plan(self) -> SharingPlan:
        """Which layers use which weights."""
        ready = ready_named(self.key)
        at = [one.key for one in ready.designs].index(self.design)
        config = ready.configs(ready.seeds[:1])[at].config
        return sharing_plan(config.model, config.sharing)

    @property
    def title(self) -> str:
        """Its task and its design in words."""
        ready = ready_named(self.key)
        design = next(one for one in figures_of(ready) if one.design.key == self.design)
        return f"{self.facts.title}: {design_name(ready, design)}"


LOOKED = (Looked("hops", "3-all"), Looked("docstrings", "all"), Looked("cups", "fixed"))


def look_inside() -> bool:
    """Choose run, input and two layers; then what the model process found, or why it found nothing: whether it did."""
    by_id = {one.id: one for one in LOOKED}
    titles = {one.id: one.title for one in LOOKED}
    chosen = st.selectbox(_("Run"), list(by_id), format_func=lambda one: titles.get(one, one), key=RUN)
    looked = by_id.get(chosen, LOOKED[0])
    plan = looked.plan
    st.caption(escape_markdown(looked.facts.words().summary))
    text = _typed(looked.facts)
    pair = _pair(plan.map.num_layers(STACK))
    folder = sample_folder(looked.id)
    look = InspectRun(folder, weights_stamp(folder, "best") or (0, 0), text, attention=False)
    try:
        answer, maps, moves = _read(look, pair)
        _answer(answer)
        _maps(looked, plan, answer, maps, pair)
        _moves(moves, pair)
        _tensor(plan, look, pair)
    except ClpsError as error:
        show_problem(str(error))
        st.caption(_("The rest of this chapter does not need the model. Your answers are kept."))
        return False
    _ways(looked, text, pair)
    return True


def _read(look: InspectRun, pair: tuple[int, int]) -> tuple[Inspection, RunLayers, RunMoves]:
    """The answer, the maps of two layers and the states of all."""
    told = look.folder, look.stamp, look, STACK
    (answer,) = with_patience([look], _("Reading the model ..."))
    (maps,) = with_patience([ReadLayers(*told, pair)], _("Reading the attention ..."))
    (moves,) = with_patience([ReadMoves(*told)], _("Following the states ..."))
    return answer, maps, moves


# What is asked


def _typed(facts: TaskFacts) -> str:
    """The input: typed, or one of the task's examples."""
    key = f"{TEXT}.{facts.name}"
    examples = facts.example_inputs
    if key not in st.session_state:
        st.session_state[key] = examples[0]

    def another() -> None:
        now = st.session_state.get(key)
        place = examples.index(now) + 1 if now in examples else 0
        st.session_state[key] = examples[place % len(examples)]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(facts.words().asks.get("text") or _("Your text"), key=key, max_chars=LONGEST)
        st.button(_("Another example"), icon=":material/casino:", on_click=another, key="learn.inputs.another")
    return str(typed)


def _pair(layers: int) -> tuple[int, int]:
    """Two of the executed layers, the earlier one first."""
    pairs = {f"{one}-{other}": (one, other) for one, other in combinations(range(layers), 2)}
    usual = f"0-{layers - 1}"
    titles = {name: together(map(str, pair)) for name, pair in pairs.items()}
    chosen = st.pills(
        _("Compare layers"),
        list(pairs),
        default=usual,
        format_func=lambda name: titles.get(name, name),
        key=f"{PAIR}.{layers}",
        required=True,
    )
    return pairs[chosen if chosen in pairs else usual]


def _component(plan: SharingPlan) -> str:
    """The weight of which it is shown that it is one."""
    parts = [one for one in plan.map.components(STACK) if not one.startswith("norm")]
    chosen = st.segmented_control(
        _("Weight"), parts, default=parts[0], format_func=target_name, key=WEIGHT, required=True, wrap=True
    )
    return chosen if chosen in parts else parts[0]


# What is seen


def _answer(found: Inspection) -> None:
    said = escape_markdown(visible(found.prediction)) or _("(nothing)")
    if found.right_answer is None:
        st.markdown(_("The model goes on with “{answer}”.", answer=said))
    elif found.is_right:
        st.markdown(_("The model answers “{answer}”. That is right.", answer=said))
    else:
        st.markdown(
            _(
                "The model answers “{answer}”. The correct answer is “{right}”.",
                answer=said,
                right=escape_markdown(visible(found.right_answer)),
            )
        )


def _maps(looked: Looked, plan: SharingPlan, answer: Inspection, found: RunLayers, pair: tuple[int, int]) -> None:
    """The attention of both layers, and how alike it is."""
    st.markdown(_("**1. Where do they look?**"))
    alike = found.similarities[1]
    st.markdown(
        _(
            "Similarity of layers {one} and {other}: **{mean}** on average over the heads; {low} in the least similar "
            "head, {high} in the most similar one. 1 means that both look at the same places with the same shares, 0 "
            "that they have no place in common.",
            one=pair[0],
            other=pair[1],
            mean=f"{alike.mean():.2f}",
            low=f"{alike.min():.2f}",
            high=f"{alike.max():.2f}",
        )
    )
    key = f"learn.inputs.maps.{looked.id}"
    head = asked_head(found.similarities, None, key=key)
    queries, keys = answer.labels(STACK)
    group = answer.groups[STACK][pair[0]]
    view = LayersView(
        kind=STACK,
        name=f"{looked.id} {pair} {answer.text}",
        letter=slot_letter(group),
        colour=slot_colour(group),
        layers=pair,
        weights=found.weights,
        heads=found.heads,
        similarities=found.similarities,
        queries=queries,
        keys=keys,
        causal=True,
        about=compared_sentence(AttentionSharing(plan, STACK), pair),
    )
    layers_view(view, head, key=key, led=True)  # so that it writes nothing into the address of this page
    with st.expander(_("How is similarity measured?")):
        st.markdown(similarity_sentence())


def _moves(found: RunMoves, pair: tuple[int, int]) -> None:
    """What each layer adds to the state of a token."""
    st.markdown(_("**2. How far do they move the hidden state?**"))
    moved = found.movement
    told = {
        "one": pair[0],
        "other": pair[1],
        "length": f"{moved.distance[pair[0]]:.2f}",
        "angle": f"{moved.degrees[pair[0]]:.1f}",
        "length_other": f"{moved.distance[pair[1]]:.2f}",
        "angle_other": f"{moved.degrees[pair[1]]:.1f}",
    }
    st.markdown(
        _(
            "Layer {one} adds an update of length {length} and turns the state by {angle}°. Layer {other}, with the "
            "same weights, adds one of length {length_other} and turns it by {angle_other}°.",
            **told,
        )
    )
    onwards = (None, *found.turns)
    rows = [
        Row(
            _("Layer {layer}", layer=layer),
            slot_colour(found.ran.groups[layer]),
            [
                f"{moved.distance[layer]:.2f}",
                f"{moved.size[layer]:.2f}",
                f"{moved.degrees[layer]:.1f}°",
                NOTHING if onwards[layer] is None else f"{onwards[layer]:.2f}",
            ],
            chosen=layer in pair,
        )
        for layer in range(len(moved.distance))
    ]
    columns = [
        (_("Layer"), ""),
        (_("Length of the update"), _("Euclidean distance from the layer's input to its output")),
        (_("Length of the state"), _("Euclidean norm of the layer's output")),
        (_("Angle"), _("Between the layer's input and its output")),
        (_("Cosine"), _("Between this update and that of the layer before: 1 goes on, -1 goes back")),
    ]
    figure_table(_("What each layer does to the state, as means over the tokens"), columns, rows)


def _tensor(plan: SharingPlan, look: InspectRun, pair: tuple[int, int]) -> None:
    """That a weight is one tensor, and where it is used."""
    st.markdown(_("**3. Is it really one tensor?**"))
    asked = ProveTie(look.folder, look.stamp, look, f"{STACK}.{pair[0]}.{_component(plan)}")
    (found,) = with_patience([asked], _("Taking the gradients ..."))
    slot = next(one for one in plan.map.slots if str(one) == found.slot)
    st.markdown(tie_sentences(found, slot_letter(slot_numbers(plan.map)[0][slot]))[0])
    st.markdown(_("Its uses: {uses}.", uses="; ".join(use_titles(found.uses))))


def _ways(looked: Looked, text: str, pair: tuple[int, int]) -> None:
    """To the pages that look further with the same run and input, where the run is in the list of runs."""
    if not store().some_runs([looked.id]):
        st.caption(_("To look further, open Start and import the ready comparisons: this run is not among your runs."))
        return
    query = {state.RUN: looked.id, state.TEXT: text}
    with st.container(horizontal=True):
        navigation.link("attention", _("All layers and heads"), query={**query, state.VIEW: "grid"})
        navigation.link("attention", _("Prediction after each layer"), query={**query, state.VIEW: "lens"})
        without = {state.VIEW: "grid", state.WITHOUT: f"{STACK}.{pair[1]}"}
        label = _("What if layer {layer} is left out?", layer=pair[1])
        navigation.link("attention", label, query={**query, **without})
