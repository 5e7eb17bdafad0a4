/**
 * The camera: open it, take pictures from it, and notice when it stops telling the truth.
 *
 * Whatever goes wrong ends in one fault out of a closed list, each with words that tell a physician
 * what to do next. The module heals itself on events (a device plugged in, a permission given, the page
 * shown again); trying again by the clock is left to whoever uses it, because only they know whether
 * asking again would disturb.
 */

const MAX_WIDTH = 640;
const MAX_HEIGHT = 480;
// The server refuses 64 KB; staying below leaves room for the frame's header.
const MAX_BYTES = 60 * 1024;
const QUALITIES = [0.8, 0.7, 0.6, 0.5, 0.4, 0.3];

// Every limit below 10 s: a physician is told of a fault within that time.
const ASK_PATIENCE_MS = 5000;
const PICTURE_PATIENCE_MS = 6000;
const MUTE_PATIENCE_MS = 3000;
const DARK_MS = 3000;
const FROZEN_MS = 5000;
const LOOK_MS = 1000;
const FIRST_LOOK_MS = 250;

// A covered lens is not exactly black (noise, light through a finger), a face lit by a screen at night
// is not bright: the mean and the bright end are both asked.
const DARK_MEAN = 16;
const DARK_BRIGHT_END = 48;
const SIGNATURE_WIDTH = 32;
const SIGNATURE_HEIGHT = 24;
// Beyond what browsers put in so that a canvas tells less of the device: that is one or two levels of brightness.
const SCRAMBLED_MEAN = 16;

const WANTED = {
  audio: false,
  video: { facingMode: "user", width: { ideal: MAX_WIDTH }, height: { ideal: MAX_HEIGHT } },
};
const WHATEVER_THERE_IS = { audio: false, video: true };

/** Which settings page a person has to look for; only wording depends on it. */
function surroundings() {
  const agent = navigator.userAgent;
  // An iPad introduces itself as a Mac; no Mac has a touch screen.
  const apple = /iPhone|iPad|iPod/.test(agent) || (/Macintosh/.test(agent) && navigator.maxTouchPoints > 1);
  const android = /Android/.test(agent);
  if (/MicroMessenger/i.test(agent)) {
    return apple ? "wechat-ios" : android ? "wechat-android" : "wechat-pc";
  }
  // Pages inside other apps; Android says so of every one ("; wv").
  if (/DingTalk|AlipayClient|Lark|Feishu|Weibo|aweme|\bQQ\/|; wv\)/.test(agent) && (apple || android)) return "app";
  if (apple) return "ios";
  if (android) return "android";
  return /Macintosh/.test(agent) ? "mac" : "pc";
}

const OPEN_ELSEWHERE = "仍然不行时，点右上角“…”，选择“在浏览器打开”，重新登录后继续。";

const HOW_TO_ALLOW = {
  "wechat-ios": [
    "打开手机“设置”→“微信”，打开“相机”开关。",
    "回到本页点“重试”，微信询问时选择“允许”。",
    OPEN_ELSEWHERE,
  ],
  "wechat-android": [
    "打开手机“设置”→“应用”→“微信”→“权限”，把“相机”改为允许。",
    "回到本页点“重试”，微信询问时选择“允许”。",
    OPEN_ELSEWHERE,
  ],
  "wechat-pc": ["电脑版微信不一定能使用摄像头：点右上角“…”，选择“用默认浏览器打开”，重新登录后继续。"],
  // Most never ask: whoever made the app decided.
  app: [
    "在应用内打开的网页不一定能使用摄像头：点右上角“…”，选择“在浏览器打开”，重新登录后继续。",
    "要在应用内继续，请打开手机“设置”→“应用”→这个应用→“权限”，允许“相机”，再点“重试”。",
  ],
  ios: [
    "点地址栏左侧的“大小”图标→“网站设置”，把“相机”改为“允许”。",
    "如找不到，打开手机“设置”→所用的浏览器→“相机”，选择“允许”。",
    "回到本页点“重试”；仍然不行时，重新打开本页。",
  ],
  android: [
    "点地址栏左侧的图标→“权限”，把“摄像头”改为允许。",
    "如找不到，打开手机“设置”→“应用”→所用的浏览器→“权限”，允许“相机”。",
    "回到本页点“重试”。",
  ],
  mac: [
    "点地址栏里的摄像头或设置图标，把“摄像头”改为“允许”（Safari：菜单“Safari 浏览器”→“网站设置”）。",
    "如已允许，打开“系统设置”→“隐私与安全性”→“摄像头”，勾选所用的浏览器。",
    "然后点“重试”。",
  ],
  pc: [
    "点地址栏里的摄像头或锁形图标，把“摄像头”改为“允许”。",
    "如已允许，打开 Windows“设置”→“隐私和安全性”→“相机”，允许浏览器使用。",
    "然后点“重试”。",
  ],
};

const HOW_TO_ALLOW_IN_SYSTEM = {
  ...HOW_TO_ALLOW,
  ios: ["打开手机“设置”→所用的浏览器→“相机”，选择“允许”。", "回到本页点“重试”。"],
  android: ["打开手机“设置”→“应用”→所用的浏览器→“权限”，把“相机”改为允许。", "回到本页点“重试”。"],
  mac: ["打开“系统设置”→“隐私与安全性”→“摄像头”，勾选所用的浏览器。", "退出浏览器，再打开并重新进入。"],
  pc: ["打开 Windows“设置”→“隐私和安全性”→“相机”，允许应用和桌面应用访问相机。", "然后点“重试”。"],
};

const HOW_TO_GET_A_BROWSER = {
  // Until iOS 14.3 only Safari itself had a camera.
  "wechat-ios": ["点右上角“…”，选择“在 Safari 中打开”，重新登录后继续。", "或把手机系统更新到 iOS 14.3 以上、微信更新到最新版本后重新进入。"],
  "wechat-android": ["把微信更新到最新版本后重新进入。", "或点右上角“…”，选择“在浏览器打开”，重新登录后继续。"],
  "wechat-pc": ["点右上角“…”，选择“用默认浏览器打开”，重新登录后继续。"],
  app: ["点右上角“…”，选择“在浏览器打开”，重新登录后继续。", "没有这一项时，请复制网址，用手机自带的浏览器打开。"],
  ios: ["请用手机自带的 Safari 打开本页。", "系统版本低于 iOS 15 时，请先更新系统。"],
  android: ["请用新版 Chrome、Edge 或手机自带的浏览器打开本页。"],
  mac: ["请用新版 Safari、Chrome 或 Edge 打开本页。"],
  pc: ["请用新版 Chrome 或 Edge 打开本页。"],
};

const ON_A_PHONE = ["wechat-ios", "wechat-android", "app", "ios", "android"];

function howToFreeTheCamera(where) {
  return ON_A_PHONE.includes(where)
    ? ["结束正在进行的通话，关闭其他使用相机的应用（视频会议、直播、扫码）。", "然后点“重试”；仍然不行时，重启手机后重新进入。"]
    : ["关闭腾讯会议、钉钉、微信视频等正在使用摄像头的程序和网页。", "然后点“重试”；仍然不行时，重新插拔摄像头或重启电脑。"];
}

function howToFindACamera(where) {
  if (["ios", "wechat-ios"].includes(where)) {
    return ["打开手机“设置”→“屏幕使用时间”→“内容和隐私访问限制”，看看是否关闭了“相机”。", "重启手机后重新进入；仍然不行时，换一部手机。"];
  }
  return ON_A_PHONE.includes(where)
    ? ["重启手机后重新进入。", "仍然不行时，换一部前置摄像头正常的手机。"]
    : ["插好 USB 摄像头；笔记本电脑请打开摄像头的遮挡片或开关。", "插好后会自动重试；没有摄像头时，请改用手机进入。"];
}

/**
 * title and remedies are for a page with room, hint is the one line beside a running paper.
 * retry says how opening it anew can help: "clock" by itself and often enough; "tap" only when the person
 * asks for it, for a browser whose question is turned down again and again refuses for good; "reload" with
 * a new page; "none" while the browser is still asking.
 */
const FAULTS = {
  insecure: {
    title: "网页连接不安全，不能使用摄像头",
    hint: "网页连接不安全，不能使用摄像头，请用 https 开头的网址重新进入",
    remedies: () => ["请从考核机构通知中的网址（以 https:// 开头）重新进入。"],
    retry: "reload",
  },
  unsupported: {
    title: "当前浏览器不能使用摄像头",
    hint: "当前浏览器不能使用摄像头，请换用新版浏览器重新进入，已答的题不会丢失",
    remedies: (where) => HOW_TO_GET_A_BROWSER[where],
    retry: "reload",
  },
  policy: {
    title: "本页面被限制使用摄像头",
    hint: "本页面被限制使用摄像头，请直接打开考试网址重新进入",
    remedies: () => ["请直接打开考试网址，不要在其他网站或应用的内嵌页面中进入。", "仍然不行时，请把本页截图发给考核机构。"],
    retry: "reload",
  },
  scrambled: {
    title: "浏览器把摄像头画面变成了杂点",
    hint: "浏览器把摄像头画面变成了杂点，请关闭防指纹追踪，再点监考小窗重试",
    remedies: () => [
      "浏览器询问能否使用画布（Canvas）图像数据时，请选择“允许”；没有询问时，点地址栏左侧的图片图标。",
      "或在浏览器设置和扩展中，对本网站关闭防指纹追踪，再点“重试”。",
      "仍然不行时，换一个浏览器，重新登录后继续。",
    ],
    retry: "tap",
  },
  denied: {
    title: "没有获得摄像头的使用权限",
    hint: "摄像头未获允许，请在浏览器设置中允许使用摄像头，再点监考小窗重试",
    remedies: (where) => HOW_TO_ALLOW[where],
    retry: "tap",
  },
  dismissed: {
    title: "还没有允许使用摄像头",
    hint: "还没有允许使用摄像头，请点监考小窗，浏览器询问时选择“允许”",
    remedies: () => ["点“重试”，浏览器再次询问时，请选择“允许”。"],
    retry: "tap",
  },
  denied_by_system: {
    title: "系统没有允许浏览器使用摄像头",
    hint: "系统未允许浏览器使用摄像头，请在系统设置的隐私权限中打开，再点监考小窗重试",
    remedies: (where) => HOW_TO_ALLOW_IN_SYSTEM[where],
    retry: "clock",
  },
  unanswered: {
    title: "等待允许使用摄像头",
    hint: "正在等待摄像头，如浏览器询问，请选择“允许”",
    remedies: () => ["如果浏览器正在询问是否允许使用摄像头，请选择“允许”。", "没有看到询问时，请查看地址栏上的摄像头图标，或重新打开本页。"],
    retry: "none",
  },
  no_camera: {
    title: "没有找到摄像头",
    hint: "没有找到摄像头，请插好摄像头，系统会自动重试",
    remedies: howToFindACamera,
    retry: "clock",
  },
  busy: {
    title: "摄像头正被其他程序使用",
    hint: "摄像头正被其他程序使用，请关闭视频会议、通话等程序，系统会自动重试",
    remedies: howToFreeTheCamera,
    retry: "clock",
  },
  interrupted: {
    title: "摄像头暂时被系统中断",
    hint: "摄像头暂时中断，请结束通话或关闭其他使用相机的应用",
    remedies: howToFreeTheCamera,
    retry: "clock",
  },
  ended: {
    title: "摄像头已断开",
    hint: "摄像头已断开，请检查连接，系统会自动重试",
    remedies: (where) => ON_A_PHONE.includes(where)
      ? ["点“重试”重新打开摄像头。", "仍然不行时，关闭其他使用相机的应用后再试。"]
      : ["检查摄像头是否松动、被拔出或关闭。", "重新插好后会自动重试，也可以点“重试”。"],
    retry: "clock",
  },
  no_picture: {
    title: "摄像头没有画面",
    hint: "摄像头没有画面，请点监考小窗重试",
    remedies: howToFreeTheCamera,
    retry: "clock",
  },
  black: {
    title: "摄像头画面是黑的",
    hint: "摄像头画面是黑的，请检查是否被遮挡，并打开灯",
    remedies: (where) => ON_A_PHONE.includes(where)
      ? [
        "看看前置摄像头是否被手指、手机壳或贴膜挡住。",
        // Since Android 12 the system gives black pictures when its own switch is off.
        ...(where.includes("ios") ? [] : ["从屏幕顶部下拉，看看“相机访问权限”开关是否关闭。"]),
        "请到光线充足的地方，让光照在脸上。",
      ]
      : ["看看摄像头是否被遮挡片、贴纸或电脑盖挡住。", "请打开灯，让光照在脸上。"],
    retry: "clock",
  },
  frozen: {
    title: "摄像头画面停住了",
    hint: "摄像头画面停住了，正在重新打开，可点监考小窗重试",
    remedies: (where) => ["点“重试”重新打开摄像头。", ...howToFreeTheCamera(where).slice(0, 1), "请使用真实的摄像头，不要使用虚拟摄像头。"],
    retry: "clock",
  },
  unknown: {
    title: "摄像头没有打开",
    hint: "摄像头没有打开，请点监考小窗重试",
    remedies: (where) => [...howToFreeTheCamera(where).slice(0, 1), "点“重试”；仍然不行时，换一个浏览器或换一台设备。"],
    retry: "clock",
  },
};

/**
 * @returns {{code: string, title: string, hint: string, remedies: string[],
 *   retry: "clock"|"tap"|"reload"|"none"}}
 */
function describe(code) {
  const fault = FAULTS[code];
  return { code, title: fault.title, hint: fault.hint, remedies: fault.remedies(surroundings()), retry: fault.retry };
}

/** What can be known without asking anybody; null when nothing stands in the way. */
function obstacle() {
  if (!window.isSecureContext) return "insecure";
  if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return "unsupported";
  // Chrome only; other browsers answer a policy with the same error as a person's refusal.
  const policy = document.permissionsPolicy || document.featurePolicy;
  if (policy && policy.allowsFeature && !policy.allowsFeature("camera")) return "policy";
  return readsBack() ? null : "scrambled";
}

/**
 * Whether what is drawn can be read again. A browser that resists fingerprinting (Firefox, by a setting) shows the
 * self view as it is and gives noise to whoever reads it: the physician sees a face that nobody else does.
 */
function readsBack() {
  const canvas = document.createElement("canvas");
  canvas.width = SIGNATURE_WIDTH;
  canvas.height = SIGNATURE_HEIGHT;
  const context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
  context.fillStyle = "rgb(128, 128, 128)";
  context.fillRect(0, 0, SIGNATURE_WIDTH, SIGNATURE_HEIGHT);
  const { data } = context.getImageData(0, 0, SIGNATURE_WIDTH, SIGNATURE_HEIGHT);
  const off = data.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + Math.abs(value - 128)), 0);
  return off / (data.length * 0.75) < SCRAMBLED_MEAN;
}

function codeOf(error) {
  switch (error && error.name) {
    case "NotAllowedError":
    case "PermissionDeniedError":
      // Chrome's own words when the operating system, not the person, said no; or nobody said anything.
      if (/system/i.test(error.message || "")) return "denied_by_system";
      return /dismissed/i.test(error.message || "") ? "dismissed" : "denied";
    case "SecurityError":
      return "policy";
    case "NotFoundError":
    case "DevicesNotFoundError":
    case "OverconstrainedError":
      return "no_camera";
    case "NotReadableError":
    case "TrackStartError":
    case "AbortError":
      return "busy";
    default:
      return "unknown";
  }
}

async function askForStream() {
  try {
    return await navigator.mediaDevices.getUserMedia(WANTED);
  } catch (error) {
    // Some webviews choke on the wishes although they are only wishes.
    if (!["OverconstrainedError", "ConstraintNotSatisfiedError", "TypeError"].includes(error.name)) throw error;
    return navigator.mediaDevices.getUserMedia(WHATEVER_THERE_IS);
  }
}

async function permission() {
  try {
    return await navigator.permissions.query({ name: "camera" });
  } catch {
    return null; // Safari before 16 and older Firefox do not know this one.
  }
}

function release(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function toJpeg(canvas, quality) {
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no JPEG from the canvas"))), "image/jpeg", quality);
  });
}

export class Camera {
  #video;
  #onState;
  #phase = "idle";
  #fault = null;
  #stream = null;
  #asking = null;
  #attempt = 0; // raised by every open and stop: what an older one brings home late is dropped
  #listeners = null;
  #lookTimer = 0;
  #muteTimer = 0;
  #openedAt = 0;
  #playRefused = false;
  #canvas = document.createElement("canvas");
  #small = document.createElement("canvas");
  #pixels = null;
  #pixelsAt = 0;
  #darkSince = null;
  #sameSince = null;
  #grabbed = null;

  /**
   * @param {{video: HTMLVideoElement, onState?: (state: {phase: "idle"|"opening"|"live"|"fault",
   *   fault: ReturnType<typeof describe>|null}) => void}} options
   * video shows the self view and is what pictures are taken from: keep it rendered, Safari stops
   * decoding for an element with display:none.
   */
  constructor({ video, onState = () => {} }) {
    this.#video = video;
    this.#onState = onState;
    this.#small.width = SIGNATURE_WIDTH;
    this.#small.height = SIGNATURE_HEIGHT;
  }

  get phase() {
    return this.#phase;
  }

  get fault() {
    return this.#fault;
  }

  /** Whether a picture taken now would be of now. A black picture is: it shows that the lens is covered. */
  get usable() {
    const track = this.#stream && this.#stream.getVideoTracks()[0];
    return Boolean(track) && track.readyState === "live" && !track.muted
      && (this.#phase === "live" || (this.#fault !== null && this.#fault.code === "black"));
  }

  /** Never rejects; what became of it is told through onState. Safe to call again at any time. */
  open() {
    // One question at a time: browsers stack their prompts, or refuse all of them.
    if (!this.#asking) {
      const asking = this.#open().finally(() => {
        if (this.#asking === asking) this.#asking = null;
      });
      this.#asking = asking;
    }
    return this.#asking;
  }

  /** Releases the device, so that its light goes out. */
  stop() {
    this.#attempt += 1;
    this.#asking = null;
    if (this.#listeners) this.#listeners.abort();
    this.#listeners = null;
    this.#release();
    this.#set("idle", null);
  }

  /**
   * One JPEG as the camera sees it, not mirrored, at most 640×480 and 60 KB.
   * Rejects when the camera has no current picture, also when nothing at all changed since the last one:
   * a standing picture says nothing about now.
   * @returns {Promise<Blob>}
   */
  async grab() {
    if (!this.usable) throw new Error("the camera has no picture");
    const seen = this.#look();
    if (!seen) throw new Error("the camera has no picture yet");
    const { pixels, dark } = seen;
    if (!dark && this.#grabbed && same(pixels, this.#grabbed)) throw new Error("the picture stands still");

    const video = this.#video;
    let scale = Math.min(MAX_WIDTH / video.videoWidth, MAX_HEIGHT / video.videoHeight, 1);
    for (;;) {
      this.#canvas.width = Math.max(1, Math.round(video.videoWidth * scale));
      this.#canvas.height = Math.max(1, Math.round(video.videoHeight * scale));
      this.#canvas.getContext("2d", { alpha: false }).drawImage(video, 0, 0, this.#canvas.width, this.#canvas.height);
      for (const quality of QUALITIES) {
        const blob = await toJpeg(this.#canvas, quality);
        if (blob.size <= MAX_BYTES) {
          this.#grabbed = pixels;
          return blob;
        }
      }
      // Pure noise (a broken sensor) does not compress; a smaller picture of it always does.
      scale *= 0.7;
    }
  }

  async #open() {
    this.#attempt += 1;
    const attempt = this.#attempt;
    this.#listen();
    this.#release();

    const code = obstacle();
    if (code) return this.#fail(code);

    this.#set("opening", null);
    const slow = setTimeout(() => {
      if (attempt === this.#attempt) this.#set("opening", describe("unanswered"));
    }, ASK_PATIENCE_MS);
    let stream;
    try {
      stream = await askForStream();
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(codeOf(error));
      return undefined;
    } finally {
      clearTimeout(slow);
    }
    if (attempt !== this.#attempt) return release(stream);

    this.#stream = stream;
    this.#openedAt = performance.now();
    const track = stream.getVideoTracks()[0];
    track.addEventListener("ended", () => this.#ended(track));
    track.addEventListener("mute", () => this.#muted(track));
    track.addEventListener("unmute", () => this.#unmuted(track));
    if (track.muted) this.#muted(track);
    this.#set("opening", null);
    this.#show();
    this.#lookIn(FIRST_LOOK_MS);
    return undefined;
  }

  /** Attaching anew, not only playing: after a call or a stay in the background iOS shows black otherwise. */
  #show() {
    const video = this.#video;
    this.#playRefused = false;
    video.muted = true;
    video.playsInline = true;
    video.setAttribute("playsinline", "");
    if (video.srcObject) video.srcObject = null;
    video.srcObject = this.#stream;
    // WeChat shows nothing without an explicit play. It may stay pending for ever: nobody waits for it.
    const played = video.play();
    if (played) {
      played.catch((error) => {
        this.#playRefused = error.name === "NotAllowedError";
      });
    }
  }

  #release() {
    clearTimeout(this.#lookTimer);
    clearTimeout(this.#muteTimer);
    if (this.#stream) {
      release(this.#stream);
      this.#video.srcObject = null;
    }
    this.#stream = null;
    this.#darkSince = null;
    // What a frozen camera showed is kept: the same picture after reopening is still the same picture.
    if (!this.#fault || this.#fault.code !== "frozen") this.#forgetPicture();
  }

  #forgetPicture() {
    this.#pixels = null;
    this.#sameSince = null;
  }

  #set(phase, fault) {
    const before = this.#fault && this.#fault.code;
    const now = fault && fault.code;
    if (phase === this.#phase && before === now) return;
    this.#phase = phase;
    this.#fault = fault;
    try {
      this.#onState({ phase, fault });
    } catch (error) {
      console.error(error); // a page that cannot show the state must not stop the watch
    }
  }

  #fail(code) {
    this.#set("fault", describe(code));
  }

  #ended(track) {
    if (!this.#stream || !this.#stream.getTracks().includes(track)) return;
    this.#release();
    this.#fail("ended");
  }

  #muted(track) {
    clearTimeout(this.#muteTimer);
    // Safari mutes for a moment while starting, and always while the page is hidden.
    this.#muteTimer = setTimeout(() => {
      const current = this.#stream && this.#stream.getTracks().includes(track);
      if (current && track.muted && !document.hidden) this.#fail("interrupted");
    }, MUTE_PATIENCE_MS);
  }

  #unmuted(track) {
    clearTimeout(this.#muteTimer);
    if (!this.#stream || !this.#stream.getTracks().includes(track)) return;
    this.#forgetPicture();
    if (this.#fault && this.#fault.code === "interrupted") {
      this.#openedAt = performance.now();
      this.#set("opening", null);
    }
    this.#show();
  }

  #listen() {
    if (this.#listeners) return;
    this.#listeners = new AbortController();
    const { signal } = this.#listeners;
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
    const devices = navigator.mediaDevices;
    if (devices && devices.addEventListener) {
      let settle = 0;
      devices.addEventListener("devicechange", () => {
        // One plug makes several events, and the device is not ready at the first.
        clearTimeout(settle);
        settle = setTimeout(() => {
          if (!signal.aborted && this.#fault && this.#fault.retry === "clock") this.open();
        }, 500);
      }, { signal });
    }
    permission().then((status) => {
      if (!status || signal.aborted) return;
      status.addEventListener("change", () => {
        const denied = this.#fault && ["denied", "dismissed", "denied_by_system"].includes(this.#fault.code);
        if (status.state === "granted" && denied) this.open();
        if (status.state === "denied" && this.#phase !== "idle") {
          this.#release();
          this.#fail("denied");
        }
      }, { signal });
    });
  }

  async #visibilityChanged() {
    this.#forgetPicture();
    this.#darkSince = null;
    if (document.hidden) return;
    if (this.#stream) {
      const track = this.#stream.getVideoTracks()[0];
      // Safari does not always tell of what happened to a track in the background.
      if (track.readyState === "ended") {
        this.open();
        return;
      }
      if (track.muted) this.#muted(track);
      if (this.#video.paused || this.#phase === "fault") this.#show();
      this.#openedAt = performance.now();
      this.#lookIn(FIRST_LOOK_MS);
    } else if (this.#fault && this.#fault.retry === "clock") {
      this.open();
    } else if (this.#fault && this.#fault.code === "denied") {
      // Back from the settings, perhaps; open only when that asks no new question.
      const status = await permission();
      if (status && status.state === "granted") this.open();
    }
  }

  #lookIn(delay) {
    clearTimeout(this.#lookTimer);
    this.#lookTimer = setTimeout(() => this.#watch(), delay);
  }

  #watch() {
    this.#lookIn(this.#phase === "opening" ? FIRST_LOOK_MS : LOOK_MS);
    // A hidden page may get no new pictures: that is the browser's thrift and no fault of the camera.
    if (document.hidden || this.#stream.getVideoTracks()[0].muted) return;

    const now = performance.now();
    const seen = this.#look();
    if (!seen) {
      if (this.#phase === "opening" && now - this.#openedAt >= PICTURE_PATIENCE_MS) {
        if (this.#playRefused) console.warn("the browser wants a tap before it plays");
        this.#fail("no_picture");
      }
      return;
    }
    const { pixels, dark } = seen;
    const still = this.#pixels !== null && same(pixels, this.#pixels);
    if (!dark) this.#darkSince = null;
    else if (this.#darkSince === null) this.#darkSince = now;
    if (!still) this.#sameSince = null;
    else if (this.#sameSince === null) this.#sameSince = this.#pixelsAt;
    this.#pixels = pixels;
    this.#pixelsAt = now;

    if (dark) {
      // Cameras start dark: not live before there has been a picture, not black before it stays so.
      if (now - this.#darkSince >= DARK_MS) this.#fail("black");
    } else if (still) {
      if (now - this.#sameSince >= FROZEN_MS) this.#fail("frozen");
      else if (this.#phase === "opening" || (this.#fault && this.#fault.code === "black")) this.#set("live", null);
    } else {
      this.#set("live", null);
    }
  }

  /**
   * A few hundred single pixels, not averages: the sensor's own noise must stay in them, for it is what
   * tells a physician sitting still from a picture standing still.
   */
  #look() {
    const video = this.#video;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || !video.videoWidth) return null;
    const context = this.#small.getContext("2d", { alpha: false, willReadFrequently: true });
    context.imageSmoothingEnabled = false;
    context.drawImage(video, 0, 0, SIGNATURE_WIDTH, SIGNATURE_HEIGHT);
    const pixels = context.getImageData(0, 0, SIGNATURE_WIDTH, SIGNATURE_HEIGHT).data;
    return { pixels, dark: isDark(pixels) };
  }
}

function isDark(pixels) {
  const count = pixels.length / 4;
  const luma = new Uint8Array(count);
  let sum = 0;
  for (let i = 0; i < count; i += 1) {
    luma[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
    sum += luma[i];
  }
  luma.sort();
  return sum / count < DARK_MEAN && luma[Math.floor(count * 0.95)] < DARK_BRIGHT_END;
}

function same(left, right) {
  for (let i = 0; i < left.length; i += 1) {
    if (left[i] !== right[i]) return false;
  }
  return true;
}
