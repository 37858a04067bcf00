package perf

import (
	"context"
	"fmt"
	"slices"
	"time"

	"lucarne/perf/browser"
	"lucarne/perf/report"
)

const (
	pasted = 1 << 20 // bytes of a paste, and of the message that it is held against
	pastes = 7
)

// pasteScript follows the page's socket: when it announces a clipboard, when the server
// has all of it, and how long a single message of that size takes there, up to the answer
// to a probe behind it. (Its first byte is of no type: the server ignores it.)
const pasteScript = `(() => {
	const { send } = WebSocket.prototype;
	const state = { socket: null, began: 0, took: [], probed() {} };
	const heard = ({ data }) => {
		if (typeof data !== "string") return void (new Uint8Array(data)[0] === 32 && state.probed());
		const { type, way, code } = JSON.parse(data);
		if (type === "transfer" && way === "in" && code === "done") state.took.push(performance.now() - state.began);
	};
	WebSocket.prototype.send = function (data) {
		if (typeof data === "string" && this !== state.socket) {
			state.socket = this;
			this.addEventListener("message", heard);
		}
		if (typeof data === "string" && data.startsWith('{"type":"clipboard"')) state.began = performance.now();
		return send.call(this, data);
	};
	state.message = bytes => new Promise(done => {
		const began = performance.now();
		state.probed = () => done(performance.now() - began);
		send.call(state.socket, new Uint8Array(bytes).fill(255));
		send.call(state.socket, Uint8Array.of(32, 0, 0, 0, 0, 0, 0, 0, 1));
	});
	window.lucarnePaste = state;
})()`

// paste measures how long 1 MiB of text takes from the browser's clipboard onto the
// desktop's, by turns with one message of that size on the same socket.
func paste(ctx context.Context, v *view) (report.Result, error) {
	r := report.Result{Metrics: map[string]float64{}}
	if err := v.page.Eval(ctx, pasteScript+", 1", nil); err != nil {
		return r, err
	}
	if err := v.page.Click(ctx, middle(flipBounds), browser.Left); err != nil {
		return r, err
	}
	waiting, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := v.page.Wait(waiting, "lucarnePaste.socket !== null"); err != nil {
		return r, fmt.Errorf("%s says nothing: %w", v.peer.Name(), err)
	}
	var messages, took []float64
	for n := range pastes {
		var message float64
		if err := v.page.Eval(ctx, fmt.Sprintf("lucarnePaste.message(%d)", pasted), &message); err != nil {
			return r, err
		}
		messages = append(messages, message)
		ms, err := v.pasteOnce(ctx, n)
		if err != nil {
			return r, err
		}
		took = append(took, ms)
	}
	r.Metrics["paste-ms"], r.Metrics["message-ms"] = median(took), median(messages)
	r.Metrics["paste/message"] = median(took) / median(messages)
	return r, nil
}

// pasteOnce copies a text that is another each time, presses Ctrl+V and returns how
// long the text has taken, in ms.
func (v *view) pasteOnce(ctx context.Context, n int) (float64, error) {
	write := fmt.Sprintf(`navigator.clipboard.writeText("%d".repeat(%d)).then(() => 1)`, n%10, pasted)
	if err := v.page.Eval(ctx, write, nil); err != nil {
		return 0, err
	}
	control := browser.Key{Code: "ControlLeft", Key: "Control"}
	held := control
	held.Modifiers = browser.Ctrl
	for _, act := range []func() error{
		func() error { return v.page.KeyDown(ctx, held) },
		func() error {
			return v.page.Press(ctx, browser.Key{Code: "KeyV", Key: "v", Modifiers: browser.Ctrl, Command: "paste"})
		},
		func() error { return v.page.KeyUp(ctx, control) },
	} {
		if err := act(); err != nil {
			return 0, err
		}
	}
	waiting, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := v.page.Wait(waiting, fmt.Sprintf("lucarnePaste.took.length > %d", n)); err != nil {
		return 0, fmt.Errorf("%s does not take the clipboard: %w", v.peer.Name(), err)
	}
	var took float64
	err := v.page.Eval(ctx, fmt.Sprintf("lucarnePaste.took[%d]", n), &took)
	return took, err
}

// median returns the middle one of an odd number of values.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
