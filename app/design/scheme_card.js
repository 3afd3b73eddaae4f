// What is known of each scheme in a design: picture, rule, what is saved and lost, with the evidence. Start at the
// default export.

function linked(text, address) {
  if (!address.startsWith("https://")) return element("span", "", text);
  const link = element("a", "", text);
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

function proof(one) {
  const line = element("li", "", `${one.text} `), source = element("small");
  source.append(linked(one.source, one.link));
  line.append(source);
  return line;
}

function known(card, looks, words) {
  const box = element("article"), head = element("header"), text = element("div", "title");
  text.append(element("small", "kind", card.kind), element("h3", "", card.title));
  const picture = element("figure");
  picture.append(thumbnail(card.stacks, looks), element("figcaption", "", card.here));
  head.append(text);
  const facts = element("dl");
  for (const { name, text: fact, style } of card.facts) {
    facts.append(element("dt", "", name), element("dd", style, fact));
  }
  if (card.source) {
    const source = element("dd");
    source.append(linked(card.source.text, card.source.link));
    facts.append(element("dt", "", words.paper), source);
  }
  box.append(head, picture, facts);
  if (card.evidence.length) {
    const list = element("ul");
    list.append(...card.evidence.map(proof));
    box.append(element("h4", "", words.evidence), list);
  }
  return box;
}

const drawn = new WeakMap();

export default function ({ data, parentElement }) {
  const host = parentElement.querySelector(".known"), signature = JSON.stringify(data);
  if (drawn.get(host) === signature) return;
  drawn.set(host, signature);
  host.classList.toggle("single", data.cards.length === 1);
  host.replaceChildren(...data.cards.map((card) => known(card, data.looks, data.words)));
}
