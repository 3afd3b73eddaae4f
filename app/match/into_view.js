// A link to the panel of matches, on the page that has it, brings the panel into view. Start at follow.
// The panel stands far below such links, and grows when the server answers: it is followed until it has its size, or
// until the reader moves.
(() => {
  const PANEL = '[class*="st-key-match_panel"]';
  const LONGEST_MS = 5000;

  function follow(panel) {
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    const show = () => panel.scrollIntoView({ block: "start", behavior: smooth ? "smooth" : "auto" });
    const grown = new ResizeObserver(show);
    const ended = new AbortController();
    const end = () => {
      grown.disconnect();
      ended.abort();
    };
    grown.observe(panel);
    for (const event of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      window.addEventListener(event, end, { signal: ended.signal, passive: true });
    }
    setTimeout(end, LONGEST_MS);
  }

  function clicked(event) {
    const link = event.target.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const next = new URL(link.href, location.href);
    const panel = document.querySelector(PANEL);
    if (panel && next.pathname === location.pathname && next.searchParams.has("match")) follow(panel);
  }

  if (!window.clpsMatchFollowed) document.addEventListener("click", clicked, true);
  window.clpsMatchFollowed = true;
})();
