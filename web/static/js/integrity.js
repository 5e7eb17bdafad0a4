/** What the policy of a paper asks for against copies, and what is noted of leaving it. */

const A_BEAT = 20;
const LIMIT = 500;
const TILES = 48;
const MINUTE_MS = 60_000;
const ON_THE_QUESTION = ["contextmenu", "selectstart", "dragstart"];

/** What the browser sees of leaving and copying: kept for a person to judge, never acted upon. */
export class Evidence {
  #events = [];

  constructor() {
    const on = (target, name, kind) => target.addEventListener(name, () => this.#record(kind));
    on(window, "blur", "blur");
    on(window, "focus", "focus");
    on(window, "beforeprint", "print");
    // Captured: a page that blocks copying stops the event on its way.
    for (const name of ["copy", "cut", "paste"]) document.addEventListener(name, () => this.#record(name), true);
    document.addEventListener("visibilitychange", () => this.#record(document.hidden ? "hidden" : "visible"));
    document.addEventListener("fullscreenchange", () => document.fullscreenElement || this.#record("fullscreen_exit"));
    document.addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.code === "KeyA") this.#record("select_all");
    }, true);
  }

  /** The oldest that fit into a heartbeat. */
  get next() {
    return this.#events.slice(0, A_BEAT);
  }

  /** The server has these. */
  drop(events) {
    this.#events.splice(0, events.length);
  }

  #record(kind) {
    if (this.#events.length < LIMIT) this.#events.push({ kind, at: new Date().toISOString() });
  }
}

/**
 * A guarded text, and a watermark behind it.
 * @param {{block_copy: boolean, watermark: string|null}} protection
 */
export function protect({ block_copy, watermark }) {
  if (block_copy) guard();
  if (watermark) mark(watermark);
}

/** The stylesheet does the rest: nothing of a question can be selected, nothing is printed. */
function guard() {
  document.querySelector(".sheet").classList.add("guarded");
  // What people write themselves is theirs.
  for (const name of ["copy", "cut"]) block(name, (place) => !place.closest("textarea"));
  for (const name of ON_THE_QUESTION) block(name, (place) => place.closest("#item, #figure-dialog"));
}

function block(name, concerns) {
  document.addEventListener(name, (event) => {
    const place = event.target instanceof Element ? event.target : event.target.parentElement || document.body;
    if (concerns(place)) event.preventDefault();
  });
}

function mark(owner) {
  const layer = document.createElement("div");
  layer.className = "watermark";
  layer.setAttribute("aria-hidden", "true");
  const tiles = Array.from({ length: TILES }, () => document.createElement("span"));
  layer.append(...tiles);
  const sheet = document.querySelector(".sheet");
  sheet.classList.add("watermarked");
  sheet.prepend(layer);
  const draw = () => {
    const words = `${owner} ${new Date().toLocaleString("zh-CN", { dateStyle: "short", timeStyle: "short", timeZone: "Asia/Shanghai" })}`;
    for (const tile of tiles) tile.textContent = words;
  };
  draw();
  setInterval(draw, MINUTE_MS);
}
