"""The dashboard is light: only the Attention page may load a model library."""

import json
import os
import subprocess
import sys
from pathlib import Path

from app.navigation import PAGES

ENTRY = Path(__file__).resolve().parents[2] / "app" / "main.py"
SCRIPT = """
import json, sys
from streamlit.testing.v1 import AppTest
found = {}
for name in sys.argv[2:]:
    test = AppTest.from_file(sys.argv[1], default_timeout=240)
    test.switch_page(f"../pages/{name}.py").run()
    found[name] = {
        "heavy": [heavy for heavy in ("torch", "transformers", "bertviz") if heavy in sys.modules],
        "problems": [str(one.value) for one in [*test.exception, *test.error]],
    }
print("FOUND" + json.dumps(found))
"""


def test_every_page_but_attention_renders_without_torch_transformers_or_bertviz(tmp_path):
    names = [page.name for page in PAGES if page.name != "attention"]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, str(ENTRY), *names],
        env={**os.environ, "CLPS_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=480,
        check=True,
    )
    found = json.loads(done.stdout.partition("FOUND")[2])
    assert found == {name: {"heavy": [], "problems": []} for name in names}
