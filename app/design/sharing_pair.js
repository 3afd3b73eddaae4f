// Two maps side by side; cells that differ have a ring. Start at the default export. Data come from sharing_pair.py,
// sharing_grid.js draws a stack.

const CLASSES = { sharing: "sharing", reading: "reading", lora: "lora-differs", only: "only" };

function drawHalf(view, side) {
  const half = element("section", "half"), design = view.data.designs[side];
  const title = element("h3");
  const dot = element("i", "dot");
  dot.style.setProperty("--colour", design.colour);
  title.append(dot, element("span", "", design.title), element("small", "", design.stored));
  title.title = design.text;
  half.append(title);
  return half;
}

// The width of a cell depends on the room that its half has, so halves are filled when they stand on the page.
function fillHalf(view, half, side) {
  const own = { host: half, chosen: side, data: { ...view.data, alone: true } }, stacks = element("div", "stacks");
  half.append(stacks);
  for (const stack of view.data.designs[side].stacks) {
    const drawn = drawStack(own, stack);
    mark(view, stack, drawn);
    drawn.dataset.stack = stack.name;
    drawn.querySelector(".scroller").addEventListener("scroll", (event) => follow(view, event.target, stack.name));
    stacks.append(drawn);
  }
  for (const grid of stacks.querySelectorAll(".grid")) grid.querySelector(".cell").tabIndex = 0;
  listen(view, stacks, side);
}

// Layers with one number stay in sight together, as far as the shorter map goes.
function follow(view, scroller, stack) {
  scroller.classList.toggle("more-right", scroller.scrollLeft + scroller.clientWidth < scroller.scrollWidth - 4);
  for (const other of view.host.querySelectorAll(`.stack[data-stack=${stack}] .scroller`)) {
    const ended = scroller.scrollLeft >= scroller.scrollWidth - scroller.clientWidth - 1;
    if (other.scrollLeft !== scroller.scrollLeft && !(ended && other.scrollLeft > scroller.scrollLeft)) {
      other.scrollLeft = scroller.scrollLeft;
    }
  }
}

function mark(view, stack, drawn) {
  for (const cell of drawn.querySelectorAll(".cell")) {
    const row = stack.rows.find((one) => one.component === cell.dataset.component);
    const how = row.marks[cell.dataset.layer];
    if (!how) continue;
    cell.classList.add(CLASSES[how]);
    cell.setAttribute("aria-label", `${cell.getAttribute("aria-label") ?? ""}. ${view.data.words[how]}`);
  }
  const heads = drawn.querySelectorAll(".head");
  for (const layer of stack.lacking) {
    heads[layer].classList.add("lacking");
    heads[layer].title = fill(view.data.words.lacking, { layer });
  }
}

function listen(view, stacks, side) {
  const over = (event) => event.target.closest(".cell");
  stacks.addEventListener("pointerover", (event) => over(event) && look(view, side, over(event)));
  stacks.addEventListener("pointerleave", () => look(view, side, null));
  stacks.addEventListener("focusin", (event) => over(event) && look(view, side, over(event)));
  stacks.addEventListener("focusout", () => look(view, side, null));
  stacks.addEventListener("keydown", (event) => {
    if (!over(event) || !event.key.startsWith("Arrow")) return;
    move(over(event), event.key);
    event.preventDefault();
  });
}

const sited = (half, { stack, component, layer }) => [...half.querySelectorAll(".cell")].find(
  ({ dataset }) => dataset.stack === stack && dataset.component === component && dataset.layer === layer,
);

// The site in both designs, with all that use its weights in each.
function look(view, side, cell) {
  const halves = [...view.host.querySelectorAll(".half")];
  const here = halves.map((half, at) => (cell && at === side ? cell : cell ? sited(half, cell.dataset) : null));
  halves.forEach((half, at) => {
    half.classList.toggle("looking", Boolean(cell));
    for (const one of half.querySelectorAll(".cell")) {
      one.classList.toggle("same", Boolean(here[at]) && belongs(here[at].dataset, one.dataset));
      one.classList.toggle("met", one === here[at]);
    }
  });
  describe(view, side, cell, here);
}

function describe(view, side, cell, here) {
  const { words } = view.data, told = view.host.querySelector(".told");
  if (!cell) {
    const idle = element("p", "", words.idle);
    idle.dataset.picture = "no";
    return told.replaceChildren(idle);
  }
  const stack = view.data.designs[side].stacks.find((one) => one.name === cell.dataset.stack);
  const row = stack.rows.find((one) => one.component === cell.dataset.component);
  const title = element("b", "", fill(words.place, { stack: stack.title, component: row.title, layer: cell.dataset.layer }));
  const lines = view.data.designs.map((design, at) => element("p", "", said(view, design, here[at])));
  const how = row.marks[cell.dataset.layer];
  if (how) title.append(` · ${words[how]}`);
  return told.replaceChildren(title, ...lines);
}

function said(view, design, cell) {
  const { words } = view.data, name = design.title;
  if (!cell) return fill(words.lacks, { name });
  const { stack: own, component, layer, slot, group, source } = cell.dataset;
  if (slot === undefined) return fill(words.reads, { name, source });
  const others = design.stacks.flatMap((stack) => stack.rows.filter((row) => row.group === group).map((row) => {
    const layers = row.slots.flatMap((one, at) => (String(one) === slot ? [at] : []))
      .filter((at) => !(stack.name === own && row.component === component && String(at) === layer));
    if (!layers.length) return null;
    const some = layers.length > 12 ? `${layers.slice(0, 12).join(", ")} …` : layers.join(", ");
    const template = stack.name === own ? words.row : words.stack_row;
    return fill(template, { stack: stack.title, component: row.title, layers: some });
  })).filter(Boolean);
  return others.length ? fill(words.shares, { name, others: others.join("; ") }) : fill(words.alone, { name });
}

function keys(view) {
  const list = element("ul", "keys");
  for (const key of view.data.keys) {
    const line = element("li"), sign = element("span", `cell ${CLASSES[key.mark]}`);
    sign.setAttribute("aria-hidden", "true");
    line.append(sign, element("span", "", key.text));
    list.append(line);
  }
  return list;
}

const views = new WeakMap();

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".pair"), signature = JSON.stringify(data);
  if (views.get(host)?.signature === signature) return;
  const view = { host, data, signature }, halves = element("div", "halves"), told = element("div", "told");
  views.set(host, view);
  told.setAttribute("aria-live", "polite");
  halves.append(...data.designs.map((_design, side) => drawHalf(view, side)));
  host.classList.toggle("marked", data.keys.length > 0);
  host.replaceChildren(halves, keys(view), told);
  halves.querySelectorAll(".half").forEach((half, side) => fillHalf(view, half, side));
  for (const one of halves.querySelectorAll(".stack")) follow(view, one.querySelector(".scroller"), one.dataset.stack);
  describe(view, 0, null, []);
}
