// A sheet to draw on. What is drawn is sent a moment after a stroke ends, as one hexadecimal digit for each pixel.

const SIDE = 280;
const PEN = 22;
const PAUSE = 500; // ms: a digit of two strokes is asked once

export default function ({ data, parentElement, setTriggerValue }) {
  if (!data) return;
  const canvas = parentElement.querySelector(".paper");
  const clear = parentElement.querySelector(".clear");
  const sheet = (canvas.clpsSheet ??= { shown: null, strokes: 0, timer: 0, last: null });
  sheet.send = (text) => setTriggerValue("drawn", text);
  sheet.pixels = data.pixels;
  parentElement.querySelector(".name").textContent = data.words.name;
  canvas.setAttribute("aria-label", data.words.label);
  clear.textContent = data.words.clear;
  if (data.image !== sheet.shown) {
    // What a person has drawn here stays as it is, and so does the next stroke when the answer to "Clear" comes; an image
    // from elsewhere replaces it.
    if (!data.drawn || sheet.shown === null) paint(canvas, sheet, data.image);
    sheet.shown = data.image;
  }
  clear.disabled = !sheet.strokes;
  if (sheet.ready) return;
  sheet.ready = true;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  canvas.onpointerdown = (event) => {
    if (event.button) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    clearTimeout(sheet.timer);
    sheet.last = at(event, canvas);
    line(context, sheet.last, sheet.last);
  };
  canvas.onpointermove = (event) => {
    if (!sheet.last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const here = at(one, canvas);
      line(context, sheet.last, here);
      sheet.last = here;
    }
  };
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!sheet.last) return;
    sheet.last = null;
    sheet.strokes += 1;
    clear.disabled = false;
    clearTimeout(sheet.timer);
    sheet.timer = setTimeout(() => sheet.send(digits(canvas, sheet.pixels)), PAUSE);
  };
  clear.onclick = () => {
    clearTimeout(sheet.timer);
    blank(context);
    sheet.strokes = 0;
    clear.disabled = true;
    sheet.send("");
  };
}

function at(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [((event.clientX - box.left) * SIDE) / box.width, ((event.clientY - box.top) * SIDE) / box.height];
}

function blank(context) {
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
}

function line(context, from, to) {
  context.strokeStyle = "#000";
  context.lineWidth = PEN;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

/** `image`: a hexadecimal digit for each pixel of a square, or nothing. */
function paint(canvas, sheet, image) {
  const context = canvas.getContext("2d", { willReadFrequently: true });
  blank(context);
  sheet.strokes = image ? 1 : 0;
  const side = Math.round(Math.sqrt(image.length));
  const cell = SIDE / side;
  [...image].forEach((digit, place) => {
    const grey = 255 - 17 * parseInt(digit, 16);
    if (grey === 255) return;
    context.fillStyle = `rgb(${grey} ${grey} ${grey})`;
    context.fillRect((place % side) * cell, Math.floor(place / side) * cell, cell + 0.5, cell + 0.5);
  });
}

/** The mean ink of each square of pixels. */
function digits(canvas, pixels) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, SIDE, SIDE);
  const cell = SIDE / pixels;
  const sums = new Array(pixels * pixels).fill(0);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) sums[Math.floor(y / cell) * pixels + Math.floor(x / cell)] += 255 - data[4 * (y * SIDE + x)];
  return sums.map((sum) => Math.round(sum / (17 * cell * cell)).toString(16)).join("");
}
