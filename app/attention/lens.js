// The logit lens as a table: rows are layers, columns positions, a cell names the most probable token there.
// Texts are set as text, never as markup.

const WINDOW = 128;
const held = new WeakMap();

export default function ({ data, parentElement }) {
  if (!data) return;
  const root = parentElement.querySelector(".lens");
  const before = held.get(root);
  const rows = data.top.length;
  const same = before && before.view === data.view;
  const state = {
    view: data.view,
    row: same ? Math.min(before.row, rows - 1) : rows - 1,
    column: same ? Math.min(before.column, data.positions.length - 1) : data.start,
    from: same ? before.from : 0,
  };
  state.from = Math.min(state.from, Math.max(0, data.positions.length - WINDOW));
  held.set(root, state);
  const part = (name) => root.querySelector(`.${name}`);
  const table = part("readings");
  table.setAttribute("aria-label", data.words.table);

  const slider = part("depth");
  part("scrub-name").textContent = data.words.after;
  slider.max = rows - 1;
  slider.value = state.row;
  slider.oninput = () => choose(Number(slider.value), state.column);

  const move = (step) => {
    state.from = Math.max(0, Math.min(data.positions.length - WINDOW, state.from + step));
    state.column = Math.min(Math.max(state.column, state.from), state.from + WINDOW - 1);
    fill();
  };
  part("window").hidden = data.positions.length <= WINDOW;
  for (const [name, step] of [["earlier", -WINDOW / 2], ["later", WINDOW / 2]]) {
    part(name).textContent = data.words[name];
    part(name).onclick = () => move(step);
  }

  function fill() {
    const to = Math.min(data.positions.length, state.from + WINDOW);
    part("which").textContent = filled(data.words.positions, { from: state.from, to: to - 1, all: data.positions.length });
    table.replaceChildren(head(data, state.from, to), body(data, state.from, to));
    choose(state.row, state.column);
  }

  function choose(row, column, focus = false) {
    state.row = Math.max(0, Math.min(rows - 1, row));
    const last = Math.min(state.from + WINDOW, data.positions.length) - 1;
    state.column = Math.max(state.from, Math.min(last, column));
    slider.value = state.row;
    slider.setAttribute("aria-valuetext", data.rows[state.row].name);
    for (const cell of table.querySelectorAll("[data-row]")) {
      const here = Number(cell.dataset.row) === state.row;
      const exactly = here && Number(cell.dataset.column) === state.column;
      cell.classList.toggle("is-row", here);
      cell.classList.toggle("is-chosen", exactly);
      cell.tabIndex = exactly ? 0 : -1;
      if (exactly && focus) cell.focus({ preventScroll: false });
    }
    part("said").replaceChildren(...sentence(data, state.row));
    part("detail").replaceChildren(...detail(data, state.row, state.column));
    root.dataset.row = state.row;
    root.dataset.column = state.column;
  }

  const place = (event) => {
    const cell = event.target.closest("[data-row]");
    return cell ? [Number(cell.dataset.row), Number(cell.dataset.column)] : null;
  };
  table.onclick = (event) => {
    const at = place(event);
    if (at) choose(...at, true);
  };
  table.onmouseover = (event) => {
    const at = place(event);
    if (at) part("detail").replaceChildren(...detail(data, ...at));
  };
  table.onmouseleave = () => part("detail").replaceChildren(...detail(data, state.row, state.column));
  table.onkeydown = (event) => {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    const column = state.column + step[1];
    if (column < state.from && state.from > 0) move(-WINDOW / 2);
    if (column >= state.from + WINDOW && column < data.positions.length) move(WINDOW / 2);
    choose(state.row + step[0], column, true);
  };
  part("key").replaceChildren(...legend(data));
  fill();
}

function element(name, text, ...classes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  made.classList.add(...classes.filter(Boolean));
  return made;
}

function head(data, from, to) {
  const made = document.createElement("thead");
  if (data.positions.some((label) => label !== "")) made.append(headRow(data.words.reads, data.positions, from, to));
  if (data.wanted.some((label) => label !== "")) made.append(headRow(data.words.wanted, data.wanted, from, to));
  return made;
}

function headRow(title, labels, from, to) {
  const row = document.createElement("tr");
  const first = element("th", title, "corner");
  first.scope = "row";
  row.append(first);
  for (const label of labels.slice(from, to)) {
    const cell = element("th", label);
    cell.scope = "col";
    cell.title = label;
    row.append(cell);
  }
  return row;
}

function body(data, from, to) {
  const made = document.createElement("tbody");
  data.top.forEach((row, depth) => {
    const line = document.createElement("tr");
    const about = data.rows[depth];
    const first = element("th", undefined, "row-head");
    first.scope = "row";
    if (about.letter) {
      const badge = element("span", about.letter, "badge");
      badge.style.setProperty("--slot", about.colour);
      badge.style.setProperty("--on-slot", about.ink);
      first.append(badge);
    }
    first.append(element("span", about.name, "row-name"));
    if (about.loop) first.append(element("span", about.loop, "loop"));
    line.append(first);
    for (let column = from; column < to; column += 1) {
      const best = row[column][0];
      const cell = element("td", data.names[best]);
      const probability = data.probabilities[depth][column][0];
      cell.style.setProperty("--share", `${(100 * probability).toFixed(0)}%`);
      cell.classList.toggle("is-strong", probability > 0.75);
      cell.classList.toggle("is-flip", depth > 0 && data.top[depth - 1][column][0] !== best);
      cell.classList.toggle("is-wanted", data.rank[depth][column] === 1);
      cell.dataset.row = depth;
      cell.dataset.column = column;
      line.append(cell);
    }
    made.append(line);
  });
  return made;
}

function sentence(data, depth) {
  const words = data.top[depth].map((cell) => data.names[cell[0]]);
  const shown = words.length > 60 ? [...words.slice(0, 60), "…"] : words;
  return [element("b", data.rows[depth].said), element("span", shown.join(data.joiner), "answer-here")];
}

function detail(data, row, column) {
  const { words } = data;
  const facts = [data.rows[row].at];
  if (data.positions[column] !== "") {
    facts.push(filled(words.at, { token: data.positions[column], position: column }));
  }
  facts.push(filled(words.entropy, { bits: data.entropy[row][column].toFixed(2) }));
  if (data.rank[row][column] > 0) {
    const chance = percent(data.wanted_probability[row][column]);
    facts.push(filled(words.rank, { token: data.wanted[column], rank: data.rank[row][column], percent: chance }));
  }
  const list = element("ol", undefined, "guesses");
  data.top[row][column].forEach((token, place) => {
    const item = document.createElement("li");
    const bar = element("span", undefined, "guess-bar");
    const probability = data.probabilities[row][column][place];
    bar.style.setProperty("--share", `${(probability * 100).toFixed(1)}%`);
    item.append(element("span", data.names[token], "guess-label"), bar, element("span", `${percent(probability)} %`));
    list.append(item);
  });
  return [element("p", facts.join(" · "), "facts"), list];
}

// In one pass: a token that looks like a field is not filled again.
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (field, name) => (name in values ? values[name] : field));
}

function percent(share) {
  return (100 * share).toFixed(1);
}

function legend(data) {
  const scale = element("span", undefined, "scale");
  const marks = [
    [scale, data.words.scale],
    [element("span", "a", "mark", "is-flip"), data.words.flip],
  ];
  if (data.wanted.some((label) => label !== "")) marks.push([element("span", "a", "mark", "is-wanted"), data.words.hit]);
  return marks.map(([mark, text]) => {
    const made = element("span", undefined, "key-item");
    made.append(mark, element("span", text));
    return made;
  });
}
