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

/** The status of a request, or 0 when there was no answer. */
async function status(path: string, page: string, init?: RequestInit): Promise<number> {
  try {
    return (await fetch(new URL(path, page), { cache: "no-store", ...init })).status;
  } catch {
    return 0;
  }
}

/** Whether the server would let the page in: 204, or 401 when it wants a token. */
export const session = (page = document.baseURI): Promise<number> => status("session", page);

/** How an attempt to sign in has ended; "cookie": the browser has not kept the server's cookie. */
export type Login = "in" | "wrong" | "throttled" | "unreachable" | "cookie";

/** Exchanges a token for a cookie of the page's path, which only the browser knows behind a proxy. */
export async function login(token: string, page = document.baseURI): Promise<Login> {
  const answer = await status("login", page, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, path: new URL(".", page).pathname }),
  });
  if (answer === 204) return (await session(page)) === 401 ? "cookie" : "in";
  if (answer === 429) return "throttled";
  return answer === 400 || answer === 401 ? "wrong" : "unreachable";
}

/** Takes the token out of a URL's fragment ("#token=..."), so that it shows nowhere; "" if there is none. */
export function takeToken(location: Location, history: History): string {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const token = fragment.get("token") ?? "";
  if (!fragment.has("token")) return "";
  fragment.delete("token");
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  return token;
}
