"""A snapshot is one bounded file that tells what the store tells, and in which foreign text stays text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from clps_core import api
from clps_core.cli import app
from clps_core.errors import NotFoundError
from clps_core.metrics import metric_named
from clps_core.samples import sample_folders
from clps_core.shown import isolated
from clps_core.snapshot import MOST_POINTS, MOST_RUNS, snapshot, snapshot_of
from clps_core.snapshot.attention import MOST_ATTENTION_BYTES, kept_attention
from clps_core.snapshot.notes import notes_html
from clps_core.store import Point, Run, Store, metrics, open_store, schema
from clps_core.store.archive import import_run
from clps_core.sweeps.results import Spread
from clps_core.training.probe_file import read_probe

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "app"))
from recorded_runs import mark, record

MARKUP = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    with closing(open_store(tmp_path / "home")) as found:
        yield found


@pytest.fixture
def shipped(store: Store) -> list[Run]:
    """The three runs on dates, which kept their attention."""
    folders = [folder for folder in sample_folders() if folder.name.startswith("sample-dates")]
    return [import_run(store, folder, comparison="Dates") for folder in folders]


def drawn(content: bytes) -> dict:
    found = re.search(r'<script type="application/json" id="drawn">(.*?)</script>', content.decode())
    return json.loads(found[1])


def set_notes(store: Store, run: Run, text: str) -> None:
    mark(store, run, notes=text)
    with store.writing() as connection:
        connection.execute(schema.comparison.update().values(notes=text))


def test_three_shipped_runs_fit_a_mail_and_keep_their_curves_and_attention(store: Store, shipped: list[Run]) -> None:
    content = snapshot_of(store, [shipped[0].comparison_id])
    assert len(content) < 1_000_000
    found = drawn(content)
    (chart,) = found["charts"]
    first = chart["curves"][0]
    points = store.curve(shipped[1].id, "validation", "exact_match")
    assert first["lines"][1]["x"] == [point.step for point in points]
    assert first["lines"][1]["y"] == pytest.approx([point.value for point in points], rel=1e-5)
    one = found["attention"][2]
    assert (one["id"], one["step"]) == (shipped[2].id, 1200)
    _step, records = read_probe(store.run_folder(shipped[2].id) / "probes" / "step-001200.npz")
    kind = one["examples"][0]["kinds"][0]
    weights = records[0].attention[kind["kind"]]
    layer, head = kind["at"][-1]
    size = weights[0, 0].size
    assert base64.b64decode(kind["full"])[-size:] == weights[layer, head].tobytes()
    for told in ("--set sharing.strategy=cycle", "strategy: cycle", "2.13.0+cpu", "342k", "encoder: q, k, v, o"):
        assert told in content.decode(), told


def test_the_policy_lets_through_its_own_script_and_style_only(store: Store) -> None:
    text = snapshot(store, record(store)).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1]
    assert "default-src 'none'" in policy
    for tag, directive in (("script", "script-src"), ("style", "style-src")):
        (body,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\b(?:src|href|action|style)=", text.split("<main>")[1].split("</main>")[0])


def test_foreign_text_stays_text(store: Store) -> None:
    run = record(store, ["none"], name=MARKUP)[0]
    mark(store, run, name=MARKUP)
    set_notes(store, run, f"# {MARKUP}\n\n- `{MARKUP}`\n\n[{MARKUP}](javascript:alert(3))\n\n```\n{MARKUP}\n```")
    text = snapshot(store, store.runs(), verdicts=[MARKUP]).decode()
    assert text.count("<script") == 2  # the data and its own
    assert "<img" not in text
    assert "&lt;script&gt;alert(2)" in text
    assert "javascript:alert(3)" in text
    assert 'href="javascript' not in text


def test_notes_have_the_markdown_that_people_use():
    found = notes_html(
        "# Why\n\nTwo **bold** and *thin* `a<b` words.\n\n- one\n- two\n\n1. first\n\n[paper](https://a.b/c?d=1&e)"
    )
    assert "<h4>Why</h4>" in found
    assert "<strong>bold</strong> and <em>thin</em> <code>a&lt;b</code>" in found
    assert "<ul><li>one</li><li>two</li></ul>" in found
    assert "<ol><li>first</li></ol>" in found
    assert '<a href="https://a.b/c?d=1&amp;e" rel="noopener noreferrer">paper</a>' in found


def test_the_spread_of_a_design_is_that_of_its_seeds(store: Store) -> None:
    runs = record(store, ["none"], [0, 1, 2])
    bests = Spread.of([value for _step, value in store.bests(runs).values()])
    judge = metric_named("accuracy")
    wanted = f"{judge.shown(bests.mean).removesuffix(' %')} ± {judge.shown(bests.deviation)}"
    assert wanted in snapshot(store, runs).decode()


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("running", "was still training at step 60 of 200"),
        ("failed", "failed at step 60 of 200"),
        ("queued", "was waiting to train at step 60 of 200"),
        ("finished", "ended early at step 60 of 200"),
    ],
)
def test_a_run_that_is_not_complete_says_how_far_it_was(store: Store, status: str, said: str) -> None:
    (run,) = record(store, ["none"])
    mark(store, run, status=status, step=60)
    assert said in snapshot(store, [store.run(run.id)]).decode()


def test_without_points_attention_and_versions_it_says_so(store: Store) -> None:
    text = snapshot(store, record(store, status="queued")).decode()
    for said in ("No run has any points yet.", "No run kept its attention.", "these runs have none"):
        assert said in text
    assert 'id="curves"' not in text


def test_what_is_left_out_is_said(store: Store) -> None:
    runs = record(store, ["none"], range(MOST_RUNS + 1))
    text = snapshot(store, runs, missing=2).decode()
    assert f"The first {MOST_RUNS} of {MOST_RUNS + 1} runs are shown" in text
    assert "2 runs were deleted before this was made." in text
    assert len(drawn(text.encode())["charts"][0]["runs"]) == MOST_RUNS


def test_long_curves_are_thinned_and_odd_values_are_no_numbers(store: Store) -> None:
    (run,) = record(store, ["none"], status="queued", steps=4000)
    points = [Point(run.id, "train", "loss", step, 1.0 + step, step / 10) for step in range(1, 4001)]
    points.append(Point(run.id, "validation", "loss", 4000, float("inf"), 400.0))
    with store.writing() as connection:
        metrics.append(connection, run.id, points)
    curves = {one["label"]: one["lines"][0] for one in drawn(snapshot(store, [run]))["charts"][0]["curves"]}
    assert 100 < len(curves["Loss, training"]["x"]) <= MOST_POINTS
    assert curves["Loss, validation"]["y"] == [None]


def test_attention_is_bounded_whatever_runs_kept(
    store: Store, shipped: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {run.id: run.id for run in shipped}
    monkeypatch.setattr("clps_core.snapshot.attention.MOST_ATTENTION_BYTES", 60_000)
    found, cut = kept_attention(store, shipped, names)
    kept = [kind for run in found for one in run["examples"] for kind in one["kinds"]]
    assert sum(len(base64.b64decode(kind["small"])) + len(base64.b64decode(kind["full"])) for kind in kept) <= 60_000
    assert cut
    assert kept[0]["at"][:4] == [[0, 0], [1, 0], [2, 0], [3, 0]]
    assert MOST_ATTENTION_BYTES * 4 / 3 < 5e6  # with base64 it leaves room for the rest of 5 MB


def test_a_damaged_probe_is_passed_over(store: Store, shipped: list[Run]) -> None:
    folder = store.run_folder(shipped[0].id) / "probes"
    (folder / "step-001200.npz").write_bytes(b"PK no zip")
    found, _cut = kept_attention(store, shipped[:1], {shipped[0].id: "one"})
    assert found[0]["step"] < 1200


def test_the_command_writes_a_new_file_and_never_over_another(store: Store, tmp_path: Path) -> None:
    runs = record(store)
    out = tmp_path / "there" / "all.html"
    first = CliRunner().invoke(app, ["snapshot", runs[0].comparison_id, "--out", str(out)])
    assert first.exit_code == 0, first.output
    assert isolated("recorded") in out.read_text()
    again = CliRunner().invoke(app, ["snapshot", runs[0].id, "--out", str(out)])
    assert again.exit_code == 2
    assert "must not overwrite anything" in again.output
    assert list(out.parent.iterdir()) == [out]


def test_scripts_get_it_as_bytes_and_a_deleted_run_is_one_sentence(store: Store) -> None:
    runs = record(store)
    assert b"sharing.strategy=all" in api.snapshot([runs[1].id[:6]])
    for run in runs:
        store.forget_run(run.id)
    with pytest.raises(NotFoundError, match="there is no run"):
        api.snapshot([runs[0].id])
    with pytest.raises(NotFoundError):
        api.snapshot([runs[0].comparison_id])
