package cost

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Traffic is what has gone through network interfaces since they were made.
type Traffic struct{ Received, Sent Volume }

// Volume is an amount of traffic in one direction.
type Volume struct{ Bytes, Packets int }

// TrafficOf returns the traffic of all network interfaces but the loopback in
// the network namespace that a process is in (/proc/PID/net/dev). It counts
// what every process of that namespace sends, headers included, so that it says
// something of one program only where the namespace is the program's own.
func TrafficOf(pid int) (Traffic, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		return Traffic{}, fmt.Errorf("cost: traffic: %w", err)
	}
	return parseInterfaces(string(text)), nil
}

// Less returns what has come since an earlier Traffic.
func (t Traffic) Less(earlier Traffic) Traffic {
	return Traffic{Received: t.Received.less(earlier.Received), Sent: t.Sent.less(earlier.Sent)}
}

func (v Volume) less(earlier Volume) Volume {
	return Volume{v.Bytes - earlier.Bytes, v.Packets - earlier.Packets}
}

// parseInterfaces reads the text of /proc/PID/net/dev (proc(5)): two lines of
// headings, then for each interface eight numbers received and eight sent.
func parseInterfaces(text string) Traffic {
	var t Traffic
	for line := range strings.Lines(text) {
		name, numbers, ok := strings.Cut(line, ":")
		fields := strings.Fields(numbers)
		if !ok || strings.TrimSpace(name) == "lo" || len(fields) < 10 {
			continue
		}
		for i, sum := range map[int]*int{0: &t.Received.Bytes, 1: &t.Received.Packets, 8: &t.Sent.Bytes, 9: &t.Sent.Packets} {
			n, _ := strconv.Atoi(fields[i])
			*sum += n
		}
	}
	return t
}
