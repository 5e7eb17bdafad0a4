/**
 * The wire to the proctoring service: frames up, verdicts down, over one WebSocket per attempt.
 *
 *   → {"type":"hello","csrf","purpose","epoch"}          ← {"type":"ready","stream","interval_ms","check"}
 *   → 4 bytes big-endian seq, then a JPEG                ← {"type":"verdict","seq","verdict","hint","admitted",
 *                                                           and how the identity check stands, as "check" says}
 *                                                        ← {"type":"check","state","ask","ask_hint","again",
 *                                                           "tries_left","done","reason"}
 *                                                        ← {"type":"refused","seq","code","message"}
 *                                                        ← {"type":"closed","code","message"}: for good
 *                                                        ← {"type":"look"}: ask the server how things are
 *
 * The wire stores nothing: a frame that cannot leave now is dropped, because a late picture is worth
 * less than the next one, and the answers of the paper share the line.
 */

const OPEN_PATIENCE_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15_000;
const BUFFER_LIMIT = 16 * 1024;
const FRAME_LIMIT = 64 * 1024;
const HEADER_BYTES = 4;
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

  /**
   * @param {{path: string, purpose: "check"|"paper"|"takeover"|"rehearsal", epoch: number, csrf: string|(() => string),
   *   onReady?: (ready: {stream: string, interval: number}) => void,
   *   onVerdict?: (verdict: {seq: number, verdict: string, hint: string, admitted: boolean,
   *     check: Standing}) => void,
   *   onCheck?: (check: Standing) => void,
   *   onRefused?: (refusal: {seq: number, code: string, message: string}) => void,
   *   onClosed?: (end: {code: string, message: string}) => void,
   *   onLook?: () => void,
   *   onState?: (state: "offline"|"connecting"|"online") => void}} options
   * Standing: {state: "open"|"waiting"|"passed"|"accepted"|"refused"|"expired"|null, triesLeft: number|null,
   *   ask: "front"|"left"|"right"|null, askHint: string, again: string, done: number, reason: string}
   * csrf may be a function, so that a reconnection after a new login carries the new token.
   */
  constructor({ path, purpose, epoch, csrf, ...callbacks }) {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    this.#url = `${scheme}//${location.host}${path}`;
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
   * @returns {Promise<number>} the frame's seq, or 0 when it was dropped
   */
  async send(jpeg) {
    const socket = this.#socket;
    if (!this.#canSend(socket) || jpeg.size > FRAME_LIMIT) return 0;
    const bytes = new Uint8Array(await jpeg.arrayBuffer());
    // Asked again: reading the blob took a moment, in which the connection may have become another one.
    if (socket !== this.#socket || !this.#canSend(socket)) return 0;
    this.#seq += 1;
    const message = new Uint8Array(HEADER_BYTES + bytes.length);
    new DataView(message.buffer).setUint32(0, this.#seq);
    message.set(bytes, HEADER_BYTES);
    socket.send(message);
    this.#expectAnswer();
    return this.#seq;
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
        this.#interval = clamp(Number(message.interval_ms) || 10_000, 200, 120_000);
        this.#silenceLimit = Math.max(this.#silenceLimit, 3 * this.#interval, SILENCE_FLOOR_MS);
        this.#setState("online");
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
      case "look":
        this.#tell("onLook");
        break;
      case "closed":
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

  #lose(socket) {
    if (!this.#wanted || socket !== this.#socket) return;
    this.#drop();
    this.#setState("offline");
    this.#failures += 1;
    // Anywhere between the floor and the ceiling: thousands lose a restarted server in the same moment.
    const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures, 10));
    const pause = FIRST_PAUSE_MS + Math.random() * (ceiling - FIRST_PAUSE_MS);
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

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
