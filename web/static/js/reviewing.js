/** Reviewing by keyboard: decide, and the next form is there at once, because it was fetched meanwhile. Without this
 *  script the same buttons send the same forms, and every page is whole. */

import { closeDialog, closesOutside, openDialog } from "./dialog.js";

const KEYS_OFF = "reviewing-keys-off";
const ZOOMS = [100, 150, 200, 300, 400];
const TYPING = "textarea, select, input:not([type=checkbox]):not([type=radio])";

const element = (id) => document.getElementById(id);

/** Pages that were fetched ahead, by address: the promise of their <main>'s part, and its title. */
const ahead = new Map();
let busy = false;
let last = null;

async function fetched(address) {
  const reply = await fetch(address, { credentials: "same-origin", cache: "no-store", headers: { Accept: "text/html" } });
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  const part = page.getElementById("review");
  // Sent on to a login, or the form has gone meanwhile: the browser shows what it is.
  if (!reply.ok || !part) return null;
  // Only images of this document are fetched; a later <img> of the same address finds them.
  const images = [...part.querySelectorAll("img[src]")].slice(0, 4).map((image) => {
    const early = new Image();
    early.src = image.getAttribute("src");
    return early;
  });
  return { part: document.adoptNode(part), title: page.title, images };
}

function look(address) {
  if (!ahead.has(address)) ahead.set(address, fetched(address).catch(() => null));
  return ahead.get(address);
}

async function show(address, told = "") {
  const page = await look(address);
  ahead.delete(address);
  if (!page) {
    location.assign(address);
    return;
  }
  element("review").replaceWith(page.part);
  document.title = page.title;
  history.pushState(null, "", address);
  scrollTo(0, 0);
  begin();
  element("who").focus({ preventScroll: true });
  tell(told);
}

function tell(text) {
  const place = element("review-told");
  place.replaceChildren();
  if (!text) return;
  const note = document.createElement("p");
  note.className = "told";
  note.textContent = text;
  place.append(note);
}

function refuse(text, decided = false) {
  const note = document.createElement("p");
  note.className = "refused";
  note.textContent = text;
  if (decided) {
    const link = document.createElement("a");
    link.href = location.href;
    link.className = "button";
    link.textContent = "查看最新情况";
    note.append(" ", link);
  }
  const place = element("review-refused");
  place.replaceChildren(note);
  place.scrollIntoView({ block: "center" });
}

/** Sends a form; gives what the server says became of it, or null with the reason on the page. */
async function sent(address, form) {
  const body = new URLSearchParams(form);
  let reply;
  let content;
  try {
    reply = await fetch(address, { method: "POST", body, credentials: "same-origin", headers: { Accept: "application/json" } });
    content = await reply.json();
  } catch {
    refuse("网络不通，没有保存，请再试一次。");
    return null;
  }
  if (reply.ok) return content;
  refuse(content.error?.message ?? "服务器暂时无法处理，请再试一次。", reply.status === 409);
  return null;
}

async function decide(form, button) {
  if (busy) return;
  busy = true;
  button?.setAttribute("aria-busy", "true");
  try {
    const path = location.pathname;
    const answer = await sent(button?.getAttribute("formaction") ?? form.getAttribute("action"), new FormData(form));
    if (!answer) return;
    last = { undo: `${path}/undo${location.search}`, token: form.elements.csrf_token.value };
    // What was fetched before this decision may still lead to it; the next one is looked at once more when decided.
    const next = ahead.get(answer.next);
    ahead.clear();
    if (next) ahead.set(answer.next, next);
    if (answer.next.startsWith(`${element("review").dataset.home}/`)) await show(answer.next, answer.text);
    else location.assign(answer.next);
  } finally {
    busy = false;
    button?.removeAttribute("aria-busy");
  }
}

async function undo() {
  const own = document.querySelector("form.undo");
  const wanted = own ? { undo: own.getAttribute("action"), token: own.elements.csrf_token.value } : last;
  if (busy) return;
  if (!wanted) {
    tell("没有可以撤销的处理。");
    return;
  }
  busy = true;
  try {
    const answer = await sent(wanted.undo, { csrf_token: wanted.token });
    if (!answer) return;
    last = null;
    ahead.clear();
    await show(answer.next, answer.text);
  } finally {
    busy = false;
  }
}

/** The pictures of the form in one large place. */
class Viewer {
  #links = [...document.querySelectorAll(".viewer-thumbs a")];
  #stage = element("viewer-stage");
  #image = element("viewer-image");
  #index = 0;
  #zoom = 0;
  #turn = 0;

  constructor() {
    if (!this.#links.length) return;
    this.#stage.hidden = false;
    this.#links.forEach((link, index) => {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        this.show(index);
      });
    });
    for (const button of this.#stage.querySelectorAll("[data-view]")) {
      button.addEventListener("click", () => this.change(button.dataset.view));
    }
    const first = this.#links.findIndex((link) => link.dataset.field === this.#stage.dataset.first);
    this.show(Math.max(0, first));
  }

  show(index) {
    if (!this.#links.length) return;
    this.#index = (index + this.#links.length) % this.#links.length;
    const link = this.#links[this.#index];
    this.#links.forEach((each) => each.toggleAttribute("aria-current", each === link));
    this.#image.src = link.getAttribute("href");
    this.#image.alt = link.querySelector("img").alt;
    element("viewer-label").textContent = link.dataset.picture;
    element("viewer-open").href = link.href;
    this.#zoom = 0;
    this.#turn = 0;
    this.#apply();
  }

  step(by) {
    this.show(this.#index + by);
  }

  change(how) {
    if (how === "larger") this.#zoom = Math.min(ZOOMS.length - 1, this.#zoom + 1);
    if (how === "smaller") this.#zoom = Math.max(0, this.#zoom - 1);
    if (how === "rotate") this.#turn = (this.#turn + 90) % 360;
    if (how === "reset") this.#zoom = this.#turn = 0;
    this.#apply();
  }

  #apply() {
    this.#image.style.width = `${ZOOMS[this.#zoom]}%`;
    this.#image.style.transform = this.#turn ? `rotate(${this.#turn}deg)` : "";
  }
}

let viewer;

/** Wires the form that is shown, and fetches the one after it. */
function begin() {
  viewer = new Viewer();
  const root = element("review");
  const form = element("review-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide(form, event.submitter);
  });
  // Enter on a box or a dot would send the form.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches("input")) event.preventDefault();
  });
  document.querySelector("form.undo")?.addEventListener("submit", (event) => {
    event.preventDefault();
    undo();
  });
  for (const radio of form.querySelectorAll("input[name=verdict]")) {
    radio.addEventListener("change", () => {
      element("overturned").open = radio.value === "overturn";
    });
  }
  for (const link of document.querySelectorAll(".review-way a")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || busy) return;
      event.preventDefault();
      show(link.getAttribute("href"));
    });
  }
  const keys = element("keys");
  const off = element("keys-off");
  off.checked = localStorage.getItem(KEYS_OFF) === "yes";
  off.addEventListener("change", () => localStorage.setItem(KEYS_OFF, off.checked ? "yes" : ""));
  element("keys-open").hidden = !matchMedia("(hover: hover)").matches;
  element("keys-open").addEventListener("click", () => openDialog(keys));
  element("keys-close").addEventListener("click", () => closeDialog(keys));
  closesOutside(keys);
  if (root.dataset.following) look(root.dataset.following);
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (element("keys").hasAttribute("open") || event.target.closest(TYPING)) return;
  if (event.key === "?") {
    openDialog(element("keys"));
    return;
  }
  if (localStorage.getItem(KEYS_OFF) === "yes") return;
  const root = element("review");
  const form = element("review-form");
  const key = event.key.toLowerCase();
  const checks = form.querySelectorAll("input[name=check]");
  if (key === "a" && element("approve") && !event.repeat) {
    form.requestSubmit(element("approve"));
  } else if (key === "r" && element("returning")) {
    element("returning").open = true;
    element("reason").focus();
  } else if (key === "j" && root.dataset.following && !busy) {
    show(root.dataset.following);
  } else if (key === "k" && root.dataset.previous && !busy) {
    show(root.dataset.previous);
  } else if (key === "z") {
    undo();
  } else if (checks[Number(key) - 1]) {
    checks[Number(key) - 1].click();
  } else if ((key === "arrowright" || key === "arrowleft") && !event.target.matches("input")) {
    viewer.step(key === "arrowright" ? 1 : -1);
  } else if (key === "+" || key === "=") {
    viewer.change("larger");
  } else if (key === "-") {
    viewer.change("smaller");
  } else if (key === "0") {
    viewer.change("reset");
  } else if (key === "l") {
    viewer.change("rotate");
  } else {
    return;
  }
  event.preventDefault();
}

begin();
document.addEventListener("keydown", pressed);
addEventListener("popstate", () => location.reload());
