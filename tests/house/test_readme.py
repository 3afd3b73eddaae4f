"""The README's commands and pictures exist and run as written."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clps_core import words
from clps_core.samples.stories import as_markdown

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf8")
TOUR = "".join((ROOT / "docs" / name).read_text(encoding="utf8") for name in ("tour.md", "tour.zh.md"))
TEACHING = "".join(file.read_text(encoding="utf8") for file in sorted((ROOT / "docs" / "teaching").glob("*.md")))
RUNS_FOR_LONG = ("clps dashboard", "clps train", "clps sweep")
COMMANDS = [
    line
    for line in re.findall(r"^clps .+$", README, re.MULTILINE)
    if "--dry-run" in line or not line.startswith(RUNS_FOR_LONG)
]


def test_every_file_the_readme_points_to_is_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"examples/[\w-]+\.yaml", README)
    missing = [target for target in targets if "://" not in target and not (ROOT / target).exists()]
    assert not missing


def test_the_figures_of_the_ready_comparisons_are_those_of_the_runs_that_ship() -> None:
    section = README.partition("## Ready comparisons\n")[2].partition("\n## ")[0]
    assert section.endswith(as_markdown()), "run 'python -m clps_core.samples.make --readme' and put it there"


def test_the_chinese_readme_has_the_same_commands_and_figures() -> None:
    chinese = (ROOT / "README.zh.md").read_text(encoding="utf8")
    assert re.findall(r"^clps .+$", chinese, re.MULTILINE) == re.findall(r"^clps .+$", README, re.MULTILINE)
    for folder, text in ((ROOT, chinese), (ROOT / "docs", TOUR), (ROOT / "docs" / "teaching", TEACHING)):
        targets = [one for one in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in one]
        assert targets
        assert [one for one in targets if not (folder / one).exists()] == []
    words.ask_language(lambda: "zh")
    try:
        section = as_markdown()
    finally:
        words.ask_language(None)
    assert section in chinese, "run 'CLPS_LANGUAGE=zh python -m clps_core.samples.make --readme' and put it there"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_readme_run_as_written(command: str, tmp_path: Path) -> None:
    environment = {**os.environ, "CLPS_HOME": str(tmp_path / "home")}
    arguments = [sys.executable, "-m", "clps_core.cli", *shlex.split(command)[1:]]
    done = subprocess.run(arguments, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or done.stderr.strip()


def test_the_python_of_the_readme_runs_as_written() -> None:
    for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0
