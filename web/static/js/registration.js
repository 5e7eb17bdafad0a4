/** 我要报名: what is typed is saved as it is typed, pictures are looked at before they are sent, the photo is cut.
    Without this script the buttons save the page. */

import { ApiError, get, post, postGoing } from "./api.js";
import { pauseAfter, rest, wake } from "./retry.js";
import { isTyped } from "./typed.js";

const SETTLED_MS = 800;
const POLL_MS = 2000;
const CONTENT = /^(basic|practice|conduct|procedure)\./;

const form = document.querySelector("[data-form]");

for (const area of document.querySelectorAll("[data-counts]")) count(area);
for (const place of document.querySelectorAll("[data-upload]")) watchUpload(place);
if (document.querySelector('[data-state="pending"]')) poll();
if (form) saveAsTyped();

// Saving

function saveAsTyped() {
  const line = form.querySelector("[data-save-line]");
  const revision = form.elements.namedItem("revision");
  const page = form.elements.namedItem("page");
  const seq = form.elements.namedItem("seq");
  let version = 0; // of what stands on the page
  let stored = 0; // the version that the server has
  let timer = 0;
  let saving = false;
  let over = false;
  let failing = false;
  let leaving = false;
  const wanted = new Set(); // parts of the page that depend on what was chosen

  form.addEventListener("input", (event) => changed(event, SETTLED_MS));
  form.addEventListener("change", (event) => changed(event, 0));
  form.addEventListener("submit", (event) => {
    if (failing && !over) {
      event.preventDefault(); // the browser's own page of a broken network would take the place of this one
      say("网络不通，刚才填写的内容还没有保存，恢复后会自动保存，请不要关闭本页。", "warn");
      return;
    }
    leaving = true;
    version += 1;
    seq.value = version; // what a save under way brings later than this is older
  });
  for (const field of form.elements) {
    if (CONTENT.test(field.name) && isTyped(field)) changed({ target: field }, SETTLED_MS); // before this script came
  }
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // gone back to: what it says is old
  });
  // The phone goes to sleep, or another app comes to the front: the last words are sent at once.
  document.addEventListener("visibilitychange", () => document.hidden && flush());
  // The page goes, and takes a save under way along. The server knows by seq which is the newer one.
  addEventListener("pagehide", () => {
    if (stored < version && !over && !leaving) postGoing(form.dataset.draft, content());
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && stored < version && !over) event.preventDefault();
  });

  function changed(event, patience) {
    const field = event.target;
    if (!field.name || field.type === "file" || over) return;
    version += 1;
    if (field.dataset.refreshes) wanted.add(field.dataset.refreshes);
    clearTimeout(timer);
    timer = setTimeout(save, patience);
    wake();
  }

  function flush() {
    if (stored < version && !saving && !over) save();
  }

  function content() {
    const fields = [];
    for (const [name, value] of new FormData(form)) {
      if (typeof value === "string" && CONTENT.test(name)) fields.push([name, value]);
    }
    return { revision: Number(revision.value), page: page.value, seq: version, fields };
  }

  async function save() {
    if (saving) return;
    saving = true;
    for (let failures = 0; stored < version && !over && !leaving; ) {
      const sent = version;
      say("正在保存…");
      try {
        const answer = await post(form.dataset.draft, content());
        revision.value = answer.revision;
        stored = sent;
        failures = 0;
        failing = false;
        showProblems(answer.problems);
        if (stored === version) say(`已保存 ${answer.saved_at}`);
        if (stored === version && wanted.size) {
          const parts = [...wanted];
          wanted.clear();
          await refresh(parts);
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.asksForLogin) {
          say("登录已失效，刚才填写的内容还没有保存。请在新窗口登录后回到本页，会自动继续保存。", "warn");
        } else if (error.status === 409) {
          over = true;
          say(`${error.message} `, "warn");
          const link = document.createElement("a");
          link.href = location.pathname;
          link.textContent = "重新载入";
          line.append(link);
        } else if (error.passing) {
          say("网络不通，刚才填写的内容还没有保存，正在重试，请不要关闭本页。", "warn");
        } else {
          say(error.message, "warn");
          break;
        }
        failures += 1;
        failing = !over;
        if (failing) await rest(pauseAfter(failures));
      }
    }
    saving = false;
  }

  function say(words, kind = "") {
    line.textContent = words;
    line.dataset.kind = kind;
  }
}

/** Sentences at fields that couldn't be understood; those that can by now go. */
function showProblems(problems) {
  for (const note of document.querySelectorAll(".error[id$='-error']")) {
    const name = note.id.slice(0, -"-error".length);
    if (name in problems) setProblem(name, problems[name]);
    else if (note.dataset.typed) setProblem(name, "");
  }
}

function setProblem(name, sentence) {
  const note = document.getElementById(`${name}-error`);
  const field = document.getElementById(`f-${name}`);
  if (!note) return;
  note.textContent = sentence;
  note.hidden = !sentence;
  note.dataset.typed = sentence ? "yes" : "";
  if (sentence) field?.setAttribute("aria-invalid", "true");
  else field?.removeAttribute("aria-invalid");
}

/** What was ticked while the answer was under way is newer than what the server knows. */
function keepTicks(old, fresh) {
  const boxes = [...fresh.querySelectorAll("input[type=checkbox], input[type=radio]")];
  for (const box of old.querySelectorAll("input[type=checkbox], input[type=radio]")) {
    const same = boxes.find((each) => each.name === box.name && each.value === box.value);
    if (same) same.checked = box.checked;
  }
}

/** Parts of the page as the server has them now: what may be chosen depends on what was chosen. */
async function refresh(ids) {
  const reply = await fetch(location.pathname + location.search, { headers: { Accept: "text/html", "X-Attended": "no" }, credentials: "same-origin", cache: "no-store" }).catch(() => null);
  if (!reply || !reply.ok) return;
  const page = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const id of ids) {
    const fresh = page.getElementById(id);
    const old = document.getElementById(id);
    if (fresh && old) {
      keepTicks(old, fresh);
      old.replaceWith(document.adoptNode(fresh));
    }
    const place = document.getElementById(id);
    if (place && place.dataset.upload) watchUpload(place);
  }
}

// The counter of a long text

function count(area) {
  const shown = area.parentElement.querySelector("[data-count]");
  area.addEventListener("input", () => { shown.textContent = [...area.value].length; });
}

// Pictures

async function poll() {
  const seen = () => [...document.querySelectorAll('[data-picture][data-state="pending"]')];
  for (let failures = 0; seen().length; ) {
    await rest(failures ? pauseAfter(failures) : POLL_MS);
    if (document.hidden) continue;
    try {
      const { uploads } = await get("/registration/uploads");
      failures = 0;
      const changed = seen().filter((item) => uploads[item.dataset.picture] !== "pending");
      const places = new Set(changed.map((item) => item.closest("[data-upload]").id));
      if (places.size) await refresh([...places]);
      if (changed.some((item) => item.isConnected)) return; // the page couldn't be had: the link is there
    } catch (error) {
      if (!(error instanceof ApiError) || error.asksForLogin) return;
      failures += 1;
    }
  }
}

function watchUpload(place) {
  const input = place.querySelector('input[type="file"]');
  if (!input) return;
  const name = place.dataset.upload;
  const most = Number(place.dataset.maxBytes);
  input.addEventListener("change", () => {
    const large = [...input.files].find((file) => file.size > most);
    if (large) {
      const size = (large.size / 1024 / 1024).toFixed(1);
      setProblem(name, `图片约${size}MB，超过了${place.dataset.maxMegabytes}MB的限制，没有上传。请压缩或重新拍摄后再上传，已填写的内容不受影响。`);
      input.value = "";
    } else {
      setProblem(name, "");
    }
    if (input.dataset.crop) cut(place, input);
  });
}

/** The rectangle that is cut out, in thousandths of the picture's sides: by finger, mouse or keyboard. */
const RATIO = 25 / 35; // an inch of a document

function cut(place, input) {
  const panel = place.querySelector("[data-crop-of]");
  const target = place.querySelector(`input[name="${input.dataset.crop}"]`);
  const image = panel.querySelector("img");
  target.value = "";
  panel.hidden = true;
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  if (!input.files.length) return;
  const fresh = image.cloneNode();
  image.replaceWith(fresh);
  fresh.addEventListener("load", () => {
    panel.hidden = false;
    if (panel.cropper) panel.cropper.of(fresh);
    else panel.cropper = new Cropper(panel, target, fresh);
  });
  fresh.src = URL.createObjectURL(input.files[0]);
}

class Cropper {
  constructor(panel, target, image) {
    this.target = target;
    this.box = panel.querySelector(".crop-box");
    this.stage = panel.querySelector(".crop-stage");
    this.box.addEventListener("pointerdown", (event) => this.grab(event));
    this.box.addEventListener("keydown", (event) => this.key(event));
    panel.querySelector("[data-crop-smaller]").addEventListener("click", () => this.scale(0.9));
    panel.querySelector("[data-crop-larger]").addEventListener("click", () => this.scale(1 / 0.9));
    this.of(image);
  }

  /** Begins with the largest rectangle in the middle. Left, top and height are parts of the picture's sides. */
  of(image) {
    this.shape = image.naturalWidth / image.naturalHeight;
    const high = Math.min(1, this.shape / RATIO);
    this.set((1 - this.across(high)) / 2, (1 - high) / 2, high);
  }

  across(high) {
    return (high * RATIO) / this.shape;
  }

  set(left, top, high) {
    const largest = Math.min(1, this.shape / RATIO);
    this.high = Math.min(largest, Math.max(0.1 * largest, high));
    const wide = this.across(this.high);
    this.left = Math.min(1 - wide, Math.max(0, left));
    this.top = Math.min(1 - this.high, Math.max(0, top));
    const { style } = this.box;
    style.left = `${this.left * 100}%`;
    style.top = `${this.top * 100}%`;
    style.width = `${wide * 100}%`;
    style.height = `${this.high * 100}%`;
    const edges = [this.left, this.top, this.left + wide, this.top + this.high];
    this.target.value = edges.map((part) => Math.min(1000, Math.round(part * 1000))).join(",");
  }

  scale(by) {
    const high = this.high * by;
    const wide = this.across(this.high);
    this.set(this.left + (wide - this.across(high)) / 2, this.top + (this.high - high) / 2, high);
  }

  grab(event) {
    event.preventDefault();
    this.box.focus();
    this.box.setPointerCapture(event.pointerId);
    const { width, height } = this.stage.getBoundingClientRect();
    const from = { x: event.clientX, y: event.clientY, left: this.left, top: this.top, high: this.high };
    const resizes = event.target.classList.contains("crop-handle");
    const move = (now) => {
      const dx = (now.clientX - from.x) / width;
      const dy = (now.clientY - from.y) / height;
      if (resizes) {
        const room = Math.min(1 - from.top, (1 - from.left) / this.across(1));
        this.set(from.left, from.top, Math.min(room, from.high + Math.max(dy, dx / this.across(1))));
      } else {
        this.set(from.left + dx, from.top + dy, from.high);
      }
    };
    const end = () => {
      this.box.removeEventListener("pointermove", move);
      this.box.removeEventListener("pointerup", end);
      this.box.removeEventListener("pointercancel", end);
    };
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener("pointerup", end);
    this.box.addEventListener("pointercancel", end);
  }

  key(event) {
    const steps = { ArrowLeft: [-0.01, 0], ArrowRight: [0.01, 0], ArrowUp: [0, -0.01], ArrowDown: [0, 0.01] };
    if (event.key in steps) {
      const [dx, dy] = steps[event.key];
      this.set(this.left + dx, this.top + dy, this.high);
    } else if (event.key === "+" || event.key === "=") this.scale(1 / 0.95);
    else if (event.key === "-") this.scale(0.95);
    else return;
    event.preventDefault();
  }
}
