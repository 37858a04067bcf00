/** The parts that index.html has, and how the page is dressed. */

import type { Settings } from "./settings.ts";

export interface Page {
  /** All of the tab; in it the frame with the two pictures, one above the other. */
  stage: HTMLElement;
  frame: HTMLElement;
  video: HTMLVideoElement;
  canvas: HTMLCanvasElement;
  /** Takes what is typed. */
  sink: HTMLTextAreaElement;
  /** What is said where a part of the page cannot be had; its button loads the page anew. */
  incomplete: HTMLTemplateElement;
  /** Makes a worker that decodes. */
  worker(): Worker;
}

/** Finds them. */
export function findPage(document: Document): Page {
  const find = <E extends Element>(selector: string) => {
    const found = document.querySelector<E>(selector);
    if (!found) throw new Error(`no ${selector} in the page`);
    return found;
  };
  return {
    stage: find("#stage"),
    frame: find("#screen"),
    video: find("#screen > video"),
    canvas: find("#screen > canvas"),
    sink: find("#sink"),
    incomplete: find("#incomplete"),
    worker: () => new Worker(find<HTMLLinkElement>("#decoder").href, { type: "module" }),
  };
}

/** Dresses the page light or dark, or with "" as the system is. */
export function wear(theme: Settings["theme"]): void {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
