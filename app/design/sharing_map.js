// The designs compared, and the chosen one's map: components x layers, one colour and letter per slot.
// Start at the default export. Data come from sharing_map.py; sharing_grid.js draws a stack, sharing_aside.js
// what is said about a cell.

function drawCards(view) {
  const { data } = view;
  const list = element("div", "cards");
  data.designs.forEach((design, index) => {
    const card = element("div", index === view.chosen ? "card chosen" : "card");
    card.style.setProperty("--colour", design.colour);
    card.append(pickButton(view, design, index));
    if (data.designs.length > 1) card.append(dropButton(view, design));
    list.append(card);
  });
  return list;
}

function pickButton(view, design, index) {
  const pick = element("button", "pick");
  pick.type = "button";
  pick.setAttribute("aria-pressed", String(index === view.chosen));
  pick.title = `${design.title}\n${design.text}`;
  const name = element("div", "name");
  name.append(element("i", "dot"), element("span", "", design.title));
  const cost = element("div", "cost");
  cost.append(element("span", "", design.stored), element("span", "", design.share));
  pick.append(name, thumbnail(design.stacks, view.data.looks), cost);
  pick.addEventListener("click", () => {
    view.chosen = index;
    view.pinned = null;
    draw(view);
    view.host.querySelectorAll(".pick")[index].focus();
    view.act({ kind: "choose", design: design.index });
  });
  return pick;
}

function dropButton(view, design) {
  const drop = element("button", "drop", "×");
  drop.type = "button";
  drop.dataset.picture = "no";
  drop.setAttribute("aria-label", fill(view.data.words.remove, { name: design.title }));
  drop.addEventListener("click", () => view.act({ kind: "remove", design: design.index }));
  return drop;
}

function look(view, cell) {
  view.host.querySelector(".stacks").classList.toggle("looking", Boolean(cell));
  for (const other of view.host.querySelectorAll(".cell")) other.classList.toggle("same", Boolean(cell) && belongs(cell.dataset, other.dataset));
  describe(view, cell ?? view.pinned);
}

function pin(view, cell) {
  view.pinned?.classList.remove("pinned");
  view.pinned = view.pinned === cell || cell.dataset.slot === undefined ? null : cell;
  view.pinned?.classList.add("pinned");
  look(view, cell);
}

function listen(view, stacks) {
  const over = (event) => event.target.closest(".cell");
  stacks.addEventListener("pointerover", (event) => over(event) && look(view, over(event)));
  stacks.addEventListener("pointerleave", () => look(view, view.pinned));
  stacks.addEventListener("focusin", (event) => over(event) && look(view, over(event)));
  stacks.addEventListener("click", (event) => over(event) && pin(view, over(event)));
  stacks.addEventListener("keydown", (event) => {
    const cell = over(event);
    if (!cell) return;
    if (event.key.startsWith("Arrow")) move(cell, event.key);
    else if (event.key === "Enter" || event.key === " ") pin(view, cell);
    else return;
    event.preventDefault();
  });
}

function draw(view) {
  const scrolled = [...view.host.querySelectorAll(".scroller")].map((one) => one.scrollLeft);
  const stacks = element("div", "stacks"), sheet = element("div", "sheet");
  for (const stack of view.data.designs[view.chosen].stacks) stacks.append(drawStack(view, stack));
  for (const grid of stacks.querySelectorAll(".grid")) grid.querySelector(".cell").tabIndex = 0;
  listen(view, stacks);
  sheet.append(stacks, element("div", "aside"));
  sheet.querySelector(".aside").setAttribute("aria-live", "polite");
  view.host.classList.toggle("alone", view.data.alone);
  view.host.replaceChildren(...(view.data.alone ? [] : [drawCards(view)]), sheet);
  stacks.querySelectorAll(".scroller").forEach((one, at) => {
    one.scrollLeft = scrolled[at] ?? 0;
    const hint = () => one.classList.toggle("more-right", one.scrollLeft + one.clientWidth < one.scrollWidth - 4);
    one.addEventListener("scroll", hint);
    hint();
  });
  const [stack, component, layer] = view.pinned_at ?? [];
  view.pinned = null;
  const again = stack && [...stacks.querySelectorAll(".cell")].find(
    ({ dataset }) => dataset.stack === stack && dataset.component === component && dataset.layer === layer,
  );
  if (again) pin(view, again);
  else describe(view, null);
}

// Ctrl-Z and Ctrl-Y, wherever the focus is but in a text field; under an open dialog only the dialog's own map listens.
function listenForUndo(view) {
  const open = () => document.querySelector("[role=dialog]");
  const onKey = (event) => {
    if (!view.host.isConnected) return document.removeEventListener("keydown", onKey);
    const key = event.key.toLowerCase(), field = event.composedPath()[0];
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return undefined;
    if (field.closest?.("input, textarea, [contenteditable=true]")) return undefined;
    const outer = view.host.getRootNode().host ?? view.host;
    if (open() && !open().contains(outer)) return undefined;
    event.preventDefault();
    return view.act({ kind: key === "y" || event.shiftKey ? "redo" : "undo" });
  };
  document.addEventListener("keydown", onKey);
}

const views = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".map");
  const act = (action) => setTriggerValue("action", action);
  const signature = JSON.stringify(data);
  const known = views.get(host), view = known ?? { host, scope: "sublayer", pinned: null, pinned_at: null };
  views.set(host, view);
  view.act = act;
  if (!known) listenForUndo(view);
  if (view.signature === signature) return;
  Object.assign(view, { signature, data, chosen: data.chosen });
  draw(view);
  view.pinned_at = null;
}
