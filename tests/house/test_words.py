"""Everything people read stands in the catalogue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalogue_holds_every_message_of_the_code(tmp_path: Path) -> None:
    fresh = tmp_path / "clps.pot"
    command = [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-k", "_", "-k", "ngettext:1,2"]
    command += ["--no-location", "--sort-output", "--omit-header", "-o", str(fresh), "clps_core", "app", "pages"]
    subprocess.run(command, cwd=ROOT, check=True)
    kept = ROOT / "clps_core" / "locale" / "clps.pot"
    assert fresh.read_text(encoding="utf8") == kept.read_text(encoding="utf8"), "run 'make words'"
