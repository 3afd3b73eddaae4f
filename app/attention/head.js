// Hands the chosen head in full to its grid, so that a click does not send the small maps of all heads again.
// message.js and held_head.js stand before this file.

export default function ({ data }) {
  if (!data) return undefined;
  const message = unpack(data);
  const place = headsFor(message.key);
  place.message = message;
  place.listen?.();
  return () => {
    // Who comes back to the page begins with the selection of then.
    if (headsFor(message.key).message === message) headsFor(message.key).message = null;
  };
}
