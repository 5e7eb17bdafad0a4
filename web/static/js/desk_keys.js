/** Deciding one after the other by keyboard: an element with data-key is pressed (or gets the focus) by that key. */

const keys = new Map();
for (const element of document.querySelectorAll("[data-key]")) keys.set(element.dataset.key, element);
for (const hint of document.querySelectorAll("[data-keys]")) hint.hidden = false;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (typing) {
    if (event.key === "Escape") typing.blur();
    return;
  }
  const element = keys.get(event.key.toLowerCase());
  if (!element) return;
  event.preventDefault();
  if (element.matches("textarea, input, select")) element.focus();
  else element.click();
});
