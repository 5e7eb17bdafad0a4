/** Answers kept in this browser: sealed, and in IndexedDB. */

const NAME = "exam-outbox";
const ENTRIES = "entries";
const PATIENCE_MS = 2000;
const SILENT = new Error("the store does not answer");
const IV_BYTES = 12;

/** AES-256-GCM. The key is in memory only and can't be read out again. */
export class Cipher {
  #key;

  constructor(key) {
    this.#key = key;
  }

  /** @returns {Promise<Cipher|null>} null where the browser has no cryptography (no secure context) */
  static async of(base64) {
    try {
      return new Cipher(await crypto.subtle.importKey("raw", fromBase64(base64), "AES-GCM", false, ["encrypt", "decrypt"]));
    } catch {
      return null;
    }
  }

  /** @param {string} context bound to the content: what was sealed for another doesn't open */
  async seal(content, context) {
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const plain = new TextEncoder().encode(JSON.stringify(content));
    const data = await crypto.subtle.encrypt(parameters(iv, context), this.#key, plain);
    return { iv, data: new Uint8Array(data) };
  }

  async open({ iv, data }, context) {
    const plain = await crypto.subtle.decrypt(parameters(iv, context), this.#key, data);
    return JSON.parse(new TextDecoder().decode(plain));
  }
}

function parameters(iv, context) {
  return { name: "AES-GCM", iv, additionalData: new TextEncoder().encode(context) };
}

function fromBase64(text) {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}

function toBase64(bytes) {
  return btoa(String.fromCharCode(...bytes));
}

/**
 * Sealed answers as a file: the staff carries it to the server where no network does.
 * @param {{epoch: number, seq: number, iv: Uint8Array, data: Uint8Array}[]} records
 */
export function download(attempt, records) {
  const entries = records.map(({ epoch, seq, iv, data }) => ({ epoch, seq, iv: toBase64(iv), data: toBase64(data) }));
  const content = JSON.stringify({ format: "exam-outbox-1", attempt, entries });
  if (/MicroMessenger/.test(navigator.userAgent)) {
    copy(content);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: "application/json" }));
  link.download = `answers-${attempt}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** WeChat's browser downloads nothing, and another browser doesn't have the answers. */
async function copy(content) {
  try {
    await navigator.clipboard.writeText(content);
    alert("已复制未上传的答案（已加密）。请在微信中粘贴并发送给考核机构。");
  } catch {
    prompt("请全选并复制以下内容，发送给考核机构：", content);
  }
}

/**
 * Records {attempt, epoch, seq, iv, data, at, refused?}. Every method may fail, in a private window or on a
 * full disk; none waits for ever.
 */
export class EntryStore {
  #opening = null;

  put(record) {
    return this.#use("readwrite", (entries) => entries.put(record));
  }

  remove({ attempt, epoch, seq }) {
    return this.#use("readwrite", (entries) => entries.delete([attempt, epoch, seq]));
  }

  /** What lies here of an attempt, the oldest first. */
  of(attempt) {
    return this.#use("readonly", (entries) => entries.getAll(IDBKeyRange.bound([attempt], [attempt, []])));
  }

  /** Forgets what other attempts left before that moment (ms since 1970). */
  forget(moment, attempt) {
    return this.#use("readwrite", (entries) => {
      const request = entries.index("at").openCursor(IDBKeyRange.upperBound(moment));
      request.addEventListener("success", () => {
        const cursor = request.result;
        if (!cursor) return;
        if (cursor.value.attempt !== attempt) cursor.delete();
        cursor.continue();
      });
      return request;
    });
  }

  /** Once more with a new connection: Safari drops the one of a page that was in the background. */
  async #use(mode, work) {
    try {
      return await this.#transact(mode, work);
    } catch (error) {
      this.#opening = null;
      if (error === SILENT) throw error;
      return this.#transact(mode, work);
    }
  }

  async #transact(mode, work) {
    this.#opening ||= open();
    const database = await this.#opening;
    return patiently((resolve, reject) => {
      // Strict: the entry is on the disk, not only on its way there.
      const transaction = database.transaction(ENTRIES, mode, { durability: "strict" });
      const request = work(transaction.objectStore(ENTRIES));
      transaction.addEventListener("complete", () => resolve(request.result));
      transaction.addEventListener("abort", () => reject(transaction.error));
    });
  }
}

function open() {
  return patiently((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.addEventListener("upgradeneeded", () => {
      const entries = request.result.createObjectStore(ENTRIES, { keyPath: ["attempt", "epoch", "seq"] });
      entries.createIndex("at", "at");
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });
}

function patiently(executor) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(SILENT), PATIENCE_MS);
    executor(resolve, reject);
  });
}
