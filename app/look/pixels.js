/** The colour of a pixel of app/look/pixels.py as [red, green, blue]: of ink from 0 (paper) to 1, or of `#rrggbb`. */
function pixelColour(value) {
  if (typeof value !== "string") return new Array(3).fill(Math.round(255 * (1 - value)));
  const whole = parseInt(value.slice(1), 16);
  return [whole >> 16, (whole >> 8) & 255, whole & 255];
}

/** A canvas of which each point is a pixel of `rows`. */
function pixelCanvas(rows) {
  const canvas = document.createElement("canvas");
  canvas.width = rows[0].length;
  canvas.height = rows.length;
  const shown = new ImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, at) => shown.data.set([...pixelColour(value), 255], 4 * at));
  canvas.getContext("2d").putImageData(shown, 0, 0);
  return canvas;
}

/** The same with a name for those who cannot see it. */
function namedPicture(rows, label) {
  const canvas = pixelCanvas(rows);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

