/** JSON over fetch: the CSRF header, a limit on patience, and errors one can tell apart. */

const PATIENCE_MS = 10_000;

export class ApiError extends Error {
  /** @param {number} status 0 when no answer came */
  constructor(code, message, status) {
    super(message);
    this.code = code;
    this.status = status;
  }

  /** Worth sending the same thing again: nothing is wrong with what was sent. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

const meta = document.querySelector('meta[name="csrf-token"]');

export function csrfToken() {
  return meta.content;
}

export function get(path) {
  return request("GET", path);
}

/** A refused token is fetched anew once: after a new login in another tab this page goes on as it is. */
export async function post(path, body) {
  try {
    return await request("POST", path, body);
  } catch (error) {
    if (error.status !== 403 || !(await renewToken())) throw error;
    return request("POST", path, body);
  }
}

async function request(method, path, body) {
  const reply = await send(path, {
    method,
    headers: { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": meta.content },
    body: body && JSON.stringify(body),
  });
  let content = {};
  try {
    content = JSON.parse(reply.text);
  } catch {
    // A proxy in front answers in HTML when the service is away.
    if (reply.ok) throw new ApiError("unreadable", "服务器的回答不完整", 0);
  }
  if (reply.ok) return content;
  const { code = "unknown", message = "服务器暂时无法处理" } = content.error || {};
  throw new ApiError(code, message, reply.status);
}

async function send(path, options) {
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const reply = await fetch(path, { ...options, credentials: "same-origin", cache: "no-store", signal: patience.signal });
    return { ok: reply.ok, status: reply.status, redirected: reply.redirected, text: await reply.text() };
  } catch {
    throw new ApiError("network", "网络不通", 0);
  } finally {
    clearTimeout(timer);
  }
}

/** The page itself carries the token; reading it changes nothing on the server. */
async function renewToken() {
  const reply = await send(location.href, { headers: { Accept: "text/html" } });
  if (!reply.ok || reply.redirected) return false;
  const page = new DOMParser().parseFromString(reply.text, "text/html");
  const fresh = page.querySelector('meta[name="csrf-token"]');
  if (!fresh || fresh.content === meta.content) return false;
  meta.content = fresh.content;
  return true;
}
