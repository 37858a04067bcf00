package e2e

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"lucarne/perf/browser"
)

// dropped is the size in bytes of the file that is dropped: several pieces.
const dropped = 12 << 20

// cutsScript breaks off each third piece of an upload while it is on its way.
const cutsScript = `{ const real = fetch; let pieces = 0; window.cuts = 0;
window.fetch = (url, init = {}) => {
	if (init.method !== "PATCH" || ++pieces % 3 !== 2) return real(url, init);
	const cut = new AbortController();
	setTimeout(() => { cuts++; cut.abort(); }, 3);
	return real(url, {...init, signal: cut.signal});
}; }`

// dropScript drops files on the picture, as from a file manager, and returns the SHA-256 of
// the first in hexadecimal.
const dropScript = `(async () => {
	const content = new Uint8Array(%d);
	for (let n = 0; n < content.length; n += 65536) crypto.getRandomValues(content.subarray(n, n + 65536));
	const transfer = new DataTransfer();
	transfer.items.add(new File([content], "été 1.bin"));
	transfer.items.add(new File(["short"], "short.txt"));
	const stage = document.querySelector("#stage");
	for (const type of ["dragenter", "dragover"]) stage.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: transfer}));
	if (document.querySelector(".drop").hidden) throw new Error("nothing says that files may be dropped");
	stage.dispatchEvent(new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: transfer}));
	if (!document.querySelector(".drop").hidden) throw new Error("it still says so");
	return [...new Uint8Array(await crypto.subtle.digest("SHA-256", content))].map(b => b.toString(16).padStart(2, "0")).join("");
})()`

func TestFiles(t *testing.T) {
	dir, saved := filepath.Join(t.TempDir(), "Downloads"), t.TempDir()
	d := newDesk(t, setup{agent: []string{"--auth", "none", "--files", dir}})
	page := d.load(d.browser, d.url("?resize=off&transport=ws"), cutsScript)
	page.picture()
	d.check(page.Call(d.ctx, "Browser.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": saved}, nil))
	page.wait(`document.querySelector("button[data-tool=files]")`)

	var sum string
	d.check(page.Eval(d.ctx, fmt.Sprintf(dropScript, dropped), &sum))
	page.wait(`[...document.querySelectorAll(".files li[data-state=done]")].length === 2`)
	content, err := os.ReadFile(filepath.Join(dir, "été 1.bin"))
	if got := sha256.Sum256(content); err != nil || hex.EncodeToString(got[:]) != sum {
		t.Errorf("%d bytes have come of %d, or others: %v", len(content), dropped, err)
	}
	var cuts int
	d.check(page.Eval(d.ctx, "cuts", &cuts))
	if cuts < 2 {
		t.Errorf("%d cuts: the file was to be resumed", cuts)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
		t.Errorf("the directory has %v, %v", entries, err)
	}

	want := []byte("from the desktop")
	if err := os.WriteFile(filepath.Join(dir, "result.txt"), want, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // closed, and opened anew
		page.act("button[data-tool=files]")
	}
	const save = `button[aria-label="Save result.txt"]`
	page.wait(fmt.Sprintf(`document.querySelector('%s')`, save))
	d.check(page.Click(d.ctx, page.middle(save), browser.Left))
	poll(t, "the file that was saved", func() bool {
		got, err := os.ReadFile(filepath.Join(saved, "result.txt"))
		return err == nil && bytes.Equal(got, want)
	})
	page.keep("files")
}
