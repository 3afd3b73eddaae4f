// Small buttons under a figure: as SVG, as PNG. What makes the picture is loaded when it is first asked for.

export default function ({ data, parentElement }) {
  const bar = parentElement.querySelector(".bar");
  const said = bar.querySelector(".said");
  for (const kind of ["svg", "png"]) {
    const button = bar.querySelector(`.${kind}`);
    button.title = data.words[kind];
    button.setAttribute("aria-label", `${data.words[kind]}: ${data.title}`);
    button.onclick = async () => {
      button.setAttribute("aria-busy", "true");
      said.textContent = "";
      try {
        const { takePicture } = await LATER;
        const figure = document.querySelector(`.${data.of}`);
        if (!figure || !(await takePicture(figure, data, kind))) said.textContent = data.words.nothing;
      } catch (error) {
        said.textContent = data.words.failed.replace("{problem}", error.message);
      }
      button.removeAttribute("aria-busy");
    };
  }
}
