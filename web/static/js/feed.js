/** The feed of the wall: a socket that comes back by itself, and clocks and picture ages that run in between. */

const SOONEST_MS = 1000;
const SLOWEST_MS = 30_000;
const ATTENDED_MS = 60_000;
const IDLE_CHECKED_MS = 5000;
const WARNED_MS = 2 * 60_000;
const SOON_MS = 5 * 60_000;

/**
 * @param {string} path of the feed
 * @param {{onNews: (news: object) => void, onState: (state: "open" | "idle" | "lost" | "ended", words?: string) => void,
 *   idleMs: number}} on idleMs: after so long without a touch the login ends
 */
export function listen(path, { onNews, onState, idleMs }) {
  let socket = null;
  let wait = SOONEST_MS;
  let ended = false;
  let touched = 0;
  let told = 0;
  let warned = false;
  setInterval(() => {
    const idle = idleMs && performance.now() - touched > idleMs - WARNED_MS;
    if (ended || !socket || idle === warned) return;
    warned = idle;
    onState(idle ? "idle" : "open");
  }, IDLE_CHECKED_MS);
  for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
    addEventListener(kind, () => { touched = performance.now(); attend(); }, { passive: true });
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !socket) open(); });
  open();

  function open() {
    if (ended || socket || document.hidden) return;
    const address = new URL(path, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address);
    socket.onopen = () => { wait = SOONEST_MS; onState("open"); attend(); };
    socket.onmessage = ({ data }) => {
      const news = JSON.parse(data);
      if (news.type === "closed") {
        ended = true;
        onState("ended", news.message);
      } else {
        onNews(news);
      }
    };
    socket.onclose = () => {
      socket = null;
      if (ended) return;
      onState("lost");
      setTimeout(open, wait * (0.5 + Math.random()));
      wait = Math.min(SLOWEST_MS, wait * 2);
    };
  }

  /** A page alone keeps nobody logged in: only somebody who touches it does. */
  function attend() {
    const now = performance.now();
    if (!touched || socket?.readyState !== WebSocket.OPEN || (told && now - told < ATTENDED_MS)) return;
    told = now;
    socket.send("here");
  }
}

/** Write what changed, and only that. */
export function write(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}

export function badge(kind, label) {
  const made = document.getElementById(`badge-${kind}`).content.firstElementChild.cloneNode(true);
  made.append(label);
  return made;
}

export function badgeInto(place, kind, label) {
  if (place.dataset.said === label) return;
  if (place.dataset.said === undefined && place.textContent.trim() === label) {
    place.dataset.said = label;
    return;
  }
  place.dataset.said = label;
  place.replaceChildren(badge(kind, label));
}

/** A number that grows or shrinks by itself: set when it comes, read at any time. */
export function setClock(element, name, milliseconds) {
  element[name] = { milliseconds, since: performance.now() };
}

export function showLeft(element) {
  if (!element) return;
  const known = clockOf(element, "left", element.dataset.leftMs);
  if (!known) return write(element, "");
  const left = Math.max(0, known.milliseconds - (performance.now() - known.since));
  write(element, clockText(left));
  element.classList.toggle("soon", left < SOON_MS);
}

/** How old the picture is; past `staleMs` that it doesn't come. */
export function showAge(shot, staleMs) {
  const element = shot.querySelector("[data-part=age]");
  const known = clockOf(element, "age", element.dataset.ageMs);
  if (!known) return;
  const age = known.milliseconds + performance.now() - known.since;
  const stale = age > staleMs;
  shot.classList.toggle("stale", stale);
  write(element, stale ? `已${lengthText(age)}没有新画面` : `画面 ${lengthText(age)}前`);
}

function clockOf(element, name, written) {
  if (!element[name] && written !== undefined) setClock(element, name, Number(written));
  return element[name];
}

/** The next picture takes the place of the one before only once it is there. */
export function showPicture(image, key, at) {
  if (!at || image.dataset.at === at && image.getAttribute("src")) return;
  image.dataset.at = at;
  image.src = `/invigilation/${key}/picture?at=${at}`;
}

export function lengthText(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return seconds < 60 ? `${seconds}秒` : `${Math.floor(seconds / 60)}分${String(seconds % 60).padStart(2, "0")}秒`;
}

function clockText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}

/** A notice in `place`; nothing said, nothing shown. */
export function say(place, words) {
  const text = words ? words.textContent ?? words : "";
  if (place.dataset.words === text) return;
  place.dataset.words = text;
  place.replaceChildren();
  if (!words) return;
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.kind = "warn";
  const body = document.createElement("div");
  body.append(words);
  notice.append(body);
  place.append(notice);
}

export const STILL_THERE = "已长时间没有操作，2分钟内将退出登录。移动鼠标、触摸屏幕或按任意键即可继续。";

export function loginAgain(message) {
  const words = document.createElement("span");
  const link = document.createElement("a");
  link.href = `/staff/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = "重新登录";
  words.append(message, " 画面不再更新，请", link, "。");
  return words;
}
