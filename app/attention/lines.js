// One head as lines from each token (left) to the tokens it looks at (right): the strongest ones, at any length.

const MOST_LINES = 400;
const FEWEST = 13; // a byte: fainter lines than 0.05 are drawn for the token under the pointer only
const LINE_STEP = 20;

function layoutLines(data, room) {
  const type = typeScale();
  const most = Math.max(data.queries.length, data.keys.length);
  const step = Math.max(0.6, Math.min(LINE_STEP * type, (TALLEST * type) / most));
  const size = Math.max(9 * type, Math.min(13 * type, step * 0.8));
  const label = (labels, side) => (arePatches(data, side) ? step + 8 : Math.min(110 * type, widest(labels, size)));
  const [left, right] = [label(data.queries, 0), label(data.keys, 1)];
  const top = size / 2 + 4;
  return { left, right, top, step, cell: step, size, width: Math.min(room, 560 * type), height: top * 2 + step * most };
}

/** The byte from which lines are drawn, so that there are not too many; how many there are then, and from 0.05 on. */
function strongest(data, bytes) {
  const found = new Array(256).fill(0);
  const columns = data.keys.length;
  for (let at = 0; at < data.queries.length * columns; at++) {
    if (data.causal && at % columns > Math.floor(at / columns)) continue;
    found[strength(data, bytes[at])] += 1;
  }
  let least = 255;
  let count = found[255];
  while (least > FEWEST && count + found[least - 1] <= MOST_LINES) count += found[--least];
  const all = found.slice(FEWEST).reduce((sum, one) => sum + one, 0);
  return { least, count: Math.min(count, MOST_LINES), all };
}

/** 0 to 255: of a difference, how far it is from none. */
function strength(data, byte) {
  return data.signed ? Math.min(255, Math.round((Math.abs(byte - 128) * 255) / 127)) : byte;
}

function drawLines(canvas, place, { data, bytes, theme, active, colour, boost }) {
  const { left, right, top, step, width } = place;
  const context = sharpCanvas(canvas, width, place.height);
  const columns = data.keys.length;
  const middle = (at) => top + (at + 0.5) * step;
  const chosen = strongest(data, bytes);
  const one = (query, key, least, alpha) => {
    const byte = bytes[query * columns + key];
    if (strength(data, byte) < least || (data.causal && key > query)) return 0;
    const shade = tint(data, byte, colour, boost);
    context.strokeStyle = css(theme.dark ? mix(shade.colour, theme.text, 0.25) : shade.colour, alpha * Math.max(0.12, shade.share));
    context.lineWidth = 0.75 + 2 * shade.share;
    context.beginPath();
    context.moveTo(left, middle(query));
    context.lineTo(width - right, middle(key));
    context.stroke();
    return 1;
  };
  let left_over = MOST_LINES;
  for (let query = 0; query < data.queries.length; query++)
    for (let key = 0; key < columns && left_over > 0; key++) left_over -= one(query, key, chosen.least, active ? 0.15 : 1);
  if (active) for (let key = 0; key < columns; key++) one(active[0], key, 1, 1);
  drawEnds(context, place, data, theme, active, middle);
  return { ...chosen, text: drawnText(data, chosen, active) };
}

function drawnText(data, { least, count, all }, active) {
  const share = (byte) => ((byte / 255) * (data.signed ? data.range : 1)).toFixed(3);
  if (active) {
    const [position] = active;
    return fill(data.words.drawn_one, { least: share(1), token: data.queries[position], position });
  }
  return fill(count < all ? data.words.drawn : data.words.drawn_all, { count, all, least: share(least) });
}

function drawEnds(context, place, data, theme, active, middle) {
  // Where labels do not fit, every n-th is written; the one under the pointer always is.
  const { left, right, step, size, width } = place;
  const every = Math.max(1, Math.ceil((size + 1) / step));
  context.textBaseline = "middle";
  [data.queries, data.keys].forEach((labels, side) => {
    const x = side ? width - right + 5 : left - 5;
    context.textAlign = side ? "left" : "right";
    const pointed = active ? active[side] : null;
    labels.forEach((label, at) => {
      const isActive = pointed === at;
      if (!isActive && (at % every || (pointed !== null && Math.abs(at - pointed) < every))) return;
      if (arePatches(data, side)) {
        const tile = Math.max(4, step * 0.84);
        drawPatch(context, data, at, side ? x : x - tile, middle(at) - tile / 2, tile, theme, isActive);
        return;
      }
      context.font = labelFont(size, theme, isActive);
      context.fillStyle = css(isActive ? theme.text : theme.muted);
      context.fillText(shortLabel(label), x, middle(at), (side ? right : left) - 6);
    });
  });
}

function lineAt(event, canvas, place, data, bytes) {
  // On the left half a token and the one it looks at most; on the right one, a token and who looks at it most.
  const box = canvas.getBoundingClientRect();
  const at = Math.floor((event.clientY - box.top - place.top) / place.step);
  const isQuery = event.clientX - box.left < place.width / 2;
  if (at < 0 || at >= (isQuery ? data.queries : data.keys).length) return null;
  const columns = data.keys.length;
  const cells = isQuery
    ? data.keys.map((_label, key) => [at, key])
    : data.queries.map((_label, query) => [query, at]);
  const seen = cells.filter(([query, key]) => !data.causal || key <= query);
  const value = ([query, key]) => strength(data, bytes[query * columns + key]);
  return seen.reduce((best, cell) => (value(cell) > value(best) ? cell : best), seen[0]) ?? null;
}
