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

/** A way to log in, as the server names it. */
export type Method = "token" | "password" | "oauth";

const methods: readonly string[] = ["token", "password", "oauth"];
const isMethod = (name: unknown): name is Method => typeof name === "string" && methods.includes(name);

/** Whether the server would let the page in. */
export interface Probe {
  /** 200, or 401 when somebody has to log in; 0 when it does not answer. */
  status: number;
  /** Why not, for the catalogues; "" where it does not say. */
  code: string;
  /** How one may log in, the first first. */
  methods: Method[];
}

/** Asks it. */
export async function session(page = document.baseURI): Promise<Probe> {
  const answer = await ask("session", page);
  const told = await fields(answer);
  return {
    status: answer?.status ?? 0,
    code: typeof told.code === "string" ? told.code : "",
    methods: Array.isArray(told.methods) ? told.methods.filter(isMethod) : [],
  };
}

/** The fields of an answer in JSON; none when it is something else. */
async function fields(answer: Response | null): Promise<Record<string, unknown>> {
  const told: unknown = await answer?.json?.().catch(() => null);
  return typeof told === "object" && told !== null ? (told as Record<string, unknown>) : {};
}

/** How an attempt to sign in has ended; "cookie": the browser has not kept the server's cookie. */
export type Login = "in" | "wrong" | "throttled" | "unreachable" | "cookie";

/** What can be exchanged for a cookie of the page's path, which only the browser knows behind a proxy, and for a key. */
export type Credential = { token: string } | { password: string } | { share: string } | { verifier: string; code: string };

/** How an exchange has ended; with "in", the key, and the link's id if it was that of one. */
export interface Exchanged {
  result: Login;
  key: string;
  share: string;
}

/** Exchanges a credential. */
export async function exchange(credential: Credential, page = document.baseURI): Promise<Exchanged> {
  const answer = await post("login", { ...credential, path: new URL(".", page).pathname }, page);
  const ended = (result: Login) => ({ result, key: "", share: "" });
  switch (answer?.status) {
    case 200:
    case 204: {
      const { key, share } = await fields(answer);
      if ((await session(page)).status === 401) return ended("cookie");
      return { result: "in", key: typeof key === "string" ? key : "", share: typeof share === "string" ? share : "" };
    }
    case 429:
      return ended("throttled");
    case 400:
    case 401:
      return ended("wrong");
  }
  return ended("unreachable");
}

/** Tells the server by what who is about to log in elsewhere will be known again; returns where, "" when it does not say. */
export async function depart(verifier: string, page = document.baseURI): Promise<string> {
  const answer = await post("login", { oauth: verifier, path: new URL(".", page).pathname }, page);
  const { location } = await fields(answer);
  return typeof location === "string" ? location : "";
}

/** Ends what the key is for, in all tabs of the browser, which forgets the cookie; says whether it has. */
export async function logout(key: string, page = document.baseURI): Promise<boolean> {
  const answer = await post("logout", { path: new URL(".", page).pathname }, page, { "Lucarne-Key": key });
  return answer?.ok ?? false;
}

const post = (path: string, body: object, page: string, headers = {}): Promise<Response | null> =>
  ask(path, page, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(body) });

/** What a URL's fragment may hold to come in by; "" for what it does not. */
export interface Secrets {
  /** "#token=...": the session's own. */
  token: string;
  /** "#view=...": a link's. */
  view: string;
  /** "#key=...": what has been exchanged already, by another page of ours or a form; "&share=..." with the link's id. */
  key: string;
  share: string;
  /** "#code=...": from where one logs in elsewhere, or "#refused=..." with a code of the catalogues. */
  code: string;
  refused: string;
}

const names = ["token", "view", "key", "share", "code", "refused"] as const;

/** Takes the secrets out of a URL's fragment, so that they show nowhere. */
export function takeSecrets(location: Location, history: History): Secrets {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const secrets: Secrets = { token: "", view: "", key: "", share: "", code: "", refused: "" };
  let found = false;
  for (const name of names) {
    found ||= fragment.has(name);
    secrets[name] = fragment.get(name) ?? "";
    fragment.delete(name);
  }
  if (!found) return secrets;
  const rest = fragment.toString();
  history.replaceState(history.state, "", location.pathname + location.search + (rest && `#${rest}`));
  return secrets;
}

/** Whether an address that is put into a tab which has the page already is one to come in by. */
export const bringsSecrets = (hash: string): boolean => /[#&](token|view|key|code)=/.test(hash);

/** The page's address with the secret of a link, for somebody else to open. */
export function linkOf(secret: string, page = document.baseURI): string {
  const url = new URL(".", page);
  url.hash = `view=${secret}`;
  return url.href;
}
