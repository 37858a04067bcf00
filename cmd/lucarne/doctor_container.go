package main

import (
	"context"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"lucarne/cmd/internal/doctor"
	"lucarne/cmd/internal/quota"
	"lucarne/signaling/activity"
)

const (
	// leastHome is what a desktop's programs want to write at least, in bytes.
	leastHome = 100 << 20
	// leastTemporary is what browsers on the desktop put into /dev/shm at least, in bytes.
	leastTemporary = 256 << 20
	// leastCores is below what the desktop's programs and the encoder get into each
	// other's way.
	leastCores = 1.0
)

// checkUser looks at who the desktop's programs run as.
func checkUser(context.Context) doctor.Finding {
	uid, gid := os.Geteuid(), os.Getegid()
	u, err := user.LookupId(fmt.Sprint(uid))
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("uid %d has no name in /etc/passwd: some programs do not start without", uid),
			Admin: "add an entry for the uid when the container starts, or make /etc/passwd writable for the group 0"}
	}
	found := fmt.Sprintf("%s, uid %d, gid %d", u.Username, uid, gid)
	if uid == 0 {
		return doctor.Finding{State: doctor.Warn, Found: found + ": the desktop's programs have all rights of the container",
			Admin: "run the container as an ordinary user"}
	}
	return doctor.Finding{State: doctor.OK, Found: found}
}

// checkHome looks whether programs can keep what they write.
func checkHome(context.Context) doctor.Finding {
	home, err := os.UserHomeDir()
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: err.Error(), Admin: "set HOME to a directory that the user may write to"}
	}
	file, err := os.CreateTemp(home, ".lucarne-doctor-*")
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("%s cannot be written to: %v", home, err),
			Admin: "mount a volume there that belongs to the user, or to a group of theirs (fsGroup)"}
	}
	file.Close()
	os.Remove(file.Name())
	free, _, err := space(home)
	switch {
	case err != nil:
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("%s: %v", home, err)}
	case free < leastHome:
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("%s has %d MB left", home, free>>20), User: "remove what is not needed", Admin: "enlarge the volume"}
	}
	return doctor.Finding{State: doctor.OK, Found: fmt.Sprintf("%s, %d MB left", home, free>>20)}
}

// checkTemporary looks at the memory that programs share by files.
func checkTemporary(context.Context) doctor.Finding {
	_, size, err := space("/dev/shm")
	switch {
	case err != nil:
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("/dev/shm: %v: browsers on the desktop crash", err),
			Admin: "mount a memory-backed emptyDir at /dev/shm (docker run --shm-size)"}
	case size < leastTemporary:
		return doctor.Finding{State: doctor.Warn, Found: fmt.Sprintf("%d MB: browsers on the desktop crash when it is full", size>>20),
			Admin: "mount a larger one: a memory-backed emptyDir (docker run --shm-size)"}
	}
	return doctor.Finding{State: doctor.OK, Found: fmt.Sprintf("%d MB", size>>20)}
}

// space returns how many bytes a file system has left for this user, and how many in all.
func space(path string) (free, size uint64, err error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil {
		return 0, 0, err
	}
	return fs.Bavail * uint64(fs.Bsize), fs.Blocks * uint64(fs.Bsize), nil
}

// checkProcessors looks at how many processors the container may use.
func checkProcessors(context.Context) doctor.Finding {
	usage, err := quota.Read(os.DirFS("/"))
	if err != nil {
		return doctor.Finding{State: doctor.Warn, Found: err.Error()}
	}
	found := fmt.Sprintf("%d, no quota", runtime.NumCPU())
	if usage.Cores > 0 {
		found = fmt.Sprintf("%.1f of %d, by the quota of the cgroup", usage.Cores, runtime.NumCPU())
		if usage.Periods > 0 {
			found += fmt.Sprintf("; used up in %d %% of its periods", 100*usage.Throttled/usage.Periods)
		}
	}
	if usage.Cores > 0 && usage.Cores < leastCores {
		return doctor.Finding{State: doctor.Warn, Found: found, User: "choose a larger size for the notebook", Admin: "raise the limit, or give none: requests are enough"}
	}
	return doctor.Finding{State: doctor.OK, Found: found}
}

// checkCuller asks the lucarne that runs here when the platform last wanted to know
// whether its desktop is used.
func (c *doctorCmd) checkCuller(ctx context.Context) doctor.Finding {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	var status activity.Status
	if err := c.get(ctx, "api/status", &status); err != nil {
		return doctor.Finding{State: doctor.Skip, Found: "no lucarne runs here that could say when it was asked"}
	}
	var found strings.Builder
	fmt.Fprintf(&found, "last used %s ago", time.Since(status.Last.Time).Round(time.Second))
	if status.Asked == nil {
		found.WriteString("; nobody has asked for it (api/kernels)")
		if os.Getenv("NB_PREFIX") != "" && time.Since(status.Started.Time) > 10*time.Minute {
			return doctor.Finding{State: doctor.Warn, Found: found.String(),
				Admin: "if culling is on, let the notebook controller reach PREFIX/api/kernels (AuthorizationPolicy); its log says what it got"}
		}
		return doctor.Finding{State: doctor.OK, Found: found.String()}
	}
	fmt.Fprintf(&found, ", asked for %s ago", time.Since(status.Asked.Time).Round(time.Second))
	return doctor.Finding{State: doctor.OK, Found: found.String()}
}
