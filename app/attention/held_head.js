// Where the chosen head in full waits for its grid. It stands before both components.

/** The newest message with a head of the grid `key`; the grid puts its `listen` there. */
function headsFor(key) {
  const all = (globalThis.clpsHeads ??= new Map());
  if (!all.has(key)) all.set(key, { message: null, listen: null });
  return all.get(key);
}
