/** The time left. The server says how much; between its answers two clocks of the device count on. */

const TICK_MS = 250;
const JUMP_MS = 2000;

export class Countdown {
  #left = 0;
  #steady = 0;
  #wall = 0;
  #drift = 0;
  #timer = 0;
  #stopped = false;
  #onTick;
  #onJump;

  /** @param {{onTick: (leftMs: number) => void, onJump: () => void}} callbacks onJump asks for a sync */
  constructor({ onTick, onJump }) {
    this.#onTick = onTick;
    this.#onJump = onJump;
  }

  /** @param {number} askedAt performance.now() when the request left; the server looked about half way */
  sync(left, askedAt) {
    if (this.#stopped) return;
    const now = performance.now();
    const travelled = (now - askedAt) / 2;
    this.#left = left;
    this.#steady = now - travelled;
    this.#wall = Date.now() - travelled;
    this.#drift = 0;
    if (!this.#timer) this.#timer = setInterval(() => this.#tick(), TICK_MS);
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

/** 3571000 → "59:31"; rounded up, so that 0:00 means over. */
export function spell(milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
