"""What others wrote cannot reorder our sentences, hide in them, or drive a terminal."""

from __future__ import annotations

import io
import json
import logging
import unicodedata

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from clps_core.cli import app
from clps_core.cli.output import print_json, print_lines, print_pairs, print_table, say
from clps_core.config import build_config
from clps_core.errors import ConfigError, StoreError
from clps_core.experiment import check_name, read_experiment
from clps_core.jobs import service
from clps_core.jobs.logs import JsonLines
from clps_core.samples.shipped import sample_folder
from clps_core.shown import has_control, is_harmless, isolated, json_escaped, visible
from clps_core.store import Store, open_store, schema
from clps_core.store.archive import import_run
from clps_core.sweeps import read_sweep
from clps_core.words import _, ngettext

OSC = "\x1b]0;owned\x07"
HIDDEN = {
    "an escape sequence": (f"a{OSC}", "a\\x1b]0;owned\\x07"),
    "a control of 8 bits": ("a\x9b2J", "a\\x9b2J"),
    "a line break": ("a\nb", "a\\x0ab"),
    "a carriage return": ("a\rb", "a\\x0db"),
    "a line separator": ("a\u2028b", "a\\u2028b"),
    "an override of the direction": ("a\u202eb", "a\\u202eb"),
    "an isolate that stays open": ("a\u2067b", "a\\u2067b"),
    "an end of somebody else's isolate": ("a\u2069b", "a\\u2069b"),
    "zero width": ("a\u200bb", "a\\u200bb"),
    "a joiner between Latin letters": ("a\u200db", "a\\u200db"),
    "a byte order mark": ("\ufeffa", "\\ufeffa"),
    "a soft hyphen": ("a\xadb", "a\\xadb"),
    "a blank letter": ("a\u3164", "a\\u3164"),
    "a tag": ("a\U000e0041", "a\\U000e0041"),
    "half a character": ("a\ud800", "a\\ud800"),
}
SEEN = [
    "",
    "Dates, shared or not",
    "größer · 3 × 2",
    "שלום",
    "مرحبا",
    "日本語",
    "می\u200cخواهم",
    "👩\u200d🔬",
    "e\u0301",
]
MARKS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u200e\u200f\u061c\u200b\ufeff")


@pytest.mark.parametrize("case", HIDDEN)
def test_what_cannot_be_seen_comes_out_as_its_code(case: str) -> None:
    text, shown = HIDDEN[case]
    assert visible(text) == shown
    assert has_control(text)
    assert not has_control(shown)


@pytest.mark.parametrize("text", SEEN)
def test_letters_of_every_language_stay_as_they_are(text: str) -> None:
    assert visible(text) == text
    assert not has_control(text)


@given(st.text())
def test_nothing_hidden_is_left_and_isolates_are_whole(text: str) -> None:
    for shown in (visible(text), isolated(text, keep=""), _("before {name} after", name=text)):
        assert not MARKS & set(shown)
        assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in shown if sign not in "\n\t")
        depth = 0
        for sign in shown:
            depth += (sign == "\u2068") - (sign == "\u2069")
            assert depth >= 0
        assert depth == 0
    assert visible(visible(text)) == visible(text)
    assert isolated(isolated(text)) == isolated(text)


def test_the_quick_answer_is_never_a_wrong_yes() -> None:
    signs = [chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000]
    harmless = [sign for sign in signs if is_harmless(sign)]
    assert all(isolated(sign) == sign for sign in harmless)
    assert set("aZ 9\n±–·層权“”，。é") <= set(harmless)


@given(st.text(alphabet=st.characters(blacklist_categories=("Cs",))))
def test_escaped_json_is_the_same_data(text: str) -> None:
    written = json_escaped(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert json.loads(written) == {text: [text]}
    assert not has_control(written.replace("\n", "")) or "\u2068" in text


def test_what_fills_a_sentence_cannot_reorder_it() -> None:
    assert _("{name} has ended.", name="all") == "all has ended."
    assert _("{name} has ended.", name="שלום") == "\u2068שלום\u2069 has ended."
    assert _("{name} has ended.", name="a\u202eb") == "a\\u202eb has ended."
    assert _("{name!r} of {n:,}: {x:.1f}", name="\u2069x", n=1000, x=1.25) == "'\\u2069x' of 1,000: 1.2"
    assert (
        _("Got: {problem}.", problem=_("{name} is none", name="שלום")) == "Got: \u2068\u2068שלום\u2069 is none\u2069."
    )
    assert ngettext("{n} of {name}", "{n} of {name}", 2, name="\x1b[2J") == "2 of \\x1b[2J"


@pytest.mark.parametrize("case", HIDDEN)
def test_a_name_with_what_cannot_be_seen_is_refused_at_every_door(case: str, tmp_path, monkeypatch) -> None:
    name = HIDDEN[case][0]
    sentence = "name must have visible characters"
    with pytest.raises(ConfigError, match=sentence):
        check_name(name)
    if "\ud800" not in name:
        for read, more in ((read_experiment, ""), (read_sweep, "\nfolds: 2")):
            with pytest.raises(ConfigError, match=sentence):
                read(f"name: {json.dumps(name)}{more}")
    store = open_store(tmp_path / "home")
    try:
        with pytest.raises(ConfigError, match=sentence):
            service.submit(store, [build_config()], name)
        with pytest.raises(StoreError, match="visible characters"):
            import_run(store, sample_folder("sample-dates-none"), comparison=name)
        assert store.runs() == []
    finally:
        store.close()


def test_a_name_may_be_in_any_language_and_says_what_is_wrong_with_its_length() -> None:
    for name in SEEN[1:]:
        assert check_name(name) == name
    with pytest.raises(ConfigError, match=r"1 to 120 characters\. Got 121 characters"):
        check_name("x" * 121)
    with pytest.raises(ConfigError, match=r"1 to 120 characters\. Got int"):
        check_name(7)


@pytest.fixture
def old_store(tmp_path):
    """A store from before names were checked."""
    store = open_store(tmp_path / "home")
    run = import_run(store, sample_folder("sample-dates-none"), comparison="x")
    with store.writing() as connection:
        for table in (schema.run, schema.comparison):
            connection.execute(sa.update(table).values(name=f"old\n{OSC}\u202e"))
    yield store, run.id
    store.close()


def test_names_that_are_stored_already_are_read_as_codes(old_store: tuple[Store, str]) -> None:
    store, run_id = old_store
    shown = "old\\x0a\\x1b]0;owned\\x07\\u202e"
    assert store.run(run_id).name == store.comparisons()[0].name == shown
    with store.writing() as connection:
        connection.execute(sa.update(schema.run).values(status="queued"))
    assert [run.name for run in store.active_jobs()] == [shown]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_command_line_prints_an_old_name_and_a_hostile_log_without_harm(
    old_store: tuple[Store, str], more: list[str], monkeypatch
) -> None:
    store, run_id = old_store
    monkeypatch.setenv("CLPS_HOME", str(store.home))
    (store.run_folder(run_id) / "log.txt").write_text(f"Step 1\n{OSC}\x9b2J \u202eabc\n")
    for command in (["runs", "list"], ["runs", "show", run_id], ["runs", "logs", run_id]):
        result = CliRunner().invoke(app, [*command, *more])
        assert result.exit_code == 0, result.output
        assert not set(result.output) & {"\x1b", "\x07", "\x9b", "\u202e"}


def test_whatever_is_printed_is_harmless(capsys) -> None:
    hostile = f"{OSC}\x9b2J\u202e\u200b"
    print_lines(hostile)
    print_table([hostile], [[hostile]], title=hostile)
    print_json({"name": hostile})
    say(hostile)
    printed = "".join(capsys.readouterr())
    assert not set(printed) & set("\x1b\x07\x9b\u202e\u200b")
    assert printed.count("\\u202e") == 6


def test_no_name_becomes_a_picture(capsys) -> None:
    """``:notes:`` stands for one elsewhere, and is a part of the name of a task here."""
    name = "data:notes:masked"
    print_table([name], [[name]], title=name)
    print_pairs([(name, name)])
    assert capsys.readouterr().out.count(name) == 5


def test_a_line_of_the_supervisors_log_is_harmless_where_it_is_followed() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    record = logging.LogRecord("x", logging.INFO, "", 0, "größer \x9b2J \u202e", (), None)
    handler.emit(record)
    assert json.loads(stream.getvalue())["text"] == "größer \x9b2J \u202e"
    assert not set(stream.getvalue()) & set("\x9b\u202e")
    assert "größer" in stream.getvalue()
