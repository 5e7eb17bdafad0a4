/** A button that prints the page: without a script there is none, and the browser's own menu prints too. */

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
