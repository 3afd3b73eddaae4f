"""The catalogue finds tasks by their folders and by entry points; a run keeps the facts of its task."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import codes_task
import pytest
from own_language import BEGIN, END, FAKE, Marked
from own_tasks import offered
from untrained_runs import small_config, stored_run

import clps_core.tasks
from clps_core import catalogues, words
from clps_core.cli import doctor
from clps_core.config import build_config, resolve
from clps_core.errors import CheckpointError, ConfigError, NotFoundError
from clps_core.metrics import METRICS, metric_named
from clps_core.store import Store, open_store
from clps_core.store.archive import export_run, import_run
from clps_core.tasks import LONGEST_FACTS, TASKS, TaskFacts, Tasks, bare_facts, facts_kept, frozen, thawed
from clps_core.tasks.task import find_installed
from clps_core.training.run_folder import read_facts

BUILT_IN = (
    "dates",
    "python-docs",
    "digits",
    "mnist",
    "hops",
    "cups",
    "brackets",
    "pairs",
    "stories",
    "sums",
    "sounds",
    "spoken-digits",
    "spoken-digits-seq2seq",
    "languages",
    "docstrings",
    "libraries",
    "masked-docs",
    "sentences",
    "objects",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "home")) as found:
        yield found


def test_config_store_and_sweeps_import_no_task_and_facts_no_torch() -> None:
    program = (
        "import sys, clps_core.config, clps_core.store, clps_core.sweeps, clps_core.jobs.service\n"
        "first = [name for name in sys.modules if name.startswith('clps_core.tasks.')]\n"
        "from clps_core.tasks import TASKS\n"
        "titles = [facts.title for facts in TASKS.usable().values()]\n"
        "[TASKS.data(name) for name in TASKS]\n"
        "print(sorted(first), len(titles), [name for name in ('torch', 'transformers') if name in sys.modules])\n"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    catalogue = [f"clps_core.tasks.{name}" for name in ("facts", "frozen_facts", "task")]
    assert said == f"{catalogue} {len(BUILT_IN)} []\n"


def test_tasks_of_other_packages_are_found_and_a_broken_one_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offers = {
        "codes": "codes_task:TASK",
        "gone": "nosuch_module:TASK",
        "odd": "codes_task:FILE",
        "dates": "own_tasks:X",
    }
    monkeypatch.syspath_prepend(offered(tmp_path, **offers, again="clps_core.tasks.digits:TASK"))
    found = Tasks(find_installed)
    assert list(found) == [*BUILT_IN, "codes"]
    assert set(found.problems) == {"gone", "odd", "dates", "again"}
    assert found.problems["gone"] == (
        "the task gone cannot be used: ModuleNotFoundError: No module named 'nosuch_module'"
    )
    assert "another task digits" in found.problems["again"]
    assert "it is str, not a Task" in found.problems["odd"]
    monkeypatch.setattr(doctor, "TASKS", found)
    said = doctor._tasks()
    assert said["digits"] == "Read handwritten digits"
    assert said["gone"] == found.problems["gone"]
    assert "codes.txt" in said["codes"], "it is there, but its data are not"


def test_a_folder_is_a_task_and_a_broken_folder_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"by_folder": "from codes_task import TASK\n", "broken": "1 / 0\n", "empty": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    monkeypatch.setattr(clps_core.tasks, "__path__", [*clps_core.tasks.__path__, str(tmp_path)])
    found = Tasks(find_installed)
    assert list(found) == [*BUILT_IN, "codes"]
    assert "ZeroDivisionError" in found.problems["broken"]
    assert set(found.problems) == {"broken", "empty"}


def test_what_people_read_is_put_into_words_when_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in ("dates", "python_docs", "digits"):
        facts = TASKS.usual(task.replace("_", "-"))
        title = facts.title
        monkeypatch.setattr(f"clps_core.tasks.{task}._", lambda text, **_values: f"¡{text}!")
        assert (facts.title, facts.summary[0], facts.baseline_name[0]) == (f"¡{title}!", "¡", "¡")


def test_a_config_is_resolved_by_the_catalogue_and_the_home_that_are_given(tmp_path: Path) -> None:
    catalogue = Tasks()
    catalogue.register(codes_task.TASK)
    (tmp_path / codes_task.FILE).write_text("abc\nred green\n")
    data = SimpleNamespace(task="codes", seq_len=None, seed=0)
    assert catalogue.facts(data, tmp_path).vocab_size == 3
    known = build_config({"train": {"steps": 5}}).model_copy(
        update={"data": build_config().data.model_copy(update={"task": "codes"})}
    )
    config = known.model_copy(update={"model": known.model.model_copy(update={"family": "encoder"})})
    found = resolve(config, catalogue, tmp_path)
    assert (found.config.model.vocab_size, found.config.model.num_classes, found.facts.metric) == (3, 2, "brier")
    with pytest.raises(ConfigError, match=r"task must be one of codes"):
        resolve(build_config(), catalogue, tmp_path)


def test_facts_that_fail_are_a_sentence_and_the_task_is_no_choice() -> None:
    catalogue = Tasks()
    catalogue.register(replace(codes_task.TASK, facts=lambda _data, _home: 1 / 0))  # type: ignore[arg-type, return-value]
    with pytest.raises(
        ConfigError, match=r"task codes failed to describe its facts: ZeroDivisionError: division by zero"
    ):
        catalogue.usual("codes")
    assert catalogue.usable() == {}
    with pytest.raises(ConfigError, match="no installed task trains a model of family encoder"):
        catalogue.of_family("encoder")


def test_of_several_tasks_of_a_family_the_preferred_one_is_taken() -> None:
    catalogue = Tasks()
    for name in ("one", "other"):
        facts = replace(TASKS.usual("digits"), name=name)
        catalogue.register(replace(TASKS["digits"], name=name, facts=lambda _data, _home, facts=facts: facts))
    assert catalogue.of_family("encoder") == "one"
    assert catalogue.of_family("encoder", "other") == "other"
    assert catalogue.of_family("encoder", "dates") == "one"


@pytest.mark.parametrize("facts", TASKS.usable().values(), ids=lambda one: one.name)
def test_frozen_facts_come_back_without_their_defaults(facts: TaskFacts) -> None:
    back = thawed(frozen(facts))
    assert replace(back, words=facts.words, defaults=facts.defaults, own_metrics=facts.own_metrics) == facts
    assert [replace(one, called=facts.metric_named(one.name).called) for one in back.own_metrics] == [
        *facts.own_metrics
    ]
    assert [one.title for one in back.own_metrics] == [one.title for one in facts.own_metrics]
    assert back.words() == facts.words()
    assert frozen(back) == frozen(facts)


def test_a_metric_that_only_one_task_has_comes_back_with_its_facts(tmp_path: Path) -> None:
    (tmp_path / codes_task.FILE).write_text("abc\nred green\n")
    back = thawed(frozen(codes_task.facts(None, tmp_path)))
    assert (back.judged_by.title, back.higher_is_better, back.judged_by.range) == ("Brier score", False, (0.0, 2.0))
    shadow = replace(codes_task.BRIER, name="accuracy")
    kept = facts_kept("x", frozen(replace(back, own_metrics=(shadow,))))
    assert metric_named("accuracy") is METRICS["accuracy"], "no run changes what everybody's metric means"
    assert kept.metric_named("accuracy").title == "Brier score"


def damaged(**changes: object) -> str:
    return json.dumps({**json.loads(frozen(TASKS.usual("digits"))), **changes})


HOSTILE = {
    "no JSON": "{",
    "no object": "[]",
    "nested without end": "[" * 100_000,
    "too long": json.dumps({"title": "x" * LONGEST_FACTS}),
    "not a number": damaged(baseline=float("nan")),
    "without end": damaged(test_baseline=float("inf")),
    "huge": damaged(vocab_size=10**30),
    "negative": damaged(max_source_len=-1),
    "a text for a number": damaged(test_size="180"),
    "another family": damaged(family="rnn"),
    "a metric it has not": damaged(metric="bleu"),
    "hidden signs in a name": damaged(name="dig\u202eits"),
    "long": damaged(summary="x" * 401),
    "many": damaged(example_inputs=["x"] * 201),
    "missing": json.dumps({"name": "digits"}),
    "a list for a group": damaged(options=[]),
    "a grade it has not": damaged(graded=["swap_1"]),
    "three ends": damaged(difficulties=[1, 2, 3]),
}


def test_facts_of_before_there_was_a_difficulty_come_back() -> None:
    plain = json.loads(frozen(TASKS.usual("dates")))
    for name in ("graded", "difficulty", "difficulties", "difficulty_name", "grade_name"):
        del plain[name]
    assert thawed(json.dumps(plain)) == thawed(frozen(TASKS.usual("dates")))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_facts_are_refused_and_a_run_that_has_them_is_as_one_without(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        thawed(text)
    assert facts_kept("digits", text) == TASKS.usual("digits")


def test_what_cannot_be_seen_is_shown_as_codes() -> None:
    assert thawed(damaged(title="Read\u202e \x1b[31mdigits")).title == "Read\\u202e \\x1b[31mdigits"


def test_a_run_knows_its_task_whatever_becomes_of_it(store: Store) -> None:
    resolved = resolve(small_config("digits"))
    kept = replace(resolved, facts=replace(resolved.facts, test_size=7))
    store.create_comparison("x", [kept, resolved.config])
    one, older = store.runs()
    assert (one.facts.test_size, older.facts_text, older.facts) == (7, None, TASKS.usual("digits"))
    assert facts_kept("gone", None) == bare_facts("gone")
    assert (bare_facts("gone").title, bare_facts("gone").metric) == ("gone", "loss")


def test_an_export_carries_the_facts_and_an_import_checks_them(store: Store, tmp_path: Path) -> None:
    run = stored_run(store, small_config("digits"))
    assert read_facts(store.run_folder(run.id)) == thawed(frozen(TASKS.usual("digits")))
    export_run(store, run.id, tmp_path / "out", new_id="brought")
    facts = tmp_path / "out" / "facts.json"
    facts.write_text(damaged(title="As it was"))
    brought = import_run(store, tmp_path / "out")
    assert brought.facts.title == "As it was"
    for number, text in enumerate(HOSTILE.values()):
        about = json.loads((tmp_path / "out" / "run.json").read_text()) | {"id": f"bad{number}"}
        (tmp_path / "out" / "run.json").write_text(json.dumps(about))
        facts.write_text(text)
        with pytest.raises(NotFoundError, match=r"facts.json is missing or damaged"):
            import_run(store, tmp_path / "out")
    facts.unlink()
    facts.symlink_to("/dev/zero")
    with pytest.raises(NotFoundError):
        import_run(store, tmp_path / "out")
    facts.unlink()
    assert import_run(store, tmp_path / "out").facts_text is None, "an export of an earlier version has none"


def test_facts_that_cannot_be_read_in_a_runs_folder_are_a_sentence(tmp_path: Path) -> None:
    assert read_facts(tmp_path) is None
    (tmp_path / "facts.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"facts.json cannot be read"):
        read_facts(tmp_path)


def test_what_a_run_keeps_of_its_task_is_english_and_is_read_in_the_readers_language(monkeypatch) -> None:
    english = frozen(TASKS.usual("cups"))
    monkeypatch.setattr(catalogues, "_added", {FAKE: Marked()})
    words.ask_language(lambda: FAKE)
    try:
        assert frozen(TASKS.usual("cups")) == english
        kept = thawed(english)
        assert frozen(kept) == english
        assert kept.words().title == TASKS.usual("cups").words().title == f"{BEGIN}Shell game{END}"
        assert kept.words().grade == "", "an empty text stays one"
    finally:
        words.ask_language(None)
    assert kept.words().title == "Shell game"
