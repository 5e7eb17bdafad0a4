/**
 * The wire to the proctoring service: frames up, verdicts down, over one WebSocket per attempt.
 *
 *   → {"type":"hello","csrf","purpose","epoch"}     ← {"type":"ready","stream","nonce","interval_ms","check"}
 *   → seq, age in ms (4 bytes each, big-endian),    ← {"type":"verdict","seq","verdict","hint","admitted",…}
 *     the first 16 bytes of the SHA-256 of          ← {"type":"refused","seq","code","message"}
 *     nonce, seq, age and JPEG; then the JPEG       ← {"type":"closed","code","message","wait_ms"?}: for good,
 *                                                        or for wait_ms
 *                                                   ← {"type":"pace","interval_ms"}: from now on
 *                                                   ← {"type":"snap"}: a frame now, please
 *                                                   ← {"type":"look"}: ask the server how things are
 *                                                   ← {"type":"check","state","ask","ask_hint","again",
 *                                                      "tries_left","done","reason"}: how the identity check
 *                                                      stands; "verdict" and the check of "ready" say it too
 *
 * A frame that cannot leave now is dropped, because a late picture is worth less than the next one, and the
 * answers of the paper share the line. But for a paper whose connection is cut the newest few are kept, in
 * memory only, and sent with their age once it is back.
 */

const OPEN_PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
const BUFFER_LIMIT = 16 * 1024;
const FRAME_LIMIT = 64 * 1024;
const NUMBER_BYTES = 8;
const TAG_BYTES = 16;
const HEADER_BYTES = NUMBER_BYTES + TAG_BYTES;
const FRAMES_KEPT = 3;
const KEPT_MS = 110_000;
const DRAIN_LOOK_MS = 100;
// A phone that changed networks keeps a dead socket open for minutes; only silence gives it away.
const SILENCE_FLOOR_MS = 20_000;
const SILENCE_CEILING_MS = 300_000;

export class FrameStream {
  #url;
  #hello;
  #callbacks;
  #socket = null;
  #state = "offline";
  #interval = 0;
  #seq = 0;
  #failures = 0;
  #wanted = false;
  #timer = 0;
  #silenceLimit = 0;
  #silenceTimer = 0;
  #listeners = null;
  #nonce = null;
  #keeps = false;
  #kept = [];
  #turn = Promise.resolve();

  /**
   * @param {{attempt: string, purpose: "check"|"paper"|"takeover"|"rehearsal", epoch: number, csrf: string|(() => string),
   *   onReady?: (ready: {stream: string, interval: number}) => void,
   *   onVerdict?: (verdict: {seq: number, verdict: string, hint: string, admitted: boolean,
   *     check: Standing}) => void,
   *   onCheck?: (check: Standing) => void,
   *   onRefused?: (refusal: {seq: number, code: string, message: string}) => void,
   *   onClosed?: (end: {code: string, message: string}) => void,
   *   onPace?: (interval: number) => void,
   *   onSnap?: () => void,
   *   onLook?: () => void,
   *   onState?: (state: "offline"|"connecting"|"online") => void}} options
   * Standing: {state: "open"|"waiting"|"passed"|"accepted"|"refused"|"expired"|null, triesLeft: number|null,
   *   ask: "front"|"left"|"right"|null, askHint: string, again: string, done: number, reason: string}
   * csrf may be a function, so that a reconnection after a new login carries the new token.
   */
  constructor({ attempt, purpose, epoch, csrf, ...callbacks }) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const path = purpose === "rehearsal" ? "/rehearsal/stream" : `/attempts/${encodeURIComponent(attempt)}/stream`;
    this.#url = `${scheme}//${location.host}${path}`;
    this.#keeps = purpose === "paper";
    this.#hello = () => JSON.stringify({ type: "hello", csrf: typeof csrf === "function" ? csrf() : csrf, purpose, epoch });
    this.#callbacks = callbacks;
  }

  get state() {
    return this.#state;
  }

  connect() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#failures = 0;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    window.addEventListener("online", () => this.#hurry(), { signal });
    window.addEventListener("offline", () => this.#lose(this.#socket), { signal });
    // A page taken back out of the browser's cache comes with a socket that is long dead.
    window.addEventListener("pageshow", (event) => event.persisted && this.#hurry(), { signal });
    this.#dial();
  }

  close() {
    this.#wanted = false;
    if (this.#listeners) this.#listeners.abort();
    this.#listeners = null;
    this.#drop();
    this.#setState("offline");
  }

  /**
   * @param {Blob} jpeg
   * @returns {Promise<number>} the frame's seq, or 0 when it was dropped or kept
   */
  async send(jpeg) {
    if (jpeg.size > FRAME_LIMIT) return 0;
    const bytes = new Uint8Array(await jpeg.arrayBuffer());
    if (this.#state !== "online") {
      this.#keep(bytes);
      return 0;
    }
    return this.#inTurn(() => this.#sendBytes(bytes, 0));
  }

  /** One after the other: a digest that is ready sooner must not overtake the frame before it. */
  #inTurn(work) {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => 0);
    return result;
  }

  #keep(bytes) {
    if (!this.#keeps || !this.#wanted) return;
    this.#kept.push({ bytes, at: performance.now() });
    if (this.#kept.length > FRAMES_KEPT) this.#kept.shift();
  }

  async #sendKept(socket) {
    while (this.#kept.length && socket === this.#socket) {
      if (this.#canSend(socket)) {
        const { bytes, at } = this.#kept.shift();
        const age = Math.max(1, Math.round(performance.now() - at));
        if (age <= KEPT_MS) await this.#sendBytes(bytes, age);
      } else {
        await new Promise((resolve) => { setTimeout(resolve, DRAIN_LOOK_MS); });
      }
    }
    return 0;
  }

  async #sendBytes(bytes, age) {
    const socket = this.#socket;
    if (!this.#canSend(socket)) return 0;
    this.#seq += 1;
    const seq = this.#seq;
    const numbers = new Uint8Array(NUMBER_BYTES);
    const view = new DataView(numbers.buffer);
    view.setUint32(0, seq);
    view.setUint32(4, age);
    const digest = await crypto.subtle.digest("SHA-256", joined(this.#nonce, numbers, bytes));
    // Asked again: the digest took a moment, in which the connection may have become another one.
    if (socket !== this.#socket || !this.#canSend(socket)) return 0;
    socket.send(joined(numbers, new Uint8Array(digest, 0, TAG_BYTES), bytes));
    this.#expectAnswer();
    return seq;
  }

  #canSend(socket) {
    return socket !== null && this.#state === "online" && socket.readyState === WebSocket.OPEN
      && socket.bufferedAmount <= BUFFER_LIMIT;
  }

  #dial() {
    clearTimeout(this.#timer);
    this.#setState("connecting");
    let socket;
    try {
      socket = new WebSocket(this.#url);
    } catch (error) {
      console.error(error);
      this.#lose(null);
      return;
    }
    this.#socket = socket;
    this.#seq = 0;
    // Until "ready": covers a network that swallows the handshake and a server that never answers.
    this.#timer = setTimeout(() => this.#lose(socket), OPEN_PATIENCE_MS);
    socket.addEventListener("open", () => socket.send(this.#hello()));
    socket.addEventListener("message", (event) => this.#read(socket, event.data));
    socket.addEventListener("close", () => this.#lose(socket));
  }

  #read(socket, data) {
    if (socket !== this.#socket || typeof data !== "string") return;
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    this.#heard();
    switch (message && message.type) {
      case "ready":
        clearTimeout(this.#timer);
        this.#nonce = fromHex(message.nonce);
        this.#setInterval(message.interval_ms);
        this.#setState("online");
        this.#inTurn(() => this.#sendKept(socket));
        this.#tell("onReady", { stream: message.stream, interval: this.#interval });
        this.#tell("onCheck", standing(message.check || {}));
        break;
      case "verdict":
        this.#trust();
        this.#tell("onVerdict", {
          seq: message.seq,
          verdict: message.verdict,
          hint: message.hint || "",
          admitted: message.admitted === true,
          check: standing(message),
        });
        break;
      case "check":
        this.#tell("onCheck", standing(message));
        break;
      case "refused":
        this.#trust();
        this.#tell("onRefused", { seq: message.seq, code: message.code, message: message.message || "" });
        break;
      case "pace":
        this.#setInterval(message.interval_ms);
        this.#tell("onPace", this.#interval);
        break;
      case "snap":
        this.#tell("onSnap");
        break;
      case "look":
        this.#tell("onLook");
        break;
      case "closed":
        if (message.wait_ms > 0) {
          this.#lose(socket, Number(message.wait_ms));
          break;
        }
        this.close();
        this.#tell("onClosed", { code: message.code, message: message.message || "" });
        break;
      default: // a newer server may say more than this page knows
    }
  }

  /**
   * An answer to a frame proves the line. A mere "ready" does not: a server that drops us right after it
   * would be dialled without pause.
   */
  #trust() {
    this.#failures = 0;
    this.#silenceLimit = Math.max(3 * this.#interval, SILENCE_FLOOR_MS);
  }

  #setInterval(milliseconds) {
    this.#interval = clamp(Number(milliseconds) || 10_000, 200, 120_000);
    this.#silenceLimit = Math.max(this.#silenceLimit, 3 * this.#interval, SILENCE_FLOOR_MS);
  }

  #heard() {
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = 0;
  }

  #expectAnswer() {
    if (this.#silenceTimer) return;
    const socket = this.#socket;
    this.#silenceTimer = setTimeout(() => {
      // Should it be the server that is silent and not the line, ever fewer redials are the kindest.
      this.#silenceLimit = Math.min(2 * this.#silenceLimit, SILENCE_CEILING_MS);
      this.#lose(socket);
    }, this.#silenceLimit);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#heard();
    const socket = this.#socket;
    this.#socket = null;
    if (socket) socket.close();
  }

  #lose(socket, least = FIRST_PAUSE_MS) {
    if (!this.#wanted || socket !== this.#socket) return;
    this.#drop();
    this.#setState("offline");
    this.#failures += 1;
    // Anywhere between the floor and the ceiling: thousands lose a restarted server in the same moment.
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    const pause = least + Math.random() * (ceiling - FIRST_PAUSE_MS);
    this.#timer = setTimeout(() => this.#dial(), pause);
  }

  /** The browser knows that the network is back: no need to sit out the pause. */
  #hurry() {
    if (this.#wanted && this.#state !== "online") {
      this.#drop();
      this.#failures = 0;
      this.#timer = setTimeout(() => this.#dial(), Math.random() * FIRST_PAUSE_MS);
    }
  }

  #setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#tell("onState", state);
  }

  #tell(name, value) {
    const callback = this.#callbacks[name];
    if (!callback) return;
    try {
      callback(value);
    } catch (error) {
      console.error(error); // a fault in a page's callback must not cost the connection
    }
  }
}

function standing(message) {
  return {
    state: message.state || null,
    ask: message.ask || null,
    askHint: message.ask_hint || "",
    again: message.again || "",
    triesLeft: message.tries_left ?? null,
    done: message.done || 0,
    reason: message.reason || "",
  };
}

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function fromHex(text) {
  return Uint8Array.from(String(text).match(/../g) || [], (byte) => parseInt(byte, 16));
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
