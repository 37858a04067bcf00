/** The browser's clipboard. */

import { NOTHING, plain, type Bytes, type Content } from "./content.ts";

export interface SystemClipboard {
  /** Resolves when readable knows. */
  readonly asked: Promise<void>;
  /** Whether read would work without asking the person. */
  readable(): boolean;
  read(): Promise<Content>;
  /** Rejects where the browser does not take it, or not now. */
  write(content: Content): Promise<void>;
  /**
   * Writes a text that is still to come. There alone where a text that comes after the gesture
   * is not taken any more (Safari); called within the gesture.
   */
  writeLater?(text: Promise<string>): Promise<void>;
}

/** The browser's clipboard: by its API, or, on a page that did not come by HTTPS, by what there was before. */
export function browserClipboard(scope: Navigator): SystemClipboard {
  const { clipboard, permissions } = scope;
  if (!clipboard?.writeText) return commandClipboard(document);
  let permission: PermissionStatus | null = null;
  const ask = async () => {
    try {
      permission = await permissions.query({ name: "clipboard-read" as PermissionName });
    } catch {
      // A browser without this permission asks at each read: it is not read unasked.
    }
  };
  const system: SystemClipboard = {
    asked: ask(),
    readable: () => permission?.state === "granted" && document.hasFocus(),
    read: () => read(clipboard),
    write: (content) => write(clipboard, content),
  };
  if (scope.vendor.startsWith("Apple") && typeof ClipboardItem !== "undefined") {
    system.writeLater = (text) => clipboard.write([new ClipboardItem({ "text/plain": text.then((text) => blob("text/plain", text)) })]);
  }
  return system;
}

const blob = (type: string, data: string | Bytes): Blob => new Blob([data], { type });

/** HTML as it was copied, where the browser would else take things out of it: it goes to the desktop's programs, not into the page. */
const UNSANITIZED = { unsanitized: ["text/html"] };

async function read(clipboard: Clipboard): Promise<Content> {
  if (!clipboard.read) return plain(await clipboard.readText());
  const content = { ...NOTHING };
  for (const item of await (clipboard.read as (options?: object) => Promise<ClipboardItems>).call(clipboard, UNSANITIZED)) {
    if (item.types.includes("text/plain")) content.text ||= await (await item.getType("text/plain")).text();
    if (item.types.includes("text/html")) content.html ||= await (await item.getType("text/html")).text();
    if (item.types.includes("image/png")) content.picture ??= await bytesOf(await item.getType("image/png"));
  }
  return content;
}

const bytesOf = async (file: Blob): Promise<Bytes> => new Uint8Array(await file.arrayBuffer());

async function write(clipboard: Clipboard, { text, html, picture }: Content): Promise<void> {
  if (!html && !picture) return clipboard.writeText(text);
  const parts: Record<string, Blob> = {};
  if (text) parts["text/plain"] = blob("text/plain", text);
  if (html) parts["text/html"] = blob("text/html", html);
  if (picture) parts["image/png"] = blob("image/png", picture);
  await clipboard.write([new ClipboardItem(parts)]);
}

/** A clipboard that takes text and HTML while the person does something, and is never read. */
function commandClipboard(page: Document): SystemClipboard {
  return {
    asked: Promise.resolve(),
    readable: () => false,
    read: () => Promise.reject(new Error("not readable")),
    write: async ({ text, html }) => {
      let taken = false;
      const copy = (event: ClipboardEvent) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (text) event.clipboardData?.setData("text/plain", text);
        if (html) event.clipboardData?.setData("text/html", html);
        taken = text !== "" || html !== "";
      };
      page.addEventListener("copy", copy, { capture: true });
      const done = page.execCommand("copy");
      page.removeEventListener("copy", copy, { capture: true });
      if (!done || !taken) throw new Error("the browser has not taken it");
    },
  };
}

/** What a paste brings: to be asked for while its event lasts. */
export async function pastedContent(data: DataTransfer | null): Promise<Content> {
  const text = data?.getData("text/plain") ?? "";
  const html = data?.getData("text/html") ?? "";
  const picture = [...(data?.files ?? [])].find(({ type }) => type === "image/png");
  return { text, html, picture: picture ? await bytesOf(picture) : null };
}
