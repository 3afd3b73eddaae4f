// All layers of one slot side by side, for one head. Start at the default export.

const comparisons = new WeakMap();

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  if (!data) return undefined;
  let comparison = comparisons.get(parentElement);
  if (!comparison) {
    comparison = new Comparison(parentElement.querySelector(".attention"));
    comparisons.set(parentElement, comparison);
  }
  comparison.tell = setStateValue;
  comparison.show(unpack(data));
  const turn = (comparison.turn = {}); // as in grid.js: the clean-up of an earlier call may come late
  return () => {
    if (comparison.turn !== turn) return;
    comparison.watcher.disconnect();
    comparisons.delete(parentElement);
  };
}

class Comparison {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    this.boost = true;
    this.hover = null;
    this.kept = null;
    this.watcher = new ResizeObserver(() => {
      if (this.data) this.drawMaps();
      this.hintMore();
    });
    this.watcher.observe(this.part("maps"));
    root.clpsRepaint = () => this.data && this.show(this.data);
    this.part("table").addEventListener("scroll", () => this.hintMore());
    this.part("boost").addEventListener("change", (event) => {
      this.boost = event.target.checked;
      this.show(this.data);
      this.tellLooks();
    });
  }

  show(data) {
    if (this.data?.view !== data.view) {
      this.head = data.head;
      this.hover = null;
      this.kept = this.data ? null : (data.kept ?? null);
      this.boost = this.data ? this.boost : (data.lift ?? true);
    }
    this.data = data;
    this.hover = insideOf(data, this.hover);
    this.kept = insideOf(data, this.kept);
    this.theme = readTheme(this.root);
    this.part("boost-name").textContent = data.words.boost;
    this.part("boost-name").parentElement.title = data.words.boost_help ?? "";
    this.part("boost").checked = this.boost;
    this.part("about").textContent = data.words.about;
    this.part("scale").replaceChildren("0", scaleStrip(ramp(rgb(data.colour), this.theme, this.boost)), `1 ${data.words.scale}`);
    this.drawTable();
    this.buildMaps();
    this.drawMaps();
  }

  bytesOf(at) {
    const { data } = this;
    const place = data.full.indexOf(this.head);
    if (place < 0) return null;
    const size = data.queries.length * data.keys.length;
    const start = (place * data.layers.length + at) * size;
    return data.body.subarray(start, start + size);
  }

  drawTable() {
    // Heads x layers: how alike each layer's pattern is to that of the first layer.
    const { data, theme } = this;
    const colour = rgb(data.colour);
    const table = element("table", { class: "similarities" });
    const caption = element("caption", {});
    caption.textContent = data.words.table;
    const top = element("tr", {});
    for (const name of [data.words.heads, ...data.layers.map((layer) => fill(data.words.layer, { layer }))]) {
      const cell = element("th", { scope: "col" });
      cell.textContent = name;
      top.append(cell);
    }
    table.append(caption, element("thead", {}, top));
    const body = element("tbody", {});
    data.similarities.forEach((row, head) => {
      const choose = element("button", { type: "button", class: "head-name", "aria-pressed": String(head === this.head) });
      choose.textContent = fill(data.words.head, { head });
      const line = element("tr", { class: head === this.head ? "chosen" : "" }, element("th", { scope: "row" }, choose));
      row.forEach((value, at) => {
        const cell = element("td", {});
        cell.textContent = at === 0 ? data.words.first : value.toFixed(2);
        const back = mix(theme.background, colour, at === 0 ? 0 : (1 - value) * 0.85);
        cell.style.background = css(back);
        cell.style.color = css(readableOn(back));
        line.append(cell);
      });
      line.addEventListener("click", () => this.choose(head));
      body.append(line);
    });
    table.append(body);
    const held = this.part("table").contains(this.root.getRootNode().activeElement);
    this.part("table").replaceChildren(table);
    this.part("table").setAttribute("aria-label", data.words.table);
    this.hintMore();
    if (held) body.querySelectorAll("button")[this.head]?.focus({ preventScroll: true });
    this.root.dataset.kind = data.kind;
    this.root.dataset.slot = data.letter;
    this.root.dataset.layers = data.layers.join(",");
    this.root.dataset.heads = data.similarities.length;
    this.root.dataset.selected = this.head;
    this.root.dataset.similarities = data.similarities[this.head].map((value) => value.toFixed(3)).join(",");
  }

  hintMore() {
    // Where the system hides scroll bars, a fading edge says that there is more; the keyboard reaches it, too.
    const table = this.part("table");
    const over = table.scrollWidth > table.clientWidth + 1;
    table.tabIndex = over ? 0 : -1;
    table.classList.toggle("more-right", over && table.scrollLeft + table.clientWidth < table.scrollWidth - 2);
  }

  choose(head) {
    if (head === this.head) return;
    this.head = head;
    this.show(this.data);
    this.tell("head", head);
  }

  buildMaps() {
    const { data } = this;
    const table = ramp(rgb(data.colour), this.theme, this.boost);
    this.cards = data.layers.map((layer, at) => {
      const name = element("p", { class: "layer" });
      name.textContent = fill(data.words.layer, { layer });
      const alike = element("p", { class: "alike" });
      const value = data.similarities[this.head][at];
      alike.textContent =
        at === 0 ? data.words.reference : fill(data.words.alike, { layer: data.layers[0], value: value.toFixed(3) });
      const canvas = element("canvas", { class: "map", role: "img" });
      canvas.setAttribute("aria-label", `${name.textContent}. ${alike.textContent}`);
      const reading = element("p", { class: "value" });
      const bytes = this.bytesOf(at);
      const picture = document.createElement("canvas");
      if (bytes) {
        const edge = causalEdge(data.causal, data.queries.length, data.queries.length);
        paintBytes(picture, bytes, data.queries.length, data.keys.length, table, edge);
      }
      canvas.addEventListener("pointermove", (event) => this.pointAt(cellAt(event, canvas, this.place, data)));
      canvas.addEventListener("pointerleave", () => this.pointAt(null));
      canvas.addEventListener("click", (event) => this.keep(cellAt(event, canvas, this.place, data)));
      return { node: element("div", { class: "card" }, name, alike, canvas, reading), canvas, reading, bytes, picture };
    });
    this.part("maps").replaceChildren(...this.cards.map((card) => card.node));
  }

  drawMaps() {
    const room = this.part("maps").clientWidth;
    if (room < 40 || !this.cards) return;
    const { data } = this;
    const count = this.cards.length;
    // No cell is smaller than half a pixel: a long map needs a wider card.
    const least = Math.max(216 * typeScale(), data.image ? 0 : data.keys.length / 2 + 64 * typeScale());
    const across = Math.max(1, Math.min(count, Math.floor((room + 20) / (least + 20))));
    const width = Math.min(Math.max(520 * typeScale(), least), Math.floor((room - (across - 1) * 20) / across) - 2);
    this.part("maps").style.setProperty("--card", `${width}px`);
    this.place = layoutLarge(data, width, this.theme);
    const active = this.hover ?? this.kept;
    for (const card of this.cards) {
      drawHead(card.canvas, this.place, {
        picture: card.picture,
        data,
        theme: this.theme,
        active,
        kept: this.kept,
        colour: rgb(data.colour),
      });
    }
    this.drawReading(active);
  }

  drawReading(active) {
    const { data, root } = this;
    const line = this.part("reading");
    const at = active ? active[0] * data.keys.length + active[1] : -1;
    const masked = active && data.causal && active[1] > active[0];
    const values = this.cards.map((card) => (active && card.bytes ? asWeight(card.bytes[at]) : ""));
    this.cards.forEach((card, place) => (card.reading.textContent = masked ? data.words.masked : values[place] || " "));
    root.dataset.hoverCell = active ? active.join(",") : "";
    root.dataset.hoverValues = active ? values.join(",") : "";
    root.dataset.hoverQuery = active ? data.queries[active[0]] : "";
    root.dataset.hoverKey = active ? data.keys[active[1]] : "";
    line.dataset.picture = active ? "" : "no"; // the hint is no part of a picture
    if (!active) line.textContent = data.words.hint;
    else line.replaceChildren(token(data.queries[active[0]], active[0]), " → ", token(data.keys[active[1]], active[1]));
  }

  pointAt(cell) {
    this.hover = cell;
    this.drawMaps();
  }

  keep(cell) {
    if (!cell) return;
    const same = this.kept && this.kept[0] === cell[0] && this.kept[1] === cell[1];
    this.kept = same ? null : cell;
    this.pointAt(same ? null : cell);
    this.tellLooks();
  }

  // The address keeps what was chosen here; maps that follow others say nothing.
  tellLooks() {
    if (!this.data.led) this.tell("looks", { view: this.data.view, lift: this.boost, kept: this.kept });
  }
}
