"""A sentence that a store keeps is said in the language of whoever reads it."""

from __future__ import annotations

import copy
import gettext
import json

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from clps_core import catalogues, words
from clps_core.config import build_config
from clps_core.errors import ConfigError
from clps_core.jobs.processes import SupervisorLock
from clps_core.store import Store, schema
from clps_core.words import Said, _, kept, ngettext, told


class Marked(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return f"«{message}»"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"«{msgid1 if n == 1 else msgid2}»"


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch):
    """Calling it changes the reader."""
    monkeypatch.setattr(catalogues, "_added", {})
    words.add_language("qps", Marked())
    yield lambda: words.ask_language(lambda: "qps")
    words.ask_language(None)


def test_a_text_is_said_again_with_its_fields_and_the_sentences_within_it(foreign) -> None:
    problem = _("{name!r} is {share:.1%} of {n:,}", name="a", share=0.5, n=1234)
    text = _("Got: {problem}.", problem=problem)
    stored = kept(text)
    assert text == told(stored) == "Got: 'a' is 50.0% of 1,234."
    foreign()
    assert told(stored) == "«Got: «'a' is 50.0% of 1,234».»"


def test_a_counted_text_is_counted_again(foreign) -> None:
    one, many = (kept(ngettext("{n} run", "{n} runs", n)) for n in (1, 2))
    foreign()
    assert (told(one), told(many)) == ("«1 run»", "«2 runs»")


def test_a_copy_is_the_same() -> None:
    text = ngettext("{n} run", "{n} runs", 2)
    again = copy.deepcopy(text)
    assert (again, again.message, again.fields, again.plural) == (text, "{n} run", {"n": 2}, "{n} runs")


def test_an_error_keeps_the_message_of_its_sentence(foreign) -> None:
    with pytest.raises(ConfigError) as raised:
        build_config({"data": {"task": "nothing"}})
    stored = kept(str(raised.value))
    foreign()
    assert told(stored).startswith("«")


@pytest.mark.parametrize(
    "stored",
    [
        "Stopped by hand.",
        '{"say":',
        '{"say": 3, "with": {}}',
        '{"say": "{x}", "with": {}}',
        '{"say": "{x}"}',
        '{"say": "{x:>999999999}", "with": {"x": "a"}}',
        '{"say": "{x.__class__}", "with": {"x": "a"}}',
        '{"say": "{x[0]}", "with": {"x": "a"}}',
        '{"say": "{x:.1f}", "with": {"x": "a"}}',
        '{"say": "a {", "with": {"x": "a"}}',
        '{"say": "a", "with": ["x"]}',
        '{"say": ' * 5000,
    ],
)
def test_what_nobody_of_us_wrote_is_shown_as_it_is(stored: str) -> None:
    assert told(stored) == stored


def test_hostile_fields_cannot_reorder_the_sentence() -> None:
    stored = json.dumps({"say": "{name} has ended.", "with": {"name": "a\u202eb"}})
    assert told(stored) == "a\\u202eb has ended."


@given(st.dictionaries(st.sampled_from("abc"), st.none() | st.booleans() | st.integers() | st.floats() | st.text()))
def test_whatever_fills_a_message_comes_back(fields: dict) -> None:
    message = " ".join(f"{{{name}}}" for name in fields) or "nothing"
    text = _(message, **fields)
    assert isinstance(text, Said)
    assert told(kept(text)) == text


def test_the_store_and_the_supervisors_lock_keep_messages(foreign, store: Store, tmp_path) -> None:
    reason = _("Stopped at step {step} ({reason} requested).", step=3, reason="pause")
    store.create_comparison("a", [build_config()])
    with store.writing() as connection:
        connection.execute(sa.update(schema.run).values(reason=reason))
        (raw,) = connection.execute(sa.text("SELECT reason FROM run")).scalars()
    assert json.loads(raw)["with"] == {"step": 3, "reason": "pause"}
    assert store.runs()[0].reason == str(reason)

    lock = SupervisorLock(tmp_path)
    assert lock.acquire()
    lock.describe({"pid": 1, "slots": 2, "threads": 1, "reason": reason, "problem": None})
    lock.release()
    foreign()
    wanted = "«Stopped at step 3 (pause requested).»"
    assert store.runs()[0].reason == wanted
    assert lock.last_words()["reason"] == wanted
