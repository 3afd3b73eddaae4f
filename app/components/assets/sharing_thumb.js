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
  const UNIT = 12, rows = stacks.map((stack) => stack.rows.filter((row) => !row.norm));
  const height = Math.max(...rows.map((of) => of.length)) * 2;
  const width = stacks.reduce((sum, stack) => sum + stack.layers, 0) + (stacks.length - 1);
  const canvas = element("canvas");
  canvas.width = width * UNIT;
  canvas.height = height * 4;
  canvas.setAttribute("aria-hidden", "true");
  const pen = canvas.getContext("2d");
  let left = 0;
  stacks.forEach((stack, at) => {
    rows[at].forEach((row, y) => {
      const low = Math.round((canvas.height * y) / rows[at].length);
      const high = Math.round((canvas.height * (y + 1)) / rows[at].length);
      row.slots.forEach((slot, x) => {
        if (slot === null) return;
        const joined = row.slots[x + 1] === slot ? 0 : 1;
        pen.fillStyle = looks[slot].colour;
        pen.fillRect((left + x) * UNIT, low, UNIT - joined, high - low);
      });
    });
    left += stack.layers + 1;
  });
  return canvas;
}
