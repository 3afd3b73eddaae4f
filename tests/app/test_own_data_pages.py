"""Runs on a person's own data work on every page; when the data set is gone or another one, they say why not."""

import os
import signal

import pytest
from own_data_files import notes, pairs, reviews
from page_reading import sentences, tables

from app.services import models
from clps_core.config import build_config, resolve
from clps_core.jobs.kinds import Work
from clps_core.jobs.sink import StopSignal
from clps_core.jobs.training import train_run
from clps_core.own_data import record
from clps_core.own_data.adding import add
from clps_core.own_data.sources import Source
from clps_core.store.queue import Queue

TINY = {
    "model": {"num_layers": 2, "d_model": 16, "d_ff": 24, "num_heads": 2},
    "train": {"steps": 6, "batch_size": 4, "eval_every": 6, "eval_examples": 8, "probe_count": 2, "device": "cpu"},
    "sharing": {"strategy": "all"},
}
FILES = {"reviews.csv": reviews, "pairs.jsonl": pairs, "notes.txt": notes}
METRICS = {
    "reviews": "Best accuracy",
    "pairs": "Best exact match",
    "notes": "Best perplexity",
    "notes:masked": "Best masked accuracy",
}
"""Task -> what Compare shows of its runs."""


@pytest.fixture
def runs(home, tmp_path, store):
    """A run for each kind of data, really trained, here and not in a process of its own."""
    found = {}
    before = signal.getsignal(signal.SIGTERM)
    for file, write in FILES.items():
        add(file.partition(".")[0], Source(path=write(tmp_path / file)), home)
    for name in METRICS:
        data = {"task": f"data:{name}"} | ({"seq_len": 16} if name.startswith("notes") else {})
        store.create_comparison(name, [resolve(build_config({**TINY, "data": data}))], parameters=[(1, 2)])
        queue = Queue(store)
        attempt = queue.start_next(0, "here", "boot")
        queue.claim(attempt.run_id, 1, os.getpid(), 1.0)
        folder = store.run_folder(attempt.run_id)
        folder.mkdir(parents=True, exist_ok=True)
        status, _reason = train_run(Work(queue, store.run(attempt.run_id), 1, folder, StopSignal()))
        queue.finish(attempt.run_id, 1, status, None)
        found[name] = store.run(attempt.run_id)
    signal.signal(signal.SIGTERM, before)
    models().close()
    models.clear()
    yield found
    models().close()
    models.clear()


def test_every_page_works_with_every_kind(runs, open_page, home):
    for name, run in runs.items():
        assert run.status == "finished"
        for page in ("runs", "compare", "attention", "depth"):
            test = open_page(page, **{"run" if page == "attention" else "runs": run.id})
            assert not test.exception, (name, page)
            assert sentences(test) == [], (name, page)
            if page == "compare":
                assert METRICS[name] in tables(test)
    record.remove(home, "reviews")
    (said,) = sentences(open_page("attention", run=runs["reviews"].id, text="the film"))
    assert "there is no data set reviews" in said.lower()
    assert sentences(open_page("compare", runs=runs["reviews"].id)) == []
    record.remove(home, "pairs")
    add("pairs", Source(path=pairs(home / "other.jsonl", count=90)), home)
    (said,) = sentences(open_page("attention", run=runs["pairs"].id, text="abc"))
    assert "have changed since this run was trained" in said
