package signaling

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"lucarne/capture"
	"lucarne/signaling/access"
	"lucarne/signaling/activity"
	"lucarne/signaling/files"
	"lucarne/signaling/rfb"
	"lucarne/signaling/session"
	"lucarne/signaling/wsmedia"
)

// Config is what a Handler is made of.
type Config struct {
	Session *session.Session
	Screen  *capture.Screen
	// Open makes the media beside the socket of a viewer that has just joined.
	Open     OpenMedia
	Pictures wsmedia.Config // of those on the socket itself
	Web      fs.FS          // the built page: index.html and assets/
	Log      *slog.Logger

	// BasePath is the path under which the page is seen, "" for "/". Requests
	// are answered with the prefix kept and with it stripped.
	BasePath string
	// Access says who may come in; links are the session's, and Base is BasePath's.
	Access access.Config
	// FrameAncestors may show the page in a frame: sources as in CSP's frame-ancestors
	// (https://www.w3.org/TR/CSP3), such as 'self'. none: nobody may.
	FrameAncestors []string
	Version        string       // of the page; a page of another version reloads. "": as Web's index.html says
	Role           session.Role // of whoever comes in without a link; "": session.Owner

	// VNC is how the display's VNC server is reached; nil: there is none.
	VNC *rfb.Server
	// VNCOff is why there is none, a code that pages word; "": vnc-off.
	VNCOff string

	// Activity answers whoever asks whether the desktop is in use, without credentials:
	// api/kernels, api/terminals, api/status. nil: nobody does.
	Activity *activity.Meter
	// Rest is how long a page may show the desktop to nobody, as far as input tells,
	// before its socket is closed: an open page would count as activity at a hub, and
	// costs what its picture costs. 0: for ever.
	Rest time.Duration

	// Files are brought to the desktop and fetched from it. nil: there are none.
	Files *files.Store

	// GPUs returns how the GPUs are, for pages that show it; none where that cannot be
	// known. It may take as long as ctx lasts. nil: nobody knows.
	GPUs func(ctx context.Context) []GPU

	// Doctor looks at what the desktop lacks, for its owner. It may take as long as ctx lasts;
	// several may ask. nil: nobody looks.
	Doctor func(ctx context.Context, visit Visit) []Finding

	// Processes are those that keep the desktop running, of which owners are told. nil:
	// others keep it.
	Processes Processes

	// DisplayReason words why the display is as it is, for the page: a code of
	// its catalogue and arguments. nil: it shows the state alone.
	DisplayReason func(capture.Status) (code string, args []string)
}

// Handler serves one session: the page, the WebSocket, login and health. It
// answers whether there is a display or not.
type Handler struct {
	cfg      Config
	base     string // decoded, begins and ends with "/"
	policy   string // Content-Security-Policy
	gate     *access.Gate
	upgrader websocket.Upgrader
	pace     pace
	cursors  cursors
	halfOpen halfOpen
	pages    pages
	packed   packed
	traffic  traffic
	vncBytes atomic.Uint64 // of RFB, to all pages
	vncs     atomic.Int32  // pages that have RFB

	mu      sync.Mutex
	sockets map[*socket]struct{}
	closing bool
	open    sync.WaitGroup // of sockets
}

// New returns a handler. It starts nothing.
func New(cfg Config) (*Handler, error) {
	base, err := parseBase(cfg.BasePath)
	if err != nil {
		return nil, err
	}
	cfg.Role = cmp.Or(cfg.Role, session.Owner)
	if cfg.Version == "" {
		cfg.Version = pageVersion(cfg.Web)
	}
	if cfg.DisplayReason == nil {
		cfg.DisplayReason = func(capture.Status) (string, []string) { return "", nil }
	}
	pace := defaultPace
	if cfg.Rest > 0 {
		pace.doze = min(pace.doze, cfg.Rest/4+1)
	}
	cfg.Access.Origins.Guarded = cmp.Or(cfg.Access.Method, access.None) == access.None
	gate, err := newGate(cfg, base)
	if err != nil {
		return nil, err
	}
	return &Handler{
		cfg:     cfg,
		base:    base,
		policy:  contentPolicy(cfg.FrameAncestors),
		gate:    gate,
		pace:    pace,
		sockets: make(map[*socket]struct{}),
		upgrader: websocket.Upgrader{
			ReadBufferSize: 2 * pieceSize,                            // a piece of a clipboard in one read
			CheckOrigin:    func(*http.Request) bool { return true }, // checked before
		},
	}, nil
}

// newGate returns who lets people in, of a session whose links count and which is told of
// those whom it does not.
func newGate(cfg Config, base string) (*access.Gate, error) {
	who := cfg.Access
	who.Base, who.Log, who.Refused = base, cfg.Log, cfg.Session.RefuseLogin
	who.Redeem = func(secret string) (string, time.Time, error) {
		share, err := cfg.Session.Redeem(secret)
		return share.ID, share.Until, err
	}
	who.Linked = cfg.Session.Shared
	return access.New(who)
}

// parseBase brings a base path into the form "/a/b/".
func parseBase(base string) (string, error) {
	decoded, err := url.PathUnescape(base)
	if err != nil {
		return "", fmt.Errorf("signaling: base path %q: %w", base, err)
	}
	if decoded == "" || decoded == "/" {
		return "/", nil
	}
	trimmed := strings.TrimSuffix(decoded, "/")
	if !strings.HasPrefix(trimmed, "/") || path.Clean(trimmed) != trimmed || strings.ContainsAny(trimmed, "?#;\\") {
		return "", fmt.Errorf("signaling: base path %q: %w", base, errBasePath)
	}
	return trimmed + "/", nil
}

var errBasePath = errors.New("want an absolute path without query, such as /user/alice/desktop/")

// Run serves until ctx ends; then it tells every page to come back later, closes
// their sockets and waits for them. New sockets are refused from then on.
//
// An http.Server does not know of sockets: shut it down after Run.
func (h *Handler) Run(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	h.closing = true
	for s := range h.sockets {
		s.cancel(farewell{code: "shutdown", retry: true})
	}
	h.mu.Unlock()
	h.open.Wait()
	return ctx.Err()
}

// ServeHTTP answers under the base path and at the root, as proxies in front
// either keep or strip the prefix.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.protect(w.Header())
	if !h.cfg.Access.Origins.HostAllowed(r) {
		http.Error(w, fmt.Sprintf("host %q refused: start with --allowed-host or a token", r.Host), http.StatusForbidden)
		return
	}
	name, kept := strings.CutPrefix(r.URL.Path, h.base)
	if !kept {
		if r.URL.Path+"/" == h.base {
			below := url.URL{Path: path.Base(h.base) + "/", RawQuery: r.URL.RawQuery}
			w.Header().Set("Location", below.String()) // relative: the proxy may know a longer path
			w.WriteHeader(http.StatusPermanentRedirect)
			return
		}
		name = strings.TrimPrefix(r.URL.Path, "/")
	}
	if h.gate.Serve(w, r, name, kept) {
		return
	}
	switch name {
	case "ws":
		h.serveSocket(w, r)
		return
	case "vnc/ws":
		h.serveVNC(w, r)
		return
	}
	if rest, found := strings.CutPrefix(name, "files/"); found {
		h.serveFiles(w, r, rest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	switch name {
	case "", "index.html":
		h.page(w, r, "index.html")
	case "vnc":
		// With a dot: Open OnDemand's /rnode writes its path before the first slash of what begins otherwise.
		w.Header().Set("Location", (&url.URL{Path: "./vnc/", RawQuery: r.URL.RawQuery}).String())
		w.WriteHeader(http.StatusPermanentRedirect)
	case "vnc/", "vnc/index.html":
		h.page(w, r, "vnc/index.html")
	case "connection":
		h.page(w, r, "connection.html")
	case "api/kernels", "api/terminals", "api/status":
		if h.cfg.Activity == nil {
			http.NotFound(w, r)
			return
		}
		h.cfg.Activity.ServeHTTP(w, r)
	case "healthz", "readyz":
		h.ServeHealth(w, name)
	default:
		h.asset(w, r, name)
	}
}

// contentPolicy lets the page load from its own origin alone, and be shown in a frame by
// ancestors and nobody else: of one of its own origin a neighbour's page could read all.
func contentPolicy(ancestors []string) string {
	if len(ancestors) == 0 {
		ancestors = []string{"'none'"}
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; " +
		"media-src 'self' blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; worker-src 'self'; " +
		"base-uri 'none'; form-action 'self'; frame-ancestors " + strings.Join(ancestors, " ")
}

// frameOptions says to browsers without frame-ancestors who may show the page in a frame, as
// far as they can be told (RFC 7034); "": they cannot be.
func frameOptions(ancestors []string) string {
	switch {
	case len(ancestors) == 0:
		return "DENY"
	case slices.Equal(ancestors, []string{"'self'"}):
		return "SAMEORIGIN"
	}
	return ""
}

// protect sets the headers that every answer has.
func (h *Handler) protect(header http.Header) {
	header.Set("Content-Security-Policy", h.policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	// Who has opened the page, a neighbour's of its own origin included, gets no hold of its
	// window. A browser that does not know this value (Chromium before 131, Firefox) is left with
	// what Sec-Fetch-Dest and the key keep from neighbours.
	header.Set("Cross-Origin-Opener-Policy", "noopener-allow-popups")
	if legacy := frameOptions(h.cfg.FrameAncestors); legacy != "" {
		header.Set("X-Frame-Options", legacy)
	}
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "clipboard-read=(self), clipboard-write=(self), fullscreen=(self), keyboard-map=(self), "+
		"camera=(), microphone=(), geolocation=(), display-capture=()")
}
