// Designs of papers, by paper, with a search. gallery.js stands before this file.
// Start at the default export.

function presetRow(preset, paper, words, act) {
  const row = element("button", "preset");
  row.type = "button";
  row.dataset.words = [preset.title, preset.strategy, preset.name, preset.note, preset.sizes, paper, preset.counted, preset.exact, preset.published, preset.what].join(" ").toLowerCase();
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

const drawn = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".papers"), signature = JSON.stringify(data);
  if (drawn.get(host) === signature) return;
  drawn.set(host, signature);
  const choose = (name) => setTriggerValue("preset", name);
  gallery(host, data.papers.map((paper) => [paper.title, paper.presets.map((preset) => presetRow(preset, paper.title, data.words, choose))]), data.words);
}
