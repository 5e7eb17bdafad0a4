/** One question on the screen: its stem and picture, its options as radio buttons, and what became of a choice. */

import { closeDialog, closesOutside, openDialog } from "./dialog.js";

const figure = document.getElementById("figure");
const enlarged = document.getElementById("figure-dialog");
const small = figure.querySelector("img");
const large = enlarged.querySelector("img");

const VERDICTS = { right: "对", wrong: "错", key: "正确答案" };

export class ItemView {
  #fieldset = document.getElementById("options");
  #stem = document.getElementById("stem");
  #list = document.getElementById("option-list");

  /** @param {(option: string) => void} onChoose */
  constructor(onChoose) {
    this.#list.addEventListener("change", (event) => onChoose(event.target.value));
  }

  show(item, chosen) {
    this.#stem.textContent = item.stem;
    showFigure(item.image);
    this.#list.replaceChildren(...item.options.flatMap((option, index) => optionElements(option, index, option.id === chosen)));
  }

  /** The option a key of the keyboard stands for; false when there is none or it may not be chosen. */
  press(index) {
    const radio = this.#list.querySelectorAll("input")[index];
    if (!radio || this.#fieldset.disabled) return false;
    radio.focus();
    radio.click();
    return true;
  }

  lock(locked) {
    this.#fieldset.disabled = locked;
  }

  /** @param {"right"|"wrong"|"key"} verdict */
  judge(option, verdict) {
    const label = this.#list.querySelector(`label[for="option-${CSS.escape(option)}"]`);
    label.dataset.verdict = verdict;
    label.querySelector(".verdict").textContent = VERDICTS[verdict];
  }

  clearVerdicts() {
    for (const label of this.#list.querySelectorAll("[data-verdict]")) {
      delete label.dataset.verdict;
      label.querySelector(".verdict").textContent = "";
    }
  }
}

export function letter(index) {
  return String.fromCharCode(65 + index);
}

function optionElements(option, index, chosen) {
  const radio = document.createElement("input");
  radio.type = "radio";
  radio.name = "option";
  radio.className = "visually-hidden";
  radio.id = `option-${option.id}`;
  radio.value = option.id;
  radio.checked = chosen;
  const label = document.createElement("label");
  label.className = "option";
  label.htmlFor = radio.id;
  label.append(span("letter", letter(index)), span("option-text", option.text), span("verdict", ""));
  return [radio, label];
}

function span(className, text) {
  const element = document.createElement("span");
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {{src: string, width: number, height: number, alt?: string}} [image] none: the question has no picture */
function showFigure(image) {
  figure.hidden = !image;
  closeDialog(enlarged);
  if (!image) {
    small.removeAttribute("src");
    large.removeAttribute("src");
    return;
  }
  const alt = image.alt || "本题配图";
  for (const picture of [small, large]) Object.assign(picture, { src: image.src, width: image.width, height: image.height, alt });
}

// A tap shows the picture as large as it is.
figure.addEventListener("click", () => openDialog(enlarged));
document.getElementById("figure-close").addEventListener("click", () => closeDialog(enlarged));
closesOutside(enlarged);
