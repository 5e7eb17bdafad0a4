/**
 * Options stay where they are under a finger. What this page shows by itself stands over the end of it; where
 * something moves or is uncovered all the same, a tap that was on its way chooses nothing.
 */

const GUARD_MS = 400;
const foot = document.getElementById("foot");
const options = document.getElementById("option-list");

let guardedUntil = 0;

/** Changes what is shown beside the question. @param {() => void} change */
export function steady(change) {
  const height = foot.offsetHeight;
  const top = options.getBoundingClientRect().top;
  change();
  const moved = options.getBoundingClientRect().top - top;
  if (moved) scrollBy({ top: moved, behavior: "instant" });
  if (moved || foot.offsetHeight !== height) guardedUntil = performance.now() + GUARD_MS;
}

// Keys have no place that something could come under: their clicks count no presses.
document.addEventListener("click", (event) => {
  if (event.detail === 0 || performance.now() >= guardedUntil) return;
  if (!event.target.closest("#option-list, #notices")) return;
  event.preventDefault();
  event.stopPropagation();
}, { capture: true });

// What has the focus must not lie behind it.
new ResizeObserver(() => {
  document.documentElement.style.setProperty("--foot", `${foot.offsetHeight}px`);
}).observe(foot);
