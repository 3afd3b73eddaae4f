// One entry of the browser's history for each view, so that Back always goes somewhere else.
// Streamlit pushes a new entry whenever a page writes its address. Two of these pushes are none of the reader's steps:
// the one that adds what the page chose to the address it was opened with, and the one that arrives before the page's own path
// does, and would leave the new page's query behind the old page's path. Start at install.
(() => {
  function install(history) {
    const push = history.pushState.bind(history);
    const replace = history.replaceState.bind(history);
    let early = null; // the query that was written last: {search, bare: the address it was written over, if that was bare}
    let opened = false; // this page was opened by the last step
    const acted = () => {
      early = null; // what follows a click or a key is another step
      opened = false;
    };
    const adds = (next, here) => {
      const kept = new Set([...next.searchParams].map(String));
      return [...here.searchParams].every((one) => kept.has(String(one)));
    };
    for (const event of ["pointerdown", "keydown", "popstate"]) window.addEventListener(event, acted, true);

    history.pushState = (state, title, address) => {
      const here = new URL(location.href);
      const next = new URL(address ?? here, here);
      if (next.pathname === here.pathname) {
        early = { search: next.search, bare: here.search ? null : here.href };
        (early.bare || (opened && adds(next, here)) ? replace : push)(state, title, next.href);
        return;
      }
      const outran = early?.search === next.search ? early : null;
      early = null;
      opened = true;
      if (outran?.bare) replace(state, title, outran.bare);
      (outran && !outran.bare ? replace : push)(state, title, next.href);
    };
  }

  if (!window.clpsHistory) {
    window.clpsHistory = true;
    install(window.history);
  }
})();
