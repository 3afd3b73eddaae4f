// Designs of papers, by paper, with a search. Start at the default export.

function presetRow(preset, paper, words, act) {
  const row = element("button", "preset");
  row.type = "button";
  row.dataset.words = [preset.title, preset.strategy, preset.name, preset.note, preset.sizes, paper].join(" ").toLowerCase();
  const name = element("span", "name"), strategy = element("span", "strategy"), figures = element("span", "figures");
  const dot = element("i", "dot");
  dot.style.background = preset.colour;
  name.append(element("strong", "", preset.title), element("small", "", preset.sizes));
  strategy.append(dot, element("span", "", preset.strategy));
  const counted = element("span", "", `${words.counted} ${preset.counted}`);
  counted.title = preset.exact;
  figures.append(counted, element("small", "", preset.published ? `${words.published} ${preset.published} ${preset.what}` : preset.what));
  row.append(name, strategy, figures);
  if (preset.note) row.append(element("span", "note", preset.note));
  row.addEventListener("click", () => act(preset.name));
  return row;
}

function filter(list, search, none) {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of list.querySelectorAll("section")) {
    let some = false;
    for (const row of group.querySelectorAll(".preset")) {
      row.hidden = !words.every((word) => row.dataset.words.includes(word));
      some ||= !row.hidden;
    }
    group.hidden = !some;
    shown += some ? 1 : 0;
  }
  none.hidden = shown > 0;
}

const drawn = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".papers"), signature = JSON.stringify(data);
  if (drawn.get(host) === signature) return;
  drawn.set(host, signature);
  const search = element("input", "search"), list = element("div", "list"), none = element("p", "none", data.words.none);
  search.type = "search";
  search.placeholder = data.words.search;
  search.setAttribute("aria-label", data.words.search);
  none.hidden = true;
  for (const paper of data.papers) {
    const group = element("section");
    group.append(element("h5", "", paper.title));
    group.append(...paper.presets.map((preset) => presetRow(preset, paper.title, data.words, (name) => setTriggerValue("preset", name))));
    list.append(group);
  }
  list.append(none);
  search.addEventListener("input", () => filter(list, search, none));
  host.replaceChildren(search, list);
}
