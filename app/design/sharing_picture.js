// Six layers drawing their weights from slots, under several strategies at once. Start at the default export.
// Everything that comes from Python is put in place as text or as a checked attribute, never as HTML.

const SVG = "http://www.w3.org/2000/svg";
const BOX = 44, GAP = 10, LEFT = 38, TOP = 26, SHELF = 146, TILE = 34, WIDTH = 388, STEP_MS = 620;

function svg(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const middle = (layer) => LEFT + layer * (BOX + GAP) + BOX / 2;

function drawPanel(panel, words) {
  const box = element("section", "panel");
  box.append(element("h2", "", panel.title), element("p", "", panel.note));
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} 202`, role: "img", "aria-label": panel.alt });
  const line = TOP + BOX / 2;
  picture.append(svg("path", { class: "flow", d: `M2 ${line}H${WIDTH - 4}m-6 -5l6 5l-6 5` }));
  const users = new Map();
  panel.slots.forEach((slot, layer) => users.set(slot, [...(users.get(slot) ?? []), layer]));
  const threads = svg("g", {}), tiles = svg("g", {}), layers = svg("g", {});
  for (const [slot, at] of users) {
    const look = panel.looks[slot];
    const x = at.reduce((sum, layer) => sum + middle(layer), 0) / at.length;
    for (const layer of at) {
      const half = (SHELF + TOP + BOX) / 2;
      threads.append(svg("path", {
        class: "thread", "data-slot": slot, "data-layer": layer, stroke: look.colour,
        d: `M${x} ${SHELF}C${x} ${half} ${middle(layer)} ${half} ${middle(layer)} ${TOP + BOX}`,
      }));
    }
    const tile = svg("g", { class: "tile", "data-slot": slot });
    tile.append(svg("rect", { x: x - TILE / 2, y: SHELF, width: TILE, height: TILE, rx: 7, fill: look.colour }));
    tile.append(svg("text", { x, y: SHELF + TILE / 2, fill: look.ink }, look.letter));
    tiles.append(tile);
  }
  panel.slots.forEach((slot, layer) => {
    const look = panel.looks[slot];
    const group = svg("g", { class: "layer", "data-slot": slot, "data-layer": layer });
    group.append(svg("rect", { x: middle(layer) - BOX / 2, y: TOP, width: BOX, height: BOX, rx: 9, fill: look.colour }));
    group.append(svg("text", { x: middle(layer), y: line, fill: look.ink }, look.letter));
    layers.append(group);
    picture.append(svg("text", { class: "index", x: middle(layer), y: TOP - 9, "text-anchor": "middle" }, String(layer)));
  });
  picture.append(svg("text", { class: "label", x: 0, y: TOP - 9 }, words.layer));
  picture.append(svg("text", { class: "label", x: 0, y: SHELF + TILE + 16 }, words.stored));
  picture.append(threads, tiles, layers);
  box.append(picture, meters(panel, words));
  return box;
}

function meters(panel, words) {
  const list = element("dl", "meters");
  for (const [label, share, same] of [[words.parameters, panel.stored_share, false], [words.computation, 1, true]]) {
    const row = element("div", same ? "row same" : "row");
    const track = element("dd", "track"), fill = element("div", "fill");
    fill.style.width = `${100 * share}%`;
    track.append(fill);
    row.append(element("dt", "", label), track, element("dd", "value", `${Math.round(100 * share)} %`));
    list.append(row);
  }
  return list;
}

function light(root, test) {
  root.classList.toggle("focus", Boolean(test));
  for (const node of root.querySelectorAll("[data-slot]")) node.classList.toggle("lit", Boolean(test && test(node)));
}

function play(root, state, layers) {
  clearInterval(state.timer);
  let layer = 0;
  const show = () => {
    if (layer >= layers) {
      clearInterval(state.timer);
      root.classList.remove("playing");
      root.querySelectorAll("section").forEach((panel) => light(panel, null));
      return;
    }
    root.classList.add("playing");
    for (const panel of root.querySelectorAll("section")) {
      const slot = panel.querySelector(`.layer[data-layer="${layer}"]`)?.dataset.slot;
      light(panel, (node) => node.dataset.slot === slot && (node.dataset.layer ?? String(layer)) === String(layer));
    }
    layer += 1;
  };
  show();
  state.timer = setInterval(show, STEP_MS);
}

export default function ({ data, parentElement }) {
  const signature = JSON.stringify(data);
  const host = parentElement.querySelector(".picture");
  if (host.dataset.signature === signature) return undefined;
  host.dataset.signature = signature;
  const state = { timer: 0 };
  const panels = element("div", "panels");
  host.clpsRepaint = () => { // a picture shows all layers
    clearInterval(state.timer);
    host.classList.remove("playing");
    host.querySelectorAll("section").forEach((panel) => light(panel, null));
  };
  for (const panel of data.panels) panels.append(drawPanel(panel, data.words));
  panels.addEventListener("pointerover", (event) => {
    const part = event.target.closest("[data-slot]");
    if (!part || host.classList.contains("playing")) return;
    light(part.closest("section"), (node) => node.dataset.slot === part.dataset.slot);
  });
  panels.addEventListener("pointerout", (event) => {
    const panel = event.target.closest("section");
    if (panel && !host.classList.contains("playing")) light(panel, null);
  });
  const foot = element("div", "foot"), again = element("button", "", data.words.play);
  again.dataset.picture = "no";
  again.type = "button";
  again.addEventListener("click", () => play(host, state, data.panels[0].slots.length));
  foot.append(element("span", "", data.words.lesson), again);
  host.replaceChildren(panels, foot);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) play(host, state, data.panels[0].slots.length);
  return () => clearInterval(state.timer);
}
