"""What a trained run answers to a text: a translation, a continuation, a class. Start at predict.

torch is imported when a run is opened only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from clps_core.data.alignment import Aligned
from clps_core.data.base import Array
from clps_core.data.detection import Found, right_objects
from clps_core.data.log_mel import spectrogram_of
from clps_core.data.spans import Marked, same_answer
from clps_core.errors import ConfigError, DataError
from clps_core.opened import Opener, OpenRun, Which, check_length, open_run
from clps_core.tasks import TASKS, TaskFacts
from clps_core.words import _
from clps_core.work.answers import Guess, Piece, piece

if TYPE_CHECKING:
    from clps_core.data.base import Example
    from clps_core.data.masked_text import MaskedText
    from clps_core.model.generate import Generated, Sampling
    from clps_core.work.answers import Answer

__all__ = ["MOST_TEXTS", "USUAL_TOKENS", "Piece", "Prediction", "check_request", "held_out_examples", "predict"]

MOST_TEXTS = 1_000
USUAL_TOKENS = 64
"""Tokens that continue a prompt where no other number is asked for."""


class SoundData(Protocol):
    """What task data offer beside ``TaskData`` where an input is a sound."""

    def sound(self, text: str) -> Array:
        """float32 [n]: the samples of a typed input."""


@dataclass(frozen=True)
class Prediction:
    """``text`` in, ``answer`` out, with the weights of training step ``step``.

    ``pieces``: the tokens of an answer that was written token by token, its end among them, or of one that is given at
    several positions (empty for a class); when it went on from earlier tokens, ``answer`` has their text, too, and
    ``pieces`` the new ones only. ``ended``: the model ended the answer itself. ``room``: how many tokens more its
    positions allow. ``kept``: of a text whose masks were filled, what stands before, between and after its ``pieces``.
    ``guesses``: the most probable answers of a model that does not write. ``right_answer``: where the
    task knows one. ``unknown``: typed characters without a token. ``image``: [H, W] or [H, W, 3] in 0..1 where the
    input is one.
    ``context``, ``marked``: where the answer is marked in a text, that text and the best spans of it, best first.
    ``spectrogram``, ``aligned``: as in ``work.answers.Answer``. ``sound``: float32 [n], the samples of a sound that was
    read, at ``data.log_mel.RATE``.
    ``found``: things that a model of learned queries found in the picture, the most probable first; ``wanted``: what is
    there, where the task knows it.
    """

    text: str
    options: Mapping[str, str]
    answer: str
    step: int
    pieces: tuple[Piece, ...] = ()
    ended: bool = True
    room: int = 0
    kept: tuple[str, ...] = ()
    guesses: tuple[Guess, ...] = ()
    right_answer: str | None = None
    unknown: tuple[str, ...] = ()
    image: Array | None = field(default=None, compare=False)
    context: str = ""
    marked: tuple[Marked, ...] = ()
    spectrogram: Array | None = field(default=None, compare=False)
    sound: Array | None = field(default=None, compare=False)
    aligned: tuple[Aligned, ...] = ()
    found: tuple[Found, ...] = ()
    wanted: tuple[Found, ...] = ()

    @property
    def is_right(self) -> bool | None:
        """Whether it is the right answer; ``None`` where nobody knows that. Of a marked one, as SQuAD compares."""
        if self.right_answer is None:
            return None
        return same_answer(self.answer, self.right_answer) if self.context else self.answer == self.right_answer


def predict(
    folder: Path,
    texts: Sequence[str],
    *,
    options: Mapping[str, str] | None = None,
    sampling: Sampling | None = None,
    loops: int | None = None,
    max_tokens: int | None = None,
    so_far: Sequence[int] = (),
    which: Which = "best",
    opener: Opener = open_run,
) -> tuple[Prediction, ...]:
    """What the run in ``folder`` answers to each of ``texts``, on the CPU with one thread; all are read first.

    ``options``: the task's, such as the language to translate into. ``loops``: how often the core runs, as in training
    by default. Of a model that writes, also: ``sampling`` (greedy by default), ``max_tokens`` to write now (by default
    the task's longest answer, or ``USUAL_TOKENS``), and the tokens ``so_far``, after which it goes on: pieces joined so
    are what would have been written at once. Raises ``CheckpointError`` where there are no weights yet,
    ``DataError`` for a text that the task cannot read, ``ConfigError`` for an unknown option or loops that cannot be.
    """
    check_length(*texts, *(options or {}).values())
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise DataError(_("between 1 and {most} texts must be given. Got {got}.", most=MOST_TEXTS, got=len(texts)))
    if max_tokens is not None and max_tokens < 1:
        raise ConfigError(_("max_tokens must be 1 or more. Got {got}.", got=max_tokens))
    with opener(folder, which) as run:
        given = check_request(run.data.facts, options or {})
        inputs = [run.data.encode_source(text, options=given) for text in texts]
        if run.data.facts.writes:
            return tuple(
                _written(run, text, one, given, sampling, loops, max_tokens, so_far)
                for text, one in zip(texts, inputs, strict=True)
            )
        return tuple(_answered(run, text, one, given, loops) for text, one in zip(texts, inputs, strict=True))


def held_out_examples(
    folder: Path, count: int, *, which: Which = "best", opener: Opener = open_run
) -> tuple[Example, ...]:
    """Up to ``count`` examples the run in ``folder`` was not trained on, always the same. Raises as ``predict``."""
    with opener(folder, which) as run:
        return tuple(run.data.examples(count))


def check_request(task: TaskFacts, options: Mapping[str, str]) -> dict[str, str]:
    """``options``, where ``task`` has all of them; needs no torch.

    Raises ``ConfigError`` for an unknown option; what an option may be, the task says when it reads the text.
    """
    unknown = next((name for name in options if name not in task.options), None)
    if unknown is not None:
        known = ", ".join(task.options)
        raise ConfigError(
            _("an option of {task} must be one of {known}. Got {got!r}.", task=task.name, known=known, got=unknown)
            if known
            else _("{task} must have no options. Got {got!r}. Leave it out.", task=task.name, got=unknown)
        )
    return dict(options)


def _written(
    run: OpenRun,
    text: str,
    inputs: Array,
    options: Mapping[str, str],
    sampling: Sampling | None,
    loops: int | None,
    max_tokens: int | None,
    so_far: Sequence[int],
) -> Prediction:
    import torch

    from clps_core.model.generate import GREEDY, write_on

    data = run.data
    _check_tokens(so_far, data.facts.vocab_size or 0, data.eos_id)
    found = write_on(
        run.model,
        torch.from_numpy(inputs),
        None,
        data.bos_id,
        data.eos_id,
        max_tokens or max(1, (data.facts.max_target_len or USUAL_TOKENS) - len(so_far)),
        so_far=torch.tensor([list(so_far)], dtype=torch.int64) if so_far else None,
        sampling=sampling or GREEDY,
        loops=loops,
    )
    pieces = _pieces(run, found)
    tokens = [*so_far, *(piece.token for piece in pieces)]
    before = 1 if run.model.config.family == "encoder_decoder" else inputs.shape[1]
    return Prediction(
        text,
        options,
        data.decode(tokens),
        run.step,
        pieces=pieces,
        ended=data.eos_id in tokens,
        room=max(0, run.model.longest_answer - before - len(tokens) + 1),
        right_answer=data.right_answer(text, options=options),
        unknown=data.unknown(text),
        spectrogram=spectrogram_of(inputs) if data.facts.input_kind == "sound" else None,
        sound=_heard(run, text),
    )


def _heard(run: OpenRun, text: str) -> Array | None:
    return cast("SoundData", run.data).sound(text) if run.data.facts.input_kind == "sound" else None


def _check_tokens(tokens: Sequence[int], vocab_size: int, eos: int) -> None:
    if any(not 0 <= token < vocab_size or token == eos for token in tokens):
        raise DataError(
            _(
                "the tokens to continue from must be valid, from 0 to {last}, and not include the end token. They "
                "are not. Start again.",
                last=vocab_size - 1,
            )
        )


def _pieces(run: OpenRun, found: Generated) -> tuple[Piece, ...]:
    labels = run.data.token_labels
    return tuple(
        piece(logits[0].float().numpy(), token, lambda one: labels([one])[0])
        for token, logits in zip(found.tokens[0].tolist(), found.logits, strict=True)
    )


def _answered(run: OpenRun, text: str, inputs: Array, options: Mapping[str, str], loops: int | None) -> Prediction:
    """What the task itself answers, where the model does not write."""
    said: Answer = TASKS.work(run.config.data.task).answer(run, inputs, "", options, loops)
    return Prediction(
        text,
        options,
        said.prediction,
        run.step,
        pieces=said.pieces,
        kept=cast("MaskedText", run.data).kept_text(text) if run.data.facts.masked else (),
        guesses=said.guesses,
        right_answer=run.data.right_answer(text, options=options),
        unknown=run.data.unknown(text),
        image=_shown(said.image),
        context=said.context,
        marked=said.marked,
        spectrogram=said.spectrogram,
        sound=_heard(run, text),
        aligned=said.aligned,
        found=said.found,
        wanted=right_objects(run.data, text) if said.target == "queries" else (),
    )


def _shown(image: Any) -> Array | None:
    return None if image is None else np.asarray(image)
