"""Who reads Chinese: by the switch, else by the browser, else by the server's setting."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.cells import cell_len
from streamlit.testing.v1 import AppTest

from app.look.language import SWITCH
from clps_core import catalogues, words
from clps_core.cli.wide_help import wrapped
from clps_core.words import either, in_a_sentence, listed, sentences, together

OpenPage = Callable[..., AppTest]
ROOT = Path(__file__).resolve().parents[2]
TITLE = {"en": "What is this machine doing?", "zh": "这台机器在做什么？"}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in (catalogues.SETTING, *catalogues.USUAL):
        monkeypatch.delenv(name, raising=False)
    yield
    words.ask_language(None)


def reads(test: AppTest) -> str:
    assert not test.exception
    assert test.button_group(key=SWITCH).value == next(
        name for name, title in TITLE.items() if title == test.title[0].value
    )
    return str(test.button_group(key=SWITCH).value)


def opened(home: Path, browser: str | None, **query: str) -> AppTest:
    test = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
    if browser is not None:
        test.context = {"locale": browser}
    test.switch_page("../pages/system.py")
    for name, value in query.items():
        test.query_params[name] = value
    return test.run()


def test_the_switch_beats_the_browser_and_the_browser_beats_the_server(home, monkeypatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert reads(opened(home, None)) == "zh"
    monkeypatch.setenv(catalogues.SETTING, "en")
    assert reads(opened(home, None)) == "en", "the setting beats the system's language"
    monkeypatch.setenv(catalogues.SETTING, "zh")
    assert reads(opened(home, None)) == "zh"
    assert reads(opened(home, "fr-FR")) == "zh", "a language that there is not"

    test = opened(home, "en-GB")
    assert reads(test) == "en"
    test.button_group(key=SWITCH).set_value("zh").run()
    assert reads(test) == "zh"
    assert test.query_params["lang"] == "zh", "a copied address shows the same"
    test.query_params.clear()
    test.switch_page("../pages/start.py").run()
    assert test.title[0].value == "什么是层间权重共享？"
    assert test.query_params["lang"] == "zh"
    test.button_group(key=SWITCH).set_value("en").run()
    assert test.title[0].value == "What is weight sharing between layers?"
    assert "lang" not in test.query_params, "it says what the browser says"


def test_the_address_chooses_and_nonsense_in_it_is_told_and_left_out(home) -> None:
    assert reads(opened(home, "zh-CN", lang="en")) == "en"
    test = opened(home, "zh-CN", lang="tlh\u202e<b>")
    assert reads(test) == "zh"
    assert len(test.error) == 1
    assert "en, zh" in test.error[0].value
    assert "<b>" not in test.error[0].value
    assert "lang" not in test.query_params


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (["zh-CN"], "zh"),
        (["zh_Hans_CN.UTF-8"], "zh"),
        (["ZH"], "zh"),
        (["fr", "zh"], "zh"),
        (["C.UTF-8"], "en"),
        (["en-US"], "en"),
        (["fr"], None),
        ([None, ""], None),
        (["../../zh"], None),
    ],
)
def test_a_locale_means_a_language_that_there_is(asked: list[str | None], found: str | None) -> None:
    assert catalogues.best(asked) == found


def test_a_chinese_reader_has_chinese_lists_sentences_and_plurals() -> None:
    assert (listed("abc"), together("abc"), either("ab")) == ("a, b, c", "a, b and c", "a or b")
    assert (sentences(["One.", "", "Two."]), in_a_sentence("Accuracy")) == ("One. Two.", "accuracy")
    assert (listed([]), together([]), either(["a"]), sentences([])) == ("", "", "a", "")
    words.ask_language(lambda: "zh")
    assert (listed("abc"), together("abc"), either("ab")) == ("a、b、c", "a、b和c", "a或b")
    assert sentences(["一。", "二。"]) == "一。二。"
    assert sentences(["One.", "二。"]) == "One. 二。", "a message that waits for its translation"
    assert in_a_sentence("BLEU") == "BLEU"
    one, many = (words.ngettext("{n} run", "{n} runs", n) for n in (1, 2))
    assert one.replace("1", "2") == many


def test_help_is_broken_by_columns_and_keeps_every_character() -> None:
    text = "在后台作业中用相同的数据为每个共享策略和每个随机种子训练一个模型：cycle:3、all。 [默认：none]"
    lines = wrapped(text, 20)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert max(map(cell_len, lines)) <= 20
    assert not any(line[0] in "，。、：" for line in lines)
    assert wrapped("a word-of-more-than-ten b", 10) == ["a", "word-of-more-than-ten", "b"]
    assert wrapped("", 10) == [""]


def test_the_command_line_is_chinese_and_a_wrong_setting_is_told(tmp_path: Path) -> None:
    def clps(*words: str, language: str) -> tuple[str, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "clps_core.cli", *words],
            cwd=ROOT, env={"CLPS_LANGUAGE": language, "PYTHONUTF8": "1", "COLUMNS": "80", "CLPS_HOME": str(tmp_path)},
            check=True, capture_output=True, encoding="utf-8",
        )  # fmt: skip
        return ended.stdout, ended.stderr

    said, _problem = clps("train", "--help", language="zh")
    assert said.startswith("用法：")
    assert "显示本说明并退出。" in said
    assert max(map(cell_len, said.splitlines())) <= 80
    said, problem = clps("train", "--help", language="tlh")
    assert "Usage: " in said
    assert problem == "CLPS_LANGUAGE must be one of en, zh. Got 'tlh'. It is ignored.\n"


def test_english_opens_no_catalogue_and_the_command_line_reads_the_environment() -> None:
    program = "import sys; from clps_core.words import _; print(_('Language'), 'babel' in sys.modules)"
    said = {
        name: subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT, env={"CLPS_LANGUAGE": name, "PYTHONUTF8": "1"}, check=True, capture_output=True, encoding="utf-8",
        ).stdout.split()
        for name in ("en", "zh")
    }  # fmt: skip
    assert said == {"en": ["Language", "False"], "zh": ["语言", "True"]}
