// Ways of sharing as small pictures, by kind, with a search. Start at the default export.

function schemeCard(scheme, looks, act) {
  const card = element("button", "scheme");
  card.type = "button";
  card.dataset.name = scheme.name;
  card.dataset.words = `${scheme.title} ${scheme.line} ${scheme.source} ${scheme.name}`.toLowerCase();
  const text = element("div", "text");
  text.append(element("strong", "", scheme.title), element("span", "line", scheme.refused || scheme.line));
  if (scheme.source) text.append(element("small", "", scheme.source));
  card.append(thumbnail(scheme.stacks, looks), text);
  if (scheme.refused) {
    card.classList.add("refused");
    card.disabled = true;
  } else card.addEventListener("click", () => act(scheme.name));
  return card;
}

function filter(host, search, none) {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of host.querySelectorAll("section")) {
    let some = false;
    for (const card of group.querySelectorAll(".scheme")) {
      card.hidden = !words.every((word) => card.dataset.words.includes(word));
      some ||= !card.hidden;
    }
    group.hidden = !some;
    shown += some ? 1 : 0;
  }
  none.hidden = shown > 0;
}

function draw(host, data, act) {
  const search = element("input", "search");
  search.type = "search";
  search.placeholder = data.words.search;
  search.setAttribute("aria-label", data.words.search);
  const list = element("div", "list"), none = element("p", "none", data.words.none);
  none.hidden = true;
  for (const kind of data.kinds) {
    const group = element("section");
    group.append(element("h5", "", kind.title));
    const cards = element("div", "schemes");
    cards.append(...kind.schemes.map((scheme) => schemeCard(scheme, data.looks, act)));
    group.append(cards);
    list.append(group);
  }
  list.append(none);
  search.addEventListener("input", () => filter(list, search, none));
  host.replaceChildren(search, list);
}

const drawn = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".gallery");
  const { chosen, ...rest } = data, signature = JSON.stringify(rest);
  if (drawn.get(host) !== signature) {
    drawn.set(host, signature);
    draw(host, data, (name) => setTriggerValue("scheme", name));
  }
  for (const card of host.querySelectorAll(".scheme")) card.setAttribute("aria-pressed", String(chosen.includes(card.dataset.name)));
}
