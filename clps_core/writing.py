"""What a trained run writes: translations and continuations, greedy or drawn at random. Start at write.

torch is imported when the run is opened only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clps_core.errors import ConfigError, DataError
from clps_core.opened import OpenRun, Which, check_length, open_run
from clps_core.tasks import TaskFacts
from clps_core.words import _

if TYPE_CHECKING:
    from clps_core.model.generate import Sampling

__all__ = ["MOST_TEXTS", "USUAL_TOKENS", "Written", "check_request", "write"]

MOST_TEXTS = 1_000
USUAL_TOKENS = 64
"""Tokens that continue a prompt where no other number is asked for."""


@dataclass(frozen=True)
class Written:
    """``text`` in, ``answer`` out: ``tokens`` of it were written (the end not counted).

    ``ended``: the model itself ended it; else the wanted number of tokens, or the model's last position, was
    reached. ``right_answer``: what it should be, where the task knows that. ``unknown``: characters of
    ``text`` without a token.
    """

    text: str
    options: Mapping[str, str]
    answer: str
    tokens: int
    ended: bool
    right_answer: str | None
    unknown: tuple[str, ...]


def write(
    folder: Path,
    texts: Sequence[str],
    *,
    options: Mapping[str, str] | None = None,
    sampling: Sampling | None = None,
    loops: int | None = None,
    max_tokens: int | None = None,
    which: Which = "best",
) -> tuple[Written, ...]:
    """What the run in ``folder`` makes of each of ``texts``, on the CPU with one thread; all are read first.

    ``sampling``: greedy by default; ``loops``: how often the core runs, as in training by default.
    Raises ``CheckpointError`` where there are no weights yet, ``DataError`` for a text that the task cannot
    read or a model that cannot write, ``ConfigError`` for an unknown option or loops that cannot be.
    """
    check_length(*texts)
    if not 1 <= len(texts) <= MOST_TEXTS:
        raise DataError(_("from 1 to {most} texts can be given. Got {got}.", most=MOST_TEXTS, got=len(texts)))
    if max_tokens is not None and max_tokens < 1:
        raise ConfigError(_("max_tokens must be 1 or more. Got {got}.", got=max_tokens))
    with open_run(folder, which) as run:
        given = check_request(run.data.facts, options or {})
        inputs = [run.data.encode_source(text, options=given) for text in texts]
        return tuple(
            _written(run, text, one, given, sampling, loops, max_tokens)
            for text, one in zip(texts, inputs, strict=True)
        )


def check_request(task: TaskFacts, options: Mapping[str, str]) -> dict[str, str]:
    """``options`` where models of ``task`` can write and it has all of them; needs no torch.

    Raises ``DataError`` for a task that does not write and ``ConfigError`` for an unknown option; what an
    option may be, the task says when it reads the text.
    """
    if not task.writes:
        raise DataError(_("the run must be of a task that writes text. {task} does not.", task=task.name))
    unknown = next((name for name in options if name not in task.options), None)
    if unknown is not None:
        known = ", ".join(task.options)
        raise ConfigError(
            _("an option of {task} must be one of {known}. Got {got!r}.", task=task.name, known=known, got=unknown)
            if known
            else _("{task} has no options. Got {got!r}. Leave it out.", task=task.name, got=unknown)
        )
    return dict(options)


def _written(
    run: OpenRun,
    text: str,
    inputs: object,
    options: Mapping[str, str],
    sampling: Sampling | None,
    loops: int | None,
    max_tokens: int | None,
) -> Written:
    import torch

    from clps_core.model.generate import GREEDY, generate

    data = run.data
    usual = data.facts.max_target_len or USUAL_TOKENS
    tokens = generate(
        run.model,
        torch.as_tensor(inputs),
        None,
        data.bos_id,
        data.eos_id,
        max_tokens or usual,
        sampling=sampling or GREEDY,
        loops=loops,
    )[0].tolist()
    ended = data.eos_id in tokens
    return Written(
        text,
        options,
        data.decode(tokens),
        tokens.index(data.eos_id) if ended else len(tokens),
        ended,
        data.right_answer(text, options=options),
        data.unknown(text),
    )
