/** One sitting: its picture stays the newest, and a few keys open what is needed most. */

import { STILL_THERE, badgeInto, listen, loginAgain, say, setClock, showAge, showPicture, write } from "./feed.js";

const sitting = document.getElementById("sitting");

addEventListener("keydown", onKey);
if (sitting) watch();

function watch() {
  const part = (name) => sitting.querySelector(`[data-part="${name}"]`);
  const trouble = document.getElementById("trouble");
  const staleMs = Number(sitting.dataset.staleMs);
  const image = part("picture");
  let found = null;
  image.addEventListener("error", () => image.removeAttribute("src"));
  setInterval(() => showAge(part("shot"), staleMs), 1000);
  listen(sitting.dataset.feed, { onNews, onState, idleMs: Number(sitting.dataset.idleMs) });

  function onNews({ tiles }) {
    for (const now of tiles) {
      if (now.key !== sitting.dataset.key) continue;
      badgeInto(part("level"), now.level_kind, now.level_label);
      write(part("duty_name"), now.duty || "暂无");
      write(part("notice"), now.notice || "没有发过");
      if (now.age_ms !== null) setClock(part("age"), "age", now.age_ms);
      showPicture(image, now.key, now.picture);
      showAge(part("shot"), staleMs);
      if (found !== null && found !== now.found) document.getElementById("more-found").hidden = false;
      found = now.found;
    }
  }

  function onState(state, words) {
    if (state === "open") say(trouble, null);
    else if (state === "idle") say(trouble, STILL_THERE);
    else if (state === "ended") say(trouble, loginAgain(words));
    else say(trouble, "连接中断，画面暂时不更新，正在重新连接。");
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const field = event.target.closest("input, textarea, select");
  if (event.key === "Escape") {
    if (field) field.blur();
    else document.querySelector("[data-back]").click();
    return;
  }
  if (field) return;
  const fold = document.querySelector(`[data-key-opens="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!fold) return;
  event.preventDefault();
  fold.open = true;
  fold.querySelector("textarea, input:not([type=hidden])").focus();
}
