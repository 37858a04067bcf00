package signaling

import (
	"fmt"
	"net/http"

	"lucarne/capture"
)

// Why the desktop cannot be shown, as readyz answers.
const (
	notStarted = "starting"   // it will be there in a moment
	notWorking = "failed"     // it was never there, and what was tried last went wrong
	notThere   = "no-display" // it was there
	notAnyMore = "stopping"   // and neither will this process be
)

// Ready returns "" while the desktop can be shown: its display is up and all processes are
// ready that are needed for it. Else it says in a word why not.
func (h *Handler) Ready() (code string) {
	h.mu.Lock()
	closing := h.closing
	h.mu.Unlock()
	if closing {
		return notAnyMore
	}
	if h.cfg.Processes != nil {
		for _, p := range h.cfg.Processes.All() {
			switch {
			case !p.Needed || p.State == ProcessReady:
			case p.State == ProcessRetrying || p.State == ProcessFailed:
				return notWorking
			default:
				return notStarted
			}
		}
	}
	switch h.cfg.Screen.Status().State {
	case capture.Up:
		return ""
	case capture.Failed:
		return notWorking
	case capture.Gone:
		return notThere
	}
	return notStarted
}

// ServeHealth answers probes: healthz with 200 as long as this process answers, readyz
// with 200 while Ready, else with 503 and the word. Neither asks who wants to know, and
// neither tells more.
func (h *Handler) ServeHealth(w http.ResponseWriter, name string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	answer := "ok"
	if name == "readyz" {
		if why := h.Ready(); why != "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			answer = why
		}
	}
	fmt.Fprintln(w, answer)
}
