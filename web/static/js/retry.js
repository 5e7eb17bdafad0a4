/** Pauses between attempts: growing, so that a struggling server can breathe, and jittered, so that
    a thousand pages do not come back in the same second. */

const FIRST_MS = 1000;
const LONGEST_MS = 15_000;

export function pauseAfter(failures) {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return ceiling * (0.5 + Math.random() / 2);
}

/** Ends early when the network returns or the page is looked at again: both promise a better chance. */
export function rest(milliseconds) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, milliseconds);
    const seen = () => document.hidden || end();
    addEventListener("online", end);
    document.addEventListener("visibilitychange", seen);
    function end() {
      clearTimeout(timer);
      removeEventListener("online", end);
      document.removeEventListener("visibilitychange", seen);
      resolve();
    }
  });
}
