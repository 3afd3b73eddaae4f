// Drawing of one panel of the live chart: scales, ticks, thinning, lines. No state, no events.
// Start at drawPanel; live_chart.js (which is appended to this file) decides what to draw and when.

const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3], [12, 5], [4, 2, 1, 2, 1, 2], [1, 4], [14, 3, 3, 3]];
const MARKS = ["circle", "square", "triangle", "diamond", "cross", "star"];
const UNITS = [[1e18, 1e18, "E"], [1e15, 1e15, "P"], [1e12, 1e12, "T"], [1e9, 1e9, "B"], [1e6, 1e6, "M"], [1e4, 1e3, "k"]]; // from, divisor, letter
const TOP = 10, BOTTOM = 40, LEFT = 54;

/** How large words are against 16 px, and how thick lines against usual ones: as the page's style sheet says. */
function sizes() {
  const style = getComputedStyle(document.documentElement);
  return { type: parseFloat(style.fontSize) / 16 || 1, lines: parseFloat(style.getPropertyValue("--clps-lines")) || 1 };
}

/** Round tick values inside [low, high]; on a log axis powers of ten, with 2 and 5 where there is room. `whole`: no fractions. */
function ticks(low, high, count, log, whole = false) {
  if (log) {
    const decades = Math.log10(high / low), found = [];
    const steps = decades < 1.2 ? [1, 1.5, 2, 3, 4, 5, 7] : decades < 3 ? [1, 2, 5] : [1];
    const skip = Math.max(1, Math.ceil(decades / count));
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      if (power % skip) continue;
      for (const step of steps) {
        const value = step * 10 ** power;
        if (value >= low * 0.9999 && value <= high * 1.0001) found.push(value);
      }
    }
    return found;
  }
  const wanted = (high - low) / Math.max(1, count), raw = whole ? Math.max(1, wanted) : wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= raw * 0.999 && (!whole || Number.isInteger(n)));
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k += 1) found.push(k * step);
  return found;
}

/** A number as short as its neighbours allow; `kind` is "percent", "seconds" or "plain". */
function format(value, kind, gap = 0) {
  if (!Number.isFinite(value)) return "–";
  if (kind === "percent") return `${(value * 100).toFixed(gap && gap < 0.01 ? 2 : gap ? 0 : 1)} %`;
  if (kind === "seconds") {
    if (value < 60) return `${+value.toFixed(gap >= 1 ? 0 : 1)}s`;
    const whole = Math.round(value), pad = (n) => String(n).padStart(2, "0");
    return whole < 3600 ? `${Math.floor(whole / 60)}m ${pad(whole % 60)}s` : `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`;
  }
  const size = Math.abs(value);
  const unit = UNITS.find(([from]) => size >= from);
  if (unit) return `${+(value / unit[1]).toPrecision(4)}${unit[2]}`;
  if (gap) return String(+value.toPrecision(6));
  return size >= 1000 ? value.toFixed(0) : size !== 0 && size < 1e-3 ? value.toExponential(2) : String(+value.toPrecision(4));
}

/** Indices of at most 4 points a pixel column (first, lowest, highest, last): the line looks the same. */
function thinned(xs, ys, from, to, toPixel, columns) {
  if (to - from <= 4 * columns) return null;
  const kept = [];
  for (let i = from; i < to; ) {
    const column = Math.floor(toPixel(xs[i]));
    let low = i, high = i, j = i;
    for (; j < to && Math.floor(toPixel(xs[j])) === column; j += 1) {
      if (ys[j] < ys[low]) low = j;
      if (ys[j] > ys[high]) high = j;
    }
    if (j === i) j = i + 1;
    kept.push(...new Set([i, Math.min(low, high), Math.max(low, high), j - 1]));
    i = j;
  }
  return kept;
}

function mark(context, kind, x, y, r) {
  context.beginPath();
  if (kind === "circle") context.arc(x, y, r, 0, 7);
  else if (kind === "square") context.rect(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8);
  else if (kind === "triangle") { context.moveTo(x, y - r * 1.2); context.lineTo(x + r * 1.1, y + r * 0.8); context.lineTo(x - r * 1.1, y + r * 0.8); context.closePath(); }
  else if (kind === "diamond") { context.moveTo(x, y - r * 1.3); context.lineTo(x + r * 1.1, y); context.lineTo(x, y + r * 1.3); context.lineTo(x - r * 1.1, y); context.closePath(); }
  else if (kind === "cross") { const a = r * 0.45; for (const [w, h] of [[a, r * 1.2], [r * 1.2, a]]) context.rect(x - w, y - h, 2 * w, 2 * h); }
  else for (let k = 0; k < 10; k += 1) context.lineTo(x + Math.sin(k * Math.PI / 5) * r * (k % 2 ? 0.55 : 1.4), y - Math.cos(k * Math.PI / 5) * r * (k % 2 ? 0.55 : 1.4));
  context.fill();
}

/** Lowest and highest y of what is visible, with a margin; the whole `panel.range` when not zoomed. */
function verticalRange(panel, lines, xRange, zoomed, log) {
  let low = Infinity, high = -Infinity;
  for (const { xs, ys, low: lows = ys, high: highs = ys } of lines) {
    let from = lowerBound(xs, xRange[0]), to = lowerBound(xs, xRange[1] + 1e-9);
    if (to - from < 20) [from, to] = [Math.max(0, from - 1), Math.min(xs.length, to + 1)]; // where few points are, their neighbours decide
    for (let i = from; i < to; i += 1) {
      if (log && ys[i] <= 0) continue;
      if (lows[i] < low && !(log && lows[i] <= 0)) low = lows[i];
      if (ys[i] < low) low = ys[i];
      if (highs[i] > high) high = highs[i];
    }
  }
  if (!zoomed) {
    for (const value of [panel.baseline?.value, ...(panel.range ?? [])]) {
      if (value == null || (log && value <= 0)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low > high) return log ? [0.1, 1] : [0, 1];
  if (log) return [low / 1.15, high * 1.15];
  const margin = (high - low || Math.abs(high) || 1) * 0.05;
  const floor = low >= 0 && low - margin < 0 ? (panel.kind === "percent" ? -0.02 * (high - low || 1) : 0) : low - margin;
  return [floor, high + margin];
}

/**
 * Draw one panel. `lines`: [{xs, ys, colour, dash, mark, label}] that are visible; `faint` ones are thin and have no label.
 * Returns the geometry that hover and zoom need: {left, right, top, bottom, toX, toY, fromX}.
 */
function drawPanel(canvas, panel, lines, view) {
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  canvas.clpsDraw = (pen) => paintPanel(pen, width, height, panel, lines, view);
  return paintPanel(context, width, height, panel, lines, view);
}

function paintPanel(context, width, height, panel, lines, view) {
  const { type } = view.sizes;
  context.font = `${12 * type}px ${view.font}`;
  const named = lines.filter((line) => !line.faint), labels = width > 430 * type && named.length <= 8 ? named : [];
  const labelWidth = labels.length ? Math.min(126 * type, 24 + Math.max(...labels.map((line) => context.measureText(line.label).width))) : 12;
  const box = { left: LEFT * type, right: width - labelWidth, top: TOP, bottom: height - BOTTOM * type };
  const log = view.log;
  const [low, high] = verticalRange(panel, lines, view.xRange, view.zoomed, log);
  const scaleY = log ? (v) => Math.log(Math.max(v, low / 10) / low) / Math.log(high / low) : (v) => (v - low) / (high - low);
  const span = view.xRange[1] - view.xRange[0] || 1;
  box.toX = (x) => box.left + ((x - view.xRange[0]) / span) * (box.right - box.left);
  box.fromX = (pixel) => view.xRange[0] + ((pixel - box.left) / (box.right - box.left)) * span;
  box.toY = (y) => box.bottom - scaleY(y) * (box.bottom - box.top);
  drawAxes(context, box, panel, view, low, high);
  context.save();
  context.beginPath();
  context.rect(box.left, box.top - 6, box.right - box.left + 6, box.bottom - box.top + 12);
  context.clip();
  for (const line of lines) drawLine(context, box, line, view);
  if (panel.baseline) drawBaseline(context, box, panel.baseline, view);
  context.restore();
  drawLabels(context, box, labels, view);
  return box;
}

function drawAxes(context, box, panel, view, low, high) {
  context.strokeStyle = view.grid;
  context.fillStyle = view.ink;
  context.lineWidth = 1;
  const yTicks = ticks(low, high, Math.max(3, (box.bottom - box.top) / (36 * view.sizes.type)), view.log), yGap = yTicks[1] - yTicks[0] || 1;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of yTicks) {
    const y = Math.round(box.toY(value)) + 0.5;
    context.globalAlpha = 1;
    context.beginPath(); context.moveTo(box.left, y); context.lineTo(box.right, y); context.stroke();
    context.globalAlpha = 0.75;
    context.fillText(format(value, panel.kind, yGap), box.left - 8, y);
  }
  const xTicks = ticks(view.xRange[0], view.xRange[1], Math.max(2, (box.right - box.left) / (90 * view.sizes.type)), false, view.xKind === "plain"), xGap = xTicks[1] - xTicks[0] || 1;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of xTicks) context.fillText(format(value, view.xKind, xGap), box.toX(value), box.bottom + 7);
  context.fillText(view.xTitle, (box.left + box.right) / 2, box.bottom + 24 * view.sizes.type);
  context.globalAlpha = 1;
  context.strokeStyle = view.ink;
  context.globalAlpha = 0.35;
  context.beginPath(); context.moveTo(box.left, box.bottom + 0.5); context.lineTo(box.right, box.bottom + 0.5); context.stroke();
  context.globalAlpha = 1;
}

function drawBaseline(context, box, baseline, view) {
  const y = Math.round(box.toY(baseline.value)) + 0.5;
  context.strokeStyle = context.fillStyle = view.ink;
  context.globalAlpha = 0.8;
  context.setLineDash([3, 4]);
  context.lineWidth = 1.5 * view.sizes.lines;
  context.beginPath(); context.moveTo(box.left, y); context.lineTo(box.right, y); context.stroke();
  context.setLineDash([]);
  context.textAlign = "right";
  const below = y - box.top < 18 * view.sizes.type;
  context.textBaseline = below ? "top" : "bottom";
  context.lineWidth = 4;
  context.strokeStyle = view.paper;
  context.globalAlpha = 1;
  context.strokeText(baseline.label, box.right - 4, below ? y + 4 : y - 4);
  context.globalAlpha = 0.8;
  context.fillText(baseline.label, box.right - 4, below ? y + 4 : y - 4);
  context.globalAlpha = 1;
}

function drawLine(context, box, line, view) {
  const { xs, ys } = line, thick = view.sizes.lines;
  const from = Math.max(0, lowerBound(xs, view.xRange[0]) - 1), to = Math.min(xs.length, lowerBound(xs, view.xRange[1] + 1e-9) + 1);
  const path = (values, alpha, width) => {
    const kept = thinned(xs, values, from, to, box.toX, box.right - box.left);
    context.beginPath();
    const add = (i) => { if (!view.log || values[i] > 0) context.lineTo(box.toX(xs[i]), box.toY(values[i])); };
    if (kept) kept.forEach(add); else for (let i = from; i < to; i += 1) add(i);
    context.globalAlpha = alpha;
    context.lineWidth = width;
    context.stroke();
  };
  context.strokeStyle = context.fillStyle = line.colour;
  if (line.low) drawBand(context, box, line, from, to);
  context.lineJoin = "round";
  if (line.faint) {
    path(line.smooth ?? ys, 0.8, 1.2);
    context.globalAlpha = 1;
    mark(context, MARKS[line.mark % MARKS.length], box.toX(xs[xs.length - 1]), box.toY((line.smooth ?? ys)[ys.length - 1]), 2);
    return;
  }
  context.setLineDash(DASHES[line.dash % DASHES.length]);
  if (line.smooth) { path(ys, 0.25, thick); path(line.smooth, 1, 2 * thick); } else path(ys, 1, 2 * thick);
  context.setLineDash([]);
  context.globalAlpha = 1;
  const shown = line.smooth ?? ys, sparse = to - from <= (box.right - box.left) / 14;
  for (let i = from; i < to; i += 1) {
    if (sparse || i === xs.length - 1) mark(context, MARKS[line.mark % MARKS.length], box.toX(xs[i]), box.toY(shown[i]), (i === xs.length - 1 ? 4 : 3) * Math.sqrt(thick));
  }
  if (line.stop) context.fillRect(box.toX(xs[xs.length - 1]) - 1, box.toY(shown[xs.length - 1]) - 10, 2, 20); // the mean ends, its runs go on
}

/** What lies within the line's spread, faintly. */
function drawBand(context, box, line, from, to) {
  context.beginPath();
  for (let i = from; i < to; i += 1) context.lineTo(box.toX(line.xs[i]), box.toY(line.high[i]));
  for (let i = to - 1; i >= from; i -= 1) context.lineTo(box.toX(line.xs[i]), box.toY(line.low[i]));
  context.globalAlpha = 0.16;
  context.fill();
}

/** The line's height at `x`; its last value beyond its end. */
function valueAt(xs, ys, x) {
  const next = lowerBound(xs, x);
  if (next === 0 || next === xs.length || xs[next] === x) return ys[Math.min(next, xs.length - 1)];
  return ys[next - 1] + ((ys[next] - ys[next - 1]) * (x - xs[next - 1])) / (xs[next] - xs[next - 1]);
}

/** Names where the lines leave the plot, moved apart where they would overlap. */
function drawLabels(context, box, lines, view) {
  const spots = [];
  for (const line of lines) {
    const y = box.toY(valueAt(line.xs, line.smooth ?? line.ys, view.xRange[1]));
    const end = Math.min(box.right, box.toX(line.xs[line.xs.length - 1]));
    if (Number.isFinite(y)) spots.push({ line, end, from: y, y: Math.min(box.bottom, Math.max(box.top + 4, y)) });
  }
  spots.sort((one, other) => one.y - other.y);
  for (let i = 1; i < spots.length; i += 1) spots[i].y = Math.max(spots[i].y, spots[i - 1].y + 14 * view.sizes.type);
  for (let i = spots.length - 1, limit = box.bottom + 4; i >= 0; i -= 1, limit -= 14 * view.sizes.type) spots[i].y = Math.min(spots[i].y, limit);
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const { line, y, from, end } of spots) {
    context.fillStyle = context.strokeStyle = line.colour;
    if (box.right - end > 16 && end > box.left) {
      context.globalAlpha = 0.45;
      context.lineWidth = 1;
      context.setLineDash([1, 3]);
      context.beginPath(); context.moveTo(end + 7, from); context.lineTo(box.right + 5, y); context.stroke();
      context.setLineDash([]);
      context.globalAlpha = 1;
    }
    context.fillRect(box.right + 9, y - 5, 3, 10);
    context.fillStyle = view.ink; // words in a line's own colour would be too faint to read
    context.globalAlpha = 0.85;
    context.fillText(line.label, box.right + 17, y, 104 * view.sizes.type);
    context.globalAlpha = 1;
  }
}
