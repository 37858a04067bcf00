/** Calls back whenever a CSS pixel has come to be another number of device pixels: by zoom, or on another monitor. */
export function onRatio(changed: () => void): void {
  const same = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
  const other = () => {
    changed();
    onRatio(changed);
  };
  same.addEventListener("change", other, { once: true });
}
