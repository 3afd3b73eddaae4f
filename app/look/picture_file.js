// From a figure on the page to a file: paper around it, SVG or PNG, the download. Start at takePicture.
// picture_walk.js stands before this file.

const WIDTH_MM = 160;
const INCH_MM = 25.4;
const DPI = 300;
const MOST_PIXELS = 60e6;
const MARGIN = 14;
const LEAST_WIDTH = 480; // pixels of the page: room for a title

/**
 * Downloads what `container` shows. `about`: {title, caption, name}; `kind`: svg or png. False where nothing is drawn yet.
 * 16 cm wide; a PNG has 300 dots an inch, and more where it shows more.
 */
export async function takePicture(container, about, kind) {
  await document.fonts.ready;
  const drawn = drawFigure(container);
  if (!drawn) return false;
  const sheet = sheetOf(...drawn, about), text = `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(sheet.svg)}`;
  const made = new Blob([text], { type: "image/svg+xml" });
  save(kind === "svg" ? made : await asPng(made, sheet), `${about.name}.${kind}`);
  return true;
}

/** The page's address, which brings the figure back; without what lets somebody in. */
function address() {
  const url = new URL(document.location.href);
  url.searchParams.delete("token");
  return url.href;
}

function sheetOf(figure, box, { title, caption }) {
  const inner = Math.max(box.right - box.left, LEAST_WIDTH), width = inner + 2 * MARGIN;
  const head = broken(title, `600 16px ${SANS}`, inner), foot = broken(caption, `400 11px ${SANS}`, inner);
  const top = MARGIN + head.length * 21 + (head.length ? 6 : 0), low = top + box.bottom - box.top + 10;
  const height = low + foot.length * 14 + MARGIN;
  const svg = svgNode("svg", { viewBox: `0 0 ${width.toFixed(2)} ${height.toFixed(2)}`, width: `${WIDTH_MM}mm`, height: `${((WIDTH_MM * height) / width).toFixed(2)}mm` });
  svg.append(svgNode("title", {}, title), svgNode("desc", {}, `${caption}\n${address()}`), svgNode("rect", { width, height, fill: PAPER.background }));
  const line = (text, y, size, weight, opacity) => svgNode("text", { x: MARGIN, y, "font-family": SANS, "font-size": size, "font-weight": weight, fill: PAPER.text, "fill-opacity": opacity }, text);
  head.forEach((text, at) => svg.append(line(text, MARGIN + 15 + at * 21, 16, 600)));
  const moved = svgNode("g", { transform: `translate(${(MARGIN - box.left).toFixed(2)} ${(top - box.top).toFixed(2)})` });
  moved.append(figure);
  svg.append(moved);
  foot.forEach((text, at) => svg.append(line(text, low + 11 + at * 14, 11, undefined, 0.75)));
  return { svg, width, height };
}

/** Lines of `text` no wider than `room`; a word without spaces is broken, too. */
function broken(text, font, room) {
  const pen = rulerFor(font), lines = [];
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && pen.measureText(`${last} ${word}`).width <= room) lines[lines.length - 1] = `${last} ${word}`;
    else {
      let rest = word;
      while (pen.measureText(rest).width > room) {
        const letters = [...rest];
        let fits = letters.length;
        while (fits > 1 && pen.measureText(letters.slice(0, fits).join("")).width > room) fits -= 1;
        lines.push(letters.slice(0, fits).join(""));
        rest = letters.slice(fits).join("");
      }
      lines.push(rest);
    }
  }
  return lines;
}

async function asPng(blob, { width, height }) {
  const usual = (WIDTH_MM / INCH_MM) * DPI;
  const scale = Math.min(Math.max(usual / width, 1.5), Math.sqrt(MOST_PIXELS / (width * height)), 16000 / Math.max(width, height));
  const canvas = document.createElement("canvas"), image = new Image(), url = URL.createObjectURL(blob);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  try {
    image.src = url;
    await image.decode();
  } finally {
    URL.revokeObjectURL(url);
  }
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const png = await new Promise((done, failed) => canvas.toBlob((one) => (one ? done(one) : failed(new Error("the browser made no PNG"))), "image/png"));
  return new Blob([withFacts(new Uint8Array(await png.arrayBuffer()), canvas.width / (WIDTH_MM / 1000))], { type: "image/png" });
}

/** The PNG with its size on paper, and the address it shows, as chunks behind the header. */
function withFacts(png, dotsPerMetre) {
  const size = new Uint8Array(9), view = new DataView(size.buffer);
  view.setUint32(0, Math.round(dotsPerMetre));
  view.setUint32(4, Math.round(dotsPerMetre));
  size[8] = 1;
  const source = new TextEncoder().encode(`Source\0${address()}`), behind = 33; // signature and header
  return new Blob([png.subarray(0, behind), chunk("pHYs", size), chunk("tEXt", source), png.subarray(behind)]);
}

function chunk(name, body) {
  const made = new Uint8Array(12 + body.length), view = new DataView(made.buffer);
  view.setUint32(0, body.length);
  made.set(new TextEncoder().encode(name), 4);
  made.set(body, 8);
  let sum = ~0;
  for (const byte of made.subarray(4, 8 + body.length)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  view.setUint32(8 + body.length, ~sum >>> 0);
  return made;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
