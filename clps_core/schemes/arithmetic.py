"""The parameter arithmetic of a layer, step by step, beside a common slip. Start at arithmetic.

An introduction to cross-layer sharing that this project grew from counts ``2 L d^2 + 2 L d d_ff``
parameters, and prints values that this formula does not give. Both are set right here: a layer has four
attention matrices, not two. The right figures come from the shapes that models are built from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from clps_core.analysis.counts import Counts, count, unshared
from clps_core.config import ModelConfig, SharingConfig
from clps_core.shapes import block_shapes, stack_layers
from clps_core.words import _

__all__ = ["EXAMPLE", "Arithmetic", "Claim", "Step", "Term", "arithmetic"]

EXAMPLE = ModelConfig(
    family="encoder", num_layers=6, d_model=512, d_ff=2048, num_heads=8, activation="relu", vocab_size=32_000
)
"""The sizes of the example that is set right: L = 6, d = 512, d_ff = 2048."""

PRINTED = (25_080_832, 4_194_304)
"""What the introduction prints for the example, without and with sharing."""


@dataclass(frozen=True)
class Claim:
    """A count without and with sharing; ``right`` says whether it is what a model has, ``why`` why it is not."""

    text: str
    without_sharing: int
    with_sharing: int
    right: bool
    why: str = ""


@dataclass(frozen=True)
class Term:
    """One weight matrix of a layer."""

    stack: str
    component: str
    rows: int
    columns: int

    @property
    def weights(self) -> int:
        """Numbers in the matrix."""
        return self.rows * self.columns


@dataclass(frozen=True)
class Step:
    """One line of the sum: what is done, and what it gives."""

    text: str
    value: int


@dataclass(frozen=True)
class Arithmetic:
    """The sum for one model: ``claims`` in the order printed, formula, right; ``steps`` lead to the last.

    ``printed`` values exist for the example's sizes only. ``terms`` are the matrices of one layer of
    every stack; ``biases_and_norms`` and ``outside`` (embeddings, final norms, head) are what the sum
    leaves out, so that ``right + biases_and_norms + outside`` is all that the model stores.
    """

    model: ModelConfig
    terms: tuple[Term, ...]
    steps: tuple[Step, ...]
    claims: tuple[Claim, ...]
    biases_and_norms: tuple[int, int]
    outside: int

    @property
    def right(self) -> Claim:
        """The count that a model has."""
        return next(claim for claim in self.claims if claim.right)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON-ready data."""
        return {
            "sizes": {name: getattr(self.model, name) for name in ("family", "num_layers", "d_model", "d_ff")},
            "terms": [{**asdict(term), "weights": term.weights} for term in self.terms],
            "steps": [asdict(step) for step in self.steps],
            "claims": [asdict(claim) for claim in self.claims],
            "biases_and_norms": list(self.biases_and_norms),
            "outside": self.outside,
        }


def arithmetic(model: ModelConfig | None = None) -> Arithmetic:
    """The sum for ``model`` (by default the example), without sharing and with one layer's weights for all."""
    sized = model or EXAMPLE
    terms = _terms(sized)
    layers = stack_layers(sized)
    per_layer = {stack: sum(term.weights for term in terms if term.stack == stack) for stack in layers}
    without = sum(per_layer[stack] * number for stack, number in layers.items())
    shared = sum(per_layer.values())
    plain = unshared(sized)
    inside = [_inside(plain), _inside(count(sized, SharingConfig(strategy="all")))]
    return Arithmetic(
        model=sized,
        terms=terms,
        steps=_steps(sized, terms, per_layer),
        claims=(*_slips(sized), Claim(_right_form(sized), without, shared, True)),
        biases_and_norms=(inside[0] - without, inside[1] - shared),
        outside=plain.unique_parameters - inside[0],
    )


def _terms(model: ModelConfig) -> tuple[Term, ...]:
    return tuple(
        Term(stack, component, *shape)
        for stack in stack_layers(model)
        for component, shapes in block_shapes(model, stack).items()
        for name, shape in shapes
        if name == "weight" and len(shape) == 2
    )


def _inside(counts: Counts) -> int:
    """All parameters of the layers, biases and norms included."""
    return sum(layer.new for stack in counts.by_layer.values() for layer in stack)


def _slips(model: ModelConfig) -> tuple[Claim, ...]:
    """The formula, and for the example's sizes the printed values."""
    stacks, d, d_ff = stack_layers(model), model.d_model, model.d_ff
    layers, once = sum(stacks.values()), 2 * d * d + 2 * d * d_ff
    formula = Claim(_("2 L d^2 + 2 L d d_ff, computed"), layers * once, len(stacks) * once, False, _missing(model))
    if (list(stacks.values()), d, d_ff) != ([EXAMPLE.num_layers], EXAMPLE.d_model, EXAMPLE.d_ff):
        return (formula,)
    why = _("The printed count is not what the formula gives, which is {formula:,}.", formula=formula.without_sharing)
    return (Claim(_("2 L d^2 + 2 L d d_ff, as printed"), *PRINTED, False, why), formula)


def _missing(model: ModelConfig) -> str:
    """What the formula leaves out."""
    parts = [_("The formula counts two attention matrices per layer, but there are four: q, k, v and o.")]
    if model.family == "encoder_decoder":
        parts.append(_("A decoder layer has four more for cross-attention."))
    if model.activation == "swiglu":
        parts.append(_("A gated feed-forward network has three matrices, not two."))
    return " ".join(parts)


def _right_form(model: ModelConfig) -> str:
    """The formula that gives the weights of the layers, as text."""
    d_q, d_kv = model.num_heads * model.head_size, model.kv_heads * model.head_size
    ffn = 3 if model.activation == "swiglu" else 2

    def layer(attentions: int) -> str:
        if d_q == d_kv == model.d_model:
            attention = f"{4 * attentions} d^2"
        elif d_q == d_kv:
            attention = f"{4 * attentions} d d_q"
        else:
            attention = f"{2 * attentions} d d_q + {2 * attentions} d d_kv"
        return f"({attention} + {ffn} d d_ff)"

    form = {
        "encoder_decoder": f"L_enc {layer(1)} + L_dec {layer(2)}",
    }.get(model.family, f"L {layer(1)}")
    if d_q != model.d_model or d_kv != model.d_model:
        widths = {"d_q": d_q, "d_kv": d_kv}
        form += ", " + ", ".join(f"{name} = {width}" for name, width in widths.items() if name in form)
    return _("{form}: counted from the model's matrices", form=form)


def _steps(model: ModelConfig, terms: tuple[Term, ...], per_layer: dict[str, int]) -> tuple[Step, ...]:
    found = []
    for stack, layers in stack_layers(model).items():
        own = [term for term in terms if term.stack == stack]
        for prefix, title in (
            ("", _("attention")),
            ("cross_", _("cross-attention")),
            ("ffn", _("feed-forward network")),
        ):
            members = [term for term in own if _sublayer(term) == prefix]
            if members:
                text = " + ".join(f"{term.component} {term.rows} x {term.columns}" for term in members)
                found.append(Step(f"{stack}, {title}: {text}", sum(term.weights for term in members)))
        found.append(Step(_("{stack}: one layer", stack=stack), per_layer[stack]))
        text = _("{stack}: {layers} layers, nothing shared", stack=stack, layers=layers)
        found.append(Step(text, layers * per_layer[stack]))
        text = _("{stack}: {layers} layers, one set of weights for all", stack=stack, layers=layers)
        found.append(Step(text, per_layer[stack]))
    return tuple(found)


def _sublayer(term: Term) -> str:
    return next((prefix for prefix in ("cross_", "ffn") if term.component.startswith(prefix)), "")
