"""A run knows from which commit of the project it comes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from clps_core.checkout import commit_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@b.example"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_checkout_has_its_commit_and_changed_files_are_said(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == head
    (checkout / "untracked").write_text("x")
    assert commit_of(checkout) == head
    (checkout / "file").write_text("2")
    assert commit_of(checkout) == f"{head}+changes"


def test_another_repositorys_environment_is_not_asked(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert commit_of(checkout) == head


def test_a_folder_that_is_no_checkout_of_its_own_has_no_commit(checkout: Path, tmp_path_factory) -> None:
    inside = checkout / "site-packages"
    inside.mkdir()
    assert commit_of(inside) is None
    assert commit_of(tmp_path_factory.mktemp("plain")) is None
    assert commit_of(checkout / "nowhere") is None
