/** The proctor's corner of the paper: a small self view and one calm line. No fault of it reaches the answers. */

import { pauseAfter, rest } from "./retry.js";
import { steady } from "./steady.js";

const toggle = document.getElementById("self-toggle");
const video = document.getElementById("proctor-self");
const line = document.getElementById("proctor-hint");
const panel = document.getElementById("recheck");
const PASSED_STAYS_MS = 6000;

// Ends of the watching that are news for the paper as well.
const NEWS = ["lease_lost", "attempt_closed"];

/**
 * @param {{attempt: string, epoch: number, csrf: () => string, onLook: () => void}} options
 *   onLook: the server has news of the attempt; ask it
 */
export function watch(options) {
  let proctor = null;
  let stopped = false;
  let state = {};
  toggle.hidden = false;
  line.hidden = false;
  toggle.addEventListener("click", (event) => {
    if (state.camera === "live") show(!toggle.classList.contains("folded"));
    // A tap on the picture itself already makes the proctor try again.
    else if (event.target !== video) proctor?.retry();
  });
  begin();
  return {
    stop() {
      stopped = true;
      proctor?.stop();
      toggle.hidden = true;
      line.hidden = true;
      panel.hidden = true;
    },
    /** After a new login. */
    resume() {
      if (state.closed === "login_required") proctor?.retry();
    },
  };

  function know(now) {
    const news = now.closed !== state.closed && NEWS.includes(now.closed);
    state = now;
    if (news) options.onLook();
  }

  async function begin() {
    for (let failures = 1; !proctor && !stopped; failures += 1) {
      try {
        // A module that failed to load is remembered as failed: ask for it under a new name.
        const { startProctor } = await import(`./proctor.js${failures > 1 ? `?${failures}` : ""}`);
        proctor = await startProctor({ ...options, video, onHint: hint, onState: know, onCheck: recheck });
        if (stopped) proctor.stop();
      } catch (error) {
        console.error(error);
        hint({ kind: "warn", text: "监考画面未能启动，正在重试，答题不受影响" });
        await rest(pauseAfter(failures));
      }
    }
  }
}

function show(folded) {
  toggle.classList.toggle("folded", folded);
  toggle.setAttribute("aria-label", folded ? "展开摄像头画面" : "收起摄像头画面");
}

function hint({ kind, text }) {
  line.dataset.kind = kind;
  line.textContent = text;
  // Cut off where the screen is narrow; see paper.js for a tap on it.
  line.title = text;
}

let asked = null;

/** Below the question, which stays where it is: staff ask to see the face, and the answering goes on. */
function recheck(check) {
  const before = asked;
  asked = check.state;
  switch (check.state) {
    case "open":
      tell(check.ask, check.askHint, check.again ? `刚才那次${check.again}。可以继续答题。` : "工作人员请您配合一下，可以继续答题。");
      break;
    case "waiting":
      tell(null, "请稍候，工作人员正在核对", "请正对屏幕，可以继续答题。");
      break;
    case "refused":
      tell(null, "工作人员未能确认是您本人", `${check.reason ? `说明：${check.reason}。` : ""}可以继续答题，请联系考核机构。`);
      break;
    default:
      if (["open", "waiting"].includes(before)) {
        tell(null, "身份核验通过", "谢谢配合，请继续答题。");
        setTimeout(() => {
          if (asked !== "open") steady(() => { panel.hidden = true; });
        }, PASSED_STAYS_MS);
      }
  }
}

function tell(ask, words, more) {
  steady(() => {
    panel.hidden = false;
    const arrow = panel.querySelector(".recheck-turn");
    arrow.hidden = ask !== "left" && ask !== "right";
    arrow.dataset.ask = ask || "";
    say(panel.querySelector("strong"), words);
    say(panel.querySelector("small"), more);
  });
}

/** Written only when new: a screen reader says it again otherwise. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
