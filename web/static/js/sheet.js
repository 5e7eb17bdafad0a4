/** The questions of a paper or a practice set: which one is shown, 标注, 放大, 答题卡, keyboard and swipes. */

import { AnswerCard } from "./card.js";
import { ItemView } from "./items.js";
import { recall, remember } from "./memory.js";

const ZOOMS = [100, 125, 150, 200];
const SWIPE_PX = 60;
const SWIPE_MS = 700;
// There the system's own gesture goes back.
const EDGE_PX = 28;
// Single keys can be switched off (WCAG 2.1.4); the switch is shown wherever this matches.
const hasKeyboard = matchMedia("(hover: hover)");

const element = (id) => document.getElementById(id);

export class Sheet {
  #items;
  #answers;
  #index = 0;
  #marked;
  #memory;
  #set;
  #card;
  #onShow;

  /**
   * @param {{items: {id: string, stem: string, image?: object, options: {id: string, text: string}[]}[],
   *   answers: Map<string, string>, memory: string, set: string,
   *   onChoose: (item, option: string) => void, onShow?: (item) => void}} options
   *   memory names the place in localStorage; what lies there of another set is ignored
   */
  constructor({ items, answers, memory, set, onChoose, onShow = () => {} }) {
    this.#items = items;
    this.#answers = answers;
    this.#memory = memory;
    this.#set = set;
    this.#onShow = onShow;
    this.#marked = new Set(this.#known().marked);
    this.view = new ItemView((option) => {
      this.answer(this.current.id, option);
      onChoose(this.current, option);
    });
    this.#card = new AnswerCard(items.length, (index) => this.show(index));
    items.forEach((item, index) => this.#card.update(index, { answered: answers.has(item.id), marked: this.#marked.has(item.id) }));
    this.#wire();
  }

  /** Shows the question that was last looked at here, else the first one without an answer. */
  open() {
    element("loading").hidden = true;
    element("item").hidden = false;
    element("bar").hidden = false;
    const open = Math.max(0, this.#items.findIndex((item) => !this.#answers.has(item.id)));
    this.show(Math.min(this.#known().place ?? open, this.#items.length - 1));
  }

  get current() {
    return this.#items[this.#index];
  }

  get unanswered() {
    return this.#items.filter((item) => !this.#answers.has(item.id)).length;
  }

  /** What is recorded for an item; undefined where nothing is. */
  answerTo(itemId) {
    return this.#answers.get(itemId);
  }

  number(itemId) {
    return this.#items.findIndex((item) => item.id === itemId) + 1;
  }

  /** Records a choice; undefined takes it back. */
  answer(itemId, option) {
    if (option === undefined) this.#answers.delete(itemId);
    else this.#answers.set(itemId, option);
    this.#card.update(this.number(itemId) - 1, { answered: option !== undefined });
  }

  /** The question again, as it is recorded now. */
  redraw() {
    this.view.show(this.current, this.#answers.get(this.current.id));
  }

  show(index) {
    if (index < 0 || index >= this.#items.length) return;
    this.#card.update(this.#index, { current: false });
    this.#index = index;
    this.#card.update(index, { current: true });
    this.redraw();
    element("position").textContent = `${index + 1}/${this.#items.length}`;
    element("item-number").textContent = `第${index + 1}题`;
    element("previous").disabled = index === 0;
    element("next").disabled = index === this.#items.length - 1;
    this.#showMark();
    this.#keep();
    this.#onShow(this.current);
    scrollTo(0, 0);
    // A screen reader goes on reading at the new question.
    element("item-number").focus({ preventScroll: true });
  }

  #known() {
    const kept = recall(this.#memory);
    return kept && kept.set === this.#set ? kept : { marked: [] };
  }

  #wire() {
    element("previous").addEventListener("click", () => this.show(this.#index - 1));
    element("next").addEventListener("click", () => this.show(this.#index + 1));
    element("mark").addEventListener("click", () => this.#toggleMark());
    element("zoom").addEventListener("click", () => this.#zoom(ZOOMS[(ZOOMS.indexOf(recall("zoom")) + 1) % ZOOMS.length]));
    element("open-card").addEventListener("click", () => this.#card.open());
    this.#zoom(ZOOMS.includes(recall("zoom")) ? recall("zoom") : ZOOMS[0]);
    const shortcuts = element("shortcuts");
    shortcuts.checked = recall("shortcuts") !== false;
    shortcuts.addEventListener("change", () => remember("shortcuts", shortcuts.checked));
    document.addEventListener("keydown", (event) => this.#key(event));
    onSwipe(element("item"), { left: () => this.show(this.#index + 1), right: () => this.show(this.#index - 1) });
  }

  #zoom(percent) {
    remember("zoom", percent);
    element("item").dataset.zoom = percent;
    element("zoom-state").textContent = `${percent}%`;
  }

  #toggleMark() {
    const { id } = this.current;
    if (!this.#marked.delete(id)) this.#marked.add(id);
    this.#card.update(this.#index, { marked: this.#marked.has(id) });
    this.#showMark();
    this.#keep();
  }

  #showMark() {
    const marked = this.#marked.has(this.current.id);
    element("mark").setAttribute("aria-pressed", marked);
    element("marked").hidden = !marked;
  }

  #keep() {
    remember(this.#memory, { set: this.#set, marked: [...this.#marked], place: this.#index });
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (!hasKeyboard.matches || !element("shortcuts").checked) return;
    if (this.#act(event.code)) event.preventDefault();
  }

  /** By place on the keyboard, so that a Chinese input method does not swallow the letters. */
  #act(code) {
    const choice = /^Key([A-H])$/.exec(code);
    if (choice) return this.view.press(choice[1].charCodeAt(0) - 65);
    if (code === "ArrowLeft") this.show(this.#index - 1);
    else if (code === "ArrowRight") this.show(this.#index + 1);
    else if (code === "KeyM") this.#toggleMark();
    else if (code === "Slash") this.#card.open();
    else return false;
    return true;
  }
}

/**
 * A finger drawn across the question turns the page; everything else a finger does stays what it was.
 * @param {{left: () => void, right: () => void}} callbacks where the finger went
 */
function onSwipe(element, { left, right }) {
  let start = null;
  element.addEventListener("touchstart", (event) => {
    const [touch] = event.touches;
    const inside = touch.clientX > EDGE_PX && touch.clientX < innerWidth - EDGE_PX;
    start = event.touches.length === 1 && inside ? { x: touch.clientX, y: touch.clientY, at: event.timeStamp } : null;
  }, { passive: true });
  element.addEventListener("touchcancel", () => {
    start = null;
  });
  element.addEventListener("touchend", (event) => {
    if (!start || event.touches.length) return;
    const [touch] = event.changedTouches;
    const across = touch.clientX - start.x;
    const down = touch.clientY - start.y;
    const meant = Math.abs(across) > SWIPE_PX && Math.abs(across) > 2 * Math.abs(down) && event.timeStamp - start.at < SWIPE_MS;
    start = null;
    if (!meant || isZoomed() || !getSelection().isCollapsed) return;
    if (across < 0) left();
    else right();
  });
}

/** Two fingers have enlarged the page: now one moves it about. */
function isZoomed() {
  return window.visualViewport ? visualViewport.scale > 1.05 : false;
}
