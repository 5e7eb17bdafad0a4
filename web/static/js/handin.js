/** 交卷: asked once more, then carried out as soon as every answer has arrived, however long that takes. */

import { post } from "./api.js";
import { closeDialog, openDialog } from "./dialog.js";
import { hush, notify } from "./notices.js";
import { pauseAfter, rest } from "./retry.js";
import { download } from "./store.js";

const EXPORT_AFTER_MS = 20_000;
const FINAL = ["attempt_closed", "lease_lost", "not_running"];

const element = (id) => document.getElementById(id);
const dialog = element("hand-in-dialog");

export class HandIn {
  #attempt;
  #path;
  #epoch;
  #outbox;
  #question;
  #onDone;
  #onRefused;
  // The press that is being carried out; 继续答题 takes it back.
  #press = null;

  /**
   * @param {{attempt: string, path: string, epoch: number, outbox: Outbox, question: () => string,
   *   onDone: (resultUrl: string) => void, onRefused: (error) => void}} options
   */
  constructor({ attempt, path, epoch, outbox, question, onDone, onRefused }) {
    this.#attempt = attempt;
    this.#path = path;
    this.#epoch = epoch;
    this.#outbox = outbox;
    this.#question = question;
    this.#onDone = onDone;
    this.#onRefused = onRefused;
    const button = element("hand-in");
    button.hidden = false;
    button.addEventListener("click", () => this.#open());
    element("keep-going").addEventListener("click", () => closeDialog(dialog));
    element("hand-in-now").addEventListener("click", () => this.#start());
    element("hand-in-export").addEventListener("click", async () => download(attempt, await outbox.sealed()));
    dialog.addEventListener("close", () => {
      this.#press = null;
    });
  }

  /** @param {boolean} possible */
  allow(possible) {
    element("hand-in").disabled = !possible;
    if (!possible) closeDialog(dialog);
  }

  /** While it waits for the outbox: why. */
  update() {
    if (!this.#press || !this.#outbox.unsent) return;
    const { state, unsent } = this.#outbox;
    this.#say({
      login: `登录已失效，还有${unsent}个答案没有上传。重新登录后自动上传并交卷。`,
      offline: `网络中断，还有${unsent}个答案没有上传，正在重试。上传后自动交卷。`,
      busy: `服务器繁忙，还有${unsent}个答案没有上传，正在重试。上传后自动交卷。`,
    }[state] || "正在上传最后的答案…", state === "login");
  }

  #open() {
    element("hand-in-question").textContent = this.#question();
    this.#say("");
    element("hand-in-export").hidden = true;
    element("hand-in-now").disabled = false;
    openDialog(dialog);
  }

  async #start() {
    const mine = Symbol("press");
    this.#press = mine;
    element("hand-in-now").disabled = true;
    this.update();
    setTimeout(() => this.#press === mine && this.#offerExport(), EXPORT_AFTER_MS);
    await this.#outbox.drained();
    element("hand-in-export").hidden = true;
    for (let failures = 1; this.#press === mine; failures += 1) {
      this.#say("正在交卷…");
      try {
        const reply = await post(this.#path, { epoch: this.#epoch });
        this.#onDone(reply.result_url);
        return;
      } catch (error) {
        if (FINAL.includes(error.code)) {
          this.#say(error.message);
          this.#onRefused(error);
          return;
        }
        this.#explain(error);
        await rest(Math.max(error.retryAfter || 0, pauseAfter(failures)));
      }
    }
  }

  async #offerExport() {
    const entries = await this.#outbox.sealed();
    element("hand-in-export").hidden = !this.#outbox.unsent || !entries.length;
  }

  #explain(error) {
    if (error.asksForLogin) this.#say("登录已失效，尚未交卷。重新登录后自动交卷。", true);
    else this.#say(error.status ? "服务器繁忙，尚未交卷，正在重试…" : "网络中断，尚未交卷，正在重试…");
  }

  #say(words, login = false) {
    element("hand-in-state").textContent = words;
    element("hand-in-login").hidden = !login;
  }
}

/**
 * Offers what is unsent as a file, for as long as there is something.
 * @param {...object} actions besides the export
 */
export async function offerExport(attempt, outbox, ...actions) {
  const entries = await outbox.sealed();
  if (!outbox.unsent || !entries.length) return;
  notify("export", "bad", `还有${outbox.unsent}个答案没有上传。请不要关闭页面；也可以导出后交给考核机构核查（文件已加密）。`, {
    label: "导出未上传的答案",
    press: async () => download(attempt, await outbox.sealed()),
  }, ...actions);
  await outbox.drained();
  if (!outbox.unsent) hush("export");
}
