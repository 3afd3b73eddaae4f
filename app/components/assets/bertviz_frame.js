// Puts a document into an iframe that may run scripts and nothing else.

export default function ({ data, parentElement }) {
  if (!data) return;
  const host = parentElement.querySelector(".frame");
  const style = getComputedStyle(host);
  const theme = ["text", "background", "secondary-background"]
    .map((name) => `--${name}: ${style.getPropertyValue(`--st-${name}-color`).trim()};`)
    .join(" ");
  const text = data.document.replace("<style>", `<style>:root { ${theme} }\n`);
  let frame = host.querySelector("iframe");
  if (frame?.srcdoc === text) return;
  if (!frame) {
    frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("referrerpolicy", "no-referrer");
    host.append(frame);
  }
  frame.title = data.title;
  frame.style.height = `${data.height}px`;
  frame.srcdoc = text;
}
