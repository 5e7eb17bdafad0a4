/** One question on the screen: its stem, its options as radio buttons, and what became of a choice. */

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
