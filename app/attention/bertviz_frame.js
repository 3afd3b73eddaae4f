// Puts a document into an iframe that may run scripts and nothing else.

// Whether a colour as the theme writes it (#rgb, #rrggbb or rgb(...)) is nearer to black than to white.
function isDark(colour) {
  const hex = colour.trim().match(/^#([0-9a-f]{3}|[0-9a-f]{6})/i)?.[1];
  const parts = hex ? hex.match(hex.length === 3 ? /./g : /../g).map((one) => parseInt(one.padEnd(2, one), 16)) : colour.match(/[\d.]+/g)?.map(Number);
  return Boolean(parts) && parts[0] + parts[1] + parts[2] < 384;
}

export default function ({ data, parentElement }) {
  if (!data) return;
  const host = parentElement.querySelector(".frame");
  const style = getComputedStyle(host);
  const theme = ["text", "background", "secondary-background"]
    .map((name) => `--${name}: ${style.getPropertyValue(`--st-${name}-color`).trim()};`)
    .join(" ");
  const zoom = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16 || 1;
  const text = data.document
    .replace("<html ", `<html class="${isDark(style.getPropertyValue("--st-background-color")) ? "dark" : "light"}" `)
    .replace("<style>", `<style>:root { ${theme} zoom: ${zoom}; }\n`);
  let frame = host.querySelector("iframe");
  if (frame?.srcdoc === text) return;
  if (!frame) {
    frame = document.createElement("iframe");
    frame.setAttribute("sandbox", "allow-scripts");
    frame.setAttribute("referrerpolicy", "no-referrer");
    host.append(frame);
  }
  frame.title = data.title;
  // The model view fills the width: its height is a share of that.
  frame.style.height = data.fits ? "auto" : `${Math.ceil(data.height * zoom)}px`;
  frame.style.aspectRatio = data.fits ? `1 / ${data.height}` : "";
  frame.srcdoc = text;
}
