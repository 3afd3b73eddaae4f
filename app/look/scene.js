/**
 * A picture with boxes around the things in it. `boxes`: [label, probability or null, left, top, right, bottom], places
 * as parts of the picture; one without a probability is a right answer. Labels are set as text, never as markup.
 */
function sceneOf(rows, boxes, name) {
  const scene = document.createElement("div");
  scene.className = "scene";
  scene.setAttribute("role", "img");
  scene.setAttribute("aria-label", name);
  scene.append(pixelCanvas(rows), ...boxes.map(boxOf));
  return scene;
}

function boxOf([label, probability, left, top, right, bottom]) {
  const box = document.createElement("div");
  const right_one = probability === null;
  box.className = right_one ? "box is-right" : "box";
  const parts = { left, top, width: right - left, height: bottom - top };
  for (const [side, part] of Object.entries(parts)) box.style[side] = `${(100 * part).toFixed(2)}%`;
  const name = document.createElement("span");
  name.textContent = right_one ? label : `${label} ${Math.round(100 * probability)} %`;
  name.classList.toggle("is-below", top < 0.12);
  box.append(name);
  return box;
}

/** Pictures side by side, each with its caption: [caption, boxes, what it shows in words]. */
function scenesOf(rows, scenes) {
  return scenes.map(([caption, boxes, name]) => {
    const figure = document.createElement("figure");
    figure.className = "scene-figure";
    const words = document.createElement("figcaption");
    words.textContent = caption;
    figure.append(words, sceneOf(rows, boxes, name));
    return figure;
  });
}

