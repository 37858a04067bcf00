/** By what the page comes in: the token or the link of its address, or what the browser has kept of an earlier visit. */

import { login, redeem, type Login, type Secrets } from "./http.ts";

/** The name, before the desktop's path, under which a tab remembers the link that it has come by. */
const KEY = "lucarne.share:";

export class Entry {
  private id: string;
  private readonly key: string;

  /** storage remembers for this tab, null where nothing can; page is the URL of the desktop's own page. */
  constructor(
    private readonly secrets: Secrets,
    private readonly storage: Pick<Storage, "getItem" | "setItem" | "removeItem"> | null,
    private readonly page: string,
  ) {
    this.key = KEY + new URL(".", page).pathname;
    this.id = "";
    if (secrets.token || secrets.view) this.remember("");
    else this.id = storage?.getItem(this.key) ?? "";
  }

  /** Whether the address has something that is to be exchanged before the page connects. */
  get pending(): boolean {
    return this.secrets.token !== "" || this.secrets.view !== "";
  }

  /** Whether the tab has come by a link, valid or not: then it is nothing else. */
  get byLink(): boolean {
    return this.secrets.view !== "" || this.id !== "";
  }

  /** The link's id, by which the server knows which of the browser's credentials counts; "" for none. */
  get share(): string {
    return this.id;
  }

  /** Exchanges what the address had. */
  async exchange(): Promise<Login> {
    if (!this.secrets.view) return login(this.secrets.token, this.page);
    const { result, share } = await redeem(this.secrets.view, this.page);
    this.remember(share);
    return result;
  }

  /** Signs in with a token that the person has given. */
  signIn(token: string): Promise<Login> {
    return login(token, this.page);
  }

  private remember(id: string): void {
    this.id = id;
    try {
      if (id) this.storage?.setItem(this.key, id);
      else this.storage?.removeItem(this.key);
    } catch {
      // A full or forbidden storage: the tab knows it for as long as the page lives.
    }
  }
}

/** The storage of this tab, null where it must not be used: reading the property alone may throw. */
export function tabStorage(scope: { readonly sessionStorage: Storage } = globalThis): Storage | null {
  try {
    return scope.sessionStorage;
  } catch {
    return null;
  }
}
