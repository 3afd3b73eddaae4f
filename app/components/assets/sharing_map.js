// The designs compared, and the chosen one's map: components x layers, one colour and letter per slot.
// Start at the default export. Data come from sharing_map.py; every text is set with textContent.

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function fill(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

function paint(node, look) {
  node.style.setProperty("--colour", look.colour);
  node.style.setProperty("--ink", look.ink);
}

function thumbnail(design, looks) {
  const rows = design.stacks.map((stack) => stack.rows.filter((row) => !row.norm));
  const height = Math.max(...rows.map((of) => of.length));
  const width = design.stacks.reduce((sum, stack) => sum + stack.layers, 0) + design.stacks.length - 1;
  const canvas = element("canvas");
  canvas.width = width * 2;
  canvas.height = height * 2;
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d");
  let left = 0;
  design.stacks.forEach((stack, at) => {
    rows[at].forEach((row, y) => {
      const low = Math.round((2 * height * y) / rows[at].length), high = Math.round((2 * height * (y + 1)) / rows[at].length);
      row.slots.forEach((slot, x) => {
        if (slot === null) return;
        pen.fillStyle = looks[slot].colour;
        pen.fillRect((left + x) * 2, low, 2, high - low);
      });
    });
    left += stack.layers + 1;
  });
  return canvas;
}

function drawCards(view) {
  const { data, act } = view;
  const list = element("div", "cards");
  data.designs.forEach((design, index) => {
    const card = element("div", index === view.chosen ? "card chosen" : "card");
    card.style.setProperty("--colour", design.colour);
    const pick = element("button", "pick");
    pick.type = "button";
    pick.setAttribute("aria-pressed", String(index === view.chosen));
    pick.title = design.text;
    const name = element("div", "name");
    name.append(element("i", "dot"), element("span", "", design.title));
    const cost = element("div", "cost");
    cost.append(element("span", "", design.stored), element("span", "", design.share));
    pick.append(name, thumbnail(design, data.looks), cost);
    pick.addEventListener("click", () => {
      view.chosen = index;
      view.pinned = null;
      draw(view);
      view.host.querySelectorAll(".pick")[index].focus();
      act({ kind: "choose", design: design.index });
    });
    card.append(pick);
    if (data.designs.length > 1) {
      const drop = element("button", "drop", "×");
      drop.type = "button";
      drop.setAttribute("aria-label", fill(data.words.remove, { name: design.title }));
      drop.addEventListener("click", () => act({ kind: "remove", design: design.index }));
      card.append(drop);
    }
    list.append(card);
  });
  return list;
}

function drawStack(view, stack) {
  const { data } = view;
  const box = element("section", "stack");
  const title = element("h4", "", stack.title);
  title.append(element("small", "", stack.note));
  const grid = element("div", "grid");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", stack.alt);
  grid.style.setProperty("--layers", stack.layers);
  grid.style.setProperty("--cell", stack.layers > 32 ? "19px" : stack.layers > 16 ? "24px" : stack.layers > 6 ? "34px" : "44px");
  const head = element("div");
  head.setAttribute("role", "row");
  head.append(cornerCell(data.words.layer));
  for (let layer = 0; layer < stack.layers; layer += 1) {
    const index = element("span", "head", String(layer));
    index.setAttribute("role", "columnheader");
    head.append(index);
  }
  grid.append(head);
  let family = stack.rows[0].family;
  for (const row of stack.rows) {
    if (row.family !== family) grid.append(element("div", "gap"));
    family = row.family;
    const line = element("div");
    line.setAttribute("role", "row");
    const side = element("span", "side", row.title);
    side.setAttribute("role", "rowheader");
    line.append(side);
    row.slots.forEach((slot, layer) => line.append(drawCell(view, stack, row, slot, layer)));
    grid.append(line);
  }
  box.append(title, grid);
  if (stack.more) box.append(element("div", "more", stack.more));
  return box;
}

function cornerCell(text) {
  const corner = element("span", "side", text);
  corner.setAttribute("role", "columnheader");
  return corner;
}

function drawCell(view, stack, row, slot, layer) {
  const cell = element("div", "cell" + (row.norm ? " norm" : ""));
  cell.setAttribute("role", "gridcell");
  cell.tabIndex = -1;
  if (slot === null) {
    cell.classList.add("absent");
    return cell;
  }
  const look = view.data.looks[slot];
  cell.textContent = look.letter;
  paint(cell, look);
  Object.assign(cell.dataset, { stack: stack.name, component: row.component, layer, slot });
  cell.setAttribute(
    "aria-label",
    fill(view.data.words.cell, { stack: stack.title, layer, component: row.title, letter: look.letter }),
  );
  return cell;
}

function rowOf(view, stackName, component) {
  const stack = view.data.designs[view.chosen].stacks.find((one) => one.name === stackName);
  return { stack, row: stack.rows.find((one) => one.component === component) };
}

function look(view, cell) {
  view.host.querySelector(".stacks").classList.toggle("looking", Boolean(cell));
  for (const other of view.host.querySelectorAll(".cell")) {
    const { stack, component, slot } = other.dataset;
    const same = cell && stack === cell.dataset.stack && component === cell.dataset.component && slot === cell.dataset.slot;
    other.classList.toggle("same", Boolean(same));
  }
  describe(view, cell ?? view.pinned);
}

function describe(view, cell) {
  const aside = view.host.querySelector(".aside"), { words, looks } = view.data;
  aside.replaceChildren();
  if (!cell) {
    aside.append(element("h4", "", words.idle_title), element("p", "quiet", words.idle), element("p", "quiet", words.letters));
    return;
  }
  const { stack: stackName, component, layer, slot } = cell.dataset;
  const { stack, row } = rowOf(view, stackName, component);
  const users = row.slots.flatMap((one, at) => (String(one) === slot ? [at] : []));
  const title = element("h4"), chip = element("span", "chip", looks[slot].letter);
  paint(chip, looks[slot]);
  title.append(chip, ` ${stack.title} · ${row.title} · ${fill(words.at_layer, { layer })}`);
  const shown = users.length > 12 ? `${users.slice(0, 12).join(", ")} …` : users.join(", ");
  const many = users.length > 1 ? words.used_by : words.used_alone;
  aside.append(title, element("p", "", fill(many, { layers: shown, count: users.length, size: row.size })));
  if (view.pinned === cell) aside.append(...editor(view, cell, row));
  else aside.append(element("p", "quiet", words.click));
}

function editor(view, cell, row) {
  const { words, looks } = view.data;
  const scope = element("div", "choices scope");
  for (const [name, text] of [["cell", words.scope_cell], ["family", fill(words.scope_family, { family: row.family_title })], ["layer", words.scope_layer]]) {
    const button = element("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(view.scope === name));
    button.addEventListener("click", () => {
      view.scope = name;
      describe(view, cell);
      view.host.querySelector(".scope [aria-pressed=true]").focus();
    });
    scope.append(button);
  }
  const used = Math.max(...row.slots.filter((one) => one !== null)) + 1;
  const choices = element("div", "choices");
  for (let slot = 0; slot <= Math.min(used, row.slots.length - 1); slot += 1) {
    const fresh = slot === used;
    const button = element("button", fresh ? "chip new" : "chip", fresh ? "+" : looks[slot].letter);
    button.type = "button";
    button.setAttribute("aria-label", fill(fresh ? words.new_slot : words.use_slot, { letter: looks[slot]?.letter ?? "+" }));
    button.setAttribute("aria-pressed", String(String(slot) === cell.dataset.slot));
    if (!fresh) paint(button, looks[slot]);
    button.addEventListener("click", () => {
      const { stack, component, layer } = cell.dataset;
      view.pinned_at = [stack, component, layer];
      const design = view.data.designs[view.chosen].index;
      view.act({ kind: "paint", design, stack, component, layer: Number(layer), slot, scope: view.scope });
    });
    choices.append(button);
  }
  return [element("p", "caption", words.scope), scope, element("p", "caption", words.slot), choices];
}

function pin(view, cell) {
  view.pinned?.classList.remove("pinned");
  view.pinned = view.pinned === cell ? null : cell;
  view.pinned?.classList.add("pinned");
  look(view, cell);
}

function move(view, cell, key) {
  const cells = [...cell.parentElement.querySelectorAll(".cell")], at = cells.indexOf(cell);
  const lines = [...cell.closest(".grid").querySelectorAll("[role=row]")].slice(1);
  const line = lines.indexOf(cell.parentElement);
  const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[key];
  const next = lines[line + steps[0]]?.querySelectorAll(".cell")[at + steps[1]];
  if (!next) return;
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function listen(view, stacks) {
  const over = (event) => event.target.closest(".cell:not(.absent)");
  stacks.addEventListener("pointerover", (event) => over(event) && look(view, over(event)));
  stacks.addEventListener("pointerleave", () => look(view, view.pinned));
  stacks.addEventListener("focusin", (event) => over(event) && look(view, over(event)));
  stacks.addEventListener("click", (event) => over(event) && pin(view, over(event)));
  stacks.addEventListener("keydown", (event) => {
    const cell = over(event);
    if (!cell) return;
    if (event.key.startsWith("Arrow")) move(view, cell, event.key);
    else if (event.key === "Enter" || event.key === " ") pin(view, cell);
    else return;
    event.preventDefault();
  });
}

function draw(view) {
  const stacks = element("div", "stacks"), sheet = element("div", "sheet");
  for (const stack of view.data.designs[view.chosen].stacks) stacks.append(drawStack(view, stack));
  for (const grid of stacks.querySelectorAll(".grid")) {
    const first = grid.querySelector(".cell:not(.absent)");
    if (first) first.tabIndex = 0;
  }
  listen(view, stacks);
  sheet.append(stacks, element("div", "aside"));
  sheet.querySelector(".aside").setAttribute("aria-live", "polite");
  view.host.replaceChildren(drawCards(view), sheet);
  const [stack, component, layer] = view.pinned_at ?? [];
  view.pinned = null;
  const again = stack && [...stacks.querySelectorAll(".cell")].find(
    ({ dataset }) => dataset.stack === stack && dataset.component === component && dataset.layer === layer,
  );
  if (again) pin(view, again);
  else describe(view, null);
}

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".map");
  const act = (action) => setTriggerValue("action", action);
  const signature = JSON.stringify(data);
  const view = views.get(host) ?? { host, scope: "family", pinned: null, pinned_at: null };
  views.set(host, view);
  view.act = act;
  if (view.signature === signature) return;
  Object.assign(view, { signature, data, chosen: data.chosen });
  draw(view);
  view.pinned_at = null;
}
