// What the attention components share: colours and the painting of one head.
// Every text reaches the page through textContent or a canvas, never as markup.

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function fill(message, values) {
  return message.replace(/\{(\w+)\}/g, (_whole, name) => String(values[name]));
}

function asWeight(byte) {
  return (byte / 255).toFixed(3);
}

let probe;
function rgb(colour) {
  // Any CSS colour as [red, green, blue].
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  probe.fillStyle = "#888888";
  probe.fillStyle = colour;
  probe.fillRect(0, 0, 1, 1);
  return [...probe.getImageData(0, 0, 1, 1).data.subarray(0, 3)];
}

function mix(from, to, share) {
  return from.map((value, i) => Math.round(value + (to[i] - value) * share));
}

function css([red, green, blue], alpha = 1) {
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

function readTheme(node) {
  const style = getComputedStyle(node);
  const variable = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = rgb(variable("--st-background-color", "#ffffff"));
  const dark = 0.299 * background[0] + 0.587 * background[1] + 0.114 * background[2] < 128;
  const text = rgb(variable("--st-text-color", dark ? "#fafafa" : "#31333f"));
  return {
    dark,
    background,
    text,
    empty: mix(background, text, dark ? 0.09 : 0.045),
    muted: mix(background, text, 0.62),
    font: style.fontFamily || "sans-serif",
    code: variable("--st-code-font", "monospace"),
  };
}

function ramp(colour, theme, boost) {
  // 256 colours, from "looks away" to "looks here only"; `boost` lifts faint weights (square root).
  const table = new Uint32Array(256);
  const knee = theme.dark ? 0.5 : 0.7;
  for (let byte = 0; byte < 256; byte++) {
    const share = boost ? Math.sqrt(byte / 255) : byte / 255;
    const [r, g, b] =
      share < knee
        ? mix(theme.empty, colour, share / knee)
        : mix(colour, theme.text, ((share - knee) / (1 - knee)) * (theme.dark ? 0.8 : 0.55));
    table[byte] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

const MORE = [214, 96, 32];
const LESS = [38, 118, 196];

function tint(data, byte, colour, boost) {
  // The colour of a byte, and how much of it: of a difference, one colour for more and another for less.
  const value = data.signed ? (byte - 128) / 127 : byte / 255;
  const share = Math.min(1, boost ? Math.sqrt(Math.abs(value)) : Math.abs(value));
  return { colour: data.signed ? (value < 0 ? LESS : MORE) : colour, share };
}

function diverging(theme, boost) {
  // 256 colours for differences: 128 is none.
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const { colour, share } = tint({ signed: true }, byte, null, boost);
    const [r, g, b] = mix(theme.empty, colour, share);
    table[byte] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return table;
}

function asShown(data, byte) {
  // What a byte stands for, as text.
  if (!data.signed) return asWeight(byte);
  const value = ((byte - 128) / 127) * data.range;
  return `${value < 0 ? "−" : value > 0 ? "+" : "±"}${Math.abs(value).toFixed(3)}`;
}

function paintBytes(canvas, bytes, rows, columns, table, firstHidden) {
  // One pixel per weight; from `firstHidden(row)` on the columns stay clear (the causal mask).
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) {
    const end = firstHidden ? Math.min(columns, firstHidden(row)) : columns;
    for (let at = row * columns, last = at + end; at < last; at++) pixels[at] = table[bytes[at]];
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function scaleStrip(table) {
  // The colours of a map from 0 to 1.
  const strip = element("canvas", {});
  paintBytes(strip, Uint8Array.from({ length: 256 }, (_value, at) => at), 1, 256, table);
  return strip;
}

function causalEdge(causal, rows, queries) {
  // A thumbnail's row stands for several queries: the last of them sees farthest.
  if (!causal) return null;
  return (row) => Math.ceil(((row + 1) * queries) / rows) * (rows / queries);
}

/** How large the page's type is against 16 px: cells and labels grow with it, on a wide window and for a room. */
function typeScale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
}

function labelFont(size, theme, strong) {
  return `${strong ? 600 : 400} ${size}px ${theme.code}, ${theme.font}`;
}

function shortLabel(text, limit = 14) {
  const characters = [...text];
  return characters.length > limit ? characters.slice(0, limit - 1).join("") + "…" : text;
}

function sharpCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.direction = "ltr";
  return context;
}
