// The sharing map of each run, coloured by the change without each part. Start at the default export.
// Data come from matters_map.py; everything from there is put in place as text or as a checked attribute.

function element(name, text, ...classes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.classList.add(...classes.filter(Boolean));
  return made;
}

function drawRun(run, data) {
  const box = element("section", undefined, "run");
  if (run.name) box.append(element("h2", run.name));
  box.append(element("p", run.whole, "whole"));
  const stacks = element("div", undefined, "stacks");
  stacks.append(...run.stacks.map((stack) => drawStack(stack, data, run.name ? "h3" : "h2")));
  box.append(stacks);
  return box;
}

function drawStack(stack, data, level) {
  const box = element("div", undefined, "stack"), scroll = element("div", undefined, "scroll");
  if (stack.title) box.append(element(level, stack.title));
  const table = element("table"), head = element("thead"), line = element("tr"), body = element("tbody");
  table.setAttribute("aria-label", stack.alt);
  const corner = element("th", data.words.layer, "side");
  corner.scope = "col";
  line.append(corner);
  for (let layer = 0; layer < stack.layers; layer += 1) {
    const cell = element("th", String(layer));
    cell.scope = "col";
    line.append(cell);
  }
  head.append(line);
  for (const row of stack.rows) body.append(drawRow(row, data));
  table.append(head, body);
  scroll.append(table);
  box.append(scroll);
  return box;
}

function drawRow(row, data) {
  const line = element("tr", undefined, `of-${row.kind}`);
  const side = element("th", row.name, "side");
  side.scope = "row";
  line.append(side);
  for (const cell of row.cells) {
    const place = element("td");
    place.colSpan = cell.span ?? 1;
    if (cell.part !== undefined) place.append(drawCell(cell, data));
    line.append(place);
  }
  return line;
}

function drawCell(cell, data) {
  const done = cell.text !== undefined;
  const button = element("button", undefined, "cell", done ? (cell.worse ? "worse" : "better") : "empty");
  button.type = "button";
  button.tabIndex = -1;
  button.dataset.part = cell.part;
  button.setAttribute("aria-pressed", String(cell.part === data.chosen));
  const said = done ? cell.said : `${cell.said}: ${data.words.empty}`;
  button.setAttribute("aria-label", cell.letter ? `${said} · ${cell.letter}` : said);
  button.dataset.said = said;
  if (done) {
    button.style.setProperty("--share", `${(100 * cell.share).toFixed(1)}%`);
    button.classList.toggle("unsure", cell.unsure);
  }
  if (cell.letter) {
    const badge = element("span", cell.letter, "badge");
    badge.style.setProperty("--slot", cell.colour);
    badge.style.setProperty("--on-slot", cell.ink);
    button.append(badge);
  }
  button.append(element("span", done ? cell.text : "…", "change"));
  return button;
}

function legend(words) {
  const scale = element("span", undefined, "scale");
  const unsure = element("span", "0", "mark");
  const item = (...parts) => {
    const made = element("span", undefined, "key-item");
    made.append(...parts);
    return made;
  };
  return [
    item(element("span", words.better), scale, element("span", words.worse)),
    item(element("span", words.scale)),
    item(unsure, element("span", words.unsure)),
  ];
}

function move(button, key) {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  const line = button.closest("tr"), cells = (one) => [...one.querySelectorAll(".cell")];
  const lines = [...line.parentElement.children], at = cells(line).indexOf(button);
  const there = lines[lines.indexOf(line) + down];
  const next = there && (down ? cells(there)[Math.min(at, cells(there).length - 1)] : cells(line)[at + right]);
  if (!next) return;
  button.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".matters");
  const part = (name) => root.querySelector(`.${name}`);
  const signature = JSON.stringify(data);
  root.choose = (chosen) => setTriggerValue("chosen", chosen);
  if (root.dataset.signature === signature) return;
  const sections = () => [...root.querySelectorAll("section")], held = root.getRootNode().activeElement;
  const focused = root.contains(held) ? [sections().indexOf(held.closest("section")), held.dataset.part] : null;
  const scrolled = [...root.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  root.dataset.signature = signature;
  root.dataset.chosen = data.chosen;
  part("runs").replaceChildren(...data.runs.map((run) => drawRun(run, data)));
  part("key").replaceChildren(...legend(data.words));
  root.querySelectorAll(".scroll").forEach((one, at) => {
    one.scrollLeft = scrolled[at] ?? 0;
  });
  const chosen = () => root.querySelector(".cell[aria-pressed='true']");
  const say = (button) => {
    part("said").textContent = button?.dataset.said ?? data.words.hint;
  };
  for (const table of root.querySelectorAll("tbody")) {
    const first = table.querySelector(".cell[aria-pressed='true']") ?? table.querySelector(".cell");
    if (first) first.tabIndex = 0;
  }
  const kept = focused && sections()[focused[0]]?.querySelector(`.cell[data-part="${CSS.escape(focused[1])}"]`);
  kept?.focus({ preventScroll: true });
  say(kept || chosen());
  const runs = part("runs"), over = (event) => event.target.closest(".cell");
  runs.onclick = (event) => {
    const button = over(event);
    if (button) root.choose(button.getAttribute("aria-pressed") === "true" ? "" : button.dataset.part);
  };
  runs.onmouseover = (event) => {
    // Cells that are drawn anew under a pointer at rest are no reason to leave the one that keys went to.
    const here = `${event.screenX},${event.screenY}`;
    if (here === root.dataset.pointer) return;
    root.dataset.pointer = here;
    if (over(event)) say(over(event));
  };
  root.say = say;
  if (!root.listens) runs.addEventListener("focusin", (event) => over(event) && root.say(over(event)));
  root.listens = true;
  runs.onmouseleave = () => say(chosen());
  runs.onkeydown = (event) => {
    if (!over(event) || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    move(over(event), event.key);
  };
}
