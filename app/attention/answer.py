"""The prediction that stands beside the attention. Start at attention_answer."""

from __future__ import annotations

import math

from app.drawing.field import image_name
from app.look.assets import asset, script
from app.look.component import component
from app.look.formatting import percent
from app.look.pixels import pixel_rows
from app.look.scene import FILES, scenes
from clps_core.data.kept_sounds import KEPT
from clps_core.data.masking import MASK
from clps_core.inspection import Inspection
from clps_core.shown import visible
from clps_core.words import _, sentences

__all__ = ["attention_answer"]

_COMPONENT = component(
    "clps.attention_answer",
    html=asset("attention/answer.html"),
    css=asset("attention/answer.css") + asset(FILES["css"]),
    js=script("look/pixels.js", FILES["js"], "attention/answer.js"),
)


def attention_answer(answer: Inspection, *, weights: str, key: str) -> None:
    """Input, prediction, its probabilities, and what was used; ``weights`` says which weights these are."""
    several = answer.source_labels.count(MASK) > 1
    of_first = _("The probabilities are those of the first mask.") if several and answer.guesses else ""
    facts = [weights, _target_sentence(answer), _unknown_sentence(answer), of_first, _time_sentence(answer)]
    _COMPONENT(
        key=key,
        data={
            "given_name": _given_name(answer),
            "given": _("Your sound") if answer.text.startswith(KEPT) else visible(answer.text, keep="\n\t"),
            "image": pixel_rows(answer.image),
            "image_name": "" if answer.image is None else image_name(answer.text),
            "said_name": _said_name(answer),
            "said": visible(answer.prediction, keep="\n\t") or _("(nothing)"),
            "correctness": _correctness(answer),
            "is_right": answer.is_right,
            "guesses_name": _("The most probable answers"),
            "guesses": [[visible(guess.label), guess.probability] for guess in answer.guesses],
            "scenes": scenes(answer.found, answer.wanted) if answer.target == "queries" else [],
            "facts": sentences(sentence for sentence in facts if sentence),
        },
    )


def _given_name(answer: Inspection) -> str:
    if answer.image is not None:
        return _("Input image")
    options = answer.option_titles
    chosen = [str(options[name].get(value, value)) for name, value in answer.options.items() if options.get(name)]
    return _("Input, to {options}", options=", ".join(chosen)) if chosen else _("Input")


def _said_name(answer: Inspection) -> str:
    if answer.target == "none":
        return _("Continuation") if answer.next_tokens else _("Prediction")
    return _("Prediction")


def _correctness(answer: Inspection) -> str:
    if answer.right_answer is None:
        return ""
    if answer.is_right:
        return _("✓ correct")
    return _("✗ correct: {answer}", answer=answer.right_answer)


def _target_sentence(answer: Inspection) -> str:
    if answer.target == "typed":
        return _("The decoder read the target you typed, not its own prediction.")
    if answer.target == "queries":
        return _("The decoder reads learned queries, all at once. Each finds one thing in the picture, or nothing.")
    if answer.target == "greedy":
        sure = math.prod(guess.probability for guess in answer.next_tokens)
        return _(
            "The decoder read its own greedy prediction, which it gives a probability of {sure}.",
            sure=percent(sure),
        )
    return ""


def _unknown_sentence(answer: Inspection) -> str:
    if not answer.unknown:
        return ""
    return _(
        "The vocabulary has no token for {characters}: the model reads <unk>.", characters=" ".join(answer.unknown[:12])
    )


def _time_sentence(answer: Inspection) -> str:
    """How long the pass took that the page shows; a kept answer says it of the time when it was made."""
    text = "{time:.0f}" if answer.seconds >= 0.01 else "{time:.1f}"
    return _(
        "The forward pass shown here took {time} ms on one CPU thread.", time=text.format(time=answer.seconds * 1e3)
    )
