// What went in and what the model made of it. Texts are set as text, never as markup.

export default function ({ data, parentElement }) {
  if (!data) return;
  const part = (name) => parentElement.querySelector(`.${name}`);
  part("given-name").textContent = data.given_name;
  part("said-name").textContent = data.said_name;
  part("said-text").textContent = data.said;
  part("correctness").textContent = data.correctness;
  part("correctness").classList.toggle("is-right", data.is_right);
  part("facts").textContent = data.facts;
  if (data.image && data.scenes.length) part("given-text").replaceChildren(...scenesOf(data.image, data.scenes));
  else if (data.image) part("given-text").replaceChildren(namedPicture(data.image, data.image_name));
  else part("given-text").textContent = data.given;
  part("guesses").replaceChildren(...data.guesses.map(guess));
  part("guesses").setAttribute("aria-label", data.guesses_name);
  part("answer").dataset.said = data.said;
}

function guess([label, probability]) {
  const item = document.createElement("li");
  const name = document.createElement("span");
  name.className = "guess-label";
  name.textContent = label;
  const bar = document.createElement("span");
  bar.className = "guess-bar";
  bar.style.setProperty("--share", `${(probability * 100).toFixed(1)}%`);
  const value = document.createElement("span");
  value.textContent = `${(probability * 100).toFixed(1)} %`;
  item.append(name, bar, value);
  return item;
}
