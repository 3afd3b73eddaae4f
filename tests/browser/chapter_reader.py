"""A reader of Learn in a browser: predicts, acts, answers the questions and goes on. Start at Reader.

What a chapter must say is read from the chapter itself, in the reader's language. So is what must not be there: in
another language, the English text of a message that has a translation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from chapter_actions import ACTIONS
from playwright.sync_api import Error, Locator, Page, expect

from app import navigation
from app.learn.chapter import Chapter, Choice
from app.learn.chapters import CHAPTERS
from app.learn.terms import terms_of
from clps_core.catalogues import ENGLISH
from clps_core.words import _ as said
from docs import make_languages

__all__ = ["Reader"]

TEXTS = """(main) => {
  const found = [];
  const add = (text) => text && found.push(text);
  const walk = (node) => {
    if (node.nodeType === 3) return;
    if (node.nodeType === 1) {
      if (["STYLE", "SCRIPT"].includes(node.tagName)) return;
      const own = [...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join(" ");
      add(own.trim());
      for (const name of ["aria-label", "title", "alt", "placeholder", "data-note"]) add(node.getAttribute(name));
      if (node.shadowRoot) walk(node.shadowRoot);
    }
    node.childNodes.forEach(walk);
  };
  walk(main);
  return [main.innerText, ...found].join("\\n");
}"""
"""Every text of the page, those of closed sections and those that are only read out as well."""

ERRORS = "[data-testid=stException], [data-testid=stAlertContentError]"
SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """``text`` with single spaces, as it is read."""
    return SPACE.sub(" ", text).strip()


@cache
def english_texts(language: str) -> tuple[str, ...]:
    """What must not be read in ``language``: the parts between fields of English messages that have a translation."""
    catalogue = make_languages.read(language)
    parts: dict[str, None] = {}
    kept: list[str] = []
    for message in catalogue:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        translated = make_languages.texts(message)
        kept += translated or ids
        if translated:
            parts |= dict.fromkeys(
                plain(part) for one in ids for line in one.split("\n") for part in make_languages.FIELD.split(line)
            )
    whole = "\n".join(plain(one) for one in kept)
    return tuple(part for part in parts if part.count(" ") > 1 and len(part) > 14 and part not in whole)


def english_in(text: str, language: str) -> list[str]:
    """Texts of the catalogue that ``text`` has in English although ``language`` has them; none for English itself."""
    return [] if language == ENGLISH else [part for part in english_texts(language) if part in text]


FITS = """() => [document.scrollingElement, document.querySelector("[data-testid=stMain]")]
  .every((one) => one.scrollWidth <= one.clientWidth)"""
SETTLED = """() => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "notRunning"
  && !document.querySelector("[data-stale=true]")
  && document.getAnimations().every((one) => one.playState !== "running" || one.effect.getTiming().iterations > 9)"""


@dataclass
class Reader:
    """``page`` of a session in ``language``, on the server at ``url``. ``words.language()`` must be the same here."""

    page: Page
    url: str
    language: str = ENGLISH

    @property
    def main(self) -> Locator:
        """What a page is besides the menu."""
        return self.page.get_by_test_id("stMain")

    @property
    def show(self) -> Locator:
        """The button that is waited for."""
        return self.page.get_by_role("button", name=said("Show the answer"))

    def opens(self, chapter: Chapter) -> None:
        """Go to the chapter's address."""
        self.page.goto(f"{self.url}/learn?chapter={chapter.key}")
        self.is_at(chapter)

    def is_at(self, chapter: Chapter) -> None:
        """The chapter stands there, with its number."""
        title = f"{CHAPTERS.index(chapter) + 1}. {chapter.title()}"
        expect(self.main.get_by_role("heading", level=2, name=title, exact=True)).to_be_visible()
        expect(self.page).to_have_url(re.compile(rf"[?&]chapter={chapter.key}\b"))

    def tells(self, text: str) -> None:
        """``text`` is there to read."""
        expect(self.main).to_contain_text(plain(text))

    def asked(self, question: Choice) -> Locator:
        """The options of ``question``."""
        return self.main.get_by_role("radiogroup", name=plain(question.asks()), exact=True)

    def chooses(self, question: Choice, answer: str) -> None:
        """One option of ``question``."""
        self.takes(self.asked(question), plain(question.options()[answer]))

    # The hands: a reader with a mouse

    def presses(self, button: Locator) -> None:
        """A button."""
        button.click()

    def opens_section(self, section: Locator) -> None:
        """A part of the page that is closed."""
        section.locator("summary").click()

    def takes(self, options: Locator, option: str) -> None:
        """One of several options below one another."""
        options.get_by_text(option, exact=True).click()

    def picks(self, group: str, option: str) -> None:
        """One of several options in a row."""
        options = self.main.get_by_role("radiogroup", name=group, exact=True)
        options.get_by_role("radio", name=option, exact=True).click()

    def turns(self, slider: Locator) -> None:
        """One step up."""
        slider.press("ArrowRight")

    def selects(self, cell: Locator) -> None:
        """A cell of a map."""
        cell.click()

    def looks_at(self, link: str, name: str, query: str) -> None:
        """Follow the first link called ``link`` to the page ``name``, and come back."""
        chapter = self.main.get_by_role("heading", level=2).inner_text()
        self.presses(self.main.get_by_role("link", name=link).first)
        expect(self.page).to_have_url(re.compile(rf"/{name}\?.*{query}"))
        expect(self.main.get_by_role("heading", level=1)).to_have_text(navigation.page(name).question)
        self.is_settled()
        self.page.go_back()
        expect(self.main.get_by_role("heading", level=2, name=chapter, exact=True)).to_be_visible()

    def types(self, field: Locator, text: str) -> None:
        """``text`` instead of what stands there."""
        field.fill(text)
        field.press("Enter")

    # What the reader does

    def predicts(self, chapter: Chapter) -> None:
        """Answer the question: only then is the result to be had, and only on request is it shown."""
        question = chapter.predict
        expect(self.show).to_be_disabled()
        self.knows_nothing_yet(chapter)
        if isinstance(question, Choice):
            self.chooses(question, question.right())
        else:
            self.turns(self.main.get_by_role("slider"))
        expect(self.show).to_be_enabled()
        self.knows_nothing_yet(chapter)

    def knows_nothing_yet(self, chapter: Chapter) -> None:
        """Before the prediction there is no result."""
        for text in (chapter.claim(), chapter.seen(), chapter.predict.why(), said("Check yourself")):
            expect(self.main).not_to_contain_text(plain(text))

    def sees_the_result(self, chapter: Chapter) -> None:
        """The answer, what the chapter teaches, and what it shows and leaves open."""
        expect(self.show).to_have_count(0)
        for text in (chapter.predict.why(), chapter.claim(), chapter.seen(), chapter.open()):
            self.tells(text)

    def checks(self, chapter: Chapter) -> None:
        """A wrong answer to the first question, and the right one to each."""
        first = chapter.checks[0]
        self.chooses(first, next(one for one in first.options() if one != first.right()))
        self.tells(f"→ {said('Not quite.')}")
        self.tells(first.why())
        for question in chapter.checks:
            expect(self.main).not_to_contain_text(plain(f"✓ {said('Right.')} {question.why()}"))
            self.chooses(question, question.right())
            self.tells(f"✓ {said('Right.')} {question.why()}")

    def reads_terms_and_sources(self, chapter: Chapter) -> None:
        """Open both lists."""
        terms = terms_of(chapter)
        for title, texts in (
            (said("Terms of this chapter"), [f"{one.title}: {one.text}" for one in terms]),
            (said("Sources"), [f"{one.name}: {one.says()}" for one in chapter.sources]),
        ):
            section = self.main.get_by_test_id("stExpander").filter(has=self.page.get_by_text(title, exact=True))
            expect(section).to_have_count(1 if texts else 0)
            if texts:
                self.opens_section(section)
                items = section.get_by_role("listitem").filter(visible=True)
                expect(items).to_have_text([plain(one) for one in texts])
        for one in chapter.sources:
            expect(self.main.locator(f"a[href={one.link!r}]").first).to_be_visible()

    def kept(self, chapter: Chapter) -> None:
        """What was answered stands there, as after a reload."""
        self.is_at(chapter)
        self.sees_the_result(chapter)
        for question in chapter.checks:
            self.tells(f"✓ {said('Right.')} {question.why()}")
            right = self.asked(question).locator("label").filter(has=self.page.locator("input:checked"))
            expect(right).to_have_text(plain(question.options()[question.right()]))

    def goes_on(self, chapter: Chapter) -> Chapter | None:
        """To the next chapter; ``None`` after the last one, which has no button for it."""
        following = CHAPTERS[CHAPTERS.index(chapter) + 1 :]
        if not following:
            expect(self.main.locator(".st-key-learn\\.next")).to_have_count(0)
            return None
        self.presses(
            self.page.get_by_role("button", name=said("Next: {title}", title=following[0].title()), exact=True)
        )
        self.is_at(following[0])
        return following[0]

    def is_settled(self) -> None:
        """The server has answered, and nothing moves any more."""
        self.page.wait_for_function(SETTLED)

    def is_whole(self) -> None:
        """There is nothing to say against the page."""
        assert self.troubles() == []

    def troubles(self) -> list[str]:
        """Errors, whether something is beyond the edge, and English texts that the reader's language has."""
        self.is_settled()
        found = [f"an error: {one}" for one in self.page.locator(ERRORS).all_inner_texts()]
        text = plain(self.main.evaluate(TEXTS))
        found += [one for one in ("Traceback", "NaN", "undefined") if one in text]
        found += [f"in English: {one}" for one in english_in(text, self.language)]
        try:
            self.page.wait_for_function(FITS)  # a chart follows a new width a moment later
        except Error:
            found.append("wider than its window")
        return found

    def works_through(self, chapter: Chapter) -> None:
        """The whole chapter as far as the button to the next one."""
        self.predicts(chapter)
        self.is_whole()
        self.presses(self.show)
        self.sees_the_result(chapter)
        ACTIONS[chapter.key](self)
        self.checks(chapter)
        self.reads_terms_and_sources(chapter)
        self.is_whole()
