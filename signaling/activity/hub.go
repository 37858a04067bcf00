package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"
)

// Hub is a JupyterHub that wants to know when the desktop was used, since it sees
// nothing of what passes it by: media and input by WebRTC
// (https://jupyterhub.readthedocs.io/en/stable/reference/rest-api.html, POST /users/{name}/activity).
type Hub struct {
	URL    string // JUPYTERHUB_ACTIVITY_URL
	Token  string // JUPYTERHUB_API_TOKEN; goes into a header and nowhere else
	Server string // JUPYTERHUB_SERVER_NAME; "" is the name of the default server
	Log    *slog.Logger
	Every  time.Duration // JUPYTERHUB_ACTIVITY_INTERVAL; 0: 5 min, as single-user servers do

	deaf atomic.Bool
}

// againAfter is how long after a hub could not be told it is told again; each time
// twice as long, up to Every.
const againAfter = 5 * time.Second

// Hears says whether the hub has taken what it was told last, or was told nothing yet.
// It may be called from any goroutine.
func (h *Hub) Hears() bool { return !h.deaf.Load() }

// Run tells the hub of activity that it does not know of yet, until ctx ends, which it
// returns. A hub that cannot be told is told again, at longer and longer intervals.
func (h *Hub) Run(ctx context.Context, last func() time.Time) error {
	every := h.Every
	if every <= 0 {
		every = 5 * time.Minute
	}
	client := direct()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var told time.Time
	again := againAfter
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		wait := every
		if at := last(); at.After(told) {
			err := h.tell(ctx, client, at)
			h.note(ctx, err)
			if err == nil {
				told, again = at, againAfter
			} else {
				wait, again = min(again, every), 2*min(again, every)
			}
		}
		timer.Reset(wait - wait/10 + rand.N(wait/5+1)) // many desktops do not tell at once
	}
}

// note logs that the hub hears nothing any more, or hears again, once each.
func (h *Hub) note(ctx context.Context, err error) {
	if ctx.Err() != nil || h.deaf.Swap(err != nil) == (err != nil) {
		return
	}
	if err != nil {
		h.Log.Warn("the hub does not hear of activity and may stop the desktop while it is used", "err", err)
		return
	}
	h.Log.Info("the hub hears of activity again")
}

func (h *Hub) tell(ctx context.Context, client *http.Client, at time.Time) error {
	type server struct {
		Last Time `json:"last_activity"`
	}
	body, err := json.Marshal(struct {
		Servers map[string]server `json:"servers"`
		Last    Time              `json:"last_activity"`
	}{map[string]server{h.Server: {Time{at}}}, Time{at}})
	if err != nil {
		return fmt.Errorf("activity: tell the hub: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("activity: tell the hub: %w", err)
	}
	req.Header.Set("Authorization", "token "+h.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("activity: tell the hub: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("activity: tell the hub: it answers %s", resp.Status)
	}
	return nil
}

// direct returns a client for servers that are near and get a token: no proxy of the
// environment's sees it, and no redirect takes it elsewhere. A request now and then
// keeps no connection.
func direct() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
