/** The time left. The server says how much; between its answers two clocks of the device count on. */

const TICK_MS = 250;
const JUMP_MS = 2000;
const MORE_MS = 20_000;
const ANNOUNCED_MINUTES = [10, 5, 1];

export class Countdown {
  #left = 0;
  #steady = 0;
  #wall = 0;
  #drift = 0;
  #timer = 0;
  #stopped = false;
  #onTick;
  #onJump;
  #onMore;

  /**
   * @param {{onTick: (leftMs: number) => void, onJump: () => void, onMore: (grownMs: number) => void}} callbacks
   *   onJump asks for a sync; onMore tells that the server has given time
   */
  constructor({ onTick, onJump, onMore }) {
    this.#onTick = onTick;
    this.#onJump = onJump;
    this.#onMore = onMore;
  }

  /** @param {number} askedAt performance.now() when the request left; the server looked about half way */
  sync(left, askedAt) {
    if (this.#stopped) return;
    const now = performance.now();
    const travelled = (now - askedAt) / 2;
    // By the steady clock: a wall clock that was set is no gift of time.
    const grown = this.#timer ? left - (this.#left - (now - travelled - this.#steady)) : 0;
    this.#left = left;
    this.#steady = now - travelled;
    this.#wall = Date.now() - travelled;
    this.#drift = 0;
    if (!this.#timer) this.#timer = setInterval(() => this.#tick(), TICK_MS);
    if (grown > MORE_MS) this.#onMore(grown);
    this.#tick();
  }

  /** For good: an answer still under way must not start it again. */
  stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #tick() {
    const steady = performance.now() - this.#steady;
    const wall = Date.now() - this.#wall;
    // A sleeping phone may stop the steady clock, but never the wall clock. A wall clock that was set
    // looks the same, so a jump is believed only until the server has been asked.
    const jumped = wall - steady - this.#drift > JUMP_MS;
    this.#drift = wall - steady;
    this.#onTick(Math.max(0, this.#left - Math.max(steady, wall)));
    if (jumped) this.#onJump();
  }
}

/** 10, 5 and 1 minutes before the end: each is announced once, also after a sleep that went past several. */
export class Milestones {
  #ahead = null;

  /** The whole minutes to announce now, or 0. */
  pass(left) {
    const ahead = ANNOUNCED_MINUTES.filter((each) => left > each * 60_000);
    const passed = this.#ahead !== null && ahead.length < this.#ahead;
    // More time after all: what it puts ahead again comes again, a correction of a second doesn't.
    if (this.#ahead === null || passed) this.#ahead = ahead.length;
    return passed ? Math.ceil(left / 60_000) : 0;
  }

  /** The server has given time. */
  again() {
    this.#ahead = null;
  }
}

/** 3571000 → "59:31"; rounded up, so that 0:00 means over. */
export function spell(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** The time of day of the examination, wherever the device thinks it is. */
export function timeOfDay(at) {
  return new Date(at).toLocaleTimeString("zh-CN", { timeStyle: "medium", timeZone: "Asia/Shanghai" });
}
