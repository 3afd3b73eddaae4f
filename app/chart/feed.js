// Takes the newest points from the server and hands them to the chart. Sent with every tick, hence apart and short.
// held.js stands before this file; messages are made in live_chart_feed.py.

/** Keep the first `length` points of a line. */
function cut(line, length) {
  for (const list of Object.values(line)) list.length = Math.min(list.length, length);
}

/** Add the parts of a message that `store` has not had. False when one is missing: then everything is needed again. */
function receive(store, message) {
  for (const part of message.parts) {
    const next = part.serial === store.serial + 1 && message.epoch === store.epoch;
    if (!next && (part.serial !== 0 || message.epoch === store.epoch)) continue;
    if (part.serial === 0) store.lines.clear();
    store.epoch = message.epoch;
    add(store, part);
  }
  return message.epoch === store.epoch && message.serial <= store.serial;
}

function add(store, part) {
  store.serial = part.serial;
  store.lastBatch = 0;
  for (const [run, step] of part.forget) {
    for (const [name, line] of store.lines) if (name.startsWith(`${run} `)) cut(line, lowerBound(line.steps, step + 0.5));
  }
  for (const [run, panel, steps, values, seconds] of part.lines) {
    const name = `${run} ${panel}`;
    if (!store.lines.has(name)) store.lines.set(name, { steps: [], values: [], seconds: [] });
    const line = store.lines.get(name);
    cut(line, lowerBound(line.steps, steps[0])); // sent twice: the newer points count
    for (let i = 0; i < steps.length; i += 1) {
      line.steps.push(steps[i]);
      line.values.push(values[i] ?? NaN);
      line.seconds.push(seconds[i]);
    }
    store.lastBatch += steps.length;
  }
  for (const tell of store.listeners) tell();
}

export default function ({ data, setTriggerValue }) {
  if (!receive(heldFor(data.key), data)) setTriggerValue("resend", `${data.epoch}.${data.serial}`);
}
