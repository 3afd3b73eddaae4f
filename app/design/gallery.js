// A list in groups with a search above it, as both galleries have it. sharing_thumb.js stands before this file.

/** Fill `host`. `groups`: [title, nodes]; what is found or hidden are the elements inside with `data-words`.
 *  An element may have `texts`, sentences that it does not show, and a place for the one that was found, `.hit`. */
function gallery(host, groups, words) {
  const search = element("input", "search"), list = element("div", "list"), none = element("p", "none", words.none);
  search.type = "search";
  search.placeholder = words.search;
  search.setAttribute("aria-label", words.search);
  none.hidden = true;
  for (const [title, nodes] of groups) {
    const group = element("section");
    group.append(element("h3", "", title), ...nodes);
    list.append(group);
  }
  list.append(none);
  search.addEventListener("input", () => find(list, none, search.value));
  host.replaceChildren(search, list);
}

/** The first sentence with the words that were asked for, where what an item shows has not all of them. */
function showHit(item, words) {
  const place = item.querySelector(".hit");
  if (!place) return;
  place.textContent = "";
  const shown = item.textContent.toLowerCase(), missing = words.filter((word) => !shown.includes(word));
  if (missing.length) place.textContent = item.texts.find((text) => missing.every((word) => text.toLowerCase().includes(word))) ?? "";
}

/** Leave what has all words of `asked`; a group that has nothing left goes, too. */
function find(list, none, asked) {
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const group of list.querySelectorAll("section")) {
    const items = [...group.querySelectorAll("[data-words]")];
    for (const item of items) {
      item.hidden = !words.every((word) => item.dataset.words.includes(word));
      showHit(item, words);
    }
    group.hidden = items.every((item) => item.hidden);
    shown += group.hidden ? 0 : 1;
  }
  none.hidden = shown > 0;
}
