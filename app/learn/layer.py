"""Chapter: one position of one's own input through one layer of a run that ships."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import streamlit as st

from app import navigation, state
from app.learn.chapter import Chapter, Choice, Source
from app.look.working import opening
from app.services import escape_markdown, show_problem, store
from clps_core.errors import ClpsError
from clps_core.samples.ready import Design, Ready, ready_named
from clps_core.samples.shipped import figures_of, sample_folder
from clps_core.samples.stories import design_name
from clps_core.serving import InspectRun, TraceLayer
from clps_core.shown import visible
from clps_core.tasks import get_task
from clps_core.tracing import LayerTrace
from clps_core.training.saved import weights_stamp
from clps_core.words import _

__all__ = ["CHAPTER"]

KIND = "learn.layer.kind"
LONGEST = 24
SEEN = 5
"""Positions that the first question speaks of."""


@dataclass(frozen=True)
class Followed:
    """One kind of input: the comparison that ships, a design of it that shares nothing, and one that shares all."""

    ready: Ready
    plain: Design
    shared: Design

    @classmethod
    def of(cls, key: str, plain: str, shared: str) -> Followed:
        ready = ready_named(key)
        by = {one.key: one for one in ready.designs}
        return cls(ready, by[plain], by[shared])

    def run_id(self, design: Design) -> str:
        """The run with the first seed."""
        return self.ready.run_id(design, self.ready.seeds[0])

    def name(self, design: Design) -> str:
        """``design`` in words."""
        return design_name(self.ready, next(one for one in figures_of(self.ready) if one.design == design))

    def question(self, design: Design, text: str, layer: int, head: int, position: int) -> TraceLayer:
        """What the model process is asked."""
        folder = sample_folder(self.run_id(design))
        stamp = weights_stamp(folder, "best") or (0, 0)
        look = InspectRun(folder, stamp, text, attention=False)
        return TraceLayer(folder, stamp, look, "decoder", layer, head, position)


def _followed() -> dict[str, Followed]:
    return {
        "numbers": Followed.of("hops", "3-none", "3-all"),
        "text": Followed.of("docstrings", "none", "all"),
    }


def _claim() -> str:
    return _(
        "A layer does two things to the state of a position. Attention adds a weighted mean of what positions offer: "
        "the weights of one row are never negative and sum to 1. The FFN adds what it computes from this position "
        "alone."
    )


def _asks() -> str:
    return _(
        "A decoder reads {n} tokens. Each position may look at itself and at earlier ones. How does the first position "
        "spread its attention, in any head of any layer?",
        n=SEEN,
    )


def _options() -> dict[str, str]:
    return {
        "even": _("Evenly: one fifth for each token"),
        "itself": _("All of it on itself"),
        "trained": _("That depends on how the model was trained"),
    }


def _why() -> str:
    return _(
        "The first position sees only itself, and the weights of a row sum to 1. So its one weight is 1, whatever the "
        "score is. Choose position 0 below to see it."
    )


def _act() -> None:
    kinds = _followed()
    titles = {"numbers": _("Eight numbers"), "text": _("A piece of text")}
    kind = st.segmented_control(
        _("What the model reads"), list(kinds), default="numbers", format_func=lambda one: titles.get(one, one),
        key=KIND, required=True, wrap=True,
    )  # fmt: skip
    kind = kind if kind in kinds else "numbers"
    followed = kinds[kind]
    st.caption(f"{escape_markdown(_about(kind))} {escape_markdown(_hunt(kind))}")
    example = get_task(str(followed.ready.base["data"]["task"])).example_inputs[0][:LONGEST]
    text = st.text_input(_("Your input"), example, max_chars=LONGEST, key=f"learn.layer.{kind}.text")
    try:
        _follow(followed, kind, text.strip() or example)
    except ClpsError as error:
        show_problem(str(error))
        st.caption(_("The rest of this chapter does not need the model. Change the input, or try again later."))


def _about(kind: str) -> str:
    if kind == "numbers":
        return _(
            "The numbers 0 to 7 in any order. The first one says where 0 leads, the next where 1 leads: 7 in third "
            "place means that 2 leads to 7, written f(2)=7. Then the model reads each number x as a question, x→?: "
            "where do two steps from it lead?"
        )
    return _("The model reads text byte by byte and predicts the next byte.")


def _hunt(kind: str) -> str:
    """What to look for."""
    if kind == "numbers":
        return _(
            "Try to find a head in which the question x→? looks at the place of f(x), and in a later layer at f(f(x))."
        )
    return _("Try to find a head that looks at the byte before.")


def _follow(followed: Followed, kind: str, text: str) -> None:
    """Ask the model process, let the reader choose where to look, and draw the steps."""
    with opening(_("Opening the model ..."), "app.attention.moves", "app.learn.layer_steps"):
        from app.attention.moves import with_patience
        from app.learn.layer_steps import draw_sharing, draw_steps

    keys = {name: f"learn.layer.{kind}.{name}" for name in ("layer", "head")}
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    at = f"learn.layer.{kind}.position.{digest}"  # another text has other positions
    layer, head, position = _kept(keys["layer"], 0), _kept(keys["head"], 0), _kept(at, -1)
    (found,) = with_patience(
        [followed.question(followed.plain, text, layer, head, position)], _("Asking the model ...")
    )
    _choose(found, keys["layer"], keys["head"], at)
    draw_steps(found, key=f"learn.layer.{kind}.key.{digest}.{found.position}.{layer}.{head}")
    _to_attention(followed.run_id(followed.plain), text, found)
    layers = next(one.num_layers for one in figures_of(followed.ready) if one.design == followed.shared)
    shared = with_patience(
        [followed.question(followed.shared, text, one, head, found.position) for one in range(layers)],
        _("Asking the model that shares ..."),
    )
    draw_sharing(shared, followed.name(followed.shared))


def _kept(key: str, usual: int) -> int:
    """What the reader has chosen under ``key``."""
    found = st.session_state.get(key, usual)
    return found if isinstance(found, int) else usual


def _choose(found: LayerTrace, layer: str, head: str, position: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            _("Layer"), range(len(found.ran.layers)), default=found.layer, key=layer, required=True
        )  # fmt: skip
        st.segmented_control(_("Head"), range(found.num_heads), default=found.head, key=head, required=True)
        st.selectbox(
            _("Position"),
            range(len(found.labels)),
            index=found.position,
            format_func=lambda one: f"{one}: {visible(found.labels[one])}" if one < len(found.labels) else str(one),
            key=position,
            width=200,
        )


def _to_attention(run_id: str, text: str, found: LayerTrace) -> None:
    if not store().some_runs([run_id], places=False):
        st.caption(_('To see all heads of this run on Attention, press "Import the ready comparisons" on Start.'))
        return
    query = {
        state.RUN: run_id,
        state.TEXT: text,
        state.LAYER: str(found.layer),
        state.HEAD: str(found.head),
        state.CELL: f"{found.position}-{int(found.weights.argmax())}",
    }
    navigation.link("attention", _("All layers and heads for this input"), query=query)


def _seen() -> str:
    return _(
        "Every number of the steps comes from the model while it answers your input. The state of a position is only "
        "added to: by attention, then by the FFN. Positions meet in attention alone. Where layers share their "
        "weights, the matrices are the same and the states are not, so a layer can do other work each time."
    )


def _open() -> str:
    return _(
        "A large weight says where a head looks. It does not say that the answer depends on it: leave the head out on "
        "Attention to see that. Other models put the norm elsewhere or use other activations; the steps stay the same."
    )


CHAPTER = Chapter(
    "layer",
    lambda: _("One layer, number by number"),
    10,
    lambda: _("What does one Transformer layer do? Follow one position of your own input through a trained model."),
    _claim,
    Choice(_asks, _options, lambda: "itself", _why),
    _act,
    _seen,
    _open,
    (
        Choice(
            lambda: _("The same number is added to all scores of one row. What happens to the weights?"),
            lambda: {
                "same": _("They stay the same"),
                "larger": _("All of them become larger"),
                "even": _("They become more even"),
            },
            lambda: "same",
            lambda: _(
                "Each e^score is multiplied by the same factor, and so is their sum. Only differences between scores "
                "count."
            ),
        ),
        Choice(
            lambda: _("Where does one position learn about the others?"),
            lambda: {
                "attention": _("In attention"),
                "ffn": _("In the FFN"),
                "norm": _("In the normalisation"),
            },
            lambda: "attention",
            lambda: _("Norm and FFN work on each position by itself, with the same weights for all positions."),
        ),
        Choice(
            lambda: _("Two layers share all weights. Does the second one attend as the first one does?"),
            lambda: {
                "yes": _("Yes: the same matrices give the same queries and keys"),
                "no": _("Not in general: its input is another one"),
            },
            lambda: "no",
            lambda: _("A query is a state times a matrix. The matrix is the same, the state has changed since."),
        ),
    ),
    (
        Source(
            "Vaswani et al. 2017, Attention Is All You Need",
            "https://arxiv.org/abs/1706.03762",
            lambda: _(
                "Attention is softmax(Q·K / √d) · V, in several heads; each part's output is added to its input."
            ),
        ),
        Source(
            "Xiong et al. 2020, On Layer Normalization in the Transformer Architecture",
            "https://arxiv.org/abs/2002.04745",
            lambda: _(
                "Explains why a norm before each part, as in these models, makes training easier than one after the "
                "addition."
            ),
        ),
    ),
    uses=("decoder", "token", "query", "key", "value", "softmax"),
)
