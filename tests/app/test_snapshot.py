"""A comparison as one file: what is in it, that texts of people stay texts, and what cannot be made."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.compare.take_away import file_now
from app.snapshot.__main__ import main
from app.snapshot.notes import note_html
from app.snapshot.page import MOST_RUNS, snapshot
from clps_core import api
from clps_core.errors import ConfigError
from clps_core.samples import install
from clps_core.samples.ready import ready_named
from clps_core.store import Store
from clps_core.store.shelf import note_run, rename_run

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> [link](javascript:alert(3)) ![](http://a/b.png)"
)
IDS = ["sample-dates-none", "sample-dates-all", "sample-dates-cycle"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Store:
    from clps_core.store import open_store

    store = open_store(tmp_path_factory.mktemp("samples"))
    install(store, [ready_named("dates"), ready_named("pairs")])
    return store


def data_of(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    data: dict[str, Any] = json.loads(found)
    return data


def test_three_runs_are_below_five_megabytes_with_all_that_the_page_shows(samples: Store) -> None:
    text = snapshot(samples, samples.some_runs(IDS), title="Three designs", note="Compare **stored** weights.")
    assert len(text.encode()) < 5e6
    parts = data_of(text)["parts"]
    assert [part["kind"] for part in parts] == ["chart"] + ["map"] * 3 + ["grid"] * 9
    (lines,) = [part["lines"] for part in parts[0]["feed"]["parts"]]
    for run in IDS:
        curve = samples.curve(run, "validation", "exact_match")
        (line,) = [one for one in lines if one[:2] == [run, "validation.exact_match"]]
        assert (line[2], line[3]) == ([p.step for p in curve], pytest.approx([p.value for p in curve], rel=1e-5))
    for said in ("<strong>stored</strong>", "clps train --task dates", "Config as YAML", "no verdict", "of 3 runs"):
        assert said in text, said


def test_only_the_files_own_script_may_run_and_nothing_may_be_loaded(samples: Store) -> None:
    text = snapshot(samples, samples.some_runs(IDS))
    (script,) = re.findall(r'<script type="module">(.*?)</script>', text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy.startswith(
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"
    )
    assert not re.findall(r'(?:src|href)="?(?:https?:)?//', text.replace(json.dumps(data_of(text)), ""))


def test_texts_of_people_stay_texts(samples: Store) -> None:
    runs = samples.some_runs(IDS[:1])
    before = runs[0].name
    rename_run(samples, runs[0].id, HOSTILE[:60])
    note_run(samples, runs[0].id, HOSTILE)
    try:
        text = snapshot(samples, samples.some_runs(IDS[:2]), title=HOSTILE, note=HOSTILE)
    finally:
        rename_run(samples, runs[0].id, before)
        note_run(samples, runs[0].id, None)
    assert text.count("<script") == 2
    assert "<img" not in text
    assert "javascript:" not in re.sub(r"\[link\]\(javascript:alert\(3\)\)", "", text)
    assert "onerror=alert(2)&gt;" in text


@pytest.mark.parametrize(
    ("note", "html"),
    [
        ("# One\n\ntwo", "<h1>One</h1>\n<p>two</p>"),
        ("<b>x</b>", "<p>&lt;b&gt;x&lt;/b&gt;</p>"),
        ("[a](https://b.example/c)", '<p><a rel="noopener noreferrer" href="https://b.example/c">a</a></p>'),
        ("[a](ftp://b.example/c)", '<p><a rel="noopener noreferrer">a</a></p>'),
        ("![a](https://b.example/c.png)", '<p>!<a rel="noopener noreferrer" href="https://b.example/c.png">a</a></p>'),
    ],
)
def test_a_note_is_markdown_without_markup_or_pictures(note: str, html: str) -> None:
    assert note_html(note) == f'<div class="note">{html}\n</div>'


def test_a_run_that_still_trains_says_how_far_it_was(store: Store) -> None:
    from clps_core.config import build_config, resolve

    ids = store.create_comparison("waiting", [resolve(build_config({"data": {"task": "hops"}}))])
    text = snapshot(store, store.runs(comparison=ids))
    assert "Not finished when this file was made:" in text
    assert ": waiting at step 0 of 500" in text
    assert [part["kind"] for part in data_of(text)["parts"]] == ["chart", "map"]


def test_too_many_and_no_runs_are_a_sentence(samples: Store) -> None:
    with pytest.raises(ConfigError, match=r"must have 1 to 60 runs. Got 0"):
        snapshot(samples, [])
    with pytest.raises(ConfigError, match=r"must have 1 to 60 runs. Got 61"):
        snapshot(samples, samples.some_runs(IDS[:1]) * (MOST_RUNS + 1))


def test_the_engine_has_it_made_by_a_process_of_its_own(samples: Store, tmp_path: Path) -> None:
    file = tmp_path / "three.html"
    api.snapshot(IDS[:1], file, home=samples.home)
    assert "sample-dates-none" in file.read_text(encoding="utf8")


def test_a_file_that_cannot_be_written_is_one_line(
    samples: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--home", str(samples.home), "--out", str(tmp_path / "nowhere" / "x.html"), IDS[0]]
    monkeypatch.setattr(sys, "argv", ["snapshot", *given])
    assert main() == 2
    assert re.fullmatch(r"No such file or directory: .*nowhere/x\.html\n", capsys.readouterr().err)


def test_what_was_deleted_meanwhile_is_a_sentence_in_the_file(samples: Store) -> None:
    assert b"1 run was deleted before this file was made." in file_now(samples, [IDS[0], "gone"], "snapshot")
    program = "import sys, clps_core.snapshots; assert not {'streamlit', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
