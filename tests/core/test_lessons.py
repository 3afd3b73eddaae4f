"""Lessons: what a link and a file may carry, who signed it, and one sentence for each that is none."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clps_core import lessons
from clps_core.errors import ConfigError
from clps_core.lesson_answers import MOST_LESSONS, keep_answers, read_answers, with_answer
from clps_core.lessons import Lesson, Step, address_of, from_token, from_yaml, lesson_id, to_token, to_yaml
from clps_core.owners import Signer

SHIPPED = sorted((Path(__file__).resolve().parents[2] / "examples" / "lessons").glob("*.yaml"))
LESSON = Lesson(
    "Where are the weights?",
    (
        Step("design", (("strategy", "none"), ("strategy", "all")), "Look at **both**.\n\n* one\n* two", "How many?",
             ("One", "Six"), ("schemes",), ("sizes", "map")),
        Step("start", note="Well done."),
        Step("attention", (("run", "sample-dates-all"), ("text", "May 1 & more = ?")), question="What do you see?"),
    ),
    "A first look.",
)  # fmt: skip


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    (tmp_path / "here").mkdir()
    return Signer.of_home(tmp_path / "here")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Signer:
    (tmp_path / "elsewhere").mkdir()
    return Signer.of_home(tmp_path / "elsewhere")


def packed(plain: object) -> str:
    """A token with this content and a signature that nobody made."""
    content = plain if isinstance(plain, bytes) else json.dumps(plain).encode()
    return f"1.{base64.urlsafe_b64encode(zlib.compress(content)).decode().rstrip('=')}.{'0' * lessons.SIGNATURE}"


def refused(token: str, signer: Signer) -> str:
    with pytest.raises(ConfigError) as caught:
        from_token(token, signer)
    return str(caught.value)


# There and back


def test_a_lesson_comes_back_from_its_link_verified_here_and_unverified_elsewhere(signer, elsewhere):
    token = to_token(LESSON, signer)
    assert from_token(token, signer) == (LESSON, True)
    assert from_token(token, elsewhere) == (LESSON, False)
    assert from_token(token, None) == (LESSON, False)


def test_a_lesson_comes_back_from_its_file_and_a_shipped_one_fits_a_link(signer):
    assert from_yaml(to_yaml(LESSON)) == LESSON
    assert len(SHIPPED) == 3
    for path in SHIPPED:
        lesson = from_yaml(path.read_text(encoding="utf-8"))
        assert from_yaml(to_yaml(lesson)) == lesson
        assert from_token(to_token(lesson, signer), signer) == (lesson, True)


def test_a_shipped_lesson_is_the_same_lesson_in_another_language():
    translated = sorted(SHIPPED[0].parent.glob("*/*.yaml"))
    assert {path.name for path in translated if path.parent.name == "zh"} == {path.name for path in SHIPPED}
    for path in translated:
        there, here = (from_yaml(one.read_text(encoding="utf-8")) for one in (path, path.parents[1] / path.name))
        assert there.title != here.title
        for ours, theirs in zip(here.steps, there.steps, strict=True):
            assert (ours.address, ours.hide, ours.lock) == (theirs.address, theirs.hide, theirs.lock)
            assert len(ours.options) == len(theirs.options)


texts = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(title=texts, note=texts, question=texts, value=texts)
def test_whatever_is_typed_comes_back_as_it_is_kept_or_is_refused(title, note, question, value):
    try:
        lesson = lessons.from_plain(
            {"title": title, "steps": [{"address": "/tryit", "note": note, "question": question}]}
        )
    except ConfigError:
        assert not title.split()
        return
    signer = Signer(b"k" * 32, Path())
    lesson = Lesson(lesson.title, (Step("tryit", (("text", value),) if value else (), note, question),))
    kept, _verified = from_token(to_token(lesson, signer), signer)
    assert from_token(to_token(kept, signer), signer) == (kept, True)
    assert from_yaml(to_yaml(kept)) == kept


def test_a_lesson_that_is_changed_has_another_id():
    changed = Lesson(LESSON.title, (*LESSON.steps[:2], Step("attention")), LESSON.about)
    assert lesson_id(LESSON) == lesson_id(from_yaml(to_yaml(LESSON)))
    assert lesson_id(LESSON) != lesson_id(changed)


# Links that are none


def test_a_forged_link_opens_but_is_not_verified(signer):
    _version, _content, signature = to_token(LESSON, signer).split(".")
    other = Lesson("Something else", LESSON.steps)
    content = to_token(other, signer).split(".")[1]
    assert from_token(f"1.{content}.{signature}", signer) == (other, False)


def test_a_cut_link_says_so_wherever_it_is_cut(signer):
    token = to_token(LESSON, signer)
    for end in range(0, len(token), 7):
        assert "is not complete" in refused(token[:end], signer)
    assert "is not complete" in refused(token[:-1], signer)


def test_a_link_of_a_newer_version_says_so(signer):
    token = to_token(LESSON, signer)
    assert "newer version" in refused("2" + token[1:], signer)
    assert "newer version" in refused("99999999999999.xyz", signer)
    assert "is not complete" in refused("0" + token[1:], signer)
    assert "is not complete" in refused("²" + token[1:], signer)


@pytest.mark.parametrize(
    "token",
    ["", ".", "1..", "1.%%%.0", "../../x", "<script>", "1.eJw.ü", packed(b"\xff\xfe"), packed(b"[" * 100_000),
     packed(b"a" * 1_000_000), packed(b'{"title": NaN}'), "1." + "A" * 300 + "." + "0" * 32],
)  # fmt: skip
def test_a_link_with_anything_else_is_one_sentence(signer, token):
    assert "is not complete" in refused(token, signer)


def test_a_link_that_is_too_long_is_not_unpacked(signer):
    assert "at most 7,000 characters. Got 7,001" in refused("1" * 7001, signer)


STEP = {"address": "/design"}


@pytest.mark.parametrize(
    ("plain", "says"),
    [
        ([], "must have the fields title, about, steps"),
        ({"title": "x"}, "from 1 to 12 steps"),
        ({"title": "x", "steps": []}, "from 1 to 12 steps. Got 0"),
        ({"title": "x", "steps": [STEP] * 13}, "from 1 to 12 steps. Got 13"),
        ({"title": " \n", "steps": [STEP]}, "must have a title"),
        ({"title": "x" * 121, "steps": [STEP]}, "at most 120 characters. Got 121"),
        ({"title": ["x"], "steps": [STEP]}, "must be text"),
        ({"title": "x", "steps": [STEP], "script": "y"}, "only. Got 'script'"),
        ({"title": "x", "steps": [7]}, "a step must have the fields"),
        ({"title": "x", "steps": [{"address": "/DESIGN!"}]}, "a page of this dashboard"),
        ({"title": "x", "steps": [{**STEP, "note": "y" * 3001}]}, "at most 3,000 characters. Got 3,001"),
        ({"title": "x", "steps": [{"address": "javascript:alert(1)"}]}, "a page of this dashboard"),
        ({"title": "x", "steps": [{"address": "/" + "y" * 4000}]}, "at most 4,000 characters"),
        ({"title": "x", "steps": [{"address": "/design?" + "a=1&" * 61}]}, "as the browser shows it"),
        ({"title": "x", "steps": [{**STEP, "hide": ["a} body{"]}]}, "parts of a page"),
        ({"title": "x", "steps": [{**STEP, "hide": "map"}]}, "hide must be a list"),
        ({"title": "x", "steps": [{**STEP, "question": "q", "options": ["a"]}]}, "at least two"),
        ({"title": "x", "steps": [{**STEP, "question": "q", "options": ["a", "a"]}]}, "at least two"),
        ({"title": "x", "steps": [{**STEP, "options": ["a", "b"]}]}, "at least two"),
        ({"title": "x", "steps": [{**STEP, "question": "q", "options": list("abcdefghi")}]}, "8 entries. Got 9"),
    ],
)  # fmt: skip
def test_a_lesson_with_what_may_not_be_in_one_says_what_must_be(signer, plain, says):
    assert says in refused(packed(plain), signer)


def test_a_lesson_too_long_for_a_link_is_refused_when_it_is_made(signer):
    notes = (json.dumps([hash((n, k)) for k in range(150)])[:2900] for n in range(12))
    with pytest.raises(ConfigError, match=r"at most 7,000 characters. Got [0-9,]+. Shorten the notes"):
        to_token(Lesson("Long", tuple(Step("design", note=note) for note in notes)), signer)


def test_characters_that_cannot_be_seen_are_written_out(signer):
    lesson, _verified = from_token(packed({"title": "a\u202eb\nc", "steps": [{**STEP, "note": "x\x1by\nz"}]}), signer)
    assert lesson.title == "a\\u202eb c"
    assert lesson.steps[0].note == "x\\x1by\nz"


# Addresses


def test_an_address_is_taken_as_the_browser_shows_it_without_the_door_key():
    pasted = (
        "https://lab.school.example/under/attention?run=abc&text=May%201&token=secret&lesson=1.x.y&lesson_step=2"
        "&Embed=true&=x&%3Cb%3E=y"
    )
    assert address_of(pasted) == ("attention", (("run", "abc"), ("text", "May 1")))
    assert address_of("http://127.0.0.1:8501/") == ("start", ())
    assert address_of("/design?strategy=none&strategy=all") == ("design", (("strategy", "none"), ("strategy", "all")))
    assert LESSON.steps[0].parameters() == {"strategy": ["none", "all"]}
    assert LESSON.steps[0].address == "/design?strategy=none&strategy=all"


# Answers


def test_answers_are_kept_for_each_person_and_an_empty_one_takes_it_back(tmp_path):
    found = with_answer(with_answer({}, "a" * 16, 0, "One"), "a" * 16, 2, "x" * 5000)
    assert keep_answers(tmp_path, "guest-1", found)
    assert read_answers(tmp_path, "guest-1") == {"a" * 16: {0: "One", 2: "x" * 1000}}
    assert read_answers(tmp_path, "guest-2") == {}
    assert with_answer(found, "a" * 16, 0, "") == {"a" * 16: {2: "x" * 1000}}


def test_of_many_lessons_the_one_answered_longest_ago_goes(tmp_path):
    found = {}
    for number in range(MOST_LESSONS + 1):
        found = with_answer(found, f"{number:016x}", 0, "y")
    found = with_answer(found, f"{1:016x}", 0, "z")
    assert f"{0:016x}" not in found
    assert list(found)[-1] == f"{1:016x}"


@pytest.mark.parametrize(
    "content", ["", "[]", '{"answers": {"x": {}}}', '{"answers": {"%s": {"99": "y"}}}' % ("a" * 16),
                '{"answers": {"%s": {"0": 7}}}' % ("a" * 16), '{"answers": {"7": 1}}'],
)  # fmt: skip
def test_a_file_of_answers_that_is_none_is_no_answers(tmp_path, content):
    keep_answers(tmp_path, "local", {"a" * 16: {0: "y"}})
    (file,) = (tmp_path / "lesson_answers").iterdir()
    file.write_text(content)
    assert read_answers(tmp_path, "local") == {}
