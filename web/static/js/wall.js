/** The live wall. Tiles are patched in place; they change places only when nobody is about to press one. */

import { closeDialog, closesOutside, openDialog } from "./dialog.js";
import { STILL_THERE, badgeInto, listen, loginAgain, say, setClock, showAge, showLeft, showPicture, write } from "./feed.js";

const REORDER_MS = 10_000;

const place = document.getElementById("wall-place");
const trouble = document.getElementById("trouble");
const reorderButton = document.getElementById("reorder");
const help = document.getElementById("help");

let wall = document.getElementById("wall");
const address = wall.dataset.feed.replace("/events", "");
const staleMs = Number(wall.dataset.staleMs);
const tiles = new Map();
const visible = new Set();
const seen = new IntersectionObserver(look, { rootMargin: "50%" });
let wanted = null;
let reordered = performance.now();
let touched = 0;
let fetching = false;

adopt();
setInterval(tick, 1000);
listen(wall.dataset.feed, { onNews, onState, idleMs: Number(wall.dataset.idleMs) });
addEventListener("pointerdown", () => { touched = performance.now(); }, { passive: true });
addEventListener("wheel", () => { touched = performance.now(); }, { passive: true });
addEventListener("keydown", onKey);
reorderButton.addEventListener("click", reorder);
document.querySelector("[data-help]").hidden = false;
document.querySelector("[data-help]").addEventListener("click", () => openDialog(help));
help.querySelector("[data-close]").addEventListener("click", () => closeDialog(help));
closesOutside(help);

/* Tiles */

function adopt() {
  for (const tile of wall.querySelectorAll(".sitting")) {
    const known = tiles.get(tile.dataset.key);
    if (known && known.tile === tile) continue;
    const part = {};
    for (const element of tile.querySelectorAll("[data-part]")) part[element.dataset.part] = element;
    const kept = { tile, part, link: tile.firstElementChild, at: part.picture.dataset.at };
    tiles.set(tile.dataset.key, kept);
    part.picture.addEventListener("error", () => part.picture.removeAttribute("src"));
    kept.link.addEventListener("focus", () => rove(kept.link));
    // Their numbers run from now on, not from when somebody scrolls to them.
    showAge(part.shot, staleMs);
    showLeft(part.left);
    kept.link.tabIndex = -1;
    seen.observe(tile);
  }
  rove(wall.querySelector(".sitting-in"));
}

function look(entries) {
  for (const { target, isIntersecting } of entries) {
    const kept = tiles.get(target.dataset.key);
    if (!kept || kept.tile !== target) continue;
    if (!isIntersecting) {
      visible.delete(kept);
      continue;
    }
    visible.add(kept);
    showPicture(kept.part.picture, target.dataset.key, kept.at);
    show(kept);
  }
}

function tick() {
  if (document.hidden) return;
  for (const kept of visible) show(kept);
  if (wanted && isCalm()) reorder();
}

function show({ part }) {
  showAge(part.shot, staleMs);
  showLeft(part.left);
}

function patch(now) {
  const kept = tiles.get(now.key);
  if (!kept) return;
  const { tile, part } = kept;
  if (tile.dataset.level !== now.level) tile.dataset.level = now.level;
  badgeInto(part.level, now.level_kind, now.level_label);
  write(part.paper, now.paper);
  write(part.findings, now.findings.join("；"));
  write(part.label, now.label);
  if (part.label.dataset.kind !== now.kind) part.label.dataset.kind = now.kind;
  write(part.detail, now.detail);
  write(part.flags, now.flags.join("；"));
  write(part.duty, now.duty && `${now.duty}负责`);
  if (now.left_ms === null) {
    delete part.left.dataset.leftMs;
    part.left.left = null;
  } else {
    setClock(part.left, "left", now.left_ms);
  }
  if (now.age_ms !== null) setClock(part.age, "age", now.age_ms);
  kept.at = now.picture;
  if (visible.has(kept)) {
    showPicture(part.picture, now.key, now.picture);
    show(kept);
  }
}

/* News */

function onNews(news) {
  for (const tile of news.tiles) patch(tile);
  if (news.type !== "board") return;
  write(document.getElementById("live-at"), news.at);
  for (const [tab, count] of Object.entries(news.counts)) {
    write(document.querySelector(`[data-tab="${tab}"] .count`), String(count));
  }
  write(document.getElementById("counted"), `正在测评${news.counts.all}人，需要关注${news.counts.attention}人`);
  arrange(news.order);
  if (news.waiting.join(" ") !== identity().dataset.waiting) fetchIdentity();
}

/* Identity checks that wait for a person */

function identity() {
  return document.getElementById("identity");
}

/** Never from under somebody who decides or types. */
async function fetchIdentity() {
  const page = await fetchPage();
  const busy = identity().contains(document.activeElement) || [...identity().querySelectorAll("[name=reason]")].some((field) => field.value);
  if (page && !busy) identity().replaceWith(document.adoptNode(page.getElementById("identity")));
}

function onState(state, words) {
  document.getElementById("live-how").hidden = state === "lost" || state === "ended";
  if (state === "open") say(trouble, null);
  else if (state === "idle") say(trouble, STILL_THERE);
  else if (state === "ended") say(trouble, loginAgain(words));
  else say(trouble, `连接中断，以下是 ${document.getElementById("live-at").textContent} 的情况，正在重新连接。`);
}

async function arrange(order) {
  if (order.some((key) => !tiles.has(key))) await fetchTiles(order);
  const present = new Set(order);
  for (const [key, { tile }] of tiles) {
    if (present.has(key) || tile.contains(document.activeElement)) continue;
    forget(key);
  }
  const now = [...wall.querySelectorAll(".sitting")].map((tile) => tile.dataset.key).filter((key) => present.has(key));
  const there = order.filter((key) => tiles.has(key));
  wanted = now.join() === there.join() ? null : there;
  reorderButton.hidden = !wanted;
}

function forget(key) {
  const kept = tiles.get(key);
  seen.unobserve(kept.tile);
  visible.delete(kept);
  kept.tile.remove();
  tiles.delete(key);
}

/** The page anew: names come with it only, whose viewing is recorded. Nothing when it can't be had. */
async function fetchPage() {
  try {
    const reply = await fetch(address, { headers: { Accept: "text/html", "X-Attended": "no" }, credentials: "same-origin", cache: "no-store" });
    return reply.ok && !reply.redirected ? new DOMParser().parseFromString(await reply.text(), "text/html") : null;
  } catch {
    return null;
  }
}

/** New tiles are put at the end: nothing moves. */
async function fetchTiles(order) {
  if (fetching) return;
  fetching = true;
  try {
    const page = await fetchPage();
    if (!page) return;
    if (!wall.matches(".wall")) {
      const fresh = page.getElementById("wall");
      if (!fresh?.matches(".wall")) return;
      place.replaceChildren(document.adoptNode(fresh));
      wall = fresh;
    } else {
      for (const key of order) {
        const fresh = tiles.has(key) ? null : page.querySelector(`.sitting[data-key="${CSS.escape(key)}"]`);
        if (fresh) wall.append(document.adoptNode(fresh));
      }
    }
    adopt();
  } finally {
    fetching = false;
  }
}

/* Order */

/** Nobody points at a tile, has one in focus, or has just touched the page; and the top is in view. */
function isCalm() {
  const now = performance.now();
  return now - reordered > REORDER_MS && now - touched > REORDER_MS && !wall.matches(":hover, :focus-within") && scrollY < 200;
}

function reorder() {
  if (!wanted) return;
  const focused = document.activeElement;
  const asked = wanted.filter((key) => tiles.has(key)).map((key) => tiles.get(key).tile);
  const places = new Map([...wall.children].map((tile, place) => [tile, place]));
  const stays = new Set(longestRising(asked, (tile) => places.get(tile)));
  let next = null;
  for (const tile of asked.reverse()) {
    if (!stays.has(tile)) wall.insertBefore(tile, next);
    next = tile;
  }
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  wanted = null;
  reorderButton.hidden = true;
  reordered = performance.now();
}

/** The most of `items` whose numbers rise: they stay where they are, and the fewest move. */
function longestRising(items, numberOf) {
  const ends = [];
  const before = new Map();
  for (const item of items) {
    let low = 0;
    for (let high = ends.length; low < high;) {
      const middle = (low + high) >> 1;
      if (numberOf(ends[middle]) < numberOf(item)) low = middle + 1;
      else high = middle;
    }
    before.set(item, ends[low - 1]);
    ends[low] = item;
  }
  const rising = [];
  for (let item = ends.at(-1); item; item = before.get(item)) rising.push(item);
  return rising;
}

/* Keys */

function rove(link) {
  if (!link) return;
  wall.querySelector('.sitting-in[tabindex="0"]')?.setAttribute("tabindex", "-1");
  link.tabIndex = 0;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
  if (event.target.closest("input, textarea, select")) return;
  if (event.key === "?") openDialog(help);
  else if (event.key === "/") document.getElementById("q").focus();
  else if (event.key.toLowerCase() === "r" && wanted) reorder();
  else if (!move(event.key)) return;
  event.preventDefault();
}

function move(key) {
  const here = document.activeElement.closest?.(".sitting");
  if (!here) return false;
  const next = {
    ArrowRight: () => here.nextElementSibling,
    ArrowLeft: () => here.previousElementSibling,
    ArrowDown: () => below(here, 1),
    ArrowUp: () => below(here, -1),
    Home: () => wall.firstElementChild,
    End: () => wall.lastElementChild,
  }[key]?.();
  if (next === undefined) return false;
  next?.firstElementChild.focus();
  next?.scrollIntoView({ block: "nearest" });
  return true;
}

function below(tile, rows) {
  const columns = getComputedStyle(wall).gridTemplateColumns.split(" ").length;
  const all = [...wall.children];
  return all[all.indexOf(tile) + rows * columns] ?? null;
}
