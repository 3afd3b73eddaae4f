// Several runs of one design as one line: their mean, and a band of one standard deviation. Start at together.
// The mean is that of compare/summary.py: the same runs, and only at steps that all of them have. held.js stands
// before this file.

/** The runs of `runs` in their designs: [[run, ...], ...], in the order of each design's first run. */
function designsOf(runs) {
  const designs = new Map();
  for (const run of runs) designs.set(run.design, [...(designs.get(run.design) ?? []), run]);
  return [...designs.values()];
}

/** `text` with each {name} replaced. */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Those of `members` that their mean is made of: the finished ones where there are any. */
function countedOf(members) {
  const finished = members.filter((one) => one.finished);
  return finished.length ? finished : members;
}

/** What the line of a design is called: how many of its `total` runs are in its mean. */
function meanName(design, counted, total, words) {
  return `${design} (${counted === total ? total : filled(words.counted, { count: counted, runs: total })})`;
}

/**
 * `lines` with those of one design as one line, where the design has several runs; after it, thin, the parts of its
 * runs that are not in the mean. `runs`: all that the chart shows, those without points, too.
 */
function together(lines, runs, words) {
  const totals = new Map(designsOf(runs).map((members) => [members[0].design, members.length]));
  const made = designsOf(lines).flatMap((members) => {
    const total = totals.get(members[0].design) ?? members.length;
    return total > 1 ? meanAndRest(members, total, words) : members;
  });
  return made.filter((line) => line.xs.length);
}

/** Where `line` has a finite value at `step`; -1 for nowhere. */
function placeOf(line, step) {
  const at = lowerBound(line.steps, step);
  return line.steps[at] === step && Number.isFinite(line.ys[at]) ? at : -1;
}

/** The last place at which `line` has a finite value; -1 for none. */
function lastPlace(line) {
  let at = line.ys.length - 1;
  while (at >= 0 && !Number.isFinite(line.ys[at])) at -= 1;
  return at;
}

function meanAndRest(members, total, words) {
  const counted = countedOf(members), mean = meanLine(members[0], counted), end = mean.steps[mean.steps.length - 1] ?? -1;
  mean.name = meanName(members[0].design_name, counted.length, total, words);
  const lasts = counted.map((line) => line.steps[lastPlace(line)] ?? -1), least = Math.min(...lasts);
  const beyond = counted.filter((_line, i) => lasts[i] > end);
  if (mean.steps.length && Math.max(...lasts) > least) {
    mean.stop = { step: end, count: counted.length, runs: counted.filter((_line, i) => lasts[i] === least).map((line) => line.replicate).join(", ") };
  }
  const others = members.filter((line) => !counted.includes(line));
  return [mean, ...beyond.map((line) => from(line, Math.max(0, placeOf(line, end)))), ...others.map((line) => from(line, 0))];
}

/** `line` from place `at` on, thin. */
function from(line, at) {
  const part = { ...line, faint: true, smooth: line.smooth?.slice(at) ?? null };
  for (const name of ["steps", "xs", "ys"]) part[name] = line[name].slice(at);
  return part;
}

/**
 * The mean of what `lines` have at each step that all of them have, and of their places on the x axis there. Always
 * over all of them: a mean over those that are left would jump where one ends, and its x could go back.
 */
function meanLine(first, lines) {
  const made = { steps: [], xs: [], ys: [], low: [], high: [], spread: [] }, count = lines.length;
  for (const step of lines[0].steps) {
    const places = lines.map((line) => placeOf(line, step));
    if (places.includes(-1)) continue;
    const values = lines.map((line, i) => line.ys[places[i]]);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const spread = count > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)) : 0;
    made.steps.push(step);
    made.xs.push(lines.reduce((sum, line, i) => sum + line.xs[places[i]], 0) / count);
    made.ys.push(mean);
    made.low.push(mean - spread);
    made.high.push(mean + spread);
    made.spread.push(spread);
  }
  if (count === 1) delete made.low, delete made.high, delete made.spread;
  return { ...first, ...made, smooth: null, id: first.design, label: first.design_label, dash: first.design_dash };
}

/** What is to be said of the means in `lines`: what they are, and where one ends before its runs do. */
function meanNotes(lines, words) {
  if (!lines.some((line) => line.spread || line.faint)) return [];
  const stops = lines.filter((line) => line.stop).map((line) => filled(words.meanStops, { design: line.design_name, ...line.stop, step: line.stop.step.toLocaleString("en") }));
  return [words.meanIs, ...stops];
}
