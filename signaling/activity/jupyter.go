package activity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
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
	others others // as they were then
	failed bool
}

// others is what other servers of the container list.
type others struct {
	kernels   []Kernel
	terminals []Terminal
}

const (
	maxServers = 4       // that are asked
	maxListed  = 256     // kernels or terminals of one that are taken
	maxAnswer  = 1 << 20 // bytes of one answer
	freshFor   = 15 * time.Second
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

// ask returns what the servers list, which is at most 15 s old.
func (j *Jupyter) ask(ctx context.Context, log *slog.Logger) others {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if !j.at.IsZero() && now.Sub(j.at) < freshFor {
		return j.others
	}
	var all others
	var errs []error
	for _, s := range j.servers() {
		err := errors.Join(
			list(ctx, s, "kernels", func(n int, k Kernel) {
				k.ID, k.Name = fmt.Sprintf("jupyter-%d-%d", s.PID, n+1), "jupyter"
				if k.State != "idle" {
					k.State = "busy" // so reads who asks: starting, restarting, dead
				}
				all.kernels = append(all.kernels, k)
			}),
			list(ctx, s, "terminals", func(n int, t Terminal) {
				t.Name = fmt.Sprintf("jupyter-%d-%d", s.PID, n+1)
				all.terminals = append(all.terminals, t)
			}),
		)
		errs = append(errs, err)
	}
	err := errors.Join(errs...)
	if err != nil && !j.failed {
		log.Warn("a Jupyter server does not list its kernels", "err", err)
	}
	j.failed = err != nil
	j.at, j.others = now, all
	return all
}

// server is what a Jupyter server says of itself.
type server struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	PID   int    `json:"pid"`
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
	if !onLoopback(s.URL) {
		return s, errors.New("activity: a Jupyter server elsewhere")
	}
	return s, nil
}

// onLoopback says whether an address is one of this machine's own: no other one
// gets a token.
func onLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func running(pid int) bool {
	_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(pid)))
	return pid > 0 && err == nil
}

// list hands what a server lists to take, one by one.
func list[T any](ctx context.Context, s server, what string, take func(int, T)) error {
	address, err := url.JoinPath(s.URL, "api", what)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("activity: %w", err)
	}
	req.Header.Set("Authorization", "token "+s.Token)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
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
	for n, item := range listed[:min(len(listed), maxListed)] {
		take(n, item)
	}
	return nil
}
