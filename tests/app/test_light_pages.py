"""The dashboard's own process is light: whatever page is opened and whatever is asked, it loads no model library."""

import json
import os
import subprocess
import sys
from pathlib import Path

from untrained_runs import small_config, stored_run

from app.navigation import PAGES
from clps_core.data.registry import load_task
from clps_core.training.loading import load_model
from clps_core.training.probes import probe_inputs, write_probe

ENTRY = Path(__file__).resolve().parents[2] / "app" / "main.py"
SCRIPT = """
import json, sys
from streamlit.testing.v1 import AppTest
found = []
for page, query, button in json.loads(sys.argv[2]):
    test = AppTest.from_file(sys.argv[1], default_timeout=240)
    test.switch_page(f"../pages/{page}.py")
    for name, value in query.items():
        test.query_params[name] = value
    test.run()
    if button:
        test.button(key=button).click().run()
    found.append({
        "page": page,
        "heavy": [heavy for heavy in ("torch", "transformers", "bertviz") if heavy in sys.modules],
        "problems": [str(one.value) for one in [*test.exception, *test.error]],
        "drawn": sorted(one.proto.component_name for one in test.get("bidi_component")),
        "charts": len(test.get("plotly_chart")),
    })
from app.services import models
print("FOUND" + json.dumps([found, models().facts().answered]))
"""


def test_no_page_loads_torch_transformers_or_bertviz_whatever_is_asked(store):
    run = stored_run(store, small_config("digits"))
    folder = store.run_folder(run.id)
    model, config, _step = load_model(folder)
    write_probe(folder, 7, model, probe_inputs(load_task(config)))
    views = {
        "grid": "attention_grid",
        "heads": "attention_heads",
        "difference": "attention_grid",
        "layers": "attention_layers",
        "bertviz": "bertviz_frame",
    }
    visits = [
        *((page.name, {}, None) for page in PAGES),
        *(("attention", {"run": run.id, "view": view}, None) for view in (*views, "training")),
        ("depth", {"runs": run.id, "depths": "1,2"}, None),
        ("runs", {"runs": run.id}, f"score.{run.id}"),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(ENTRY), json.dumps(visits)],
        env={**os.environ, "CLPS_HOME": str(store.home)},
        cwd=store.home.parent,
        capture_output=True,
        text=True,
        timeout=480,
        check=True,
    )
    found, answered = json.loads(done.stdout.partition("FOUND")[2])
    assert [(one["page"], one["heavy"], one["problems"]) for one in found] == [(page, [], []) for page, *_ in visits]
    drawn = [one["drawn"] for one in found if one["page"] == "attention"][1:]
    assert all(f"clps.{name}" in shown for name, shown in zip(views.values(), drawn, strict=False)), drawn
    assert [one["charts"] for one in found if one["page"] == "depth"][-1] == 2
    assert store.final_scores([run.id])[run.id].examples == 180
    assert answered >= 5, "a text, its BertViz view, and of the depths qualities and answers"
