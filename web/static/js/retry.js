/** Pauses between attempts: growing, so that a struggling server can breathe, and jittered, so that
    a thousand pages do not come back in the same second. */

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;

const resting = new Set();

export function pauseAfter(failures) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return ceiling * (0.5 + Math.random() / 2);
}

/** Ends early when there is a better chance: see wake(). */
export function rest(milliseconds) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resting.delete(end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    resting.add(end);
  });
}

/** Whoever rests tries now. */
export function wake() {
  for (const end of [...resting]) end();
}

// The network is back, or somebody looks at the page again, maybe after a new login beside it.
addEventListener("online", wake);
addEventListener("focus", wake);
document.addEventListener("visibilitychange", () => document.hidden || wake());
