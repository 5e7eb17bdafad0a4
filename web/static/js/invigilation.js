/** 测评监控: asks every few seconds how everybody stands and changes the rows in place. Without it the page
    is a plain list with a link to load it again. */

import { get } from "./api.js";

const SOON_MS = 5 * 60_000;
const SLOWEST_MS = 30_000;

const line = document.getElementById("live-line");
const trouble = document.getElementById("live-trouble");

let touched = false;
for (const kind of ["pointerdown", "pointermove", "keydown", "wheel"]) {
  addEventListener(kind, () => { touched = true; }, { passive: true });
}

tick();
setInterval(tick, 1000);
for (const button of document.querySelectorAll("[data-refuses]")) {
  // Minutes matter to who agrees only.
  button.addEventListener("click", () => { button.form.querySelector("[name=minutes]")?.removeAttribute("required"); });
}
// On a phone the chosen tab may lie beyond the edge.
document.querySelector(".tabs-many [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
if (line) watch();

/** Every clock of the page, counted from when its number came. */
function tick() {
  const now = performance.now();
  for (const clock of document.querySelectorAll("[data-left-ms]")) {
    if (clock.dataset.read !== clock.dataset.leftMs) {
      clock.dataset.read = clock.dataset.leftMs;
      clock.since = now;
    }
    const left = Math.max(0, Number(clock.dataset.leftMs) - (now - clock.since));
    clock.textContent = clockText(left);
    clock.classList.toggle("soon", left < SOON_MS);
  }
}

function clockText(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds >= 3600 ? `${Math.floor(seconds / 3600)}:${rest}` : rest;
}

async function watch() {
  const every = Number(line.dataset.every);
  document.getElementById("live-how").hidden = false;
  for (let failures = 0; ; ) {
    await rest(Math.min(SLOWEST_MS, every * 2 ** Math.min(failures, 5)));
    try {
      await show(await get(line.dataset.live, attended()));
      failures = 0;
      say(null);
    } catch (error) {
      if (error.status === 401 || error.status === 403) return say(ended());
      failures += 1;
      if (failures > 1) say(`连接中断，以下是 ${document.getElementById("live-at").textContent} 的情况，正在重试。`);
    }
  }
}

/** The page asks by itself, which keeps nobody logged in; only somebody who has touched it since does. */
function attended() {
  const here = touched;
  touched = false;
  return here ? { "X-Attended": "yes" } : {};
}

/** Nobody looks at a hidden page: it asks nothing, and lets the session grow old. */
function rest(milliseconds) {
  return new Promise((resolve) => {
    let due = false;
    setTimeout(() => { due = true; seen(); }, milliseconds);
    document.addEventListener("visibilitychange", seen);
    function seen() {
      if (!due || document.hidden) return;
      document.removeEventListener("visibilitychange", seen);
      resolve();
    }
  });
}

async function show({ at, counts, being_sat: sat, rows }) {
  document.getElementById("live-at").textContent = at;
  document.getElementById("being-sat").textContent = sat;
  for (const [tab, count] of Object.entries(counts)) {
    write(document.querySelector(`[data-tab="${tab}"] .count`), String(count));
  }
  const keys = rows.map((row) => row.key);
  if (keys.some((key) => !rowOf(key))) await fetchRows(keys);
  for (const row of rows) update(rowOf(row.key), row);
  leave(new Set(keys));
  if (!rows.length && document.querySelector("#list table")) await fetchList();
}

function rowOf(key) {
  return document.querySelector(`tr[data-key="${CSS.escape(key)}"]`);
}

/** Numbers and names come with the page only, whose viewing is recorded. */
async function fetchPage() {
  const reply = await fetch(location.href, { headers: { Accept: "text/html", "X-Attended": "no" }, credentials: "same-origin", cache: "no-store" });
  if (!reply.ok || reply.redirected) throw new Error("no page");
  return new DOMParser().parseFromString(await reply.text(), "text/html");
}

async function fetchList() {
  const page = await fetchPage();
  if (!holdsFocus(document.getElementById("list"))) document.getElementById("list").replaceWith(page.getElementById("list"));
}

async function fetchRows(keys) {
  const body = document.querySelector("#list tbody");
  if (!body) return fetchList();
  const page = await fetchPage();
  let before = null;
  for (const key of [...keys].reverse()) {
    const own = rowOf(key) || page.querySelector(`tr[data-key="${CSS.escape(key)}"]`);
    if (!own) continue;
    if (!own.isConnected || own.ownerDocument !== document) body.insertBefore(document.adoptNode(own), before);
    before = own;
  }
}

/** A row that is no longer in the list goes, but never from under somebody's finger. */
function leave(keys) {
  for (const row of document.querySelectorAll("#list tr[data-key]")) {
    if (!keys.has(row.dataset.key) && !holdsFocus(row)) row.remove();
  }
}

function holdsFocus(element) {
  return element.contains(document.activeElement);
}

function update(row, now) {
  if (!row) return;
  const part = (name) => row.querySelector(`[data-part="${name}"]`);
  const link = part("link");
  if (link.getAttribute("href") !== now.href) link.setAttribute("href", now.href);
  write(part("paper"), now.paper);
  write(part("detail"), now.detail);
  if (part("badge").textContent.trim() !== now.label) part("badge").replaceChildren(badge(now.kind, now.label));
  const left = part("left");
  if (now.left_ms === null) {
    delete left.dataset.leftMs;
    left.classList.remove("soon");
    write(left, "—");
  } else {
    left.dataset.leftMs = now.left_ms;
    tick();
  }
  showFlags(part("flags"), now.flags);
}

function showFlags(place, flags) {
  const said = JSON.stringify(flags);
  if (place.dataset.said === undefined) place.dataset.said = JSON.stringify([...place.querySelectorAll("a")].map(read));
  if (place.dataset.said === said || holdsFocus(place)) return;
  place.dataset.said = said;
  if (!flags.length) {
    const none = document.createElement("span");
    none.className = "soft";
    none.textContent = "无";
    place.replaceChildren(none);
    return;
  }
  place.replaceChildren(...flags.map(({ label, href }) => {
    const flag = document.createElement("a");
    flag.className = "flag";
    flag.href = href;
    flag.append(badge("warn", label));
    return flag;
  }));
}

function read(flag) {
  return { label: flag.textContent.trim(), href: flag.getAttribute("href") };
}

function badge(kind, label) {
  const made = document.getElementById(`badge-${kind}`).content.firstElementChild.cloneNode(true);
  made.append(label);
  return made;
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function say(words) {
  if (trouble.dataset.words === String(words)) return;
  trouble.dataset.words = String(words);
  trouble.replaceChildren();
  if (!words) return;
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.kind = "warn";
  const body = document.createElement("div");
  body.append(words);
  notice.append(body);
  trouble.append(notice);
}

function ended() {
  const words = document.createElement("span");
  const link = document.createElement("a");
  link.href = `/staff/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = "重新登录";
  words.append("登录已过期，列表不再更新，请", link, "。");
  return words;
}
