/**
 * Answers on their way to the server. Each is sealed and stored here before it leaves, and forgotten only
 * when the server has it: a reload, a dead phone or a new login finds it again. An answer sent twice is
 * harmless, the server knows it by attempt, epoch and seq; their order is (epoch, seq), not that of arrival.
 */

import { ApiError } from "./api.js";
import { pauseAfter, rest } from "./retry.js";

// Only these words of our own server end an entry. Anything else (a proxy's page, a lost login) passes.
const FINAL = ["not_in_paper", "unknown_epoch", "seq_reused", "attempt_closed", "bad_body"];
// What a 200 of our own server says; anything else with a 200 is somebody in between.
const OUTCOMES = ["current", "superseded", "late"];
const KEPT_FOR_MS = 30 * 24 * 3600_000;

export class Outbox {
  /** The error that the last try met. */
  problem = null;
  #queue = [];
  #pumping = false;
  #ended = false;
  #state = "saved";
  #waiters = [];
  #attempt;
  #epoch;
  #nextSeq;
  #cipher;
  #store;
  #send;
  #callbacks;

  /**
   * @param {{attempt: string, epoch: number, nextSeq: number, cipher: Cipher|null, store: EntryStore,
   *   send: (entry: {epoch, seq, item, option, client_time}) => Promise<object>,
   *   onChange: () => void,
   *   onSaved: (entry, reply) => void,
   *   onRefused: (entry, error) => void,
   *   onEnd: () => void}} options
   *   onEnd: the attempt has been over for so long that the server takes nothing any more
   */
  constructor({ attempt, epoch, nextSeq, cipher, store, send, ...callbacks }) {
    this.#attempt = attempt;
    this.#epoch = epoch;
    this.#nextSeq = nextSeq;
    this.#cipher = cipher;
    this.#store = store;
    this.#send = send;
    this.#callbacks = callbacks;
  }

  get unsent() {
    return this.#queue.length;
  }

  /** @returns {"saving"|"saved"|"offline"|"busy"|"login"|"stopped"} */
  get state() {
    return this.#state;
  }

  /** Whether everything unsent would survive the end of this page. */
  get safe() {
    return this.#queue.every((entry) => entry.stored);
  }

  put(item, option) {
    const entry = { epoch: this.#epoch, seq: this.#nextSeq, item, option, client_time: new Date().toISOString() };
    this.#nextSeq += 1;
    entry.keeping = this.#keep(entry);
    this.#queue.push(entry);
    this.#pump();
  }

  /**
   * Takes up what earlier loads of this attempt left here, and forgets what is too old.
   * @param {object} answers by item, as the server gave them with the lease
   */
  async recover(answers) {
    this.#store.forget(Date.now() - KEPT_FOR_MS, this.#attempt).catch(() => {});
    let records = [];
    try {
      records = await this.#store.of(this.#attempt);
    } catch {
      return; // it will be asked again with the next load
    }
    const left = [];
    for (const record of records) {
      if (record.refused || record.epoch >= this.#epoch) continue;
      const content = await this.#open(record);
      if (!content) continue;
      // With another lease in between, the server's answer may be the newer one; its reply will tell.
      const doubtful = record.epoch < this.#epoch - 1 && Boolean(answers[content.item]);
      left.push({ ...content, epoch: record.epoch, seq: record.seq, sealed: record, stored: true, doubtful });
    }
    this.#queue = [...left, ...this.#queue];
    this.#pump();
  }

  /** The latest that waits for an item: its option, undefined where nothing does. */
  waiting(item) {
    const entries = this.#queue.filter((entry) => entry.item === item && !entry.doubtful);
    return entries.sort((one, other) => one.epoch - other.epoch || one.seq - other.seq).pop()?.option;
  }

  /** The items that something waits for. */
  get items() {
    return [...new Set(this.#queue.map((entry) => entry.item))];
  }

  /** Resolves when nothing is left to send, or nothing more is taken. */
  drained() {
    return this.unsent && !this.#ended ? new Promise((resolve) => this.#waiters.push(resolve)) : Promise.resolve();
  }

  /** What has not arrived, still sealed; without what nobody could open. */
  async sealed() {
    const found = new Map();
    for (const record of await this.#store.of(this.#attempt).catch(() => [])) {
      if (await this.#open(record)) found.set(`${record.epoch} ${record.seq}`, record);
    }
    for (const { sealed } of this.#queue) if (sealed) found.set(`${sealed.epoch} ${sealed.seq}`, sealed);
    return [...found.values()];
  }

  async #keep(entry) {
    try {
      const { epoch, seq, item, option, client_time } = entry;
      const sealed = await this.#cipher.seal({ item, option, client_time }, this.#context(entry));
      entry.sealed = { attempt: this.#attempt, epoch, seq, ...sealed, at: Date.now() };
      await this.#store.put(entry.sealed);
      entry.stored = true;
      this.#tell("onChange");
    } catch {
      // No cryptography, no store or no room: the entry lives as long as the page.
    }
  }

  async #open(record) {
    try {
      return await this.#cipher.open(record, this.#context(record));
    } catch {
      return null; // left where it is: somebody with the right key may still read it
    }
  }

  #context({ epoch, seq }) {
    return `${this.#attempt}|${epoch}|${seq}`;
  }

  async #pump() {
    if (this.#pumping || this.#ended) return;
    this.#pumping = true;
    let failures = 0;
    while (this.#queue.length && !this.#ended) {
      const entry = this.#queue[0];
      if (!failures) this.#become("saving");
      await entry.keeping;
      const { reply, error } = await this.#try(entry);
      if (error && !FINAL.includes(error.code)) {
        failures += 1;
        this.problem = error;
        this.#become(stateOf(error));
        // What is wrong with this one may be right with its neighbours.
        if (error.status && !error.asksForLogin) this.#queue.push(this.#queue.splice(this.#queue.indexOf(entry), 1)[0]);
        await rest(Math.max(error.retryAfter || 0, pauseAfter(failures)));
        continue;
      }
      failures = 0;
      if (error && error.code === "attempt_closed") {
        this.#ended = true;
        break;
      }
      this.#queue.splice(this.#queue.indexOf(entry), 1);
      this.#settle(entry, error);
      if (error) this.#tell("onRefused", entry, error);
      else this.#tell("onSaved", entry, reply);
    }
    this.#pumping = false;
    this.#become(this.#ended ? "stopped" : "saved");
    if (this.#ended) this.#tell("onEnd");
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** Delivered it is forgotten; refused it stays for the export, but is not sent again. */
  #settle({ sealed, stored }, error) {
    if (!stored) return;
    const change = error ? this.#store.put({ ...sealed, refused: error.code }) : this.#store.remove(sealed);
    change.catch(() => {}); // then the next load sends it once more
  }

  async #try({ epoch, seq, item, option, client_time }) {
    try {
      const reply = await this.#send({ epoch, seq, item, option, client_time });
      if (reply.seq !== seq || !OUTCOMES.includes(reply.outcome)) throw new ApiError("unreadable", "服务器的回答不完整", 0);
      return { reply };
    } catch (error) {
      return { error };
    }
  }

  #become(state) {
    this.#state = state;
    this.#tell("onChange");
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

function stateOf(error) {
  if (error.asksForLogin) return "login";
  return error.status ? "busy" : "offline";
}
