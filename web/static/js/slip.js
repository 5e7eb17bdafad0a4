/** A slip's token comes in the address's fragment, which is never sent: it is put into the field, and taken off. */

import "./password.js";

const field = document.querySelector("[data-slip]");
const token = location.hash.slice(1);
if (field && token) {
  field.value = token.replace(/(.{5})(?=.)/g, "$1-");
  history.replaceState(null, "", location.pathname);
}
