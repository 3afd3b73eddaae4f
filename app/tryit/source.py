"""What is asked of the model process: held-out examples, and answers piece by piece. Start at Growing and grow.

A long answer is asked for a few tokens at a time. So it can be read while it is made, and thirty browsers take turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from app.attention.source import Question, weights_of
from app.depth.source import deep
from app.services import models, store
from app.tryit.choosing import Settings
from clps_core.errors import ClpsError
from clps_core.predicting import Prediction
from clps_core.serving import HeldOutExamples, Predict
from clps_core.serving.questions import TypedExample
from clps_core.store import Run

__all__ = ["EXAMPLES", "Growing", "grow", "held_out"]

EXAMPLES = 50
TOKENS_AT_ONCE = 8
MOST_BEGINNINGS = 4
"""How often an answer is started again because its run has new weights; then it names the steps instead."""


@dataclass
class Growing:
    """The answer of ``run``, as far as it is known. ``problem``: a sentence, where there can be none."""

    run: Run
    question: Question
    settings: Settings
    parts: list[Prediction] = field(default_factory=list)
    problem: str = ""
    begun: int = 1

    @property
    def tokens(self) -> tuple[int, ...]:
        """The tokens that are written."""
        return tuple(piece.token for part in self.parts for piece in part.pieces)

    @property
    def done(self) -> bool:
        """Whether nothing more comes."""
        if self.problem:
            return True
        if not self.parts:
            return False
        last = self.parts[-1]
        return not self.run.facts.writes or last.ended or not last.room or len(self.tokens) >= self.settings.tokens

    @property
    def answer(self) -> Prediction | None:
        """All parts as one; ``None`` before the first."""
        if not self.parts:
            return None
        return replace(self.parts[-1], pieces=tuple(piece for part in self.parts for piece in part.pieces))

    @property
    def steps(self) -> tuple[int, int]:
        """The training steps of the oldest and the newest weights that wrote it."""
        steps = [part.step for part in self.parts]
        return min(steps), max(steps)

    def add(self, part: Prediction) -> None:
        """Take in ``part``. If a run in training has new weights since the first part, the answer starts again."""
        if self.parts and part.step != self.parts[0].step and self.begun < MOST_BEGINNINGS:
            self.parts, self.begun = [], self.begun + 1
            return
        self.parts.append(part)

    def next(self) -> Predict:
        """What is to be asked next."""
        which, stamp = weights_of(self.run) or ("best", (0, 0))
        writes = self.run.facts.writes
        settings = self.settings
        return Predict(
            store().run_folder(self.run.id),
            stamp,
            self.question.text,
            tuple(sorted(self.question.options.items())),
            which,
            settings.loops if deep(self.run) is not None else None,
            min(TOKENS_AT_ONCE, settings.tokens - len(self.tokens)) if writes else None,
            self.tokens,
            settings.temperature,
            settings.top_k,
            settings.top_p,
            settings.seed,
        )


def grow(answers: Sequence[Growing]) -> Iterator[bool]:
    """Let ``answers`` grow by turns until all are done. Yields before each wait for the model process, then at the end.

    True: what is known so far is all. What the service has kept comes at once.
    """
    service = models()
    while waiting := [one for one in answers if not one.done]:
        for one in waiting:
            while not one.done and (kept := service.kept_answer(one.next())) is not None:
                one.add(kept)
        for one in waiting:
            if one.done:
                continue
            yield False
            try:
                one.add(service.ask(one.next()))
            except ClpsError as error:
                one.problem = str(error)
    yield True


def held_out(run: Run) -> tuple[TypedExample, ...]:
    """Examples that ``run`` was not trained on; none where its data cannot be opened, as its answer then says."""
    which, stamp = weights_of(run) or ("best", (0, 0))
    try:
        return models().ask(HeldOutExamples(store().run_folder(run.id), stamp, EXAMPLES, which)).examples
    except ClpsError:
        return ()
