/** What a person changed of a page as it was served: also before any script could hear of it. */

/** @param {Element} field of a form
    @returns {boolean} */
export function isTyped(field) {
  if (field instanceof HTMLSelectElement) {
    const served = [...field.options].findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(served, 0);
  }
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  return field.value !== field.defaultValue;
}
