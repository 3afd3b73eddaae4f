// What this browser tab holds of each live chart's lines. It stands before the feed and before the chart.

/** The lines under chart `key`. They outlive a change of page, so that coming back needs only new points. */
function heldFor(key) {
  const all = (globalThis.clpsLiveCharts ??= new Map());
  const found = all.get(key) ?? { epoch: null, serial: -1, lines: new Map(), listeners: new Set(), log: {}, hidden: new Set(), zoom: null, x: null, smooth: null, mean: null };
  all.delete(key);
  all.set(key, found);
  if (all.size > 8) all.delete(all.keys().next().value);
  return found;
}

/** First index of sorted `xs` whose value is at least `x`. */
function lowerBound(xs, x) {
  let low = 0, high = xs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle + 1; else high = middle;
  }
  return low;
}
