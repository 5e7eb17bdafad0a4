/** JSON over fetch: the CSRF header, a limit on patience, and errors one can tell apart. */

const PATIENCE_MS = 10_000;
const LONGEST_REST_MS = 60_000;

export class ApiError extends Error {
  /**
   * @param {number} status 0 when no answer came
   * @param {number} [retryAfter] milliseconds that the server asks for
   */
  constructor(code, message, status, retryAfter = 0) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
  }

  /** Worth sending the same thing again: nothing is wrong with what was sent. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Nobody is logged in, or somebody else is. */
  get asksForLogin() {
    return this.status === 401 || this.code === "no_such_attempt" || this.code === "forbidden";
  }
}

const meta = document.querySelector('meta[name="csrf-token"]');

export function csrfToken() {
  return meta.content;
}

export function get(path, headers = {}) {
  return request("GET", path, undefined, PATIENCE_MS, headers);
}

/** A refused token is fetched anew once: after a new login in another tab this page goes on as it is. */
export async function post(path, body, patience) {
  try {
    return await request("POST", path, body, patience);
  } catch (error) {
    if (error.status !== 403 || !(await renewToken())) throw error;
    return request("POST", path, body, patience);
  }
}

/** The last words of a page that goes: they are on their way without it, and nobody hears the answer. */
export function postGoing(path, body) {
  fetch(path, { ...options("POST", body), credentials: "same-origin", keepalive: true }).catch(() => {});
}

function options(method, body, more = {}) {
  const headers = { ...more, Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": meta.content };
  return { method, headers, body: body && JSON.stringify(body) };
}

async function request(method, path, body, patience = PATIENCE_MS, more = {}) {
  const reply = await send(path, options(method, body, more), patience);
  let content = {};
  try {
    content = JSON.parse(reply.text);
  } catch {
    // A proxy in front answers in HTML when the service is away.
    if (reply.ok) throw new ApiError("unreadable", "服务器的回答不完整", 0);
  }
  if (reply.ok) return content;
  const { code = "unknown", message = "服务器暂时无法处理" } = (content && content.error) || {};
  throw new ApiError(code, message, reply.status, reply.retryAfter);
}

async function send(path, options, patience) {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), patience);
  try {
    const reply = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store", signal: limit.signal });
    const retryAfter = Math.min(LONGEST_REST_MS, 1000 * (Number(reply.headers.get("Retry-After")) || 0));
    return { ok: reply.ok, status: reply.status, url: reply.url, retryAfter, text: await reply.text() };
  } catch {
    throw new ApiError("network", "网络不通", 0);
  } finally {
    clearTimeout(timer);
  }
}

/** The page itself carries the token; reading it changes nothing on the server. */
async function renewToken() {
  const reply = await send(location.href, { headers: { Accept: "text/html" } }, PATIENCE_MS);
  // Sent on to the login: that the token was refused says only that nobody is logged in.
  if (reply.status === 401 || new URL(reply.url).pathname === "/login") {
    throw new ApiError("login_required", "登录已失效", 401);
  }
  const page = new DOMParser().parseFromString(reply.text, "text/html");
  const fresh = page.querySelector('meta[name="csrf-token"]');
  if (!fresh || fresh.content === meta.content) return false;
  meta.content = fresh.content;
  return true;
}
