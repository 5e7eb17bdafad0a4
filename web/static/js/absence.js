/** 申请补时: after a long cut the physician may ask the body for the time that it cost. */

import { post } from "./api.js";
import { timeOfDay } from "./clock.js";
import { closeDialog, openDialog } from "./dialog.js";
import { hush, notify, understood } from "./notices.js";

const WORTH_ASKING_MS = 60_000;
const TOPIC = "absence";

const element = (id) => document.getElementById(id);
const dialog = element("time-dialog");
const reason = element("time-reason");

export class Absence {
  #path;
  #began = 0;
  #pending = [];
  #sending = false;

  /** @param {string} path where requests go */
  constructor(path) {
    this.#path = path;
    addEventListener("offline", () => this.begin());
    reason.addEventListener("input", () => this.#count());
    element("time-cancel").addEventListener("click", () => closeDialog(dialog));
    element("time-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#ask();
    });
  }

  /** No answer came. @param {number} at ms since 1970 */
  begin(at = Date.now()) {
    this.#began ||= at;
  }

  /** An answer came. */
  end() {
    if (!this.#began) return;
    const cut = { began: this.#began, ended: Date.now() };
    this.#began = 0;
    if (cut.ended - cut.began <= WORTH_ASKING_MS) return;
    this.#pending.push(cut);
    this.#offer();
  }

  stop() {
    hush(TOPIC);
    closeDialog(dialog);
  }

  #offer() {
    hush(TOPIC);
    const [cut] = this.#pending;
    if (!cut) return;
    const minutes = Math.round((cut.ended - cut.began) / 60_000);
    notify(TOPIC, "info", `网络中断了约${minutes}分钟，现已恢复。如果影响了答题，可以申请补时。`,
      { label: "申请补时", press: () => this.#open() },
      understood(TOPIC, () => this.#next()));
  }

  #next() {
    this.#pending.shift();
    this.#offer();
  }

  #open() {
    const [{ began, ended }] = this.#pending;
    element("time-span").textContent = `中断时间：${timeOfDay(began)} 至 ${timeOfDay(ended)}`;
    this.#say("");
    this.#count();
    openDialog(dialog);
  }

  #count() {
    element("time-count").textContent = `${reason.value.length}/${reason.maxLength}`;
  }

  async #ask() {
    if (this.#sending) return;
    if (!reason.value.trim()) {
      this.#say("请写明原因，例如“医院停电，网络中断”。");
      reason.focus();
      return;
    }
    const [{ began, ended }] = this.#pending;
    this.#sending = true;
    this.#say("正在提交…");
    try {
      await post(this.#path, {
        began_at: new Date(began).toISOString(),
        ended_at: new Date(ended).toISOString(),
        reason: reason.value.trim(),
      });
      reason.value = "";
      closeDialog(dialog);
      notify("time-request", "good", "已提交，考核机构核实后会答复。", understood("time-request"));
      this.#next();
    } catch (error) {
      this.#say(error.passing ? "网络不通，尚未提交，请稍后再试。" : error.message);
    }
    this.#sending = false;
  }

  #say(words) {
    element("time-state").textContent = words;
  }
}
