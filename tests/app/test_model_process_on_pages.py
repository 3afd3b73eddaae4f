"""What pages say when the model process dies under them, and that they go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from job_room import PATIENCE, eventually
from page_reading import sentences, tables
from streamlit.testing.v1 import AppTest
from untrained_runs import small_config, stored_run

from app.services import models
from clps_core.store import Store

OpenPage = Callable[..., AppTest]
DIED = "The model process ended before it answered (signal SIGKILL)"


def plain(test: AppTest) -> list[str]:
    return [sentence.replace("\\", "") for sentence in sentences(test)]


@contextmanager
def killed_at_work() -> Iterator[None]:
    """The process is stopped before the body, and killed once a page of the body waits for it."""
    service = models()
    pid = service.facts().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    def kill() -> None:
        eventually(lambda: service.facts().state == "at work", "a page waits", every=0.01)
        os.kill(pid, signal.SIGKILL)

    with ThreadPoolExecutor(1) as pool:
        killer = pool.submit(kill)
        yield
        killer.result(PATIENCE)


def test_a_page_says_that_the_model_process_died_and_the_next_question_is_answered(
    open_page: OpenPage, store: Store
) -> None:
    run = stored_run(store, small_config("digits"))
    test = open_page("attention", run=run.id, text="1")
    assert plain(test) == []
    crashes = models().facts().crashes
    with killed_at_work():
        test.query_params["text"] = "2"
        test.run()
    (sentence,) = plain(test)
    assert DIED in sentence
    assert "Reload the page to ask again" in sentence
    assert not test.exception
    assert test.selectbox(key="attention.run").value == run.id, "the choices stay"
    system = open_page("system")
    assert plain(system) == []
    assert "signal SIGKILL" in tables(system)
    assert models().facts().crashes == crashes + 1
    assert plain(test.run()) == []
    assert "It does not explain" in " ".join(one.value for one in test.caption)


def test_of_several_runs_only_the_one_that_was_asked_about_is_left_out(open_page: OpenPage, store: Store) -> None:
    runs = [stored_run(store, small_config("digits", strategy)) for strategy in ("all", "cycle:2")]
    named = ",".join(run.id for run in runs)
    assert plain(open_page("attention", run=runs[0].id)) == []
    with killed_at_work():
        test = open_page("depth", runs=named, depths="1,2")
    (sentence,) = plain(test)
    assert DIED in sentence
    assert not test.exception
    shown = [tables(test).count(name) for name in ("All layers", "Cycle")]
    assert shown == [1, 2], "the first run is missing in the table of figures alone: its answers were asked for later"
    assert plain(test.run()) == []
    assert [tables(test).count(name) for name in ("All layers", "Cycle")] == [2, 2]
