// Draws every part of the file from the data in it. The parts' own scripts stand before this, each in `draw`.

function bytesOf(text) {
  const letters = atob(text);
  return Uint8Array.from({ length: letters.length }, (_none, at) => letters.charCodeAt(at));
}

function mount(part, styles) {
  const root = document.getElementById(part.name).attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = styles[part.kind];
  const frame = document.createElement("div");
  frame.append(document.getElementById(`frame-${part.kind}`).content.cloneNode(true));
  root.append(style, frame);
  const nothing = () => undefined;
  const give = { parentElement: frame, setStateValue: nothing, setTriggerValue: nothing };
  // Nothing can be painted here: a click on the map would offer it.
  if (part.kind === "map") frame.addEventListener("click", (event) => event.stopImmediatePropagation(), true);
  const { main, feed } = draw[part.kind];
  if (feed && part.feed) feed({ ...give, data: part.feed });
  main({ ...give, data: part.binary ? bytesOf(part.data) : part.data });
  return frame;
}

const { parts, styles } = JSON.parse(document.getElementById("data").textContent);
const frames = parts.map((part) => mount(part, styles));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const frame of frames) for (const node of frame.querySelectorAll("*")) node.clpsRepaint?.();
});
document.documentElement.dataset.drawn = String(parts.length);
