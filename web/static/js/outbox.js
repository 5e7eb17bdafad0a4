/**
 * Answers on their way to the server: one at a time, in the order they were given, until each has been
 * acknowledged. An answer sent twice is harmless: the server knows it by attempt, epoch and seq.
 */

import { ApiError } from "./api.js";
import { pauseAfter, rest } from "./retry.js";

// The server keeps such an answer for staff, but it ends the paper on this page.
const ENDINGS = ["lease_lost", "attempt_closed"];

export class Outbox {
  #queue = [];
  #sending = false;
  #waiters = [];
  #nextSeq;
  #send;
  #callbacks;

  /**
   * @param {{nextSeq: number, send: (entry) => Promise<object>,
   *   onState: (state: "saving"|"saved"|"offline"|"login") => void,
   *   onSaved: (entry, reply) => void,
   *   onRefused: (entry, error) => void,
   *   onEnd: (code: "lease_lost"|"attempt_closed") => void}} options
   */
  constructor({ nextSeq, send, ...callbacks }) {
    this.#nextSeq = nextSeq;
    this.#send = send;
    this.#callbacks = callbacks;
  }

  get unsent() {
    return this.#queue.length;
  }

  put(item, option) {
    this.#queue.push({ seq: this.#nextSeq, item, option, client_time: new Date().toISOString() });
    this.#nextSeq += 1;
    this.#pump();
  }

  /** What was last chosen for an item and is not acknowledged yet. */
  waiting(item) {
    return this.#queue.filter((entry) => entry.item === item).pop()?.option;
  }

  /** Resolves when nothing is left to send. */
  drained() {
    return this.unsent ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  async #pump() {
    if (this.#sending) return;
    this.#sending = true;
    let failures = 0;
    let ending = null;
    while (this.#queue.length) {
      const entry = this.#queue[0];
      if (!failures) this.#tell("onState", "saving");
      const { reply, error } = await this.#try(entry);
      if (error && !isFinal(error)) {
        failures += 1;
        this.#tell("onState", error.status === 401 ? "login" : "offline");
        await rest(pauseAfter(failures));
        continue;
      }
      this.#queue.shift();
      failures = 0;
      if (!error) this.#tell("onSaved", entry, reply);
      else if (ENDINGS.includes(error.code)) ending = error.code;
      else this.#tell("onRefused", entry, error);
    }
    this.#sending = false;
    if (ending) this.#tell("onEnd", ending);
    else this.#tell("onState", "saved");
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  async #try(entry) {
    try {
      return { reply: await this.#send(entry) };
    } catch (error) {
      return { error };
    }
  }

  /** A fault in what the page shows must not keep the next answer from leaving. */
  #tell(name, ...values) {
    try {
      this.#callbacks[name](...values);
    } catch (error) {
      console.error(error);
    }
  }
}

/** Only the server's own no is final; everything else is tried again. */
function isFinal(error) {
  return error instanceof ApiError && !error.passing && error.status !== 401;
}
