package perf

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"lucarne/perf/report"
)

// machine describes this machine. The browser is added by who starts it.
func machine() report.Machine {
	cpu := cpuModel("/proc/cpuinfo")
	return report.Machine{
		Class:  fmt.Sprintf("%dx-%s", runtime.NumCPU(), slug(cpu)),
		OS:     runtime.GOOS,
		Arch:   runtime.GOARCH,
		CPU:    cpu,
		Cores:  runtime.NumCPU(),
		Kernel: kernel(),
		Screen: fmt.Sprintf("%dx%d", screen.X, screen.Y),
	}
}

// cpuModel returns the processor's name.
func cpuModel(path string) string {
	text, _ := os.ReadFile(path) // without it the model is unknown
	for line := range strings.Lines(string(text)) {
		if name, model, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(model)
		}
	}
	return "unknown"
}

// slug makes a file name of a processor's name: "Intel(R) Xeon(R) CPU @ 2.80GHz"
// is "intel-xeon-2.80ghz".
func slug(model string) string {
	model = strings.NewReplacer("(R)", " ", "(TM)", " ", "(r)", " ", "(tm)", " ").Replace(model)
	var words []string
	for _, word := range strings.FieldsFunc(strings.ToLower(model), func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '.')
	}) {
		if word != "cpu" && word != "processor" {
			words = append(words, word)
		}
	}
	return strings.Join(words, "-")
}

// kernel returns the kernel's version.
func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(name.Release[:])
}

// loadAverage returns the machine's load over the last 1, 5 and 15 minutes.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	return strings.Join(strings.Fields(string(text) + " - - -")[:3], " ")
}
