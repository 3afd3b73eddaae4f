// A run's answer; a click on a token shows what else was probable in its place. Texts are set as text, never as markup.

export default function ({ data, parentElement }) {
  if (!data) return;
  const part = (name) => parentElement.querySelector(`.${name}`);
  part("given").textContent = data.given;
  part("verdict").textContent = data.verdict;
  part("verdict").classList.toggle("is-right", data.is_right);
  part("facts").textContent = data.facts;
  const scenes = data.image && data.scenes.length ? scenesOf(data.image, data.scenes) : null;
  part("picture").replaceChildren(...(scenes ?? (data.image ? [namedPicture(data.image, data.image_name)] : [])));
  const tokens = part("tokens");
  tokens.setAttribute("aria-label", data.tokens_name);
  // Masks that were filled stand in their text; the tokens of any other answer in a list of their own.
  const inText = data.pieces.length > 0 && data.kept.length === data.pieces.length + 1;
  const labels = data.pieces.map(([label]) => label);
  const buttons = data.pieces.map(([label, probability]) => token(label, probability, inText));
  tokens.replaceChildren(...(inText ? [] : buttons));
  part("said").classList.toggle("is-filled", inText);
  part("said").replaceChildren(...(inText ? filled(data.kept, buttons, labels) : [data.said]));

  const context = part("context");
  context.replaceChildren(...marked(data.context));
  context.hidden = !data.context.length;
  context.setAttribute("aria-label", data.context_name);

  const show = (chosen) => {
    const [label, , likeliest] = data.pieces[chosen];
    buttons.forEach((button, place) => {
      button.setAttribute(inText ? "aria-pressed" : "aria-selected", String(place === chosen));
      button.tabIndex = inText || place === chosen ? 0 : -1;
    });
    part("place").textContent = data.place_name
      .replace("{place}", String(chosen + 1))
      .replace("{all}", String(buttons.length))
      .replace("{label}", () => label);
    bars(likeliest, label);
  };
  const bars = (guesses, taken) => {
    part("guesses").replaceChildren(...guesses.map((one) => guess(one, taken)));
    part("guesses").setAttribute("aria-label", data.guesses_name);
  };

  part("place").textContent = "";
  bars(data.guesses, null);
  tokens.onclick = part("said").onclick = (event) => {
    const place = buttons.indexOf(event.target);
    if (place >= 0) show(place);
  };
  tokens.onkeydown = (event) => {
    const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const place = buttons.indexOf(event.target) + (by ?? 0);
    if (by === undefined || !buttons[place]) return;
    event.preventDefault();
    show(place);
    buttons[place].focus();
  };
  if (buttons.length) show(leastProbable(data.pieces));
}

/** Where the model was least sure: what people want to see first. */
function leastProbable(pieces) {
  return pieces.reduce((least, piece, place) => (piece[1] < pieces[least][1] ? place : least), 0);
}

function token(label, probability, inText) {
  const button = document.createElement("button");
  button.type = "button";
  if (!inText) button.setAttribute("role", "option");
  button.textContent = inText && label.length > 1 ? label.replace(/^␣/, "") : label;
  button.title = percent(probability);
  button.style.setProperty("--doubt", (1 - probability).toFixed(3));
  return button;
}

/** A text with its fillings: the blank that a token begins with stands before its button. */
function filled(kept, buttons, labels) {
  return kept.flatMap((text, place) => {
    if (place === buttons.length) return [text];
    const blank = labels[place].startsWith("␣") && labels[place].length > 1 ? " " : "";
    return [text + blank, buttons[place]];
  });
}

/** A text whose spans are marked, the most probable one with the darkest ground. */
function marked(parts) {
  const best = Math.max(0, ...parts.map(([, probability]) => probability));
  return parts.map(([text, probability]) => {
    if (!probability) return text;
    const mark = document.createElement("mark");
    mark.textContent = text;
    mark.title = percent(probability);
    mark.style.setProperty("--share", probability.toFixed(3));
    mark.classList.toggle("is-best", probability === best);
    return mark;
  });
}

function guess([label, probability], taken) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.className = "guess-label";
  name.classList.toggle("is-taken", label === taken);
  name.textContent = label;
  const bar = document.createElement("span");
  bar.className = "guess-bar";
  bar.style.setProperty("--share", `${(probability * 100).toFixed(1)}%`);
  const value = document.createElement("span");
  value.textContent = percent(probability);
  item.append(name, bar, value);
  return item;
}

function percent(probability) {
  return probability < 0.0005 ? "< 0.1 %" : `${(probability * 100).toFixed(1)} %`;
}
