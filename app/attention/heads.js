// Every head in figures: a table of layers x heads, coloured by one figure, and all figures of the one that is chosen.

const tables = new WeakMap();

export default function ({ data, parentElement, setStateValue }) {
  if (!data) return;
  const root = parentElement.querySelector(".heads");
  const before = tables.get(root);
  const same = before && before.view === data.view;
  const state = { view: data.view, at: same ? before.at : data.selected };
  tables.set(root, state);
  const table = root.querySelector(".figures");
  table.setAttribute("aria-label", data.words.table);

  const choose = (layer, head, focus) => {
    state.at = [Math.max(0, Math.min(data.rows.length - 1, layer)), Math.max(0, Math.min(data.heads - 1, head))];
    draw(focus);
    clearTimeout(state.telling);
    state.telling = setTimeout(() => setStateValue("selected", state.at), 120);
  };
  const draw = (focus) => {
    for (const cell of table.querySelectorAll("td")) {
      const chosen = +cell.dataset.layer === state.at[0] && +cell.dataset.head === state.at[1];
      cell.setAttribute("aria-selected", String(chosen));
      cell.tabIndex = chosen ? 0 : -1;
      if (chosen && focus) cell.focus({ preventScroll: true });
    }
    drawDetail(root, data, ...state.at);
    root.dataset.selected = state.at.join(",");
  };
  table.onclick = (event) => {
    const cell = event.target.closest("td");
    if (cell) choose(+cell.dataset.layer, +cell.dataset.head, true);
  };
  table.onkeydown = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(state.at[0] + step[0], state.at[1] + step[1], true);
  };
  const paint = () => {
    const theme = readTheme(root);
    const hadFocus = table.contains(root.getRootNode().activeElement);
    table.replaceChildren(headRow(data), ...data.rows.map((row, layer) => bodyRow(data, row, layer, theme)));
    draw(hadFocus);
  };
  root.dataset.measure = data.measure;
  root.clpsRepaint = paint; // a picture is on white paper
  paint();
}

function headRow(data) {
  const row = element("tr", { role: "row" }, element("th", { "aria-hidden": "true" }));
  for (let head = 0; head < data.heads; head++) {
    const cell = element("th", { scope: "col" });
    cell.textContent = fill(data.words.head, { head });
    row.append(cell);
  }
  return row;
}

function bodyRow(data, about, layer, theme) {
  const badge = element("span", { class: "badge" });
  badge.textContent = about.letter;
  const colour = rgb(about.colour);
  badge.style.setProperty("--slot", css(colour));
  badge.style.setProperty("--on-slot", css(readableOn(colour)));
  const name = element("th", { scope: "row" }, fill(data.words.layer, { layer }), badge);
  const row = element("tr", { role: "row" }, name);
  const shown = data.figures[data.measure];
  shown.values[layer].forEach((value, head) => {
    const back = mix(theme.background, colour, value === null ? 0 : 0.85 * Math.min(1, value / (shown.top || 1)));
    const said = [shown.texts[layer][head], data.names[layer][head]].filter(Boolean).join(", ");
    const label = `${fill(data.words.title, { layer, head })}: ${said}`;
    const cell = element("td", { role: "gridcell", tabindex: "-1", "aria-label": label });
    cell.append(shown.texts[layer][head]);
    if (data.names[layer][head]) {
      const called = element("span", { class: "called" });
      called.textContent = data.names[layer][head];
      cell.append(called);
    }
    cell.style.background = css(back);
    cell.style.color = css(readableOn(back));
    cell.dataset.layer = layer;
    cell.dataset.head = head;
    row.append(cell);
  });
  return row;
}

function drawDetail(root, data, layer, head) {
  const title = fill(data.words.title, { layer, head });
  const called = data.names[layer][head];
  root.querySelector(".detail-name").textContent = called ? `${title}: ${called}` : title;
  const rows = Object.values(data.figures).map((figure) => {
    const [name, value] = [element("dt", {}), element("dd", {})];
    name.textContent = figure.title;
    value.textContent = figure.texts[layer][head];
    return element("div", {}, name, value);
  });
  root.querySelector(".detail-figures").replaceChildren(...rows);
}
