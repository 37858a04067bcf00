package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Jupyter is the Jupyter servers that run beside the desktop, as they say
// themselves: each leaves a jpserver-PID.json in its runtime directory
// (https://docs.jupyter.org/en/stable/use/jupyter-directories.html).
type Jupyter struct {
	Dir string // the runtime directory

	mu     sync.Mutex
	at     time.Time
	listed map[int]listing // as it was then, by the server's process
	failed bool
}

// listing is what a server lists, and when it said so.
type listing struct {
	at        time.Time
	kernels   []Kernel
	terminals []Terminal
}

const (
	maxServers = 4       // that are asked
	maxListed  = 256     // kernels or terminals of one that are taken
	maxAnswer  = 1 << 20 // bytes of one answer
	freshFor   = 15 * time.Second
	// validFor is how long what a server has listed counts while it does not answer: one
	// that is busy is not idle.
	validFor = 10 * time.Minute
)

// JupyterDir returns the runtime directory of the Jupyter servers of this user, by the
// environment, which env looks up as os.Getenv does.
func JupyterDir(env func(string) string) string {
	if dir := env("JUPYTER_RUNTIME_DIR"); dir != "" {
		return dir
	}
	if dir := env("JUPYTER_DATA_DIR"); dir != "" {
		return filepath.Join(dir, "runtime")
	}
	if dir := env("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "jupyter", "runtime")
	}
	return filepath.Join(env("HOME"), ".local", "share", "jupyter", "runtime")
}

// patience is how long other servers in the container may take to be asked.
const patience = 3 * time.Second

// ask returns what the servers list, which is at most 15 s old where they answer. Nobody's
// context ends it: who asks and goes away must not have made those who ask next believe
// that there is nothing, and a server that never answers keeps nobody.
func (j *Jupyter) ask(log *slog.Logger) (kernels []Kernel, terminals []Terminal) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if now := time.Now(); j.at.IsZero() || now.Sub(j.at) >= freshFor {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := j.refresh(ctx, now)
		cancel()
		if err != nil && !j.failed {
			log.Warn("a Jupyter server does not list its kernels", "err", err)
		}
		j.at, j.failed = now, err != nil
	}
	for _, pid := range slices.Sorted(maps.Keys(j.listed)) {
		kernels = append(kernels, j.listed[pid].kernels...)
		terminals = append(terminals, j.listed[pid].terminals...)
	}
	return kernels, terminals
}

// refresh asks all servers at once. The caller holds j.mu.
func (j *Jupyter) refresh(ctx context.Context, now time.Time) error {
	all := j.servers()
	listings, errs := make([]listing, len(all)), make([]error, len(all))
	var asking sync.WaitGroup
	for n, s := range all {
		asking.Go(func() { listings[n], errs[n] = s.list(ctx, now) })
	}
	asking.Wait()
	listed := make(map[int]listing)
	for n, s := range all {
		if earlier := j.listed[s.PID]; errs[n] != nil {
			if now.Sub(earlier.at) < validFor {
				listed[s.PID] = earlier
			}
			continue
		}
		listed[s.PID] = listings[n]
	}
	j.listed = listed
	return errors.Join(errs...)
}

// server is what a Jupyter server says of itself.
type server struct {
	URL      string `json:"url"`
	Hostname string `json:"hostname"` // at which it listens
	Token    string `json:"token"`
	PID      int    `json:"pid"`
}

// list asks for kernels and terminals, without names.
func (s server) list(ctx context.Context, now time.Time) (listing, error) {
	l := listing{at: now}
	err := fetch(ctx, s, "kernels", &l.kernels)
	if err == nil {
		err = fetch(ctx, s, "terminals", &l.terminals)
	}
	for n := range l.kernels {
		k := &l.kernels[n]
		k.ID, k.Name = fmt.Sprintf("jupyter-%d-%d", s.PID, n+1), "jupyter"
		if k.State != "idle" {
			k.State = "busy" // so reads who asks: starting, restarting, dead
		}
	}
	for n := range l.terminals {
		l.terminals[n].Name = fmt.Sprintf("jupyter-%d-%d", s.PID, n+1)
	}
	return l, err
}

// servers returns those that run.
func (j *Jupyter) servers() []server {
	files, _ := filepath.Glob(filepath.Join(j.Dir, "jpserver-*.json")) // the pattern is fixed
	var all []server
	for _, path := range files {
		s, err := readServer(path)
		if err != nil || !running(s.PID) {
			continue // the file of a server that has been killed stays behind
		}
		if all = append(all, s); len(all) == maxServers {
			break
		}
	}
	return all
}

func readServer(path string) (server, error) {
	var s server
	file, err := os.Open(path)
	if err != nil {
		return s, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, err
	}
	s.URL, err = s.onLoopback()
	return s, err
}

// onLoopback returns the URL by which this machine itself reaches the server: no
// other one gets a token. A server that listens on all addresses has the machine's
// name in its own URL.
func (s server) onLoopback() (string, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", fmt.Errorf("activity: a Jupyter server's URL: %w", err)
	}
	if ip := net.ParseIP(s.Hostname); ip != nil && ip.IsUnspecified() && u.Port() != "" {
		u.Host = net.JoinHostPort("localhost", u.Port())
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", errors.New("activity: a Jupyter server elsewhere")
	}
	return u.String(), nil
}

func running(pid int) bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return pid > 0 && err == nil
}

// fetch reads what a server lists of a kind.
func fetch[T any](ctx context.Context, s server, what string, into *[]T) error {
	address, err := url.JoinPath(s.URL, "api", what)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	req.Header.Set("Authorization", "token "+s.Token)
	resp, err := direct().Do(req)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return nil // a server without terminals
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("activity: %s: %s", address, resp.Status)
	}
	var listed []T
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&listed); err != nil {
		return fmt.Errorf("activity: %s: %w", address, err)
	}
	*into = listed[:min(len(listed), maxListed)]
	return nil
}
