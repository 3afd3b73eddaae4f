"""A reader of Learn who has a keyboard only, and has to see where it is."""

from __future__ import annotations

from chapter_reader import Reader
from playwright.sync_api import Locator, expect

__all__ = ["ReaderWithoutMouse"]

MOST = 400
"""Places that a page may have for Tab."""

AT = """(wanted) => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at === wanted || wanted.contains(at);
}"""
LOOKS = """(wanted) => {
  let around = wanted;
  for (let up = 0; up < 3; up += 1) around = around.parentElement || around;
  const names = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderTopColor", "backgroundColor"];
  return JSON.stringify([around, ...around.querySelectorAll("*")].map((one) => {
    const style = getComputedStyle(one);
    return names.map((name) => style[name]);
  }));
}"""
"""What a focus may change, of an element and of what is around it: the mark of a radio stands beside its input."""


class ReaderWithoutMouse(Reader):
    """Tab to each thing, then arrows, Space and Enter; letters only where there is something to write."""

    def reaches(self, wanted: Locator) -> None:
        """Tab as far as ``wanted`` or something in it; that it is there must be seen."""
        self.is_settled()
        before = wanted.evaluate(LOOKS)
        if self._is_in(wanted):
            return
        for _step in range(MOST):
            self.page.keyboard.press("Tab")
            if self._is_in(wanted):
                break
        else:
            raise AssertionError(f"Tab does not lead to {wanted}")
        at = wanted.element_handle()
        self.page.wait_for_function(f"([wanted, before]) => ({LOOKS})(wanted) !== before", arg=[at, before])

    def _is_in(self, wanted: Locator) -> bool:
        return bool(wanted.evaluate(AT))

    def _moves(self, key: str, wanted: Locator) -> None:
        """An arrow as often as needed."""
        for _step in range(MOST):
            if self._is_in(wanted):
                return
            self.page.keyboard.press(key)
        raise AssertionError(f"{key} does not lead to {wanted}")

    def presses(self, button: Locator) -> None:
        self.reaches(button)
        self.page.keyboard.press("Enter")

    def opens_section(self, section: Locator) -> None:
        self.presses(section.locator("summary"))

    def takes(self, options: Locator, option: str) -> None:
        wanted = options.locator("label").filter(has=self.page.get_by_text(option, exact=True)).locator("input")
        self.reaches(options)
        self._moves("ArrowDown", wanted)
        self.page.keyboard.press("Space")
        expect(wanted).to_be_checked()

    def picks(self, group: str, option: str) -> None:
        options = self.main.get_by_role("radiogroup", name=group, exact=True)
        wanted = options.get_by_role("radio", name=option, exact=True)
        self.reaches(options)
        self._moves("ArrowRight", wanted)
        self.page.keyboard.press("Space")
        expect(wanted).to_be_checked()

    def turns(self, slider: Locator) -> None:
        self.reaches(slider)
        self.page.keyboard.press("ArrowRight")

    def selects(self, cell: Locator) -> None:
        self.reaches(cell.locator("xpath=.."))
        self._moves("ArrowRight", cell)
        self.page.keyboard.press("Enter")

    def types(self, field: Locator, text: str) -> None:
        self.reaches(field)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")
