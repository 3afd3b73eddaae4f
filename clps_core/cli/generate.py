"""``clps generate``: let a trained run translate or go on. Start at show."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict

from clps_core.cli.output import print_json, print_lines, say
from clps_core.errors import ConfigError
from clps_core.store import open_store
from clps_core.words import _
from clps_core.writing import Written, check_request, write

__all__ = ["parse_options", "show"]


def parse_options(texts: Sequence[str]) -> dict[str, str]:
    """``["language=de"]`` -> ``{"language": "de"}``."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ConfigError(_("an option must read name=value, such as language=de. Got {got!r}.", got=text[:60]))
        if name.strip() in found:
            raise ConfigError(_("every option must come once. Got {name} again. Remove one.", name=name.strip()))
        found[name.strip()] = value.strip()
    return found


def show(
    run_id: str,
    texts: Sequence[str],
    options: Sequence[str],
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    seed: int,
    loops: int | None,
    max_tokens: int | None,
    as_json: bool,
) -> None:
    """Print what the run writes; everything is checked before torch is imported, so that mistakes are told at once."""
    given = parse_options(options)
    if temperature == 0 and (top_k is not None or top_p is not None):
        raise ConfigError(
            _("top_k and top_p must come with a temperature above 0. Got 0 (greedy). Add --temperature 1.")
        )
    with closing(open_store()) as store:
        run = store.run(run_id)
        folder = store.run_folder(run.id)
    task = run.facts
    given = check_request(task, given)
    if not texts:
        texts = task.example_inputs
        say(_("No --text was given: these are the task's examples."))
    from clps_core.model.generate import Sampling

    sampling = Sampling(temperature, top_k, top_p, seed)
    found = write(folder, texts, options=given, sampling=sampling, loops=loops, max_tokens=max_tokens)
    if as_json:
        settings = {**asdict(sampling), "loops": loops, "max_tokens": max_tokens}
        print_json({"id": run.id, "name": run.name, **settings, "written": [asdict(one) for one in found]})
        return
    for one in found:
        _print(one, goes_on=task.windows)


def _print(one: Written, *, goes_on: bool) -> None:
    if goes_on:
        print_lines(one.text + one.answer, "")
    else:
        print_lines(f"{one.text} -> {one.answer}")
    if one.right_answer is not None:
        say(_("right") if one.answer == one.right_answer else _("right would be: {answer}", answer=one.right_answer))
    if one.unknown:
        say(_("No token stands for {characters}: the model reads <unk>.", characters=" ".join(one.unknown[:12])))
    if not one.ended:
        say(_("Stopped after {tokens} tokens; the model had not ended.", tokens=one.tokens))
