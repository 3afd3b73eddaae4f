"""One run's answer: its tokens with what else was probable, or the probabilities of classes. Start at answer_card."""

from __future__ import annotations

from app.drawing.field import image_name
from app.look.assets import asset, script
from app.look.component import component
from app.look.pixels import pixel_rows
from app.look.scene import FILES, scenes
from app.tryit.choosing import Settings
from clps_core.data.spans import Marked
from clps_core.predicting import Prediction
from clps_core.shown import visible
from clps_core.store import Run
from clps_core.tasks import TaskFacts
from clps_core.words import _, ngettext, sentences

__all__ = ["answer_card", "marked_parts", "verdict"]

_COMPONENT = component(
    "clps.tryit_answer",
    html=asset("tryit/answer.html"),
    css=asset("tryit/answer.css") + asset(FILES["css"]),
    js=script("look/pixels.js", FILES["js"], "tryit/answer.js"),
)


_PLACE = {"place": "{place}", "all": "{all}", "label": "{label}"}
"""The browser puts these in."""


def answer_card(answer: Prediction, run: Run, settings: Settings, steps: tuple[int, int], *, key: str) -> None:
    """The answer, whether it is right, and what it was made with: ``steps`` of the oldest and the newest weights."""
    _COMPONENT(
        key=key,
        data={
            "given": visible(answer.text, keep="\n\t") if run.facts.windows and not run.facts.masked else "",
            "said": visible(answer.answer, keep="\n\t") or _("(nothing)"),
            "kept": [visible(text, keep="\n\t") for text in answer.kept],
            "image": pixel_rows(answer.image),
            "image_name": "" if answer.image is None else image_name(answer.text),
            "verdict": verdict(answer, run.facts),
            "is_right": bool(answer.is_right),
            "pieces": [
                [visible(piece.label), round(piece.probability, 4), [_guess(one) for one in piece.likeliest]]
                for piece in answer.pieces
            ],
            "tokens_name": _("Tokens of the answer"),
            "place_name": _("Mask {place} of {all}: {label}", **_PLACE)
            if answer.kept
            else _("Token {place} of {all}: {label}", **_PLACE),
            "context": [[visible(text, keep="\n\t"), round(share, 4)] for text, share in marked_parts(answer)],
            "context_name": _("The context, with the answer marked"),
            "guesses": [_guess(one) for one in answer.found or answer.guesses] if not answer.pieces else [],
            "scenes": scenes(answer.found, answer.wanted) if run.facts.num_queries else [],
            "guesses_name": _("The most probable answers"),
            "facts": sentences(_facts(answer, run, settings, steps)),
        },
    )


def verdict(answer: Prediction, task: TaskFacts) -> str:
    """Whether the answer is right; of an answer at several places, how many of them are. Empty where nobody knows."""
    if answer.is_right is None or answer.right_answer is None:
        return ""
    if answer.is_right:
        return _("✓ correct")
    said, right = answer.answer.split(), answer.right_answer.split()
    if task.family == "decoder" and not task.writes and len(said) == len(right) == len(answer.pieces) > 1:
        hits = sum(one == other for one, other in zip(said, right, strict=True))
        return _("✗ {n} of {all} correct", n=hits, all=len(right))
    return _("✗ wrong")


def marked_parts(answer: Prediction) -> list[tuple[str, float]]:
    """The context in parts, each with the probability of the span that it is; 0 between spans.

    Of spans that overlap, the more probable one is marked.
    """
    chosen: list[Marked] = []
    for one in answer.marked:
        if one.end > one.begin and all(one.end <= other.begin or other.end <= one.begin for other in chosen):
            chosen.append(one)
    parts, at = [], 0
    for one in sorted(chosen, key=lambda span: span.begin):
        parts += [(answer.context[at : one.begin], 0.0), (answer.context[one.begin : one.end], one.probability)]
        at = one.end
    parts.append((answer.context[at:], 0.0))
    return [(text, share) for text, share in parts if text]


def _guess(one: object) -> list[object]:
    return [visible(getattr(one, "label", "")), round(float(getattr(one, "probability", 0.0)), 4)]


def _facts(answer: Prediction, run: Run, settings: Settings, steps: tuple[int, int]) -> list[str]:
    """What was used, and why the answer stops."""
    if steps[0] != steps[1]:
        found = [_(
            "The run got new weights meanwhile: its tokens come from the weights of steps {first} to {last}.",
                   first=steps[0], last=steps[1])]  # fmt: skip
    elif run.active:
        found = [_("Weights of the latest checkpoint: step {step} of {steps}, still training.",
                   step=answer.step, steps=run.steps)]  # fmt: skip
    else:
        found = [_("Weights of step {step}.", step=answer.step)]
    if answer.unknown:
        found.append(
            _(
                "The vocabulary has no token for {characters}: the model reads <unk>.",
                characters=" ".join(answer.unknown[:12]),
            )
        )
    if answer.pieces and not answer.ended:
        count = len(answer.pieces)
        found.append(
            ngettext("It was stopped after {n} token.", "It was stopped after {n} tokens.", count)
            if answer.room and count >= settings.tokens
            else _("It stops because it has reached the model's last position.")
        )
    return found
