/** The server's HTTP side, by URLs relative to the desktop's page: the one that asks, unless it says otherwise. */

import type { Socket } from "./connection.ts";

/** The socket's URL beside the page's. */
export function socketURL(page: string): string {
  const url = new URL("ws", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

/** Opens sockets to the server beside a page; ahead: the first is under way before it is asked for, in the same task. */
export function opener(page: string, ahead: boolean): () => Socket {
  const open = () => new WebSocket(socketURL(page)) as Socket;
  let first = ahead ? open() : null;
  return () => {
    const socket = first ?? open();
    first = null;
    return socket;
  };
}

/** A request's answer, or null when there was none. */
async function ask(path: string, page: string, init?: RequestInit): Promise<Response | null> {
  try {
    return await fetch(new URL(path, page), { cache: "no-store", ...init });
  } catch {
    return null;
  }
}

/** Whether the server would let the page in: 204, or 401 when it wants a token; 0 when it does not answer. */
export const session = async (page = document.baseURI): Promise<number> => (await ask("session", page))?.status ?? 0;

/** How an attempt to sign in has ended; "cookie": the browser has not kept the server's cookie. */
export type Login = "in" | "wrong" | "throttled" | "unreachable" | "cookie";

/** Exchanges a token for a cookie of the page's path, which only the browser knows behind a proxy. */
export const login = async (token: string, page = document.baseURI): Promise<Login> => (await exchange({ token }, page)).result;

/** Exchanges the secret of a link for a cookie likewise, and for the link's id, "" unless the result is "in". */
export const redeem = (secret: string, page = document.baseURI): Promise<{ result: Login; share: string }> =>
  exchange({ share: secret }, page);

async function exchange(credential: { token: string } | { share: string }, page: string): Promise<{ result: Login; share: string }> {
  const answer = await ask("login", page, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...credential, path: new URL(".", page).pathname }),
  });
  const ended = (result: Login) => ({ result, share: "" });
  switch (answer?.status) {
    case 200:
    case 204: {
      if ((await session(page)) === 401) return ended("cookie");
      const told: unknown = answer.status === 200 ? await answer.json().catch(() => null) : null;
      const share = typeof told === "object" && told !== null && "share" in told ? String(told.share) : "";
      return { result: "in", share };
    }
    case 429:
      return ended("throttled");
    case 400:
    case 401:
      return ended("wrong");
  }
  return ended("unreachable");
}

/** What a URL's fragment may hold to come in by; "" for what it does not. */
export interface Secrets {
  /** "#token=...": the session's own. */
  token: string;
  /** "#view=...": a link's. */
  view: string;
}

/** Takes the secrets out of a URL's fragment, so that they show nowhere. */
export function takeSecrets(location: Location, history: History): Secrets {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const secrets = { token: fragment.get("token") ?? "", view: fragment.get("view") ?? "" };
  if (!fragment.has("token") && !fragment.has("view")) return secrets;
  fragment.delete("token");
  fragment.delete("view");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  return secrets;
}

/** The page's address with the secret of a link, for somebody else to open. */
export function linkOf(secret: string, page = document.baseURI): string {
  const url = new URL(".", page);
  url.hash = `view=${secret}`;
  return url.href;
}
