"""Notes, tags and the archive: in Python, at the desk, with ``clps``, and carried to another store."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from job_room import tiny
from typer.testing import CliRunner
from untrained_runs import small_config, stored_run

from clps_core import api
from clps_core.cli import app
from clps_core.config import resolve
from clps_core.errors import ConfigError, JobError, NotAllowedError, NotFoundError
from clps_core.finding import parse_where
from clps_core.jobs.desk import Desk
from clps_core.jobs.processes import SupervisorLock
from clps_core.jobs.shelf import note_comparison, note_run, tag_runs
from clps_core.notes import MAX_NOTE, MAX_TAGS, harmless_markdown
from clps_core.policy import Person
from clps_core.store import Store, open_store, schema, shelf
from clps_core.store.archive import export_run, import_run
from clps_core.store.found import find_runs
from clps_core.store.queue import Queue

ADA, BOB, TEACHER = Person("guest-ada"), Person("guest-bob"), Person("guest-eve", teacher=True)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store that ``clps`` uses."""
    monkeypatch.setenv("CLPS_HOME", str(tmp_path / "home"))
    with closing(open_store()) as store:
        lock = SupervisorLock(store.home)  # so that no supervisor is started
        assert lock.acquire()
        yield store
        lock.release()


def compared(store: Store, count: int = 2, owner: str = "local", status: str = "finished") -> tuple[str, list[str]]:
    made = store.create_comparison("x", [resolve(tiny(seed=seed)) for seed in range(count)], owner)
    with store.writing() as connection:
        changed = schema.run.update().where(schema.run.c.comparison_id == made)
        connection.execute(changed.values(status=status))
    return made, [run.id for run in store.runs(comparison=made)]


def clps(*arguments: str, piped: str | None = None) -> Any:
    return CliRunner().invoke(app, [*arguments], input=piped)


def told(*arguments: str, piped: str | None = None) -> Any:
    result = clps(*arguments, "--json", piped=piped)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_notes_and_tags_are_kept_changed_and_taken_away(store: Store) -> None:
    made, (one, other) = compared(store)
    assert note_run(store, one, " **Good**\r\nsee\x1b below ").notes == "**Good**\nsee\\x1b below"
    assert note_comparison(store, made, "ours").notes == "ours"
    tag_runs(store, [one, other], ["Paper", "v1.0", "ähnlich"])
    assert [run.tags for run in tag_runs(store, [other], ["b"], ["v1.0", "none"])] == [("b", "paper", "ähnlich")]
    assert store.run(one).tags == ("paper", "v1.0", "ähnlich")
    assert note_run(store, one, "   ").notes is None
    assert tag_runs(store, [one], remove=["paper", "v1.0", "ähnlich"])[0].tags_text is None


@pytest.mark.parametrize("tag", ["", "two words", "-x", '"', "a,b", "<b>", "x" * 41, "\u202ex"])
def test_what_cannot_be_a_tag_is_refused_and_no_run_is_changed(store: Store, tag: str) -> None:
    _made, ids = compared(store)
    with pytest.raises(ConfigError, match="a tag must be one word"):
        tag_runs(store, ids, ["good", tag])
    assert [run.tags for run in store.some_runs(ids)] == [(), ()]


def test_notes_and_tags_have_limits_that_hold_for_all_runs_or_none(store: Store) -> None:
    _made, (one, other) = compared(store)
    with pytest.raises(ConfigError, match=r"at most 10,000 characters. Got 10,001"):
        note_run(store, one, "x" * (MAX_NOTE + 1))
    tag_runs(store, [other], [f"t{number}" for number in range(MAX_TAGS)])
    with pytest.raises(ConfigError, match=r"at most 20 tags\. Got 21"):
        tag_runs(store, [one, other], ["more"])
    assert store.run(one).tags == ()
    with pytest.raises(NotFoundError):
        tag_runs(store, [one, "gone0000"], ["more"])


@pytest.mark.parametrize(
    ("text", "not_there"),
    [
        ("![x](https://evil.example/a.png)", "!["),
        ("[![x](https://e.example/a)](https://e.example)", "!["),
        ("<img src=x onerror=alert(1)>", "<img"),
        ("<script>alert(1)</script>", "<script"),
        ("<javascript:alert(1)>", "<j"),
        ("[x](javascript:alert(1))", "]("),
        ("[x]( data:text/html,1)", "]("),
        ("[x](//evil.example)", "]("),
        ("[x][a]\n\n[a]:\n  mailto:me@x.example", "]:"),
        ("> " * 500 + "deep", "> " * 9),
        ("[" * 500, "[" * 9),
    ],
)
def test_markdown_of_strangers_is_made_harmless(text: str, not_there: str) -> None:
    assert not_there in text
    assert not_there not in harmless_markdown(text)


def test_plain_markdown_stays_as_it_is() -> None:
    text = (
        "#### Title\n\n```\n# comment\n```\n\n- **a** `code`\n  - b\n\n"
        "[paper](https://arxiv.org/abs/1) <https://x.example> 1 > 0, a_b!\n\n| a |"
    )
    assert harmless_markdown(text) == text
    assert harmless_markdown("# Why\n#tag") == "#### Why\n#tag"


def test_the_archive_hides_from_lists_and_gives_back(store: Store) -> None:
    made, (one, other) = compared(store)
    shelf.pin_run(store, one, True)
    shelf.archive_runs(store, [one], True)
    assert [comparison.run_ids for comparison in store.comparisons(archived=False)] == [(other,)]
    assert shelf.pinned_runs(store) == []
    shelf.archive_comparison(store, made, True)
    assert store.comparisons(archived=False) == []
    assert len(store.comparisons()) == 1
    assert len(store.runs()) == 2, "quotas count what is archived"
    shelf.archive_runs(store, [other], False)
    assert [comparison.run_ids for comparison in store.comparisons(archived=False)] == [(other,)]
    shelf.archive_comparison(store, made, False)
    assert [len(comparison.run_ids) for comparison in store.comparisons(archived=False)] == [2]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_what_waits_or_runs_cannot_be_archived(store: Store, status: str) -> None:
    made, ids = compared(store, status=status)
    with pytest.raises(JobError, match=r"is waiting or running cannot be archived\. 2 runs are"):
        shelf.archive_runs(store, ids, True)
    with pytest.raises(JobError, match="is waiting or running"):
        shelf.archive_comparison(store, made, True)
    assert len(store.comparisons(archived=False)) == 1


def test_an_archived_run_that_is_resumed_leaves_the_archive(store: Store) -> None:
    made, (one, other) = compared(store, status="paused")
    shelf.archive_runs(store, [one], True)
    shelf.archive_comparison(store, made, True)
    Queue(store).requeue(one)
    assert [comparison.run_ids for comparison in store.comparisons(archived=False)] == [(one, other)]


def test_on_a_shared_server_only_the_owner_or_a_teacher_notes_tags_and_archives(store: Store) -> None:
    (store.home / "policy.yaml").write_text("mode: shared\n")
    made, (one, other) = compared(store, owner=ADA.owner)
    _theirs, (mixed,) = compared(store, 1, owner=BOB.owner)
    for person in (BOB, None):
        desk = Desk.of(store, person)
        for asked in (
            lambda desk=desk: desk.note(one, "x"),
            lambda desk=desk: desk.note_comparison(made, "x"),
            lambda desk=desk: desk.tag([mixed, one], ["x"]),
            lambda desk=desk: desk.archive([mixed, one]),
            lambda desk=desk: desk.archive_comparison(made),
        ):
            with pytest.raises(NotAllowedError):
                asked()
    assert store.run(mixed).tags == ()
    for person in (ADA, TEACHER):
        desk = Desk.of(store, person)
        assert desk.note(one, person.owner).notes == person.owner
        assert desk.note_comparison(made, "c").notes == "c"
        assert [run.tags for run in desk.tag([one, other], ["t"])] == [("t",), ("t",)]
        desk.archive([one])
        desk.archive_comparison(made)
        desk.archive_comparison(made, archived=False)
    assert len(store.comparisons(archived=False)) == 2


def test_clps_notes_tags_and_archives(store: Store) -> None:
    made, (one, other) = compared(store)
    assert told("runs", "note", one, "-", piped="from a **pipe**\n")["notes"] == "from a **pipe**"
    assert clps("runs", "note", one).stdout == "from a **pipe**\n"
    assert [record["tags"] for record in told("runs", "tag", one, other, "+a", "+b", "-c")] == [["a", "b"]] * 2
    assert clps("runs", "tag", one, "-a").stdout.endswith(": b\n")
    assert "with + or - before it" in clps("runs", "tag", one).stderr
    shown = clps("runs", "show", one).stdout
    assert "from a **pipe**" in shown
    assert told("comparisons", "note", made, "together")["notes"] == "together"
    assert clps("runs", "archive", other).exit_code == 0
    assert [record["id"] for record in told("runs", "list")] == [one]
    assert {record["id"] for record in told("runs", "list", "--archived")} == {one, other}
    told("comparisons", "archive", made)
    assert told("comparisons", "list") == []
    assert told("comparisons", "list", "--archived")[0]["archived"] is True
    told("comparisons", "unarchive", made)
    assert len(told("runs", "list", "--where", "tag:b")) == 2


def test_the_api_finds_notes_tags_and_archives(store: Store) -> None:
    _made, (one, other) = compared(store)
    api.note(one, "from a script")
    api.tag([one, other], ["script"])
    api.archive([other])
    assert [run.id for run in api.find_runs("tag:script script")] == [one]
    assert len(api.find_runs("tag:script", archived=True)) == 2


def test_a_comparison_is_carried_as_one_file_with_its_notes_and_tags(store: Store, tmp_path: Path) -> None:
    run = stored_run(store, small_config("digits", "none"))
    made = str(run.comparison_id)
    note_run(store, run.id, "kept **here**")
    note_comparison(store, made, "and here")
    tag_runs(store, [run.id], ["paper"])
    record = told("comparisons", "export", made, "--to", str(tmp_path / "one.zip"))
    assert [one["id"] for one in record] == [run.id]
    assert zipfile.ZipFile(tmp_path / "one.zip").testzip() is None
    store.forget_run(run.id)
    assert told("runs", "import", str(tmp_path / "one.zip"))[0]["tags"] == ["paper"]
    assert store.run(run.id).notes == "kept **here**"
    assert store.comparisons()[0].notes == "and here"
    assert [one.id for one in find_runs(store, parse_where("tag:paper is:imported")).runs] == [run.id]


@pytest.mark.parametrize(
    "given",
    [{"notes": "x" * (MAX_NOTE + 1)}, {"notes": 7}, {"tags": ["a b"]}, {"tags": ["t"] * 3 + [1]}, {"tags": "a"}],
)
def test_an_export_with_a_bad_note_or_tag_is_refused(store: Store, tmp_path: Path, given: dict[str, Any]) -> None:
    run = stored_run(store, small_config("digits", "none"))
    export_run(store, run.id, tmp_path / "out")
    about = json.loads((tmp_path / "out" / "run.json").read_text())
    (tmp_path / "out" / "run.json").write_text(json.dumps(about | {"id": "other123"} | given))
    with pytest.raises(NotFoundError, match="is not a complete exported run"):
        import_run(store, tmp_path / "out")


def test_a_comparison_without_a_finished_run_cannot_be_exported(store: Store, tmp_path: Path) -> None:
    made, _ids = compared(store, status="failed")
    refused = clps("comparisons", "export", made, "--to", str(tmp_path / "none.zip"))
    assert refused.exit_code == 2
    assert "has no finished run" in refused.stderr
    assert not (tmp_path / "none.zip").exists()
