package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
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
	Every  time.Duration // 0: 5 min, as single-user servers do
}

// Run tells the hub of activity that it does not know of yet, until ctx ends,
// which it returns. A hub that cannot be reached is asked again at the next turn.
func (h Hub) Run(ctx context.Context, last func() time.Time) error {
	if h.Every <= 0 {
		h.Every = 5 * time.Minute
	}
	client := &http.Client{
		Timeout: 20 * time.Second,
		// The token is for this address alone.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	ticker := time.NewTicker(h.Every)
	defer ticker.Stop()
	var told time.Time
	failing := false
	for {
		if at := last(); at.After(told) {
			err := h.tell(ctx, client, at)
			switch {
			case err == nil:
				told = at
				if failing {
					h.Log.Info("the hub hears of activity again")
				}
			case ctx.Err() == nil && !failing:
				h.Log.Warn("the hub does not hear of activity and may stop the desktop while it is used", "err", err)
			}
			failing = err != nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (h Hub) tell(ctx context.Context, client *http.Client, at time.Time) error {
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
