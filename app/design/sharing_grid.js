// One stack of one design: components x layers, with what is read from where, the core, and marks.

const SVG = "http://www.w3.org/2000/svg";
const GAP = 3;
const ICONS = {
  depth: "M1 6c1.2-5 3.2-5 4.5 0s3.3 5 4.5 0",
  learned: "M2 10V6M5 10V2M8 10V5M11 10V8",
  inject: "M6 1v8M3 6.5l3 3l3-3",
  core: "M10 4.5A4.2 4.2 0 1 0 10.5 7M10.5 1.5V4.7H7.3",
};

function svg(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

function icon(name) {
  const node = svg("svg", { viewBox: "0 0 12 12", class: `icon ${name}`, "aria-hidden": "true" });
  node.append(svg("path", { d: ICONS[name] }));
  return node;
}

/** How large the page's type is against 16 px: cells grow with the letters in them. */
function typeScale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
}

// As wide as looks well; narrower where that puts the stacks side by side, or lets all layers be seen; never too
// narrow for two letters.
function cellWidth(view, stack) {
  const all = view.data.designs[view.chosen].stacks, layers = stack.layers;
  const type = typeScale(), most = (layers <= 8 ? 46 : layers <= 16 ? 42 : 36) * type;
  const whole = view.host.clientWidth || 900, aside = view.data.alone || whole <= 820 ? 0 : 330 * type;
  const names = all.some((one) => one.rows.some((row) => row.tie)) ? 128 * type : 88 * type, room = whole - aside - 52;
  const columns = all.reduce((sum, one) => sum + one.layers, 0);
  const beside = Math.floor((room - all.length * (names + 38)) / columns) - GAP;
  const alone = Math.floor((room - names) / layers) - GAP;
  return Math.max(25 * type, Math.min(most, beside >= 27 * type ? beside : alone));
}

function drawStack(view, stack) {
  const { data } = view;
  const box = element("section", "stack");
  const title = element("h3", "", stack.title);
  title.append(element("small", "", stack.note));
  const scroller = element("div", "scroller"), grid = element("div", "grid");
  const width = cellWidth(view, stack);
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", stack.alt);
  grid.style.setProperty("--layers", stack.layers);
  grid.style.setProperty("--cell", `${width}px`);
  if (stack.core) grid.append(...bracket(stack));
  grid.append(headRow(data, stack));
  if (stack.input) grid.append(inputRow(data, stack));
  let sublayer = stack.rows[0].sublayer;
  for (const row of stack.rows) {
    if (row.sublayer !== sublayer) grid.append(element("div", "gap"));
    sublayer = row.sublayer;
    grid.append(drawRow(view, stack, row));
    for (const read of stack.reads) {
      if (read.after === row.component) grid.append(...read.lanes.map((lane, at) => drawLane(read, lane, at, stack.layers, width)));
    }
  }
  scroller.append(grid);
  box.append(title, scroller);
  if (stack.more) box.append(element("div", "more", stack.more));
  return box;
}

function bracket(stack) {
  const { start, layers, loops, label, note } = stack.core;
  const name = element("div", "core-label");
  name.style.gridColumn = `${start + 2} / -1`;
  name.title = note;
  name.append(icon("core"), element("span", "", label));
  const spans = [];
  for (let loop = 0; loop < loops && start + loop * layers < stack.layers; loop += 1) {
    const span = element("div", "core-span");
    span.style.gridColumn = `${start + loop * layers + 2} / span ${Math.min(layers, stack.layers - start - loop * layers)}`;
    span.title = note;
    spans.push(span);
  }
  return [name, ...spans];
}

function side(text, role, extra) {
  const node = element("span", "side", text);
  node.setAttribute("role", role);
  if (extra) node.append(" ", element("b", "", extra));
  return node;
}

function headRow(data, stack) {
  const head = element("div");
  head.setAttribute("role", "row");
  head.append(side(data.words.layer, "columnheader"));
  for (let layer = 0; layer < stack.layers; layer += 1) {
    const index = element("span", "head", String(layer));
    index.setAttribute("role", "columnheader");
    head.append(index);
  }
  return head;
}

function inputRow(data, stack) {
  const line = element("div");
  line.setAttribute("role", "row");
  line.append(side(data.words.input, "rowheader"));
  for (const marks of stack.input) {
    const place = element("span", "input");
    place.setAttribute("role", "gridcell");
    place.append(...marks.map(icon));
    line.append(place);
  }
  return line;
}

function drawRow(view, stack, row) {
  const line = element("div");
  line.setAttribute("role", "row");
  line.append(side(row.title, "rowheader", row.tie));
  row.slots.forEach((slot, layer) => line.append(drawCell(view, stack, row, slot, layer)));
  return line;
}

// A horizontal line from the layer that is read to those that read it, with an arrow up to each.
function drawLane(read, lane, at, layers, width) {
  const line = element("div", "lane-row"), step = width + GAP, middle = (layer) => layer * step + width / 2;
  const label = element("span", "side", at === 0 ? read.title : "");
  const picture = svg("svg", { class: "lane", width: layers * step - GAP, height: 17, "aria-hidden": "true" });
  for (const bus of lane) {
    const last = middle(bus.to[bus.to.length - 1]), first = middle(bus.from);
    picture.append(svg("path", { class: "wire", d: `M${first} 1V6q0 6 6 6H${last - 6}q6 0 6 -6V3` }));
    picture.append(svg("circle", { cx: first, cy: 2.5, r: 2.5 }));
    for (const to of bus.to) {
      const x = middle(to);
      if (to !== bus.to[bus.to.length - 1]) picture.append(svg("path", { class: "wire", d: `M${x} 12V3` }));
      picture.append(svg("path", { d: `M${x - 3.5} 5L${x} 0L${x + 3.5} 5Z` }));
    }
  }
  line.append(label, picture);
  return line;
}

function drawCell(view, stack, row, slot, layer) {
  const { words, looks } = view.data;
  const cell = element("div", "cell" + (row.norm ? " norm" : ""));
  cell.setAttribute("role", "gridcell");
  cell.tabIndex = -1;
  Object.assign(cell.dataset, { stack: stack.name, component: row.component, layer, group: row.group });
  const named = { stack: stack.title, layer, component: row.title };
  if (slot === null) {
    const read = stack.reads.find((one) => one.components.includes(row.component) && one.sources[layer] !== layer);
    cell.classList.add("absent");
    if (read) {
      cell.dataset.source = read.sources[layer];
      cell.textContent = `←${read.sources[layer]}`;
      cell.setAttribute("aria-label", fill(words.absent_cell, { ...named, source: read.sources[layer] }));
    }
    return cell;
  }
  cell.textContent = looks[slot].letter;
  cell.dataset.slot = slot;
  if (row.lora) cell.classList.add("lora");
  if (stack.scale && row.ends) cell.classList.add("scale");
  paint(cell, looks[slot]);
  cell.setAttribute("aria-label", fill(words.cell, { ...named, letter: looks[slot].letter }));
  return cell;
}

// The same weights; for a cell without any, itself and the cell of the layer that is read.
function belongs(one, other) {
  if (one.slot !== undefined) return one.group === other.group && one.slot === other.slot;
  const here = one.stack === other.stack && one.component === other.component;
  return here && (one.layer === other.layer || one.source === other.layer);
}

/** The focus from one cell to its neighbour. */
function move(cell, key) {
  const lines = [...cell.closest(".grid").querySelectorAll("[role=row]")].filter((line) => line.querySelector(".cell"));
  const at = [...cell.parentElement.querySelectorAll(".cell")].indexOf(cell), line = lines.indexOf(cell.parentElement);
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
  const next = lines[line + steps[0]]?.querySelectorAll(".cell")[at + steps[1]];
  if (!next) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}
