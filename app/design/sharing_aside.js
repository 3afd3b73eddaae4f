// What is under the pointer: who else uses these weights, what the marks mean, and other weights to choose.

function rowOf(view, stackName, component) {
  const stack = view.data.designs[view.chosen].stacks.find((one) => one.name === stackName);
  return { stack, row: stack.rows.find((one) => one.component === component) };
}

// Every row with its layers that use the same weights as a cell.
function usersOf(view, { group, slot }) {
  return view.data.designs[view.chosen].stacks.flatMap((stack) => stack.rows
    .filter((row) => row.group === group)
    .map((row) => ({ stack, row, layers: row.slots.flatMap((one, at) => (String(one) === slot ? [at] : [])) }))
    .filter(({ layers }) => layers.length > 0));
}

function listed(layers) {
  return layers.length > 12 ? `${layers.slice(0, 12).join(", ")} …` : layers.join(", ");
}

function describe(view, cell) {
  const aside = view.host.querySelector(".aside");
  aside.replaceChildren();
  if (!cell) return aside.append(...idle(view));
  const { words, looks } = view.data, { stack: stackName, component, layer, slot } = cell.dataset;
  const { stack, row } = rowOf(view, stackName, component);
  const title = element("h4"), chip = element("span", slot === undefined ? "chip absent" : "chip", slot === undefined ? "" : looks[slot].letter);
  if (slot !== undefined) paint(chip, looks[slot]);
  title.append(chip, ` ${stack.title} · ${row.title} · ${fill(words.at_layer, { layer })}`);
  aside.append(title);
  if (slot === undefined) {
    const read = stack.reads.find((one) => one.components.includes(component));
    const source = cell.dataset.source;
    aside.append(element("p", "", fill(words.absent, { component: row.title, what: read?.what ?? "", source })));
    return undefined;
  }
  aside.append(...used(view, row, usersOf(view, cell.dataset)));
  if (row.lora) aside.append(element("p", "quiet", fill(words.lora, { rank: row.lora })));
  if (view.data.fixed) return undefined;
  if (view.pinned === cell) aside.append(...editor(view, cell, row));
  else aside.append(hint(words.click));
  return undefined;
}

// What to do with the pointer: no part of a picture of the map.
function hint(text) {
  const node = element("p", "quiet", text);
  node.dataset.picture = "no";
  return node;
}

function used(view, row, users) {
  const { words } = view.data, count = users.reduce((sum, { layers }) => sum + layers.length, 0);
  if (users.length === 1) {
    const text = count > 1 ? words.used_by : words.used_alone;
    return [element("p", "", fill(text, { layers: listed(users[0].layers), count, size: row.size }))];
  }
  const list = element("ul");
  for (const user of users) {
    list.append(element("li", "", fill(words.used_row, { stack: user.stack.title, component: user.row.title, layers: listed(user.layers) })));
  }
  return [element("p", "", fill(words.used_tied, { size: row.size, count })), list];
}

function idle(view) {
  const { words } = view.data, { legend } = view.data.designs[view.chosen];
  const list = element("ul", "legend");
  for (const { mark, text } of legend) {
    const line = element("li"), sign = element("span", `sign ${mark}`);
    if (mark in ICONS) sign.append(icon(mark));
    if (mark === "tie") sign.textContent = "=";
    if (mark === "absent") sign.textContent = "←";
    line.append(sign, element("span", "", text));
    list.append(line);
  }
  return [element("h4", "", words.idle_title), hint(view.data.fixed ? words.idle_fixed : words.idle), list, element("p", "quiet small", words.letters)];
}

function editor(view, cell, row) {
  const { words } = view.data;
  const scope = element("div", "choices scope");
  for (const [name, text] of [["cell", words.scope_cell], ["sublayer", fill(words.scope_sublayer, { sublayer: row.sublayer_title })], ["layer", words.scope_layer]]) {
    if (row.norm && name !== "cell") continue;
    const button = element("button", "", text);
    button.type = "button";
    button.setAttribute("aria-pressed", String(row.norm || view.scope === name));
    button.addEventListener("click", () => {
      view.scope = name;
      describe(view, cell);
      view.host.querySelector(".scope [aria-pressed=true]").focus();
    });
    scope.append(button);
  }
  return [element("p", "caption", words.scope), scope, element("p", "caption", words.slot), slotChoices(view, cell, row)];
}

function slotChoices(view, cell, row) {
  const { words, looks } = view.data, choices = element("div", "choices slots");
  const first = new Map();
  row.slots.forEach((slot, layer) => slot !== null && !first.has(slot) && first.set(slot, layer));
  const offer = (slot, like) => {
    const look = looks[slot], button = element("button", look ? "chip" : "chip new", look ? look.letter : "+");
    button.type = "button";
    button.setAttribute("aria-label", look ? fill(words.use_slot, { letter: look.letter, layer: like }) : words.new_slot);
    button.setAttribute("aria-pressed", String(String(slot) === cell.dataset.slot));
    if (look) paint(button, look);
    button.addEventListener("click", () => {
      const { stack, component, layer } = cell.dataset;
      view.pinned_at = [stack, component, layer];
      const design = view.data.designs[view.chosen].index;
      view.act({ kind: "paint", design, stack, component, layer: Number(layer), like, scope: view.scope });
    });
    choices.append(button);
  };
  for (const slot of [...first.keys()].sort((one, other) => one - other)) offer(slot, first.get(slot));
  offer(undefined, null);
  return choices;
}
