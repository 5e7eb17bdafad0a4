/** How many characters were typed: a field with data-count names the element that says so. */

for (const field of document.querySelectorAll("[data-count]")) {
  const output = document.getElementById(field.dataset.count).querySelector("output");
  const tell = () => { output.textContent = String(field.value.length); };
  field.addEventListener("input", tell);
  tell();
}
