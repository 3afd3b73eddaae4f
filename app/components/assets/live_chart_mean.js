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

/**
 * The mean of what `members` have at each step, and of their places on the x axis. Of finished ones where there are any,
 * as in the table of figures: one that has only begun, or failed, says nothing about the design.
 */
function meanLine(members) {
  const finished = members.filter((line) => line.finished), counted = finished.length ? finished : members;
  const made = { steps: [], xs: [], ys: [], low: [], high: [], spread: [] };
  for (const step of [...new Set(counted.flatMap((line) => line.steps))].sort((one, other) => one - other)) {
    const there = counted.map((line) => [line, lowerBound(line.steps, step)]).filter(([line, at]) => line.steps[at] === step);
    const values = there.map(([line, at]) => line.ys[at]), count = values.length;
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const spread = count > 1 ? Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1)) : 0;
    made.steps.push(step);
    made.xs.push(there.reduce((sum, [line, at]) => sum + line.xs[at], 0) / count);
    made.ys.push(mean);
    made.low.push(mean - spread);
    made.high.push(mean + spread);
    made.spread.push(spread);
  }
  return { ...members[0], ...made, id: members[0].design, name: `${members[0].design_name} (${counted.length})`, label: members[0].design_label, dash: members[0].design_dash };
}
