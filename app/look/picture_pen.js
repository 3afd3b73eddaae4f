// A pen with the methods of a canvas's 2D context, as far as our charts use them, that writes SVG: what paints a canvas
// paints a picture whose words stay words. Start at Pen. Colours of any CSS kind become plain ones: readers of SVG
// outside of browsers know no color-mix().

const SVG_NAME = "http://www.w3.org/2000/svg";
const SANS = "'Source Sans 3', 'Source Sans Pro', Helvetica, Arial, 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif";
const MONO = "'DejaVu Sans Mono', Menlo, Consolas, monospace";
const SHARPEST = 1600; // pixels: to this the cells of a heat map are enlarged, as not every reader keeps their edges sharp

function svgNode(name, attributes = {}, text) {
  const node = document.createElementNS(SVG_NAME, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) node.setAttribute(key, typeof value === "number" ? String(+value.toFixed(2)) : value);
  }
  if (text !== undefined) node.textContent = plainText(text);
  return node;
}

// Without what XML does not allow.
function plainText(text) {
  return String(text).toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

const colours = new Map();
let dot;

/** Any CSS colour as [`#rrggbb`, opacity]. */
function solid(colour) {
  if (!colours.has(colour)) {
    dot ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    dot.clearRect(0, 0, 1, 1);
    dot.fillStyle = "#000";
    dot.fillStyle = colour;
    dot.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = dot.getImageData(0, 0, 1, 1).data;
    colours.set(colour, [`#${[red, green, blue].map((one) => one.toString(16).padStart(2, "0")).join("")}`, alpha / 255]);
  }
  return colours.get(colour);
}

/** The family that a picture names: fonts of the page are not in the file. */
function familyOf(font) {
  return /mono|code/i.test(font.split(",")[0]) ? MONO : SANS;
}

let ruler;
function rulerFor(font) {
  ruler ??= new OffscreenCanvas(1, 1).getContext("2d");
  ruler.font = font;
  return ruler;
}

/** A text as wide as it is on the page, whatever font the reader has. `words`: {text, x, y, width, size, weight, family, ...}. */
function wordsNode({ text, x, y, width, size, weight = "400", family = SANS, colour, opacity = 1, anchor = "start", more = {} }) {
  const [fill, alpha] = solid(colour);
  const exact = [...text.trim()].length > 2 && width > 0;
  return svgNode("text", {
    x, y, fill, "fill-opacity": alpha * opacity < 1 ? alpha * opacity : undefined, "font-family": family, "font-size": size,
    "font-weight": weight === "400" ? undefined : weight, "text-anchor": anchor === "start" ? undefined : anchor,
    "xml:space": "preserve", ...(exact ? { textLength: width, lengthAdjust: "spacingAndGlyphs" } : {}), ...more,
  }, text);
}

/** What a canvas shows, as an `<image>`; few cells are enlarged, so that they have sharp edges everywhere. */
function imageNode(source, x, y, width, height) {
  let shown = source;
  const grow = Math.floor(SHARPEST / Math.max(source.width, source.height));
  if (grow > 1 && width > source.width * 1.5) {
    shown = document.createElement("canvas");
    shown.width = source.width * grow;
    shown.height = source.height * grow;
    const pen = shown.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(source, 0, 0, shown.width, shown.height);
  }
  return svgNode("image", { x, y, width, height, href: shown.toDataURL("image/png"), preserveAspectRatio: "none", style: "image-rendering: pixelated" });
}

class Pen {
  constructor(into) {
    this.into = into;
    this.state = {
      fillStyle: "#000", strokeStyle: "#000", globalAlpha: 1, lineWidth: 1, lineJoin: "miter", lineCap: "butt", font: "10px sans-serif",
      textAlign: "start", textBaseline: "alphabetic", direction: "ltr", dash: [], move: [1, 0, 0, 1, 0, 0],
    };
    this.kept = [];
    this.path = [];
    for (const name of Object.keys(this.state)) {
      if (name === "dash" || name === "move") continue;
      Object.defineProperty(this, name, { get: () => this.state[name], set: (value) => { this.state[name] = value; } });
    }
  }

  save() { this.kept.push([{ ...this.state }, this.into]); }
  restore() { if (this.kept.length) [this.state, this.into] = this.kept.pop(); }

  // Where things stand
  transform(a, b, c, d, e, f) {
    const [A, B, C, D, E, F] = this.state.move;
    this.state.move = [A * a + C * b, B * a + D * b, A * c + C * d, B * c + D * d, A * e + C * f + E, B * e + D * f + F];
  }
  translate(x, y) { this.transform(1, 0, 0, 1, x, y); }
  scale(x, y) { this.transform(x, 0, 0, y, 0, 0); }
  rotate(angle) { this.transform(Math.cos(angle), Math.sin(angle), -Math.sin(angle), Math.cos(angle), 0, 0); }
  setTransform(...move) { this.state.move = move; }
  moved() {
    const { move } = this.state;
    return move.some((one, at) => one !== [1, 0, 0, 1, 0, 0][at]) ? { transform: `matrix(${move.map((one) => +one.toFixed(4)).join(" ")})` } : {};
  }

  // Paths
  beginPath() { this.path = []; }
  add(...parts) { this.path.push(parts.map((part) => (typeof part === "number" ? +part.toFixed(2) : part)).join(" ")); }
  moveTo(x, y) { this.add("M", x, y); }
  lineTo(x, y) { this.add(this.path.length ? "L" : "M", x, y); }
  bezierCurveTo(...at) { this.add("C", ...at); }
  quadraticCurveTo(...at) { this.add("Q", ...at); }
  closePath() { this.add("Z"); }
  rect(x, y, width, height) { this.add("M", x, y, "h", width, "v", height, "h", -width, "Z"); }
  arc(x, y, radius, from, to) {
    if (to - from < 2 * Math.PI) {
      const [a, b] = [from, to].map((angle) => [x + radius * Math.cos(angle), y + radius * Math.sin(angle)]);
      this.add(this.path.length ? "L" : "M", ...a, "A", radius, radius, 0, to - from > Math.PI ? 1 : 0, 1, ...b);
    } else this.add("M", x - radius, y, "a", radius, radius, 0, 1, 0, 2 * radius, 0, "a", radius, radius, 0, 1, 0, -2 * radius, 0, "Z");
  }
  setLineDash(dash) { this.state.dash = dash; }
  getLineDash() { return this.state.dash; }

  paint(node, how) {
    const { state } = this;
    const [colour, alpha] = solid(how === "fill" ? state.fillStyle : state.strokeStyle), seen = alpha * state.globalAlpha;
    if (!seen) return;
    if (how === "fill") node.setAttribute("fill", colour);
    else {
      for (const [name, value] of Object.entries({ fill: "none", stroke: colour, "stroke-width": +state.lineWidth.toFixed(2) })) node.setAttribute(name, value);
      if (state.lineJoin !== "miter") node.setAttribute("stroke-linejoin", state.lineJoin);
      if (state.dash.length) node.setAttribute("stroke-dasharray", state.dash.join(" "));
    }
    if (seen < 1) node.setAttribute("opacity", +seen.toFixed(3));
    this.into.append(node);
  }
  drawPath(how) {
    if (this.path.length) this.paint(svgNode("path", { d: this.path.join(""), ...this.moved() }), how);
  }
  fill() { this.drawPath("fill"); }
  stroke() { this.drawPath("stroke"); }
  fillRect(x, y, width, height) { this.paint(svgNode("rect", { x, y, width: Math.abs(width), height: Math.abs(height), ...this.moved() }), "fill"); }
  strokeRect(x, y, width, height) { this.paint(svgNode("rect", { x, y, width, height, ...this.moved() }), "stroke"); }
  clearRect() {}
  clip() {
    const id = `cut${(Pen.cuts = (Pen.cuts ?? 0) + 1)}`, cut = svgNode("clipPath", { id }), part = svgNode("g", { "clip-path": `url(#${id})` });
    cut.append(svgNode("path", { d: this.path.join(""), ...this.moved() }));
    this.into.append(cut, part);
    this.into = part;
  }

  // Words and pictures
  measureText(text) { return rulerFor(this.state.font).measureText(text); }
  words(text, x, y, most, how) {
    const { state } = this, pen = rulerFor(state.font), found = pen.measureText(text);
    const size = parseFloat(/([\d.]+)px/.exec(state.font)?.[1] ?? "10"), width = Math.min(found.width, most ?? Infinity);
    const drop = { middle: 0.32 * size, top: 0.78 * size, hanging: 0.78 * size, bottom: -0.22 * size }[state.textBaseline] ?? 0;
    const anchor = { right: "end", end: "end", center: "middle" }[state.textAlign] ?? "start";
    const node = wordsNode({
      text, x, y: y + drop, width, size, weight: /\b(bold|[5-9]00)\b/.test(state.font) ? "600" : "400", family: familyOf(state.font.split("px")[1] ?? ""),
      colour: state[how === "fill" ? "fillStyle" : "strokeStyle"], anchor, more: this.moved(),
    });
    this.paint(node, how);
  }
  fillText(text, x, y, most) { this.words(text, x, y, most, "fill"); }
  strokeText(text, x, y, most) { this.words(text, x, y, most, "stroke"); }
  drawImage(source, x, y, width = source.width, height = source.height) {
    if (!source.width || !source.height) return;
    const node = imageNode(source, x, y, width, height);
    for (const [name, value] of Object.entries(this.moved())) node.setAttribute(name, value);
    this.into.append(node);
  }
}
