// How far a file has come; when it is done the page comes anew. Without scripts the page refreshes itself.

const words = document.getElementById("words");
const progress = document.getElementById("progress");
const EVERY_MS = 1500;

async function look() {
  if (!document.hidden) {
    try {
      const answer = await fetch(`${location.pathname}/progress`, { headers: { Accept: "application/json" } });
      if (answer.status === 401) return location.reload();
      if (answer.ok) {
        const now = await answer.json();
        if (!now.is_under_way) return location.reload();
        if (words.textContent !== now.words) words.textContent = now.words;
        progress.max = now.rows || 1;
        progress.value = now.checked;
      }
    } catch {
      // No network for a moment: the next look will tell.
    }
  }
  return setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
