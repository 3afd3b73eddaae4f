"""Everything people read stands in the catalogue."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]


def test_the_catalogue_holds_every_message_of_the_code(tmp_path: Path) -> None:
    fresh = tmp_path / "clps.pot"
    command = [
        sys.executable,
        "-m",
        "babel.messages.frontend",
        "-q",
        "extract",
        "-k",
        "_",
        "-k",
        "N_",
        "-k",
        "ngettext:1,2",
    ]
    command += ["--no-location", "--sort-output", "--omit-header", "-o", str(fresh), "clps_core", "app", "pages"]
    subprocess.run(command, cwd=ROOT, check=True)
    kept = ROOT / "clps_core" / "locale" / "clps.pot"
    assert fresh.read_text(encoding="utf8") == kept.read_text(encoding="utf8"), "run 'make words'"


def test_no_message_is_hidden_from_the_catalogue() -> None:
    """The extractor does not see every call within an f-string (below Python 3.12) or within another call's."""
    with (ROOT / "clps_core" / "locale" / "clps.pot").open("rb") as file:
        known = {
            one for message in read_po(file) for one in ([message.id] if isinstance(message.id, str) else message.id)
        }
    hidden = [
        f"{path.relative_to(ROOT)}:{call.lineno}: {text}"
        for folder in ("clps_core", "app", "pages")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for call in ast.walk(ast.parse(path.read_text(encoding="utf8")))
        for text in _messages(call)
        if text not in known
    ]
    assert hidden == [], "put the call on a line of its own, before"


def _messages(node: ast.AST) -> list[str]:
    """The literal texts that a call of ``_``, ``N_`` or ``ngettext`` puts into words."""
    count = {"_": 1, "N_": 1, "ngettext": 2}
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in count:
        return []
    given = node.args[: count[node.func.id]]
    return [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]
