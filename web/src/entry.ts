/** By what the page comes in: what its address has, or what this tab has come in by before. */

import { bringsSecrets, depart, exchange, logout, session, takeSecrets, type Credential, type Login, type Secrets } from "./http.ts";
import type { LoginActions } from "./ui/login.ts";

/** What a page has come in by: the key, and the id of a link; "" for none. */
export interface Kept {
  key: string;
  share: string;
}

/** Where a tab keeps it. */
export interface Memory {
  read(): Kept;
  write(kept: Kept): void;
}

/**
 * The entry of the tab's history: it survives a reload, and no other page can read it, not even one of the same
 * origin in the same tab. All users of a hub share the origin, and so each other's localStorage; a tab's sessionStorage
 * is shared with whatever the person opens in that tab.
 */
export const historyMemory = (history: Pick<History, "state" | "replaceState">): Memory => ({
  read() {
    const { key, share } = (history.state as { lucarne?: Partial<Kept> } | null)?.lucarne ?? {};
    return { key: typeof key === "string" ? key : "", share: typeof share === "string" ? share : "" };
  },
  write: (kept) => history.replaceState({ ...(history.state as object | null), lucarne: kept }, ""),
});

/** The name, before the desktop's path, under which the tab remembers what it has gone to the hub with. */
const VERIFIER = "lucarne.verifier:";

export class Entry {
  private kept: Kept;

  /** storage is the tab's, null where nothing can be kept; page is the URL of the desktop's own page. */
  constructor(
    private readonly secrets: Secrets,
    private readonly memory: Memory,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null,
    private readonly page: string,
  ) {
    this.kept = memory.read();
    if (secrets.key) this.keep({ key: secrets.key, share: secrets.share });
    else if (this.pending) this.forget();
  }

  /** Whether the address has something that is to be exchanged before the page connects. */
  get pending(): boolean {
    const { token, view, code } = this.secrets;
    return token !== "" || view !== "" || code !== "";
  }

  /** Whether the tab has come by a link, valid or not: then it is nothing else. */
  get byLink(): boolean {
    return this.secrets.view !== "" || this.kept.share !== "";
  }

  /** Why whoever comes back from the hub is not let in, a code of the catalogues; "" where nothing is wrong. */
  get refused(): string {
    return this.secrets.refused;
  }

  /** The link's id, by which the server knows which of the browser's credentials counts; "" for none. */
  get share(): string {
    return this.kept.share;
  }

  /** What the server asks for beside the browser's cookie; "" for none. */
  get key(): string {
    return this.kept.key;
  }

  /** Exchanges what the address had. */
  async exchange(): Promise<Login> {
    const { token, view, code } = this.secrets;
    if (view) return this.signIn({ share: view });
    if (token) return this.signIn({ token });
    return this.signIn({ code, verifier: this.verifier() });
  }

  /** Signs in. */
  async signIn(credential: Credential): Promise<Login> {
    const { result, key, share } = await exchange(credential, this.page);
    if (result === "in") this.keep({ key, share });
    return result;
  }

  /** Goes to where one logs in; false: the server does not say where that is. */
  async leaveToSignIn(go: (url: string) => void): Promise<boolean> {
    const verifier = base64(crypto.getRandomValues(new Uint8Array(32)));
    const location = await depart(verifier, this.page);
    if (!location) return false;
    this.storage?.setItem(this.place, verifier);
    go(location);
    return true;
  }

  /** What the sign-in form does; once it has let somebody in, then goes on. */
  form(then: () => void): LoginActions {
    return {
      methods: async () => (await session(this.page)).methods,
      login: async (credential) => {
        const result = await this.signIn(credential);
        if (result === "in") then();
        return result;
      },
      depart: () => this.leaveToSignIn((url) => location.assign(url)),
    };
  }

  /** Signs out, in all tabs of the browser. */
  async signOut(): Promise<boolean> {
    const out = await logout(this.kept.key, this.page);
    if (out) this.forget();
    return out;
  }

  /** Somebody has signed out: what is void now need not be once the server has been started anew. */
  forget(): void {
    this.keep({ key: "", share: "" });
  }

  /** What an address of another page of ours has in its fragment, so that it need not ask again. */
  get fragment(): string {
    const { key, share } = this.kept;
    return key ? new URLSearchParams(share ? { key, share } : { key }).toString() : "";
  }

  private verifier(): string {
    const verifier = this.storage?.getItem(this.place) ?? "";
    this.storage?.removeItem(this.place);
    return verifier;
  }

  private get place(): string {
    return VERIFIER + new URL(".", this.page).pathname;
  }

  private keep(kept: Kept): void {
    this.kept = kept;
    this.memory.write(kept);
  }
}

/**
 * What a page of ours comes in by: called first of all, so that a secret is in the address bar for as short as can be.
 * home is the URL of the desktop's own page.
 */
export function arrive(home: string, tab: Tab = window): Entry {
  const { location, history, document } = tab;
  const entry = new Entry(takeSecrets(location, history), historyMemory(history), tabStorage(tab), home);
  handOver(entry, document, home);
  // A link that is put into the address of a tab that has the page already.
  tab.addEventListener("hashchange", () => bringsSecrets(location.hash) && location.reload());
  return entry;
}

/** What of a tab has to do with it. */
type Tab = Pick<Window, "location" | "history" | "document" | "sessionStorage"> & {
  addEventListener(type: "hashchange", listener: () => void): void;
};

/** The URL alphabet of base64, without padding (RFC 4648 section 5). */
const base64 = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

/** The storage of this tab, null where it must not be used: reading the property alone may throw. */
export function tabStorage(scope: { readonly sessionStorage: Storage } = globalThis): Storage | null {
  try {
    return scope.sessionStorage;
  } catch {
    return null;
  }
}

/** Has links to pages below the desktop's own take along what this one has come in by, for as long as they are followed. */
export function handOver(entry: Pick<Entry, "fragment">, document: Document, page: string): void {
  const home = new URL(".", page).href;
  const follow = (event: Event) => {
    const link = (event.target as Element | null)?.closest?.("a");
    const href = link?.getAttribute("href");
    if (!link || !href || !entry.fragment || !link.href.startsWith(home)) return;
    link.hash = entry.fragment;
    setTimeout(() => link.setAttribute("href", href));
  };
  for (const type of ["click", "auxclick"]) document.addEventListener(type, follow, { capture: true });
}
