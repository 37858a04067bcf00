/** The server's HTTP side, by URLs relative to the page. */

/** The socket's URL beside the page's. */
export function socketURL(page: string): string {
  const url = new URL("ws", page);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.search = "";
  url.hash = "";
  return url.href;
}

/** The status of a request, or 0 when there was no answer. */
async function status(path: string, init?: RequestInit): Promise<number> {
  try {
    return (await fetch(new URL(path, document.baseURI), { cache: "no-store", ...init })).status;
  } catch {
    return 0;
  }
}

/** Whether the server would let the page in: 204, or 401 when it wants a token. */
export const session = (): Promise<number> => status("session");

/** How an attempt to sign in has ended; "cookie": the browser has not kept the server's cookie. */
export type Login = "in" | "wrong" | "throttled" | "unreachable" | "cookie";

/** Exchanges a token for a cookie of the page's path, which only the browser knows behind a proxy. */
export async function login(token: string): Promise<Login> {
  const answer = await status("login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token, path: new URL(".", document.baseURI).pathname }),
  });
  if (answer === 204) return (await session()) === 401 ? "cookie" : "in";
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
