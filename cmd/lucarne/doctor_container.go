package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"lucarne/cmd/internal/doctor"
	"lucarne/cmd/internal/quota"
)

const (
	// leastHome is what a desktop's programs want to write at least, in bytes.
	leastHome = 100 << 20
	// leastTemporary is what browsers on the desktop put into /dev/shm at least, in bytes;
	// and leastLeft what is to be left of it.
	leastTemporary = 256 << 20
	leastLeft      = 32 << 20
	// leastCores is below what the desktop's programs and the encoder get into each
	// other's way.
	leastCores = 1.0
)

// checkUser looks at who the desktop's programs run as.
func checkUser(context.Context) doctor.Finding {
	uid, gid := strconv.Itoa(os.Geteuid()), strconv.Itoa(os.Getegid())
	u, err := user.LookupId(uid)
	switch {
	case err != nil:
		return doctor.Tell("user-nameless", uid)
	case uid == "0":
		return doctor.Tell("user-root", u.Username, uid, gid)
	}
	return doctor.Tell("user-ok", u.Username, uid, gid)
}

// checkHome looks whether programs can keep what they write.
func checkHome(context.Context) doctor.Finding {
	home, err := os.UserHomeDir()
	if err != nil {
		return doctor.Tell("home-unset", err.Error())
	}
	if code, err := tryToWrite(home); err != nil {
		return doctor.Tell("home-"+code, home, err.Error())
	}
	free, _, err := space(home)
	switch {
	case err != nil:
		return doctor.Tell("home-unwritable", home, err.Error())
	case free < leastHome:
		return doctor.Tell("home-low", home, megabytes(free))
	}
	return doctor.Tell("home-ok", home, megabytes(free))
}

// checkTemp looks whether programs find room for what they keep for a while.
func checkTemp(context.Context) doctor.Finding {
	dir := os.TempDir()
	if code, err := tryToWrite(dir); err != nil {
		return doctor.Tell("temp-"+code, dir, err.Error())
	}
	return doctor.Tell("temp-ok", dir)
}

// tryToWrite writes a page's worth into a directory, and takes it away again. The code is
// "full" or "unwritable".
func tryToWrite(dir string) (code string, err error) {
	file, err := os.CreateTemp(dir, ".lucarne-doctor-*")
	if err == nil {
		_, err = file.Write(make([]byte, 4096))
		err = errors.Join(err, file.Sync(), file.Close(), os.Remove(file.Name()))
	}
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "full", unpath(err)
	case err != nil:
		return "unwritable", unpath(err)
	}
	return "", nil
}

// unpath takes off the path of an error that is told beside it.
func unpath(err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return path.Err
	}
	return err
}

// checkTemporary looks at the memory that programs share by files.
func checkTemporary(context.Context) doctor.Finding {
	free, size, err := space("/dev/shm")
	switch {
	case err != nil:
		return doctor.Tell("shm-missing", err.Error())
	case size < leastTemporary:
		return doctor.Tell("shm-small", megabytes(size))
	case free < leastLeft:
		return doctor.Tell("shm-full", megabytes(size), megabytes(free))
	}
	return doctor.Tell("shm-ok", megabytes(size))
}

func megabytes(bytes uint64) string { return strconv.FormatUint(bytes>>20, 10) }

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
	cores := strconv.Itoa(runtime.NumCPU())
	switch {
	case err != nil:
		return doctor.Tell("cores-unknown", err.Error())
	case usage.Cores <= 0:
		return doctor.Tell("cores-ok", cores)
	}
	throttled := 100 * usage.Throttled / max(usage.Periods, 1)
	code := "cores-quota"
	if usage.Cores < leastCores {
		code = "cores-few"
	}
	return doctor.Tell(code, fmt.Sprintf("%.1f", usage.Cores), cores, fmt.Sprint(throttled))
}
