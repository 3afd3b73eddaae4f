// Takes the newest points from the server and hands them to the chart. Sent with every tick, hence apart and short.
// live_chart_held.js stands before this file; messages are made in live_chart_feed.py.

/** Keep the first `length` points of a line. */
function cut(line, length) {
  for (const list of Object.values(line)) list.length = Math.min(list.length, length);
}

/** Add a message's points to `store`. False when messages before it are missing: then everything is needed again. */
function receive(store, message) {
  if (!message.batch) return message.epoch === store.epoch && message.serial === store.serial;
  if (message.serial === 0 && message.epoch !== store.epoch) {
    store.lines.clear();
    store.epoch = message.epoch;
  } else if (message.epoch !== store.epoch || message.serial > store.serial + 1) {
    return false;
  } else if (message.serial <= store.serial) {
    return true; // the same message once more
  }
  store.serial = message.serial;
  for (const [run, step] of message.forget) {
    for (const [name, line] of store.lines) if (name.startsWith(`${run} `)) cut(line, lowerBound(line.steps, step + 0.5));
  }
  store.lastBatch = 0;
  for (const [run, panel, steps, values, seconds] of message.batch) {
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
  return true;
}

export default function ({ data, setTriggerValue }) {
  if (!receive(heldFor(data.key), data)) setTriggerValue("resend", `${data.epoch}.${data.serial}`);
}
