"use strict";
// Draws what the JSON in this file holds: curves with zoom, and attention. Text becomes nodes, never HTML.
(() => {
  const drawn = JSON.parse(document.getElementById("drawn").textContent);
  const words = drawn.words;
  const SVG = "http://www.w3.org/2000/svg";

  const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (all, name) => (name in fields ? fields[name] : all));

  function node(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function svg(name, attributes = {}, ...children) {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function chooser(label, names, chosen, onChange) {
    const list = node("select", { "aria-label": label });
    names.forEach((name, place) => list.append(node("option", { value: place }, name)));
    list.value = String(chosen);
    list.addEventListener("change", () => onChange(Number(list.value)));
    return node("label", {}, `${label} `, list);
  }

  function number(value) {
    if (value === null || value === undefined || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
    return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 1 : size >= 1 ? 2 : 4 });
  }

  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9 && found.length < 50; at += step) found.push(Math.abs(at) < step / 1e6 ? 0 : at);
    return found;
  }

  // ---- curves -------------------------------------------------------------------------------------------------

  const W = 1000, H = 380, LEFT = 66, RIGHT = 34, TOP = 12, BOTTOM = 40;

  function chart(place, given, several) {
    const state = { curve: 0, axis: "x", from: null, to: null, hidden: new Set() };
    const readout = node("div", { class: "readout", "aria-live": "polite" });
    const holder = node("div");
    const values = node("div");
    const bar = node("div", { class: "bar" });
    const legend = node("div", { class: "bar" });
    const colour = (run) => drawn.colours[given.runs[run].design % drawn.colours.length];
    const dash = (run) => (given.runs[run].design >= drawn.colours.length ? "6 3" : "none");
    const curve = () => given.curves[state.curve];
    const label = () => curve().label + (curve().unit ? ` (${curve().unit})` : "");

    function points(line) {
      const found = [];
      line[state.axis].forEach((x, i) => {
        if (line.y[i] !== null) found.push([x, line.y[i] * curve().scale]);
      });
      return found;
    }

    function whole() {
      const all = curve().lines.flatMap((line) => line[state.axis]);
      const low = all.reduce((a, b) => Math.min(a, b), Infinity), high = all.reduce((a, b) => Math.max(a, b), -Infinity);
      return low < high ? [low, high] : [low - 0.5, high + 0.5];
    }

    function zoom(from, to) {
      const [low, high] = whole();
      const least = (high - low) / 2000;
      from = Math.max(low, from);
      to = Math.min(high, to);
      if (to - from < least) return;
      [state.from, state.to] = from <= low && to >= high ? [null, null] : [from, to];
      draw();
    }

    function window_() {
      const [low, high] = whole();
      return [state.from ?? low, state.to ?? high];
    }

    function draw() {
      const [from, to] = window_();
      const lines = curve().lines.filter((line) => !state.hidden.has(line.run));
      const shown = lines.map((line) => [line, points(line)]);
      const inside = shown.flatMap(([, list]) => list.filter(([x]) => x >= from && x <= to).map(([, y]) => y));
      let bottom = inside.reduce((a, b) => Math.min(a, b), Infinity), top = inside.reduce((a, b) => Math.max(a, b), -Infinity);
      if (!(bottom <= top)) [bottom, top] = [0, 1];
      const room = (top - bottom || Math.abs(top) || 1) * 0.06;
      bottom -= room;
      top += room;
      const X = (x) => LEFT + ((x - from) / (to - from)) * (W - LEFT - RIGHT);
      const Y = (y) => H - BOTTOM - ((y - bottom) / (top - bottom)) * (H - TOP - BOTTOM);
      const names = given.runs.map((run) => run.name).join("; ");
      const picture = svg("svg", { class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${label()}: ${names}` });
      const clip = `clip${place}`;
      picture.append(svg("clipPath", { id: clip }, svg("rect", { x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM })));
      for (const at of ticks(bottom, top, 5)) {
        picture.append(svg("line", { class: "grid", x1: LEFT, x2: W - RIGHT, y1: Y(at), y2: Y(at) }));
        picture.append(svg("text", { x: LEFT - 8, y: Y(at) + 4, "text-anchor": "end" }, number(at)));
      }
      for (const at of ticks(from, to, 8)) {
        picture.append(svg("text", { x: X(at), y: H - BOTTOM + 18, "text-anchor": "middle" }, number(at)));
      }
      picture.append(svg("text", { x: (W + LEFT) / 2, y: H - 4, "text-anchor": "middle" }, state.axis === "x" ? words.steps : words.seconds));
      picture.append(svg("rect", { class: "area", x: LEFT, y: TOP, width: W - LEFT - RIGHT, height: H - TOP - BOTTOM }));
      const inner = svg("g", { "clip-path": `url(#${clip})` });
      for (const [line, list] of shown) {
        const path = list.map(([x, y], i) => `${i ? "L" : "M"}${X(x).toFixed(1)} ${Y(y).toFixed(1)}`).join("");
        inner.append(svg("path", { d: path, class: "curve", fill: "none", stroke: colour(line.run), "stroke-width": 2, "stroke-dasharray": dash(line.run), "stroke-linejoin": "round" }));
        if (list.length === 1) inner.append(svg("circle", { cx: X(list[0][0]), cy: Y(list[0][1]), r: 4, fill: colour(line.run) }));
      }
      picture.append(inner);
      pointing(picture, inner, shown, from, to, X);
      holder.replaceChildren(picture);
      table(shown);
    }

    function pointing(picture, inner, shown, from, to, X) {
      let start = null;
      const band = svg("rect", { class: "band", y: TOP, height: H - TOP - BOTTOM, width: 0 });
      const mark = svg("line", { class: "mark", y1: TOP, y2: H - BOTTOM, x1: -10, x2: -10 });
      inner.append(band, mark);
      const at = (event) => {
        const box = picture.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * W;
        return from + ((Math.min(W - RIGHT, Math.max(LEFT, x)) - LEFT) / (W - LEFT - RIGHT)) * (to - from);
      };
      picture.addEventListener("pointerdown", (event) => {
        start = at(event);
        picture.setPointerCapture(event.pointerId);
      });
      picture.addEventListener("pointermove", (event) => {
        const here = at(event);
        if (start !== null) {
          band.setAttribute("x", X(Math.min(start, here)));
          band.setAttribute("width", Math.abs(X(here) - X(start)));
        }
        read(shown, here, mark, X);
      });
      picture.addEventListener("pointerup", (event) => {
        const here = at(event), began = start;
        start = null;
        band.setAttribute("width", 0);
        if (began !== null && Math.abs(X(here) - X(began)) > 8) zoom(Math.min(began, here), Math.max(began, here));
      });
      picture.addEventListener("dblclick", () => zoom(-Infinity, Infinity));
    }

    function read(shown, here, mark, X) {
      let nearest = null;
      for (const [, list] of shown) for (const [x] of list) if (nearest === null || Math.abs(x - here) < Math.abs(nearest - here)) nearest = x;
      if (nearest === null) return;
      mark.setAttribute("x1", X(nearest));
      mark.setAttribute("x2", X(nearest));
      const said = [];
      for (const [line, list] of shown) {
        const found = list.reduce((best, one) => (best === null || Math.abs(one[0] - nearest) < Math.abs(best[0] - nearest) ? one : best), null);
        if (found && (state.axis === "t" || found[0] === nearest)) said.push(`${given.runs[line.run].name}: ${number(found[1])}`);
      }
      readout.textContent = `${state.axis === "x" ? words.step : words.seconds} ${number(nearest)} · ${said.slice(0, 8).join(" · ")}`;
    }

    function table(shown) {
      const head = [words.run, words.first, words.lowest, words.best, words.last];
      const rows = shown.map(([line, list]) => {
        const ys = list.map(([, y]) => y);
        const low = ys.reduce((a, b) => Math.min(a, b), Infinity), high = ys.reduce((a, b) => Math.max(a, b), -Infinity);
        return [given.runs[line.run].name, ...[ys[0], low, high, ys[ys.length - 1]].map(number)];
      });
      values.replaceChildren(grid(label(), head, rows));
    }

    given.runs.forEach((run, i) => {
      const swatch = node("span", { class: "swatch" });
      swatch.style.borderTopColor = colour(i);
      if (dash(i) !== "none") swatch.style.borderTopStyle = "dashed";
      const button = node("button", { type: "button", "aria-pressed": "true" }, swatch, run.active ? `${run.name} (${words.active})` : run.name);
      button.addEventListener("click", () => {
        const hide = !state.hidden.has(i);
        state.hidden[hide ? "add" : "delete"](i);
        button.setAttribute("aria-pressed", String(!hide));
        draw();
      });
      legend.append(button);
    });

    const act = (text, change) => {
      const button = node("button", { type: "button" }, text);
      button.addEventListener("click", () => {
        const [from, to] = window_();
        change(from, to, to - from);
      });
      return button;
    };
    const show = (changes) => {
      Object.assign(state, changes, { from: null, to: null });
      readout.textContent = "";
      draw();
    };
    bar.append(
      chooser(words.curve, given.curves.map((one) => one.label), 0, (i) => show({ curve: i })),
      chooser(words.over, [words.steps, words.seconds], 0, (i) => show({ axis: i ? "t" : "x" })),
      act(words.in, (from, to, size) => zoom(from + size / 4, to - size / 4)),
      act(words.out, (from, to, size) => zoom(from - size / 2, to + size / 2)),
      act(words.left, (from, to, size) => zoom(Math.max(whole()[0], from - size / 2), Math.max(whole()[0], from - size / 2) + size)),
      act(words.right, (from, to, size) => zoom(Math.min(whole()[1], to + size / 2) - size, Math.min(whole()[1], to + size / 2))),
      act(words.reset, () => zoom(-Infinity, Infinity)),
    );
    draw();
    const parts = [bar, holder, readout, legend, node("p", { class: "quiet" }, words.help),
      node("details", {}, node("summary", {}, words.values), values)];
    return node("div", {}, ...(several ? [node("h3", {}, given.title)] : []), ...parts);
  }

  function grid(caption, head, rows) {
    const top = node("tr", {}, ...head.map((one) => node("th", { scope: "col" }, one)));
    const body = rows.map(([first, ...rest]) => node("tr", {}, node("th", { scope: "row" }, first), ...rest.map((one) => node("td", {}, one))));
    const table = node("table", {}, node("caption", {}, caption), node("thead", {}, top), node("tbody", {}, ...body));
    return node("div", { class: "wide" }, table);
  }

  // ---- attention ----------------------------------------------------------------------------------------------

  const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

  function paint(canvas, from, offset, rows, columns, scale, left = 0, top = 0) {
    const context = canvas.getContext("2d");
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const share = from[offset + row * columns + column] / 255;
        const mix = (light, dark) => Math.round(light + (dark - light) * Math.sqrt(share));
        context.fillStyle = `rgb(${mix(255, 12)}, ${mix(255, 62)}, ${mix(255, 122)})`;
        context.fillRect(left + column * scale, top + row * scale, scale, scale);
      }
    }
  }

  function attention(root) {
    const runs = drawn.attention;
    const state = { run: 0, example: 0, kind: 0, layer: 0, head: 0 };
    const bar = node("div", { class: "bar" });
    const shown = node("div");
    const kinds = () => runs[state.run].examples[state.example].kinds;

    function choose(changes) {
      Object.assign(state, changes);
      state.example = Math.min(state.example, runs[state.run].examples.length - 1);
      state.kind = Math.min(state.kind, kinds().length - 1);
      state.layer = Math.min(state.layer, kinds()[state.kind].layers - 1);
      state.head = Math.min(state.head, kinds()[state.kind].heads - 1);
      draw();
    }

    function draw() {
      const run = runs[state.run], example = run.examples[state.example], kind = kinds()[state.kind];
      bar.replaceChildren(
        chooser(words.run, runs.map((one) => one.run), state.run, (i) => choose({ run: i })),
        chooser(words.example, run.examples.map((one) => one.text.slice(0, 60)), state.example, (i) => choose({ example: i })),
        chooser(words.kind, example.kinds.map((one) => words[one.kind] ?? one.kind), state.kind, (i) => choose({ kind: i })),
      );
      const small = bytes(kind.small), [rows, columns] = kind.side;
      const heads = node("div", { class: "heads" });
      heads.style.gridTemplateColumns = `repeat(${kind.heads}, auto)`;
      const full = node("div", { class: "full" });
      const buttons = [];
      const open = (layer, head) => {
        Object.assign(state, { layer, head });
        buttons.forEach((one, i) => one.setAttribute("aria-pressed", String(i === layer * kind.heads + head)));
        full.replaceChildren(...inFull(kind, layer, head));
      };
      for (let layer = 0; layer < kind.layers; layer++) {
        for (let head = 0; head < kind.heads; head++) {
          const name = fill(words.head, { layer: layer + 1, head: head + 1 });
          const canvas = node("canvas", { width: columns * 4, height: rows * 4 });
          paint(canvas, small, (layer * kind.heads + head) * rows * columns, rows, columns, 4);
          const button = node("button", { type: "button", "aria-label": name, title: name }, canvas);
          button.addEventListener("click", () => open(layer, head));
          buttons.push(button);
          heads.append(button);
        }
      }
      const about = node("p", { class: "quiet" }, fill(words.maps, { rows: kind.layers, columns: kind.heads }));
      const read = node("p", {}, `${fill(words.at, { step: run.step.toLocaleString("en") })} `, node("strong", {}, example.text));
      shown.replaceChildren(read, about, node("div", { class: "pair" }, heads, full));
      open(state.layer, state.head);
    }

    function inFull(kind, layer, head) {
      const title = node("h3", {}, fill(words.head, { layer: layer + 1, head: head + 1 }));
      const place = kind.at.findIndex(([l, h]) => l === layer && h === head);
      if (place < 0) return [title, node("p", {}, words.small)];
      const all = bytes(kind.full), rows = kind.rows.length, columns = kind.columns.length, offset = place * rows * columns;
      const scale = Math.max(5, Math.min(22, Math.floor(560 / Math.max(rows, columns))));
      const longest = (list) => list.reduce((most, one) => Math.max(most, Math.min(12, one.length)), 1);
      const left = longest(kind.rows) * 7 + 12, top = longest(kind.columns) * 7 + 12;
      const canvas = node("canvas", { width: left + columns * scale + 2, height: top + rows * scale + 2, role: "img", "aria-label": title.textContent });
      paint(canvas, all, offset, rows, columns, scale, left, top);
      label(canvas, kind, scale, left, top);
      const readout = node("div", { class: "readout" });
      canvas.addEventListener("pointermove", (event) => {
        const box = canvas.getBoundingClientRect();
        const column = Math.floor((((event.clientX - box.left) / box.width) * canvas.width - left) / scale);
        const row = Math.floor((((event.clientY - box.top) / box.height) * canvas.height - top) / scale);
        if (row < 0 || column < 0 || row >= rows || column >= columns) return;
        readout.textContent = fill(words.attends, { query: kind.rows[row], key: kind.columns[column], share: ((all[offset + row * columns + column] / 255) * 100).toFixed(0) });
      });
      const most = kind.rows.map((token, row) => {
        let best = 0;
        for (let column = 1; column < columns; column++) if (all[offset + row * columns + column] > all[offset + row * columns + best]) best = column;
        return [token, kind.columns[best], `${((all[offset + row * columns + best] / 255) * 100).toFixed(0)} %`];
      });
      const table = grid(words.most, [words.token, words.looks, words.share], most);
      return [title, canvas, readout, node("details", {}, node("summary", {}, words.most), table)];
    }

    function label(canvas, kind, scale, left, top) {
      const context = canvas.getContext("2d");
      context.fillStyle = "#22252b";
      context.font = `${Math.max(8, Math.min(12, scale))}px monospace`;
      context.textBaseline = "middle";
      context.textAlign = "right";
      kind.rows.forEach((token, row) => context.fillText(token.slice(0, 12), left - 5, top + (row + 0.5) * scale));
      context.textAlign = "left";
      kind.columns.forEach((token, column) => {
        context.save();
        context.translate(left + (column + 0.5) * scale, top - 5);
        context.rotate(-Math.PI / 2);
        context.fillText(token.slice(0, 12), 0, 0);
        context.restore();
      });
    }

    root.append(bar, shown);
    draw();
  }

  const curves = document.getElementById("curves");
  const filled = drawn.charts.filter((one) => one.curves.length);
  if (curves) filled.forEach((one, place) => curves.append(chart(place, one, filled.length > 1)));
  const looks = document.getElementById("attention");
  if (looks) attention(looks);
  // On paper nothing can be opened.
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
})();
