// What a lesson locks takes no keys either, also where it is drawn anew. The selector stands in the lesson's own element;
// once that is gone, everything is free again.
(() => {
  if (window.clpsLessonLocks) return;
  window.clpsLessonLocks = true;
  let waiting = false;
  const lock = () => {
    waiting = false;
    const selector = document.querySelector("[data-clps-locks]")?.dataset.clpsLocks;
    for (const one of document.querySelectorAll("[data-clps-locked]")) {
      if (selector && one.matches(selector)) continue;
      one.inert = false;
      delete one.dataset.clpsLocked;
    }
    if (!selector) return;
    for (const one of document.querySelectorAll(selector)) {
      if (one.inert) continue;
      one.inert = true;
      one.dataset.clpsLocked = "";
    }
  };
  const soon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(lock);
  };
  new MutationObserver(soon).observe(document.body, { childList: true, subtree: true });
  soon();
})();
