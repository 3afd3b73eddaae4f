"""A task of one file, with its own loss, metric and kind of input, whose facts lie in a folder, works everywhere.

So does it with a rule and a language of one file each. When the folder changes or the task is taken away, its runs
still open, or say in one sentence why not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager

import codes_task
import pytest
from own_language import BEGIN, END, FAKE, Marked
from own_rule import RULE
from own_tasks import STARTED, offered, registered
from page_reading import sentences, tables
from typer.testing import CliRunner

from app import state
from app.design.origins import current_origin, origins
from app.services import models
from clps_core import catalogues, words
from clps_core.cli import app
from clps_core.config import build_config, resolve
from clps_core.jobs.kinds import Work
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.sink import StopSignal
from clps_core.jobs.training import train_run
from clps_core.sharing import RULES
from clps_core.store.queue import Queue
from clps_core.tasks import TASKS

FIRST, GROWN = "abcdef\nred green blue\n", "abcdefgh\nred green blue white\n"


@contextmanager
def afresh():
    """The model process knows what was installed when it started: inside and afterwards another one answers."""
    ended()
    try:
        yield
    finally:
        ended()


def ended():
    models().close()
    models.clear()


@pytest.fixture
def codes(home, tmp_path, monkeypatch):
    """The task is installed as a package's entry point, and its data lie in the home; returns the data's file.

    The rule and the language are known here and to every process that is started from here.
    """
    home.mkdir(exist_ok=True)
    (home / codes_task.FILE).write_text(FIRST)
    site = offered(tmp_path, started=STARTED, codes="codes_task:TASK")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([site, *sys.path]))
    monkeypatch.setitem(RULES, RULE.name, RULE)
    monkeypatch.setattr(catalogues, "_added", {FAKE: Marked()})
    with registered(codes_task.TASK), afresh():
        yield home / codes_task.FILE
    words.ask_language(None)


def trained(store):
    """What is first in the queue, really trained, here and not in a process of its own."""
    before, queue = signal.getsignal(signal.SIGTERM), Queue(store)
    try:
        attempt = queue.start_next(0, "here", "boot")
        queue.claim(attempt.run_id, 1, os.getpid(), 1.0)
        queued, folder = store.run(attempt.run_id), store.run_folder(attempt.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        status, _reason = train_run(Work(queue, queued, 1, folder, StopSignal()))
        queue.finish(attempt.run_id, 1, status, None)
    finally:
        signal.signal(signal.SIGTERM, before)
    return store.run(attempt.run_id)


@pytest.fixture
def run(codes, store):
    """A run of the task."""
    resolved = resolve(build_config({"data": {"task": "codes"}, "sharing": {"strategy": "all"}}))
    store.create_comparison("codes", [resolved], parameters=[(1, 2)])
    return trained(store)


def asked(*arguments):
    result = CliRunner().invoke(app, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def walked(open_page, run, language=None):
    """Runs, Compare and Attention with ``run``."""
    pages = {
        "runs": open_page("runs", runs=run.id, reads=language),
        "compare": open_page("compare", runs=run.id, reads=language),
        "attention": open_page("attention", run=run.id, reads=language),
    }
    for name, page in pages.items():
        assert not page.exception, name
        assert page.title[0].value.startswith(BEGIN) == (language is not None)
    assert sentences(pages["runs"]) == sentences(pages["compare"]) == []
    assert ("Best brier score" if language is None else f"{BEGIN}Best Brier score{END}") in tables(pages["compare"])
    return pages


def test_a_task_a_rule_and_a_language_of_ones_own_work_together(codes, store, open_page):
    words.ask_language(lambda: FAKE)
    told = CliRunner().invoke(app, ["count", "--task", "codes", "--strategy", RULE.name])
    assert told.exit_code == 0
    assert BEGIN in told.output
    counted = asked("count", "--task", "codes", "--strategy", RULE.name)
    assert (counted["strategy"], counted["model"]["vocab_size"]) == (RULE.name, 6)

    lock = SupervisorLock(store.home)
    assert lock.acquire()  # so that nobody takes the run away
    asked("train", "--task", "codes", "--strategy", RULE.name)
    run = trained(store)
    assert (run.status, run.strategy, run.unique_parameters) == ("finished", RULE.name, counted["unique_parameters"])
    pages = walked(open_page, run, FAKE)
    assert sentences(pages["attention"]) == []
    assert "Inside out" in tables(pages["compare"])
    assert pages["attention"].text_input(key="attention.text.codes").value == "abcde"

    codes.write_text(GROWN)
    assert (run.facts.vocab_size, TASKS.usual("codes").vocab_size) == (6, 8)
    ended()  # with the answers that it kept
    (said,) = sentences(walked(open_page, run, FAKE)["attention"])
    assert said.startswith(BEGIN)
    assert "now there are 8" in said
    lock.release()


def test_it_is_counted_with_the_sizes_that_its_folder_says(codes):
    found = asked("count", "--task", "codes", "--strategy", "all")
    assert (found["model"]["vocab_size"], found["model"]["num_classes"]) == (6, 3)
    codes.write_text(GROWN)
    found = asked("count", "--task", "codes", "--strategy", "all")
    assert (found["model"]["vocab_size"], found["model"]["num_classes"]) == (8, 4)


def test_it_learns_by_its_own_loss_and_is_judged_by_its_own_metric(run, store):
    latest = store.latest([run.id])[run.id]
    assert run.status == "finished"
    assert latest["validation.brier"] == latest["validation.loss"]
    first = store.curve(run.id, "train", "loss")[0].value
    assert 0.5 < first < 0.9, "of an untrained model the cross-entropy is about ln 3"
    quality = asked("runs", "list")[0]["quality"]
    assert (quality["metric"], quality["higher_is_better"]) == ("brier", False)


def test_pages_that_choose_tasks_offer_it(codes, open_page):
    train = open_page("train", spec="1;task=codes", strategy=["none", "all"])
    assert sentences(train) == []
    assert "Read codes" in train.selectbox(key="train.task").options
    assert any("Data: this test. Licence: CC0-1.0." in one.proto.help.replace("\\", "") for one in train.caption)
    design = open_page("design", spec="1;task=codes", strategy=["none", "all"])
    assert sentences(design) == []
    assert current_origin(design.session_state[state.DESIGNS]).name == "codes"
    assert origins()["codes"].title == "Read codes"


def test_an_old_run_opens_when_the_folder_means_something_else(run, open_page, codes):
    codes.write_text("fedcba\nred green blue\n")
    (said,) = sentences(open_page("attention", run=run.id))
    assert "have changed since this run was trained" in said.replace("\\", "")


def test_an_old_run_opens_when_the_task_is_gone(run, open_page, codes, monkeypatch):
    monkeypatch.delenv("PYTHONPATH")
    TASKS.forget("codes")
    ended()
    pages = walked(open_page, run)
    (said,) = sentences(pages["attention"])
    assert "task codes of this run is not installed" in said
    assert run.facts.title == "Read codes"
    assert asked("runs", "list", "--task", "codes")[0]["quality"]["metric"] == "brier"


def test_a_task_whose_data_are_missing_is_no_choice_and_says_why(codes, open_page):
    codes.unlink()
    train = open_page("train")
    assert sentences(train) == []
    assert "Read codes" not in train.selectbox(key="train.task").options
    result = CliRunner().invoke(app, ["count", "--task", "codes"])
    assert result.exit_code == 2
    assert "the codes must lie in codes.txt of the home" in result.output


@pytest.mark.parametrize("page", ["train", "design"])
def test_a_page_says_that_the_data_went_away_and_goes_on(codes, open_page, page):
    test = open_page(page, spec="1;task=codes", strategy=["none", "all"])
    assert sentences(test) == []
    codes.unlink()
    for again in (test.run(), open_page(page, spec="1;task=codes", strategy=["none", "all"])):
        assert not again.exception
        assert any("codes must lie in codes" in said for said in sentences(again))
        assert again.button, "the rest of the page is there"


@pytest.mark.slow
def test_clps_trains_it_in_a_process_of_its_own(codes, room):
    (found,) = asked("train", "--task", "codes", "--strategy", RULE.name, "--wait")
    assert (found["status"], found["strategy"]) == ("finished", RULE.name)
    assert found["quality"]["metric"] == "brier"
