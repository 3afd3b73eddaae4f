// One head at large on a canvas: where things stand, the drawing, and which cell a pointer is on.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const LARGEST_CELL = 30;
const TALLEST = 640;
const SMALLEST_PATCH = 7;

function readableOn([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? [20, 22, 30] : [255, 255, 255];
}

function token(label, position) {
  // A token as text, with its position: letters repeat.
  const node = element("span", { class: "token" });
  node.textContent = label;
  const where = element("sub", {});
  where.textContent = position;
  return element("span", {}, node, where);
}

function widest(labels, size) {
  return labels.reduce((most, label) => Math.max(most, Math.min(14, [...label].length)), 1) * size * 0.62 + 8;
}

function layoutLarge(data, room, theme) {
  const rows = data.queries.length;
  const columns = data.keys.length;
  if (data.image) return layoutPatches(data, rows, columns, room);
  const type = typeScale();
  const left = Math.min(110 * type, widest(data.queries, 12 * type));
  const cell = Math.max(0.5, Math.min(LARGEST_CELL * type, (room - left - 4) / columns, (TALLEST * type) / rows));
  const size = Math.max(9 * type, Math.min(13 * type, cell * 0.92));
  const top = Math.min(110 * type, widest(data.keys, size) + 4);
  return { left, top, cell, size, rows, columns, width: left + cell * columns + 4, height: top + cell * rows + 4, theme };
}

/** Whether a side's labels (queries: 0, keys: 1) are patches of the image: in cross-attention the keys only. */
function arePatches(data, side) {
  return Boolean(data.image) && (side === 1 || data.kind !== "cross");
}

function layoutPatches(data, rows, columns, room) {
  // Positions are patches of an image: the axes show the patches themselves.
  const type = typeScale();
  const words = arePatches(data, 0) ? 0 : Math.min(110 * type, widest(data.queries, 12 * type));
  const most = Math.min(LARGEST_CELL * type, (room - (words || 32) - 8) / columns, (TALLEST * type) / rows);
  const cell = Math.max(0.5, most);
  const size = Math.max(SMALLEST_PATCH, cell);
  const [left, top] = [words || size + 8, size + 8];
  return { left, top, cell, size, rows, columns, width: left + cell * columns + 4, height: top + cell * rows + 4 };
}

function drawHead(canvas, place, what) {
  paintHead(sharpCanvas(canvas, place.width, place.height), place, what);
  canvas.clpsDraw = (pen) => paintHead(pen, place, what);
}

function paintHead(context, place, { picture, data, theme, active, kept, colour }) {
  const { left, top, cell, rows, columns } = place;
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, left, top, cell * columns, cell * rows);
  if (cell >= 7) {
    context.fillStyle = css(theme.background);
    for (let row = 1; row < rows; row++) context.fillRect(left, top + row * cell - 0.5, cell * columns, 1);
    for (let column = 1; column < columns; column++) context.fillRect(left + column * cell - 0.5, top, 1, cell * rows);
  }
  if (active) {
    context.strokeStyle = css(theme.text, 0.45);
    context.lineWidth = 1;
    context.strokeRect(left, top + active[0] * cell, cell * columns, cell);
    context.strokeRect(left + active[1] * cell, top, cell, cell * rows);
  }
  drawLabels(context, place, data, theme, active);
  for (const [at, width] of [[kept, 2.5], [active, 1.5]]) {
    if (!at) continue;
    context.strokeStyle = css(theme.text);
    context.lineWidth = width;
    const side = Math.max(cell, 5);
    context.strokeRect(left + (at[1] + 0.5) * cell - side / 2, top + (at[0] + 0.5) * cell - side / 2, side, side);
  }
  context.strokeStyle = css(colour);
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, cell * columns + 1, cell * rows + 1);
}

function drawLabels(context, place, data, theme, active) {
  // Where labels do not fit, every n-th is written; the two under the pointer always are.
  const { left, top, cell, size, rows, columns } = place;
  if (data.image) {
    drawPatchLabels(context, place, data, theme, active);
    return;
  }
  const every = Math.max(1, Math.ceil((size + 1) / cell));
  const crowded = (at, position) => position !== null && at !== position && Math.abs(at - position) < every;
  drawRowLabels(context, place, data, theme, active);
  context.textBaseline = "middle";
  for (let column = 0; column < columns; column++) {
    const isActive = active?.[1] === column;
    if (!isActive && (column % every || crowded(column, active ? active[1] : null))) continue;
    context.font = labelFont(size, theme, isActive);
    context.fillStyle = css(isActive ? theme.text : theme.muted);
    drawTopLabel(context, shortLabel(data.keys[column]), left + (column + 0.5) * cell, top - 4, size);
  }
}

function drawRowLabels(context, { left, top, cell, size, rows }, data, theme, active) {
  const every = Math.max(1, Math.ceil((size + 1) / cell));
  context.textBaseline = "middle";
  for (let row = 0; row < rows; row++) {
    const isActive = active?.[0] === row;
    const crowded = active && row !== active[0] && Math.abs(row - active[0]) < every;
    if (!isActive && (row % every || crowded)) continue;
    context.font = labelFont(size, theme, isActive);
    context.fillStyle = css(isActive ? theme.text : theme.muted);
    context.textAlign = "right";
    context.fillText(shortLabel(data.queries[row]), left - 5, top + (row + 0.5) * cell, left - 6);
  }
}

function drawTopLabel(context, label, x, y, size) {
  if ([...label].length === 1) {
    context.textAlign = "center";
    context.fillText(label, x, y - size / 2);
    return;
  }
  context.save();
  context.translate(x, y);
  context.rotate(-Math.PI / 2);
  context.textAlign = "left";
  context.fillText(label, 0, 0);
  context.restore();
}

function drawPatchLabels(context, place, data, theme, active) {
  // Where patches do not fit, every n-th is drawn; the two under the pointer always are, above the others.
  const { left, top, cell, size, rows, columns } = place;
  const tile = size * 0.84;
  const inset = (cell - tile) / 2;
  const every = Math.ceil(size / cell - 0.001);
  const reads = arePatches(data, 0);
  const row = (at, isActive) => drawPatch(context, data, at, left - tile - 5, top + at * cell + inset, tile, theme, isActive);
  const column = (at, isActive) => drawPatch(context, data, at, left + at * cell + inset, top - tile - 5, tile, theme, isActive);
  if (!reads) drawRowLabels(context, { ...place, size: Math.max(9, Math.min(13, cell)) * typeScale() }, data, theme, active);
  for (let at = 0; reads && at < rows; at += every) row(at, false);
  for (let at = 0; at < columns; at += every) column(at, false);
  if (!active) return;
  if (reads) row(active[0], true);
  column(active[1], true);
}

/** How many patches there are across an image, and how many positions before them: a class token is no patch. */
function patchesOf(data) {
  const across = Math.floor(Math.sqrt(data.keys.length));
  return { across, before: data.keys.length - across * across };
}

function drawPatch(context, data, at, x, y, tile, theme, isActive) {
  const { across, before } = patchesOf(data);
  if (at < before) drawNoPatch(context, data.keys[at], x, y, tile, theme);
  else drawPixels(context, data.image, across, at - before, x, y, tile);
  context.lineWidth = isActive ? 2 : 0.75;
  context.strokeStyle = css(isActive ? theme.text : theme.muted);
  context.strokeRect(x, y, tile, tile);
}

function drawPixels(context, image, across, patch, x, y, tile) {
  const pixels = image.length / across;
  const step = tile / pixels;
  for (let row = 0; row < pixels; row++)
    for (let column = 0; column < pixels; column++) {
      const value = image[Math.floor(patch / across) * pixels + row][(patch % across) * pixels + column];
      context.fillStyle = css(pixelColour(value));
      context.fillRect(x + column * step, y + row * step, step + 0.4, step + 0.4);
    }
}

/** The first letter of its name, such as that of a class token. */
function drawNoPatch(context, label, x, y, tile, theme) {
  context.fillStyle = css(theme.background);
  context.fillRect(x, y, tile, tile);
  context.fillStyle = css(theme.text);
  context.font = labelFont(tile * 0.8, theme, false);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText([...label].find((one) => /\p{L}/u.test(one)) ?? "", x + tile / 2, y + tile / 2);
}

function insideOf(data, cell) {
  // An answer may become shorter while a run is followed.
  return cell && cell[0] < data.queries.length && cell[1] < data.keys.length ? cell : null;
}

function cellAt(event, canvas, place, data) {
  const box = canvas.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top - place.top) / place.cell);
  const column = Math.floor((event.clientX - box.left - place.left) / place.cell);
  const inside = row >= 0 && column >= 0 && row < data.queries.length && column < data.keys.length;
  return inside ? [row, column] : null;
}

/** What is read by the position `query`, or on average by all: a byte for each key. */
function readBy(data, bytes, query) {
  const columns = data.keys.length;
  if (query !== null) return bytes.subarray(query * columns, (query + 1) * columns);
  const rows = data.queries.length;
  return data.keys.map((_label, key) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += bytes[row * columns + key];
    return Math.round(sum / rows);
  });
}

const FADED = [128, 128, 128];

function patchPicture(data, bytes, query, key, colour, boost) {
  // The image with each patch tinted by the attention it gets; the reading patch is framed, if one reads. A tint would be
  // read as a colour of an image that has colours: there, patches with less attention lose theirs. Differences have signs.
  const side = data.image.length;
  const { across, before } = patchesOf(data);
  const read = readBy(data, bytes, query);
  const pixel = Math.floor(192 / side);
  const patch = (pixel * side) / across;
  const canvas = element("canvas", { "aria-hidden": "true" });
  const context = sharpCanvas(canvas, pixel * side, pixel * side);
  data.image.forEach((row, y) =>
    row.forEach((value, x) => {
      const at = Math.floor((y * across) / side) * across + Math.floor((x * across) / side);
      const shade = tint(data, read[before + at], colour, boost);
      const fades = typeof value === "string" && !data.signed;
      context.fillStyle = css(
        fades ? mix(FADED, pixelColour(value), 0.1 + 0.9 * shade.share) : mix(pixelColour(value), shade.colour, 0.85 * shade.share),
      );
      context.fillRect(x * pixel, y * pixel, pixel, pixel);
    }),
  );
  const reader = arePatches(data, 0) ? query : null;
  for (const [at, width, style] of [[reader, 3, "#000"], [reader, 1.5, "#fff"], [key, 1, css(colour)]]) {
    if (at === null || at < before) continue;
    const place = at - before;
    context.lineWidth = width;
    context.strokeStyle = style;
    context.strokeRect((place % across) * patch + 1.5, Math.floor(place / across) * patch + 1.5, patch - 3, patch - 3);
  }
  return canvas;
}
