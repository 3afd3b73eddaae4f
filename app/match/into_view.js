// Who asks for a match under the verdicts gets its panel into view. Start at follow.
// The panel stands far below the verdicts, and grows when the server answers: it is followed until it has its size, or
// until the reader moves.
(() => {
  const PANEL = '[class*="st-key-match_panel"]';
  const OFFER = '[class*="st-key-match_offer"] button';
  const LONGEST_MS = 60000;

  function follow(panel) {
    panel.style.scrollMarginTop = "4.5rem"; // below the bar of the page
    const show = () => panel.scrollIntoView({ block: "start" }); // at once: what is drawn meanwhile ends a smooth one
    const grown = new ResizeObserver(show);
    const ended = new AbortController();
    const end = () => {
      grown.disconnect();
      ended.abort();
    };
    grown.observe(panel);
    grown.observe(panel.closest('[data-testid="stMainBlockContainer"]') ?? panel); // what stands above grows, too
    for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      window.addEventListener(event, end, { signal: ended.signal, passive: true });
    }
    setTimeout(end, LONGEST_MS);
  }

  function clicked(event) {
    const panel = document.querySelector(PANEL);
    if (panel && event.target.closest?.(OFFER)) follow(panel);
  }

  if (!window.clpsMatchFollowed) document.addEventListener("click", clicked, true);
  window.clpsMatchFollowed = true;
})();
