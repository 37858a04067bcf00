package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// HubConfig is what JupyterHub tells a server that it starts, in JUPYTERHUB_* variables.
type HubConfig struct {
	APIURL      string   // JUPYTERHUB_API_URL
	APIToken    string   // JUPYTERHUB_API_TOKEN
	ClientID    string   // JUPYTERHUB_CLIENT_ID
	Host        string   // JUPYTERHUB_HOST: of the hub, where it is another's than ours; ""
	BaseURL     string   // JUPYTERHUB_BASE_URL
	CallbackURL string   // JUPYTERHUB_OAUTH_CALLBACK_URL
	Scopes      []string // JUPYTERHUB_OAUTH_ACCESS_SCOPES: any of them lets in
}

// Hub is a JupyterHub that says who somebody is, by OAuth 2.0 (RFC 6749 §4.1).
type Hub struct {
	cfg    HubConfig
	oauth  oauth2.Config
	client *http.Client
	places chan struct{} // of codes that it is being asked about
}

// How long what the hub has said of somebody counts. A hub that does not answer, for it
// is being restarted, keeps nobody out whom it has let in a while ago.
const (
	recheckAfter = 4 * time.Minute // and a minute at most until somebody looks
	retryAfter   = 15 * time.Second
	hubGrace     = time.Hour
	hubPatience  = 10 * time.Second
	maxHubAnswer = 1 << 20 // bytes
	maxExchanges = 8       // at a time: anybody may come with a code of their own making
)

// NewHub returns a hub. It asks it nothing. HTTP_PROXY and its like are ignored: the hub
// is as near as the server is, and its token is nobody else's.
func NewHub(cfg HubConfig) (*Hub, error) {
	for name, value := range map[string]string{
		"JUPYTERHUB_API_URL": cfg.APIURL, "JUPYTERHUB_API_TOKEN": cfg.APIToken, "JUPYTERHUB_CLIENT_ID": cfg.ClientID,
		"JUPYTERHUB_BASE_URL": cfg.BaseURL, "JUPYTERHUB_OAUTH_CALLBACK_URL": cfg.CallbackURL,
	} {
		if value == "" {
			return nil, fmt.Errorf("access: hub: %s is not set", name)
		}
	}
	if len(cfg.Scopes) == 0 {
		return nil, errors.New("access: hub: JUPYTERHUB_OAUTH_ACCESS_SCOPES names no scope")
	}
	api, err := url.Parse(cfg.APIURL)
	if err != nil || api.Scheme != "http" && api.Scheme != "https" || api.Host == "" {
		return nil, fmt.Errorf("access: hub: JUPYTERHUB_API_URL %q is no URL", cfg.APIURL)
	}
	return &Hub{
		cfg:    cfg,
		places: make(chan struct{}, maxExchanges),
		oauth: oauth2.Config{
			ClientID: cfg.ClientID, ClientSecret: cfg.APIToken, RedirectURL: cfg.CallbackURL,
			Endpoint: oauth2.Endpoint{
				AuthURL:   strings.TrimSuffix(cfg.Host, "/") + "/" + strings.Trim(cfg.BaseURL+"hub/api/oauth2/authorize", "/"),
				TokenURL:  strings.TrimSuffix(cfg.APIURL, "/") + "/oauth2/token",
				AuthStyle: oauth2.AuthStyleInParams,
			},
		},
		client: &http.Client{
			Timeout:       hubPatience,
			Transport:     &http.Transport{Proxy: nil, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// exchange turns the code that somebody has come back with into a token.
func (h *Hub) exchange(ctx context.Context, code string) (token string, err error) {
	select {
	case h.places <- struct{}{}:
		defer func() { <-h.places }()
	default:
		return "", fmt.Errorf("%w: token: it is being asked about %d", ErrHub, maxExchanges)
	}
	t, err := h.oauth.Exchange(context.WithValue(ctx, oauth2.HTTPClient, h.client), code)
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response.StatusCode < 500:
		return "", fmt.Errorf("%w: no token: %s", ErrBarred, refused.Response.Status) // the body may hold what was sent
	case err != nil:
		return "", fmt.Errorf("%w: token: %w", ErrHub, bare(err))
	}
	return t.AccessToken, nil
}

// user returns whose token it is, if that person may come in.
func (h *Hub) user(ctx context.Context, token string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(h.cfg.APIURL, "/")+"/user", nil)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrHub, err)
	}
	r.Header.Set("Authorization", "token "+token)
	response, err := h.client.Do(r)
	if err != nil {
		return "", fmt.Errorf("%w: user: %w", ErrHub, bare(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHubAnswer))
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: user: %w", ErrHub, err)
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden, response.StatusCode == http.StatusNotFound:
		return "", fmt.Errorf("%w: user: %s", ErrBarred, response.Status)
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%w: user: %s", ErrHub, response.Status)
	}
	return admitted(body, h.cfg.Scopes)
}

// admitted reads the hub's model of a user, who has to have one of the scopes.
func admitted(model []byte, scopes []string) (name string, err error) {
	var user struct {
		Name   string   `json:"name"`
		Scopes []string `json:"scopes"`
	}
	if err := json.Unmarshal(model, &user); err != nil {
		return "", fmt.Errorf("%w: user: not JSON", ErrHub)
	}
	if !userName(user.Name) || !slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(user.Scopes, s) }) {
		return "", fmt.Errorf("%w: %.64q has none of the scopes %q", ErrBarred, user.Name, scopes)
	}
	return user.Name, nil
}

// bare is an error without the URL of what was asked, which may hold a code.
func bare(err error) error {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
