/** The page's build against the server's. */

/** For which versions the page has loaded itself anew: the server's other one, and its own where a part was missing. */
const STALE = "lucarne-reloaded-for";
const MISSING = "lucarne-reloaded-in";

/** The version that the build wrote into the page. */
export function pageVersion(document: Document): string {
  return document.querySelector<HTMLMetaElement>('meta[name="lucarne-version"]')?.content ?? "";
}

/**
 * Whether the page should load itself anew, because the server has another
 * build. Once per server version: a cache in between that keeps the old page
 * must not make it reload for ever. Where storage may not be opened, never.
 */
export function staleVersion(server: string, page: string, open: Open): boolean {
  return server !== "" && page !== "" && server !== page && first(STALE, server, open);
}

/** The same, because a part of it cannot be had: of a build that the server has no more, or for want of a network. */
export function partMissing(page: string, open: Open): boolean {
  return first(MISSING, page, open);
}

type Open = () => Pick<Storage, "getItem" | "setItem">;

/** Whether the page has not loaded itself anew for a version yet; it is taken to do so now. */
function first(key: string, version: string, open: Open): boolean {
  try {
    const storage = open();
    if (storage.getItem(key) === version) return false;
    storage.setItem(key, version);
    return true;
  } catch {
    return false;
  }
}
