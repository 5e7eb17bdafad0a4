// The waiting line: enters by itself when the turn has come. Until then the page loads itself anew now and then
// (its meta element), also without this script; then the turn is taken with the button.

const form = document.querySelector("[data-enter]");
const seconds = Number(form.dataset.seconds || 0);
const refresh = Number(form.dataset.refresh || Infinity);

function enter() {
  form.submit();
}

if (seconds < refresh) setTimeout(enter, seconds * 1000 + Math.random() * 100);

// Gone back to from the paper: what this page says is old.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
