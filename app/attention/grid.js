// Layers x heads at a glance, one head at large, one row as text. Start at the default export.

const MOST_HELD = 64e6; // bytes of heads in full that are kept for going back
const explorers = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  if (!data) return undefined;
  let explorer = explorers.get(parentElement);
  if (!explorer) {
    explorer = new Explorer(parentElement.querySelector(".attention"));
    explorers.set(parentElement, explorer);
  }
  explorer.tell = setStateValue;
  explorer.show(unpack(data));
  const turn = (explorer.turn = {}); // while scripts load, Streamlit clears up after an earlier call once a later one has drawn
  return () => {
    if (explorer.turn !== turn) return;
    if (explorer.waiting.listen === explorer.listen) explorer.waiting.listen = null;
    explorer.watcher.disconnect();
    clearTimeout(explorer.telling);
    explorers.delete(parentElement);
  };
}

class Explorer {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    this.boost = true;
    this.lines = false;
    this.hover = null;
    this.kept = null;
    this.lead = null;
    this.listen = () => this.takeHead() && this.drawSelection();
    this.heads = new Map(); // place -> bytes of a head in full, of this view
    this.watcher = new ResizeObserver(() => this.data && this.drawLarge());
    this.watcher.observe(this.part("large"));
    root.clpsRepaint = () => this.data && this.show(this.data);
    this.listenToPeople();
  }

  show(data) {
    // Old selections stay when only the bytes changed; a new view (run, kind, text) brings its own.
    const isNewView = this.data?.view !== data.view;
    this.asked = this.data ? (isNewView ? null : this.asked) : (data.kept ?? null); // the cell that the address keeps
    if (!this.data) {
      this.boost = data.lift ?? true;
      this.lines = data.as_lines ?? false;
      this.part("lines").checked = this.lines;
    }
    if (isNewView || this.data.stamp !== data.stamp) this.heads.clear();
    this.data = data;
    this.theme = readTheme(this.root);
    if (isNewView) {
      this.goTo(null, data.selected);
      this.waiting = headsFor(data.key);
      this.waiting.listen = this.listen;
    }
    this.takeHead();
    this.hover = insideOf(data, this.hover);
    this.kept = insideOf(data, this.kept);
    const { root } = this;
    root.dataset.kind = data.kind;
    root.dataset.layers = data.layers;
    root.dataset.heads = data.heads;
    root.dataset.view = data.view;
    // Another head in full leaves the small maps as they are.
    const drawn = JSON.stringify([data.view, data.stamp, data.notes, this.boost, this.theme.background]);
    if (drawn !== this.drawn) this.drawOverview();
    this.drawn = drawn;
    this.drawSelection();
    root.dataset.painted = String(data.layers * data.heads);
  }

  goTo(lead, selected) {
    this.lead = lead;
    [this.layer, this.head] = selected;
    this.hover = null;
    this.kept = this.asked;
    if (lead !== null) this.asked = null;
  }

  takeHead() {
    // What came for this view: its head in full, and where the selection is to go. True where something did.
    const { data } = this;
    const { message } = this.waiting;
    if (message?.view !== data.view || message.stamp !== data.stamp) return false;
    if (message.full.length) {
      this.heads.delete(message.full[0]);
      this.heads.set(message.full[0], message.body);
      if (this.heads.size * message.body.length > MOST_HELD) this.heads.delete(this.heads.keys().next().value);
    }
    if (message.lead !== this.lead) this.goTo(message.lead, message.selected);
    return true;
  }

  bytesOf(layer, head) {
    // The head in full; null while only its thumbnail is here.
    const place = layer * this.data.heads + head;
    const at = this.data.full.indexOf(place);
    if (at < 0) return this.heads.get(place) ?? null;
    const size = this.data.queries.length * this.data.keys.length;
    const start = this.data.full_at + at * size;
    return this.data.body.subarray(start, start + size);
  }

  thumbnailOf(layer, head) {
    const { thumb, heads, queries, keys } = this.data;
    if (!thumb) return { bytes: this.bytesOf(layer, head), rows: queries.length, columns: keys.length };
    const size = thumb[0] * thumb[1];
    const start = (layer * heads + head) * size;
    return { bytes: this.data.body.subarray(start, start + size), rows: thumb[0], columns: thumb[1] };
  }

  colourOf(layer) {
    return rgb(this.data.colours[layer]);
  }

  tableOf(layer) {
    return this.data.signed ? diverging(this.theme, this.boost) : ramp(this.colourOf(layer), this.theme, this.boost);
  }

  badgeOf(layer) {
    // None where a row is of no slot.
    if (!this.data.letters[layer]) return [];
    const badge = element("span", { class: "badge" });
    badge.textContent = this.data.letters[layer];
    badge.style.setProperty("--slot", css(this.colourOf(layer)));
    badge.style.setProperty("--on-slot", css(readableOn(this.colourOf(layer))));
    badge.title = fill(this.data.words.slot, { letter: this.data.letters[layer] });
    return [badge];
  }

  drawOverview() {
    const { data } = this;
    const overview = this.part("overview");
    const hadFocus = overview.contains(this.root.getRootNode().activeElement);
    overview.replaceChildren();
    overview.style.setProperty("--heads", data.heads);
    overview.setAttribute("aria-label", data.words.overview);
    const top = element("div", { role: "row", class: "row" }, element("span", { role: "columnheader", class: "column-name corner" }));
    if (data.heads > 6) top.firstChild.textContent = data.words.heads;
    for (let head = 0; head < data.heads; head++) {
      const name = element("span", { role: "columnheader", class: "column-name" });
      name.textContent = data.heads > 6 ? head : fill(data.words.head, { head });
      top.append(name);
    }
    overview.append(top);
    this.cells = [];
    for (let layer = 0; layer < data.layers; layer++) overview.append(this.overviewRow(layer));
    if (hadFocus) this.focusCell();
  }

  overviewRow(layer) {
    const { data } = this;
    const colour = this.colourOf(layer);
    const name = element("span", { class: "row-name" });
    const number = data.numbers[layer];
    name.textContent = fill(data.words.layer, { layer: number });
    const heading = element("span", { role: "rowheader", class: "row-head" }, name, ...this.badgeOf(layer));
    const row = element("div", { role: "row", class: "row" }, heading);
    const table = this.tableOf(layer);
    for (let head = 0; head < data.heads; head++) {
      const { bytes, rows, columns } = this.thumbnailOf(layer, head);
      const canvas = element("canvas", { "aria-hidden": "true" });
      paintBytes(canvas, bytes, rows, columns, table, causalEdge(data.causal, rows, data.queries.length));
      const note = data.notes[layer]?.[head] ?? "";
      const label = [fill(data.words.cell, { layer: number, head, letter: data.letters[layer] }), note].filter(Boolean).join(": ");
      const cell = element("div", { role: "gridcell", class: "cell", tabindex: "-1", "aria-label": label, title: label }, canvas);
      cell.dataset.layer = layer;
      cell.dataset.head = head;
      cell.style.setProperty("--slot", css(colour));
      if (note) {
        const under = element("span", { class: "cell-note", "aria-hidden": "true" });
        under.textContent = note;
        cell.append(under);
      }
      row.append(cell);
      this.cells.push(cell);
    }
    return row;
  }

  select(layer, head, focus, wait) {
    // `wait`: until the server is told, so that who holds a key down asks once.
    const { data } = this;
    this.layer = Math.max(0, Math.min(data.layers - 1, layer));
    this.head = Math.max(0, Math.min(data.heads - 1, head));
    this.hover = null;
    this.drawSelection();
    if (focus) this.focusCell();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell("selected", [this.layer, this.head]), wait);
  }

  focusCell() {
    this.cells[this.layer * this.data.heads + this.head]?.focus({ preventScroll: true });
  }

  drawSelection() {
    const { data, root } = this;
    this.cells.forEach((cell, at) => {
      const chosen = at === this.layer * data.heads + this.head;
      cell.setAttribute("aria-selected", String(chosen));
      cell.tabIndex = chosen ? 0 : -1;
    });
    root.dataset.selected = `${this.layer},${this.head}`;
    const title = this.part("title");
    title.textContent = fill(data.words.title, { layer: data.numbers[this.layer], head: this.head });
    title.prepend(...this.badgeOf(this.layer), " ");
    this.part("lines-name").textContent = data.words.lines;
    this.part("lines").checked = this.lines;
    this.part("boost-name").textContent = data.words.boost;
    this.part("boost-name").parentElement.title = data.words.boost_help ?? "";
    this.part("boost").checked = this.boost;
    this.drawScale();
    this.part("large").setAttribute(
      "aria-label",
      fill(data.words.large, { layer: data.numbers[this.layer], head: this.head, queries: data.queries.length, keys: data.keys.length }),
    );
    this.prepareLarge();
    this.drawLarge();
    this.drawReading();
  }

  drawScale() {
    const strip = scaleStrip(this.tableOf(this.layer));
    const { signed, range, words } = this.data;
    const [least, most] = signed ? [`−${range.toFixed(2)}`, `+${range.toFixed(2)}`] : ["0", "1"];
    this.part("scale").replaceChildren(least, strip, `${most} ${words.scale}`);
  }

  prepareLarge() {
    // The head as a small picture, scaled up at every redraw.
    const { data } = this;
    const full = this.bytesOf(this.layer, this.head);
    const shown = full
      ? { bytes: full, rows: data.queries.length, columns: data.keys.length }
      : this.thumbnailOf(this.layer, this.head);
    this.table = this.tableOf(this.layer);
    this.picture ??= document.createElement("canvas");
    const edge = causalEdge(data.causal, shown.rows, data.queries.length);
    paintBytes(this.picture, shown.bytes, shown.rows, shown.columns, this.table, edge);
    this.bytes = full;
    this.root.dataset.full = full ? `${this.layer},${this.head}` : "";
  }

  drawLarge() {
    const room = this.part("large").clientWidth;
    if (room < 40) return;
    const drawn = this.part("drawn");
    drawn.textContent = "";
    this.root.dataset.drawn = "";
    if (this.lines && this.bytes) {
      this.place = layoutLines(this.data, room);
      const { count, least, text } = drawLines(this.part("map"), this.place, {
        data: this.data,
        bytes: this.bytes,
        theme: this.theme,
        active: this.hover ?? this.kept,
        colour: this.colourOf(this.layer),
        boost: this.boost,
      });
      drawn.textContent = text;
      this.root.dataset.drawn = `${count} from ${least}`;
      return;
    }
    this.place = layoutLarge(this.data, room, this.theme);
    this.root.dataset.place = JSON.stringify({ left: this.place.left, top: this.place.top, cell: this.place.cell });
    drawHead(this.part("map"), this.place, {
      picture: this.picture,
      data: this.data,
      theme: this.theme,
      active: this.hover ?? this.kept,
      kept: this.kept,
      colour: this.colourOf(this.layer),
    });
  }

  drawReading() {
    // The sentence, the row as text, and the data attributes: what stands under the pointer.
    const { data, root, bytes } = this;
    const at = this.hover ?? this.kept;
    const line = this.part("reading");
    root.dataset.kept = this.kept ? this.kept.join(",") : "";
    if (!at || !bytes) {
      for (const name of ["hoverValue", "hoverQuery", "hoverKey", "hoverCell"]) root.dataset[name] = "";
      line.textContent = at ? data.words.loading : data.words.hint;
      line.dataset.picture = "no";
    } else {
      const [query, key] = at;
      const value = asShown(data, bytes[query * data.keys.length + key]);
      root.dataset.hoverValue = value;
      root.dataset.hoverQuery = data.queries[query];
      root.dataset.hoverKey = data.keys[key];
      root.dataset.hoverCell = `${query},${key}`;
      const masked = data.causal && key > query;
      delete line.dataset.picture;
      line.replaceChildren(
        token(data.queries[query], query),
        " → ",
        token(data.keys[key], key),
        element("strong", { class: "value" }, masked ? data.words.masked : value),
      );
      const next = data.next[query];
      if (next) {
        const percent = (next[1] * 100).toFixed(0);
        line.append(element("span", { class: "note" }, fill(data.words.next, { token: next[0], percent })));
      }
      if (this.kept && !this.hover) line.append(element("span", { class: "note" }, data.words.kept));
    }
    this.drawStrip(at);
  }

  drawStrip(at) {
    const { data, bytes } = this;
    const strip = this.part("strip");
    // Of an image, also with nothing chosen: what the answer is read from, a class token or all patches.
    const query = at ? at[0] : data.image && patchesOf(data).before ? 0 : null;
    const name = query === null ? (data.image ? data.words.strip_all : "") : data.words.strip;
    this.part("strip-name").textContent = fill(name, { token: data.queries[query], position: query });
    strip.replaceChildren();
    if (!bytes) return;
    const colour = this.colourOf(this.layer);
    if (data.image) strip.append(patchPicture(data, bytes, query, at ? at[1] : null, colour, this.boost));
    if (data.image && data.words.strip_fades) strip.append(element("p", { class: "note" }, data.words.strip_fades));
    if (data.image || query === null) return;
    data.keys.forEach((label, key) => {
      const byte = bytes[query * data.keys.length + key];
      const { colour: shade, share } = tint(data, byte, colour, this.boost);
      const piece = element("span", { class: "piece" });
      piece.textContent = label;
      piece.title = asShown(data, byte);
      const back = mix(this.theme.background, shade, share);
      piece.style.background = css(back);
      piece.style.color = css(share > 0.45 ? readableOn(back) : this.theme.text);
      if (data.causal && key > query) piece.classList.add("hidden-key");
      if (at[1] === key) piece.classList.add("here");
      strip.append(piece);
    });
  }

  under(event, map) {
    // The cell, or in lines the strongest one of the token, under the pointer.
    if (this.lines && this.bytes) return lineAt(event, map, this.place, this.data, this.bytes);
    return cellAt(event, map, this.place, this.data);
  }

  pointAt(cell) {
    this.hover = cell;
    this.drawLarge();
    this.drawReading();
  }

  keep(cell) {
    const same = this.kept && cell && this.kept[0] === cell[0] && this.kept[1] === cell[1];
    this.kept = same ? null : cell;
    this.pointAt(same ? null : cell);
    this.tellLooks();
  }

  // The address keeps what was chosen here; a map that follows another one says nothing.
  tellLooks() {
    if (!this.data.led) this.tell("looks", { view: this.data.view, lift: this.boost, kept: this.kept, lines: this.lines });
  }

  listenToPeople() {
    const overview = this.part("overview");
    overview.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell) this.select(+cell.dataset.layer, +cell.dataset.head, true, 0);
    });
    overview.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      const to = step
        ? [this.layer + step[0], this.head + step[1]]
        : { Home: [this.layer, 0], End: [this.layer, this.data.heads - 1] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.select(to[0], to[1], true, 120);
    });
    const large = this.part("large");
    const map = this.part("map");
    map.addEventListener("pointermove", (event) => this.pointAt(this.under(event, map)));
    map.addEventListener("pointerleave", () => this.pointAt(null));
    map.addEventListener("click", (event) => {
      const cell = this.under(event, map);
      if (cell) this.keep(cell);
    });
    this.part("lines").addEventListener("change", (event) => {
      this.lines = event.target.checked;
      this.drawLarge();
      this.tellLooks();
    });
    large.addEventListener("keydown", (event) => this.moveCell(event));
    this.part("boost").addEventListener("change", (event) => {
      this.boost = event.target.checked;
      this.show(this.data);
      this.tellLooks();
    });
  }

  moveCell(event) {
    const { data } = this;
    const at = this.hover ?? this.kept;
    const step = STEPS[event.key];
    if (step) {
      const row = at ? Math.max(0, Math.min(data.queries.length - 1, at[0] + step[0])) : 0;
      const column = at ? Math.max(0, Math.min(data.keys.length - 1, at[1] + step[1])) : 0;
      this.pointAt([row, column]);
    } else if (event.key === "Enter" || event.key === " ") {
      if (at) this.keep(at);
    } else if (event.key === "Escape") {
      this.kept = null;
      this.pointAt(null);
      this.tellLooks();
    } else {
      return;
    }
    event.preventDefault();
  }
}
