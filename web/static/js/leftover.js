/** The result page: answers that never left this browser can still be carried to the staff. */

import { EntryStore, download } from "./store.js";

const place = document.getElementById("leftover");
const attempt = location.pathname.split("/")[2];

async function offer() {
  const records = await new EntryStore().of(attempt).catch(() => []);
  if (!records.length) return;
  document.getElementById("leftover-count").textContent = records.length;
  document.getElementById("leftover-export").addEventListener("click", () => download(attempt, records));
  place.hidden = false;
}

offer();
