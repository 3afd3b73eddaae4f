// Layers x heads at a glance, one head at large, one row as text. Start at the default export.

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
  return () => {
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
    this.hover = null;
    this.kept = null;
    this.watcher = new ResizeObserver(() => this.data && this.drawLarge());
    this.watcher.observe(this.part("large"));
    root.clpsRepaint = () => this.data && this.show(this.data);
    this.listen();
  }

  show(data) {
    // Old selections stay when only the bytes changed; a new view (run, kind, text) brings its own.
    const isNewView = this.data?.view !== data.view;
    this.data = data;
    this.theme = readTheme(this.root);
    if (isNewView) {
      [this.layer, this.head] = data.selected;
      this.hover = null;
      this.kept = null;
    }
    this.hover = insideOf(data, this.hover);
    this.kept = insideOf(data, this.kept);
    const { root } = this;
    root.dataset.kind = data.kind;
    root.dataset.layers = data.layers;
    root.dataset.heads = data.heads;
    root.dataset.view = data.view;
    this.drawOverview();
    this.drawSelection();
    root.dataset.painted = String(data.layers * data.heads);
  }

  bytesOf(layer, head) {
    // The head in full; null while only its thumbnail is here.
    const at = this.data.full.indexOf(layer * this.data.heads + head);
    if (at < 0) return null;
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

  drawOverview() {
    const { data, theme } = this;
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
    for (let layer = 0; layer < data.layers; layer++) overview.append(this.overviewRow(layer, theme));
    if (hadFocus) this.focusCell();
  }

  overviewRow(layer, theme) {
    const { data } = this;
    const colour = this.colourOf(layer);
    const badge = element("span", { class: "badge" });
    badge.textContent = data.letters[layer];
    badge.style.setProperty("--slot", css(colour));
    badge.style.setProperty("--on-slot", css(readableOn(colour)));
    badge.title = fill(data.words.slot, { letter: data.letters[layer] });
    const name = element("span", { class: "row-name" });
    name.textContent = fill(data.words.layer, { layer });
    const row = element("div", { role: "row", class: "row" }, element("span", { role: "rowheader", class: "row-head" }, name, badge));
    const table = ramp(colour, theme, this.boost);
    for (let head = 0; head < data.heads; head++) {
      const { bytes, rows, columns } = this.thumbnailOf(layer, head);
      const canvas = element("canvas", { "aria-hidden": "true" });
      paintBytes(canvas, bytes, rows, columns, table, causalEdge(data.causal, rows, data.queries.length));
      const label = fill(data.words.cell, { layer, head, letter: data.letters[layer] });
      const cell = element("div", { role: "gridcell", class: "cell", tabindex: "-1", "aria-label": label, title: label }, canvas);
      cell.dataset.layer = layer;
      cell.dataset.head = head;
      cell.style.setProperty("--slot", css(colour));
      row.append(cell);
      this.cells.push(cell);
    }
    return row;
  }

  select(layer, head, focus) {
    const { data } = this;
    this.layer = Math.max(0, Math.min(data.layers - 1, layer));
    this.head = Math.max(0, Math.min(data.heads - 1, head));
    this.hover = null;
    this.drawSelection();
    if (focus) this.focusCell();
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.tell("selected", [this.layer, this.head]), 120);
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
    title.textContent = fill(data.words.title, { layer: this.layer, head: this.head });
    const badge = element("span", { class: "badge" });
    badge.textContent = data.letters[this.layer];
    badge.style.setProperty("--slot", css(this.colourOf(this.layer)));
    badge.style.setProperty("--on-slot", css(readableOn(this.colourOf(this.layer))));
    title.prepend(badge, " ");
    this.part("boost-name").textContent = data.words.boost;
    this.part("boost").checked = this.boost;
    this.drawScale();
    this.part("large").setAttribute(
      "aria-label",
      fill(data.words.large, { layer: this.layer, head: this.head, queries: data.queries.length, keys: data.keys.length }),
    );
    this.prepareLarge();
    this.drawLarge();
    this.drawReading();
  }

  drawScale() {
    const strip = scaleStrip(ramp(this.colourOf(this.layer), this.theme, this.boost));
    this.part("scale").replaceChildren("0", strip, `1 ${this.data.words.scale}`);
  }

  prepareLarge() {
    // The head as a small picture, scaled up at every redraw.
    const { data } = this;
    const full = this.bytesOf(this.layer, this.head);
    const shown = full
      ? { bytes: full, rows: data.queries.length, columns: data.keys.length }
      : this.thumbnailOf(this.layer, this.head);
    this.table = ramp(this.colourOf(this.layer), this.theme, this.boost);
    this.picture ??= document.createElement("canvas");
    const edge = causalEdge(data.causal, shown.rows, data.queries.length);
    paintBytes(this.picture, shown.bytes, shown.rows, shown.columns, this.table, edge);
    this.bytes = full;
    this.root.dataset.full = full ? `${this.layer},${this.head}` : "";
  }

  drawLarge() {
    const room = this.part("large").clientWidth;
    if (room < 40) return;
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
      const value = asWeight(bytes[query * data.keys.length + key]);
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
    const query = at ? at[0] : null;
    this.part("strip-name").textContent =
      query === null ? "" : fill(data.words.strip, { token: data.queries[query], position: query });
    strip.replaceChildren();
    if (query === null || !bytes) return;
    const colour = this.colourOf(this.layer);
    if (data.image) {
      strip.append(patchPicture(data, bytes, at, colour, this.boost));
      return;
    }
    data.keys.forEach((label, key) => {
      const byte = bytes[query * data.keys.length + key];
      const share = this.boost ? Math.sqrt(byte / 255) : byte / 255;
      const piece = element("span", { class: "piece" });
      piece.textContent = label;
      piece.title = asWeight(byte);
      const back = mix(this.theme.background, colour, share);
      piece.style.background = css(back);
      piece.style.color = css(share > 0.45 ? readableOn(back) : this.theme.text);
      if (data.causal && key > query) piece.classList.add("hidden-key");
      if (at[1] === key) piece.classList.add("here");
      strip.append(piece);
    });
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
  }

  listen() {
    const overview = this.part("overview");
    overview.addEventListener("click", (event) => {
      const cell = event.target.closest(".cell");
      if (cell) this.select(+cell.dataset.layer, +cell.dataset.head, true);
    });
    overview.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      const to = step
        ? [this.layer + step[0], this.head + step[1]]
        : { Home: [this.layer, 0], End: [this.layer, this.data.heads - 1] }[event.key];
      if (!to) return;
      event.preventDefault();
      this.select(to[0], to[1], true);
    });
    const large = this.part("large");
    const map = this.part("map");
    map.addEventListener("pointermove", (event) => this.pointAt(cellAt(event, map, this.place, this.data)));
    map.addEventListener("pointerleave", () => this.pointAt(null));
    map.addEventListener("click", (event) => {
      const cell = cellAt(event, map, this.place, this.data);
      if (cell) this.keep(cell);
    });
    large.addEventListener("keydown", (event) => this.moveCell(event));
    this.part("boost").addEventListener("change", (event) => {
      this.boost = event.target.checked;
      this.show(this.data);
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
    } else {
      return;
    }
    event.preventDefault();
  }
}
