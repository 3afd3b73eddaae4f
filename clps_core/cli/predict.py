"""``clps predict``: what trained runs answer to a text, or to all held-out examples. Start at show and write_split."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clps_core.cli.output import print_json, print_lines, print_table, say
from clps_core.data.detection import corners_of
from clps_core.data.kept_pictures import keep_picture
from clps_core.data.kept_sounds import keep_sound
from clps_core.data.log_mel import POSITION_SECONDS
from clps_core.data.spans import CONTEXT
from clps_core.data.wav import LARGEST_WAV
from clps_core.errors import ConfigError, DataError
from clps_core.files import open_given
from clps_core.home import default_home
from clps_core.pictures import LARGEST_FILE, grey_digits, ink_in_box, read_picture
from clps_core.policy import OPERATOR
from clps_core.predicting import Prediction, check_request, held_out_examples, predict
from clps_core.store import Run, open_store
from clps_core.tasks import TaskFacts
from clps_core.words import _, ngettext
from clps_core.work.answers import SHOWN_GUESSES

if TYPE_CHECKING:
    from clps_core.model.generate import Sampling
    from clps_core.predicting_split import AnsweredExample

__all__ = ["MOST_RUNS", "Asked", "parse_options", "show", "write_split"]

MOST_RUNS = 16
"""Runs whose answers are put next to each other."""


class Asked:
    """The texts, each with its options: those that were given, or held-out examples, or the task's own.

    ``sounds``: WAV files to write down, after the texts; ``pictures``: files to look at, after those.
    """

    def __init__(
        self,
        texts: Sequence[str],
        options: dict[str, str],
        examples: int | None,
        sounds: Sequence[Path] = (),
        pictures: Sequence[Path] = (),
    ) -> None:
        self.sounds, self.pictures = tuple(sounds), tuple(pictures)
        if (texts or sounds or pictures) and examples:
            raise ConfigError(_("--text and --examples must not be combined. Got both. Remove one of them."))
        self.texts, self.options, self.examples = tuple(texts), options, examples

    def of(self, run: Run, folder: Path) -> list[tuple[str, dict[str, str]]]:
        """What ``run`` is asked; says so where nobody chose it."""
        if self.examples:
            found = held_out_examples(folder, self.examples)
            return [(one.text, {**one.options, **self.options}) for one in found]
        if self.sounds and run.facts.input_kind != "sound":
            raise ConfigError(
                _("--sound is for tasks that read sounds. Got a run of {task}. Use --text.", task=run.task)
            )
        if self.pictures and not (run.facts.own_pictures or run.facts.drawing):
            raise ConfigError(
                _("--picture is for tasks that take pictures. Got a run of {task}. Use --text.", task=run.task)
            )
        if not self.texts and not self.sounds and not self.pictures:
            say(_("No --text was given. Using the task's examples."))
            first = run.facts.example_inputs[:1] if run.facts.example_options else run.facts.example_inputs
            return [(text, {**run.facts.example_options, **self.options}) for text in first]
        missing = next((name for name in run.facts.example_options if name not in self.options), None)
        if missing is not None:
            raise ConfigError(
                _("an input of {task} must have a {name}. Got none. Add --{name}.", task=run.task, name=missing)
            )
        sounds = [_kept(file) for file in self.sounds]
        pictures = [_pictured(file, run.facts) for file in self.pictures]
        return [(text, self.options) for text in (*self.texts, *sounds, *pictures)]


def _kept(file: Path) -> str:
    """The name under which the sound in ``file`` is kept now."""
    return keep_sound(default_home(), OPERATOR.owner, _content(file, "--sound", LARGEST_WAV)).name


def _pictured(file: Path, task: TaskFacts) -> str:
    """The name under which the picture in ``file`` is kept now; of a digit, what it becomes on MNIST's sheet."""
    content = _content(file, "--picture", LARGEST_FILE)
    if task.own_pictures:
        return keep_picture(default_home(), OPERATOR.owner, content).name
    assert task.drawing is not None
    return grey_digits(ink_in_box(read_picture(content).pixels, *task.drawing))


def _content(file: Path, option: str, limit: int) -> bytes:
    try:
        with open_given(file, limit=limit) as opened:
            return opened.read(limit)
    except OSError as error:
        raise DataError(
            _("{option} must name a file that can be read. Got {file}: {why}.",
              option=option, file=file, why=error.strerror or error)
        ) from error  # fmt: skip


def parse_options(texts: Sequence[str], context: str | None = None) -> dict[str, str]:
    """``["language=de"]`` -> ``{"language": "de"}``, with ``context``, which has an option of its own."""
    found: dict[str, str] = {} if context is None else {CONTEXT: context}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(
                _("an option must be written name=value, such as language=de. Got {got!r}.", got=text[:60])
            )
        if name.strip() in found:
            raise ConfigError(_("every option must be given once. Got {name} twice. Remove one.", name=name.strip()))
        found[name.strip()] = value.strip()
    return found


def show(
    run_ids: Sequence[str],
    asked: Asked,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    loops: int | None,
    max_tokens: int | None,
    as_json: bool,
) -> None:
    """Print what the runs answer; all is checked before torch is imported, so that mistakes are told at once."""
    if temperature == 0 and (top_k is not None or top_p is not None):
        raise ConfigError(
            _("top_k and top_p must be used with a temperature above 0. Got 0 (greedy). Add --temperature 1.")
        )
    runs = _runs(run_ids)
    for run, _folder in runs:
        check_request(run.facts, asked.options)
    if not runs[0][0].facts.writes and (temperature or max_tokens is not None):
        raise ConfigError(
            _("temperature and max_tokens are for tasks that write text. {task} does not. Leave them out.",
              task=runs[0][0].task)
        )  # fmt: skip
    questions = asked.of(*runs[0])
    from clps_core.model.generate import Sampling

    sampling = Sampling(temperature, top_k, top_p, seed)
    found = [_all(folder, questions, sampling, loops, max_tokens) for _run, folder in runs]
    if as_json:
        _print_json([run for run, _folder in runs], found, sampling, loops, max_tokens)
    elif len(runs) == 1:
        _print(runs[0][0], found[0])
    else:
        _print_beside([run for run, _folder in runs], found)


def write_split(
    run_ids: Sequence[str], split: str, limit: int | None, loops: int | None, out: Path | None, *, as_json: bool
) -> None:
    """One line of JSON for each held-out example and run, to ``out`` or stdout: input, prediction, reference."""
    from clps_core.predicting_split import predict_split

    runs = _runs(run_ids)
    if as_json:
        raise ConfigError(_("--split already writes one line of JSON for each example. Remove --json."))
    answered: dict[str, list[AnsweredExample]] = {run.id: [] for run, _folder in runs}

    def lines() -> Iterator[str]:
        for run, folder in runs:
            for one in predict_split(folder, split, limit, loops=loops):
                answered[run.id].append(one)
                yield json.dumps({"run": run.id, "split": split, **asdict(one)}, ensure_ascii=False)

    if out is None:
        for line in lines():
            print_lines(line)
    else:
        count = _write_whole(out, lines())
        say(ngettext("{n} line in {file}", "{n} lines in {file}", count, file=out))
    for run, _folder in runs:
        _say_scores(run, answered[run.id])


def _say_scores(run: Run, answered: Sequence[AnsweredExample]) -> None:
    """What only whole answers tell, such as the phone error rate of task ``sounds``, with its settings."""
    from clps_core.predicting_split import scores_of_written

    found = scores_of_written(run, answered)
    for name, value in found.values.items():
        metric = run.facts.metric_named(name)
        said = _("{run}: {metric} {value}", run=run.id, metric=metric.in_a_sentence, value=metric.shown(value))
        say(f"{said} ({found.signatures[name]})" if name in found.signatures else said)


def _write_whole(out: Path, lines: Iterable[str]) -> int:
    """Complete or not at all: a file of that name stays as it was until all is written."""
    partial, count = out.with_name(f".{out.name}.partial"), 0
    try:
        with partial.open("w", encoding="utf-8") as file:
            for count, line in enumerate(lines, 1):  # noqa: B007
                file.write(line + "\n")
        partial.replace(out)
    except OSError as error:
        raise DataError(
            _("--out must name a file that can be written. Got {file}: {why}.", file=out, why=error.strerror or error)
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return count


def _runs(run_ids: Sequence[str]) -> list[tuple[Run, Path]]:
    """The runs with their folders: of one task, each once."""
    if len(run_ids) > MOST_RUNS:
        raise ConfigError(
            _("at most {most} runs can answer together. Got {got}. Name fewer.", most=MOST_RUNS, got=len(run_ids))
        )
    with ExitStack() as stack:
        store = stack.enter_context(closing(open_store()))
        runs = list({run.id: run for run in map(store.run, run_ids)}.values())
        tasks = dict.fromkeys(run.task for run in runs)
        if len(tasks) > 1:
            raise ConfigError(
                _(
                    "runs that answer together must have the same task. Got runs of {tasks}. Ask the runs of one "
                    "task at a time.",
                  tasks=", ".join(tasks))
            )  # fmt: skip
        return [(run, store.run_folder(run.id)) for run in runs]


def _all(
    folder: Path,
    questions: Sequence[tuple[str, dict[str, str]]],
    sampling: Sampling,
    loops: int | None,
    max_tokens: int | None,
) -> list[Prediction]:
    """One opening of the run for each set of options."""
    found: dict[int, Prediction] = {}
    for options in {tuple(sorted(one.items())) for _text, one in questions}:
        places = [place for place, (_text, one) in enumerate(questions) if tuple(sorted(one.items())) == options]
        texts = [questions[place][0] for place in places]
        answers = predict(folder, texts, options=dict(options), sampling=sampling, loops=loops, max_tokens=max_tokens)
        found |= dict(zip(places, answers, strict=True))
    return [found[place] for place in sorted(found)]


def _print_json(
    runs: Sequence[Run],
    found: Sequence[Sequence[Prediction]],
    sampling: Sampling,
    loops: int | None,
    max_tokens: int | None,
) -> None:
    settings = {**asdict(sampling), "loops": loops, "max_tokens": max_tokens}
    records = [
        {"id": run.id, "name": run.name, **settings, "predictions": [_record(one) for one in answers]}
        for run, answers in zip(runs, found, strict=True)
    ]
    print_json(records[0] if len(records) == 1 else records)


def _record(one: Prediction) -> dict[str, Any]:
    record = asdict(one)
    for name in ("image", "spectrogram", "sound"):
        record.pop(name)
    for part in record["aligned"]:  # in seconds, which need no knowledge of positions
        part["begin"], part["end"] = (round(part[end] * POSITION_SECONDS, 3) for end in ("begin", "end"))
    return record


def _print(run: Run, answers: Sequence[Prediction]) -> None:
    for one in answers:
        if run.facts.windows and run.facts.writes:
            print_lines(one.text + one.answer, "")
        else:
            print_lines(f"{one.text} -> {one.answer}")
        for guess in one.guesses if not one.pieces else ():
            print_lines(f"    {guess.probability:7.2%}  {guess.label}")
        for thing in one.found:
            left, top, right, bottom = corners_of(np.array(thing.box)).tolist()
            print_lines(f"    {thing.probability:7.2%}  {thing.label}  {left:.2f} {top:.2f} {right:.2f} {bottom:.2f}")
        _print_fillings(one)
        for part in one.aligned:
            begin, end = (place * POSITION_SECONDS for place in (part.begin, part.end))
            print_lines(f"    {begin:5.2f} - {end:5.2f} s  {part.label}  {part.probability:7.2%}")
        if one.right_answer is not None:
            say(_("right") if one.is_right else _("correct answer: {answer}", answer=one.right_answer))
        if one.unknown:
            say(
                _(
                    "The vocabulary has no token for {characters}: the model reads <unk>.",
                    characters=" ".join(one.unknown[:12]),
                )
            )
        if not one.ended:
            say(_("Stopped after {tokens} tokens, before the end of the answer.", tokens=len(one.pieces)))


def _print_fillings(one: Prediction) -> None:
    """What was most probable at each mask of a text."""
    for number, piece in enumerate(one.pieces if one.kept else (), 1):
        if len(one.pieces) > 1:
            print_lines(_("    mask {number}:", number=number))
        for guess in piece.likeliest[:SHOWN_GUESSES]:
            print_lines(f"    {guess.probability:7.2%}  {guess.label}")


def _print_beside(runs: Sequence[Run], found: Sequence[Sequence[Prediction]]) -> None:
    rows = []
    for place, first in enumerate(found[0]):
        for run, answers in zip(runs, found, strict=True):
            one = answers[place]
            verdict = "" if one.is_right is None else _("yes") if one.is_right else _("no")
            rows.append((first.text, run.id, run.strategy, one.answer, verdict))
    print_table([_("text"), _("run"), _("strategy"), _("answer"), _("right")], rows, left=5)
