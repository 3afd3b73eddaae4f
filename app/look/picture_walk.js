// What stands on the page, as SVG: boxes, words, canvases and SVG of one figure. Start at drawFigure.
// picture_pen.js stands before this file. A canvas that has words offers `canvas.clpsDraw(pen)`; any other becomes an image.

const LEFT_OUT = "script, style, template, input, select, textarea, details, [data-picture=no], label:has(input, select), .modebar";
const PAPER = { background: "#ffffff", text: "#22252b", second: "#f3f3f3", line: "#d5d5d5", link: "#1f5fa8", red: "#a3372c", green: "#177245" };
const SVG_STYLES = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "opacity", "font-size", "font-weight", "text-anchor", "dominant-baseline"];
const NOT_DRAWN = ".hoverlayer, .draglayer, .zoomlayer, .selectionlayer, .menulayer, .drag, title";

/** Everything below `root`, shadow trees too, that `test` is true of. */
function below(root, test, found = []) {
  for (const child of (root.shadowRoot ?? root).children) {
    if (test(child)) found.push(child);
    below(child, test, found);
  }
  return found;
}

/**
 * The figure in `container` as [node, box]: a `<g>` and where it lies, in pixels of the page. Dark on white, whatever the
 * theme; all of it, also what is scrolled out of sight. The page is as before when this returns.
 */
function drawFigure(container) {
  const restore = onPaper(container);
  try {
    const group = svgNode("g"), box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
    walk(container, { into: group, box, opacity: 1, cut: null });
    return box.left < box.right && box.top < box.bottom ? [group, box] : null;
  } finally {
    restore();
  }
}

/** Lays the figure out for paper: our components take their colours from variables, and what scrolls is opened. */
function onPaper(container) {
  const hosts = below(container, (node) => node.shadowRoot), undo = [];
  const set = (node, styles) => {
    const before = node.getAttribute("style");
    for (const [name, value] of Object.entries(styles)) node.style.setProperty(name, value, "important");
    undo.push(() => (before === null ? node.removeAttribute("style") : node.setAttribute("style", before)));
  };
  const repaint = () => hosts.forEach((host) => [...host.shadowRoot.querySelectorAll("*")].forEach((node) => node.clpsRepaint?.()));
  for (const host of hosts) {
    set(host, {
      "--st-background-color": PAPER.background, "--st-text-color": PAPER.text, "--st-secondary-background-color": PAPER.second,
      "--st-border-color": PAPER.line, "--st-link-color": PAPER.link, "--st-red-text-color": PAPER.red, "--st-green-text-color": PAPER.green, color: PAPER.text, "color-scheme": "light",
    });
    const still = document.createElement("style");
    still.textContent = "*, *::before, *::after { transition: none !important; animation: none !important } [data-picture=no] { display: none !important }";
    host.shadowRoot.append(still);
    undo.push(() => still.remove());
  }
  repaint();
  for (const node of below(container, (one) => one instanceof HTMLElement)) {
    const style = getComputedStyle(node), scrolls = /auto|scroll/.test(style.overflowX + style.overflowY);
    if (scrolls) set(node, { overflow: "visible", "max-height": "none", "mask-image": "none" });
    if (style.position === "sticky") set(node, { position: "relative", left: "auto", top: "auto" });
  }
  return () => {
    undo.reverse().forEach((back) => back());
    repaint();
  };
}

function walk(node, place) {
  if (node.nodeType === Node.TEXT_NODE) return drawWords(node, place);
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches(LEFT_OUT)) return undefined;
  const box = node.getBoundingClientRect(), style = getComputedStyle(node);
  if (style.display !== "contents" && !node.checkVisibility({ visibilityProperty: true })) return undefined;
  const opacity = place.opacity * Number(style.opacity), here = { ...place, opacity };
  if (opacity === 0 || (box.width <= 1 && box.height <= 1 && style.overflow === "hidden")) return undefined; // read aloud only
  if (node instanceof SVGSVGElement) return drawSvg(node, box, here);
  if (box.width && box.height) drawBox(box, style, here);
  if (node instanceof HTMLCanvasElement) return drawCanvas(node, box, here);
  if (/hidden|clip/.test(style.overflowX)) here.cut = place.cut ? { left: Math.max(place.cut.left, box.left), right: Math.min(place.cut.right, box.right) } : box;
  for (const child of (node.shadowRoot ?? node).childNodes) walk(child, here);
  for (const which of ["::before", "::after"]) drawPseudo(node, which, box, here);
  return undefined;
}

function grow(box, { left, top, right, bottom }) {
  Object.assign(box, { left: Math.min(box.left, left), top: Math.min(box.top, top), right: Math.max(box.right, right), bottom: Math.max(box.bottom, bottom) });
}

function seen(colour, opacity) {
  const [fill, alpha] = solid(colour);
  return alpha * opacity > 0.003 ? { colour: fill, opacity: alpha * opacity < 0.999 ? alpha * opacity : undefined } : null;
}

function drawBox(box, style, { into, opacity, box: all }) {
  const round = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.width / 2, box.height / 2) || undefined;
  const whole = { x: box.left, y: box.top, width: box.width, height: box.height, rx: round };
  const marks = [], back = seen(style.backgroundColor, opacity);
  if (back) marks.push(svgNode("rect", { ...whole, fill: back.colour, "fill-opacity": back.opacity }));
  if (style.backgroundImage.includes("gradient(")) marks.push(...gradient(style, whole, opacity));
  marks.push(...borders(box, style, whole, opacity), ...rings(box, style, round, opacity));
  if (!marks.length) return;
  grow(all, box);
  into.append(...marks);
}

function borders(box, style, whole, opacity) {
  const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    width: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]), ink: seen(style[`border${side}Color`], opacity), dash: style[`border${side}Style`],
  }));
  const [first] = sides, dash = ({ dash: kind, width }) => (kind === "dashed" ? `${2 * width} ${2 * width}` : kind === "dotted" ? `${width} ${width}` : undefined);
  if (sides.every(({ width, ink }) => width === first.width && ink?.colour === first.ink?.colour)) {
    if (!first.width || !first.ink) return [];
    const { width } = first;
    return [svgNode("rect", { x: box.left + width / 2, y: box.top + width / 2, width: Math.max(0, box.width - width), height: Math.max(0, box.height - width), rx: whole.rx, fill: "none", stroke: first.ink.colour, "stroke-opacity": first.ink.opacity, "stroke-width": width, "stroke-dasharray": dash(first) })];
  }
  const ends = [[0, 0, 1, 0], [1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 1]], inward = [[0, 1], [-1, 0], [0, -1], [1, 0]];
  return sides.flatMap((side, at) => {
    if (!side.width || !side.ink) return [];
    const [x1, y1, x2, y2] = ends[at], [dx, dy] = inward[at].map((one) => (one * side.width) / 2);
    return [svgNode("line", { x1: box.left + x1 * box.width + dx, y1: box.top + y1 * box.height + dy, x2: box.left + x2 * box.width + dx, y2: box.top + y2 * box.height + dy, stroke: side.ink.colour, "stroke-opacity": side.ink.opacity, "stroke-width": side.width, "stroke-dasharray": dash(side) })];
  });
}

// Outlines, and shadows that are sharp lines around or inside of a box.
function rings(box, style, round, opacity) {
  const found = [], outline = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
  if (outline) found.push([parseFloat(style.outlineOffset) + outline / 2, outline, style.outlineColor]);
  for (const [, colour, spread, inset] of style.boxShadow.matchAll(/((?:rgb|color|oklab)\w*\([^)]*\)) 0px 0px 0px ([\d.]+)px( inset)?/g)) {
    const width = parseFloat(spread);
    if (width) found.push([(inset ? -1 : 1) * (width / 2), width, colour]);
  }
  return found.reverse().flatMap(([out, width, colour]) => {
    const ink = seen(colour, opacity);
    if (!ink) return [];
    return [svgNode("rect", { x: box.left - out, y: box.top - out, width: Math.max(0, box.width + 2 * out), height: Math.max(0, box.height + 2 * out), rx: round, fill: "none", stroke: ink.colour, "stroke-opacity": ink.opacity, "stroke-width": width })];
  });
}

function gradient(style, whole, opacity) {
  const [kind, inner] = [style.backgroundImage.split("(")[0], style.backgroundImage];
  const stops = [...inner.matchAll(/((?:rgb|color|oklab)\w*\([^)]*\))(?: ([\d.]+)(%|px))?/g)].map(([, colour, at, unit]) => ({ colour, at: at === undefined ? null : parseFloat(at), unit }));
  if (!stops.length) return [];
  const id = `fade${(gradient.count = (gradient.count ?? 0) + 1)}`;
  if (kind.startsWith("repeating")) {
    // Stripes: from the first colour to the second, along the diagonal.
    const step = Math.max(...stops.map(({ at }) => at ?? 0)) || 8, ink = stops.map(({ colour }) => seen(colour, opacity)).find(Boolean);
    if (!ink) return [];
    const made = svgNode("pattern", { id, width: step, height: step, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
    made.append(svgNode("rect", { width: Math.max(1, step / 4), height: step, fill: ink.colour, "fill-opacity": ink.opacity }));
    return [made, svgNode("rect", { ...whole, fill: `url(#${id})` })];
  }
  const made = svgNode("linearGradient", /to right|90deg/.test(inner) ? { id } : { id, x2: 0, y2: 1 });
  stops.forEach(({ colour, at }, place) => {
    const [stop, alpha] = solid(colour);
    made.append(svgNode("stop", { offset: at === null ? place / Math.max(1, stops.length - 1) : at / 100, "stop-color": stop, "stop-opacity": alpha * opacity }));
  });
  const part = parseFloat(style.backgroundSize); // a bar: only so much of the width
  const width = style.backgroundSize.includes("%") && Number.isFinite(part) ? (whole.width * part) / 100 : whole.width;
  return [made, svgNode("rect", { ...whole, width, fill: `url(#${id})` })];
}

function drawPseudo(node, which, box, place) {
  const style = getComputedStyle(node, which);
  if (style.content === "none" || style.content === "normal" || style.position !== "absolute" || style.display === "none") return;
  const [left, top, width, height] = ["left", "top", "width", "height"].map((name) => parseFloat(style[name]));
  if (![left, top, width, height].every(Number.isFinite)) return;
  const own = getComputedStyle(node), x = box.left + parseFloat(own.borderLeftWidth) + left, y = box.top + parseFloat(own.borderTopWidth) + top;
  const extra = style.boxSizing === "border-box" ? [0, 0] : [["Left", "Right"], ["Top", "Bottom"]].map((ends) => ends.reduce((sum, end) => sum + parseFloat(style[`border${end}Width`]) + parseFloat(style[`padding${end}`]), 0));
  drawBox(new DOMRect(x, y, width + extra[0], height + extra[1]), style, { ...place, opacity: place.opacity * Number(style.opacity) });
}

function drawCanvas(canvas, box, { into, box: all }) {
  if (!canvas.width || !canvas.height || !box.width) return;
  grow(all, box);
  if (!canvas.clpsDraw) {
    into.append(imageNode(canvas, box.left, box.top, box.width, box.height));
    return;
  }
  const part = svgNode("g", { transform: `translate(${box.left.toFixed(2)} ${box.top.toFixed(2)})` });
  into.append(part);
  canvas.clpsDraw(new Pen(part));
}

// Words, line by line

function drawWords(node, place) {
  if (!node.data.trim()) return;
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = [...range.getClientRects()].filter(({ width }) => width > 0);
  if (!rects.length) return;
  const lines = rects.length === 1 ? [[node.data, rects[0]]] : linesOf(node, range);
  const style = getComputedStyle(node.parentElement);
  for (const [text, rect] of lines) drawLine_(text, rect, style, place);
}

/** A text node's lines as [text, box]: its pieces between spaces, joined where they stand on one line. */
function linesOf(node, range) {
  const lines = [];
  for (const { 0: piece, index } of node.data.matchAll(/\s*\S+/gu)) {
    const start = index + piece.length - piece.trimStart().length;
    range.setStart(node, start);
    range.setEnd(node, index + piece.length);
    const parts = [...range.getClientRects()].filter(({ width }) => width > 0);
    if (parts.length > 1) {
      for (const line of lettersOf(node, range, start, index + piece.length)) lines.push(line);
      continue;
    }
    const [rect] = parts, last = lines.at(-1);
    if (!rect) continue;
    if (last && Math.abs(last[1].top - rect.top) < 2 && rect.left >= last[1].left) {
      last[0] += piece;
      last[1] = new DOMRect(last[1].left, last[1].top, rect.right - last[1].left, rect.height);
    } else lines.push([piece.trim(), rect]);
  }
  return lines;
}

// A word that is broken within.
function lettersOf(node, range, from, to) {
  const lines = [];
  for (let at = from; at < to; ) {
    const letter = String.fromCodePoint(node.data.codePointAt(at));
    range.setStart(node, at);
    range.setEnd(node, (at += letter.length));
    const rect = range.getBoundingClientRect(), last = lines.at(-1);
    if (!rect.width) continue;
    if (last && Math.abs(last[1].top - rect.top) < 2) {
      last[0] += letter;
      last[1] = new DOMRect(last[1].left, last[1].top, rect.right - last[1].left, rect.height);
    } else lines.push([letter, rect]);
  }
  return lines;
}

function drawLine_(text, rect, style, { into, box: all, opacity, cut }) {
  const size = parseFloat(style.fontSize), font = `${style.fontWeight} ${size}px ${style.fontFamily}`, measured = rulerFor(font).measureText("x");
  const ascent = (measured.fontBoundingBoxAscent / (measured.fontBoundingBoxAscent + measured.fontBoundingBoxDescent)) * rect.height;
  let said = style.whiteSpace.includes("pre") ? text.replace(/\n/g, " ") : text.replace(/\s+/g, " ").trim(), width = rect.width;
  if (style.textTransform === "uppercase") said = said.toUpperCase();
  if (cut && rect.left >= cut.right - 1) return;
  if (cut && rect.right > cut.right + 1) {
    [said, width] = fitted(said, font, cut.right - rect.left);
    if (!said) return;
  }
  grow(all, { left: rect.left, top: rect.top, right: rect.left + width, bottom: rect.bottom });
  into.append(wordsNode({
    text: said, x: rect.left, y: rect.top + ascent, width, size, weight: Number(style.fontWeight) >= 550 ? "600" : "400", family: familyOf(style.fontFamily),
    colour: style.color, opacity, more: style.textDecorationLine.includes("line-through") ? { "text-decoration": "line-through" } : {},
  }));
}

/** As much of `text` as `room` has, with an ellipsis. */
function fitted(text, font, room) {
  const pen = rulerFor(font), letters = [...text];
  while (letters.length && pen.measureText(`${letters.join("")}…`).width > room) letters.pop();
  const said = letters.length ? `${letters.join("")}…` : "";
  return [said, said ? pen.measureText(said).width : 0];
}

// SVG that is on the page already: ours, and plotly's

function drawSvg(source, box, { into, box: all, opacity }) {
  if (!box.width || !box.height) return;
  const copy = source.cloneNode(true);
  inline(source, copy);
  for (const node of copy.querySelectorAll(NOT_DRAWN)) node.remove();
  for (const name of ["class", "style", "role", "aria-label", "aria-hidden"]) copy.removeAttribute(name);
  for (const [name, value] of Object.entries({ x: box.left, y: box.top, width: box.width, height: box.height })) copy.setAttribute(name, value.toFixed(2));
  if (opacity < 1) copy.setAttribute("opacity", opacity);
  grow(all, box);
  into.append(copy);
}

function inline(source, copy) {
  const style = getComputedStyle(source);
  if (style.display === "none" || style.visibility === "hidden") {
    copy.setAttribute("display", "none");
    return;
  }
  if (source instanceof SVGGraphicsElement && !(source instanceof SVGSVGElement)) {
    const clip = style.clipPath;
    copy.removeAttribute("style");
    for (const name of SVG_STYLES) copy.setAttribute(name, asAttribute(name, style.getPropertyValue(name), source));
    if (source instanceof SVGTextElement) copy.setAttribute("font-family", familyOf(style.fontFamily));
    if (clip.startsWith("url(")) copy.setAttribute("clip-path", clip.replace(/url\(["']?[^#]*#([^"')]*)["']?\)/, "url(#$1)"));
    if (/pixelated|crisp/.test(style.imageRendering)) copy.setAttribute("style", "image-rendering: pixelated");
  }
  for (const name of ["data-unformatted", "data-math", "class"]) copy.removeAttribute(name);
  [...source.children].forEach((child, at) => inline(child, copy.children[at]));
}

function asAttribute(name, value, node) {
  if ((name !== "fill" && name !== "stroke") || value === "none" || value.startsWith("url(")) return value.replace(/url\(["']?[^#]*#([^"')]*)["']?\)/, "url(#$1)");
  const [colour, alpha] = solid(value);
  if (alpha === 0) return "none";
  if (name === "fill" && node.closest(".js-plotly-plot text") && !node.closest(".barlayer, .heatmaplayer") && tooFaint(colour)) return PAPER.text;
  return alpha < 0.999 ? `rgba(${[1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)).join(",")},${+alpha.toFixed(3)})` : colour;
}

/** Whether words in this colour, made for a dark page, would be too faint on paper. */
function tooFaint(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150;
}
