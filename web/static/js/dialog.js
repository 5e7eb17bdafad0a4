/** <dialog>, also where showModal() is missing (Safari before 15.4, old WeChat engines). */

export function openDialog(dialog) {
  if (dialog.hasAttribute("open")) return;
  if (dialog.showModal) {
    dialog.showModal();
  } else {
    dialog.setAttribute("open", "");
    dialog.setAttribute("aria-modal", "true");
    dialog.querySelector("button").focus();
  }
}

export function closeDialog(dialog) {
  if (dialog.close) {
    dialog.close();
  } else if (dialog.hasAttribute("open")) {
    dialog.removeAttribute("open");
    dialog.dispatchEvent(new Event("close"));
  }
}

/** A tap beside the sheet closes it, as phones have taught. */
export function closesOutside(dialog) {
  dialog.addEventListener("click", (event) => {
    const box = dialog.getBoundingClientRect();
    // The keyboard's click has no place.
    const placed = event.clientX || event.clientY;
    const outside = event.clientY < box.top || event.clientY > box.bottom || event.clientX < box.left || event.clientX > box.right;
    if (placed && outside) closeDialog(dialog);
  });
}
