/** Calls back when the machine is on the network again, or on another one as far as the browser tells. */
export function onNetworkChange(changed: () => void): void {
  addEventListener("online", changed);
  const { connection } = navigator as Navigator & { connection?: EventTarget & { type?: string } };
  let type = connection?.type;
  // The event also tells of every new estimate of the speed.
  connection?.addEventListener("change", () => {
    if (connection.type === type) return;
    type = connection.type;
    changed();
  });
}
