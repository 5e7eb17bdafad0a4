/** 答题卡: a cell for every question. Beside the question on a wide screen, a sheet from below on a phone. */

import { closeDialog, closesOutside, openDialog } from "./dialog.js";

const wide = matchMedia("(min-width: 64rem)");

export class AnswerCard {
  #panel = document.getElementById("card");
  #dialog = document.getElementById("card-dialog");
  #cells;
  #states;

  /** @param {(index: number) => void} onJump */
  constructor(count, onJump) {
    this.#states = Array.from({ length: count }, () => ({ answered: false, marked: false, current: false }));
    this.#cells = this.#states.map((_, index) => {
      const cell = document.createElement("button");
      cell.type = "button";
      cell.className = "cell";
      cell.textContent = index + 1;
      cell.addEventListener("click", () => {
        closeDialog(this.#dialog);
        onJump(index);
      });
      return cell;
    });
    document.getElementById("card-grid").replaceChildren(...this.#cells);
    document.getElementById("card-close").addEventListener("click", () => closeDialog(this.#dialog));
    closesOutside(this.#dialog);
    this.#settle();
    wide.addEventListener("change", () => this.#settle());
  }

  /** @param {{answered?: boolean, marked?: boolean, current?: boolean}} change */
  update(index, change) {
    const state = Object.assign(this.#states[index], change);
    const cell = this.#cells[index];
    cell.classList.toggle("answered", state.answered);
    cell.classList.toggle("marked", state.marked);
    if (state.current) cell.setAttribute("aria-current", "true");
    else cell.removeAttribute("aria-current");
    const words = [`第${index + 1}题`, state.answered ? "已答" : "未答"];
    if (state.marked) words.push("已标注");
    cell.setAttribute("aria-label", words.join("，"));
    this.#count();
  }

  open() {
    if (!wide.matches) openDialog(this.#dialog);
    this.#cells.find((_, index) => this.#states[index].current).focus();
  }

  #count() {
    const answered = this.#states.filter((state) => state.answered).length;
    document.getElementById("count-answered").textContent = answered;
    document.getElementById("count-open").textContent = this.#states.length - answered;
    document.getElementById("count-marked").textContent = this.#states.filter((state) => state.marked).length;
  }

  #settle() {
    closeDialog(this.#dialog);
    document.getElementById(wide.matches ? "card-side" : "card-dialog").append(this.#panel);
  }
}
