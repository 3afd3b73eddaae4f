// Small things that the sharing map and the galleries have in common. Every text is set with textContent.

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

// A canvas with one rectangle per cell; what a layer does not have stays empty. Layers of one look are one area.
function thumbnail(stacks, looks) {
  const rows = stacks.map((stack) => stack.rows.filter((row) => !row.norm));
  const columns = stacks.reduce((sum, stack) => sum + stack.layers, 0) + (stacks.length - 1);
  const unit = Math.max(6, Math.floor(760 / columns)), gap = unit < 14 ? 0 : Math.round(unit / 24);
  const canvas = element("canvas");
  canvas.width = columns * unit;
  canvas.height = 96;
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d");
  let left = 0;
  stacks.forEach((stack, at) => {
    rows[at].forEach((row, y) => {
      const low = Math.round((canvas.height * y) / rows[at].length);
      const high = Math.round((canvas.height * (y + 1)) / rows[at].length);
      row.slots.forEach((slot, x) => {
        if (slot === null) return;
        const joined = row.slots[x + 1] === slot || x + 1 === stack.layers ? 0 : gap;
        pen.fillStyle = looks[slot].colour;
        pen.fillRect((left + x) * unit, low, unit - joined, high - low);
      });
    });
    left += stack.layers + 1;
  });
  return canvas;
}
