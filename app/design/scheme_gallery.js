// Ways of sharing as small pictures, by kind, with a search. gallery.js stands before this file.
// Start at the default export.

function schemeCard(scheme, looks, act) {
  const card = element("button", "scheme");
  card.type = "button";
  card.dataset.name = scheme.name;
  card.dataset.words = [scheme.title, scheme.line, scheme.source, scheme.refused, ...scheme.texts].join(" ").toLowerCase();
  card.texts = scheme.texts;
  const text = element("div", "text");
  text.append(element("strong", "", scheme.title), element("span", "line", scheme.refused || scheme.line));
  if (scheme.source) text.append(element("small", "", scheme.source));
  text.append(element("small", "hit"));
  card.append(thumbnail(scheme.stacks, looks), text);
  if (scheme.refused) {
    card.classList.add("refused");
    card.disabled = true;
  } else card.addEventListener("click", () => act(scheme.name));
  return card;
}

function draw(host, data, act) {
  const groups = data.kinds.map((kind) => {
    const cards = element("div", "schemes");
    cards.append(...kind.schemes.map((scheme) => schemeCard(scheme, data.looks, act)));
    return [kind.title, [cards]];
  });
  gallery(host, groups, data.words);
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
