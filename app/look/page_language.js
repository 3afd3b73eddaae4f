// Tells the browser in which language the page is, for its voice, its line breaks and its letters.
// Streamlit says English, whatever it shows.
(() => {
  const words = document.querySelector("[data-clps-language]");
  if (words) document.documentElement.lang = words.dataset.clpsLanguage;
})();
