/** The page's build against the server's. */

const KEY = "lucarne-reloaded-for";

/** The version that the build wrote into the page. */
export function pageVersion(document: Document): string {
  return document.querySelector<HTMLMetaElement>('meta[name="lucarne-version"]')?.content ?? "";
}

/**
 * Whether the page should load itself anew, because the server has another
 * build. Once per server version: a cache in between that keeps the old page
 * must not make it reload for ever. Where storage may not be opened, never.
 */
export function staleVersion(server: string, page: string, open: () => Pick<Storage, "getItem" | "setItem">): boolean {
  if (server === "" || page === "" || server === page) return false;
  try {
    const storage = open();
    if (storage.getItem(KEY) === server) return false;
    storage.setItem(KEY, server);
    return true;
  } catch {
    return false;
  }
}
