// Several seeds of one design as one line: their mean, and a band of one standard deviation. Start at together.
// live_chart_held.js stands before this file.

/** The runs of `runs` in their designs: [[run, ...], ...], in the order of each design's first run. */
function designsOf(runs) {
  const designs = new Map();
  for (const run of runs) designs.set(run.design, [...(designs.get(run.design) ?? []), run]);
  return [...designs.values()];
}

/** `lines` with those of one design as one line, where there are several. */
function together(lines) {
  return designsOf(lines).map((members) => (members.length > 1 ? meanLine(members) : members[0])).filter((line) => line.xs.length);
}

/** At the steps that all `members` have: the mean of their values, and of their places on the x axis. */
function meanLine(members) {
  const [first, ...rest] = members, made = { steps: [], xs: [], ys: [], low: [], high: [], spread: [] };
  first.steps.forEach((step, at) => {
    const places = [at, ...rest.map((line) => lowerBound(line.steps, step))];
    if (!members.every((line, k) => line.steps[places[k]] === step)) return;
    const values = members.map((line, k) => line.ys[places[k]]), count = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
    made.steps.push(step);
    made.xs.push(members.reduce((sum, line, k) => sum + line.xs[places[k]], 0) / count);
    made.ys.push(mean);
    made.low.push(mean - spread);
    made.high.push(mean + spread);
    made.spread.push(spread);
  });
  return { ...first, ...made, id: first.design, name: `${first.design_name} (${members.length})`, label: first.design_label, dash: 0 };
}
