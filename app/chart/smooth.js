// Smoothing of a noisy line. It stands before the drawing code; live_chart.js says with which half-life.

/** Half-lives to choose from, in steps; 0 draws the points as they are. */
const HALF_LIVES = [0, 5, 10, 20, 50, 100, 500, 2000];
const USUAL_HALF_LIFE = 10;

/**
 * The exponential moving average of `ys` at `steps`: what lies `halfLife` steps back counts half. Only points up to
 * each one count, so that what stands does not change when new points come. Each point stands for the steps since the
 * one before it: a line of which only every 25th point is known is smoothed as one of which all are. The weights are
 * divided by their sum, so that the first values are not drawn towards 0. Where `ys` has no finite value, it has none.
 */
function smoothed(steps, ys, halfLife) {
  const out = new Array(ys.length);
  let sum = 0, weight = 0;
  for (let i = 0; i < ys.length; i += 1) {
    const gap = (i ? steps[i] - steps[i - 1] : steps[1] - steps[0]) || 1, keep = 0.5 ** (gap / halfLife);
    const known = Number.isFinite(ys[i]);
    sum = keep * sum + (known ? (1 - keep) * ys[i] : 0);
    weight = keep * weight + (known ? 1 - keep : 0);
    out[i] = known ? sum / weight : NaN;
  }
  return out;
}
