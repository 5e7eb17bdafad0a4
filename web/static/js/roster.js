// Ticking physicians: the whole page, a range with Shift, and how many. Every act works without.

const boxes = [...document.querySelectorAll('input[name="physician"]')];
const all = document.getElementById("all");
const ticked = document.getElementById("ticked");
const hint = ticked.textContent;
let last = null;

document.getElementById("whole-page").hidden = false;

function tell() {
  const count = boxes.filter((box) => box.checked).length;
  all.checked = count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
  ticked.textContent = count ? `已勾选 ${count} 人` : hint;
}

for (const box of boxes) {
  box.addEventListener("click", (event) => {
    if (event.shiftKey && last && last !== box) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
      for (const between of boxes.slice(from, to + 1)) between.checked = box.checked;
    }
    last = box;
    tell();
  });
}
all.addEventListener("change", () => {
  for (const box of boxes) box.checked = all.checked;
  tell();
});
// A page that the browser kept comes back with its ticks.
window.addEventListener("pageshow", tell);
