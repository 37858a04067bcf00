package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lucarne/signaling/activity"
	"lucarne/signaling/session"
)

// activityFlags say what keeps a desktop from counting as idle.
type activityFlags struct {
	KeepAwake    []keepAwake   `placeholder:"RULE" group:"Activity" help:"What counts as activity although nobody is there: cpu=CORES/TIME (the desktop's programs have used so much for so long), gpu=PERCENT/TIME (a GPU has been so busy, likewise), process=NAME, file=PATH/TIME (changed less than so long ago). Several with commas between, or given again."`
	KeepAwakeMax time.Duration `default:"24h" group:"Activity" help:"How long that, and the page's button for it, may hold at most after somebody has last been there."`
	BusyFor      time.Duration `default:"2m" group:"Activity" help:"How long the desktop counts as busy after somebody has last typed, pointed or pasted; longer than the platform's period of asking."`
	PauseAfter   time.Duration `default:"30m" group:"Activity" help:"After how long without input a page stops showing the desktop, until somebody is there again; 0s: never."`
	IdleLimit    time.Duration `default:"0s" placeholder:"TIME" group:"Activity" help:"After how long the platform stops an idle desktop, for a warning in the page; 0s: it does not, or nobody knows."`
	Jupyter      string        `enum:"auto,off" default:"auto" group:"Activity" help:"auto: kernels and terminals of Jupyter servers in the same container count, too."`
}

func (f *activityFlags) validate() error {
	switch {
	case f.KeepAwakeMax < 0:
		return fmt.Errorf("--keep-awake-max %v is negative", f.KeepAwakeMax)
	case f.BusyFor < time.Second || f.BusyFor > time.Hour:
		return fmt.Errorf("--busy-for %v: 1s to 1h", f.BusyFor)
	case f.PauseAfter < 0:
		return fmt.Errorf("--pause-after %v is negative", f.PauseAfter)
	case f.IdleLimit < 0:
		return fmt.Errorf("--idle-limit %v is negative", f.IdleLimit)
	}
	return nil
}

// keepAwake is a rule as --keep-awake has it.
type keepAwake struct {
	kind    string
	text    string // a process's name or a file's path
	cores   float64
	percent int
	long    time.Duration
}

var errKeepAwake = errors.New("want cpu=CORES/TIME, gpu=PERCENT/TIME, process=NAME or file=PATH/TIME, such as cpu=0.5/10m, gpu=20/5m, process=blender, file=~/.keep-alive/8h")

// UnmarshalText parses a rule.
func (k *keepAwake) UnmarshalText(text []byte) error {
	kind, value, _ := strings.Cut(string(text), "=")
	before, after, err := value, "", error(nil)
	if kind != "process" {
		slash := strings.LastIndexByte(value, '/')
		before, after = value[:max(slash, 0)], value[slash+1:]
	}
	rule := keepAwake{kind: kind, text: before}
	switch kind {
	case "process":
	case "cpu":
		rule.cores, err = strconv.ParseFloat(before, 64)
		if err == nil && !(rule.cores > 0 && rule.cores <= 1024) {
			err = errKeepAwake
		}
	case "gpu":
		rule.percent, err = strconv.Atoi(before)
		if err == nil && (rule.percent < 1 || rule.percent > 100) {
			err = errKeepAwake
		}
	case "file":
	default:
		err = errKeepAwake
	}
	if kind != "process" && err == nil {
		rule.long, err = time.ParseDuration(after)
	}
	if err != nil || before == "" || rule.long < 0 {
		return fmt.Errorf("%q: %w", text, errKeepAwake)
	}
	*k = rule
	return nil
}

// rule makes it, for the machine with this file system and these GPUs.
func (k keepAwake) rule(root fs.FS, home string, gpus *gpuReader) activity.Rule {
	switch k.kind {
	case "process":
		return activity.ProcessRule(root, k.text)
	case "gpu":
		return activity.GPURule(gpus.busy, k.percent, k.long)
	case "file":
		path := k.text
		if rest, ok := strings.CutPrefix(path, "~/"); ok {
			path = filepath.Join(home, rest)
		}
		return activity.FileRule(path, k.long)
	}
	return activity.CPURule(root, k.cores, k.long, ours)
}

// ours says whether a process works for whoever looks rather than for whoever works.
func ours(_ int, comm string) bool {
	return slices.Contains([]string{"lucarne", "Xvnc", "Xtigervnc", "Xvfb", "Xorg"}, comm)
}

// meter returns what measures the activity of a session, and keeps it in the file named
// state. gpus nil: there is no GPU; hub nil: there is none.
func (f *activityFlags) meter(s *session.Session, state string, gpus *gpuReader, hub *activity.Hub, log *slog.Logger) *activity.Meter {
	root := os.DirFS("/")
	born, err := containerStart(root)
	if err != nil {
		log.Debug("start of the container not known", "err", err)
	}
	home, _ := os.UserHomeDir() // without one, a rule's file is not found
	config := activity.Config{
		Human: s.Active, Viewers: s.Viewers, Born: born,
		MaxAwake: f.KeepAwakeMax, BusyFor: f.BusyFor, Limit: f.IdleLimit,
		State: state, Hub: hub, Log: log,
	}
	for _, k := range f.KeepAwake {
		config.Rules = append(config.Rules, k.rule(root, home, gpus))
		if k.kind == "gpu" && gpus != nil {
			gpus.linger = ruled
		}
	}
	if f.Jupyter == "auto" {
		config.Jupyter = &activity.Jupyter{Dir: activity.JupyterDir(os.Getenv)}
	}
	return activity.New(config)
}

// activityFile is where the state is kept that outlives this process and not the
// container: never in a home that is a volume, and, asked for before lucarne up has given
// the desktop a runtime directory, never in one that ends with this process.
func activityFile() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = os.TempDir()
	}
	return filepath.Join(dir, fmt.Sprintf("lucarne-%d", os.Geteuid()), "activity.json")
}

// containerStart returns when the first process that can be seen was started, which
// is the container's, or the machine's where there is none (proc(5)).
func containerStart(root fs.FS) (time.Time, error) {
	machine, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	_, after, _ := bytes.Cut(machine, []byte("\nbtime "))
	line, _, _ := bytes.Cut(after, []byte("\n"))
	boot, err := strconv.ParseInt(string(line), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("btime in /proc/stat: %w", err)
	}
	first, err := fs.ReadFile(root, "proc/1/stat")
	if err != nil {
		return time.Time{}, err
	}
	fields := strings.Fields(string(first[bytes.LastIndexByte(first, ')')+1:]))
	const starttime, before = 22, 3 // fields as proc(5) counts them; the first one here
	if len(fields) <= starttime-before {
		return time.Time{}, errors.New("/proc/1/stat has no start time")
	}
	ticks, err := strconv.ParseInt(fields[starttime-before], 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("start time in /proc/1/stat: %w", err)
	}
	return time.Unix(boot, 0).Add(time.Duration(ticks) * 10 * time.Millisecond), nil
}

// hubOf returns the JupyterHub that has started this container, by its environment
// (https://jupyterhub.readthedocs.io/en/stable/reference/api/spawner.html); nil: none has, or
// it wants to hear of no activity.
func hubOf(env func(string) string, log *slog.Logger) *activity.Hub {
	h := &activity.Hub{
		URL:    env("JUPYTERHUB_ACTIVITY_URL"),
		Token:  env("JUPYTERHUB_API_TOKEN"),
		Server: env("JUPYTERHUB_SERVER_NAME"),
		Log:    log,
	}
	if text := env("JUPYTERHUB_ACTIVITY_INTERVAL"); text != "" {
		switch seconds, err := strconv.ParseUint(text, 10, 31); {
		case err != nil:
			log.Warn("JUPYTERHUB_ACTIVITY_INTERVAL is no number of seconds", "err", err)
		case seconds == 0: // off, as for single-user servers
			return nil
		default:
			h.Every = time.Duration(seconds) * time.Second
		}
	}
	if h.URL == "" || h.Token == "" {
		return nil
	}
	return h
}

// tellHub tells JupyterHub of activity, if there is one.
func (d *desktop) tellHub(ctx context.Context) error {
	if d.hub == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	return d.hub.Run(ctx, d.activity.Last)
}

// activityCmd is lucarne activity.
type activityCmd struct {
	askFlags
	JSON bool `name:"json" help:"Write {\"last_activity\": …} alone, as Kubeflow's probes by command want it."`
}

// Run asks the lucarne that runs here when its desktop was last used.
func (c *activityCmd) Run(ctx context.Context, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	status, err := c.status(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err = fmt.Fprintf(stdout, "{\"last_activity\": %q}\n", status.Last.UTC().Format(time.RFC3339Nano))
		return err
	}
	state := "idle"
	if status.Busy {
		state = "busy"
	}
	_, err = fmt.Fprintf(stdout, "%s, last used %s (%v ago), %d connected\n", state, status.Last.Local().Format(time.DateTime),
		time.Since(status.Last.Time).Round(time.Second), status.Connections)
	return err
}
