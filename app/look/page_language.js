// Tells the browser in which language the page is, for its voice, its line breaks and its letters: Streamlit says
// English, whatever it shows. And when the language changes, the page is loaded anew: a list keeps what is chosen in it
// as the words that were shown, which are none of its words any more. What is chosen stands in the address.
(() => {
  const words = document.querySelector("[data-clps-language]");
  if (!words) return;
  const before = window.clpsLanguage, now = words.dataset.clpsLanguage;
  window.clpsLanguage = document.documentElement.lang = now;
  if (before && before !== now) setTimeout(() => location.reload(), 50);
})();
