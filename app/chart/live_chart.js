// The live chart: draws what feed.js holds, zooms, hovers. Start at the default export at the end.
// draw.js stands before this file; what arrives as `data` is described in live_chart.py.

const mounted = new WeakMap();

function element(tag, properties = {}, ...children) {
  const { attributes = {}, ...rest } = properties;
  const made = Object.assign(document.createElement(tag), rest);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function keyPicture(run) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "key");
  svg.setAttribute("viewBox", "0 0 30 12");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(svg.namespaceURI, "line");
  const attributes = { x1: 0, y1: 6, x2: 30, y2: 6, stroke: run.colour, "stroke-width": 2.5, "stroke-dasharray": DASHES[run.dash % DASHES.length].join(" ") };
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value);
  const point = document.createElementNS(svg.namespaceURI, "path");
  const shapes = { circle: "M15 2a4 4 0 1 0 .01 0z", square: "M11.5 2.5h7v7h-7z", triangle: "M15 1l5 9.500h-10z", diamond: "M15 .5l4.500 5.500-4.500 5.500-4.500-5.500z", cross: "M13.300 1h3.400v3.300h3.300v3.400h-3.300v3.300h-3.400v-3.300h-3.300v-3.400h3.300z", star: "M15 0l1.600 4 4.400.3-3.300 2.700 1 4.500-3.700-2.400-3.700 2.400 1-4.500-3.300-2.700 4.400-.3z" };
  point.setAttribute("d", shapes[MARKS[run.mark % MARKS.length]]);
  point.setAttribute("fill", run.colour);
  svg.append(line, point);
  return svg;
}

class LiveChart {
  constructor(parent, store) {
    this.store = store;
    this.cursor = null;
    this.drag = null;
    this.root = element("div", { className: "clps-live-chart", attributes: { role: "group" } });
    this.bar = element("div", { className: "bar", attributes: { "data-picture": "no" } });
    this.grid = element("div", { className: "panels" });
    this.legend = element("div", { className: "legend", attributes: { role: "group" } });
    this.note = element("p", { className: "note" });
    this.table = element("details");
    this.root.append(this.bar, this.grid, this.legend, this.note, this.table);
    parent.append(this.root);
    this.root.clpsRepaint = () => this.draw();
    this.panels = [];
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.root);
    this.table.addEventListener("toggle", () => this.fillTable());
    this.onPoints = () => { this.draw(); this.fillTable(); };
    store.listeners.add(this.onPoints);
  }

  remove() {
    this.store.listeners.delete(this.onPoints);
    this.observer.disconnect();
    this.root.remove();
  }

  /** Take over what shall be shown; rebuild only what changed. */
  show(spec) {
    if (this.spec && !spec.runs.some((run) => this.spec.runs.some((before) => before.id === run.id))) {
      this.store.zoom = null; // other runs altogether
      this.store.hidden.clear();
    }
    const shape = JSON.stringify([spec.panels, spec.words, spec.height]), people = JSON.stringify(spec.runs);
    this.spec = spec;
    const x = Object.hasOwn(spec.words.axes, spec.x ?? "") ? spec.x : "step"; // whatever comes, there is an axis
    if (!spec.axisChoice && this.store.x !== x) [this.store.x, this.store.zoom] = [x, null];
    this.store.x ??= x;
    this.store.smooth ??= USUAL_HALF_LIFE;
    this.store.mean ??= spec.mean;
    for (const panel of spec.panels) this.store.log[panel.id] ??= Boolean(panel.log);
    this.root.setAttribute("aria-label", spec.words.title);
    if (shape !== this.shape) this.buildFrame();
    if (people !== this.people || shape !== this.shape) this.buildLegend();
    [this.shape, this.people] = [shape, people];
    this.draw();
    this.fillTable();
  }

  buildFrame() {
    const { words, panels } = this.spec;
    const axes = element("span", { className: "choice", attributes: { role: "group", "aria-label": words.x } });
    this.axisButtons = Object.entries(words.axes).map(([name, label]) => {
      const button = element("button", { type: "button", textContent: label, onclick: () => { this.store.x = name; this.store.zoom = null; this.draw(); this.fillTable(); } });
      button.dataset.x = name;
      return button;
    });
    axes.append(...this.axisButtons);
    axes.hidden = !this.spec.axisChoice;
    this.smooth = element("select", { title: words.smoothHint, onchange: () => { this.store.smooth = Number(this.smooth.value); this.draw(); } });
    this.smooth.append(...HALF_LIVES.map((steps) => element("option", { value: String(steps), textContent: steps ? filled(words.halfLife, { steps: steps.toLocaleString("en") }) : words.off })));
    const smoothing = element("label", { className: "smooth" }, words.smooth, this.smooth);
    smoothing.hidden = !panels.some((panel) => panel.noisy);
    this.meanButton = element("button", { type: "button", className: "toggle mean", textContent: words.mean, title: words.meanHint, onclick: () => { this.store.mean = !this.store.mean; this.buildLegend(); this.draw(); this.fillTable(); } });
    this.resetButton = element("button", { type: "button", className: "reset", textContent: words.reset, onclick: () => this.zoomTo(null) });
    this.bar.replaceChildren(axes, smoothing, this.meanButton, this.resetButton, element("span", { className: "hint", textContent: words.hint }));
    this.panels = panels.map((panel) => this.buildPanel(panel, words));
    this.grid.dataset.count = panels.length;
    this.grid.replaceChildren(...this.panels.map((panel) => panel.section));
    this.table.replaceChildren(element("summary", { textContent: words.table }));
  }

  buildPanel(panel, words) {
    const canvas = element("canvas", { tabIndex: 0, attributes: { role: "img" } });
    canvas.style.height = `${this.spec.height / 16}rem`;
    const cursor = element("canvas", { className: "cursor", attributes: { "aria-hidden": "true", "data-picture": "no" } });
    const tip = element("div", { className: "tip", hidden: true });
    const log = element("button", { type: "button", className: "toggle log", attributes: { "data-picture": "no" }, textContent: words.log, onclick: () => { this.store.log[panel.id] = !this.store.log[panel.id]; this.draw(); } });
    const title = element("h2", { textContent: panel.title }, element("span", { className: "better", textContent: panel.note ?? "" }));
    log.hidden = panel.kind === "percent";
    const section = element("section", { className: "panel" }, element("div", { className: "head" }, title, log), element("div", { className: "plot" }, canvas, cursor, tip));
    section.dataset.panel = panel.id;
    const built = { panel, canvas, cursor, tip, log, section };
    canvas.addEventListener("pointerdown", (event) => this.press(built, event));
    canvas.addEventListener("pointermove", (event) => this.move(built, event));
    canvas.addEventListener("pointerup", (event) => this.release(built, event));
    canvas.addEventListener("pointercancel", () => { this.drag = this.pressed = null; this.drawCursors(); });
    canvas.addEventListener("pointerleave", () => { if (!this.drag) this.point(built, null); });
    canvas.addEventListener("dblclick", () => this.zoomTo(null));
    canvas.addEventListener("keydown", (event) => this.pressKey(built, event));
    canvas.addEventListener("blur", () => this.point(built, null));
    return built;
  }

  buildLegend() {
    const { hidden } = this.store;
    this.legend.setAttribute("aria-label", this.spec.words.legend);
    const entries = this.store.mean ? designsOf(this.spec.runs) : this.spec.runs.map((run) => [run]);
    this.legend.replaceChildren(...entries.map((members) => {
      const [first] = members, one = members.length === 1, isShown = () => members.some((run) => !hidden.has(run.id));
      return element("button", {
        type: "button", title: this.spec.words.hide,
        attributes: { "aria-pressed": String(isShown()) },
        onclick: (event) => {
          const hide = isShown();
          for (const run of members) if (hide) hidden.add(run.id); else hidden.delete(run.id);
          event.currentTarget.setAttribute("aria-pressed", String(isShown()));
          this.draw();
        },
      }, keyPicture(one ? first : { ...first, dash: first.design_dash }), element("span", { textContent: one ? first.name : this.nameOf(members) }));
    }));
  }

  /** What the design of `members` is called in the legend: as its line, where that is drawn. */
  nameOf(members) {
    const line = this.panels.flatMap(({ lines = [] }) => lines).find((one) => one.id === members[0].design);
    return line?.name ?? meanName(members[0].design_name, countedOf(members).length, members.length, this.spec.words);
  }

  /** Names of means, and what is to be said of them, which changes as runs go on; and whatever else there is to say. */
  sayMeans() {
    const shown = this.store.mean ? this.panels.flatMap(({ lines }) => lines) : [];
    const notes = [...new Set([...meanNotes(shown, this.spec.words), ...(this.spec.notes ?? [])])];
    this.note.hidden = !notes.length;
    this.note.textContent = notes.join(" ");
    if (!this.store.mean) return;
    designsOf(this.spec.runs).forEach((members, i) => { if (members.length > 1) this.legend.children[i].lastChild.textContent = this.nameOf(members); });
  }

  xsOf(line, run) {
    if (this.store.x === "seconds") return line.seconds;
    const rate = this.rateOf(run);
    return rate === 1 ? line.steps : line.steps.map((step) => step * rate);
  }

  /** How far one step of `run` goes on the x axis, unless that is time. */
  rateOf(run) {
    return run.rates[this.store.x] ?? 1;
  }

  /** The lines of a panel that are not hidden, ready to draw. */
  linesOf(panel) {
    const lines = [];
    for (const run of this.spec.runs) {
      const line = this.store.lines.get(`${run.id} ${panel.id}`);
      if (!line || !line.steps.length || this.store.hidden.has(run.id)) continue;
      lines.push({ ...run, steps: line.steps, xs: this.xsOf(line, run), ys: line.values });
    }
    const halfLife = panel.noisy ? this.store.smooth : 0, smooth = (line) => {
      line.smooth = halfLife ? smoothed(line.steps, line.ys, halfLife) : null;
      for (const edge of ["low", "high"]) if (halfLife && line[edge]) line[edge] = smoothed(line.steps, line[edge], halfLife); // the band stays around its line
    };
    lines.forEach(smooth); // before they are cut: a part is smoothed as the whole is
    if (!this.store.mean) return lines;
    const shown = together(lines, this.spec.runs, this.spec.words);
    shown.filter((line) => !line.faint).forEach(smooth);
    return shown;
  }

  fullRange() {
    let low = Infinity, high = -Infinity;
    for (const run of this.spec.runs) {
      for (const { id } of this.spec.panels) {
        const line = this.store.lines.get(`${run.id} ${id}`);
        if (!line?.steps.length) continue;
        const [scale, list] = this.store.x === "seconds" ? [1, line.seconds] : [this.rateOf(run), line.steps];
        low = Math.min(low, list[0] * scale);
        high = Math.max(high, list[list.length - 1] * scale);
      }
    }
    return low > high ? [0, 1] : [Math.min(low, high * 0.02) < high * 0.05 ? 0 : low, high > low ? high : low + 1];
  }

  draw() {
    if (!this.spec || !this.root.isConnected) return;
    const { store, spec } = this, style = getComputedStyle(this.root), range = store.zoom ?? this.fullRange();
    const view = {
      xRange: range, zoomed: Boolean(store.zoom), xKind: store.x === "seconds" ? "seconds" : "plain", xTitle: spec.words.axisTitles[store.x],
      sizes: sizes(), ink: style.color, font: style.fontFamily, grid: style.getPropertyValue("--st-border-color").trim() || "#ccc",
      paper: style.getPropertyValue("--st-background-color").trim() || "#fff",
    };
    this.view = view;
    for (const built of this.panels) {
      built.lines = this.linesOf(built.panel);
      built.box = drawPanel(built.canvas, built.panel, built.lines, { ...view, log: store.log[built.panel.id] });
      built.log.setAttribute("aria-pressed", String(store.log[built.panel.id]));
      built.canvas.setAttribute("aria-label", this.description(built));
    }
    this.sayMeans();
    this.drawCursors();
    for (const button of this.axisButtons) button.setAttribute("aria-pressed", String(button.dataset.x === store.x));
    this.smooth.value = String(store.smooth);
    this.meanButton.setAttribute("aria-pressed", String(store.mean));
    this.meanButton.hidden = designsOf(spec.runs).length === spec.runs.length;
    this.resetButton.hidden = !store.zoom;
    let points = 0;
    for (const run of spec.runs) for (const { id } of spec.panels) points += store.lines.get(`${run.id} ${id}`)?.steps.length ?? 0;
    Object.assign(this.root.dataset, { points, zoomed: view.zoomed, xRange: range.map((x) => +x.toPrecision(8)).join(","), x: store.x, lastBatch: store.lastBatch ?? 0, serial: store.serial });
  }

  description({ panel, lines }) {
    const parts = lines.filter((line) => !line.faint).map((line) => `${line.name}: ${this.said(line, line.ys.length - 1, panel.kind)}`);
    return `${panel.title}. ${this.spec.words.latest} ${parts.join("; ") || this.spec.words.empty}. ${this.spec.words.keys}`;
  }

  /** The value of `line` at place `i`, with its spread where it is a mean. */
  said(line, i, kind) {
    return format(line.ys[i], kind) + (line.spread ? ` ± ${format(line.spread[i], kind)}` : "");
  }

  /** The cursor or the stretch being dragged, on a canvas of its own: pointing does not draw the lines anew. */
  drawCursors() {
    for (const built of this.panels) this.drawCursor(built);
  }

  drawCursor({ canvas, cursor, box, lines, panel }) {
    const { xRange, ink } = this.view, ratio = window.devicePixelRatio || 1, context = cursor.getContext("2d");
    [cursor.width, cursor.height] = [canvas.width, canvas.height];
    context.scale(ratio, ratio);
    context.fillStyle = context.strokeStyle = ink;
    if (!lines.length) {
      context.font = `${13 * this.view.sizes.type}px ${this.view.font}`;
      context.globalAlpha = 0.65;
      context.textAlign = "center";
      context.fillText(this.spec.words.empty, (box.left + box.right) / 2, box.top + 28); // clear of a baseline in the middle
    }
    if (this.drag) {
      const [from, to] = [this.drag.from, this.drag.to].map((x) => Math.min(box.right, Math.max(box.left, box.toX(x))));
      context.globalAlpha = 0.12;
      context.fillRect(Math.min(from, to), box.top, Math.abs(to - from), box.bottom - box.top);
    } else if (this.cursor !== null && this.cursor >= xRange[0] && this.cursor <= xRange[1]) {
      context.globalAlpha = 0.5;
      const x = Math.round(box.toX(this.cursor)) + 0.5;
      context.beginPath(); context.moveTo(x, box.top); context.lineTo(x, box.bottom); context.stroke();
      context.globalAlpha = 1;
      for (const line of lines) {
        const i = nearest(line.xs, this.cursor);
        if (i === null) continue;
        context.fillStyle = line.colour;
        const value = (line.smooth ?? line.ys)[i];
        if (!this.store.log[panel.id] || value > 0) mark(context, MARKS[line.mark % MARKS.length], box.toX(line.xs[i]), box.toY(value), 4.5);
      }
    }
  }

  /** Put the cursor on the data point nearest to `x` (or nowhere) and show all values there. */
  point(built, x) {
    let best = null;
    if (x !== null) {
      for (const line of built.lines) {
        const i = nearest(line.xs, x);
        if (i !== null && (best === null || Math.abs(line.xs[i] - x) < Math.abs(best - x))) best = line.xs[i];
      }
    }
    this.cursor = best;
    this.drawCursors();
    for (const other of this.panels) if (other !== built) other.tip.hidden = true;
    built.tip.hidden = best === null;
    if (best !== null) this.fillTip(built);
  }

  fillTip({ tip, lines, panel, box, canvas }) {
    const { words } = this.spec, rows = [];
    for (const line of lines) {
      const i = nearest(line.xs, this.cursor);
      if (i !== null) rows.push({ line, value: line.ys[i], text: this.said(line, i, panel.kind) + (line.smooth ? ` ${filled(words.smoothed, { value: format(line.smooth[i], panel.kind) })}` : "") });
    }
    rows.sort((one, other) => other.value - one.value);
    const head = `${words.axisTitles[this.store.x]} ${format(this.cursor, this.store.x === "seconds" ? "seconds" : "plain", 1)}`;
    tip.replaceChildren(element("b", { textContent: head }), ...rows.map(({ line, text }) => element("div", {}, keyPicture(line), element("span", { textContent: line.name }), element("output", { textContent: text }))));
    const x = box.toX(this.cursor), right = x + 14 + tip.offsetWidth > canvas.clientWidth;
    tip.style.left = `${Math.max(0, right ? x - 14 - tip.offsetWidth : x + 14)}px`;
  }

  place(built, event) {
    const pixel = event.clientX - built.canvas.getBoundingClientRect().left;
    return built.box.fromX(Math.min(built.box.right, Math.max(built.box.left, pixel)));
  }

  press(built, event) {
    if (event.button !== 0) return;
    const x = this.place(built, event);
    this.pressed = { x, pixel: event.clientX };
    built.canvas.setPointerCapture(event.pointerId);
  }

  move(built, event) {
    const x = this.place(built, event);
    if (this.pressed && Math.abs(event.clientX - this.pressed.pixel) > 5) {
      this.drag = { from: this.pressed.x, to: x };
      built.tip.hidden = true;
      this.drawCursors();
    } else if (!this.pressed) this.point(built, x);
  }

  release(built) {
    const drag = this.drag;
    this.drag = this.pressed = null;
    if (drag) this.zoomTo([Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)]);
  }

  zoomTo(range) {
    this.store.zoom = range;
    this.draw();
  }

  pressKey(built, event) {
    const range = this.store.zoom ?? this.fullRange(), span = range[1] - range[0];
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const all = [...new Set(built.lines.flatMap((line) => line.xs))].filter((x) => x >= range[0] && x <= range[1]).sort((a, b) => a - b);
      const at = this.cursor === null ? -1 : lowerBound(all, this.cursor);
      const next = event.key === "ArrowRight" ? Math.min(all.length - 1, at + 1) : Math.max(0, at - 1);
      if (all.length) this.point(built, all[next]);
    } else if (event.key === "+" || event.key === "-") {
      const middle = this.cursor ?? (range[0] + range[1]) / 2, wide = event.key === "+" ? span / 2 : span * 2, full = this.fullRange();
      this.zoomTo(wide >= full[1] - full[0] ? null : [Math.max(full[0], middle - wide / 2), Math.min(full[1], middle + wide / 2)]);
    } else if (event.key === "Escape") this.zoomTo(null);
    else return;
    event.preventDefault();
  }

  /** The same numbers as a table: up to 40 rows, the values each line had reached there. */
  fillTable() {
    if (!this.table.open || !this.spec) return;
    const columns = this.panels.flatMap(({ panel, lines }) => lines.map((line) => ({ panel, line })));
    const sparsest = this.panels.map(({ lines }) => [...new Set(lines.flatMap((line) => line.xs))].sort((a, b) => a - b)).filter((xs) => xs.length).sort((one, other) => one.length - other.length)[0] ?? [];
    const every = Math.max(1, Math.ceil(sparsest.length / 40)), rows = sparsest.filter((_x, i) => (sparsest.length - 1 - i) % every === 0);
    const kind = this.store.x === "seconds" ? "seconds" : "plain";
    const cell = ({ panel, line }, x) => {
      const i = lowerBound(line.xs, x + 1e-9) - 1;
      return element("td", { textContent: i < 0 || x > line.xs[line.xs.length - 1] * 1.0001 + 1e-9 ? "–" : this.said(line, i, panel.kind) });
    };
    const groups = this.panels.filter(({ lines }) => lines.length).map(({ panel, lines }) => element("th", { textContent: panel.title, colSpan: lines.length, scope: "colgroup" }));
    const corner = element("th", { textContent: this.spec.words.axisTitles[this.store.x], scope: "col", rowSpan: 2 });
    const head = [element("tr", {}, corner, ...groups), element("tr", {}, ...columns.map(({ line }) => element("th", { textContent: line.name, scope: "col" })))];
    const body = rows.map((x) => element("tr", {}, element("th", { textContent: format(x, kind, 1), scope: "row" }), ...columns.map((column) => cell(column, x))));
    const scroll = this.table.querySelector(".scroll") ?? this.table.appendChild(element("div", { className: "scroll", tabIndex: 0 }));
    scroll.replaceChildren(element("table", {}, element("thead", {}, ...head), element("tbody", {}, ...body)));
  }
}

/** Index of the value nearest to `x` in sorted `xs`; null where the line has not begun, or has not come that far. */
function nearest(xs, x) {
  const right = lowerBound(xs, x), gap = (xs[xs.length - 1] - xs[0]) / Math.max(1, xs.length - 1);
  if (right === xs.length) return x - xs[xs.length - 1] <= gap / 2 ? xs.length - 1 : null;
  if (right === 0 && xs[0] - x > gap / 2) return null;
  return right > 0 && x - xs[right - 1] < xs[right] - x ? right - 1 : right;
}

export default function ({ data, parentElement }) {
  const store = heldFor(data.key);
  let chart = mounted.get(parentElement);
  if (!chart || chart.store !== store || !chart.root.isConnected) {
    chart?.remove();
    mounted.set(parentElement, (chart = new LiveChart(parentElement, store)));
  }
  chart.show(data);
  // Of the states that came while this script loaded, Streamlit draws each, and then clears up after all but the last.
  const turn = (chart.turn = {});
  return () => {
    if (chart.turn !== turn) return;
    chart.remove();
    if (mounted.get(parentElement) === chart) mounted.delete(parentElement);
  };
}
