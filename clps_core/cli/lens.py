"""``clps lens``: what runs would answer after each of their layers. Start at show."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import Any

from clps_core.api_lens import lens
from clps_core.cli.output import print_json, print_table, say
from clps_core.errors import ClpsError, ConfigError
from clps_core.exports import as_file
from clps_core.lens import LensRow, RunLens
from clps_core.numbers import NOTHING, percent
from clps_core.predicting import check_request, held_out_examples
from clps_core.store import Run, open_store
from clps_core.words import _, sentences, shown

__all__ = ["FORMATS", "Input", "LensOptions", "show"]

FORMATS = ("table", "csv", "json")
MOST_RUNS = 2
LAST = "last"
FLIP = "*"
LONGEST_TOKEN = 40
"""Of a token or an answer in the table; the other formats have it whole."""


@dataclass(frozen=True)
class Input:
    """What is typed: ``text``, or the held-out example with the number ``example``, from 1 on; else the task's own."""

    text: str | None
    example: int | None
    options: Mapping[str, str]
    target: str


@dataclass(frozen=True)
class LensOptions:
    """How a run is looked into, as ``api_lens.lens`` has it."""

    loops: int | None = None
    without: Sequence[str] = ()
    change: Sequence[str] = ()
    patch_text: str = ""
    patch_run: str | None = None


@dataclass(frozen=True)
class _Read:
    """One run, and what was read of it at ``position``."""

    run: Run
    found: RunLens
    position: int

    @property
    def rows(self) -> tuple[LensRow, ...]:
        return self.found.at(self.position)

    @property
    def reads(self) -> str:
        return self.found.positions[self.position]

    @property
    def wanted(self) -> str | None:
        """The token whose rank is told; ``None`` where none is wanted."""
        return self.found.wanted[self.position] if self.rows[-1].rank else None


def show(run_ids: Sequence[str], asked: Input, options: LensOptions, position: str | None, form: str) -> None:
    """Print the prediction of one run or two after every executed layer, at one position."""
    if form not in FORMATS:
        raise ConfigError(_("the format must be one of {known}. Got {got}.", known=", ".join(FORMATS), got=shown(form)))
    place = _place(position)
    runs = _runs(run_ids)
    text, values, target = _typed(runs[0], asked)
    read = []
    for run in runs:
        try:
            found = lens(run.id, text, options=values, target_text=target, **asdict(options))
            chosen = found.begins if place is None else len(found.positions) - 1 if place == -1 else place
            found.at(chosen)
        except ClpsError as error:
            if len(runs) == 1:
                raise
            raise type(error)(_("{run}: {problem}", run=run.id, problem=error)) from error
        read.append(_Read(run, found, chosen))
    if form == "json":
        records = [_record(one, text, values, target, options) for one in read]
        print_json(records[0] if len(records) == 1 else records)
    elif form == "csv":
        sys.stdout.write(as_file([row for one in read for row in _csv_rows(one)], "csv").decode())
    else:
        for one in read:
            _table(one)
        say(
            _("The output layer was trained to read the last state only. So an early reading shows what can be read "
              "from the state there, not what the model uses.")
        )  # fmt: skip


def _place(position: str | None) -> int | None:
    """The place that is asked for; -1 for the last one, ``None`` for the usual one."""
    if position is None:
        return None
    if re.fullmatch(r"\s*[0-9]{1,6}\s*", position):
        return int(position)
    if position.strip() == LAST:
        return -1
    raise ConfigError(_("the position must be a number from 0 on, or last. Got {got}.", got=shown(position)))


def _runs(run_ids: Sequence[str]) -> list[Run]:
    """One run, or two of one task."""
    with closing(open_store()) as store:
        runs = list({run.id: run for run in map(store.run, run_ids[: MOST_RUNS + 1])}.values())
    if len(run_ids) > MOST_RUNS:
        raise ConfigError(_("at most {most} runs can be read together. Got {got}.", most=MOST_RUNS, got=len(run_ids)))
    if len({run.task for run in runs}) > 1:
        raise ConfigError(
            _("runs that are read together must be of one task. These are of {tasks}. Read one after the other.",
              tasks=", ".join(dict.fromkeys(run.task for run in runs)))
        )  # fmt: skip
    return runs


def _typed(run: Run, asked: Input) -> tuple[str, dict[str, str], str]:
    """Text, options and target; says so where nobody chose them."""
    options = check_request(run.facts, asked.options)
    if asked.text is not None and asked.example is not None:
        raise ConfigError(_("a run must be given a text or the number of an example. Got both. Leave one out."))
    if asked.example is not None:
        with closing(open_store()) as store:
            known = held_out_examples(store.run_folder(run.id), asked.example)
        if len(known) < asked.example:
            raise ConfigError(
                _("the example must be from 1 to {last}. Got {got}.", last=len(known), got=asked.example)
                if known
                else _("{task} has no held-out examples. Give a --text.", task=run.task)
            )
        one = known[-1]
        right = (one.target_text or "") if run.facts.typed_target else ""
        return one.text, {**one.options, **options}, asked.target or right
    if asked.text is not None:
        missing = next((name for name in run.facts.example_options if name not in options), None)
        if missing is not None:
            raise ConfigError(
                _("an input of {task} must have a {name}. Got none. Add --{name}.", task=run.task, name=missing)
            )
        return asked.text, options, asked.target
    if not run.facts.example_inputs:
        raise ConfigError(_("a run of {task} must be given a text. Got none. Add --text.", task=run.task))
    say(_("No --text was given: this is the task's first example."))
    return run.facts.example_inputs[0], {**run.facts.example_options, **options}, asked.target


# Formats


def _record(one: _Read, text: str, values: Mapping[str, str], target: str, options: LensOptions) -> dict[str, Any]:
    return {
        "id": one.run.id,
        "name": one.run.name,
        "strategy": one.run.strategy,
        "task": one.run.task,
        "step": one.found.step,
        "text": text,
        "options": dict(values),
        "target": target,
        **asdict(options),
        "prediction": one.found.prediction,
        "stack": one.found.stack,
        "position": one.position,
        "positions": len(one.found.positions),
        "reads": one.reads,
        "wanted": one.wanted,
        "wanted_is": one.found.wanted_is if one.wanted is not None else None,
        "rows": [asdict(row) for row in one.rows],
    }


def _csv_rows(one: _Read) -> list[dict[str, Any]]:
    """One row per depth, with the most probable tokens in order; the columns of the file on Attention, and more."""
    return [
        {
            "run": one.run.id,
            "step": one.found.step,
            "depth": row.depth,
            "layer": row.layer,
            "loop": row.loop,
            "slot": row.slot,
            "position": one.position,
            "reads": one.reads,
            "wanted": one.wanted,
            "wanted_is": one.found.wanted_is if one.wanted is not None else None,
            "wanted_rank": row.rank,
            "wanted_probability": row.wanted_probability,
            "entropy_bits": row.entropy,
            "flips": int(row.flips),
            **{
                f"{what}_{place}": value
                for place, pair in enumerate(zip(row.tokens, row.probabilities, strict=True), 1)
                for what, value in zip(("token", "probability"), pair, strict=True)
            },
        }
        for row in one.rows
    ]


def _table(one: _Read) -> None:
    found = one.found
    looped = any(row.loop for row in one.rows)
    heads = [_("depth"), _("layer"), *([_("loop")] if looped else []), _("slot"), _("token"), _("flips")]
    heads += [_("probability"), _("right") if found.wanted_is == "right" else _("own answer"), _("rank")]
    rows = []
    for row in one.rows:
        stands = [row.depth, NOTHING if row.layer is None else row.layer, *([row.loop or NOTHING] if looped else [])]
        wanted = [_percent(row.wanted_probability), row.rank or NOTHING]
        rows.append(
            [*stands, row.slot or NOTHING, _short(row.tokens[0]), FLIP if row.flips else "",
             _percent(row.probabilities[0]), *wanted, f"{row.entropy:.2f}"]
        )  # fmt: skip
    answers = _("{run}: answers {answer}", run=f"{one.run.name} ({one.run.id})", answer=_short(found.prediction))
    print_table([*heads, _("entropy (bits)")], rows, title=answers, left=heads.index(_("flips")) + 1)
    say(_where(one))


def _where(one: _Read) -> str:
    """At which position, under which token, and which token's probability and rank are told."""
    last = len(one.found.positions) - 1
    said = [_("Weights of step {step}.", step=one.found.step)]
    if last:
        said.append(
            _("Position {position} (of 0 to {last}), where the model reads {token}.",
              position=one.position, last=last, token=_short(one.reads))
        )  # fmt: skip
    if one.wanted is None:
        said.append(_("The correct token is not known."))
    elif one.found.wanted_is == "right":
        said.append(_("The correct token is {token}.", token=_short(one.wanted)))
    else:
        said.append(_("The correct token is not known; the model's own answer is {token}.", token=_short(one.wanted)))
    if any(row.flips for row in one.rows):
        said.append(_("{mark} marks a token that differs from the row above.", mark=FLIP))
    return sentences(said)


def _percent(probability: float | None) -> str:
    return percent(probability, 1 if probability is None or probability >= 0.001 else 3)


def _short(token: str) -> str:
    text = token if token.strip() else repr(token)
    return text if len(text) <= LONGEST_TOKEN else text[: LONGEST_TOKEN - 1] + "…"
