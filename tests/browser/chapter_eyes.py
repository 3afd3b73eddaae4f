"""What a reader could not read: texts too faint or cut."""

from __future__ import annotations

from playwright.sync_api import Error, Page

__all__ = ["cut", "faint"]

FAINT = """() => {
  const numbers = (colour) => {
    const found = colour.match(/[\\d.]+/g).map(Number); // rgb(1, 2, 3), or color(srgb 0.1 0.2 0.3 / 0.5) of a mix
    return colour.startsWith("color(") ? found.map((one, at) => (at < 3 ? one * 255 : one)) : found;
  };
  const over = (front, back) => {
    const alpha = front[3] ?? 1;
    return [0, 1, 2].map((at) => front[at] * alpha + back[at] * (1 - alpha));
  };
  const light = (colour) => {
    const linear = (share) => (share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = colour.map((one) => linear(one / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const up = (one) => one.assignedSlot || one.parentElement || one.getRootNode().host;
  const paper = (one) => {
    const layers = [];
    for (let at = one; at; at = up(at)) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      layers.push(numbers(style.backgroundColor));
      if ((layers.at(-1)[3] ?? 1) === 1) break;
    }
    return layers.reverse().reduce((back, front) => over(front, back), [255, 255, 255]);
  };
  const other = "svg, :disabled, [aria-disabled=true], [data-testid=stIconMaterial], [data-testid=stSliderThumbValue]";
  const found = [];
  const walk = (node) => {
    if (node.nodeType === 3 && node.data.trim() && node.parentElement) {
      const one = node.parentElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
      let opacity = 1;
      for (let at = one; at; at = up(at)) opacity *= getComputedStyle(at).opacity;
      const seen = box.width > 1 && box.height > 1 && style.visibility === "visible" && opacity > 0;
      if (seen && !one.closest(other)) {
        const back = paper(one);
        if (back) {
          const ink = numbers(style.color);
          ink[3] = (ink[3] ?? 1) * opacity;
          const [low, high] = [light(over(ink, back)), light(back)].sort((a, b) => a - b);
          const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
          const contrast = (high + 0.05) / (low + 0.05);
          if (contrast < (large ? 3 : 4.5)) found.push(`${contrast.toFixed(2)}: ${node.data.trim().slice(0, 50)}`);
        }
      }
    }
    if (node.nodeType === 1 && ["STYLE", "SCRIPT"].includes(node.tagName)) return;
    if (node.shadowRoot) walk(node.shadowRoot);
    node.childNodes.forEach(walk);
  };
  walk(document.querySelector("[data-testid=stMain]"));
  return [...new Set(found)];
}"""
"""Texts with less contrast than WCAG 2.1 asks for (1.4.3), as they come out on what is behind them.

The value of a slider stands above its thumb, not on it as the document has it.
"""

CUT = """() => [...document.querySelectorAll("[data-testid=stMain] *")]
  .filter((one) => one.clientWidth > 1 && one.scrollWidth > one.clientWidth + 1 && one.innerText?.trim())
  .filter((one) => getComputedStyle(one).overflowX === "hidden" && !one.closest("[data-testid=stSelectbox]"))
  .map((one) => one.innerText.slice(0, 60))"""
"""Texts that are cut where they stand. What is chosen in a list is cut on purpose."""


def faint(page: Page) -> list[str]:
    """The contrast and the beginning of each text that has too little of it."""
    try:
        page.wait_for_function(f"() => ({FAINT})().length === 0", timeout=60_000)  # colours come with their theme
    except Error:
        return list(page.evaluate(FAINT))
    return []


def cut(page: Page) -> list[str]:
    """The beginning of each text of which a part is not seen."""
    return list(page.evaluate(CUT))
